"""Layout of pages in Chromium: keys work, the image is in sight, left is where it is said to be."""

import io
import re
from collections.abc import Iterator

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from curation.sessions import session_log
from curation.sessions.session_plan import SessionPlan
from curation.sources import ingest
from curation.storage.workspace import Workspace
from tests.benchmarks import hands
from tests.helpers import chromium
from tests.helpers.dashboard import Dashboard

pytestmark = pytest.mark.browser


def test_keys_step_through_the_scans(page: Page, dashboard: str) -> None:
    chromium.opened(page, dashboard, "review")
    chromium.listening(page)
    page.wait_for_function(
        "window.tierscopeSteps"
    )  # the page's own script counts presses from here on
    for key, there in (("n", "2"), ("n", "3"), ("p", "2")):
        page.keyboard.press(key)
        position = page.get_by_text(re.compile(rf"^{there} of \d+$"))
        expect(position).to_be_visible(timeout=30_000)
        chromium.settled(page)


@pytest.mark.parametrize("size", list(hands.SIZES))
def test_the_image_is_the_largest_thing_and_whole_in_sight_with_the_rating(
    page: Page, dashboard: str, demo_workspace: Workspace, size: str
) -> None:
    width, height = hands.SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    plan = SessionPlan(f"sight {size}", "Ada", "three-level", size=3, repeats_share=0.0)
    session = session_log.start(demo_workspace, plan)
    for name in ("review", f"rate?session={session.id}"):
        page.goto(f"{dashboard}/{name}")
        chromium.drawn(page)
        chromium.settled(page)
        page.locator('[class*="st-key-save"] button').first.wait_for()
        chromium.resting(page)
        seen = page.evaluate(hands.IN_SIGHT)
        assert seen["image"] >= {"1400": 0.45, "900": 0.40}[size], name
        assert seen["planes"] >= {"1400": 0.38, "900": 0.33}[size], name
        assert seen["rating"], name


# ---- left and right --------------------------------------------------------------------------------

#: Where the bar at the patient's right, front and top must be seen: (right of middle?, above middle?)
SEEN = {"Axial": (False, True), "Coronal": (False, True), "Sagittal": (False, True)}
#: Whether NiiVue shows the plane of this number, which is that of the order above.
_SHOWS = """(plane) => document.querySelector('iframe[title*=niivue]').contentWindow.tierscopeView
  .opts.sliceType === plane"""


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One block with a bright bar for each view, stored in three orientations."""
    folder = tmp_path_factory.mktemp("marked")
    data = np.full((48, 48, 48), 60.0, np.float32)
    high = slice(30, 44)  # RAS: indices grow to the right, to the front and up
    data[high, high, :] = data[high, :, high] = data[:, high, high] = 1000.0
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -96
    for number, code in enumerate(("RAS", "LAS", "PSR")):
        data[0, 0, 0] += number  # the same image in three orientations would be used once
        ras = nib.Nifti1Image(data.copy(), affine)
        turn = nib.orientations.ornt_transform(
            nib.io_orientation(ras.affine), nib.orientations.axcodes2ornt(code)
        )
        nib.save(ras.as_reoriented(turn), folder / f"sub-{code}_T1w.nii.gz")
    workspace = Workspace.create(folder.parent / f"{folder.name}-workspace")
    ingest.ingest(workspace, folder, name="marked", simulated=True)
    return workspace


@pytest.fixture(scope="module")
def marked_dashboard(marked: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Dashboard(marked, tmp_path_factory.mktemp("marked-log") / "log.txt") as address:
        yield address


def test_what_stands_below_the_image_is_not_under_it_when_the_page_is_scrolled(
    page: Page, dashboard: str
) -> None:
    page.goto(f"{dashboard}/review")
    chromium.drawn(page)
    chromium.settled(page)
    gap = """() => {
      const viewer = document.querySelector(".st-key-viewer"), below = document.createElement("div");
      below.textContent = "A note on the image";
      viewer.closest(".st-key-seen").append(below);
      document.querySelector(".stMain").scrollTop = 400;
      return below.getBoundingClientRect().top - viewer.getBoundingClientRect().bottom;
    }"""
    assert page.evaluate(gap) >= 0


def test_right_is_left_and_the_nose_points_left_however_a_scan_is_stored(
    page: Page, marked_dashboard: str
) -> None:
    chromium.opened(page, marked_dashboard, "review")
    chromium.listening(page)
    shown = chromium.drawn(page)
    for code in ("LAS", "PSR", "RAS"):
        expect(page.locator("iframe[title*=niivue]")).to_have_attribute("title", re.compile(code))
        expect(page.get_by_text("Sagittal: the nose points left.")).to_be_visible()
        for view, expected in SEEN.items():
            page.get_by_role("radio", name=view).or_(
                page.get_by_role("button", name=view)
            ).first.click()
            chromium.settled(page)
            page.wait_for_function(_SHOWS, arg=list(SEEN).index(view))
            assert _bar_seen(page, expected), (code, view)
        if code != "RAS":
            page.keyboard.press("n")
            shown = chromium.drawn(page, shown)
            chromium.settled(page)


def _bar_seen(page: Page, expected: tuple[bool, bool]) -> bool:
    """Tell whether the white bar comes to stand in the expected quarter of the canvas."""
    for _ in range(40):
        chromium.resting(page)
        canvas = page.frame_locator("iframe[title*=niivue]").locator("canvas").first
        grey = np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("L"))
        rows, columns = np.nonzero(grey > 240)
        if len(rows) < 0.02 * grey.size:
            continue
        right = bool(columns.mean() > grey.shape[1] / 2)
        above = bool(rows.mean() < grey.shape[0] / 2)
        if (right, above) == expected:
            return True
    return False
