"""Rate: sessions, what they hide, what they store; agreement, cut-off, history."""

import numpy as np
import pytest

from curation import cutoffs, overrides, ratings, sessions, tables
from curation.ratings import ARTEFACTS, SCALES
from curation.sessions import Plan
from curation.workspace import Workspace
from pages.ui import rating_keys, state
from tests import made_workspace, marked_workspace
from tests.pages.said import button, checked, words


def _started(workspace: Workspace, **changed) -> sessions.Session:  # type: ignore[no-untyped-def]
    plan = {
        "name": "pilot",
        "rater": "Ada",
        "scale": "three-level",
        "size": 3,
        "repeats_share": 0.0,
    }
    return sessions.start(workspace, Plan(**plan | changed))


def _rate(page, label: str) -> None:  # type: ignore[no-untyped-def]
    checked(button(page, label).click().run())
    checked(next(b for b in page.button if b.label.startswith("Save and")).click().run())


@pytest.fixture
def rated(own: Workspace) -> Workspace:
    """Three raters who mostly go by the score; the third disagrees now and then."""
    scores = tables.read_scored_scans(own).set_index("scan_id")["distortion_score"]
    rng, first = np.random.default_rng(0), None
    for who, noise in (("Ada", 3), ("Bob", 10), ("Cleo", 25)):
        choice = "all" if first is None else f"session:{first}"
        session = _started(own, rater=who, choice=choice, repeats_share=0.3, size=38)
        first = first or session.id
        for item in session.items:
            seen = scores[item.scan_id] + rng.normal(0, noise)
            value = 1.0 if seen < 30 else 0.0 if seen < 60 else -1.0
            sessions.save(own, session.id, item.position, value, seconds=20)
    return own


# ---- keys --------------------------------------------------------------------------------------------


def test_every_artefact_has_a_key_of_its_own_and_none_is_taken() -> None:
    letters = [key for key in rating_keys.OF_ARTEFACT.values() if key]
    others = [rating_keys.NEXT, rating_keys.UNDO, rating_keys.COMMENT, rating_keys.WINDOW]
    assert len(letters) == len(ARTEFACTS)
    assert len({*letters, *others}) == len(letters) + len(others)
    assert not rating_keys.RESERVED & {*letters, *others}


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_levels_and_sureness_have_different_digits(scale) -> None:
    levels = list(rating_keys.of_levels(scale).values())
    sure = [key for key in rating_keys.of_sureness(scale).values() if key]
    assert len({*levels, *sure}) == len(levels) + len(sure) == len(scale.values) + 5


def test_digits_are_the_values_of_the_scale_where_they_can_be() -> None:
    assert rating_keys.of_levels(SCALES["mriqc-4"]) == {4.0: "4", 3.0: "3", 2.0: "2", 1.0: "1"}
    assert list(rating_keys.of_levels(SCALES["three-level"]).values()) == ["1", "2", "3"]


# ---- starting and going on --------------------------------------------------------------------------


def test_a_session_is_started_blinded_with_its_seed_shown(own, run) -> None:
    page = run("rate", own)
    (seed,) = [n.value for n in page.number_input if n.label == "Seed"]
    page.text_input(key="new-rater").set_value("Ada")
    checked(button(page, "Start rating").click().run())
    (session,) = sessions.list_sessions(own).to_dict("records")
    plan = sessions.load(own, session["id"]).plan
    assert (plan.rater, plan.blinded, plan.seed) == ("Ada", True, seed)
    assert f"Scan 1 of {session['total']}" in words(page)
    assert page.query_params["session"] == str(session["id"])


def test_without_a_name_no_session_begins(own, run) -> None:
    page = checked(button(run("rate", own), "Start rating").click().run())
    assert "say who rates" in page.error[0].value
    assert sessions.list_sessions(own).empty


def test_an_open_session_is_offered_and_resumed_at_its_scan(own, run) -> None:
    session = _started(own)
    sessions.save(own, session.id, 0, 1.0)
    page = run("rate", own)
    checked(button(page, "Go on with session pilot, 1 of 3 (Ada)").click().run())
    assert "Scan 2 of 3" in words(page)
    checked(button(page, "Pause").click().run())
    assert "What do raters say?" in words(page)


def test_the_address_leads_back_into_the_session(own, run) -> None:
    session = _started(own)
    page = run("rate", own)
    page.query_params["session"] = str(session.id)
    checked(page.run())
    assert "Scan 1 of 3" in words(page)
    assert "What do raters say?" not in words(page)


@pytest.mark.parametrize("named", ["77", "9" * 30, "x", "-1"])
def test_an_address_of_no_session_leads_to_the_start(named, own, run) -> None:
    page = run("rate", own)
    page.query_params["session"] = named
    assert "What do raters say?" in words(checked(page.run()))


def test_the_studys_own_scale_is_added_and_chosen(own, run) -> None:
    page = run("rate", own)
    next(t for t in page.text_input if t.label == "Name of the scale").set_value("House scale")
    next(t for t in page.text_area if t.label == "Levels").set_value("fine\nso so\nbin")
    checked(button(page, "Add the scale").click().run())
    scale = ratings.find_scale(own, "House-scale")
    assert scale.values == {3.0: "fine", 2.0: "so so", 1.0: "bin"}
    assert page.session_state[state.SCALE] == "House-scale"


# ---- rating -----------------------------------------------------------------------------------------


def test_nothing_is_preselected_and_none_is_refused(own, run) -> None:
    session = _started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    assert [b.label for b in page.button if b.proto.type == "primary"] == ["Save and next"]
    checked(button(page, "Save and next").click().run())
    assert "none is chosen for you" in page.error[0].value
    assert ratings.list_ratings(own).empty


def test_what_is_chosen_is_stored_with_time_and_what_was_seen(own, run) -> None:
    session = _started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    for label in ("Head motion", "Wrap-around", "Head motion", "sure", "Show tissue"):
        checked(button(page, label).click().run())
    next(t for t in page.text_input if t.label.startswith("Comment")).set_value("a ring")
    _rate(page, "doubtful")
    (row,) = ratings.list_ratings(own).to_dict("records")
    assert (row["value"], row["confidence"], row["artefacts"]) == (0.0, 3.0, ("wrap-around",))
    assert (row["comment"], row["blinded"]) == ("a ring", True)
    assert row["seconds"] >= 0
    assert row["shown"]["windows"] == ["Background", "Tissue"]
    assert "site" in row["shown"]["hidden"]
    assert "Scan 2 of 3" in words(page)
    assert button(page, "Show tissue")  # the background comes first again


def test_what_is_not_saved_yet_outlives_the_browser(own, run) -> None:
    session = _started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    checked(button(page, "exclude").click().run())
    again = run("rate", own, **{state.RATING_SESSION: session.id})
    assert "exclude" in [b.label for b in again.button if b.proto.type == "primary"]


def test_a_scan_saved_elsewhere_is_not_rated_twice(own, run) -> None:
    session = _started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    checked(button(page, "accept").click().run())
    sessions.save(own, session.id, 0, -1.0)
    checked(button(page, "Save and next").click().run())
    assert ratings.list_ratings(own)["value"].tolist() == [-1.0]
    assert "Scan 2 of 3" in words(page)


def test_undo_opens_the_last_scan_again_and_keeps_the_record(own, run) -> None:
    session = _started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    _rate(page, "accept")
    checked(button(page, "Undo").click().run())
    assert "Scan 1 of 3" in words(page)
    assert ratings.list_ratings(own).empty
    assert len(ratings.list_ratings(own, withdrawn=True)) == 1


def test_while_blinded_the_page_holds_none_of_what_is_hidden(tmp_path, run) -> None:
    workspace = marked_workspace.make(tmp_path / "marked")
    session = _started(workspace)
    page = run("rate", workspace, **{state.RATING_SESSION: session.id})
    sent = page._tree  # every element, as it goes to the browser
    held = b"".join(_messages(sent))
    assert b"Scan 1 of 3" in held
    assert [mark for mark in marked_workspace.MARKS if mark in held] == []
    for label in ("accept", "accept", "accept"):
        _rate(page, label)
    assert "Finished" in words(page)
    held = b"".join(_messages(page._tree))
    assert [mark for mark in marked_workspace.MARKS if mark in held] == []
    checked(button(page, "Show what was hidden").click().run())
    said = words(page)
    assert all(mark in said for mark in ("MARKSCAN", "MARKSITE", "MARKGROUP", "MARKRATER: "))


def _messages(block):  # type: ignore[no-untyped-def]
    proto = getattr(block, "proto", None)
    if proto is not None and hasattr(proto, "SerializeToString"):
        yield proto.SerializeToString()
    for child in getattr(block, "children", {}).values():
        yield from _messages(child)


def test_a_session_that_is_not_blinded_says_what_is_known(own, run) -> None:
    session = _started(own, blinded=False)
    said = words(run("rate", own, **{state.RATING_SESSION: session.id}))
    assert session.items[0].scan_id in said
    assert "higher is worse" in said


def test_the_end_tells_agreement_and_what_was_hidden(rated, run) -> None:
    session = sessions.list_sessions(rated, "Ada").iloc[0]
    page = run("rate", rated, **{state.RATING_SESSION: int(session["id"])})
    checked(button(page, "Show what was hidden").click().run())
    said = words(page)
    assert button(page, "Undo").disabled
    parts = ["You with yourself", "You with others", "What was hidden"]
    assert [part.value for part in page.subheader] == parts
    assert "came twice, unannounced" in said
    assert "<td>Bob</td>" in said and "<td>Cleo</td>" in said
    assert "made-pool_sub-00_T1w" in said


# ---- agreement -------------------------------------------------------------------------------------


def test_agreement_is_told_in_words_with_intervals(rated, run) -> None:
    page = run("rate", rated, **{state.RATE_PART: "Agreement"})
    said = words(page)
    assert "Krippendorff&#x27;s α" in said
    assert "substantial" in said or "almost perfect" in said
    assert " to " in said and "Ada: exclude" in said


def test_few_scans_in_common_are_said_to_be_too_few(own, run) -> None:
    for who in ("Ada", "Bob"):
        session = _started(own, rater=who, seed=1)
        for item in session.items:
            sessions.save(own, session.id, item.position, 1.0)
    assert "not enough yet: 7 more" in words(run("rate", own, **{state.RATE_PART: "Agreement"}))


def test_a_contested_scan_opens_and_is_settled_by_one_more_row(rated, run) -> None:
    page = run("rate", rated, **{state.RATE_PART: "Agreement"})
    before = len(ratings.list_ratings(rated))
    opened = next(b for b in page.button if b.key and b.key.startswith("open-made"))
    contested = opened.key.removeprefix("open-")
    next(r for r in page.radio if r.label == "Verdict").set_value(-1.0)
    next(t for t in page.text_input if t.label == "Who decides").set_value("Dan")
    checked(button(page, "Settle").click().run())
    assert "needs a reason" in page.error[0].value
    next(r for r in page.radio if r.label == "Verdict").set_value(-1.0)
    next(t for t in page.text_input if t.label == "Who decides").set_value("Dan")
    next(t for t in page.text_input if t.label == "Reason").set_value("rings")
    checked(button(page, "Settle").click().run())
    given = ratings.list_ratings(rated)
    assert len(given) == before + 1
    assert given.iloc[-1][["scan_id", "role", "rater", "comment"]].tolist() == [
        contested, "adjudicator", "Dan", "rings",
    ]  # fmt: skip
    opened = next(b for b in page.button if b.key and b.key.startswith("open-made"))
    checked(opened.click().run())
    assert page.session_state[state.PENDING_SCAN] == opened.key.removeprefix("open-")


# ---- the cut-off ------------------------------------------------------------------------------------


def test_a_cut_off_needs_ratings_and_says_how_many(own, run) -> None:
    said = words(run("rate", own, **{state.RATE_PART: "Cut-off"}))
    assert "Not enough yet" in said and "20 more" in said


def test_a_suggested_cut_off_is_passed_on_and_taken_over_by_a_click(rated, run) -> None:
    page = run("rate", rated, **{state.RATE_PART: "Cut-off", state.PERSON: "Ada"})
    assert "among each other" in words(page)
    checked(button(page, "Pass on to Tiers").click().run())
    suggestion = cutoffs.latest_suggestion(rated)
    assert suggestion is not None
    tiers_page = run("tiers", rated)
    assert "Raters suggest" in words(tiers_page) and "(Ada, Bob, Cleo)" in words(tiers_page)
    take = next(b for b in tiers_page.button if b.label.startswith("Take it over"))
    checked(take.click().run())
    assert tiers_page.session_state[state.slider_key(1)] == state.rounded(suggestion.cutoff)
    assert "in force" in words(tiers_page)
    assert not tiers_page.error


def test_a_dearer_missed_scan_lowers_the_cut_off(rated, run) -> None:
    page = run("rate", rated, **{state.RATE_PART: "Cut-off", state.PERSON: "Ada"})
    checked(button(page, "Pass on to Tiers").click().run())
    equal = cutoffs.latest_suggestion(rated).cutoff
    checked(page.select_slider(key=state.COST).set_value(20.0).run())
    checked(button(page, "Pass on to Tiers").click().run())
    assert cutoffs.latest_suggestion(rated).cutoff <= equal


# ---- tiers by hand, history, files ------------------------------------------------------------------


def test_a_tier_by_hand_needs_a_reason_and_is_seen_everywhere(own, run) -> None:
    page = run("review", own, **{state.PERSON: "Ada"})
    scan_id = page.session_state[state.SCAN]
    next(r for r in page.radio if r.label == "Tier").set_value("A")
    checked(button(page, "Decide").click().run())
    assert "needs a reason" in page.error[0].value
    assert overrides.list_overrides(own).empty
    next(r for r in page.radio if r.label == "Tier").set_value("A")
    next(t for t in page.text_input if t.label == "Reason").set_value("the score sees a coil")
    checked(button(page, "Decide").click().run())
    assert overrides.standing(own)[["scan_id", "tier"]].values.tolist() == [[scan_id, "A"]]
    assert "the score sees a coil" in words(page)
    assert "by hand and not by the cut-offs" in words(run("tiers", own, **{state.ROLE: "target"}))
    said = words(run("rate", own, **{state.RATE_PART: "History"}))
    assert "tier A by hand" in said and "the score sees a coil" in said


def test_history_is_searched(rated, run) -> None:
    page = run("rate", rated, **{state.RATE_PART: "History"})
    checked(page.text_input(key="history-sought").set_value("session started").run())
    assert words(page).count("<tr><td") == 3


def test_ratings_go_out_to_files_and_come_back_once(rated, tmp_path, run) -> None:
    page = run("rate", rated, **{state.RATE_PART: "History"})
    checked(button(page, "Write the files").click().run())
    folder = rated.derivatives_dir
    assert (folder / "ratings.tsv").is_file()
    other = made_workspace.make(tmp_path / "other")
    page = run("rate", other, **{state.RATE_PART: "History"})
    for added in (len(ratings.list_ratings(rated)), 0):
        next(t for t in page.text_input if "folder" in t.label).set_value(str(folder))
        checked(button(page, "Import").click().run())
        assert f"{added} ratings added" in words(page)


def test_the_scans_that_would_teach_most_are_offered_for_rating(own, run) -> None:
    page = run("rate", own, **{state.RATE_PART: "Cut-off"})
    checked(button(page, "Rate the scans that would teach most").click().run())
    assert page.selectbox(key=state.NEW_CHOICE).value == "teach"
    page.text_input(key="new-rater").set_value("Ada")
    checked(button(page, "Start rating").click().run())
    assert sessions.list_sessions(own)["choice"].tolist() == ["teach"]
