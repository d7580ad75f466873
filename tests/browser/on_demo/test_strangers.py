"""Access of another web page, open in the same browser, to Tierscope: none."""

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.helpers.chromium import fresh_context

pytestmark = pytest.mark.browser

STRANGER = "http://stranger.test"


@pytest.fixture
def stranger(browser, dashboard: str) -> Page:  # type: ignore[no-untyped-def]
    """A foreign page that frames Tierscope, takes a file from it, and speaks to its socket."""
    context: BrowserContext = fresh_context(browser)
    socket = dashboard.replace("http:", "ws:") + "/_stcore/stream"

    def answer(route: Route) -> None:
        route.fulfill(
            content_type="text/html",
            body=f"""<iframe src="{dashboard}/tiers"></iframe>
            <script>
              const image = new Image();
              image.onerror = () => (window.image = "refused");
              image.onload = () => (window.image = "there");
              image.src = "{dashboard}/favicon.png";
              const socket = new WebSocket("{socket}", ["streamlit"]);
              socket.onopen = () => (window.socket = "open");
              socket.onerror = () => (window.socket = "refused");
            </script>""",
        )

    context.route(f"{STRANGER}/**", answer)
    page = context.new_page()
    page.goto(f"{STRANGER}/")
    yield page
    context.close()


def test_another_page_neither_frames_nor_reads_nor_drives_it(
    stranger: Page, page: Page, dashboard: str
) -> None:
    stranger.wait_for_function("window.image && window.socket")
    assert stranger.evaluate("[window.image, window.socket]") == ["refused", "refused"]
    (framed,) = stranger.main_frame.child_frames
    assert framed.url.startswith("chrome-error:")
    assert page.request.get(f"{dashboard}/favicon.png").ok
    page.goto(f"{dashboard}/tiers")  # in a tab of its own it is there
    expect(page.get_by_role("heading", name="Where do I cut?")).to_be_visible()
