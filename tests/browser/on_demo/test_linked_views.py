"""A box drawn in one plot selects the same scans in every plot, tile and row; they are saved and opened."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from curation.sessions import saved_lists
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import chromium

pytestmark = pytest.mark.browser

#: Of each plot that shows scans: how many it marks as selected.
MARKED = """() => document.querySelector(".linked .plot").data
  .filter((trace) => trace.role === "scans").map((trace) => trace.selectedpoints?.length ?? 0)"""


#: Which scan has the highest score: no other point lies above it.
WORST = """() => { const { y } = document.querySelector(".linked .plot")._fullData[0];
  return y.indexOf(Math.max(...y)); }"""


def drag(page: Page, box: tuple[float, float, float, float]) -> None:
    """Draw a box, given in shares of the first plot's width and height."""
    chromium.settled(page)  # a line that comes or goes above the plots would move them meanwhile
    place = page.evaluate(
        """() => { const plot = document.querySelector(".linked .plot"), at = plot.getBoundingClientRect();
        const { xaxis: x, yaxis: y } = plot._fullLayout;
        return [at.left + x._offset, at.top + y._offset, x._length, y._length]; }"""
    )
    left, top, wide, high = place
    xs, ys = (
        [low + share * size for share in box[i::2]]
        for i, low, size in ((0, left, wide), (1, top, high))
    )
    page.mouse.move(xs[0], ys[0])
    page.mouse.down()
    page.mouse.move((xs[0] + xs[1]) / 2, (ys[0] + ys[1]) / 2, steps=4)
    page.mouse.move(xs[1], ys[1], steps=4)
    page.mouse.up()


def click(page: Page, place: int) -> None:
    """Click on the point of one scan in the first plot."""
    x, y = page.evaluate(
        """(place) => { const plot = document.querySelector(".linked .plot");
        const { left, top } = plot.getBoundingClientRect(), points = plot._fullData[0];
        const { xaxis: x, yaxis: y } = plot._fullLayout;
        return [left + x._offset + x.d2p(points.x[place]), top + y._offset + y.d2p(points.y[place])]; }""",
        place,
    )
    page.mouse.move(x, y)
    page.mouse.click(x, y)


def plots(page: Page) -> Locator:
    return page.locator(".linked[data-drawn]")


def marked(page: Page, many: int) -> None:
    """Wait until each of the four plots marks so many scans: it follows the page's words a moment later."""
    page.wait_for_function(f"many => ({MARKED})().join() === Array(4).fill(many).join()", arg=many)


def find(page: Page, words: str) -> None:
    """Search for a scan by its name."""
    page.get_by_placeholder("Find by name and select").fill(words)
    page.keyboard.press("Enter")


def chosen(page: Page) -> int:
    return int(plots(page).get_attribute("data-chosen") or 0)


def test_plots_are_read_before_somebody_goes_there(page: Page, dashboard: str) -> None:
    chromium.opened(page, dashboard, "cohort")
    page.wait_for_function("() => window.Plotly?.version")


def test_a_selection_in_one_plot_is_followed_saved_and_opened(
    page: Page, dashboard: str, demo_workspace: Workspace
) -> None:
    scans = tables.read_scans(demo_workspace)
    there = int(((scans["role"] == "pool") & scans["status"].isin(tables.SCORABLE)).sum())
    page.goto(f"{dashboard}/explore")
    expect(plots(page)).to_be_visible()
    expect(page.get_by_text(f"all {there} scans are listed")).to_be_visible()

    name = str(scans.loc[scans["role"] == "pool", "scan_id"].iloc[0])
    find(page, name)
    expect(page.get_by_text(f"1 of {there} scans selected")).to_be_visible()
    expect(page.locator(".sheet button")).to_have_attribute("data-scan", name)
    marked(page, 1)
    page.locator(".linked").get_by_role("button", name="Clear").click()
    expect(page.get_by_text(f"all {there} scans are listed")).to_be_visible()

    drag(page, (0.02, 0.02, 0.98, 0.6))
    expect(page.get_by_text(re.compile(rf"\d+ of {there} scans selected"))).to_be_visible()
    upper = chosen(page)
    assert 0 < upper < there
    marked(page, upper)
    expect(page.locator(".sheet button")).to_have_count(min(upper, 12))
    expect(page.get_by_text(f"1 to {min(upper, 12)} of {upper}")).to_be_visible()

    click(page, int(page.evaluate(WORST)))
    expect(page.get_by_text(f"1 of {there} scans selected")).to_be_visible()
    marked(page, 1)
    drag(page, (0.02, 0.02, 0.98, 0.6))
    expect(page.get_by_text(f"{upper} of {there} scans selected")).to_be_visible()
    find(page, name)  # as a new selection, like the boxes before it
    expect(page.get_by_text(f"1 of {there} scans selected")).to_be_visible()
    marked(page, 1)
    drag(page, (0.02, 0.02, 0.98, 0.6))
    expect(page.get_by_text(f"{upper} of {there} scans selected")).to_be_visible()
    marked(page, upper)

    page.get_by_role("button", name="Add", exact=True).click()
    drag(page, (0.02, 0.4, 0.98, 0.98))
    expect(page.get_by_text(f"{there} of {there} scans selected")).to_be_visible()
    page.get_by_role("button", name="Take away").click()
    find(page, name)
    expect(page.get_by_text(f"{there - 1} of {there} scans selected")).to_be_visible()
    page.get_by_role("button", name="Add", exact=True).click()
    find(page, name)
    expect(page.get_by_text(f"{there} of {there} scans selected")).to_be_visible()
    page.get_by_role("button", name="Take away").click()
    drag(page, (0.02, 0.02, 0.98, 0.6))
    expect(page.get_by_text(f"{there - upper} of {there} scans selected")).to_be_visible()
    marked(page, there - upper)

    chromium.settled(page)  # until then what was drawn before stands beside it
    page.get_by_role("button", name="Save as a list").click()
    page.get_by_label("Name of the list").fill("the lower ones")
    page.get_by_label("Who picked them").fill("Ada")
    page.get_by_role("button", name=f"Save {there - upper} scan").click()
    expect(page.get_by_text("Saved: the lower ones")).to_be_visible()
    (saved,) = saved_lists.list_lists(demo_workspace)
    assert saved.scans == there - upper

    tile = page.locator(".sheet button").first
    name = str(tile.get_attribute("data-scan"))
    assert name in saved_lists.scans_of(demo_workspace, saved.id)
    tile.click()
    expect(page).to_have_url(re.compile(r"/review(\?|$)"))
    expect(page.get_by_text(name).first).to_be_visible()
