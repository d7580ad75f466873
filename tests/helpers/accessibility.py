"""Accessibility of a page in Chromium, by axe-core."""

from collections.abc import Iterator

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.helpers import chromium

#: Impacts that keep people from using a page.
SERIOUS = ("serious", "critical")
#: From wide to narrow.
SIZES = (chromium.DESKTOP, {"width": 900, "height": 1200}, {"width": 820, "height": 1180})
_FITS = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  return main.scrollWidth <= main.clientWidth;
}"""


def serious(page: Page) -> list[str]:
    """Return what axe-core finds serious on a page and in its frames: rule, element, reason."""
    for frame in page.frames:
        frame.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [
        f"{rule['id']}: {' '.join(map(str, node['target']))}: {rule['help']}"
        for rule in found["violations"]
        if rule["impact"] in SERIOUS
        for node in rule["nodes"]
    ]


def walked(page: Page, address: str, name: str) -> Iterator[list[str]]:
    """Yield what is serious on a page of the dashboard: on a desk, and on a tablet with all unfolded.

    Nothing of it may run off the screen: as it is opened on a small tablet, and as that is turned.
    """
    desk, tablet, small = SIZES
    page.set_viewport_size(small)
    chromium.opened(page, address, name)
    page.wait_for_function(_FITS)
    page.set_viewport_size(desk)
    page.wait_for_function(_FITS)
    chromium.still(page)
    yield serious(page)
    page.set_viewport_size(small)
    page.wait_for_function(_FITS)
    page.set_viewport_size(tablet)
    page.evaluate(
        "document.querySelectorAll('details:not([open]) > summary').forEach((one) => one.click())"
    )
    chromium.still(page)
    yield serious(page)
