"""The contact sheet and the viewer in Chromium: search, click, the scan opens; a mask is seen where it is."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import chromium

pytestmark = pytest.mark.browser


def _pixels(page: Page) -> np.ndarray:
    canvas = page.frame_locator("iframe[title*=niivue]").locator("canvas").first
    return np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")).astype(int)


def _bluish(page: Page) -> int:
    colours = _pixels(page)
    return int((colours[..., 2] - colours[..., 0] > 60).sum())


def test_from_the_contact_sheet_to_the_scan_and_back(
    page: Page, dashboard: str, demo_workspace: Workspace
) -> None:
    scans = tables.read_scored_scans(demo_workspace)
    wanted = scans.loc[scans["status"] == "ok", "scan_id"].iloc[3]
    page.goto(f"{dashboard}/sheet")
    page.wait_for_function(
        "() => { const t = [...document.querySelectorAll('*')].map((e) => e.shadowRoot).filter(Boolean)"
        ".flatMap((r) => [...r.querySelectorAll('.sheet img')]);"
        "return t.length > 8 && t.filter((i) => i.naturalWidth > 0).length > 4 }"
    )
    page.get_by_placeholder("Find a scan by its name").fill(wanted)
    page.keyboard.press("Enter")
    tiles = page.locator(".sheet button")
    expect(tiles).to_have_count(1)
    tiles.first.click()
    expect(page.get_by_role("heading", name="Is this scan good?")).to_be_visible()
    chromium.drawn(page)
    expect(page.locator(".ts-caption b", has_text=wanted).first).to_be_visible()
    page.get_by_role("link", name="Scans").first.click()
    expect(page.locator(".sheet button[aria-current=true]")).to_have_attribute("data-scan", wanted)


def test_the_next_scan_takes_the_same_canvas_and_its_keys_work_from_inside(
    page: Page, dashboard: str
) -> None:
    page.goto(f"{dashboard}/review")
    first = chromium.drawn(page)
    chromium.settled(page)
    chromium.listening(page)
    page.frame_locator("iframe[title*=niivue]").locator("canvas").first.click()
    page.keyboard.press(
        "x"
    )  # of the image; a page that is not told that it came up hears no other key
    page.keyboard.press("n")
    second = chromium.drawn(page, first)
    assert second != first
    expect(page.get_by_text(re.compile(r"^2 of \d+$"))).to_be_visible()
    expect(page.frame_locator("iframe[title*=niivue]").locator("canvas")).to_have_count(1)


KEPT_NAME = "sessionStorage.getItem('tierscope-person')"
COUNT_FORGETTING = """
  window.forgotten = 0;
  const before = Storage.prototype.removeItem;
  Storage.prototype.removeItem = function (key) {
    if (key === "tierscope-person") window.forgotten += 1;
    return before.call(this, key);
  };
"""


def test_who_rates_is_typed_once_a_tab(page: Page, dashboard: str) -> None:
    page.goto(f"{dashboard}/review")
    chromium.settled(page)
    field = page.locator(".st-key-rater-name input")
    field.fill("Ada")
    field.press("Enter")
    page.wait_for_function(f"{KEPT_NAME} === 'Ada'")
    page.add_init_script(COUNT_FORGETTING)
    page.reload()
    expect(field).to_have_value("Ada")
    chromium.settled(page)
    # a session that was not told yet is no name that was emptied: a second reload would lose it
    assert page.evaluate("window.forgotten") == 0
    field.fill("")
    field.press("Enter")
    page.wait_for_function(f"{KEPT_NAME} === null")


def test_every_quick_press_of_next_counts_by_key_and_by_mouse(page: Page, dashboard: str) -> None:
    page.goto(f"{dashboard}/review")
    chromium.drawn(page)
    chromium.settled(page)
    chromium.listening(page)
    # fields that were on the screen once keep what they held: it is of no other scan
    for _ in range(2):
        page.get_by_role("button", name="Window", exact=True).click()
    for press, lands in (
        (lambda: page.keyboard.press("n"), 6),
        (lambda: page.get_by_role("button", name=re.compile("^Next")).click(), 11),
        (lambda: page.keyboard.press("p"), 6),
    ):
        for _ in range(5):
            press()
            page.wait_for_timeout(150)
        expect(page.get_by_text(re.compile(rf"^{lands} of \d+$"))).to_be_visible()
        chromium.settled(page)
    # what a run that was cut short left behind leads nowhere else
    expect(page.get_by_text(re.compile(r"^6 of \d+$"))).to_be_visible()
    expect(page.get_by_text(re.compile("Custom window"))).to_have_count(0)
    page.get_by_role("combobox", name="Scan").click()
    page.get_by_role("option").nth(2).click()
    expect(page.get_by_text(re.compile(r"^3 of \d+$"))).to_be_visible()


def test_a_mask_colours_the_brain_and_goes_again(page: Page, dashboard: str) -> None:
    page.goto(f"{dashboard}/review")
    chromium.drawn(page)
    chromium.resting(page)
    before = _bluish(page)
    page.get_by_role("button", name=re.compile("^Overlays")).click()
    page.get_by_role("button", name="Brain", exact=True).click()
    expect(page.locator(".ts-legend")).to_contain_text("Brain", timeout=120_000)
    for _ in range(60):
        if _bluish(page) > before + 5_000:
            break
        page.wait_for_timeout(500)
    assert _bluish(page) > before + 5_000
    page.get_by_role("button", name="Brain", exact=True).click()
    for _ in range(60):
        if _bluish(page) < before + 500:
            break
        page.wait_for_timeout(500)
    assert _bluish(page) < before + 500
