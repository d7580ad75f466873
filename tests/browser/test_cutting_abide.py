"""ABIDE in Chromium: a line is dragged, all follows, and the command line gives the same list."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from curation.cohorts import frozen_cohort
from curation.interchange import example_datasets
from curation.storage.workspace import Workspace
from curation.wording import FEWEST_FOR_PERCENT, percentages
from pages import tiers as tiers_page
from tests.helpers import chromium
from tests.helpers.dashboard import Dashboard
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.browser

SHARED = ROOT.parent / "shared" / "data" / "iqm" / "abide_iqm_rating_age.csv"


@pytest.fixture(scope="module")
def abide(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """ABIDE's scans without images, with ratings and sites, and with ages where this machine has them."""
    if not example_datasets.is_installed():
        pytest.skip(f"the example's package is not installed: {example_datasets.INSTALL}")
    folder = tmp_path_factory.mktemp("abide")
    people = _people(folder / "participants.tsv") if SHARED.is_file() else None
    workspace = Workspace.create(folder / "workspace")
    example_datasets.import_example(workspace, "abide", participants=people)
    return workspace


def _people(path: Path) -> Path:
    table = pd.read_csv(SHARED)
    people = pd.DataFrame({"participant_id": table["subject_id"], "age": table["AGE_AT_SCAN"]})
    people.to_csv(path, sep="\t", index=False)
    return path


@pytest.fixture(scope="module")
def served(abide: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Dashboard(abide, tmp_path_factory.mktemp("abide-log") / "log.txt") as address:
        yield address


@pytest.fixture
def tiers(page: Page, served: str) -> Page:
    page.goto(f"{served}/tiers")
    page.locator(".cutoffs[data-drawn]").wait_for()
    chromium.settled(page)
    return page


def part(page: Page, name: str) -> None:
    """Bring one of the parts below the plot onto the screen."""
    choice = page.get_by_role("radio", name=name, exact=True)
    choice.or_(page.get_by_role("button", name=name, exact=True)).first.click()
    chromium.settled(page)


def counts(page: Page) -> list[int]:
    return [int(n.replace(",", "")) for n in page.locator(".cutoffs .ts-card b").all_inner_texts()]


def shares(page: Page) -> list[int]:
    said = page.locator(".cutoffs .ts-card small").all_inner_texts()
    return [int(words.split(" %")[0]) for words in said]


def line(page: Page):  # type: ignore[no-untyped-def]
    return page.get_by_role("slider", name="Cut-off between A and B")


def drag(page: Page, to: float) -> list[int]:
    """Drag the lower line with the mouse; return the counts just before it is let go."""
    line(page).scroll_into_view_if_needed()
    box = line(page).bounding_box()
    axis = page.evaluate(
        "() => { const a = document.querySelector('.cutoffs .plot')._fullLayout.xaxis;"
        "return [a.d2p(0), a.d2p(100)] }"
    )
    now = float(line(page).get_attribute("aria-valuenow"))
    x, y = box["x"] + box["width"] / 2, box["y"] + 80
    page.mouse.move(x, y)
    page.mouse.down()
    pixels = (to - now) * (axis[1] - axis[0]) / 100
    for step in range(1, 6):
        page.mouse.move(x + pixels * step / 5, y)
    expect(page.locator(".cutoffs")).to_have_attribute("data-counted", "here")
    seen = counts(page)
    assert sum(seen) >= FEWEST_FOR_PERCENT and shares(page) == percentages(seen)
    assert _bars_of_the_moving_line(page) == seen
    page.mouse.up()
    expect(page.locator(".cutoffs")).to_have_attribute("data-counted", "server")
    expect(page.locator(".cutoffs .moving")).to_have_count(0)
    chromium.settled(page)
    return seen


def _bars_of_the_moving_line(page: Page) -> list[int]:
    """Return the scans of each tier that the bars show which are drawn over plotly's, by their heights."""
    return page.evaluate(
        """() => {
          const { moving, cuts } = document.querySelector('.cutoffs').panel, y = moving.layout.yaxis;
          const scans = (rect) => y.p2d(0) - y.p2d(Number(rect.getAttribute('height')));
          const tiers = moving.bars.map((bars) => bars.reduce((all, rect) => all + scans(rect), 0));
          return cuts.data.cards.map((card, t) => Math.round(tiers[t]) + card.fixed);
        }"""
    )


def test_a_dragged_line_moves_counts_balance_and_warnings_and_freezes_reproducibly(
    tiers: Page, abide: Workspace, tmp_path: Path
) -> None:
    assert sum(counts(tiers)) == 1101
    part(tiers, tiers_page.PEOPLE)
    table = tiers.locator("table.ts").first
    before, balance = counts(tiers), table.inner_text()
    seen = drag(tiers, 10.0)
    assert line(tiers).get_attribute("aria-valuenow") == "10"
    assert counts(tiers) == seen != before
    expect(table).not_to_have_text(balance)
    if SHARED.is_file():  # sites that are bad as a whole, which the score does not scale away
        expect(tiers.get_by_text("The cut-off between A and B selects sites.")).to_be_visible()

    line(tiers).press("Home")
    nobody = tiers.get_by_text("No scan is in tier A")
    expect(nobody).to_be_visible()
    chromium.settled(tiers)
    drag(tiers, 17.5)
    expect(nobody).to_have_count(0)

    part(tiers, tiers_page.CUT)
    expect(tiers.get_by_role("spinbutton").first).to_have_value("17.5")
    part(tiers, tiers_page.COHORTS)
    tiers.get_by_label("Who decides").first.fill("Ada")
    tiers.get_by_role("button", name="Freeze this pool cohort").click()
    expect(tiers.get_by_text(re.compile("Frozen as"))).to_be_visible()
    (frozen,) = frozen_cohort.list_cohorts(abide)
    assert list(frozen.counts.values()) == counts(tiers)
    expect(tiers.get_by_role("cell", name=frozen.hash, exact=True)).to_be_visible()
    with tiers.expect_download() as download:
        tiers.get_by_role("button", name="Rule (YAML)").click()
    rule = tmp_path / "rule.yaml"
    download.value.save_as(rule)
    assert _command_line(abide, rule, tmp_path / "again.tsv") == frozen.hash
    assert (tmp_path / "again.tsv").read_bytes() == (
        abide.cohorts_dir / f"{frozen.id}.tsv"
    ).read_bytes()


def _command_line(workspace: Workspace, rule: Path, out: Path) -> str:
    """Sort by a rule without the page; return the hash that it prints."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "curation",
            "tiers",
            "--workspace",
            str(workspace.root),
            "--rule",
            str(rule),
            "--out",
            str(out),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"^hash ([0-9a-f]+)", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    return found[1]


def test_the_line_moves_by_keys_and_stays_between_its_neighbours(tiers: Page) -> None:
    lower = line(tiers)
    began = float(lower.get_attribute("aria-valuenow"))
    for key, expected in (("ArrowRight", began + 0.5), ("Shift+ArrowLeft", began - 4.5)):
        lower.press(key)
        expect(lower).to_have_attribute("aria-valuenow", f"{expected:g}")
    lower.press("End")
    expect(lower).to_have_attribute("aria-valuenow", "49.5")
    expect(tiers.locator(".cutoffs")).to_have_attribute("data-counted", "server")
    chromium.settled(tiers)
    assert not tiers.get_by_text("cross").count()


def test_values_of_lines_close_by_stand_beside_each_other_and_each_line_can_be_taken(
    tiers: Page,
) -> None:
    lower, upper = line(tiers), tiers.get_by_role("slider", name="Cut-off between B and C")
    lower.press("End")  # half a point below the upper one
    expect(tiers.locator(".cutoffs")).to_have_attribute("data-counted", "server")
    chromium.settled(tiers)
    left, right = (one.locator(".pill").bounding_box() for one in (lower, upper))
    assert left and right and left["x"] + left["width"] < right["x"]
    names = [one.bounding_box() for one in tiers.locator(".cutoffs .tier").all()]
    for name in names:
        assert name and not left["x"] < name["x"] + name["width"] / 2 < right["x"] + right["width"]
    for one, box in ((lower, left), (upper, right)):
        began = float(one.get_attribute("aria-valuenow"))
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        way = -60 if one is lower else 60
        tiers.mouse.move(x, y)
        tiers.mouse.down()
        tiers.mouse.move(x + way, y, steps=4)
        tiers.mouse.up()
        expect(tiers.locator(".cutoffs")).to_have_attribute("data-counted", "server")
        chromium.settled(tiers)
        assert (float(one.get_attribute("aria-valuenow")) - began) * way > 0


def test_the_line_follows_a_finger_all_the_way(tiers: Page) -> None:
    lower, finger = line(tiers), tiers.context.new_cdp_session(tiers)
    box, began = lower.bounding_box(), float(lower.get_attribute("aria-valuenow"))
    assert box
    a_point = tiers.evaluate(
        "() => { const a = document.querySelector('.cutoffs .plot')._fullLayout.xaxis;"
        "return a.d2p(1) - a.d2p(0) }"
    )
    x, y = box["x"] + box["width"] / 2, box["y"] + 80

    def touch(kind: str, *places: float) -> None:
        points = [{"x": place, "y": y + place % 3} for place in places]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", x)
    for step in range(1, 13):
        touch("touchMove", x + step * a_point)
        expect(lower).to_have_attribute("aria-valuenow", f"{began + step:g}")
    touch("touchEnd")
    expect(tiers.locator(".cutoffs")).to_have_attribute("data-counted", "server")
    assert lower.get_attribute("aria-valuenow") == f"{began + 12:g}"


@pytest.mark.own_window
def test_plotly_is_fetched_once_from_this_server(page: Page, served: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{served}/tiers")
    page.locator(".cutoffs[data-drawn]").wait_for()
    chromium.settled(page)
    drag(page, 12.0)
    part(page, tiers_page.RULE)
    page.locator(".flows .sankey").first.wait_for()
    assert len([url for url in asked if url.endswith("plotly.min.js")]) == 1
    assert all(url.startswith((served, "data:", "blob:")) for url in asked)


def test_a_flow_leads_to_the_scans_that_move(tiers: Page) -> None:
    drag(tiers, 12.0)
    part(tiers, tiers_page.RULE)
    tiers.locator(".flows .sankey-link").first.wait_for()
    expect(tiers.get_by_text("to another tier")).to_be_visible()
    tiers.locator(".flows .sankey-link").nth(1).click(force=True)
    chromium.settled(tiers)
    expect(tiers.get_by_label("Scans that move")).to_be_visible()
