"""A Chromium that looks at dashboards."""

import contextlib
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.helpers import chromium, dashboard

#: What Chromium says where a page's Content-Security-Policy refuses something.
_REFUSED = "Content Security Policy"


@pytest.fixture(scope="package", autouse=True)
def _nursery() -> Iterator[None]:
    """Have the dashboards of these tests forked from one process that has read all libraries."""
    with dashboard.Nursery(dashboard.nursery_environment()) as dashboard.nursery:
        yield
    dashboard.nursery = None


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


class _Tab:
    """A tab that tests take in turn: what Chromium has compiled stays, and pages open in half the time."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._page: Page | None = None

    def opened(self) -> Page:
        """Return the tab, made where there is none or the last test closed it."""
        if self._page is None or self._page.is_closed():
            self._page = chromium.fresh_context(self._browser).new_page()
        return self._page

    def forget(self) -> None:
        """Leave the page and take away what it keeps: cookies and both storages."""
        if self._page is None or self._page.is_closed():
            return
        if self._page.url.startswith("http"):
            self._page.evaluate("localStorage.clear(); sessionStorage.clear()")
        self._page.goto("about:blank")
        self._page.context.clear_cookies()
        self._page.set_viewport_size(chromium.DESKTOP)


@pytest.fixture(scope="session")
def _tab(browser: Browser) -> _Tab:
    return _Tab(browser)


@contextlib.contextmanager
def _within_its_policy(page: Page) -> Iterator[Page]:
    """Hold that nothing a page does is against its own policy."""
    against: list[str] = []

    def heard(told: ConsoleMessage) -> None:
        if _REFUSED in told.text:
            against.append(told.text)

    page.on("console", heard)
    yield page
    page.remove_listener("console", heard)
    assert against == []


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A tab of desktop size without memories, in which nothing that a page does is against its own policy.

    A test that listens to all that is fetched, and so wants it fetched, asks for a window of its own by the
    mark ``own_window``.
    """
    if request.node.get_closest_marker("own_window"):
        context = chromium.fresh_context(browser)
        with _within_its_policy(context.new_page()) as page:
            yield page
        context.close()
    else:
        tab: _Tab = request.getfixturevalue("_tab")
        try:
            with _within_its_policy(tab.opened()) as page:
                yield page
        finally:
            tab.forget()
