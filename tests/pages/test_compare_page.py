"""Compare: every state of a study, every part, filters that all parts obey, the way to the scans."""

import json
import shutil
from collections.abc import Iterator

import pandas as pd
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from curation.cohorts import frozen_cohort
from curation.storage import files, json_lines, processes
from curation.storage.workspace import Workspace
from curation.tiers.tier_rule import TierRule
from pages.ui.compare import (
    compare_studies,
    comparison_charts,
    comparison_data,
    picked_points,
    verdict_lines,
)
from pages.ui.shell import state
from tests.helpers import workspace_full
from tests.helpers.page_words import checked, words
from tests.helpers.replanned import replanned
from tests.helpers.workspace_full import FullWorkspace
from training.held_out.predictions import BASELINE
from training.report import content, content_limits
from training.report_files import page as html_page
from training.results import comparisons, conclusions
from training.studies import annotations, runs
from training.studies.planned_study import Study

PARTS = {"answer": 2, "curves": 3, "where": 3, "studies": 0}


@pytest.fixture
def mine(ours: FullWorkspace) -> tuple[Workspace, Study, Study]:
    """A workspace with studies that a test may spoil."""
    return tuple(ours)


@pytest.fixture
def half_running(full) -> Iterator[tuple[Workspace, Study]]:
    workspace, _, half = full
    process = workspace_full.pretend_running(half)
    yield workspace, half
    processes.stop(process)
    (half.folder / "workflow.json").unlink()


def _finetunes(study: Study) -> list[runs.Run]:
    return [run for run in runs.runs_of(study) if run.kind == "finetune"]


def _figures(page: AppTest) -> int:
    return len(page.get("plotly_chart"))


@pytest.mark.parametrize("part", list(PARTS))
def test_every_part_of_a_finished_study_has_its_figures(full, once, part) -> None:
    page = once("compare", **{state.STUDY: full.finished.id, state.COMPARE_PART: part})
    assert _figures(page) == PARTS[part]
    assert not page.error


def test_the_answer_says_verdicts_baseline_scratch_and_corrected_figures(full, once) -> None:
    said = words(once("compare", **{state.STUDY: full.finished.id}))
    assert "predict the mean age" in said and "scratch" in said
    assert "Tier A alone is " in said or (
        "Tier A alone against no pretraining is unresolved with these 14 people" in said
    )
    assert said.index("Against predicting the mean age") < said.index(
        "Against no pretraining, exploratory:"
    )
    assert (
        "Against a random sample of the same size, sites, age tertiles and sexes, exploratory:"
        in said
    )
    assert "corrected" in said and "95 %" in said


def test_that_a_tier_may_be_another_age_is_said_before_a_study_and_beside_its_answer(
    full, run, monkeypatch
) -> None:
    told = "Tier A is 9 years older: it may be their age."
    monkeypatch.setattr(content_limits, "ages_apart", lambda _: (told, True))
    page = run("compare", full.workspace)
    (limits,) = (one.value for one in page.caption if "cannot say" in one.value)
    assert told in limits.replace("\\", "")
    assert told in words(run("train", full.workspace)).replace("\\", "")
    monkeypatch.setattr(content_limits, "ages_apart", lambda _: (told, False))
    assert told not in words(run("compare", full.workspace)).replace("\\", "")


def test_another_reference_changes_the_verdicts(full, run) -> None:
    workspace, finished, _ = full
    page = run("compare", workspace, **{state.STUDY: finished.id})
    checked(page.selectbox(key=state.COMPARE_REFERENCE).set_value("all").run())
    assert "No pretraining is " in words(page) or "No pretraining against all" in words(page)
    assert (
        "Against all scans, chosen here, exploratory (the report compares with no pretraining):"
        in words(page)
    )


def test_exploratory_comparisons_are_folded_with_their_number_and_what_chance_makes_of_them(
    full, once
) -> None:
    page = once("compare", **{state.STUDY: full.finished.id})
    (fold,) = (one for one in page.expander if one.label.startswith("Exploratory: "))
    (count,) = (int(one.value.split()[0]) for one in fold.caption if " chosen here" in one.value)
    assert fold.label == "Exploratory: comparisons of arms" and fold.proto.expanded
    said = " ".join(one.value for one in fold.markdown).replace("\\", "")
    assert conclusions.by_chance(count, declared=False) in said
    assert "declared no primary comparison" in said
    table = next(one.proto.body for one in fold.get("html") if "<table" in one.proto.body)
    told = " ".join(one.value for one in fold.caption)
    for name in (verdict_lines.BOOTSTRAP, verdict_lines.HOLM, verdict_lines.FLIP):
        assert f">{name}</th>" in table and f"**{name}**: " in told


def test_the_box_of_comparisons_is_the_same_whatever_arm_is_chosen_in_it(full, run) -> None:
    """Under another title it would be another box, and closed."""
    workspace, finished, _ = full
    labels = [
        [box.label for box in page.expander if box.label.startswith("Exploratory")]
        for arm in ("scratch", "all")
        for page in [
            run("compare", workspace, **{state.STUDY: finished.id, state.COMPARE_REFERENCE: arm})
        ]
    ]
    assert labels[0] == labels[1] and len(labels[0]) == 1


def test_seeds_folds_and_arms_are_explained_where_they_are_chosen(full, once) -> None:
    page = once("compare", **{state.STUDY: full.finished.id})
    helps = {box.label: box.help for box in page.multiselect}
    for label in ("Arms", "Seeds", "Folds"):
        assert helps[label] == f"{label[:-1]}: {conclusions.EXPLAINED[label[:-1].lower()]}."


@pytest.mark.parametrize("by_itself", [True, False])
def test_what_stood_there_by_itself_is_nobodys_choice_in_another_study(
    full, run, by_itself
) -> None:
    """One that had fewer arms when it was looked at leaves another study its own reference."""
    workspace, finished, _ = full
    before = {
        state.COMPARE_REFERENCE: "all",
        state.REFERENCE_BY_ITSELF: "all" if by_itself else "A",
    }
    page = run("compare", workspace, **{state.STUDY: finished.id, **before})
    assert page.session_state[state.COMPARE_REFERENCE] == ("scratch" if by_itself else "all")
    assert ("chosen here, exploratory" in words(page)) is not by_itself


def test_a_study_stands_in_the_address_and_one_with_an_answer_is_opened_first(full, run) -> None:
    workspace, finished, _ = full
    page = run("compare", workspace)
    assert page.session_state[state.STUDY] == finished.id
    assert page.query_params["study"] in (finished.id, [finished.id])


def test_of_each_study_as_much_is_shown_first_as_a_narrow_screen_holds(full, run) -> None:
    workspace, finished, _ = full
    page = run("compare", workspace, **{state.STUDY: finished.id, state.COMPARE_PART: "studies"})
    assert list(page.dataframe[0].proto.column_order) == list(compare_studies._FIRST)
    checked(page.toggle(key=state.STUDY_COLUMNS).set_value(True).run())
    assert not page.dataframe[0].proto.column_order


def test_a_running_study_shows_its_curves_and_says_what_is_not_there_yet(half_running, run) -> None:
    workspace, half = half_running
    page = run("compare", workspace, **{state.STUDY: half.id})
    said = words(page)
    assert ">running</span>" in said and "of the runs so far" in said
    assert "No data yet: curves begin with the first epoch of fine-tuning." in said
    assert _figures(page) == 1  # pretraining is under way
    assert "finds a true difference of" in words(page)


def test_the_answer_leads_to_what_is_handed_on(full, once) -> None:
    said = words(once("compare", **{state.STUDY: full.finished.id}))
    assert "Take it with you: slides, report, Methods text and numbers" in said


def test_all_studies_say_that_no_arm_beats_the_mean_where_none_was_shown_to(
    mine, run, monkeypatch
) -> None:
    workspace, finished, _ = mine
    rows = [{"arm": "A", "age_mae_years": 6.6491}, {"arm": BASELINE, "age_mae_years": 8.12}]
    files.write_json(finished.result_path, {"final_errors": rows})

    def best() -> pd.Series:
        comparison_data._learned.clear()
        page = run(
            "compare", workspace, **{state.STUDY: finished.id, state.COMPARE_PART: "studies"}
        )
        table = page.dataframe[0].value.set_index("Id")
        return table.loc[finished.id]

    monkeypatch.setattr(comparisons, "learned", lambda held_out: [])
    assert best()["Best figure: arm"].endswith(" (no arm beats the mean age)")
    monkeypatch.setattr(comparisons, "learned", lambda held_out: ["A"])
    told = best()
    assert (told["Best figure: arm"], told["Best figure"]) == ("A", 6.65)


@pytest.mark.parametrize("part", ["answer", "where"])
def test_before_the_first_result_the_parts_say_so(full, run, part) -> None:
    workspace, _, half = full
    page = run("compare", workspace, **{state.STUDY: half.id, state.COMPARE_PART: part})
    assert "No data yet: the first fine-tuning is not finished." in words(page)
    assert _figures(page) == 0


def test_how_verdicts_are_come_to_is_told_of_one_sided_plans_too(full, once) -> None:
    told = words(once("compare", **{state.STUDY: full.finished.id}))
    assert "One-sided, it is *better* where its 90 % interval" in told
    assert "never *worse*, never *equivalent*" in told
    assert "neither of its arms is shown to beat the mean" in " ".join(told.split())


def test_a_line_below_its_controls_hints_at_better_scans_and_a_comparison_tells(full, once) -> None:
    shown = {state.STUDY: full.finished.id, state.COMPARE_PART: "where"}
    told = words(once("compare", **shown))
    assert "hints at better scans" in told and "comparison with its control" in told


def test_runs_that_failed_are_said_and_the_rest_is_shown(mine, run) -> None:
    workspace, finished, _ = mine
    finished.result_path.unlink()
    lost = [r for r in _finetunes(finished) if r.arm == "A" and r.seed == 1]
    for failed in lost:
        failed.result_path.unlink()
        files.write_json(failed.status_path, {"state": "failed", "message": "no memory left"})
    (finished.folder / "workflow.json").write_text(json.dumps({"pid": 1, "started": 0.0}))
    page = run("compare", workspace, **{state.STUDY: finished.id})
    assert "no memory left" in words(page)
    assert "Not all runs of A are finished, or some failed" in words(page)
    assert _figures(page) == 2


def test_one_arm_alone_is_compared_with_predicting_the_mean(mine, run) -> None:
    workspace, finished, _ = mine
    for other in _finetunes(finished):
        if other.arm != "A":
            shutil.rmtree(other.folder)
    page = run("compare", workspace, **{state.STUDY: finished.id})
    assert (
        "Not the whole study: so far better than predicting the mean age: pretrained on tier A alone"
        in words(page)
    )
    assert "There is no other arm to compare with yet." in words(page)
    assert "No finished run yet: scratch, all, control-A." in words(page)
    page = run("compare", workspace, **{state.STUDY: finished.id, state.COMPARE_PART: "where"})
    assert "No sweep in this study" in words(page)


def test_predictions_that_are_no_numbers_are_left_out(mine, run) -> None:
    workspace, finished, _ = mine
    for one in _finetunes(finished):
        if one.arm == "A":
            result = files.read_json(one.result_path)
            result["predictions"][0]["predicted_age_years"] = float("nan")
            one.result_path.write_text(json.dumps(result))
    page = run("compare", workspace, **{state.STUDY: finished.id})
    assert '<td class="ts-num">12</td>' in words(page)
    for part in ("where", "curves"):
        run("compare", workspace, **{state.STUDY: finished.id, state.COMPARE_PART: part})


def test_a_damaged_curve_is_said_in_words(mine, run) -> None:
    workspace, finished, _ = mine
    _finetunes(finished)[0].metrics_path.write_text("nonsense\n")
    page = run("compare", workspace, **{state.STUDY: finished.id, state.COMPARE_PART: "curves"})
    (error,) = page.error
    assert "is damaged" in error.value.replace("\\", "")


# ---- what may be concluded -------------------------------------------------------------------------


def _unlearn(study: Study) -> None:
    """Let every model say one age, whoever is looked at, with an arm that is steadily worse."""
    for run in _finetunes(study):
        result = files.read_json(run.result_path)
        for place, row in enumerate(result["predictions"]):
            row["predicted_age_years"] = 30.0 + 0.1 * place + 50.0 * (run.arm == "scratch")
        files.write_json(run.result_path, result)


def test_where_nothing_was_learned_every_page_and_file_says_so_first(mine, run) -> None:
    workspace, finished, _ = mine
    _unlearn(finished)
    report = content.build(workspace, finished.id)
    (answer,) = [message for message in report.messages if message.name == "answer"]
    assert answer.title.startswith("No arm is shown to predict age better than the mean age (")
    assert answer.title.endswith("years): this study cannot rank tiers")
    for part in PARTS:
        page = run("compare", workspace, **{state.STUDY: finished.id, state.COMPARE_PART: part})
        drawn = [one.proto.body for one in page.get("html")]
        (bar,) = (html for html in drawn if html.startswith('<div class="ts-headline'))
        assert bar.startswith(f'<div class="ts-headline ts-note">{answer.title}<small>Preset smoke')
        told = "Arms (what a model was pretrained on)"
        assert (told in words(page)) == (part in ("answer", "where"))
    page = run("compare", workspace, **{state.STUDY: finished.id})
    colours = {comparison_charts.VERDICTS[kind][0] for kind in ("better", "worse")}
    said = words(page).split("Against no pretraining, exploratory:", 1)[1]
    assert ">better<" in said and not any(f"background:{colour}" in said for colour in colours)
    (differences,) = [message for message in report.messages if message.name == "differences"]
    assert differences.faded and differences.lead.startswith(answer.title)
    assert "<ul class=faded>" in html_page.page(report)
    assert f"{answer.title}." in report.messages[-1].points


def test_a_try_out_preset_is_named_on_compare_and_present(full, once) -> None:
    for name in ("compare", "present"):
        page = once(name, **{state.STUDY: full.finished.id})
        told = "Preset smoke (small network, coarse images): to try Tierscope out, not for conclusions."
        assert told in words(page)


def test_predictions_that_do_not_follow_age_are_not_corrected(mine, run) -> None:
    workspace, finished, _ = mine
    _unlearn(finished)
    said = words(run("compare", workspace, **{state.STUDY: finished.id}))
    assert "No bias-corrected figures of " in said
    assert (
        "shrink too far towards the mean age (in some seed and fold they rise by 0.3 or less"
        in said
    )
    assert "do not follow age" not in said
    assert '<span class="ts-muted">corrected' not in said


# ---- filters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["answer", "curves", "where"])
def test_every_part_obeys_the_filters(full, run, part) -> None:
    workspace, finished, _ = full
    page = run(
        "compare",
        workspace,
        **{
            state.STUDY: finished.id,
            state.COMPARE_PART: part,
            state.COMPARE_ARMS: ["A"],
            state.COMPARE_SEEDS: [1],
            state.COMPARE_FOLDS: [0],
        },
    )
    said = words(page)
    assert "Left out: 2 arms, 1 seed, 1 fold." in said
    drawn = json.dumps([c.proto.spec for c in page.get("plotly_chart")], default=str)
    assert "scratch" in drawn and "control-A" not in drawn
    if part == "answer":
        assert "7 people" in said and "one seed" in said
        assert "no verdict" in said and ">better<" not in said and ">worse<" not in said


def test_choices_of_another_study_that_mean_nothing_here_are_dropped(full, run) -> None:
    workspace, finished, _ = full
    page = run(
        "compare",
        workspace,
        **{state.STUDY: finished.id, state.COMPARE_ARMS: ["gone"], state.COMPARE_REFERENCE: "gone"},
    )
    assert "Left out" not in words(page)


def test_smoothing_steps_and_single_runs_are_said(full, run) -> None:
    workspace, finished, _ = full
    page = run("compare", workspace, **{state.STUDY: finished.id, state.COMPARE_PART: "curves"})
    checked(page.selectbox(key=state.COMPARE_SMOOTHING).set_value(5).run())
    assert "Smoothed: a centred mean of 5 epochs" in words(page)
    page = run(
        "compare",
        workspace,
        **{state.STUDY: finished.id, state.COMPARE_PART: "curves", state.COMPARE_ALONG: "step"},
    )
    assert "did not write them" in words(page)


def test_where_runs_of_an_arm_differ_in_length_it_is_said(mine, run) -> None:
    workspace, finished, _ = mine
    shown = {state.STUDY: finished.id, state.COMPARE_PART: "curves"}
    assert "Runs of one arm last" not in words(run("compare", workspace, **shown))
    (first, *_), line = _finetunes(finished), {"loss": 1.0, "age_mae_years": 99.0}
    count = len(json_lines.read(first.metrics_path))
    json_lines.append(first.metrics_path, line | {"epoch": count + 1})
    said = f"Runs of one arm last {count} to {count + 1} epochs: its line goes as far as"
    assert said in words(run("compare", workspace, **shown))
    (told,) = [
        one for one in content.build(workspace, finished.id).messages if one.name == "curves"
    ]
    assert said in told.note and "The title is of the last epoch of each run." in told.note
    assert told.plot.table["epoch"].max() == count


@pytest.mark.parametrize(
    "against", ["distortion_score", "age_years", "sex", "site", "predicted", "gap"]
)
def test_one_arm_is_looked_at_against_everything_that_is_known(full, run, against) -> None:
    workspace, finished, _ = full
    page = run(
        "compare",
        workspace,
        **{state.STUDY: finished.id, state.COMPARE_PART: "where", state.COMPARE_AGAINST: against},
    )
    assert _figures(page) == 3
    assert "to list" in words(page)


def test_controls_say_what_they_are_alike_in_and_share(full, once) -> None:
    said = words(once("compare", **{state.STUDY: full.finished.id}))
    assert (
        "Against a random sample of the same size, sites, age tertiles and sexes, exploratory:"
        in said
    )
    assert "scans of A are also in control-A." in said


def test_rules_of_pool_and_target_that_differ_are_said_where_tiers_meet(mine, run) -> None:
    own, first, _ = mine
    target = frozen_cohort.freeze(
        own, "other", author="Ada", role="target", rule=TierRule(cutoffs=(15.0, 60.0))
    )
    shown = {state.STUDY: first.id, state.COMPARE_PART: "where"}
    assert "A: 0 to under 15" not in words(run("compare", own, **shown))
    shown[state.STUDY] = replanned(first, target_id=target.id)
    assert "A: 0 to under 15" in words(run("compare", own, **shown))


def test_the_cutoffs_of_a_study_stand_with_its_arms_and_other_pages_cut_is_told(
    full, once, run
) -> None:
    shown = {state.STUDY: full.finished.id}
    frozen = "Tiers as frozen: distortion score, A: 0 to under 25, B: 25 to under 50, C: 50 to 100."
    said = words(once("compare", **shown))
    assert frozen in said and "the same letters, other scans" not in said
    tried = {state.TRIED: TierRule(cutoffs=(10.0, 50.0)).as_dict()}
    said = words(run("compare", full.workspace, **shown, **tried))
    assert f"{frozen} Other pages show tiers that are cut otherwise just now" in said


# ---- many studies ----------------------------------------------------------------------------------


def test_studies_on_the_same_folds_are_set_beside_each_other(mine, run) -> None:
    workspace, finished, half = mine
    page = run("compare", workspace, **{state.STUDY: finished.id, state.COMPARE_ALSO: [half.id]})
    assert "finished · A" in words(page) and "Left out" not in words(page)
    assert "No finished run yet: half · scratch" in words(page)


def test_studies_are_searched_tagged_noted_and_archived(mine, run) -> None:
    workspace, finished, half = mine
    annotations.tag(workspace, half.id, "Ada", ["pilot"])
    annotations.note(workspace, half.id, "Ada", "stopped for lunch")
    page = run("compare", workspace, **{state.STUDY: finished.id, state.COMPARE_PART: "studies"})
    table = page.dataframe[0].value
    assert set(table["Study"]) == {"finished", "half"}
    assert table.set_index("Study").loc["half", "Tags"] == "pilot"
    assert table.set_index("Study").loc["half", "Beside the open one"] == "can be compared"
    checked(page.text_input(key=state.STUDY_SEARCH).set_value("lunch").run())
    assert page.dataframe[0].value["Study"].tolist() == ["half"]
    before = page.dataframe[0].proto.id  # what is ticked goes with the list
    annotations.archive(workspace, half.id, "Ada")
    page = run("compare", workspace, **{state.STUDY: finished.id, state.COMPARE_PART: "studies"})
    assert page.dataframe[0].value["Study"].tolist() == ["finished"]
    assert page.dataframe[0].proto.id != before
    checked(page.toggle(key=state.STUDY_ARCHIVE).set_value(True).run())
    assert page.dataframe[0].value["Study"].tolist() == ["half"]


def test_a_study_in_the_archive_is_not_offered_but_can_be_open(mine, run) -> None:
    workspace, finished, half = mine
    annotations.archive(workspace, half.id, "Ada")
    page = run("compare", workspace, **{state.STUDY: finished.id})
    assert len(page.selectbox(key=state.STUDY).options) == 1
    page = run("compare", workspace, **{state.STUDY: half.id})
    assert len(page.selectbox(key=state.STUDY).options) == 2


def test_numbers_that_come_back_as_mappings_are_rows_all_the_same(monkeypatch) -> None:
    points = [{"customdata": {"0": 3.0, "1": 1.0}}, {"customdata": ["A", 2]}, {"x": 1}]
    chosen = {"selection": {"points": points}}
    monkeypatch.setattr(picked_points.st, "plotly_chart", lambda *_, **__: chosen)
    assert picked_points.figure(go.Figure(), key="k", alt="a") == [[3.0, 1.0], ["A", 2]]
