"""What a clinician meets in Chromium: ``python -m tests.benchmarks.hands``.

On the small demo (14 simulated heads of 2 mm), on software WebGL. Prints what it does; the last line is one
JSON object:

``image_share_1400``, ``image_share_900``
    Share of the window's area, 1400 × 1000 and 900 × 1200, that the image covers in sight when Review opens,
    and when a rating session does: the smaller of the two. ``planes_share_…`` counts the drawn planes alone,
    without the black between them.
``rating_visible_900``
    Whether every button of a level, and the one that saves, is whole in sight at 900 × 1200 beside the whole
    image, on Review and in a session.
``first_image_s``, ``next_scan_s``
    From a click on a tile of the contact sheet to the drawn image, in a browser that has drawn none yet; from
    the key to the drawn next image; medians. ``bare_image_s`` and ``bare_next_s`` are from a click to the
    picture on a page of streamlit that shows one picture and nothing else, on this machine at this time.
``contact_sheet_s``, ``explore_selectable_s``, ``overlay_s``
    From a click on *Scans* to the pictures in sight, on *Explore* to plots in which a box can be drawn, each
    in a browser that has not been there; from a click on *Brain* to its colour on the image. Medians.
``lost_keys``
    Presses of N, 150 ms apart, less the scans that they led on.
``score_spellings``
    In how many ways the score of one scan is written on Scans, Review, Explore and Tiers;
    the most of all scans.
``axe_serious``
    What axe-core finds serious or critical on all pages, at 1400 × 1000, and at 900 × 1200 with all unfolded.
``touch_drag_ok``
    Whether a cut-off follows a finger over its whole way at 900 × 1200.
"""

import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from curation.sessions import session_log
from curation.sessions.session_plan import SessionPlan
from curation.storage import tables
from curation.storage.workspace import Workspace
from pages.ui.shell.frame import PAGES
from tests.helpers import accessibility, chromium, demo_scored
from tests.helpers.dashboard import Dashboard

SIZES = {"1400": (1400, 1000), "900": (900, 1200)}
FIRSTS, NEXTS, PRESSES, PAUSE_MS = 3, 8, 10, 150
#: Shares of the window that image and planes cover in sight, and whether the rating is in reach.
IN_SIGHT = """() => {
  const frame = document.querySelector('iframe[title*=niivue]'), view = frame.contentWindow.tierscopeView;
  const seen = (box) => [Math.max(box.left, 0), Math.max(box.top, 0), Math.min(box.right, innerWidth),
                         Math.min(box.bottom, innerHeight)];
  const area = ([left, top, right, bottom]) => Math.max(right - left, 0) * Math.max(bottom - top, 0);
  const around = frame.getBoundingClientRect(), canvas = view.canvas.getBoundingClientRect();
  const all = innerWidth * innerHeight;
  const inside = { left: around.left + canvas.left, top: around.top + canvas.top,
                   right: around.left + canvas.right, bottom: around.top + canvas.bottom };
  const scale = canvas.width / view.gl.canvas.width;
  const planes = view.screenSlices.map(({ leftTopWidthHeight: [x, y, w, h] }) => area(seen({
    left: inside.left + scale * x, top: inside.top + scale * y,
    right: inside.left + scale * (x + w), bottom: inside.top + scale * (y + h) })));
  const whole = (element) => { const box = element.getBoundingClientRect();
    return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight && box.right <= innerWidth; };
  const wanted = '[class*="st-key-level-"] button, [class*="st-key-save"] button';
  const buttons = [...document.querySelectorAll(wanted)];
  return { image: area(seen(inside)) / all, planes: planes.reduce((a, b) => a + b, 0) / all,
           rating: buttons.length > 3 && buttons.every(whole) && inside.bottom <= innerHeight };
}"""
#: A page with one picture, and the next one at a click.
_BARE = """
import streamlit as st
st.session_state.setdefault("n", 0)
st.button("go", on_click=lambda: st.session_state.update(n=st.session_state.n + 1))
if st.session_state.n:
    st.image(f"{FOLDER}/{st.session_state.n % 10}.png")
"""
_PICTURE = """(old) => { const shown = document.querySelector('[data-testid=stImage] img, img');
  return shown && shown.complete && shown.naturalWidth && shown.src !== old ? shown.src : null; }"""


def figures() -> dict[str, object]:
    """Measure; see the module."""
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root = Path(folder)
        workspace = demo_scored.make(root / "workspace")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=chromium.CHROMIUM_ARGUMENTS
        )
        with Dashboard(workspace, root / "log.txt") as address:
            parts: list[tuple[str, Callable[[], dict[str, object]]]] = [
                ("time to images", lambda: _times(browser, address)),
                ("waits", lambda: _waits(browser, address)),
                ("shares", lambda: _shares(browser, address, workspace)),
                ("keys", lambda: {"lost_keys": _lost_keys(browser, address)}),
                ("scores", lambda: {"score_spellings": _spellings(browser, address, workspace)}),
                ("everybody", lambda: {"axe_serious": _serious(browser, address)}),
                ("a finger", lambda: {"touch_drag_ok": _finger(browser, address)}),
            ]
            for name, part in parts:
                found |= (measured := part())
                print(f"{name}: {measured}", flush=True)
        found |= _bare(browser, root)
        browser.close()
    return found


def _page(browser: Browser, size: str = "1400", *, touch: bool = False) -> Page:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, has_touch=touch)
    context.add_init_script(chromium.NOTICE_LISTENING)
    page = context.new_page()
    page.set_default_timeout(120_000)
    return page


def _median(taken: list[float]) -> float:
    return round(float(np.median(taken)), 3)


def _serious(browser: Browser, address: str) -> int:
    page = _page(browser)
    found = [
        one for name in PAGES for part in accessibility.walked(page, address, name) for one in part
    ]
    for one in found:
        print(one, flush=True)
    page.context.close()
    return len(found)


# ---- what is in sight ------------------------------------------------------------------------------


def _shares(browser: Browser, address: str, workspace: Workspace) -> dict[str, object]:
    plan = SessionPlan("hands", "hands", "three-level", size=4, repeats_share=0.0)
    session = session_log.start(workspace, plan)
    found: dict[str, object] = {}
    for size in SIZES:
        seen = []
        for name in ("review", f"rate?session={session.id}"):
            page = _page(browser, size)
            page.goto(f"{address}/{name}")
            chromium.drawn(page)
            chromium.settled(page)
            page.locator('[class*="st-key-save"] button').first.wait_for()
            page.wait_for_timeout(1500)
            seen.append(page.evaluate(IN_SIGHT))
            page.context.close()
        found[f"image_share_{size}"] = round(min(one["image"] for one in seen), 3)
        found[f"planes_share_{size}"] = round(min(one["planes"] for one in seen), 3)
        found[f"rating_visible_{size}"] = all(one["rating"] for one in seen)
    return found


# ---- how long it takes -----------------------------------------------------------------------------


def _times(browser: Browser, address: str) -> dict[str, object]:
    firsts = []
    for number in range(FIRSTS):
        page = _page(browser)
        page.goto(f"{address}/sheet")
        tile = page.locator(".sheet button").nth(3 * number + 2)
        tile.wait_for()
        page.wait_for_timeout(3000)
        started = time.perf_counter()
        tile.click()
        shown = chromium.drawn(page)
        firsts.append(time.perf_counter() - started)
        if number + 1 < FIRSTS:
            page.context.close()
    nexts = []
    chromium.settled(page)
    chromium.listening(page)
    for number in range(NEXTS):
        page.wait_for_timeout(2000)
        started = time.perf_counter()
        page.keyboard.press("n" if number < NEXTS // 2 else "p")
        shown = chromium.drawn(page, shown)
        nexts.append(time.perf_counter() - started)
    page.context.close()
    return {"first_image_s": _median(firsts), "next_scan_s": _median(nexts)}


#: The tiles in sight have their pictures.
_PICTURES = """() => {
  const inSight = ({ top, bottom }) => bottom > 0 && top < innerHeight;
  const roots = [document, ...[...document.querySelectorAll('*')].map((one) => one.shadowRoot)];
  const shown = roots.filter(Boolean).flatMap((root) => [...root.querySelectorAll('.sheet img')])
    .filter((one) => inSight(one.getBoundingClientRect()));
  return shown.length > 3 && shown.every((one) => one.naturalWidth > 0);
}"""
_TWO_LAYERS = """() => document.querySelector('iframe[title*=niivue]').contentWindow.tierscopeView
  .volumes.length === 2"""


def _waits(browser: Browser, address: str) -> dict[str, object]:
    sheets, plots, overlays = [], [], []
    for _ in range(FIRSTS):
        page = _page(browser)
        page.goto(f"{address}/cohort")
        chromium.settled(page)
        page.wait_for_timeout(2000)
        sheets.append(_after(page, "Scans", partial(page.wait_for_function, _PICTURES, polling=20)))
        chromium.settled(page)
        plots.append(_after(page, "Explore", page.locator(".linked[data-drawn]").wait_for))
        page.goto(f"{address}/review")
        chromium.drawn(page)
        chromium.settled(page)
        page.get_by_role("button", name=re.compile("^Overlays")).click()
        brain = page.get_by_role("button", name="Brain", exact=True)
        brain.wait_for()
        started = time.perf_counter()
        brain.click()
        page.wait_for_function(_TWO_LAYERS, polling=20)
        overlays.append(time.perf_counter() - started)
        page.context.close()
    return {
        "contact_sheet_s": _median(sheets),
        "explore_selectable_s": _median(plots),
        "overlay_s": _median(overlays),
    }


def _after(page: Page, link: str, stands: Callable[[], object]) -> float:
    """Return how long it takes after a click in the navigation until something stands."""
    started = time.perf_counter()
    page.get_by_role("link", name=link, exact=True).first.click()
    stands()
    return time.perf_counter() - started


def _bare(browser: Browser, root: Path) -> dict[str, object]:
    for number in range(10):
        noise = np.random.default_rng(number).integers(0, 255, (500, 500), dtype=np.uint8)
        Image.fromarray(noise).save(root / f"{number}.png")
    script = root / "bare.py"
    script.write_text(f"FOLDER = {str(root)!r}\n{_BARE}")
    taken, shown = [], None
    with Dashboard(Workspace(root / "workspace"), root / "bare.txt", str(script)) as address:
        page = _page(browser)
        page.goto(address)
        go = page.get_by_role("button", name="go")
        go.wait_for()
        page.wait_for_timeout(2000)
        for _ in range(NEXTS):
            started = time.perf_counter()
            go.click()
            shown = page.wait_for_function(_PICTURE, arg=shown, polling=10).json_value()
            taken.append(time.perf_counter() - started)
            page.wait_for_timeout(500)
        page.context.close()
    return {"bare_image_s": round(taken[0], 3), "bare_next_s": _median(taken[1:])}


# ---- keys, scores, fingers -------------------------------------------------------------------------


def _lost_keys(browser: Browser, address: str) -> int:
    page = _page(browser)
    page.goto(f"{address}/review")
    chromium.drawn(page)
    chromium.settled(page)
    chromium.listening(page)
    for _ in range(PRESSES):
        page.keyboard.press("n")
        page.wait_for_timeout(PAUSE_MS)
    page.wait_for_timeout(2000)
    chromium.settled(page)
    place = page.get_by_text(re.compile(r"^\d+ of \d+$")).first.inner_text()
    page.context.close()
    return 1 + PRESSES - int(place.split()[0])


def _spellings(browser: Browser, address: str, workspace: Workspace) -> int:
    """Return the most ways in which one scan's score stands on the pages."""
    scored = tables.read_scored_scans(workspace).dropna(subset=["distortion_score"])
    values = scored.set_index("scan_id")["distortion_score"].to_dict()
    page, written = _page(browser), {name: set() for name in values}
    page.goto(f"{address}/sheet")
    page.locator(".sheet button").first.wait_for()
    page.wait_for_timeout(1500)
    for tile in page.locator(".sheet button").all():
        name = tile.get_attribute("data-scan") or ""
        written[name] |= _numbers_near(tile.inner_text(), values[name])
    page.goto(f"{address}/review")
    chromium.drawn(page)
    chromium.settled(page)
    page.get_by_role("combobox", name="Scan").click()
    page.get_by_role("option").first.wait_for()
    for option in page.get_by_role("option").all():
        said = option.inner_text()
        name = said.split()[0]
        written[name] |= _numbers_near(said.removeprefix(name), values[name])
    page.keyboard.press("Escape")
    shown = page.get_by_role("combobox", name="Scan").input_value() or ""
    name = shown.split()[0] if shown else max(values, key=lambda one: values[one])
    written[name] |= _numbers_near(page.locator(".ts-score .ts-value").inner_text(), values[name])
    page.goto(f"{address}/tiers")
    page.get_by_text("Borderline scans", exact=False).first.wait_for()
    chromium.settled(page)
    mark = page.get_by_text("the scan that is open on Review")
    if mark.count():
        written[name] |= _numbers_near(mark.inner_text(), values[name])
    page.context.close()
    return max(map(len, written.values()))


def _numbers_near(said: str, value: float) -> set[str]:
    """Return the numbers of a text that can be the score: within 1 of it."""
    found = re.findall(r"(?:≥ )?(?<![\w.-])\d{1,3}(?:\.\d+)?(?![\w%])", said)
    return {number for number in found if abs(float(number.removeprefix("≥ ")) - value) < 1}


def _finger(browser: Browser, address: str) -> bool:
    page = _page(browser, "900", touch=True)
    page.goto(f"{address}/tiers")
    line = page.get_by_role("slider", name=re.compile("^Cut-off between")).first
    line.wait_for()
    chromium.settled(page)
    page.wait_for_timeout(1500)
    line.scroll_into_view_if_needed()
    box = line.locator(".pill").bounding_box()
    if not box:
        return False
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = box["x"]
    client = page.context.new_cdp_session(page)
    touch = [{"x": x, "y": y}]
    client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": touch})
    for step in range(1, 13):
        touch = [{"x": x + 6 * step, "y": y}]
        client.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": touch})
        page.wait_for_timeout(40)
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(500)
    after = line.locator(".pill").bounding_box()
    page.context.close()
    return after is not None and abs(after["x"] - before - 72) < 6


def main() -> int:
    """Measure and print; 1 where there is no Chromium."""
    if not shutil.which("chromium"):
        print("no Chromium: nothing measured")
        return 1
    print(json.dumps(figures()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
