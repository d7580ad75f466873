"""Tags on the pages: put on one scan or many, taken back, a filter, a gate; marked places are kept."""

import json

import numpy as np
import pandas as pd
import pytest

from curation.access.actions import Rank
from curation.decisions import scan_tags
from curation.ratings import artefact_places, rating_log
from curation.storage import tables
from curation.storage.workspace import Workspace
from pages.ui.explore import linked_plots, two_groups
from pages.ui.review import overlay_panel, rating_panel
from pages.ui.scan_table import scan_arrays, tried_rule
from pages.ui.shell import state
from pages.ui.tiers import tier_gates
from pages.ui.viewer import niivue_viewer, place_marks, tiles
from tests.helpers import pet_images
from tests.helpers.logins import signed_in
from tests.helpers.page_words import button, checked, words

ONE, TWO = "made-pool_sub-03_T1w", "made-pool_sub-05_T1w"


def test_a_tag_is_put_on_the_open_scan_taken_off_and_taken_back(own, run) -> None:
    page = run("review", own, **{state.PENDING_SCAN: ONE})
    field = next(one for one in page.text_input if (one.key or "").startswith("new-tag-"))
    checked(field.set_value("motion").run())
    assert "the tag motion waits" in page.warning[0].value and not scan_tags.in_force(own)
    checked(page.text_input(key="rater-name").set_value("Ada").run())  # and it is put on
    assert scan_tags.in_force(own) == {"motion": {ONE}}
    checked(page.button(key="tag-again").click().run())
    assert not scan_tags.in_force(own)
    checked(page.button(key="undo-tag").click().run())
    assert scan_tags.table(own)[["scan_id", "tag", "author"]].to_numpy().tolist() == [
        [ONE, "motion", "Ada"]
    ]


def test_two_tags_that_are_tapped_quickly_are_both_put_on(own, run) -> None:
    for tag in ("motion", "zipper"):
        scan_tags.put_on(own, tag, [TWO], "Ada")
    page = run("review", own, **{state.PENDING_SCAN: ONE, state.PERSON: "Ada"})
    pills = next(one for one in page.button_group if (one.key or "").startswith("tags-"))
    checked(pills.set_value(["motion", "zipper"]).run())  # the page runs once for both
    assert scan_tags.in_force(own) == {"motion": {ONE, TWO}, "zipper": {ONE, TWO}}


def test_whoever_may_only_look_is_told_the_tags_and_offered_none(own, run) -> None:
    scan_tags.put_on(own, "motion", [ONE], "Ada")
    with signed_in("eve@lab.example", Rank.VIEWER):
        page = run("review", own, **{state.PENDING_SCAN: ONE})
    assert "Tags: motion" in words(page)
    assert not [one for one in page.text_input if (one.key or "").startswith("new-tag-")]


def test_scans_and_review_show_the_scans_that_tags_leave(own, run, monkeypatch) -> None:
    drawn: list[dict] = []
    monkeypatch.setattr(tiles, "show", lambda _, shown, **__: drawn.extend(shown))
    scan_tags.put_on(own, "motion", [ONE, TWO], "Ada")
    scan_tags.put_on(own, "kept", [TWO], "Ada")
    run("sheet", own, **{state.WITH_TAGS: ["motion"], state.WITHOUT_TAGS: ["kept"]})
    assert [tile["id"] for tile in drawn] == [ONE] and "Tags: motion" in drawn[0]["title"]
    assert "1 of 37" in words(run("review", own, **{state.WITHOUT_TAGS: ["kept"]}))


def test_rows_of_scans_are_tagged_all_at_once(own, run) -> None:
    scan_tags.put_on(own, "kept", [TWO], "Ada")
    page = run("sheet", own, **{state.SHEET_VIEW: "Rows", state.SEARCH: "pool_sub-0"})
    shown = page.dataframe[0].value
    assert shown.loc[shown["scan_id"] == TWO, "tags"].tolist() == ["kept"]
    page.selectbox(key="tag-rows-word").set_value("kept")
    page.text_input[1].set_value("Ada")
    checked(page.button(key="tag-rows-on").click().run())
    assert scan_tags.in_force(own)["kept"] == set(shown["scan_id"])
    checked(page.button(key="undo-tag").click().run())
    assert scan_tags.in_force(own) == {"kept": {TWO}}


def test_ticks_are_of_the_scans_that_were_listed_and_go_with_them(own, run) -> None:
    page = run("sheet", own, **{state.SHEET_VIEW: "Rows", state.SEARCH: "pool_sub-0"})
    before = page.dataframe[0].proto.id
    assert (
        run("sheet", own, **{state.SHEET_VIEW: "Rows", state.SEARCH: "pool_sub-0"})
        .dataframe[0]
        .proto.id
        == before
    )
    other = run("sheet", own, **{state.SHEET_VIEW: "Rows", state.SEARCH: "pool_sub-1"})
    assert other.dataframe[0].proto.id != before


def test_a_gate_on_a_tag_holds_its_scans_and_the_plot_follows_a_new_tag(own, run) -> None:
    scan_tags.put_on(own, "motion", [ONE], "Ada")
    gates = [{"column": "tag.motion", "above": 0.0, "tier": "unusable"}]
    rule = tried_rule.DEFAULT_RULE.as_dict() | {"gates": gates}
    page = run("tiers", own, **{state.TRIED: rule, state.TIERS_PART: "Rule"})
    assert "with tag motion → unusable: 1 scan" in words(page)
    assert page.selectbox(key=tier_gates.gate_key(0, "side")).options == ["there", "not there"]
    checked(page.selectbox(key=tier_gates.gate_key(0, "side")).set_value("not there").run())
    assert page.session_state[state.TRIED]["gates"] == [
        {"column": "tag.motion", "below": 1.0, "tier": "unusable"}
    ]
    scans = scan_arrays.read_scan_table(own, "pool")
    assert scans.values("tag.motion").sum() == 1
    scan_tags.put_on(own, "motion", [TWO], "Ada")
    assert scans.values("tag.motion").sum() == 2


def test_two_groups_stand_side_by_side_with_what_is_missing(own, run, monkeypatch) -> None:
    monkeypatch.setattr(linked_plots, "_component", lambda: lambda **_: None)
    scan_tags.put_on(own, "motion", [ONE, TWO], "Ada")
    chosen = {state.TWO_GROUPS: True, state.GROUP_ONE: "Tag motion"}
    page = run("explore", own, **chosen)
    assert "Tag motion: median" in words(page) and f"{two_groups.OTHERS}: median" in words(page)


# ---- what lies over the image ----------------------------------------------------------------------


def test_the_pet_of_the_same_person_lies_over_its_t1w_where_it_is_asked_for(
    tmp_path, run, monkeypatch
) -> None:
    laid: list = []
    monkeypatch.setattr(
        niivue_viewer, "show", lambda _, overlays, **__: laid.append(tuple(overlays))
    )
    workspace = pet_images.make(Workspace.create(tmp_path / "w"))
    scans = tables.read_scans(workspace)
    grid = {"shape": [[34, 40, 34]] * len(scans), "spacing_mm": [[6.0] * 3] * len(scans)}
    tables.write_scans(workspace, scans.assign(**grid, orientation="RAS"))
    run("review", workspace)
    run("review", workspace, **{state.PET_OVER: True, state.PET_OPACITY: 30})
    assert laid[0] == ()
    (pet,) = laid[-1]
    assert (pet.key, pet.opacity) == ("pet", 0.3) and pet.image.black < pet.black < pet.white
    scans = tables.read_scans(workspace)
    t1w = scans[scans["status"] == "ok"].iloc[0]
    own = overlay_panel.pet_of(scans, t1w)
    assert own is not None and own["subject_id"] == t1w["subject_id"]
    assert (
        overlay_panel.pet_of(pd.concat([scans, scans]), t1w) is None
    )  # which of two, nobody knows


# ---- marked places --------------------------------------------------------------------------------


def test_a_marked_place_is_kept_with_the_rating_and_shown_again(own, run) -> None:
    page = run("review", own, **{state.PENDING_SCAN: ONE, state.PERSON: "Ada"})
    page.session_state[state.RATING_DRAFTS] = {ONE: {"places": ((1.0, 2.0, 3.0),)}}
    checked(page.run())
    level = next(one for one in page.button if (one.key or "").startswith("level-"))
    checked(level.click().run())
    checked(button(page, "Save").click().run())
    given = rating_log.list_ratings(own, ONE)
    assert artefact_places.of(given["shown"].iloc[0]) == ((1.0, 2.0, 3.0),)
    assert json.loads(json.dumps(given["shown"].iloc[0])) == {"places": [[1.0, 2.0, 3.0]]}
    assert "1 place marked" in words(run("review", own, **{state.PENDING_SCAN: ONE}))
    assert rating_panel.marks_of(own, ONE).places == ((1.0, 2.0, 3.0),)


@pytest.mark.parametrize("place", [(0, 0), (0, 0, "x"), (0, 0, float("nan")), (0, 0, 1e9), None])
def test_what_is_no_place_is_not_marked(place: object) -> None:
    assert artefact_places.toggled([(1.0, 1.0, 1.0)], place) == ((1.0, 1.0, 1.0),)  # type: ignore[arg-type]


def test_a_mark_is_a_ring_around_its_place() -> None:
    (overlay,) = place_marks.overlay([(10.0, -20.0, 30.0), (40.0, -20.0, 30.0)])
    ring = np.argwhere(overlay.mask) @ overlay.affine[:3, :3].T + overlay.affine[:3, 3]
    away = np.linalg.norm(ring - np.array([10.0, -20.0, 30.0]), axis=1)
    near = away < 15
    assert near.sum() > 100 and np.all(np.abs(away[near] - 8) <= 1.01)
    assert place_marks.overlay([]) == []
