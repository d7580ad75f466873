"""Review: choice of the scan, its judgement, and its ratings."""

import html
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from curation.assessment import metric_shards
from curation.imaging.image_flags import FLAGS
from curation.metrics import METRICS
from curation.metrics.registry import FAMILIES, PREPARED
from curation.ratings import artefact_places, rating_log
from curation.ratings.rating_record import Rating
from curation.scoring.distortion_score import explain
from curation.scoring.score_reference import builtin
from curation.sessions import session_log
from curation.sessions.session_plan import SessionPlan
from curation.storage import files, tables
from curation.storage.workspace import ENVIRONMENT_VARIABLE, ImageSettings
from pages.ui.review import metrics_panel, overlay_panel
from pages.ui.shell import frame, person, state
from pages.ui.shell.frame import PAGES, ROOT
from pages.ui.viewer import niivue_viewer
from tests.helpers import workspace_full
from tests.helpers.page_words import button, checked, field, words

HOSTILE = "<b>x</b> [y](http://z) :red[w] $q$"


def test_review_shows_the_worst_scan_first_and_steps_on(full, run) -> None:
    page = run("review", full.workspace)
    scored = tables.read_scored_scans(full.workspace).sort_values(
        "distortion_score", ascending=False
    )
    order = scored.loc[scored["distortion_score"].notna(), "scan_id"].tolist()
    assert page.session_state[state.SCAN] == order[0]
    assert button(page, "Previous").disabled
    button(page, "Next").click().run()
    assert page.session_state[state.SCAN] == order[1]
    button(page, "Previous").click().run()
    assert page.session_state[state.SCAN] == order[0]


def test_review_states_convention_id_and_direction(once) -> None:
    page = once("review")
    said = words(page)
    assert page.session_state[state.SCAN] in said
    assert "Radiological: patient&#x27;s right is on the left" in said
    assert "higher is worse" in said


def test_review_explains_every_metric_or_why_there_is_none(full, run) -> None:
    page = run("review", full.workspace)
    said = words(page)
    assert (
        "1 metric not measurable on this scan, which counts for the score: the background" in said
    )
    said = words(checked(page.segmented_control(key=state.METRICS_VIEW).set_value("all").run()))
    of_image = [metric for metric in METRICS.values() if metric.family in FAMILIES]
    assert all(html.escape(metric.label) in said for metric in of_image)
    assert "Not measurable: the background is exactly 0." in said
    assert "not scored" in said


def test_what_counts_for_no_score_and_is_lacking_is_told_so(own, run) -> None:
    metrics = tables.read_metrics(own)
    reasons = json.dumps({"efc": "the face was removed"})
    metrics = metrics.assign(efc=np.nan, reasons=reasons)
    files.write_parquet(own.metrics_dir / "part-made.parquet", metrics)
    said = words(run("review", own))
    assert "1 metric not measurable on this scan, which counts for no score: the face" in said


def test_how_a_scan_was_acquired_is_told_or_that_nobody_tells_it(own, run) -> None:
    _of_people(own)
    page = run("review", own)
    unknown = "Scanner, field strength, TR and TE are not known: no file that tells it"
    assert unknown in words(page)
    scans = tables.read_scans(own).set_index("scan_id")
    image = Path(scans.loc[page.session_state[state.SCAN], "path"])
    beside = image.with_name(image.name.removesuffix(".gz").removesuffix(".nii") + ".json")
    beside.write_text(json.dumps({"RepetitionTime": 2.3, "EchoTime": 0.003}))
    said = words(run("review", own))
    assert (
        "the file beside the image (its sidecar) tells: TR 2300 ms · TE 3 ms. Scanner and" in said
    )


def test_review_tells_what_the_network_sees_apart_from_the_score(full, run) -> None:
    page = run("review", full.workspace)
    said = words(
        checked(page.segmented_control(key=state.METRICS_VIEW).set_value("prepared").run())
    )
    seen = [metric.label for metric in METRICS.values() if metric.family == PREPARED]
    assert len(seen) == 5 and all(html.escape(label) in said for label in seen)
    assert "Distance of the prepared volume" in said and "None of it counts for the score" in said


def _chosen(page) -> list[str]:  # type: ignore[no-untyped-def]
    levels = [b for b in page.button if (b.key or "").startswith("level-")]
    assert len(levels) == 3
    return [b.label for b in levels if b.proto.type == "primary"]


def _say(page, name: str, comment: str = "") -> None:  # type: ignore[no-untyped-def]
    page.text_input(key="rater-name").set_value(name)
    next(t for t in page.text_input if (t.key or "").startswith("comment-")).set_value(comment)
    checked(page.run())


def test_rating_preselects_nothing_and_refuses_none(full, run) -> None:
    page = run("review", full.workspace)
    assert _chosen(page) == []
    checked(button(page, "Save").click().run())
    assert "none is chosen for you" in page.error[0].value
    assert rating_log.list_ratings(full.workspace).empty


def test_rating_needs_a_name(full, run) -> None:
    page = run("review", full.workspace)
    checked(button(page, "accept").click().run())
    checked(button(page, "Save").click().run())
    assert "Say who rates" in page.error[0].value
    assert rating_log.list_ratings(full.workspace).empty


def test_rating_is_stored_shown_and_the_rater_remembered(own, run) -> None:
    page = run("review", own)
    first = page.session_state[state.SCAN]
    checked(button(page, "exclude").click().run())
    _say(page, "Ada", HOSTILE)
    checked(button(page, "Save").click().run())
    (row,) = rating_log.list_ratings(own).to_dict("records")
    assert (row["scan_id"], row["rater"], row["value"], row["comment"]) == (
        first,
        "Ada",
        -1.0,
        HOSTILE,
    )
    assert "&lt;b&gt;x&lt;/b&gt;" in words(page)
    assert page.text_input(key="rater-name").value == "Ada"
    assert _chosen(page) == []


def test_the_rater_is_known_on_other_scans_before_the_first_rating(full, run) -> None:
    page = run("review", full.workspace)
    _say(page, "Ada")
    checked(button(page, "Next").click().run())
    assert page.text_input(key="rater-name").value == "Ada"


def test_the_field_of_the_rater_has_a_state_and_no_default_beside_it(full, run) -> None:
    page = run("review", full.workspace, **{state.PERSON: "Ada", "rater-name": "Ada"})
    assert page.text_input(key="rater-name").proto.default == ""
    assert page.text_input(key="rater-name").value == "Ada"
    page = run("review", full.workspace, **{state.PERSON: "Ada"})
    assert page.text_input(key="rater-name").value == "Ada"


def test_after_a_long_pause_no_rating_is_saved_in_the_name_of_who_was_there_before(
    own, run
) -> None:
    page = run("review", own, **{state.PERSON: "Ada"})
    checked(button(page, "accept").click().run())
    page.session_state[state.LAST_ACT] = time.monotonic() - person.PAUSE_S - 1
    checked(button(page, "Save").click().run())
    assert "Say who rates" in page.error[0].value and rating_log.list_ratings(own).empty
    assert page.text_input(key="rater-name").value == "" and _chosen(page) == []
    checked(button(page, "I am Ada").click().run())
    assert page.text_input(key="rater-name").value == "Ada" and _chosen(page) == ["accept"]
    assert not [b for b in page.button if b.label == "I am Ada"]
    checked(button(page, "Save").click().run())
    assert rating_log.list_ratings(own)["rater"].tolist() == ["Ada"]


def test_what_one_chose_is_not_there_for_another_and_comes_back_with_the_name(own, run) -> None:
    page = run("review", own, **{state.PERSON: "Ada"})
    checked(button(page, "accept").click().run())
    _say(page, "Ada", "a ghost")
    checked(button(page, "Save").click().run())
    checked(button(page, "Undo").click().run())
    assert _chosen(page) == ["accept"]
    _say(page, "Bob")
    assert _chosen(page) == [] and button(page, "Undo").disabled
    assert "a ghost" not in [field.value for field in page.text_input]
    checked(button(page, "exclude").click().run())
    _say(page, "Ada")
    assert _chosen(page) == ["accept"]
    assert "a ghost" in [field.value for field in page.text_input]
    checked(button(page, "Save").click().run())
    given = rating_log.list_ratings(own)
    assert given["rater"].tolist() == ["Ada"] and given["comment"].tolist() == ["a ghost"]


def test_who_paused_a_session_is_not_taken_for_whoever_goes_on_with_review(own, run) -> None:
    session = session_log.start(own, SessionPlan("one", "Ada", "three-level", size=3))
    app = run("app", own, **{state.PERSON: "Ada", state.RATING_SESSION: session.id})
    page = checked(app.switch_page(PAGES["rate"].path).run())
    checked(button(page, "Pause").click().run())
    page = checked(app.switch_page(PAGES["review"].path).run())
    assert page.text_input(key="rater-name").value == ""
    checked(button(page, "accept").click().run())
    checked(button(page, "Save").click().run())
    assert "Say who rates" in page.error[0].value and rating_log.list_ratings(own).empty


def test_after_a_long_pause_another_one_types_another_name(own, run) -> None:
    page = run("review", own, **{state.PERSON: "Ada"})
    page.session_state[state.LAST_ACT] = time.monotonic() - person.PAUSE_S - 1
    checked(page.run())
    checked(button(page, "accept").click().run())
    _say(page, "Bob")
    checked(button(page, "Save").click().run())
    assert rating_log.list_ratings(own)["rater"].tolist() == ["Bob"]


def test_what_is_chosen_and_not_saved_is_still_there_when_one_comes_back(own, run) -> None:
    page = run("review", own)
    checked(button(page, "doubtful").click().run())
    _say(page, "Ada", "a ghost")
    checked(button(page, "Next").click().run())
    assert _chosen(page) == []
    checked(button(page, "Previous").click().run())
    assert _chosen(page) == ["doubtful"]
    checked(button(page, "Save").click().run())
    assert rating_log.list_ratings(own)["comment"].tolist() == ["a ghost"]


def test_save_and_next_goes_on_and_unrated_leaves_the_rated_out(own, run) -> None:
    page = run("review", own, **{state.PERSON: "Ada"})
    first = page.session_state[state.SCAN]
    checked(button(page, "accept").click().run())
    checked(button(page, "Save, next scan").click().run())
    assert page.session_state[state.SCAN] != first
    unrated = next(t for t in page.toggle if "without a rating" in t.label)
    checked(unrated.set_value(True).run())
    assert first not in field(page, "selectbox", state.SCAN).options


def test_a_scan_that_was_asked_for_opens_though_the_filters_hide_it(own, run) -> None:
    scored = tables.read_scored_scans(own).sort_values("distortion_score", ascending=False)
    order = scored.loc[scored["distortion_score"].notna(), "scan_id"].tolist()
    asked = order[7]
    rating_log.add_rating(own, Rating(1.0, scan_id=asked, rater="Ada", scale="pass-fail"))
    page = run("review", own, **{state.PENDING_SCAN: asked, state.UNRATED_ONLY: True})
    assert page.session_state[state.SCAN] == asked
    assert "filtered out; 37 listed" in words(page)
    button(page, "Next").click().run()
    assert page.session_state[state.SCAN] == order[0]
    assert "1 of 37" in words(page)
    assert asked not in field(page, "selectbox", state.SCAN).options


def test_undo_takes_the_last_rating_back_and_opens_its_scan_as_it_was_chosen(own, run) -> None:
    page = run("review", own, **{state.PERSON: "Ada"})
    first = page.session_state[state.SCAN]
    assert button(page, "Undo").disabled
    checked(button(page, "exclude").click().run())
    checked(button(page, "Save, next scan").click().run())
    assert page.session_state[state.SCAN] != first
    checked(button(page, "Undo").click().run())
    assert rating_log.list_ratings(own).empty
    assert len(rating_log.list_ratings(own, withdrawn=True)) == 1
    assert page.session_state[state.SCAN] == first
    assert _chosen(page) == ["exclude"] and button(page, "Undo").disabled


def test_a_click_on_a_rating_draws_nothing_itself_and_the_panel_tells_it_once(own, run) -> None:
    """What a click draws while a part is drawn anew takes the place of the styles of the page's head."""
    page = run("review", own, **{state.PERSON: "Ada"})
    checked(button(page, "exclude").click().run())
    checked(button(page, "Save").click().run())
    assert [one.value for one in page.toast] == ["Rating saved."]
    assert page.session_state[state.RATING_DONE] is None
    assert not checked(page.run()).toast
    checked(button(page, "Undo").click().run())
    assert [one.value for one in page.toast] == ["Rating taken back."]


def test_a_scan_that_cannot_be_read_shows_the_reason(own, run) -> None:
    worst = run("review", own).session_state[state.SCAN]
    path = Path(tables.read_scans(own).set_index("scan_id").loc[worst, "path"])
    path.write_bytes(path.read_bytes()[:-40])
    page = run("review", own)
    assert "This scan cannot be shown" in page.error[0].value


def test_a_scan_whose_file_is_gone_is_not_rated_and_says_where_it_was_and_what_to_do(
    own, run
) -> None:
    worst = run("review", own).session_state[state.SCAN]
    path = Path(tables.read_scans(own).set_index("scan_id").loc[worst, "path"])
    path.unlink()
    page = run("review", own, **{state.PERSON: "Ada"})
    said = page.error[0].value.replace("\\", "")
    assert str(path) in said and "list its source again on Cohort" in said
    labels = {one.label for one in page.button}
    assert not labels & {"accept", "exclude", "Save", "Save, next scan"}
    assert {"Undo", "Next"} <= labels
    assert "keys 0 to 2 and S do nothing" in words(page) or "keys 1 to 3 and S do" in words(page)


def test_a_scan_of_a_table_without_images_is_rated_as_before(own, tmp_path, run) -> None:
    scans = tables.read_scans(own)
    scans["status"] = scans["status"].where(scans["status"] != "ok", "table")
    tables.write_scans(own, scans)
    page = run("review", own, **{state.PERSON: "Ada"})
    assert {"accept", "Save"} <= {one.label for one in page.button}


# ---- how the score came about ----------------------------------------------------------------------


def test_a_score_is_followed_to_its_metrics_their_anchors_and_sources(full, once) -> None:
    page = once("review")
    scan_id, metrics = page.session_state[state.SCAN], tables.read_metrics(full.workspace)
    row = metrics.set_index("scan_id", drop=False).loc[scan_id]
    parts = explain(row, builtin())
    said = words(page)
    assert "How the score came about" in [s.value for s in page.subheader]
    for name in parts.loc[parts["share_of_score"] >= 0.01, "metric"].head(6):
        metric, (good, bad) = METRICS[name], metrics_panel.good_and_bad(builtin().anchors[name])
        for expected in (metric.label, metric.formula, metric.citation, good, bad):
            assert html.escape(expected) in said
    assert builtin().id in said
    assert builtin().description[:60] in said


def test_the_trouble_stands_in_one_line_of_words(once) -> None:
    said = words(once("review"))
    assert 'class="ts-scan-headline"' in said
    assert any(f"{degree} " in said for degree in ("Severe", "Clear", "Slight", "Nothing stands"))
    assert "groups of measures" in said


def test_a_scan_that_could_not_be_measured_says_why(own, run) -> None:
    metrics = tables.read_metrics(own)
    worst = run("review", own).session_state[state.SCAN]
    metrics.loc[metrics["scan_id"] == worst, "failure"] = "no <b>head</b> was found"
    files.write_parquet(own.metrics_dir / "part-made.parquet", metrics)
    assert "no <b>head</b> was found" in run("review", own).error[0].value.replace("\\", "")


# ---- flags -----------------------------------------------------------------------------------------


def test_what_was_recognised_is_said_and_narrows_the_list(full, run) -> None:
    page = run("review", full.workspace, **{state.FLAGS: ["no_air"]})
    assert "All is zero." in words(page)
    assert FLAGS["no_air"].label in words(page)
    assert len(field(page, "selectbox", state.SCAN).options) == workspace_full.FLAGGED
    assert any(
        f"{FLAGS['no_air'].label} {workspace_full.FLAGGED}" in o for o in _flag_options(page)
    )


def test_scans_with_a_flag_are_opened_without_any_other_filter(full, run, monkeypatch) -> None:
    monkeypatch.setattr(frame, "open_page", lambda name: None)
    left = {state.TIERS: ["A"], state.UNRATED_ONLY: True, state.SOURCES: ["none"]}
    page = run("cohort", full.workspace, **left)
    checked(page.button(key="flag-no_air").click().run())
    assert page.session_state[state.FLAGS] == ["no_air"]
    assert not any(page.session_state[key] for key in left)


def test_a_flag_that_no_scan_has_filters_nothing(full, run) -> None:
    page = run("review", full.workspace, **{state.FLAGS: ["skull_stripped"]})
    assert len(field(page, "selectbox", state.SCAN).options) == 38


def _flag_options(page) -> list[str]:  # type: ignore[no-untyped-def]
    return page.multiselect(key=state.FLAGS).options


# ---- scans without image ---------------------------------------------------------------------------


def test_a_scan_without_image_is_scored_and_rated_but_not_shown(own, tmp_path, run) -> None:
    workspace_full.import_table(own, tmp_path / "tables", 5)
    page = run("review", own, **{state.SOURCES: ["mriqc"], state.PERSON: "Ada"})
    said = words(page)
    assert "No image: imported from an MRIQC table." in said
    assert "ts-scan-headline" in said and "Radiological" not in said
    assert not [b for b in page.button if b.label == "Simulate an artefact"]
    checked(button(page, "exclude").click().run())
    checked(button(page, "Save").click().run())
    assert rating_log.list_ratings(own)["label"].tolist() == ["exclude"]


# ---- the window --------------------------------------------------------------------------------------


def test_tissue_is_seen_first_and_a_key_leads_to_the_air_and_back(full, run) -> None:
    page = run("review", full.workspace)
    assert "Tissue window" in words(page)
    checked(button(page, "Show background").click().run())
    assert "Background window" in words(page)
    assert field(page, "segmented_control", state.WINDOW).value == "Background"
    checked(button(page, "Next").click().run())
    assert "Background window" in words(page)
    assert "Background" in page.query_params["window"]
    checked(button(page, "Show tissue").click().run())
    assert "Tissue window" in words(page) and "window" not in page.query_params


@pytest.mark.parametrize(
    ("named", "window"), [("Background", "Background"), ("Own", "Tissue"), ("<b>", "Tissue")]
)
def test_a_page_loaded_anew_shows_the_window_that_its_address_names(
    named, window, full, run, monkeypatch
) -> None:
    page = AppTest.from_file(ROOT / PAGES["review"].path, default_timeout=30)
    page.query_params["window"] = named
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(full.workspace.root))
    assert f"{window} window" in words(checked(page.run()))


def test_in_3d_there_is_no_window_to_choose_and_it_says_why(full, run) -> None:
    page = run("review", full.workspace, **{state.VIEW: niivue_viewer.SOLID})
    said = words(page)
    assert "look at its planes" in said and "3D window" in said
    assert field(page, "segmented_control", state.WINDOW).disabled
    assert not [n for n in page.number_input if n.label in ("Level", "Width")]


@pytest.mark.parametrize(
    ("face_ml", "flags", "offered", "said"),
    [
        (130.0, {}, False, "This image shows a face"),
        (130.0, {"face_unclear": "noise"}, False, "Whether this image shows a face cannot be told"),
        (79.0, {"face": "79 ml", "defaced": "zero"}, False, "The face was removed only in part"),
        (10.0, {}, True, ""),
        (np.nan, {}, False, "is not known"),
    ],
)
def test_a_scan_with_a_face_is_in_no_3d_and_it_is_said_what_can_be_done(
    own, run, face_ml: float, flags: dict[str, str], offered: bool, said: str
) -> None:
    _of_people(own)
    metrics = tables.read_metrics(own).assign(face_ml=face_ml, flags=json.dumps(flags))
    metric_shards.compact(own, lambda _: metrics)
    page = run("review", own, **{state.VIEW: "3D"})
    assert ("3D" in page.segmented_control(key=state.VIEW).options) is offered
    text = words(page) + " ".join(one.label for one in page.expander)
    assert (said in text) and (("28 to 38 %" in text) is (face_ml > 50))
    off = [one for one in page.button if one.label == "3D: off"]
    assert [one.help.startswith("3D is off: ") for one in off] == ([] if offered else [True])
    own.put_images(ImageSettings(in_3d=True))
    page = run("review", own, **{state.VIEW: "3D"})
    assert page.segmented_control(key=state.VIEW).value == "3D"


def test_simulated_heads_are_of_nobody_and_shown_in_3d(full, run) -> None:
    page = run("review", full.workspace, **{state.VIEW: "3D"})
    assert page.segmented_control(key=state.VIEW).value == "3D"
    assert "shows a face" not in words(page) and "is not known, so" not in words(page)


def _of_people(workspace) -> None:
    for source in workspace.sources():
        workspace.put_source(replace(source, simulated=False))


def test_a_marked_place_is_one_press_away_for_whoever_opens_the_scan(own, run) -> None:
    scan = tables.read_scans(own).query("status == 'ok'")["scan_id"].iloc[0]
    given = Rating(
        scan_id=scan,
        rater="Ada",
        scale="three-level",
        value=0.0,
        shown=artefact_places.into(None, ((1.0, -2.0, 30.4),)),
    )
    rating_log.add_rating(own, given)
    page = run("review", own, **{state.SCAN: scan})
    checked(button(page, "Marked place: 1, −2, 30 mm").click().run())
    of_scan, place, _ = page.session_state[state.MARK_SOUGHT]
    assert (of_scan, place) == (scan, (1.0, -2.0, 30.4))
    row = tables.read_scans(own).set_index("scan_id", drop=False).loc[scan]
    with_session = {state.MARK_SOUGHT: (scan, place, 5), state.SOUGHT: (scan, "snr_total", 4)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(st, "session_state", with_session)
        aimed = overlay_panel.aim(row)
        assert aimed is not None and (aimed.place, aimed.said) == (place, "marked place")
