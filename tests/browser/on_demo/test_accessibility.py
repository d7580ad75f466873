"""Everybody can use the pages: axe-core finds nothing serious, and what is drawn has a name."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

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
