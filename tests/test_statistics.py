import numpy as np
import pandas as pd
import pytest

from curation import files
from tests import training_workspace
from training import runs, statistics


def _table(age: list[float], predicted: list[float], seed: int = 0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "seed": seed, "fold": 0, "subject_id": [f"s:{n}" for n in range(len(age))],
            "age_years": age, "predicted_age_years": predicted,
        }
    )  # fmt: skip


def test_a_perfect_prediction() -> None:
    row = statistics.summarise(_table([20, 40, 60], [20, 40, 60]))
    assert row["age_mae_years"] == row["mean_error_years"] == row["slope"] == 0
    assert (row["r"], row["r2"]) == (pytest.approx(1), 1)
    assert (row["n_subjects"], row["n_runs"]) == (3, 1)


def test_a_constant_prediction_explains_nothing() -> None:
    row = statistics.summarise(_table([20, 40, 60], [40, 40, 40]))
    assert row["age_mae_years"] == pytest.approx(40 / 3)
    assert np.isnan(row["r"])
    assert (row["r2"], row["slope"]) == (0, -1)


def test_predictions_shrunk_to_the_mean_have_that_slope() -> None:
    age = np.linspace(20, 80, 13)
    row = statistics.summarise(_table(list(age), list(50 + 0.3 * (age - 50) + 2)))
    assert row["slope"] == pytest.approx(-0.7)
    assert row["mean_error_years"] == pytest.approx(2)


def test_seeds_are_averaged_and_people_counted_once() -> None:
    both = pd.concat([_table([20, 40], [22, 42]), _table([20, 40], [26, 46], seed=1)])
    row = statistics.summarise(both)
    assert row["age_mae_years"] == 4
    assert (row["n_subjects"], row["n_runs"]) == (2, 2)


def test_two_scans_of_a_person_are_one_person() -> None:
    table = _table([30, 30, 50], [20, 40, 50])
    table["subject_id"] = ["s:0", "s:0", "s:1"]
    row = statistics.summarise(table)
    assert (row["age_mae_years"], row["n_subjects"]) == (0, 2)


def test_the_interval_covers_the_mean_about_95_times_in_100() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for draw in range(200):
        low, high = statistics.bootstrap_interval(rng.normal(5, 2, 60), seed=draw)
        held += low <= 5 <= high
    assert 180 <= held <= 199


def test_the_interval_is_the_same_every_time() -> None:
    values = np.random.default_rng(0).normal(5, 2, 30)
    assert statistics.bootstrap_interval(values) == statistics.bootstrap_interval(values)
    assert all(np.isnan(statistics.bootstrap_interval(values[:1])))


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
    assert table.index.tolist() == ["scratch", "A", "predict-the-mean"]
    assert table["age_mae_years"].tolist() == [1.0, 1.0, 11.5]
    assert table.loc["A", "n_runs"] == 2
    assert table.loc["predict-the-mean", "n_runs"] == 0
