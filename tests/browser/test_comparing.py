"""Compare in Chromium: filters redraw every part, points lead to scans and runs."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from curation.storage.workspace import Workspace
from tests.helpers import chromium, workspace_full
from tests.helpers.dashboard import Dashboard

pytestmark = pytest.mark.browser

_POINT = """([plot, place]) => {
  const g = document.querySelectorAll('.js-plotly-plot')[plot];
  const t = g._fullData.find((d) => d.customdata && d.type === 'scatter');
  const x = g._fullLayout.xaxis, y = g._fullLayout.yaxis, box = g.getBoundingClientRect();
  const at = (a, v) => a._offset + a.d2p(a.type === 'category' ? a._categories.indexOf(v) : v);
  return [box.x + at(x, t.x[place]), box.y + at(y, t.y[place])];
}"""


#: What only this part of the page holds.
_OWN_HEADING = {
    "The answer": "All figures",
    "Curves": "Age error while fine-tuning",
    "Where it matters": "Tier × tier",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("comparing")
    workspace: Workspace = workspace_full.make(folder / "workspace")
    workspace_full.add_studies(workspace)
    with Dashboard(workspace, folder / "log.txt") as address:
        yield address


@pytest.fixture
def compare(page: Page, address: str) -> Page:
    page.goto(f"{address}/compare")
    heading = page.get_by_role("heading", name="What is each tier worth?")
    expect(heading).to_be_visible(timeout=90_000)  # the first page of a server imports everything
    chromium.settled(page)
    page.get_by_label("Study").first.click()
    page.get_by_role("option", name=re.compile("^finished")).click()
    _part(page, "The answer")  # which the study opened before does not have
    return page


def _part(page: Page, name: str) -> None:
    """Open a part and wait until it stands: right after the click the page still rests on the old one."""
    page.get_by_role("radio", name=name).or_(
        page.get_by_role("button", name=name, exact=True)
    ).first.click()
    if name in _OWN_HEADING:
        expect(page.get_by_role("heading", name=_OWN_HEADING[name])).to_be_visible()
    chromium.settled(page)


def _resting_place(page: Page, plot: int, place: int) -> list[float]:
    """Return where a point lies once it lies there for half a second."""
    before: list[float] | None = None
    for _ in range(60):
        page.wait_for_timeout(500)
        chromium.settled(page)
        now: list[float] = page.evaluate(_POINT, [plot, place])
        if now == before:
            return now
        before = now
    raise AssertionError(f"the figure {plot} does not come to rest")


def _click(page: Page, plot: int, place: int) -> None:
    """Click on a point of a figure, as people do: the mouse comes first, then rests."""
    page.wait_for_function(
        "(n) => document.querySelectorAll('.js-plotly-plot .main-svg').length > n", arg=plot
    )
    # by the page itself: a figure that is redrawn meanwhile is another element
    page.evaluate("(n) => document.querySelectorAll('.js-plotly-plot')[n].scrollIntoView()", plot)
    x, y = _resting_place(page, plot, place)
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    page.wait_for_timeout(300)
    page.mouse.click(x, y)
    chromium.settled(page)


def test_a_filter_redraws_every_part(compare: Page) -> None:
    _part(compare, "The answer")
    rows = compare.locator("table.ts").first.locator("tbody tr")
    expect(rows).to_have_count(5)  # four arms and predicting the mean
    compare.get_by_role("combobox", name="Arms").click()
    compare.get_by_role("option", name="A", exact=True).click()
    expect(rows).to_have_count(3)  # scratch and predicting the mean stay
    compare.keyboard.press("Escape")
    _part(compare, "Curves")
    # scratch, A, and predicting the mean
    expect(compare.locator(".js-plotly-plot").first.locator(".legend .traces")).to_have_count(3)
    _part(compare, "Where it matters")
    labels = compare.locator(".js-plotly-plot").first.locator("g.ytick")
    expect(labels).to_have_count(3)
    expect(compare.get_by_text("Left out: 2 arms.")).to_be_visible()


def test_a_point_leads_to_its_scans_and_on_to_review(compare: Page) -> None:
    _part(compare, "The answer")
    _click(compare, 0, 0)
    expect(compare.get_by_text("14 scans, the largest error first")).to_be_visible()
    table = compare.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box
    compare.mouse.click(box["x"] + 20, box["y"] + 38 + 17)  # the box of the first row
    expect(compare.get_by_role("heading", name="Is this scan good?")).to_be_visible()
    expect(compare.get_by_text(re.compile(r"made-target_sub-\d\d_T1w")).first).to_be_visible()


def test_a_cell_of_tier_by_tier_lists_its_scans_and_selects_them_on_explore(compare: Page) -> None:
    _part(compare, "Where it matters")
    _click(compare, 0, 0)
    expect(compare.get_by_text(re.compile("test scans of tier"))).to_be_visible()
    compare.get_by_role("button", name="Select on Explore").click()
    expect(compare.get_by_role("heading", name="Which scans belong together?")).to_be_visible()
    expect(compare.get_by_text(re.compile(r"\d+ (scans )?selected")).first).to_be_visible()


def test_a_run_opens_from_its_curve(compare: Page) -> None:
    _part(compare, "Curves")
    compare.get_by_test_id("stCheckbox").get_by_text("Single runs").click()
    chromium.settled(compare)
    compare.wait_for_function(
        "() => document.querySelector('.js-plotly-plot')._fullData.some((t) => t.type === 'scattergl')"
    )
    x, y = compare.evaluate(
        """() => {
          const g = document.querySelector('.js-plotly-plot');
          g.scrollIntoView();
          const t = g._fullData.find((d) => d.type === 'scattergl');
          const b = g.getBoundingClientRect(), l = g._fullLayout, i = t.x.length - 1;
          return [b.x + l.xaxis._offset + l.xaxis.d2p(t.x[i]), b.y + l.yaxis._offset + l.yaxis.d2p(t.y[i])];
        }"""
    )
    compare.mouse.move(x - 3, y)
    compare.mouse.move(x, y)
    compare.wait_for_timeout(300)
    compare.mouse.click(x, y)
    expect(compare.get_by_text(re.compile(r"^\d+ of \d+ epochs"))).to_be_visible()


def test_a_study_is_tagged_and_found_by_its_tag(compare: Page) -> None:
    _part(compare, "All studies")
    table = compare.get_by_test_id("stDataFrame").first
    box = table.bounding_box()
    assert box
    compare.mouse.click(box["x"] + 20, box["y"] + 38 + 17)
    compare.get_by_label("Your name").fill("Ada")
    compare.get_by_label("Note", exact=True).fill("a note on this one")
    compare.get_by_role("button", name="Keep").click()
    expect(compare.get_by_text("Ada: a note on this one")).to_be_visible()
