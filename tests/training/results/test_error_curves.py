import numpy as np
import pandas as pd
import pytest
from scipy import stats

from curation.storage import json_lines
from tests.helpers import workspace_trainable
from training.arms.study_arms import Arm
from training.results import error_curves
from training.studies import runs


def _frame(values: dict[tuple[int, int], float]) -> pd.DataFrame:
    rows = [
        {
            "run_id": f"A-{seed}-{fold}",
            "arm": "A",
            "seed": seed,
            "fold": fold,
            "epoch": 1,
            "step": 10,
            "age_mae_years": value,
        }
        for (seed, fold), value in values.items()
    ]
    return pd.DataFrame(rows)


A, B, C = (Arm(name, "", "tiers", (name,)) for name in "ABC")
CONTROL = Arm("control-A", "", "control", ("A", "B"), "A")


def _band(table: pd.DataFrame, *arms: Arm) -> pd.DataFrame:
    return error_curves.age_error_band(table, arms or (A,))


def test_the_band_is_students_over_seeds_of_the_means_over_folds() -> None:
    table = _band(_frame({(0, 0): 4, (0, 1): 6, (1, 0): 7, (1, 1): 7, (2, 0): 9, (2, 1): 9}))
    low, high = stats.t.interval(0.95, 2, loc=7, scale=2 / np.sqrt(3))
    row = table.iloc[0]
    assert (row["age_mae_years"], row["seeds"]) == (7, 3)
    assert (row["low"], row["high"]) == pytest.approx((low, high))


def _unlike() -> pd.DataFrame:
    """Two arms of two seeds 2 and 8 years apart, and one of one seed."""
    first = _frame({(0, 0): 34, (1, 0): 36})
    second = _frame({(0, 0): 31, (1, 0): 39}).assign(arm="B", run_id=["x", "y"])
    third = _frame({(0, 0): 37}).assign(arm="C", run_id="z")
    return pd.concat([first, second, third])


def test_the_spread_of_seeds_is_pooled_over_arms_trained_alike() -> None:
    table = _band(_unlike(), A, B, C).set_index("arm")
    pooled = stats.t.ppf(0.975, 2) * np.sqrt((2 + 32) / 2)
    half = [pooled / np.sqrt(2), pooled / np.sqrt(2), pooled]
    assert (table["high"] - table["age_mae_years"]).tolist() == pytest.approx(half)


def test_controls_draw_other_scans_for_each_seed_and_are_pooled_apart() -> None:
    table = _unlike().assign(arm=lambda t: t["arm"].replace("B", "control-A"))
    apart = _band(table, A, CONTROL, C).set_index("arm")
    alone = _band(_frame({(0, 0): 34, (1, 0): 36})).set_index("arm")
    assert apart.loc["A", "low"] == pytest.approx(alone.loc["A", "low"])
    assert np.isnan(
        _band(table[table["arm"] != "A"], A, CONTROL, C).set_index("arm").loc["C", "low"]
    )


def test_an_error_is_never_below_nothing() -> None:
    assert _band(_frame({(0, 0): 4, (1, 0): 12})).iloc[0]["low"] == 0


def test_few_seeds_are_there_one_by_one() -> None:
    table = _band(_frame({(0, 0): 4, (0, 1): 6, (1, 0): 7, (1, 1): 9}))
    assert error_curves.single_seeds(table) == ["seed_0", "seed_1"]
    assert table.loc[0, ["seed_0", "seed_1"]].tolist() == [5, 8]
    assert not error_curves.single_seeds(_band(_frame({(seed, 0): seed for seed in range(4)})))


def test_one_seed_has_a_mean_and_no_band() -> None:
    row = _band(_frame({(0, 0): 4, (0, 1): 6})).iloc[0]
    assert row["age_mae_years"] == 5
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


def test_a_seed_whose_folds_are_not_all_there_is_left_out() -> None:
    row = _band(_frame({(0, 0): 4, (0, 1): 6, (1, 0): 50})).iloc[0]
    assert (row["age_mae_years"], row["seeds"]) == (5, 1)


def test_no_data_is_an_empty_table() -> None:
    assert _band(_frame({})).empty


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ({"A": (9, 7.34), "B": (9, 8.66)}, "7.3 to 8.7 years; it fell in all 2 arms"),
        ({"A": (7, 7.9), "B": (9, 8.2)}, "7.9 to 8.2 years; it rose in 1 of 2 arms"),
        ({"A": (7, 7.9)}, "7.9 years; it rose"),
        ({"A": (7,)}, "7.0 years"),
    ],
)
def test_the_course_of_the_curves_is_told_from_the_curves(ends, said) -> None:
    table = _runs({(arm, 0): values for arm, values in ends.items()})
    assert (
        error_curves.course(table)
        == f"Age error at the end of fine-tuning, mean over folds: {said}"
    )
    assert error_curves.lengths_said(table) == ""


def _runs(values: dict[tuple[str, int], list[float]]) -> pd.DataFrame:
    """Return a run an arm and fold, of one seed, with its errors epoch by epoch."""
    rows = [
        {
            "run_id": f"{arm}-{fold}",
            "arm": arm,
            "seed": 0,
            "fold": fold,
            "epoch": epoch,
            "age_mae_years": value,
        }
        for (arm, fold), line in values.items()
        for epoch, value in enumerate(line, 1)
    ]
    return pd.DataFrame(rows)


def test_the_end_of_folds_of_different_lengths_is_the_last_epoch_of_each() -> None:
    table = _runs({("A", 0): [9, 8], ("A", 1): [9, 12, 6, 4], ("ridge", 0): [7], ("ridge", 1): [7]})
    assert error_curves.course(table) == (
        "Age error at the end of fine-tuning, mean over folds: 6.0 to 7.0 years; it fell"
    )
    assert error_curves.lengths_said(table) == (
        "Runs of one arm last 2 to 4 epochs: its line goes as far as every fold does."
    )


def test_a_seed_whose_folds_are_not_all_there_has_no_end() -> None:
    whole = _runs({("A", 0): [9, 8], ("A", 1): [9, 6]})
    begun = _runs({("A", 0): [9, 50]}).assign(seed=1, run_id="x")
    assert "mean over folds: 7.0 years" in error_curves.course(pd.concat([whole, begun]))


def test_curves_are_read_from_the_runs_and_a_repeated_epoch_counts_once(workspace) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    assert error_curves.age_error_curves(workspace, study.id).empty
    run = runs.find(study, "finetune_A_seed0_fold1")
    run.folder.mkdir(parents=True)
    for epoch, value in ((1, 9.0), (2, 8.0), (2, 7.0)):
        json_lines.append(run.metrics_path, {"epoch": epoch, "loss": 1.0, "age_mae_years": value})
    with run.metrics_path.open("a") as file:
        file.write('{"epoch": 3, "lo')  # a process that died while it wrote
    table = error_curves.age_error_curves(workspace, study.id)
    assert table["epoch"].tolist() == [1, 2]
    assert table["age_mae_years"].tolist() == [9.0, 7.0]
    assert set(table["arm"]) == {"A"}
    assert error_curves.pretrain_curves(workspace, study.id).empty


def _lines(*values: list[float]) -> pd.DataFrame:
    rows = [
        {
            "run_id": f"run-{seed}",
            "arm": "A",
            "seed": seed,
            "fold": 0,
            "epoch": epoch,
            "step": 7 * epoch,
            "loss": value,
        }
        for seed, line in enumerate(values)
        for epoch, value in enumerate(line, 1)
    ]
    return pd.DataFrame(rows)


def test_smoothing_is_a_mean_over_a_window_of_each_run_by_itself() -> None:
    table = error_curves.smoothed(_lines([1, 2, 6, 4, 5], [9, 9, 9]), "loss", 3)
    assert table["loss"].tolist() == pytest.approx([1, 3, 4, 5, 5, 9, 9, 9])


def test_the_last_epoch_of_a_smoothed_curve_is_what_it_is() -> None:
    line = [*np.random.default_rng(0).uniform(1, 9, 20)]
    table = error_curves.smoothed(_lines(line), "loss", 9)
    assert table["loss"].iloc[[0, -1]].tolist() == pytest.approx([line[0], line[-1]])
    assert table["loss"].iloc[10] == pytest.approx(np.mean(line[6:15]))


def test_a_window_of_one_changes_nothing() -> None:
    table = _lines([1, 2, 6])
    assert error_curves.smoothed(table, "loss", 1) is table
    assert error_curves.smoothed(table.iloc[:0], "loss", 5).empty


def test_curves_can_be_drawn_against_steps() -> None:
    table = error_curves.loss_band(_lines([1, 2], [3, 4]), along="step")
    assert table["step"].tolist() == [7, 14]
    assert table["loss"].tolist() == [2, 3]


def test_runs_that_wrote_no_step_have_no_curve_against_steps() -> None:
    table = _lines([1, 2]).assign(step=float("nan"))
    assert error_curves.loss_band(table, along="step").empty


def test_thinned_curves_keep_their_ends() -> None:
    table = error_curves.thinned(_lines([*range(1, 201)], [*range(1, 90)]), 20)
    first = table[table["run_id"] == "run-0"]["epoch"].tolist()
    assert first == [1, *range(10, 201, 10)]
    assert table[table["run_id"] == "run-1"]["epoch"].max() == 89
    assert len(error_curves.thinned(_lines([1, 2, 3]), 20)) == 3
    assert error_curves.thinned(_lines([1]).iloc[:0], 20).empty
