"""Everybody can use the pages, by finger, too: axe-core finds nothing serious, what is drawn has a name."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from curation.sessions import session_log
from curation.sessions.session_plan import SessionPlan
from curation.storage.workspace import Workspace
from pages.ui.shell.frame import PAGES
from tests.helpers import accessibility, chromium
from tests.helpers.dashboard import Dashboard

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", list(PAGES))
def test_a_page_fits_every_screen_and_axe_finds_nothing_serious_on_it_nor_in_what_it_unfolds(
    page: Page, dashboard: str, name: str
) -> None:
    for found in accessibility.walked(page, dashboard, name):
        assert found == []
    expect(page.locator("[data-testid=stException]")).to_have_count(0)


def test_axe_finds_nothing_serious_in_a_rating_session(
    page: Page, dashboard: str, demo_workspace: Workspace
) -> None:
    plan = SessionPlan("heard", "Ada", "three-level", size=3, repeats_share=0.0)
    session = session_log.start(demo_workspace, plan)
    page.goto(f"{dashboard}/rate?session={session.id}")
    chromium.drawn(page)
    chromium.settled(page)
    assert accessibility.serious(page) == []
    levels = page.locator('[class*="st-key-level-"] button')
    expect(levels.first).to_have_attribute("aria-pressed", "false")
    levels.first.click()
    expect(levels.first).to_have_attribute("aria-pressed", "true")


@pytest.fixture(scope="module")
def empty_dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("empty")
    with Dashboard(Workspace.create(folder / "workspace"), folder / "log.txt") as address:
        yield address


@pytest.mark.parametrize("name", list(PAGES))
def test_axe_finds_nothing_serious_on_a_page_without_scans(
    page: Page, empty_dashboard: str, name: str
) -> None:
    chromium.opened(page, empty_dashboard, name)
    assert accessibility.serious(page) == []


def test_frames_and_canvases_have_names_that_say_what_they_show(page: Page, dashboard: str) -> None:
    chromium.opened(page, dashboard, "review")
    chromium.drawn(page)
    for frame in page.frames[1:]:
        assert frame.frame_element().get_attribute("title")
        for canvas in frame.locator("canvas").all():
            assert canvas.get_attribute("aria-label"), frame.url


# ---- by finger -------------------------------------------------------------------------------------

TABLET = {"width": 900, "height": 1200}
#: What a finger goes by: pages, and the choice of one of several.
_LEADS = '[data-testid="stTopNavLink"], [data-testid="stButtonGroup"] button, [role="tab"]'
#: Their least height in pixels.
_FINGER_PX = 40


@pytest.fixture
def tablet(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=TABLET, has_touch=True)
    context.set_default_timeout(30_000)
    context.add_init_script(chromium.NOTICE_LISTENING)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", ["review", "rate", "tiers"])
def test_what_leads_on_is_as_high_as_a_finger_wants_it(
    tablet: Page, dashboard: str, name: str
) -> None:
    chromium.opened(tablet, dashboard, name)
    tablet.get_by_test_id("stButtonGroup").first.wait_for()
    shown = [one.bounding_box() for one in tablet.locator(_LEADS).all() if one.is_visible()]
    assert len(shown) > len(PAGES)
    assert min(box["height"] for box in shown if box) >= _FINGER_PX
    assert tablet.evaluate("document.documentElement.scrollWidth") <= TABLET["width"]


def test_what_is_told_of_a_button_goes_with_the_tap(tablet: Page, dashboard: str) -> None:
    chromium.opened(tablet, dashboard, "rate")
    tips = tablet.get_by_test_id("stTooltipContent")
    asked = tablet.get_by_test_id("stTooltipIcon").first.get_by_role("button")
    asked.tap()
    expect(tips).to_have_count(1)  # a question is answered until the next tap
    asked.tap()
    expect(tips).to_have_count(0)
    asked.tap()
    expect(tips).to_have_count(1)
    tablet.get_by_label("Name of the session").tap()
    expect(tips).to_have_count(0)
    chromium.opened(tablet, dashboard, "review")
    chromium.drawn(tablet)
    chromium.settled(tablet)
    told = tablet.locator("[data-testid=stTooltipHoverTarget]:has(button:enabled):visible").filter(
        has_not=tablet.get_by_test_id("stTooltipIcon")
    )
    told.first.get_by_role("button").tap()
    tablet.wait_for_timeout(1000)
    expect(tips).to_have_count(0)


def test_gestures_are_told_to_fingers_until_they_are_known_and_never_to_a_mouse(
    tablet: Page, page: Page, dashboard: str
) -> None:
    for opened, told in ((page, False), (tablet, True)):
        chromium.opened(opened, dashboard, "review")
        chromium.drawn(opened)
        line = opened.frame_locator("iframe[title*=niivue]").get_by_text(
            "One finger moves the cross"
        )
        expect(line).to_be_visible(visible=told)
    canvas = tablet.frame_locator("iframe[title*=niivue]").locator("canvas").first
    before = canvas.bounding_box()
    tablet.frame_locator("iframe[title*=niivue]").get_by_role("button", name="Hide this line").tap()
    expect(line).to_be_hidden()
    chromium.resting(tablet)
    after = canvas.bounding_box()
    assert before and after and after["height"] >= before["height"] + _FINGER_PX
    tablet.reload()
    chromium.drawn(tablet)
    expect(line).to_be_hidden()


@pytest.mark.parametrize("gap_ms", [0, 20])
def test_the_shortest_tap_on_a_level_counts(tablet: Page, dashboard: str, gap_ms: int) -> None:
    chromium.opened(tablet, dashboard, "review")
    chromium.drawn(tablet)
    chromium.settled(tablet)
    client = tablet.context.new_cdp_session(tablet)
    levels = tablet.locator('[class*="st-key-level-"] button')
    for place in range(levels.count()):
        box = levels.nth(place).bounding_box()
        assert box
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})
        time.sleep(gap_ms / 1000)
        client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        expect(levels.nth(place)).to_have_attribute("aria-pressed", "true")
