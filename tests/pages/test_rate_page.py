"""Rate: sessions, what they hide and what they store."""

import json
import time

import pytest

from curation.ratings import rating_log
from curation.ratings.rating_record import ARTEFACTS, Opinion, Rating
from curation.ratings.scales import SCALES, find_scale
from curation.sessions import session_log
from curation.sessions.session_plan import SessionPlan
from curation.storage import files, tables
from curation.tiers.tier_rule import TierRule
from pages.ui.rate import rating_draft, rating_keys, session_form
from pages.ui.rate.rating_draft import RatingDraft
from pages.ui.review import level_buttons, rating_panel
from pages.ui.shell import person, state
from pages.ui.viewer import niivue_viewer
from tests.helpers import workspace_full, workspace_marked
from tests.helpers.page_words import button, checked, words
from tests.helpers.rating_sessions import started


def _rate(page, label: str) -> None:  # type: ignore[no-untyped-def]
    checked(button(page, label).click().run())
    checked(next(b for b in page.button if b.label.startswith("Save and")).click().run())


# ---- keys --------------------------------------------------------------------------------------------


def test_every_artefact_has_a_key_of_its_own_and_none_is_taken() -> None:
    letters = [key for key in rating_keys.ARTEFACT_KEYS.values() if key]
    others = [
        rating_keys.NEXT,
        rating_keys.UNDO,
        rating_keys.COMMENT,
        rating_keys.WINDOW,
        rating_keys.CROSS,
        rating_keys.MARK,
        rating_keys.EARLIER_NEXT,
    ]
    assert len(letters) == len(ARTEFACTS)
    assert len({*letters, *others}) == len(letters) + len(others)
    assert not rating_keys.RESERVED & {*letters, *others}


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_levels_and_sureness_have_different_digits(scale) -> None:
    levels = list(level_buttons.level_keys(scale).values())
    sure = [key for key in rating_keys.confidence_keys(scale).values() if key]
    assert len({*levels, *sure}) == len(levels) + len(sure) == len(scale.values) + 5


def test_digits_are_the_values_of_the_scale_where_they_can_be() -> None:
    assert level_buttons.level_keys(SCALES["mriqc-4"]) == {4.0: "4", 3.0: "3", 2.0: "2", 1.0: "1"}
    assert list(level_buttons.level_keys(SCALES["three-level"]).values()) == ["1", "2", "3"]


def test_the_key_that_saves_and_goes_on_is_that_of_review_and_the_earlier_one_works_unseen(
    own, run
) -> None:
    session = started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    save = next(b for b in page.button if b.label == "Save and next")
    before = next(b for b in page.button if b.label == f"Save ({rating_keys.EARLIER_NEXT})")
    keys = [b.proto.shortcut.lower() for b in (save, before)]
    assert keys == [rating_panel.NEXT.lower(), "n"]
    said = words(page)
    assert "S save and next" in said and "N save" not in said
    checked(button(page, "accept").click().run())
    checked(before.click().run())
    assert session_log.load(own, session.id).done == 1


def test_the_end_writes_a_lower_bound_as_one(own, run) -> None:
    scores = tables.read_scores(own)
    files.write_parquet(own.scores_path, scores.assign(score_high=scores["distortion_score"] + 9))
    session = started(own, size=1, repeats_share=0.0)
    session_log.save(own, session.id, 0, Opinion(1.0))
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    said = words(checked(button(page, "Show what was hidden").click().run()))
    score = scores.set_index("scan_id")["distortion_score"][session.items[0].scan_id]
    assert f"≥ {score:.1f}" in said
    assert "part of what is judged could not be measured" in said


def test_no_key_shows_what_was_hidden(own, run) -> None:
    session = started(own, size=1)
    session_log.save(own, session.id, 0, Opinion(1.0))
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    assert not button(page, "Show what was hidden").proto.shortcut


# ---- starting and going on --------------------------------------------------------------------------


def test_a_session_is_started_blinded_with_its_seed_shown(own, run) -> None:
    page = run("rate", own)
    (seed,) = [n.value for n in page.number_input if n.label == "Seed"]
    page.text_input(key="new-rater").set_value("Ada")
    checked(button(page, "Start rating").click().run())
    (session,) = session_log.list_sessions(own).to_dict("records")
    plan = session_log.load(own, session["id"]).plan
    assert (plan.rater, plan.blinded, plan.seed) == ("Ada", True, seed)
    assert f"Scan 1 of {session['total']}" in words(page)
    assert page.query_params["session"] == str(session["id"])


def test_a_rater_that_is_there_in_another_spelling_is_no_new_one(own, run) -> None:
    started(own, size=1)
    page = run("rate", own)
    page.text_input(key="new-rater").set_value(" aDa")
    checked(button(page, "Start rating").click().run())
    assert "There is a rater Ada already" in page.error[0].value
    assert len(session_log.list_sessions(own)) == 1


def test_without_a_name_no_session_begins(own, run) -> None:
    page = checked(button(run("rate", own), "Start rating").click().run())
    assert "say who rates" in page.error[0].value
    assert session_log.list_sessions(own).empty


def test_whoever_starts_a_session_says_who_they_are_whoever_was_here_before(own, run) -> None:
    started(own, rater="Bob", choice="all")
    page = run("rate", own, **{state.PERSON: "Ada"})
    assert page.text_input(key="new-rater").value == ""
    offered = [b.label for b in page.button if b.label.startswith("I am ")]
    assert offered == ["I am Ada", "I am Bob"]
    checked(button(page, "I am Bob").click().run())
    assert page.text_input(key="new-rater").value == "Bob"
    assert not [b for b in page.button if b.label.startswith("I am ")]
    checked(button(page, "Start rating").click().run())
    assert session_log.list_sessions(own)["rater"].tolist() == ["Bob", "Bob"]


def _leave(page, seconds: float) -> None:  # type: ignore[no-untyped-def]
    """Have it that nobody did anything for so long."""
    page.session_state[state.LAST_ACT] = time.monotonic() - seconds


def test_after_a_long_pause_a_session_asks_whether_its_rater_is_still_there(own, run) -> None:
    session = started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    checked(button(page, "accept").click().run())
    _leave(page, person.PAUSE_S + 1)
    checked(next(b for b in page.button if b.label == "Save and next").click().run())
    assert "Are you Ada?" in words(page) and "Scan 1 of" not in words(page)
    assert session_log.load(own, session.id).done == 0
    checked(button(page, "Yes, I am Ada").click().run())
    assert "Scan 1 of" in words(page)
    checked(next(b for b in page.button if b.label == "Save and next").click().run())
    assert session_log.load(own, session.id).done == 1  # what was chosen is still there
    _leave(page, person.PAUSE_S + 1)
    checked(page.run())
    checked(button(page, "No, close the session").click().run())
    assert "Start a session" in [one.value for one in page.subheader]


def test_a_short_pause_asks_nobody(own, run) -> None:
    session = started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    _leave(page, person.PAUSE_S - 60)
    assert "Scan 1 of" in words(checked(page.run()))


def test_without_any_image_the_way_to_images_is_offered(workspace, tmp_path, run) -> None:
    workspace_full.import_table(workspace, tmp_path / "tables", 5)
    page = run("rate", workspace)
    assert "No scan here has an image to rate." in words(page)
    assert "under Agreement" not in words(page)
    rating_log.add_rating(
        workspace,
        Rating(
            scan_id=tables.read_scans(workspace)["scan_id"][0],
            rater="Ada",
            scale="pass-fail",
            value=1.0,
        ),
    )
    assert "Ratings that came with a table are under Agreement." in words(run("rate", workspace))


@pytest.mark.parametrize("known", ["", "Tom"])
@pytest.mark.parametrize("way", ["Go on with session pilot, 0 of 3 (Ada)", "Open"])
def test_whoever_opens_a_session_is_asked_whether_they_are_its_rater(own, run, known, way) -> None:
    started(own)
    page = run("rate", own, **{state.PERSON: known})
    checked(button(page, way).click().run())
    said = words(page)
    assert "Are you Ada?" in said and "Scan 1 of" not in said
    assert ("The name that works here is Tom." in said) == bool(known)
    assert "for a while" not in said
    checked(button(page, "No, close the session").click().run())
    checked(button(page, way).click().run())
    checked(button(page, "Yes, I am Ada").click().run())
    assert "Scan 1 of 3" in words(page) and page.session_state[state.PERSON] == "Ada"
    checked(page.run())
    assert "Scan 1 of 3" in words(page)  # asked once
    checked(button(page, "Pause").click().run())
    checked(button(page, way).click().run())
    said = words(page)  # who paused may have handed it on
    assert "Are you Ada?" in said and "The name that works here" not in said
    checked(button(page, "Yes, I am Ada").click().run())
    address = dict(page.query_params)
    checked(button(page, "Pause").click().run())
    page.query_params.update(address)  # as the browser's way back does
    assert "Are you Ada?" in words(checked(page.run()))


def test_what_a_level_of_a_published_scale_is_given_for_is_said_below_the_form(own, run) -> None:
    page = run("rate", own, **{state.RATING_SESSION: started(own).id})
    assert "**doubtful**: artefacts that may change a measurement" in words(page)


def test_a_finished_session_that_was_not_shown_yet_is_opened_by_its_rater_alone(own, run) -> None:
    session = started(own, size=1)
    session_log.save(own, session.id, 0, Opinion(1.0))
    page = run("rate", own, **{state.PERSON: "Tom"})
    assert "rated, not shown yet" in words(page)
    checked(button(page, "Open").click().run())
    assert "Are you Ada?" in words(page)
    assert not [one for one in page.button if one.label == "Undo"]


def test_where_another_name_works_than_the_open_sessions_it_is_asked_for(own, run) -> None:
    session = started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id, state.PERSON: "Tom"})
    assert "Are you Ada?" in words(page)


def test_an_open_session_is_offered_and_resumed_at_its_scan(own, run) -> None:
    session = started(own)
    session_log.save(own, session.id, 0, Opinion(1.0))
    page = run("rate", own, **{state.PERSON: "Ada"})
    checked(button(page, "Go on with session pilot, 1 of 3 (Ada)").click().run())
    checked(button(page, "Yes, I am Ada").click().run())
    assert "Scan 2 of 3" in words(page)
    checked(button(page, "Pause").click().run())
    assert "What do raters say?" in words(page)


def test_the_address_leads_back_into_the_session(own, run) -> None:
    session = started(own)
    page = run("rate", own)
    page.query_params["session"] = str(session.id)
    checked(page.run())
    assert "Scan 1 of 3" in words(page)
    assert "What do raters say?" not in words(page)


def test_the_tiers_offered_are_those_of_the_rule_on_tiers(own, run) -> None:
    gates = [{"column": "distortion_score", "above": 80.0, "tier": "unusable"}]
    rule = {
        "names": ["fine", "poor"],
        "cutoffs": [40.0],
        "column": "distortion_score",
        "gates": gates,
        "by_site": {},
    }
    page = run("rate", own, **{state.TRIED: rule, state.NEW_CHOICE: "tier"})
    (tier,) = [box for box in page.selectbox if box.label == "Tier"]
    assert [option.split(" (")[0] for option in tier.options] == ["fine", "poor", "unusable"]
    assert "over 80 → unusable" in words(page).replace("\\", "")
    tier.set_value("unusable").run()
    page.text_input(key="new-rater").set_value("Ada")
    checked(button(page, "Start rating").click().run())
    plan = session_log.load(own, int(session_log.list_sessions(own)["id"][0])).plan
    assert (plan.choice, plan.rule.brief()) == ("tier:unusable", TierRule.from_dict(rule).brief())


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
    scale = find_scale(own, "House-scale")
    assert scale.values == {3.0: "fine", 2.0: "so so", 1.0: "bin"}
    assert page.session_state[state.SCALE] == "House-scale"


def _field(page, kind: str, label: str):  # type: ignore[no-untyped-def]
    return next(one for one in getattr(page, kind) if one.label.startswith(label))


def test_the_scans_of_another_session_come_with_how_it_is_rated(own, run) -> None:
    model = started(
        own, scale="mriqc-4", repeats_share=0.5, blinded=False, air_first=True, name="hers"
    )
    page = run("rate", own)
    assert _field(page, "selectbox", "Scale").value != "mriqc-4"
    checked(page.selectbox(key=state.NEW_CHOICE).set_value("session").run())
    said = words(page)
    assert "are proposed as in session hers of Ada" in said and "cannot be compared" not in said
    page.text_input(key="new-rater").set_value("Tom")
    checked(button(page, "Start rating").click().run())
    plan = session_log.load(own, int(session_log.list_sessions(own)["id"][0])).plan
    assert (plan.rater, plan.choice) == ("Tom", f"session:{model.id}")
    for name in ("scale", "repeats_share", "blinded", "air_first"):
        assert getattr(plan, name) == getattr(model.plan, name)


def test_what_is_changed_against_the_other_session_is_said_before_the_start(own, run) -> None:
    started(own, scale="mriqc-4", repeats_share=0.5, name="hers")
    page = run("rate", own, **{state.NEW_CHOICE: "session"})
    checked(_field(page, "selectbox", "Scale").set_value("three-level").run())
    checked(_field(page, "number_input", "Hidden repeats").set_value(10).run())
    checked(_field(page, "toggle", "Blinded").set_value(False).run())
    (warned,) = [one.value for one in page.warning]
    assert "hers of Ada is rated on the scale" in warned and "cannot be compared" in warned
    said = words(page)
    assert "hidden repeats 10 %, there 50 %; blinded no, there yes." in said
    checked(page.selectbox(key=state.NEW_CHOICE).set_value("all").run())  # the usual ones again
    assert _field(page, "number_input", "Hidden repeats").value == 10
    assert _field(page, "toggle", "Blinded").value
    assert "hers of Ada" not in words(page).split("All sessions")[0]


def test_a_session_is_prepared_for_somebody_else_who_is_asked_for_when_it_is_opened(
    own, run
) -> None:
    page = run("rate", own, **{state.PERSON: "Phil"})
    page.text_input(key="new-rater").set_value("Rosa")
    checked(button(page, "Prepare it for later").click().run())
    (session,) = session_log.list_sessions(own).to_dict("records")
    assert (session["rater"], session["done"]) == ("Rosa", 0)
    drawn = session_log.load(own, session["id"]).extent
    (said,) = [one.value.replace("\\", "") for one in page.toast]
    assert said == f"Session {session['name']} is prepared for Rosa, under Go on: {drawn}."
    assert page.session_state[state.PERSON] == "Phil" and "Scan 1 of" not in words(page)
    checked(next(b for b in page.button if b.label.startswith("Go on with")).click().run())
    assert "Are you Rosa?" in words(page)


def test_a_session_without_ratings_is_taken_back_from_the_list_and_from_within(own, run) -> None:
    kept = started(own)
    session_log.save(own, kept.id, 0, Opinion(1.0))
    session_log.undo(own, kept.id)
    page = run("rate", own)
    assert "Take the session back" not in [b.label for b in page.button]
    started(own, name="one")
    within = started(own, name="two")
    page = run("rate", own)
    checked(_field(page, "selectbox", "Open a session").set_value(within.id - 1).run())
    checked(button(page, "Take the session back").click().run())
    assert session_log.list_sessions(own)["name"].tolist() == ["two", "pilot"]
    page = run("rate", own, **{state.RATING_SESSION: within.id})
    checked(button(page, "Take the session back").click().run())
    assert "Start a session" in [one.value for one in page.subheader]
    assert session_log.list_sessions(own)["name"].tolist() == ["pilot"]
    history = words(run("rate", own, **{state.RATE_PART: "History"}))
    assert history.count("session taken back") == 2


# ---- rating -----------------------------------------------------------------------------------------


def test_nothing_is_preselected_and_none_is_refused(own, run) -> None:
    session = started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    assert [b.label for b in page.button if b.proto.type == "primary"] == ["Save and next"]
    checked(button(page, "Save and next").click().run())
    assert "Choose a rating first." in words(page)
    assert rating_log.list_ratings(own).empty


def test_what_is_chosen_is_stored_with_time_and_what_was_seen(own, run) -> None:
    session = started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    for label in ("Head motion", "Wrap-around", "Head motion", "sure", "Show background"):
        checked(button(page, label).click().run())
    next(t for t in page.text_input if t.label.startswith("Comment")).set_value("a ring")
    _rate(page, "doubtful")
    (row,) = rating_log.list_ratings(own).to_dict("records")
    assert (row["value"], row["confidence"], row["artefacts"]) == (0.0, 3.0, ("wrap-around",))
    assert (row["comment"], row["blinded"]) == ("a ring", True)
    assert row["seconds"] >= 0
    assert row["shown"]["windows"] == ["Tissue", "Background"]
    assert row["shown"]["first_window"] == "Tissue"
    assert "site" in row["shown"]["hidden"]
    assert "Scan 2 of 3" in words(page)


def test_the_window_that_a_rater_chose_stays_from_scan_to_scan_and_over_a_reload(own, run) -> None:
    session = started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    assert "Tissue window" in words(page)
    checked(button(page, "Show background").click().run())
    _rate(page, "doubtful")
    assert "Scan 2 of 3" in words(page) and "Background window" in words(page)
    again = run("rate", own)
    again.query_params["session"], again.query_params["window"] = str(session.id), "Background"
    assert "Background" in page.query_params["window"]
    assert "Background window" in words(checked(again.run()))
    checked(button(again, "Show tissue").click().run())
    assert "Tissue window" in words(again) and "window" not in again.query_params


def test_a_protocol_that_wants_the_air_first_begins_each_scan_with_it_and_says_so(own, run) -> None:
    page = run("rate", own)
    page.text_input(key="new-rater").set_value("Ada")
    next(t for t in page.toggle if t.label.startswith("Air first")).set_value(True)
    checked(button(page, "Start rating").click().run())
    for place in (1, 2):
        said = words(page)
        assert f"Scan {place} of" in said and "Background window" in said
        assert "Air first, as planned" in said
        checked(button(page, "Show tissue").click().run())
        assert "Tissue window" in words(page)
        _rate(page, "accept")
    shown = rating_log.list_ratings(own)["shown"].iloc[0]
    assert (shown["first_window"], shown["windows"]) == ("Background", ["Background", "Tissue"])


def _drag(page, session, black: float, white: float) -> None:  # type: ignore[no-untyped-def]
    """Set level and width, as a finger does in the popover."""
    fields = [n for n in page.number_input if n.label in ("Level", "Width")]
    assert [n.label for n in fields] == ["Level", "Width"]
    assert session.items[0].scan_id not in "".join(n.key for n in fields)  # it may be hidden
    checked(fields[0].set_value((black + white) / 2).run())
    width = next(n for n in page.number_input if n.label == "Width")
    checked(width.set_value(white - black).run())


def test_level_and_width_are_set_by_finger_for_all_scans_and_stored_with_the_rating(
    own, run
) -> None:
    session = started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    tissue = [n.value for n in page.number_input if n.label in ("Level", "Width")]
    _drag(page, session, tissue[0], tissue[0] + tissue[1])
    for place in (1, 2):
        assert f"Scan {place} of 3" in words(page) and "Custom window" in words(page)
        _rate(page, "accept")
    shown = rating_log.list_ratings(own)["shown"].tolist()
    assert shown[0]["windows"][0] == shown[0]["first_window"] == "Tissue"
    assert shown[0]["windows"][-1].endswith(" of Tissue")
    assert shown[1]["windows"] == [shown[0]["windows"][-1]]
    assert shown[1]["first_window"].startswith("Custom: 0.5 to 1.5")


def test_a_window_set_by_finger_ends_with_its_scan_where_each_begins_with_the_air(own, run) -> None:
    session = started(own, air_first=True)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    _drag(page, session, 10.0, 50.0)
    assert "Custom window" in words(page)
    _rate(page, "accept")
    assert "Scan 2 of 3" in words(page) and "Background window" in words(page)
    (row,) = rating_log.list_ratings(own)["shown"]
    assert row["first_window"] == "Background" and len(row["windows"]) == 3


def test_a_marked_place_is_told_in_a_line_that_is_there_anyway(own, run) -> None:
    session = started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    before = [one.value for one in page.caption]
    draft = RatingDraft(0, 0)
    draft.mark([1.0, 2.0, 3.0])
    rating_draft.draft_of(own, session).take(draft.entered)
    checked(page.run())
    assert "1 place marked · Tissue window" in words(page)
    assert [one.value for one in page.caption] == before


def test_a_session_planned_before_there_was_that_choice_still_opens() -> None:
    plan = SessionPlan("old", "Ada", "three-level")
    stored = plan.as_dict()
    del stored["air_first"]
    assert SessionPlan.from_dict(stored) == plan and not plan.air_first


def test_what_is_not_saved_yet_outlives_the_browser(own, run) -> None:
    session = started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    checked(button(page, "exclude").click().run())
    again = run("rate", own, **{state.RATING_SESSION: session.id})
    assert "exclude" in [b.label for b in again.button if b.proto.type == "primary"]


def test_a_scan_saved_elsewhere_is_not_rated_twice(own, run) -> None:
    session = started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    checked(button(page, "accept").click().run())
    session_log.save(own, session.id, 0, Opinion(-1.0))
    checked(button(page, "Save and next").click().run())
    assert rating_log.list_ratings(own)["value"].tolist() == [-1.0]
    assert "Scan 2 of 3" in words(page)


def test_undo_opens_the_last_scan_again_and_keeps_the_record(own, run) -> None:
    session = started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    _rate(page, "accept")
    checked(button(page, "Undo").click().run())
    assert "Scan 1 of 3" in words(page)
    assert rating_log.list_ratings(own).empty
    assert len(rating_log.list_ratings(own, withdrawn=True)) == 1


def test_how_many_scans_another_session_has_is_shown(own, run) -> None:
    session = started(own, size=3, repeats_share=0.5)
    assert session.total > 3
    page = run("rate", own, **{state.NEW_CHOICE: "session"})
    many = next(n for n in page.number_input if n.label == "How many scans")
    assert (many.value, many.disabled) == (3, True)


def _chosen(page) -> set[str]:  # type: ignore[no-untyped-def]
    others = {"Save and next", "End it and show what was hidden", "End the session"}
    return {b.label for b in page.button if b.proto.type == "primary"} - others


@pytest.mark.parametrize(("blinded", "again"), [(True, set()), (False, {"accept", "sure"})])
def test_undo_brings_back_what_came_with_the_rating_and_says_so(own, run, blinded, again) -> None:
    session = started(own, blinded=blinded)
    opinion = Opinion(
        1.0,
        confidence=3,
        artefacts=["wrap-around"],
        comment="a ring",
        shown={"places": [[1.0, 2.0, 3.0]]},
    )
    session_log.save(own, session.id, 0, opinion)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    checked(button(page, "Undo").click().run())
    assert "Rating taken back" in words(page)
    assert _chosen(page) == {"Wrap-around", *again}
    assert next(t for t in page.text_input if t.label.startswith("Comment")).value == "a ring"
    _rate(page, "doubtful")
    (row,) = rating_log.list_ratings(own).to_dict("records")
    assert (row["value"], row["comment"], row["artefacts"]) == (0.0, "a ring", ("wrap-around",))
    assert row["shown"]["places"] == [[1.0, 2.0, 3.0]]
    assert "Rating taken back" not in words(page)


def _options(listed) -> list[str]:  # type: ignore[no-untyped-def]
    return [one.replace("\\", "") for one in listed.options]


def _take_back(own, page, place: int) -> None:  # type: ignore[no-untyped-def]
    """Take back the rating of one place by the list of those rated so far."""
    (listed,) = [one for one in page.radio if one.label == "Rated so far"]
    session = session_log.load(own, page.session_state[state.RATING_SESSION])
    listed.set_value(session.rated[place - 1])
    checked(button(page, "Take it back").click().run())


@pytest.mark.parametrize(("blinded", "again"), [(True, set()), (False, {"doubtful", "sure"})])
def test_a_chosen_rating_is_taken_back_alone_and_the_session_goes_on_where_it_was(
    own, run, blinded, again
) -> None:
    session = started(own, size=6, blinded=blinded)
    shown = {"places": [[1.0, 2.0, 3.0]]}
    odd = Opinion(0.0, confidence=3, artefacts=["wrap-around"], comment="a ring", shown=shown)
    for place in range(4):
        session_log.save(own, session.id, place, odd if place == 1 else Opinion(1.0))
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    (listed,) = [one for one in page.radio if one.label == "Rated so far"]
    assert _options(listed) == [
        "Scan 4: accept",
        "Scan 3: accept",
        "Scan 2: doubtful",
        "Scan 1: accept",
    ]
    checked(button(page, "Head motion").click().run())  # of scan 5, and not saved
    _take_back(own, page, 2)
    assert "Scan 2 of 6" in words(page) and "Rating taken back" in words(page)
    assert _chosen(page) == {"Wrap-around", *again}
    assert next(t for t in page.text_input if t.label.startswith("Comment")).value == "a ring"
    _rate(page, "exclude")
    assert "Scan 5 of 6" in words(page)
    assert _chosen(page) == {"Head motion"}  # what was chosen before is there still
    given = rating_log.list_ratings(own).sort_values("position")
    assert given["label"].tolist() == ["accept", "exclude", "accept", "accept"]
    assert given.iloc[1]["artefacts"] == ("wrap-around",)
    assert given.iloc[1]["shown"]["places"] == shown["places"]
    assert len(rating_log.list_ratings(own, withdrawn=True)) == 5


def test_two_ratings_that_are_taken_back_one_after_the_other_each_keep_what_came_with_them(
    own, run
) -> None:
    session = started(own, size=6)
    for place, tag in enumerate(["inu", "head-motion", "wrap-around"]):
        session_log.save(own, session.id, place, Opinion(1.0, artefacts=[tag]))
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    _take_back(own, page, 1)
    assert _chosen(page) == {"Intensity inhomogeneity"}
    _take_back(own, page, 3)
    said = words(page)
    assert "Scan 1 of 6" in said and "Scan 3 comes again, too." in said
    _rate(page, "accept")
    assert "Scan 3 of 6" in words(page) and _chosen(page) == {"Wrap-around"}


def test_without_a_choice_in_the_list_nothing_is_taken_back(own, run) -> None:
    session = started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    assert "Rated so far" not in [one.label for one in page.radio]
    _rate(page, "accept")
    checked(button(page, "Take it back").click().run())
    assert session_log.load(own, session.id).done == 1


def test_the_list_of_what_is_rated_is_there_until_what_was_hidden_is_shown(own, run) -> None:
    session = started(own, size=2)
    for place in range(2):
        session_log.save(own, session.id, place, Opinion(1.0))
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    _take_back(own, page, 1)
    assert "Scan 1 of 2" in words(page)
    _rate(page, "exclude")
    page = checked(button(page, "Show what was hidden").click().run())
    assert "Rated so far" not in [one.label for one in page.radio]


def test_a_session_whose_ratings_were_all_taken_back_can_be_ended(own, run) -> None:
    session = started(own, size=3)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    _rate(page, "accept")
    checked(button(page, "Undo").click().run())
    assert "No rating of this session stands." in words(page)
    checked(button(page, "End the session").click().run())
    said = words(page)
    assert "Ended after 0 of 3" in said and "No rating of this session stands." in said
    assert "Open in Review" not in [one.label for one in page.button]
    assert session_log.list_sessions(own)["finished"].tolist() == [True]
    assert len(rating_log.list_ratings(own, withdrawn=True)) == 1


def test_what_the_levels_are_given_for_is_said_before_the_first_scan(own, run) -> None:
    page = run("rate", own)
    meaning = "**doubtful**: artefacts that may change a measurement"
    assert meaning in words(page)  # where a session is started
    started(own)
    page = run("rate", own)
    checked(button(page, "Open").click().run())
    said = words(page)
    assert "Are you Ada?" in said and meaning in said and "unless your protocol says" in said


def test_a_session_that_is_smaller_than_asked_says_so_until_something_is_rated(own, run) -> None:
    session = started(own, choice="tier:C", size=900)
    short = "900 scans were asked for; the choice has no more."
    page = run("rate", own)
    checked(button(page, "Open").click().run())
    assert "Are you Ada?" in words(page) and short in words(page)
    checked(button(page, "Yes, I am Ada").click().run())
    assert f"Scan 1 of {session.total}" in words(page) and short in words(page)
    _rate(page, "accept")
    assert short not in words(page)


def test_a_doubled_press_on_save_does_not_scold_over_the_next_scan(own, run, monkeypatch) -> None:
    session = started(own)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    monkeypatch.setattr(session_form, "DOUBLED_S", 60.0)
    _rate(page, "accept")
    checked(button(page, "Save and next").click().run())
    assert "Scan 2 of 3" in words(page) and "Choose a rating first." not in words(page)
    monkeypatch.setattr(session_form, "DOUBLED_S", 0.0)
    checked(button(page, "Save and next").click().run())
    assert "Choose a rating first." in words(page)


def test_what_a_tab_gives_back_is_taken_as_far_as_it_can_be_chosen() -> None:
    draft = RatingDraft(0, 0)
    draft.choose(-1.0)
    draft.be_sure(2)
    draft.toggle("wrap-around")
    draft.mark([1.0, 2.0, 3.0])
    draft.comment = "a ring"
    other = RatingDraft(0, 0)
    other.take(json.loads(json.dumps(draft.entered)))
    assert other.entered == draft.entered
    odd = {"value": "x", "confidence": 77, "artefacts": ["<b>", 3], "comment": 5, "places": [1]}
    other.take(odd)
    assert RatingDraft(0, 0).entered == {}
    fresh = RatingDraft(0, 0)
    fresh.take(odd)
    assert fresh.entered == {}


def test_what_was_chosen_since_stands_over_what_a_tab_gives_back() -> None:
    draft = RatingDraft(0, 0)
    draft.choose(1.0)
    draft.toggle("ghost-aliasing")
    draft.take({"value": -1.0, "artefacts": ["wrap-around"], "comment": "a ring", "confidence": 2})
    assert draft.entered == {
        "value": 1.0,
        "confidence": 2,
        "artefacts": ["wrap-around", "ghost-aliasing"],
        "comment": "a ring",
    }
    assert RatingDraft(0, 0).holder != draft.holder


def test_a_repeat_has_no_address_in_common_with_its_first_showing(own, run, monkeypatch) -> None:
    session = started(own, size=2, repeats_share=0.5)
    assert len({item.scan_id for item in session.items}) == 2
    drawn, ahead = [], []

    def show(image, *, following, **_: object) -> None:  # type: ignore[no-untyped-def]
        drawn.append(f"scans/{image.file.name}")
        ahead.append(following)

    monkeypatch.setattr(niivue_viewer, "show", show)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    for _ in range(2):
        _rate(page, "accept")
    addresses = list(dict.fromkeys(drawn))
    assert len(addresses) == 3
    assert list(dict.fromkeys(ahead)) == [*addresses[1:], None]  # fetched ahead, then drawn
    _rate(page, "accept")
    assert "Finished" in words(page)


def test_slices_have_no_address_that_a_repeat_could_share(own, run, monkeypatch) -> None:
    session = started(own)
    monkeypatch.setattr(niivue_viewer, "show", lambda *_, **__: "this browser has no WebGL 2")
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    pictures = page.get("image")
    assert len(pictures) == 3
    assert all(p.proto.imgs[0].url.startswith("data:image/png;base64,") for p in pictures)


def test_while_blinded_the_page_holds_none_of_what_is_hidden(tmp_path, run) -> None:
    workspace = workspace_marked.make(tmp_path / "marked")
    session = started(workspace)
    page = run("rate", workspace, **{state.RATING_SESSION: session.id})
    sent = page._tree  # every element, as it goes to the browser
    held = b"".join(_messages(sent))
    assert b"Scan 1 of 3" in held
    assert [mark for mark in workspace_marked.MARKS if mark in held] == []
    for label in ("accept", "accept", "accept"):
        _rate(page, label)
    assert "Finished" in words(page)
    held = b"".join(_messages(page._tree))
    assert [mark for mark in workspace_marked.MARKS if mark in held] == []
    checked(button(page, "Show what was hidden").click().run())
    said = words(page)
    assert all(mark in said for mark in ("MARKSCAN", "MARKSITE", "MARKGROUP", "MARKRATER: "))


def _messages(block):  # type: ignore[no-untyped-def]
    proto = getattr(block, "proto", None)
    if proto is not None and hasattr(proto, "SerializeToString"):
        yield proto.SerializeToString()
    for child in getattr(block, "children", {}).values():
        yield from _messages(child)


def test_a_single_repeat_makes_no_kappa(own, run) -> None:
    session = started(own, size=2, repeats_share=0.5)
    for item in session.items:
        session_log.save(own, session.id, item.position, Opinion(1.0))
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    said = words(checked(button(page, "Show what was hidden").click().run()))
    assert "You gave the same rating to 1 of them." in said
    assert "9 more are needed" in said and "Weighted" not in said


def test_the_end_shows_what_was_entered_besides_and_history_has_the_words_clicked(own, run) -> None:
    session = started(own, size=1)
    said = Opinion(1.0, confidence=3, artefacts=["inu", "head-motion"], comment="frontal")
    session_log.save(own, session.id, 0, said)
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    told = words(checked(button(page, "Show what was hidden").click().run()))
    assert "Intensity inhomogeneity (bias field), Head motion. how sure: sure. frontal" in told
    history = words(run("rate", own, **{state.RATE_PART: "History"}))
    assert "Intensity inhomogeneity (bias field)" in history and "Head motion" in history
    assert "on three-level" not in history and "scale three-level" not in history
    agreed = words(run("rate", own, **{state.RATE_PART: "Agreement"}))
    assert "No scan has ratings of two people that count yet, so none can be contested." in agreed


def test_a_session_that_is_not_blinded_says_what_is_known(own, run) -> None:
    session = started(own, blinded=False)
    said = words(run("rate", own, **{state.RATING_SESSION: session.id}))
    assert session.items[0].scan_id in said
    assert "higher is worse" in said


def test_the_end_tells_agreement_and_what_was_hidden(rated_blind, run) -> None:
    session = session_log.list_sessions(rated_blind, "Ada").iloc[0]
    page = run("rate", rated_blind, **{state.RATING_SESSION: int(session["id"])})
    checked(button(page, "Show what was hidden").click().run())
    said = words(page)
    assert button(page, "Undo").disabled
    parts = ["Intra-rater agreement", "You with others", "Unblinded results"]
    assert [part.value for part in page.subheader] == parts
    assert "came twice, unannounced" in said
    assert "<td>Bob</td>" in said and "<td>Cleo</td>" in said
    assert "made-pool_sub-00_T1w" in said
