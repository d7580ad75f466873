"""Primary comparisons, tuning and power of other outcomes than age: in their words, by their folds."""

import numpy as np
import pytest

from curation.errors import StudyError
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_judged
from tests.helpers.made_predictions import ALL, A
from training.held_out import stored_predictions
from training.results import (
    design_power,
    primary_comparison,
    scaling,
    study_summary,
    tuning_choices,
    verdicts,
)
from training.results.crossed_effects import Estimate
from training.settings.tuning import Tuning
from training.studies import planned_study, runs
from training.studies.analysis_plan import EXPLORATORY, AnalysisPlan
from training.tasks import finetune
from training.tasks.stop_signal import Interruption

ARMS = ["scratch", "random"]
PAIR = ("random", "scratch")
GRID = Tuning(rates=(0.3, 1.0), lengths=(1.0,))


@pytest.fixture
def judged(workspace: Workspace) -> Workspace:
    return workspace_judged.make(workspace)


def _sites(workspace: Workspace, count: int) -> None:
    scans = tables.read_scans(workspace)
    sites = [f"site-{number % count}" for number in range(len(scans))]
    tables.write_scans(workspace, scans.assign(site=sites))


# ---- margins -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "margin", "words"),
    [
        ("sex", None, "of sex only you can say what difference would matter. State it, in AUC"),
        ("MMSE", None, "of MMSE only you can say what difference would matter. State it, in MMSE"),
        ("sex", 0.7, "0.7 AUC is all there is between chance and no error"),
        ("MMSE", -1.0, "above 0 MMSE, not -1"),
    ],
)
def test_a_primary_comparison_of_another_outcome_needs_a_margin_of_its_own(
    judged: Workspace, outcome: str, margin: float | None, words: str
) -> None:
    with pytest.raises(StudyError, match=words):
        workspace_judged.plan(
            judged, arms=ARMS, outcome=outcome, analysis=AnalysisPlan(PAIR, margin)
        )
    assert not planned_study.list_studies(judged)


def test_a_margin_is_kept_and_told_in_the_unit_of_the_outcome(judged: Workspace) -> None:
    declared = AnalysisPlan(PAIR, 0.7)
    study = workspace_judged.plan(judged, arms=ARMS, outcome="MMSE", analysis=declared)
    assert planned_study.load(judged, study.id).analysis == declared
    assert study.analysis.words.endswith("two-sided, margin 0.7 MMSE.")
    declared = AnalysisPlan(PAIR, 0.05)
    study = workspace_judged.plan(judged, arms=ARMS, outcome="sex", analysis=declared)
    assert study.analysis.words.endswith("margin 0.05 AUC.")
    assert workspace_judged.plan(judged, outcome="sex").analysis == EXPLORATORY


# ---- verdicts ------------------------------------------------------------------------------------


def _estimate(mean: float, half: float) -> Estimate:
    known = {"mean": mean, "low": mean - half, "high": mean + half, "p": 0.01, "se": half / 2}
    fields = dict.fromkeys(Estimate._fields, 0.0) | known | {"df": 20.0, "people": 40, "seeds": 3}
    return Estimate(**fields)


def test_a_verdict_on_an_auc_turns_the_sign_and_speaks_of_auc(judged: Workspace) -> None:
    """A loss of 0.08 less, 1 − AUC, is an AUC that is higher by as much."""
    sex = workspace_judged.plan(judged, outcome="sex").outcome
    seen = _estimate(-0.08, 0.05)
    said = verdicts.exploratory("A", "all", seen, 0.01, judged=sex)
    assert (said.outcome, said.words) == (
        "better",
        "A is better than all by 0.080 AUC (0.030 to 0.130).",
    )
    plan = AnalysisPlan(("A", "all"), 0.1, outcome=sex)
    assert verdicts.confirmatory(plan, seen).words.startswith(
        "A is better than all by 0.080 AUC (95 % interval 0.030 to 0.130,"
    )
    withheld = verdicts.exploratory("A", "all", seen, 0.01, judged=sex, withheld="x").words
    assert "difference 0.080 AUC, 0.030 to 0.130; above 0 favours A" in withheld
    not_worse = verdicts.confirmatory(plan, _estimate(0.02, 0.06)._replace(p=0.5))
    assert not_worse.outcome in ("equivalent", "not worse")
    assert "margin of 0.1 AUC (difference −0.020, " in not_worse.words
    told = primary_comparison.headline(plan, (A, ALL), seen, not_worse)
    assert "years" not in not_worse.words + told and "the AUC for sex (M) is " in told


def test_the_primary_comparison_of_a_planted_study_is_one_of_auc(judged: Workspace) -> None:
    study = workspace_judged.plan(
        judged, arms=ARMS, seeds=[0, 1], outcome="old", analysis=AnalysisPlan(PAIR, 0.05)
    )
    workspace_judged.plant(study)
    held_out = stored_predictions.read(judged, study)
    primary = primary_comparison.of_study(held_out, study.analysis)
    assert primary is not None
    final = study_summary.summarise(held_out).set_index("arm")["age_mae_years"]
    assert -primary.difference.mean == pytest.approx(final["random"] - final["scratch"])
    assert "AUC" in primary.verdict.words and "years" not in primary.verdict.words
    table = study.outcome.named(study.outcome.shown(primary.table(), "difference_years"))
    assert table["auc_difference"].item() == pytest.approx(final["random"] - final["scratch"])
    assert table["ci90_low"].item() <= table["auc_difference"].item() <= table["ci90_high"].item()
    assert {"auc_margin", "detectable_auc_difference"} <= set(table)


def test_power_is_told_from_studies_of_the_same_outcome_alone(judged: Workspace) -> None:
    studies = []
    for outcome in ("age", "old"):
        study = workspace_judged.plan(judged, arms=ARMS, seeds=[0, 1], outcome=outcome)
        workspace_judged.plant(study)
        studies.append(study)

    def assumed(outcome):  # type: ignore[no-untyped-def]
        return design_power.assumed(
            studies,
            lambda one: stored_predictions.read(judged, one),
            target_id=studies[0].target_id,
            preset="smoke",
            outcome=outcome,
        )

    old = assumed(studies[1].outcome)
    assert old is not None and 0 < old.person + old.rest < 2 and old.source == f"as in {study.name}"
    said = design_power.words(24, 2, old, margin_years=0.1, outcome=studies[1].outcome)
    assert " AUC or more in four of five studies" in said and "within the margin of 0.1 AUC" in said
    mmse = workspace_judged.plan(judged, outcome="MMSE").outcome
    assert assumed(mmse) is None
    said = design_power.words(24, 2, None, margin_years=np.nan, outcome=mmse)
    assert "no study that predicts MMSE is finished here" in said


def test_errors_by_size_of_a_two_valued_outcome_are_its_auc(judged: Workspace) -> None:
    arms = ["all", "all-share-50-draw-1"]
    study = workspace_judged.plan(judged, arms=arms, seeds=[0, 1], outcome="old")
    workspace_judged.plant(study)
    held_out = stored_predictions.read(judged, study)
    final = study_summary.summarise(held_out).set_index("arm")["age_mae_years"]
    table = scaling.by_size(held_out, {"all": 6, arms[1]: 3}).set_index("percent")
    assert table.loc[50, "age_mae_years"] == pytest.approx(final[arms[1]])
    assert table.loc[100, "age_mae_years"] == pytest.approx(final["all"])


# ---- tuning --------------------------------------------------------------------------------------


def test_tuning_holds_out_whole_sites_where_folds_are_by_site(judged: Workspace) -> None:
    _sites(judged, 4)
    study = workspace_judged.plan(judged, arms=ARMS, folds=4, folds_by="site", tuning=GRID)
    for fold in study.run_folds:
        train, test, _ = study.inner_split(fold)
        held_out = study.split("scratch", 0, fold).test
        parts = [set(one["site"]) for one in (train, test, held_out)]
        assert all(parts) and len(set.union(*parts)) == sum(map(len, parts)) == 4


def test_tuning_without_a_site_to_leave_out_is_refused(judged: Workspace) -> None:
    with pytest.raises(StudyError, match=r"Tuning cannot validate within fold 1, .* too few sites"):
        workspace_judged.plan(judged, arms=ARMS, folds=2, folds_by="site", tuning=GRID)
    assert not planned_study.list_studies(judged)


def test_every_fold_of_every_partition_is_tuned_on_its_own_people(judged: Workspace) -> None:
    study = workspace_judged.plan(judged, arms=ARMS, outcome="diagnosis", repeats=2, tuning=GRID)
    trials = [run for run in runs.runs_of(study) if run.kind == "tune"]
    assert {run.fold for run in trials} == {0, 1, 2, 3}
    for fold in study.run_folds:
        train, test, _ = study.inner_split(fold)
        held_out = set(study.split("scratch", 0, fold).test["subject_id"])
        assert train["outcome"].nunique() == test["outcome"].nunique() == 2
        people = [set(one["subject_id"]) for one in (train, test)]
        assert not people[0] & people[1] and not (people[0] | people[1]) & held_out


def test_the_trial_of_the_largest_auc_is_taken(judged: Workspace) -> None:
    study = workspace_judged.plan(judged, arms=ARMS, outcome="old", tuning=GRID)
    for run, auc in zip(runs.trials_of(study, "scratch", 0), (0.6, 0.8), strict=True):
        result = {"held_out": auc, "predictions": [{"subject_id": "a"}]}
        files.write_json(run.result_path, result)
    made = tuning_choices.choice(study, "scratch", 0)
    assert made is not None and made.figure == 0.8
    assert made.recipe == GRID.trials(study.preset, "scratch")[1]
    assert tuning_choices.as_record(study)[0]["trials"][1]["held_out"] == 0.8  # type: ignore[index]


def test_a_tuned_study_of_another_outcome_predicts_external_people_by_final_models_alone(
    judged: Workspace,
) -> None:
    other = workspace_judged.second_target(judged)
    study = workspace_judged.plan(
        judged, outcome="sex", external=(other,), tuning=Tuning(rates=(1.0,), lengths=(1.0,))
    )
    runs.write_configs(study)
    for run in runs.runs_of(study):
        finetune.finetune(judged, study, run, Interruption())
        result = files.read_json(run.result_path)
        assert ("external" in result) == (run.kind == "finetune")
        assert {"lr", "epochs", "held_out"} <= set(result)
    assert len(tuning_choices.choices(study)) == study.folds
