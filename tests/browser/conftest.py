"""A Chromium that looks at dashboards."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.helpers import chromium

#: What Chromium says where a page's Content-Security-Policy refuses something.
_REFUSED = "Content Security Policy"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium with software WebGL."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    expect.set_options(timeout=30_000)  # a loaded machine is slow, not wrong
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=chromium.CHROMIUM_ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh tab of desktop size, in which nothing that a page does is against its own policy."""
    context = chromium.fresh_context(browser)
    page, against = context.new_page(), []
    page.on("console", lambda told: against.append(told.text) if _REFUSED in told.text else None)
    yield page
    context.close()
    assert against == []
