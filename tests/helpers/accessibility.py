"""Accessibility of a page in Chromium, by axe-core."""

from collections.abc import Iterator

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.helpers import chromium

#: Impacts that keep people from using a page.
SERIOUS = ("serious", "critical")
TABLET = {"width": 900, "height": 1200}
#: Plots and images come after streamlit is done.
_DRAWN_MS = 2500


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
    """Yield what is serious on a page of the dashboard: on a desk, and on a tablet with all unfolded."""
    page.set_viewport_size(chromium.DESKTOP)
    chromium.opened(page, address, name)
    page.wait_for_timeout(_DRAWN_MS)
    yield serious(page)
    page.set_viewport_size(TABLET)
    page.evaluate(
        "document.querySelectorAll('details:not([open]) > summary').forEach((one) => one.click())"
    )
    chromium.settled(page)
    page.wait_for_timeout(_DRAWN_MS)
    yield serious(page)
