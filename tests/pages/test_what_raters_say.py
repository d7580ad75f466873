"""Rate: agreement, adjudications, the cut-off from ratings, history and files; tiers by hand."""

import pytest

from curation.ratings import rating_log
from curation.ratings.rating_record import Opinion
from curation.references import reference_library
from curation.sessions import active_learning, passed_on_cutoff, session_log, unblinding
from curation.tiers import overrides
from curation.tiers.tier_rule import DEFAULT_RULE
from pages.ui.rate import history_panel
from pages.ui.scan_table import tried_rule
from pages.ui.shell import cache, state, summaries
from pages.ui.tiers import tier_cut
from tests.helpers import workspace_full
from tests.helpers.page_words import button, checked, words
from tests.helpers.rating_sessions import started

# ---- agreement -------------------------------------------------------------------------------------


def test_agreement_is_told_in_words_with_intervals(rated, run) -> None:
    page = run("rate", rated, **{state.RATE_PART: "Agreement"})
    said = words(page)
    assert "Krippendorff&#x27;s α" in said
    assert "substantial" in said or "almost perfect" in said
    assert " to " in said and "Ada: exclude" in said


def test_few_scans_in_common_are_said_to_be_too_few(own, run) -> None:
    for who in ("Ada", "Bob"):
        session = started(own, rater=who, seed=1)
        for item in session.items:
            session_log.save(own, session.id, item.position, Opinion(1.0))
    assert "not enough yet: 7 more" in words(run("rate", own, **{state.RATE_PART: "Agreement"}))


def test_a_contested_scan_opens_and_is_settled_by_one_more_row(rated, run) -> None:
    page = run("rate", rated, **{state.RATE_PART: "Agreement"})
    before = len(rating_log.list_ratings(rated))
    opened = next(b for b in page.button if b.key and b.key.startswith("open-made"))
    contested = opened.key.removeprefix("open-")
    form = next(r for r in page.radio if r.label == "Adjudication").proto.form_id
    checked(button(page, "Settle").click().run())
    assert "Choose a level first" in page.error[0].value
    drawn = [(one.type, getattr(one.proto, "form_id", "")) for one in page.main]
    assert drawn.index(("error", "")) < drawn.index(("radio", form))  # where it is seen
    next(r for r in page.radio if r.label == "Adjudication").set_value(-1.0)
    next(t for t in page.text_input if t.label == "Who decides").set_value("Dan")
    checked(button(page, "Settle").click().run())
    assert "needs a reason" in page.error[0].value
    next(r for r in page.radio if r.label == "Adjudication").set_value(-1.0)
    next(t for t in page.text_input if t.label == "Who decides").set_value("Dan")
    next(t for t in page.text_input if t.label == "Reason").set_value("rings")
    checked(button(page, "Settle").click().run())
    given = rating_log.list_ratings(rated)
    assert len(given) == before + 1
    assert given.iloc[-1][["scan_id", "role", "rater", "comment"]].tolist() == [
        contested,
        "adjudicator",
        "Dan",
        "rings",
    ]
    opened = next(b for b in page.button if b.key and b.key.startswith("open-made"))
    checked(opened.click().run())
    assert page.session_state[state.PENDING_SCAN] == opened.key.removeprefix("open-")


def test_contested_scans_of_sessions_that_still_run_are_not_named(rated_blind, run) -> None:
    page = run("rate", rated_blind, **{state.RATE_PART: "Agreement"})
    assert not [b for b in page.button if b.key and b.key.startswith("open-")]
    said = words(page)
    assert "of 3 blinded sessions that are still running are listed when these are ended" in said
    assert "Krippendorff&#x27;s α" in said and "made-" not in said


# ---- the cut-off ------------------------------------------------------------------------------------


def test_a_cut_off_needs_ratings_and_says_how_many(own, run) -> None:
    said = words(run("rate", own, **{state.RATE_PART: "Cut-off"}))
    assert "Not enough yet" in said and "20 more" in said


def test_a_suggested_cut_off_is_passed_on_and_taken_over_by_a_click(rated, run) -> None:
    page = run("rate", rated, **{state.RATE_PART: "Cut-off", state.PERSON: "Ada"})
    assert "among each other" in words(page)
    checked(button(page, "Pass on to Tiers").click().run())
    suggestion = passed_on_cutoff.latest_suggestion(rated)
    assert suggestion is not None
    tiers_page = run("tiers", rated)
    assert "Raters suggest" in words(tiers_page) and "(Ada, Bob, Cleo)" in words(tiers_page)
    take = next(b for b in tiers_page.button if b.label.startswith("Take it over"))
    cutoffs = tried_rule.adopted(suggestion.cutoff)
    moved = [f"B begins at {cutoffs[0]:g}"] if cutoffs[0] != 25.0 else []
    assert take.label == f"Take it over: {', '.join([f'C begins at {cutoffs[1]:g}', *moved])}"
    checked(take.click().run())
    assert tiers_page.session_state[tier_cut.slider_key(1)] == tried_rule.rounded(suggestion.cutoff)
    assert "in force" in words(tiers_page)
    assert not tiers_page.error


def test_a_cut_off_of_scores_by_another_reference_is_told_and_not_offered(rated, run) -> None:
    page = run("rate", rated, **{state.RATE_PART: "Cut-off", state.PERSON: "Ada"})
    checked(button(page, "Pass on to Tiers").click().run())
    reference_library.choose(rated, reference_library.fit_cohort(rated).id)
    said = run("tiers", rated)
    assert "of scores by another reference (builtin-3)" in words(said)
    assert not [b for b in said.button if b.label.startswith("Take it over")]
    listed = active_learning.next_to_rate(rated, rater="Zoe")
    assert listed.equals(
        active_learning.next_to_rate(rated, rater="Zoe", cutoff=DEFAULT_RULE.cutoffs[-1])
    )


def test_a_history_too_long_to_be_shown_is_searched_whole(rated, run, monkeypatch) -> None:
    oldest = "all, scale Accept / doubtful / exclude, blinded"
    monkeypatch.setattr(history_panel, "_READ", 50)
    page = run("rate", rated, **{state.RATE_PART: "History"})
    assert "The newest 40 of more than 50." in words(page)
    assert oldest not in words(page)
    assert oldest in words(checked(page.text_input(key="history-sought").set_value(oldest).run()))


def test_a_dearer_missed_scan_lowers_the_cut_off(rated, run) -> None:
    page = run("rate", rated, **{state.RATE_PART: "Cut-off", state.PERSON: "Ada"})
    checked(button(page, "Pass on to Tiers").click().run())
    equal = passed_on_cutoff.latest_suggestion(rated).cutoff
    checked(page.select_slider(key=state.COST).set_value(20.0).run())
    checked(button(page, "Pass on to Tiers").click().run())
    assert passed_on_cutoff.latest_suggestion(rated).cutoff <= equal


# ---- sessions that are running -----------------------------------------------------------------------

NEAR = "Borderline scans"


@pytest.mark.parametrize("page", ["tiers", "sheet", "review", "explore"])
def test_no_rating_of_a_blinded_session_that_is_running_stands_beside_a_score(
    page, rated_blind, run
) -> None:
    given = rating_log.list_ratings(rated_blind)
    told = summaries.running_words(*rating_log.not_counted(rated_blind))
    chosen = {state.TIERS_PART: NEAR} if page == "tiers" else {}
    said = words(run(page, rated_blind, **chosen)).replace("\\", "")
    assert told.startswith(f"{len(given)} ratings of 3 blinded sessions") and told in said
    assert "rated scan" not in said and "Cleo" not in said
    assert not cache.rated(rated_blind) and not cache.rating_words(rated_blind)


def test_no_cut_off_is_suggested_from_a_session_that_is_running(rated_blind, run) -> None:
    said = words(run("rate", rated_blind, **{state.RATE_PART: "Cut-off"})).replace("\\", "")
    assert "still running" in said and "20 more" in said
    assert cache.label_count(rated_blind) == 0
    agreed = words(run("rate", rated_blind, **{state.RATE_PART: "Agreement"}))
    assert "Ada: exclude" in agreed  # raters among each other, beside no score


def test_cut_off_and_agreement_say_which_scans_each_counts_and_why_the_other_differs(
    rated_blind, run
) -> None:
    rated = rating_log.list_ratings(rated_blind)["scan_id"].nunique()
    cut = words(run("rate", rated_blind, **{state.RATE_PART: "Cut-off"})).replace("\\", "")
    assert f"0 scans are counted here, of {rated} that are rated on any scale" in cut
    why = f"{rated} rated only in a blinded session that is still running"
    assert f"Not counted here: {why}." in cut
    agreed = words(run("rate", rated_blind, **{state.RATE_PART: "Agreement"})).replace("\\", "")
    assert f"Counted here: {rated} scans with a rating on this scale" in agreed
    assert (
        f"Cut-off counts 0 of {rated} that are rated on any scale; it leaves out {why}." in agreed
    )


def test_one_rating_that_does_not_count_yet_is_told_of_as_one() -> None:
    assert summaries.running_words(1, 1) == (
        "1 rating of a blinded session that is still running is counted when it is ended; one that is rated "
        "through is ended by Show what was hidden."
    )
    assert summaries.running_words(0, 0) == ""


def test_a_session_is_ended_early_and_its_ratings_count_from_then_on(own, run) -> None:
    session = started(own, size=3)
    session_log.save(own, session.id, 0, Opinion(1.0))
    page = run("rate", own, **{state.RATING_SESSION: session.id})
    assert "2 scans stay unrated" in words(page)
    checked(button(page, "End it and show what was hidden").click().run())
    said = words(page)
    assert "Ended after 1 of 3" in said and session.items[0].scan_id in said
    assert session.items[1].scan_id not in said
    assert cache.rated(own) == {session.items[0].scan_id}


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
    assert overrides.in_force(own)[["scan_id", "tier"]].values.tolist() == [[scan_id, "A"]]
    said = words(page)
    assert "Tier by hand: **the score sees a coil** (Ada" in said and "By the score alone" in said
    assert "by hand (grey in the histogram), 1 of another tier than by the rule" in words(
        run("tiers", own, **{state.ROLE: "target"})
    )
    said = words(run("rate", own, **{state.RATE_PART: "History"}))
    assert "tier A by hand" in said and "the score sees a coil" in said


def test_history_names_no_scan_of_a_session_that_still_runs(own, run) -> None:
    session = started(own, rater="Ada", size=3)
    for place in range(2):
        last = session_log.save(own, session.id, place, Opinion(1.0))
    session_log.undo(own, session.id, last)
    seen = words(run("rate", own, **{state.RATE_PART: "History"}))
    assert "1 rating of a blinded session that is still running is listed when it is ended" in seen
    assert "session for this rater" in seen
    assert not [item.scan_id for item in session.items if item.scan_id in seen]
    unblinding.unblind(own, session)
    seen = words(run("rate", own, **{state.RATE_PART: "History"}))
    assert all(item.scan_id in seen for item in session.items[:2]) and "rating taken back" in seen


def test_history_is_searched(rated, run) -> None:
    page = run("rate", rated, **{state.RATE_PART: "History"})
    checked(page.text_input(key="history-sought").set_value("session for this rater").run())
    assert words(page).count("<tr><td") == 3


def test_ratings_go_out_to_files_and_come_back_once(rated, tmp_path, run) -> None:
    page = run("rate", rated, **{state.RATE_PART: "History"})
    checked(button(page, "Write the files").click().run())
    folder = rated.derivatives_dir
    assert (folder / "ratings.tsv").is_file()
    other = workspace_full.make(tmp_path / "other")
    page = run("rate", other, **{state.RATE_PART: "History"})
    for added in (len(rating_log.list_ratings(rated)), 0):
        next(t for t in page.text_input if "folder" in t.label).set_value(str(folder))
        checked(button(page, "Import").click().run())
        assert f"{added} ratings added" in words(page)


def test_the_scans_that_would_teach_most_are_offered_for_rating(own, run) -> None:
    page = run("rate", own, **{state.RATE_PART: "Cut-off"})
    checked(button(page, "Rate the scans that would teach most").click().run())
    assert page.selectbox(key=state.NEW_CHOICE).value == "teach"
    page.text_input(key="new-rater").set_value("Ada")
    checked(button(page, "Start rating").click().run())
    assert session_log.list_sessions(own)["choice"].tolist() == ["teach"]
