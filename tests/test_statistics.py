import numpy as np
import pandas as pd
import pytest
from scipy import stats

from curation import files
from tests import training_workspace
from tests.held_out import ALL, CONTROL, SCRATCH, A, made, random
from training import age_metrics, runs, statistics
from training.arms import Arm
from training.predictions import BASELINE

AGES = np.linspace(20, 80, 31)


def _row(table: pd.DataFrame, arm: str) -> pd.Series:
    return table.set_index("arm").loc[arm]


def test_the_last_row_predicts_the_mean_of_the_training_folds(workspace) -> None:
    study = training_workspace.plan(training_workspace.make(workspace))
    assert statistics.final_errors(workspace, study.id).empty
    for run in runs.runs_of(study):
        if run.kind == "finetune":
            predictions = [
                {"scan_id": f"{run.fold}-{n}", "subject_id": f"{run.fold}-{n}",
                 "age_years": 40.0 + n, "predicted_age_years": 41.0 + n}
                for n in range(4)
            ]  # fmt: skip
            result = {"baseline_age_years": 30.0, "predictions": predictions}
            files.write_json(run.result_path, result)
    table = statistics.final_errors(workspace, study.id).set_index("arm")
    assert table.index.tolist() == ["scratch", "A", BASELINE]
    assert table["age_mae_years"].tolist() == [1.0, 1.0, 11.5]
    assert table.loc["A", "n_runs"] == 2
    assert table.loc[BASELINE, ["n_runs", "n_seeds"]].tolist() == [0, 0]


def test_the_figures_stand_beside_their_bias_corrected_ones() -> None:
    shrunk = 50 + 0.5 * (AGES - 50)
    table = statistics.summarise(made(np.tile(shrunk, (2, 2, 1)), AGES))
    row = _row(table, "A")
    assert row["slope"] == pytest.approx(-0.5)
    assert row["corrected_slope"] == pytest.approx(0, abs=1e-9)
    assert row["corrected_mae_years"] == pytest.approx(0, abs=1e-9)
    assert np.isnan(_row(table, BASELINE)["corrected_mae_years"])


def test_one_seed_and_arm_is_students_interval_over_people() -> None:
    error = np.random.default_rng(0).normal(0, 5, 31)
    row = _row(statistics.summarise(made((AGES + error)[None, None], AGES)), "scratch")
    expected = stats.ttest_1samp(np.abs(error), 0).confidence_interval(0.95)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((expected.low, expected.high))
    assert row["age_mae_years"] == pytest.approx(np.abs(error).mean())


def test_an_arm_whose_runs_are_not_all_there_rests_on_what_is_whole() -> None:
    predicted = np.tile(AGES + 2, (2, 3, 1))
    predicted[1, 2, ::2] = np.nan  # seed 2 lacks fold 0
    row = _row(statistics.summarise(made(predicted, AGES)), "A")
    assert (row["n_subjects"], row["n_seeds"], row["n_runs"]) == (31, 2, 5)


def test_predictions_that_are_no_numbers_are_no_predictions() -> None:
    predicted = np.tile(AGES + 2, (2, 2, 1))
    predicted[0, :, 3] = np.nan
    row = _row(statistics.summarise(made(predicted, AGES)), "scratch")
    assert row["n_subjects"] == 30
    assert row["age_mae_years"] == pytest.approx(2)


# ---- differences -----------------------------------------------------------------------------------


def test_a_difference_is_paired_by_person() -> None:
    error = np.random.default_rng(1).normal(0, 9, 31)
    held_out = made(np.stack([AGES + error, AGES + 0.5 * error])[:, None], AGES)
    table = statistics.differences(held_out, "scratch")
    row = _row(table, "A")
    paired = stats.ttest_rel(np.abs(0.5 * error), np.abs(error))
    assert row["difference_years"] == pytest.approx(-0.5 * np.abs(error).mean())
    assert row["p"] == pytest.approx(paired.pvalue)
    bounds = paired.confidence_interval(0.95)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((bounds.low, bounds.high))
    assert row["verdict"] == "better"


def test_turning_a_comparison_round_turns_its_sign() -> None:
    held_out = random()
    there = _row(statistics.differences(held_out, "scratch"), "A")
    back = _row(statistics.differences(held_out, "A"), "scratch")
    assert there["difference_years"] == pytest.approx(-back["difference_years"])
    assert (there["ci_low"], there["p"]) == pytest.approx((-back["ci_high"], back["p"]))


def test_predicting_the_mean_is_always_compared_and_never_counted() -> None:
    table = statistics.differences(random(), "scratch")
    assert table["arm"].tolist() == ["A", "all", "control-A", BASELINE]
    assert table["p_holm"].iloc[-1] == table["p"].iloc[-1]
    assert (table["p_holm"][:3] >= table["p"][:3]).all()
    against = statistics.differences(random(), BASELINE)
    assert against["arm"].tolist() == ["scratch", "A", "all", "control-A"]


def test_arms_that_say_the_same_do_not_differ() -> None:
    same = np.tile(AGES + np.random.default_rng(0).normal(0, 4, (2, 31)), (2, 1, 1))
    row = _row(statistics.differences(made(same, AGES), "scratch"), "A")
    assert (row["difference_years"], row["p"], row["verdict"]) == (0, 1, "open")


def test_arms_without_a_run_in_common_say_so() -> None:
    predicted = np.tile(AGES + 2, (2, 2, 1))
    predicted[0, 0] = predicted[1, 1] = np.nan
    row = _row(statistics.differences(made(predicted, AGES), "scratch"), "A")
    assert row["verdict"] == "unknown"
    assert np.isnan(row["difference_years"])


def test_an_arm_is_compared_with_its_own_control() -> None:
    held_out = random()
    (row,) = statistics.against_controls(held_out).itertuples()
    assert (row.arm, row.reference) == ("A", "control-A")
    assert statistics.against_controls(held_out.only(arms=["A", "all"])).empty


def test_the_reference_is_scratch_else_all_else_the_first() -> None:
    held_out = random()
    assert statistics.default_reference(held_out) == "scratch"
    assert statistics.default_reference(held_out.only(arms=["A", "all"])) == "all"
    assert statistics.default_reference(held_out.only(arms=["control-A", "A"])) == "A"
    assert statistics.default_reference(made(np.full((1, 1, 2), np.nan), [1, 2])) is None
    assert statistics.differences(held_out, "nobody").empty


def test_seeds_spread_as_far_as_those_of_arms_trained_alike() -> None:
    """An arm on a tenth of the labels, whose seeds differ wildly, does not widen the others' intervals."""
    few = Arm("A-labels-10", "few", "tiers", ("A",), label_percent=10, base="A")
    held_out = random(seeds=3)
    predicted = held_out.predicted_years[:-1].copy()
    ages = held_out.ages
    predicted[3] = ages + 10 * np.array([[1.0], [5.0], [9.0]])
    with_few = made(predicted, ages, arms=(SCRATCH, A, ALL, few))
    without = made(predicted[:3], ages, arms=(SCRATCH, A, ALL))
    as_control = made(predicted, ages, arms=(SCRATCH, A, ALL, CONTROL))
    widths = [
        np.ptp(_row(statistics.summarise(p), "A")[["ci_low", "ci_high"]].astype(float))
        for p in (with_few, without, as_control)
    ]
    assert widths[0] == widths[1] < widths[2]
    across = _row(statistics.differences(with_few, "A"), "A-labels-10")
    assert across["ci_high"] > across["difference_years"] + 10


def test_the_table_agrees_with_the_figures_of_an_arm() -> None:
    held_out = random()
    row = _row(statistics.summarise(held_out), "all")
    expected = age_metrics.figures(held_out.predicted_years[2], held_out.ages)
    assert row[list(expected)].to_dict() == pytest.approx(expected)
