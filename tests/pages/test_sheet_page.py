"""Scans: sorted, filtered, searched, in pages; a click opens one on Review."""

from pathlib import Path

import pytest

from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.tier_rule import TierRule
from pages.ui.review import scan_rows
from pages.ui.shell import state
from pages.ui.viewer import niivue_viewer, tiles
from tests.helpers import pet_images, workspace_full
from tests.helpers.page_words import words


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What was drawn last, and what is clicked next."""
    told: dict = {"clicked": None}

    def show(workspace: object, drawn: list[dict]) -> str | None:
        told["tiles"] = drawn
        return told.pop("clicked", None)

    monkeypatch.setattr(tiles, "show", show)
    return told


def ids(shown: dict) -> list[str]:
    return [tile["id"] for tile in shown["tiles"]]


def test_the_worst_scan_comes_first_and_the_rest_in_order(full, run, shown) -> None:
    run("sheet", full.workspace)
    scores = [float(tile["score"].removeprefix("≥ ")) for tile in shown["tiles"]]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 38


def test_scans_that_cannot_be_read_are_counted_and_their_reasons_pointed_to(
    full, run, shown
) -> None:
    assert "1 more scan cannot be shown; the page Cohort says why." in words(
        run("sheet", full.workspace)
    )


def test_a_search_does_not_count_what_it_did_not_look_for(full, run, shown) -> None:
    found = words(run("sheet", full.workspace, **{state.SEARCH: "sub-01"}))
    assert "cannot be shown" not in found


def test_a_pet_is_no_scan_that_cannot_be_read(tmp_path: Path, run, shown) -> None:
    workspace = pet_images.make(Workspace.create(tmp_path / "w"))
    assert "cannot be read" not in words(run("sheet", workspace))
    assert shown["tiles"]


def test_search_finds_part_of_a_name_whatever_its_case(full, run, shown) -> None:
    run("sheet", full.workspace, **{state.SEARCH: "TARGET_SUB-03"})
    assert ids(shown) == ["made-target_sub-03_T1w"]
    page = run("sheet", full.workspace, **{state.SEARCH: ".*"})
    assert "No scan matches" in words(page)


def test_filters_are_those_of_review(full, run, shown) -> None:
    run("sheet", full.workspace, **{state.TIERS: ["A"], state.SOURCES: ["made-pool"]})
    assert {tile["tier"].partition(",")[0] for tile in shown["tiles"]} == {"A"}
    assert all(name.startswith("made-pool") for name in ids(shown))


def test_pages_of_tiles_hold_every_scan_once(full, run, shown, monkeypatch) -> None:
    monkeypatch.setattr(tiles, "PAGE_SIZE", 15)
    pages = []
    for number in (0, 1, 2, 99):
        run("sheet", full.workspace, **{state.SHEET_PAGE: number})
        pages.append(ids(shown))
    assert [len(page) for page in pages] == [15, 15, 8, 8]
    assert len({name for page in pages for name in page}) == 38
    assert pages[3] == pages[2]


def test_a_click_opens_the_scan_on_review(full, run, shown) -> None:
    shown["clicked"] = "made-pool_sub-05_T1w"
    page = run("sheet", full.workspace)
    assert page.session_state[state.PENDING_SCAN] == "made-pool_sub-05_T1w"


def test_a_click_on_a_scan_that_is_not_there_does_nothing(full, run, shown) -> None:
    shown["clicked"] = "nobody"
    page = run("sheet", full.workspace)
    assert state.PENDING_SCAN not in page.session_state


def test_the_open_scan_is_marked_on_the_sheet_and_on_tiers(full, run, shown) -> None:
    run("sheet", full.workspace, **{state.SCAN: "made-pool_sub-05_T1w"})
    assert [t["id"] for t in shown["tiles"] if t["current"]] == ["made-pool_sub-05_T1w"]
    said = words(run("tiers", full.workspace, **{state.SCAN: "made-pool_sub-05_T1w"}))
    assert "made-pool" in said
    assert "the scan that is open on Review" in said


def test_scans_of_a_table_are_said_to_have_no_images(workspace, tmp_path, run, monkeypatch) -> None:
    workspace_full.import_table(workspace, tmp_path / "tables", 5)
    monkeypatch.setattr(niivue_viewer, "warm", None)
    assert "come from tables and have no images" in words(run("sheet", workspace))


def test_rows_and_tiles_tell_the_ratings_in_words_and_the_file_too(own, run, shown) -> None:
    for scan_id, value in (("made-pool_sub-01_T1w", 0.0), ("made-pool_sub-02_T1w", 1.0)):
        _rate(own, scan_id, "Ada", value)
    _rate(own, "made-pool_sub-02_T1w", "Bob", -1.0)
    run("sheet", own)
    more = {tile["id"]: tile["more"] for tile in shown["tiles"] if tile["more"]}
    assert more == {"made-pool_sub-01_T1w": "doubtful", "made-pool_sub-02_T1w": "rated"}
    page = run("sheet", own, **{state.SHEET_VIEW: "Rows"})
    told = page.dataframe[0].value.set_index("scan_id")["rating"].dropna().to_dict()
    assert told == {"made-pool_sub-01_T1w": "doubtful", "made-pool_sub-02_T1w": "exclude, accept"}
    assert page.dataframe[0].proto.placeholder == "–"
    scans = tables.read_scored_scans(own).assign(tier="A")
    header, *rows = scan_rows._file(own, scans).decode().splitlines()
    assert "rating" in header.split("\t") and "/" not in header
    assert any("made-pool_sub-02_T1w" in row and "exclude, accept" in row for row in rows)


def test_rows_tiles_and_the_file_say_which_tier_is_by_hand_and_why(own, run, shown) -> None:
    assert "tier_by_hand" not in run("sheet", own, **{state.SHEET_VIEW: "Rows"}).dataframe[0].value
    chosen = "made-pool_sub-01_T1w"
    overrides.override(own, chosen, "Ada", "C", "=metal artefact")
    run("sheet", own, **{state.SHEET_VIEW: "Pictures"})
    assert {tile["id"] for tile in shown["tiles"] if tile["tier"] == "C, by hand"} == {chosen}
    page = run("sheet", own, **{state.SHEET_VIEW: "Rows"})
    table = page.dataframe[0].value.set_index("scan_id")
    assert table["tier_by_hand"].dropna().to_dict() == {chosen: "=metal artefact"}
    found = tables.read_scored_scans(own).assign(tier="A")
    found["tier_by_hand"] = overrides.reasons(own, found, TierRule())
    header, *rows = scan_rows._file(own, found).decode().splitlines()
    place = header.split("\t").index("tier_by_hand")
    told = [row.split("\t")[place] for row in rows]
    assert set(told) == {"n/a", "'=metal artefact"} and told.count("n/a") == len(told) - 1


def _rate(workspace: Workspace, scan_id: str, rater: str, value: float) -> None:
    given = Rating(scan_id=scan_id, rater=rater, scale="three-level", value=value)
    rating_log.add_rating(workspace, given)
