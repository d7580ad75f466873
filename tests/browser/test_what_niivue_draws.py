"""The quick way to an image in Chromium: the picture is NiiVue's own, and the next one is fetched ahead."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, FloatRect, Frame, Page, expect

from curation.sessions import session_log
from curation.sessions.session_plan import SessionPlan
from curation.sources import ingest
from curation.storage.workspace import Workspace
from pages.ui.viewer import user_window
from tests.helpers import chromium
from tests.helpers.dashboard import Dashboard

pytestmark = pytest.mark.browser

KINDS = ("LAS", "PSR", "RAS", "float", "oblique")
#: Where every pixel is drawn by software and its number does not matter.
SMALL = {"width": 900, "height": 700}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scan of each orientation and kind, all of different images."""
    made = tmp_path_factory.mktemp("kinds")
    for seed, kind in enumerate(KINDS):
        _write(made / f"sub-{seed}{kind}_T1w.nii.gz", kind, seed)
    return made


@pytest.fixture(scope="module")
def address(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard on these scans."""
    workspace = Workspace.create(folder.parent / f"{folder.name}-workspace")
    ingest.ingest(workspace, folder, name="kinds", simulated=True)
    log = tmp_path_factory.mktemp("kinds-log") / "log.txt"
    with Dashboard(workspace, log) as served:
        yield served


def _write(path: Path, kind: str, seed: int) -> None:
    data = np.random.default_rng(seed).integers(0, 900, (24, 30, 27)).astype(np.int16)
    image = nib.Nifti1Image(data, np.diag([4.0, 3.0, 3.5, 1.0]))
    if kind == "float":
        image = nib.Nifti1Image(data.astype(np.float32) / 7, image.affine)
    elif kind == "oblique":  # the head tilted by 15 degrees, far from the middle of the scanner
        affine = nib.affines.from_matvec(
            nib.eulerangles.euler2mat(x=np.radians(15)) @ image.affine[:3, :3], (150, -220, 310)
        )
        image = nib.Nifti1Image(data, affine)
    else:
        turn = nib.orientations.ornt_transform(
            nib.io_orientation(image.affine), nib.orientations.axcodes2ornt(kind)
        )
        image = image.as_reoriented(turn)
    nib.save(image, path)


@pytest.fixture
def small_page(page: Page) -> Page:
    """A window in which less is drawn."""
    page.set_viewport_size(SMALL)
    return page


def _frame(page: Page) -> Frame:
    return next(frame for frame in page.frames if "niivue" in frame.url)


def _greys(page: Page) -> np.ndarray:
    chromium.resting(page)
    canvas = page.frame_locator("iframe[title*=niivue]").locator("canvas").first
    return np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("L")).astype(int)


@pytest.mark.usefixtures("small_page")
def test_grey_planes_are_as_niivue_itself_draws_them(page: Page, address: str) -> None:
    page.goto(f"{address}/review")
    chromium.listening(page)
    shown = None
    for _ in KINDS:
        shown = chromium.drawn(page, shown)
        chromium.settled(page)
        quick = _greys(page)
        assert _frame(page).evaluate("Boolean(tierscopeView.volumeTexture.tierscopeFlat)")
        _frame(page).evaluate(
            "() => { window.own = window.tierscopeFlat; window.tierscopeFlat = () => null;"
            "tierscopeView.updateGLVolume(); window.tierscopeFlat = window.own; }"
        )
        assert not _frame(page).evaluate("Boolean(tierscopeView.volumeTexture.tierscopeFlat)")
        assert quick.max() > 200
        assert np.abs(_greys(page) - quick).max() <= 2
        page.keyboard.press("n")


@pytest.mark.usefixtures("small_page")
def test_3d_has_the_transparency_that_planes_do_not_need(page: Page, address: str) -> None:
    page.goto(f"{address}/review")
    shown = chromium.drawn(page)
    chromium.listening(page)
    for view, flat in (("3D", False), ("Three planes", True)):
        page.get_by_role("radio", name=view).click()
        chromium.settled(page)
        page.wait_for_function(
            "(type) => document.querySelector('iframe[title*=niivue]').contentWindow.tierscopeView"
            ".opts.sliceType === type",
            arg=4 if view == "3D" else 3,
        )
        page.keyboard.press("n")
        shown = chromium.drawn(page, shown)
        assert _frame(page).evaluate("Boolean(tierscopeView.volumeTexture.tierscopeFlat)") is flat


@pytest.mark.usefixtures("small_page")
def test_the_read_out_names_the_voxel_of_the_file_however_it_is_stored(
    page: Page, address: str, folder: Path
) -> None:
    page.goto(f"{address}/review")
    chromium.listening(page)
    shown = None
    for _ in KINDS:
        shown = chromium.drawn(page, shown)
        chromium.settled(page)
        box = page.frame_locator("iframe[title*=niivue]").locator("canvas").first.bounding_box()
        assert box
        page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.15 * box["height"])
        said = page.frame_locator("iframe[title*=niivue]").locator("#readout")
        expect(said).to_have_text(re.compile(r"^.+ mm · voxel \d+, \d+, \d+ · value \S+$"))
        numbers = said.inner_text().replace("−", "-")
        mm, voxel = (
            [int(n) for n in re.findall(r"-?\d+", part)] for part in numbers.split("·")[:2]
        )
        frame = page.locator("iframe[title*=niivue]").get_attribute("title") or ""
        (path,) = [path for path in folder.iterdir() if path.name.split("_")[0] in frame]
        image = nib.load(path)
        value = image.get_fdata()[tuple(voxel)]
        assert float(numbers.rsplit(" ", 1)[1]) == pytest.approx(value, abs=max(0.01 * value, 0.1))
        assert image.affine[:3] @ [*voxel, 1] == pytest.approx(mm, abs=2.6)  # half a voxel
        page.keyboard.press("n")


@pytest.mark.usefixtures("small_page")
def test_on_an_oblique_scan_a_place_and_a_mark_are_in_mm_of_its_own_space(
    page: Page, address: str, folder: Path
) -> None:
    affine = nib.load(next(folder.glob("*oblique*"))).affine
    page.goto(f"{address}/review")
    chromium.listening(page)
    shown = chromium.drawn(page)
    frame = page.locator("iframe[title*=niivue]")
    while "oblique" not in (frame.get_attribute("title") or ""):
        chromium.settled(page)
        page.keyboard.press("n")
        shown = chromium.drawn(page, shown)
    chromium.settled(page)
    page.evaluate(
        "addEventListener('message', ({ data }) => { window.marked = data.value?.mark ?? window.marked; })"
    )
    said = page.frame_locator("iframe[title*=niivue]").locator("#readout")
    for zoomed, voxel in ((False, (4, 25, 6)), (True, (19, 8, 21))):
        place = (affine @ [*voxel, 1])[:3]
        if zoomed:
            page.keyboard.press("+")
        _frame(page).evaluate("(place) => tierscopeGoTo(tierscopeView, place)", place.tolist())
        mm = ", ".join(f"{each:.0f}".replace("-", "−") for each in place)
        expect(said).to_contain_text(f"{mm} mm · voxel {', '.join(map(str, voxel))}")
        assert (
            _frame(page).evaluate(_OFF_THE_MIDDLE) == pytest.approx([0, 0, 0], abs=0.1)
            or not zoomed
        )
        page.evaluate("window.marked = null")
        page.keyboard.press("q")
        marked = page.wait_for_function("window.marked").json_value()
        assert marked == pytest.approx(place, abs=0.01)
        chromium.settled(page)


#: How far from the middle of zoomed planes the cross hair is, along each axis.
_OFF_THE_MIDDLE = """() => {
  const view = tierscopeView, pan = view.scene.pan2Dxyzmm, middle = view.frac2mm([0.5, 0.5, 0.5]);
  const at = view.frac2mm(view.scene.crosshairPos);
  return [0, 1, 2].map((axis) => pan[3] * at[axis] + pan[axis] - middle[axis]);
}"""


_LETTERS = """() => {
  const view = tierscopeView, draw = view.drawText, said = [];
  view.drawText = function (at, letter, scale, colour) {
    if (colour[0] === 1) said.push([letter, at[0], at[1], scale * this.fontPx]);
    return draw.call(this, at, letter, scale, colour);
  };
  view.drawScene();
  delete view.drawText;
  const own = view.uiData.dpr || 1;
  return said.map(([letter, x, y, size]) => [letter, x / own, y / own, size / own]);
}"""


def _blue(page: Page) -> np.ndarray:
    """Tell which pixels of the image have the colour of the cross hair."""
    canvas = page.frame_locator("iframe[title*=niivue]").locator("canvas").first
    colours = np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")).astype(int)
    return colours[..., 2] - colours[..., 0] > 60


def test_letters_are_large_and_clear_of_the_cross_hair(page: Page, address: str) -> None:
    page.goto(f"{address}/review")
    chromium.drawn(page)
    chromium.settled(page)
    chromium.resting(page)
    letters, blue = _frame(page).evaluate(_LETTERS), _blue(page)
    planes = [letters[i : i + 4] for i in range(0, 12, 4)]
    assert sorted("".join(letter for letter, *_ in plane) for plane in planes) == [
        "APRL",
        "SIAP",
        "SIRL",
    ]
    for upper, lower, left, right in planes:
        assert upper[2] < left[2] < lower[2] and left[1] < upper[1] < right[1]
        for _, x, y, size in (upper, lower, left, right):
            assert size == pytest.approx(16)
            assert not blue[int(y) : int(y + size), int(x) : int(x + 0.7 * size)].any()


@pytest.mark.usefixtures("small_page")
def test_a_key_puts_the_cross_hair_away_and_that_is_remembered(page: Page, address: str) -> None:
    page.goto(f"{address}/review")
    chromium.drawn(page)
    chromium.settled(page)
    chromium.listening(page)
    chromium.resting(page)
    there = _blue(page).sum()
    assert there > 500
    page.keyboard.press("x")
    page.wait_for_timeout(300)
    assert not _blue(page).any()
    page.reload()
    chromium.drawn(page)
    chromium.settled(page)
    chromium.resting(page)
    assert not _blue(page).any()
    page.frame_locator("iframe[title*=niivue]").locator("canvas").first.click()
    page.keyboard.press("x")  # from inside the frame, and heard once
    page.wait_for_timeout(300)
    assert _blue(page).sum() > 0.5 * there


@pytest.mark.usefixtures("small_page")
def test_the_air_is_one_key_away_and_stays_so_when_the_page_is_loaded_anew(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/review")
    chromium.drawn(page)
    chromium.settled(page)
    chromium.listening(page)
    tissue = _window(page)
    page.keyboard.press("k")
    expect(page.get_by_text("Background window")).to_be_visible()
    page.wait_for_function(_WHITE_BELOW, arg=tissue[1] / 2)
    page.reload()
    chromium.drawn(page)
    expect(page.get_by_text("Background window")).to_be_visible()
    assert _window(page)[1] < tissue[1] / 2
    page.get_by_role("radio", name="3D").click()
    expect(page.get_by_text("3D window")).to_be_visible()
    page.wait_for_function(f"(white) => !({_WHITE_BELOW})(white)", arg=tissue[1] / 2)


_WHITE_BELOW = (
    "(white) => document.querySelector('iframe[title*=niivue]').contentWindow.tierscopeView"
    ".volumes[0].cal_max < white"
)


def _window(page: Page) -> list[float]:
    return _frame(page).evaluate(
        "(({ cal_min, cal_max }) => [cal_min, cal_max])(tierscopeView.volumes[0])"
    )


@pytest.mark.usefixtures("small_page")
def test_a_window_is_drawn_with_the_right_button_and_taken_back(page: Page, address: str) -> None:
    page.goto(f"{address}/review")
    chromium.drawn(page)
    chromium.settled(page)
    chromium.resting(page)
    before, seen = _window(page), _greys(page)
    box = page.frame_locator("iframe[title*=niivue]").locator("canvas").first.bounding_box()
    assert box
    x, y = box["x"] + 0.28 * box["width"], box["y"] + 0.2 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x + 20, y + 10)
    page.mouse.move(x + 40, y + 20)
    page.mouse.up(button="right")
    assert _window(page) != before
    assert np.abs(_greys(page) - seen).max() > 10
    expect(page.get_by_text("Custom window")).to_be_visible()
    page.mouse.dblclick(x, y)
    page.wait_for_timeout(500)
    assert _window(page) == before
    expect(page.get_by_text("Tissue window")).to_be_visible()
    page.get_by_test_id("stPopover").filter(has_text="Window").get_by_role("button").click()
    _fields_say(page, before)
    page.get_by_label("Level", exact=True).click()
    page.keyboard.press("Control+a")
    page.keyboard.type("300")
    assert _window(page) == before  # nothing is drawn on each key
    page.keyboard.press("Tab")
    width = before[1] - before[0]
    wanted = [300 - width / 2, 300 + width / 2]
    page.wait_for_function(
        "(black) => Math.abs(document.querySelector('iframe[title*=niivue]').contentWindow"
        ".tierscopeView.volumes[0].cal_min - black) < 0.1",
        arg=wanted[0],
    )
    assert _window(page) == pytest.approx(wanted, abs=0.1)
    assert page.get_by_label("Width", exact=True).evaluate("e => e === document.activeElement")


def _fields_say(page: Page, window: list[float]) -> None:
    """Wait until the fields show the level and the width of what the image shows."""
    for label, value in (("Level", sum(window) / 2), ("Width", window[1] - window[0])):
        said = user_window.shown_as(window[1] - window[0]) % float(f"{value:.6g}")
        expect(page.get_by_label(label, exact=True)).to_have_value(said)


# ---- layout, keys and fingers ----------------------------------------------------------------------

_PLANES = """() => tierscopeView.screenSlices.map(({ axCorSag, leftTopWidthHeight: [x, y, wide, high] }) =>
  [axCorSag, x, y, wide, high])"""
_AXIAL, _CORONAL, _SAGITTAL = 0, 1, 2


def _ready(page: Page, address: str) -> Frame:
    page.goto(f"{address}/review")
    chromium.drawn(page)
    chromium.settled(page)
    chromium.listening(page)
    chromium.resting(page)
    return _frame(page)


def _on_a_tablet(browser: Browser, address: str) -> tuple[Page, Frame, FloatRect]:
    """Open Review where fingers point; return the page, the image's frame and the place of its canvas."""
    context = browser.new_context(viewport={"width": 900, "height": 1200}, has_touch=True)
    context.add_init_script(chromium.NOTICE_LISTENING)
    page = context.new_page()
    frame = _ready(page, address)
    box = page.frame_locator("iframe[title*=niivue]").locator("canvas").first.bounding_box()
    assert box
    return page, frame, box


def _crossing(frame: Frame) -> list[int]:
    return frame.evaluate("[...tierscopeView.frac2vox(tierscopeView.scene.crosshairPos)]")


def test_one_plane_is_large_the_others_stand_clear_of_it_and_arrows_exchange_them(
    page: Page, address: str
) -> None:
    frame = _ready(page, address)
    for large in (_AXIAL, _CORONAL, _SAGITTAL):
        planes = frame.evaluate(_PLANES)
        assert sorted(plane for plane, *_ in planes) == [_AXIAL, _CORONAL, _SAGITTAL]
        areas = {plane: wide * high for plane, _, _, wide, high in planes}
        assert max(areas, key=lambda one: areas[one]) == large
        for one, (_, x, y, wide, high) in enumerate(planes):
            for _, left, top, w, h in planes[one + 1 :]:
                assert x + wide <= left or left + w <= x or y + high <= top or top + h <= y
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(300)


def test_the_cross_hair_is_as_thin_in_the_large_plane_as_in_the_small_ones(
    page: Page, address: str
) -> None:
    planes, blue = _ready(page, address).evaluate(_PLANES), _blue(page)
    widths = [
        blue[int(y) + 4 : int(y) + 24, int(x) : int(x + wide)].sum(axis=1).max()
        for _, x, y, wide, _ in planes
    ]
    assert len(widths) == 3 and max(widths) <= 3
    assert max(widths) - min(widths) <= 1 and min(widths) >= 1


@pytest.mark.usefixtures("small_page")
def test_planes_fill_the_frame_after_an_image_of_other_proportions(
    page: Page, address: str
) -> None:
    frame = _ready(page, address)
    narrowed = """() => {
      const view = tierscopeView, { canvas } = view;
      canvas.width = canvas.offsetWidth / 2;     // as NiiVue's page does where the next image is narrower
      view.drawScene();
      return [canvas.width, canvas.offsetWidth, canvas.height, canvas.offsetHeight];
    }"""
    width, shown, height, high = frame.evaluate(narrowed)
    assert (width, height) == (shown, high)


@pytest.mark.usefixtures("small_page")
def test_slices_and_zoom_go_by_keys_from_page_and_image_and_not_while_one_types(
    page: Page, address: str
) -> None:
    frame = _ready(page, address)
    x, y, z = _crossing(frame)
    page.keyboard.press("ArrowUp")
    assert _crossing(frame) == [x, y, z + 1]
    page.keyboard.press("PageDown")  # 10 mm are 3 of 3.5 mm
    assert _crossing(frame) == [x, y, z - 2]
    box = page.frame_locator("iframe[title*=niivue]").locator("canvas").first.bounding_box()
    small = next(plane for plane in frame.evaluate(_PLANES) if plane[0] == _SAGITTAL)
    assert box
    page.mouse.click(box["x"] + small[1] + small[3] / 2, box["y"] + small[2] + small[4] / 2)
    before = _crossing(frame)
    page.keyboard.press("ArrowDown")  # of the plane under the mouse
    assert [now - then for now, then in zip(_crossing(frame), before, strict=True)] == [-1, 0, 0]
    page.keyboard.press("+")
    assert frame.evaluate("tierscopeView.scene.pan2Dxyzmm[3]") == pytest.approx(1.25)
    page.keyboard.press("*")
    assert frame.evaluate("[...tierscopeView.scene.pan2Dxyzmm]") == [0, 0, 0, 1]
    page.get_by_placeholder("your initials").fill("Ada")
    before = _crossing(frame)
    page.keyboard.press("ArrowUp")
    assert _crossing(frame) == before


def test_fingers_enlarge_the_image_and_a_mouse_moves_what_is_enlarged(
    browser: Browser, address: str
) -> None:
    page, frame, box = _on_a_tablet(browser, address)
    x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 2
    client = page.context.new_cdp_session(page)

    def touch(kind: str, *places: float) -> None:
        points = [{"x": place, "y": y, "id": finger} for finger, place in enumerate(places)]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.wait_for_timeout(40)

    placed = _crossing(frame)
    touch("touchStart", x - 40)  # one finger comes first, as fingers do
    page.wait_for_timeout(120)
    touch("touchStart", x - 40, x + 40)
    for step in range(1, 11):
        touch("touchMove", x - 40 - 5 * step, x + 40 + 5 * step)
    touch("touchEnd")
    *before, zoom = frame.evaluate("[...tierscopeView.scene.pan2Dxyzmm]")
    assert zoom > 1.3
    page.wait_for_timeout(600)
    assert _crossing(frame) == placed
    crossing = _crossing(frame)
    page.keyboard.down("Shift")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 20, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    *after, kept = frame.evaluate("[...tierscopeView.scene.pan2Dxyzmm]")
    assert kept == zoom and after != before and _crossing(frame) == crossing
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_timeout(300)
    assert frame.evaluate("tierscopeView.scene.pan2Dxyzmm[3]") > zoom
    assert _crossing(frame) == crossing
    # fingers have no keys: slices and all of the image by buttons that are as large as a finger
    inside = page.frame_locator("iframe[title*=niivue]")
    assert [one.split() for one in inside.locator("#fingers button").all_inner_texts()] == [
        ["−", "slice"],
        ["+", "slice"],
        ["⤢", "show", "all"],
        ["[", "]", "large"],
    ]
    slices = page.frame_locator("iframe[title*=niivue]").get_by_role("button", name="Next slice")
    assert min(slices.bounding_box()[side] for side in ("width", "height")) >= 40  # type: ignore[index]
    slices.tap()
    assert _crossing(frame) != crossing
    page.frame_locator("iframe[title*=niivue]").get_by_role("button", name="All of the").tap()
    assert frame.evaluate("tierscopeView.scene.pan2Dxyzmm[3]") == 1
    large, crossing = inside.get_by_role("button", name="The whole screen"), _crossing(frame)
    high = "document.querySelector('iframe[title*=niivue]').clientHeight"
    large.tap()
    page.wait_for_function(f"{high} === innerHeight")
    expect(large).to_have_text(re.compile(r"\[ ]\s+back\s*"), use_inner_text=True)
    large.tap()
    page.wait_for_function(f"{high} < innerHeight")
    assert _crossing(frame) == crossing  # the image lay under the finger
    page.context.close()


def test_a_quick_tap_points_and_the_lightbox_shows_where(browser: Browser, address: str) -> None:
    page, frame, box = _on_a_tablet(browser, address)
    placed = _crossing(frame)
    page.touchscreen.tap(box["x"] + 0.2 * box["width"], box["y"] + 0.4 * box["height"])
    assert _crossing(frame) != placed
    page.get_by_role("radio", name="Lightbox").tap()
    frame.wait_for_function("tierscopeView.screenSlices.length > 3")
    chromium.resting(page)
    third = frame.evaluate(
        """() => { const view = tierscopeView, dpr = view.uiData.dpr || 1;
          const { leftTopWidthHeight: [x, y, w, h], sliceFrac } = view.screenSlices[2];
          return [(x + 0.3 * w) / dpr, (y + 0.4 * h) / dpr, sliceFrac]; }"""
    )
    page.touchscreen.tap(box["x"] + third[0], box["y"] + third[1])
    assert frame.evaluate("tierscopeView.scene.crosshairPos[2]") == pytest.approx(
        third[2], abs=0.01
    )
    arms = frame.evaluate(
        """() => { const view = tierscopeView, dpr = view.uiData.dpr || 1, drawn = [], { drawLine } = view;
          view.drawLine = (line, ...how) => { drawn.push(line); drawLine.call(view, line, ...how); };
          view.drawScene();
          delete view.drawLine;
          return drawn.map(([x, y, u, v]) => [(x + u) / 2 / dpr, (y + v) / 2 / dpr]); }"""
    )
    assert len(arms) == 4  # in one slice alone
    assert np.mean(arms, axis=0) == pytest.approx(third[:2], abs=2)
    assert (
        page.frame_locator("iframe[title*=niivue]").locator("#fingers button:visible").count() == 1
    )
    page.context.close()


def test_one_plane_fills_the_screen_at_a_key_and_the_page_comes_back(
    page: Page, address: str
) -> None:
    frame = _ready(page, address)
    sheet = page.locator("iframe[title*=niivue]")
    before = sheet.bounding_box()
    page.keyboard.press("f")
    page.wait_for_timeout(800)
    assert sheet.bounding_box() == {"x": 0, "y": 0, **chromium.DESKTOP}
    assert [plane for plane, *_ in frame.evaluate(_PLANES)] == [_AXIAL]
    page.keyboard.press("ArrowUp")  # keys go on
    page.keyboard.press("Escape")
    page.wait_for_timeout(800)
    assert sheet.bounding_box() == before
    assert len(frame.evaluate(_PLANES)) == 3


def test_the_lightbox_shows_many_slices_of_one_plane_from_end_to_end(
    page: Page, address: str
) -> None:
    frame = _ready(page, address)
    page.get_by_role("radio", name="Lightbox").click()
    chromium.settled(page)
    frame.wait_for_function("tierscopeView.screenSlices.length > 3")
    chromium.resting(page)
    shares = frame.evaluate("tierscopeView.screenSlices.map(({ sliceFrac }) => sliceFrac)")
    assert {plane for plane, *_ in frame.evaluate(_PLANES)} == {_AXIAL}
    assert 18 <= len(shares) <= 32 and shares == sorted(shares)
    assert shares[0] < 0.1 and shares[-1] > 0.9
    said = page.frame_locator("iframe[title*=niivue]").locator("#readout")
    expect(said).to_contain_text(f"{len(shares)} axial slices, ")
    frame.evaluate(
        "tierscopeLightbox(true, { low: [0, 0.1, 0.5], high: [1, 0.8, 0.9] }), tierscopeView.drawScene()"
    )
    shares = frame.evaluate("tierscopeView.screenSlices.map(({ sliceFrac }) => sliceFrac)")
    assert 0.5 < shares[0] < 0.54 and 0.86 < shares[-1] < 0.9  # the head, and no air
    assert np.diff(shares) == pytest.approx(np.mean(np.diff(shares)), abs=1e-3)
    first, last, apart = re.findall(r"([\d.]+)(?: to| mm)", said.inner_text())[:3]
    assert (float(last) - float(first)) / (len(shares) - 1) == pytest.approx(float(apart), abs=0.1)
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    assert {plane for plane, *_ in frame.evaluate(_PLANES)} == {_CORONAL}
    expect(said).to_contain_text("coronal slices, ")
    page.get_by_role("radio", name="Three planes").click()
    chromium.settled(page)
    expect(said).not_to_contain_text("mm apart")


def test_the_lightbox_keeps_the_plane_that_was_looked_at_and_tells_the_sides_of_each_slice(
    page: Page, address: str
) -> None:
    frame = _ready(page, address)
    written = """() => {
      const view = tierscopeView, drawn = [], { drawText } = view;
      view.drawText = (at, said, ...how) => { drawn.push(said); drawText.call(view, at, said, ...how); };
      view.drawScene();
      delete view.drawText;
      const times = (letter) => drawn.filter((said) => said === letter).length;
      return [view.screenSlices.length, ...["R", "L", "A", "P"].map(times)];
    }"""
    for view, plane in (("Sagittal", _SAGITTAL), ("Coronal", _CORONAL), ("Three planes", _AXIAL)):
        page.get_by_role("radio", name=view).click()
        frame.wait_for_function(  # pressed sooner, it may never have been looked at
            """(plane) => tierscopeView.screenSlices.length <= 3
              && tierscopeView.screenSlices[0]?.axCorSag === plane""",
            arg=plane,
        )
        chromium.settled(page)
        page.get_by_role("radio", name="Lightbox").click()
        chromium.settled(page)
        frame.wait_for_function(
            """(plane) => tierscopeView.screenSlices.length > 3
              && tierscopeView.screenSlices.every((one) => one.axCorSag === plane)""",
            arg=plane,
        )
        chromium.resting(page)
        slices, *letters = frame.evaluate(written)
        here, elsewhere = letters[2:], letters[:2]
        if plane != _SAGITTAL:
            here, elsewhere = elsewhere, here
        assert min(here) >= slices and max(elsewhere) == 0


def test_the_lightbox_keeps_a_plane_that_was_asked_for_and_not_drawn_in_time(
    page: Page, address: str
) -> None:
    frame = _ready(page, address)
    frame.evaluate(
        """() => {
          const asked = window.tierscopeAsked;
          window.tierscopeAsked = (args) => { window.lastAsked = args; asked(args); };
        }"""
    )
    page.get_by_role("radio", name="Coronal").click()
    frame.wait_for_function("window.lastAsked?.view_mode === 'coronal'")
    for planes, plane in (
        (["coronal", "sagittal"], _SAGITTAL),
        (["coronal", "multiplanar"], _AXIAL),
    ):
        frame.evaluate(
            """(planes) => [...planes.map((view_mode) => ({ view_mode, lightbox: false })),
                { view_mode: "multiplanar", lightbox: true }].forEach((view) => window.dispatchEvent(
              new MessageEvent("message", { data: {
                type: "streamlit:render", args: { ...window.lastAsked, ...view } } })))""",
            planes,
        )
        frame.wait_for_function(
            """(plane) => tierscopeView.screenSlices.length > 3
              && tierscopeView.screenSlices.every((one) => one.axCorSag === plane)""",
            arg=plane,
        )


def test_the_large_plane_of_few_thick_slices_is_larger_than_the_others(
    page: Page, address: str
) -> None:
    frame = _ready(page, address)
    scales = frame.evaluate(
        """() => {
          const view = tierscopeView;
          view.sliceScale = () => ({ volScale: [230, 230, 117] });
          window.tierscopeKey(view, { key: "ArrowLeft", target: document.body }, true);
          window.tierscopeArrange(view);
          const { width } = view.gl.canvas;
          return view.customLayout.map(({ sliceType, position }) => [sliceType, position[2] * width / 230]);
        }"""
    )
    (large, scale), *others = scales
    assert large == _SAGITTAL and all(scale > 1.3 * other for _, other in others)


_CROSS = "[...tierscopeView.scene.crosshairPos].map((at) => Number(at.toFixed(3)))"


def test_a_scan_is_begun_where_the_server_says_and_left_where_one_went(
    browser: Browser, tmp_path: Path
) -> None:
    """A head in the upper half of its image, in a session and on Review."""
    z = np.mgrid[:24, :30, :40][2]
    for seed in (1, 2):
        noise = np.random.default_rng(seed).integers(0, 40, z.shape)
        data = np.where(z > 19, 800 + noise, noise).astype(np.int16)
        image = nib.Nifti1Image(data, np.diag([6.0, 6.0, 6.0, 1.0]))
        (tmp_path / "scans").mkdir(exist_ok=True)
        nib.save(image, tmp_path / "scans" / f"sub-{seed}_T1w.nii.gz")
    workspace = Workspace.create(tmp_path / "workspace")
    ingest.ingest(workspace, tmp_path / "scans", name="upper", simulated=True)
    plan = SessionPlan("upper", "Ada", "three-level", choice="all", size=2, repeats_share=0.0)
    session = session_log.start(workspace, plan)
    context = browser.new_context(viewport=SMALL)
    context.add_init_script(chromium.NOTICE_LISTENING)
    page = context.new_page()
    with Dashboard(workspace, tmp_path / "log.txt") as served:
        for where in ("review", f"rate?session={session.id}"):
            page.goto(f"{served}/{where}")
            chromium.drawn(page)
            chromium.settled(page)
            chromium.listening(page)
            assert _frame(page).evaluate(_CROSS) == pytest.approx([0.5, 0.5, 0.75], abs=0.05)
            expect(page.frame_locator("iframe[title*=niivue]").locator("#readout")).to_contain_text(
                re.compile("17[0-9] mm")
            )
            page.keyboard.press("PageDown")
            moved = _frame(page).evaluate(_CROSS)
            page.keyboard.press("k")  # another window of the same scan
            chromium.settled(page)
            page.wait_for_timeout(500)
            assert _frame(page).evaluate(_CROSS) == moved != [0.5, 0.5, 0.75]
    context.close()


@pytest.mark.own_window
def test_the_next_scan_is_in_the_browser_before_it_is_asked_for(page: Page, address: str) -> None:
    fetched: list[str] = []
    page.on("response", lambda answer: fetched.append(answer.url) if answer.ok else None)
    page.goto(f"{address}/review")
    first = chromium.drawn(page)
    chromium.settled(page)
    for _ in range(40):
        ahead = [url for url in fetched if "/scans/" in url and not url.endswith(first)]
        if ahead:
            break
        page.wait_for_timeout(250)
    chromium.listening(page)
    page.keyboard.press("n")
    second = chromium.drawn(page, first)
    assert ahead[0].endswith(second)
    assert sum(url.endswith(second) for url in fetched) == 1


@pytest.mark.usefixtures("small_page")
def test_graphics_that_give_up_leave_the_slices(page: Page, address: str) -> None:
    page.goto(f"{address}/review")
    chromium.drawn(page)
    chromium.settled(page)
    _frame(page).evaluate("tierscopeView.gl.getExtension('WEBGL_lose_context').loseContext()")
    expect(page.get_by_text("Drawn as slices")).to_be_visible()
    expect(page.get_by_text("graphics gave up")).to_be_visible()
