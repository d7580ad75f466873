"""Review: which scan, what is said of it, and what people say."""

import html
from pathlib import Path

from curation import ratings, tables
from curation.metrics import METRICS
from pages.ui import state
from tests.pages.said import button, checked, words

HOSTILE = "<b>x</b> [y](http://z) :red[w] $q$"


def test_review_shows_the_worst_scan_first_and_steps_on(made, run) -> None:
    page = run("review", made[0])
    scored = tables.read_scored_scans(made[0]).sort_values("distortion_score", ascending=False)
    order = scored.loc[scored["distortion_score"].notna(), "scan_id"].tolist()
    assert page.session_state[state.SCAN] == order[0]
    assert button(page, "Previous").disabled
    button(page, "Next").click().run()
    assert page.session_state[state.SCAN] == order[1]
    button(page, "Previous").click().run()
    assert page.session_state[state.SCAN] == order[0]


def test_review_states_convention_id_and_direction(made, run) -> None:
    page = run("review", made[0])
    said = words(page)
    assert page.session_state[state.SCAN] in said
    assert "Radiological: the patient&#x27;s right is on the left" in said
    assert "higher is worse" in said


def test_review_explains_every_metric_or_why_there_is_none(made, run) -> None:
    page = run("review", made[0])
    assert "1 metric not measurable on this scan: the background is exactly 0." in words(page)
    said = words(checked(page.segmented_control(key=state.METRICS_VIEW).set_value("all").run()))
    assert all(html.escape(metric.label) in said for metric in METRICS.values())
    assert "Not measurable: the background is exactly 0." in said
    assert "not scored" in said


def test_rating_preselects_nothing_and_refuses_none(own, run) -> None:
    page = run("review", own)
    assert page.radio[0].value is None
    checked(button(page, "Save").click().run())
    assert "none is chosen for you" in page.error[0].value
    assert ratings.list_ratings(own).empty


def test_rating_needs_a_name(own, run) -> None:
    page = run("review", own)
    page.radio[0].set_value(1.0)
    checked(button(page, "Save").click().run())
    assert "Say who rates" in page.error[0].value
    assert ratings.list_ratings(own).empty


def test_rating_is_stored_shown_and_the_rater_remembered(own, run) -> None:
    page = run("review", own)
    first = page.session_state[state.SCAN]
    page.radio[0].set_value(-1.0)
    page.text_input[0].set_value("Ada")
    page.text_area[0].set_value(HOSTILE)
    checked(button(page, "Save").click().run())
    (row,) = ratings.list_ratings(own).to_dict("records")
    assert (row["scan_id"], row["rater"], row["value"], row["comment"]) == (
        first, "Ada", -1.0, HOSTILE,
    )  # fmt: skip
    assert "&lt;b&gt;x&lt;/b&gt;" in words(page)
    assert page.text_input[0].value == "Ada"
    assert page.radio[0].value is None


def test_save_and_next_goes_on_and_unrated_leaves_the_rated_out(own, run) -> None:
    page = run("review", own, **{state.PERSON: "Ada"})
    first = page.session_state[state.SCAN]
    page.radio[0].set_value(1.0)
    checked(button(page, "Save, next scan").click().run())
    assert page.session_state[state.SCAN] != first
    checked(next(t for t in page.toggle).set_value(True).run())
    assert first not in page.selectbox(key=state.SCAN).options


def test_a_scan_that_cannot_be_read_shows_the_reason(own, run) -> None:
    worst = run("review", own).session_state[state.SCAN]
    path = Path(tables.read_scans(own).set_index("scan_id").loc[worst, "path"])
    path.write_bytes(path.read_bytes()[:-40])
    page = run("review", own)
    assert "This scan cannot be shown" in page.error[0].value
