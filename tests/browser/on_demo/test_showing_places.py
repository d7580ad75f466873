"""From a reason of the score to its place in Chromium: the cross hair goes there when asked, and only so."""

import re

import pytest
from playwright.sync_api import Page, expect

from curation.storage import tables
from curation.storage.workspace import Workspace
from pages.ui.review import scan_judgement
from tests.helpers import chromium

pytestmark = pytest.mark.browser

#: Finding it takes a second or two, on a loaded machine many.
FOUND_MS = 120_000


def _troubled(workspace: Workspace) -> str:
    """Return the worst scan of whose trouble something has a place."""
    scored = tables.read_scored_scans(workspace).sort_values("distortion_score", ascending=False)
    for _, scan in scored[scored["status"] == "ok"].iterrows():
        if scan_judgement.places(scan, scan_judgement.judgement_of(workspace, scan))[0]:
            return str(scan["scan_id"])
    raise AssertionError("no scan of the demo has a place to show")


def test_the_cross_hair_goes_where_the_trouble_is_as_often_as_it_is_asked_for(
    page: Page, dashboard: str, demo_workspace: Workspace
) -> None:
    page.goto(f"{dashboard}/review?scan={_troubled(demo_workspace)}")
    chromium.drawn(page)
    chromium.listening(page)
    chromium.settled(page)
    readout = page.frame_locator("iframe[title*=niivue]").locator("#readout")
    middle = readout.inner_text()

    page.keyboard.press("w")
    said = page.get_by_text("Cross hair moved to")
    expect(said).to_be_visible(timeout=FOUND_MS)
    what, where = re.match(r"Cross hair moved to the (.+): (.+ mm)\.", said.inner_text()).groups()
    there = re.compile(re.escape(f"The {what}: {where} · voxel"))
    expect(readout).to_have_text(there)
    assert where not in middle

    # moved by hand it stays moved, whatever else is changed on the page
    canvas = page.frame_locator("iframe[title*=niivue]").locator("canvas").first
    box = canvas.bounding_box()
    assert box
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.4 * box["height"])
    expect(readout).not_to_have_text(there)
    by_hand = readout.inner_text()
    assert what not in by_hand
    page.keyboard.press("k")
    expect(page.get_by_role("button", name="Show tissue")).to_be_visible()
    chromium.settled(page)
    page.wait_for_timeout(1000)
    assert readout.inner_text() == by_hand

    # asked for again it goes there again, from a view without planes too, and is seen though it was hidden
    page.keyboard.press("x")
    page.get_by_role("radio", name="Lightbox").click()
    chromium.settled(page)
    page.get_by_role("button", name="Show where").first.click()
    expect(readout).to_have_text(there)
    expect(page.get_by_role("radio", name="Three planes")).to_be_checked()
    frame = next(frame for frame in page.frames if "niivue" in frame.url)
    assert frame.evaluate("tierscopeCross && !tierscopeIsLightbox()")


def test_it_goes_there_once_a_press_also_after_a_trial_and_when_review_is_opened_again(
    page: Page, dashboard: str, demo_workspace: Workspace
) -> None:
    page.goto(f"{dashboard}/review?scan={_troubled(demo_workspace)}")
    shown = chromium.drawn(page)
    chromium.listening(page)
    chromium.settled(page)
    page.keyboard.press("w")
    expect(page.get_by_text("Cross hair moved to")).to_be_visible(timeout=FOUND_MS)
    readout = page.frame_locator("iframe[title*=niivue]").locator("#readout")
    at_place = re.compile("The .+ mm · voxel")
    expect(readout).to_have_text(at_place)
    page.get_by_role("button", name="Simulate an artefact").click()
    altered = chromium.drawn(page, shown)
    page.get_by_role("button", name="Back to the scan").click()
    chromium.drawn(page, altered)
    expect(page.get_by_text("Cross hair moved to")).to_be_visible()
    chromium.settled(page)
    expect(readout).not_to_have_text(at_place)
    page.get_by_role("button", name="Show where").first.click()
    expect(readout).to_have_text(at_place)
    page.get_by_role("link", name="Cohort", exact=True).click()
    expect(page.get_by_text("Cross hair moved to")).not_to_be_visible()
    page.get_by_role("link", name="Review", exact=True).click()
    chromium.drawn(page)
    expect(page.get_by_text("Cross hair moved to")).to_be_visible()
    chromium.settled(page)
    expect(readout).to_have_text(re.compile("voxel"))
    expect(readout).not_to_have_text(at_place)


def test_where_planes_are_zoomed_the_place_comes_into_sight(
    page: Page, dashboard: str, demo_workspace: Workspace
) -> None:
    page.goto(f"{dashboard}/review?scan={_troubled(demo_workspace)}")
    chromium.drawn(page)
    chromium.listening(page)
    chromium.settled(page)
    for _ in range(6):
        page.keyboard.press("+")
    page.keyboard.press("w")
    expect(page.get_by_text("Cross hair moved to")).to_be_visible(timeout=FOUND_MS)
    chromium.settled(page)
    page.wait_for_timeout(500)
    frame = next(frame for frame in page.frames if "niivue" in frame.url)
    off = frame.evaluate(
        """() => {
          const view = tierscopeView, [x, y, z, zoom] = view.scene.pan2Dxyzmm;
          const at = view.frac2mm(view.scene.crosshairPos), middle = view.frac2mm([0.5, 0.5, 0.5]);
          return [zoom, ...[x, y, z].map((pan, axis) => zoom * at[axis] + pan - middle[axis])];
        }"""
    )
    assert off[0] > 2
    assert off[1:] == pytest.approx([0, 0, 0], abs=0.1)
