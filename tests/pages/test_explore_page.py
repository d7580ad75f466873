"""Explore: the selection of a plot is listed, saved and opened; filters, search, and every empty state."""

from collections.abc import Callable

import numpy as np
import pytest
import streamlit as st

from curation.references import reference_library
from curation.sessions import saved_lists
from curation.storage import files, tables
from curation.tiers import overrides
from pages.ui.explore import linked_plots, selected_scans
from pages.ui.shell import state
from pages.ui.viewer import tiles
from tests.helpers import workspace_full
from tests.helpers.page_words import button, checked, words
from tests.helpers.workspace_scored import put_scans


class Seen:
    """What was drawn last, and what is selected next as if with the mouse."""

    def __init__(self) -> None:
        self.shown: linked_plots.LinkedPlots | None = None
        self.chosen: list[int] = []
        self.taken: Callable | None = None
        self.tiles: list[str] = []
        self.clicked: str | None = None

    def draw(self, shown, legend, chosen, taken) -> None:  # type: ignore[no-untyped-def]
        self.shown, self.legend, self.chosen, self.taken = shown, legend, chosen.tolist(), taken

    def sheet(self, _: object, drawn: list[dict], **__: object) -> str | None:
        self.tiles = [tile["id"] for tile in drawn]
        return self.clicked

    def names(self) -> list[str]:
        assert self.shown is not None
        return list(self.shown.names)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    full = Seen()
    monkeypatch.setattr(linked_plots, "show", full.draw)
    monkeypatch.setattr(tiles, "show", full.sheet)
    return full


def selected(page, seen: Seen, places: list[int]):  # type: ignore[no-untyped-def]
    """Run the page after these scans were selected in a plot."""
    ids = tuple(seen.names()[place] for place in places)
    page.session_state[state.SELECTED] = ids
    checked(page.run())
    return ids


def test_all_scans_of_the_role_are_drawn_and_listed_worst_first(full, run, seen) -> None:
    page = run("explore", full.workspace)
    assert len(seen.names()) == workspace_full.POOL and seen.chosen == []
    assert "Nothing selected: all 24 scans are listed" in words(page)
    scores = page.dataframe[0].value["distortion_score"]
    assert len(scores) == 24 and scores.is_monotonic_decreasing
    assert [words_ for _, words_, *_ in seen.legend] == ["Tier A: 10", "Tier B: 11", "Tier C: 3"]


def test_a_selection_is_in_plots_tiles_and_table(full, run, seen) -> None:
    page = run("explore", full.workspace)
    ids = selected(page, seen, [2, 5, 11])
    assert seen.chosen == [2, 5, 11] and set(seen.tiles) == set(ids)
    assert set(page.dataframe[0].value["scan_id"]) == set(ids)
    assert "3 of 24 scans selected" in words(page)
    button(page, "Clear").click()
    checked(page.run())
    assert seen.chosen == [] and len(page.dataframe[0].value) == 24


def test_what_the_plots_say_becomes_the_selection(full, run, seen, monkeypatch) -> None:
    run("explore", full.workspace)
    session: dict = {}
    monkeypatch.setattr(st, "session_state", session)
    assert seen.taken is not None
    seen.taken(np.array([1, 3]))
    assert session[state.SELECTED] == (seen.names()[1], seen.names()[3])


def _find(page, words_: str) -> None:  # type: ignore[no-untyped-def]
    page.text_input(key=state.FIND).set_value(words_)
    checked(page.run())


@pytest.mark.parametrize(
    ("mode", "left", "said"),
    [
        ("new", 10, "10 scans with “SUB-1” in the name, selected"),
        ("add", 11, "10 scans with “SUB-1” in the name, added to the selection"),
        ("keep", 1, "10 scans with “SUB-1” in the name; only those of the selection are kept"),
        ("drop", 1, "10 scans with “SUB-1” in the name, taken away from the selection"),
    ],
)
def test_search_does_what_a_box_or_a_lasso_would(mode, left, said, full, run, seen) -> None:
    page = run("explore", full.workspace, **{state.SELECT_MODE: mode})
    before = [seen.names().index("made-pool_sub-00_T1w")]
    if mode in ("keep", "drop"):
        before.append(seen.names().index("made-pool_sub-10_T1w"))
    selected(page, seen, before)
    _find(page, "SUB-1")
    assert said in words(page)
    assert len(seen.chosen) == left and page.text_input(key=state.FIND).value == ""


def test_search_that_finds_nothing_leaves_the_selection(full, run, seen) -> None:
    page = run("explore", full.workspace)
    selected(page, seen, [0])
    _find(page, ".*")
    assert "No scan with “.*” in the name." in words(page) and seen.chosen == [0]


def test_filters_narrow_the_plots_and_say_what_of_the_selection_they_hide(own, run, seen) -> None:
    page = run("explore", own)
    selected(page, seen, [0, 1])
    assert {"North", "South"} == set(page.multiselect(key=state.EXPLORED_SITES).options)
    page.multiselect(key=state.EXPLORED_SITES).set_value(["North"])
    checked(page.run())
    assert len(seen.names()) == 12 and seen.chosen == [0]
    assert "1 selected scan not shown" in words(page)
    page.multiselect(key=state.EXPLORED_TIERS).set_value(["C"])
    checked(page.run())
    assert len(seen.names()) == 1
    number = saved_lists.save(own, "few", "Ada", ["made-pool_sub-00_T1w"])
    page = run("explore", own, **{state.LISTS: [number]})
    assert seen.names() == ["made-pool_sub-00_T1w"]
    page.multiselect(key=state.EXPLORED_TIERS).set_value(["C"])
    checked(page.run())
    assert "No scan matches these filters" in words(page)


def test_the_other_role_is_another_picture(full, run, seen) -> None:
    run("explore", full.workspace, **{state.ROLE: "target"})
    assert len(seen.names()) == workspace_full.TARGET
    assert all(name.startswith("made-target") for name in seen.names())


def test_a_selection_is_saved_as_a_list_with_its_author(own, run, seen) -> None:
    page = run("explore", own)
    ids = selected(page, seen, [4, 9])
    assert button(page, "Save 2 scans")
    for label, value in (("Name of the list", "odd"), ("Who picked them", "Ada")):
        next(one for one in page.text_input if one.label == label).set_value(value)
    button(page, "Save 2 scans").click()
    checked(page.run())
    (saved,) = saved_lists.list_lists(own)
    assert (saved.name, saved.author, saved.scans) == ("odd", "Ada", 2)
    assert set(saved_lists.scans_of(own, saved.id)) == set(ids)
    assert "Saved: odd, 2 scans" in words(page)
    button(page, "Save 2 scans").click()
    page = checked(page.run())
    assert "needs a name" in words(page) or "There is a list named" in words(page)
    assert len(saved_lists.list_lists(own)) == 1


def test_a_click_on_a_tile_opens_review_and_the_open_scan_is_marked(full, run, seen) -> None:
    run("explore", full.workspace)
    seen.clicked = seen.tiles[3]
    page = run("explore", full.workspace)
    assert page.session_state[state.PENDING_SCAN] == seen.clicked
    seen.clicked = None
    run("explore", full.workspace, **{state.SCAN: "made-pool_sub-05_T1w"})
    assert seen.shown is not None and seen.names()[seen.shown.open] == "made-pool_sub-05_T1w"
    run("explore", full.workspace, **{state.SCAN: "made-target_sub-05_T1w"})
    assert seen.shown.open is None


def test_axes_are_chosen_and_fall_back_where_a_measure_is_gone(full, run, seen) -> None:
    page = run(
        "explore", full.workspace, **{state.AGAINST: "no such metric", state.BY_SITE: "motion"}
    )
    assert seen.shown is not None and "Motion" in seen.shown.panels[2].up
    page.selectbox(key=state.AGAINST).set_value("efc")
    checked(page.run())
    assert seen.shown.panels[0].along.startswith("Entropy")


def test_scans_from_a_table_have_a_table_and_no_tiles(workspace, tmp_path, run, seen) -> None:
    workspace_full.import_table(workspace, tmp_path / "tables", 30)
    page = run("explore", workspace)
    assert len(seen.names()) == 30 and seen.tiles == []
    assert "come from tables and have no images" in words(page)
    assert len(page.dataframe[0].value) == 30


def test_scans_of_two_references_are_said_not_to_share_a_scale(own, run, seen) -> None:
    assert "references" not in words(run("explore", own))
    scores = tables.read_scores(own)
    some = scores["scan_id"].isin(sorted(scores["scan_id"])[:5])
    other = scores["reference"].mask(some, reference_library.experts().id)
    files.write_parquet(own.scores_path, scores.assign(reference=other))
    said = words(run("explore", own))
    assert "judged by 2 references" in said and "5 scans by Experts' ratings" in said
    assert "only among scans of one reference" in said


def test_one_scan_and_scans_without_metrics_or_scores(workspace, run, seen) -> None:
    put_scans(workspace, [{"distortion_score": 40.0}])
    page = run("explore", workspace)
    assert len(seen.names()) == 1 and "all 1 scan are listed" not in words(page)
    workspace.scores_path.unlink()
    page = run("explore", workspace)
    assert "None of these scans is measured yet" in words(page)
    scans = tables.read_scans(workspace)
    part = scans[["scan_id", "sha256"]].assign(cjv=0.5, flags="{}", reasons="{}")
    files.write_parquet(workspace.metrics_dir / "part-1.parquet", part)
    page = run("explore", workspace)
    assert [words_ for _, words_, *_ in seen.legend] == ["not scored: 1"]


def test_page_with_many_scans_draws_density(full, run, seen, monkeypatch) -> None:
    monkeypatch.setattr(linked_plots, "POINTS_DRAWN", 10)
    page = run("explore", full.workspace)
    assert seen.shown is not None and seen.shown.dense
    assert "drawn as density" in words(page)


def test_points_can_be_coloured_by_site(full, run, seen) -> None:
    page = run("explore", full.workspace)
    by_tier = list(seen.legend)
    page.session_state[state.COLOURED_BY] = "site"
    checked(page.run())
    sites = tables.read_scans(full.workspace).query("role == 'pool'")["site"]
    assert seen.legend != by_tier
    assert [words_ for _, words_, *_ in seen.legend] == [
        f"{site}: {count}"
        for site, count in sites.value_counts()
        .sort_index()
        .sort_values(ascending=False, kind="stable")
        .items()
    ]
    assert seen.shown is not None and len(seen.shown.colours) == len(seen.shown.shapes)


def test_table_and_file_say_which_tier_is_by_hand_and_why(own, run, seen) -> None:
    page = run("explore", own)
    assert "tier_by_hand" not in page.dataframe[0].value
    chosen = seen.names()[0]
    overrides.override(own, chosen, "Ada", "C", "metal artefact")
    table = run("explore", own).dataframe[0].value.set_index("scan_id")
    assert table["tier_by_hand"].dropna().to_dict() == {chosen: "metal artefact"}
    assert table.at[chosen, "tier"] == "C"
    file = selected_scans._file(table.reset_index(), {}).decode()
    assert "tier_by_hand" in file and file.count("metal artefact") == 1
