from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from curation.storage import files
from tests.helpers import workspace_trainable
from tests.helpers.made_predictions import ALL, CONTROL, SCRATCH, A, made, random, repeated
from training.arms.study_arms import Arm
from training.held_out import age_metrics
from training.held_out.predictions import BASELINE
from training.judging.outcome import AGE, Outcome
from training.results import comparisons, error_strata, study_summary
from training.studies import runs

AGES = np.linspace(20, 80, 31)


def _row(table: pd.DataFrame, arm: str) -> pd.Series:
    return table.set_index("arm").loc[arm]


def test_the_last_row_predicts_the_mean_of_the_training_folds(workspace) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    assert study_summary.final_errors(workspace, study.id).empty
    for run in runs.runs_of(study):
        if run.kind == "finetune":
            predictions = [
                {
                    "scan_id": f"{run.fold}-{n}",
                    "subject_id": f"{run.fold}-{n}",
                    "age_years": 40.0 + n,
                    "predicted_age_years": 41.0 + n,
                }
                for n in range(4)
            ]
            result = {"baseline_age_years": 30.0, "predictions": predictions}
            files.write_json(run.result_path, result)
    table = study_summary.final_errors(workspace, study.id).set_index("arm")
    assert table.index.tolist() == ["scratch", "A", BASELINE]
    assert table["age_mae_years"].tolist() == [1.0, 1.0, 11.5]
    assert study_summary.best_of(study) == study_summary.Best()
    rows = table.reset_index().assign(r2=[0.1, 0.9, 0.0], age_mae_years=[3.0, 2.0, 11.5])
    told = rows[["arm", "age_mae_years", "r2"]].to_dict("records")
    summary = {"final_errors": told, "training_seconds": 7200}
    files.write_json(study.result_path, summary)
    assert study_summary.best_of(study) == study_summary.Best("A", 2.0, 0.9, 11.5, 2.0)
    assert table.loc["A", "n_runs"] == 2
    assert table.loc[BASELINE, ["n_runs", "n_seeds"]].tolist() == [0, 0]


def test_the_figures_stand_beside_their_bias_corrected_ones() -> None:
    shrunk = 50 + 0.5 * (AGES - 50)
    table = study_summary.summarise(made(np.tile(shrunk, (2, 2, 1)), AGES))
    row = _row(table, "A")
    assert row["slope"] == pytest.approx(-0.5)
    assert row["corrected_slope"] == pytest.approx(0, abs=1e-9)
    assert row["corrected_mae_years"] == pytest.approx(0, abs=1e-9)
    assert np.isnan(_row(table, BASELINE)["corrected_mae_years"])


def test_one_seed_and_arm_is_students_interval_over_people() -> None:
    error = np.random.default_rng(0).normal(0, 5, 31)
    row = _row(study_summary.summarise(made((AGES + error)[None, None], AGES)), "scratch")
    expected = stats.ttest_1samp(np.abs(error), 0).confidence_interval(0.95)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((expected.low, expected.high))
    assert row["age_mae_years"] == pytest.approx(np.abs(error).mean())


def test_an_arm_whose_runs_are_not_all_there_rests_on_what_is_whole() -> None:
    predicted = np.tile(AGES + 2, (2, 3, 1))
    predicted[1, 2, ::2] = np.nan  # seed 2 lacks fold 0
    row = _row(study_summary.summarise(made(predicted, AGES)), "A")
    assert (row["n_subjects"], row["n_seeds"], row["n_runs"]) == (31, 2, 5)


def test_predictions_that_are_no_numbers_are_no_predictions() -> None:
    predicted = np.tile(AGES + 2, (2, 2, 1))
    predicted[0, :, 3] = np.nan
    row = _row(study_summary.summarise(made(predicted, AGES)), "scratch")
    assert row["n_subjects"] == 30
    assert row["age_mae_years"] == pytest.approx(2)


@pytest.mark.parametrize("outcome", [AGE, Outcome("sex", "two-valued", "", "M", "F", 3)])
def test_an_arm_that_predicted_in_a_further_partition_alone_is_not_there_yet(outcome) -> None:
    truth = AGES if outcome.is_age else np.arange(31) % 2.0
    predicted = truth + np.random.default_rng(0).normal(0, 1, (2, 2, 31))
    begun = predicted.copy()
    begun[1] = np.nan
    first = replace(made(begun, truth), outcome=outcome)
    held_out = repeated(first, predicted, np.arange(31) // 16 + 2)
    assert study_summary.summarise(held_out)["arm"].tolist() == ["scratch", BASELINE]
    found = comparisons.compare_all(held_out, "scratch")
    assert found.mean_age["arm"].tolist() == ["scratch"] and found.reference.empty
    assert "A" not in set(error_strata.tier_by_tier(held_out)["arm"])
    assert held_out.finished_runs("A") == 4 and not held_out.finished("A")


# ---- seeds -----------------------------------------------------------------------------------------


def _width(table: pd.DataFrame, arm: str) -> float:
    return float(np.ptp(_row(table, arm)[["ci_low", "ci_high"]].astype(float)))


def test_seeds_are_pooled_over_arms_trained_alike_which_controls_and_shares_of_labels_are_not() -> (
    None
):
    few = Arm("A-labels-10", "few", "tiers", ("A",), label_percent=10, base="A")
    more = Arm("A+B", "more", "tiers", ("A", "B"))
    held_out = random(seeds=3)
    predicted, ages = held_out.predicted_years[:-1].copy(), held_out.ages
    predicted[3] = ages + 10 * np.array([[1.0], [5.0], [9.0]])
    without = _width(
        study_summary.summarise(made(predicted[:3], ages, arms=(SCRATCH, A, ALL))), "A"
    )
    widths = {
        beside.name: _width(
            study_summary.summarise(made(predicted, ages, arms=(SCRATCH, A, ALL, beside))), "A"
        )
        for beside in (few, CONTROL, more)
    }
    assert widths["A-labels-10"] == widths["control-A"] == without < widths["A+B"]


def test_an_arm_whose_seeds_lie_far_apart_keeps_its_own_wide_interval() -> None:
    held_out = random(seeds=3)
    predicted, ages = held_out.predicted_years[:-1].copy(), held_out.ages
    predicted[1] = ages + np.array([[1.0], [9.0], [17.0]])
    together = _width(
        study_summary.summarise(made(predicted[:3], ages, arms=(SCRATCH, A, ALL))), "A"
    )
    alone = _width(study_summary.summarise(made(predicted[1:2], ages, arms=(A,))), "A")
    assert together == pytest.approx(alone)


def test_seeds_are_told_by_how_far_their_errors_lie_apart() -> None:
    predicted = AGES + np.array([[[1.0], [2.0], [6.0]]]) + np.zeros((1, 3, 31))
    row = _row(study_summary.summarise(made(predicted, AGES)), "scratch")
    assert row["seed_sd_years"] == pytest.approx(np.std([1, 2, 6], ddof=1))


def test_which_arms_stand_beside_changes_nothing_of_a_difference() -> None:
    held_out = random(seeds=3)
    whole = study_summary.compare(held_out, "A", "scratch").estimate
    assert (
        study_summary.compare(held_out.only(arms=["A", "scratch"]), "A", "scratch").estimate
        == whole
    )


def test_the_reference_is_scratch_else_all_else_the_first() -> None:
    held_out = random()
    assert study_summary.default_reference(held_out) == "scratch"
    assert study_summary.default_reference(held_out.only(arms=["A", "all"])) == "all"
    assert study_summary.default_reference(held_out.only(arms=["control-A", "A"])) == "A"
    assert study_summary.default_reference(made(np.full((1, 1, 2), np.nan), [1, 2])) is None


def test_the_table_agrees_with_the_figures_of_an_arm() -> None:
    held_out = random()
    row = _row(study_summary.summarise(held_out), "all")
    expected = age_metrics.figures(held_out.predicted_years[2], held_out.ages)
    assert row[list(expected)].to_dict() == pytest.approx(expected)
