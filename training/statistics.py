"""What the runs of a study came to: final age errors with intervals, from per-subject predictions."""

from typing import Any

import numpy as np
import pandas as pd

from curation import files
from curation.workspace import Workspace
from training import runs, study

BASELINE = "predict-the-mean"
BASELINE_LABEL = "predict the mean age"
RESAMPLES = 2000

COLUMNS = (
    "arm", "label", "age_mae_years", "ci_low", "ci_high", "r", "r2", "mean_error_years", "slope",
    "n_subjects", "n_runs",
)  # fmt: skip


def predictions(workspace: Workspace, study_id: str) -> pd.DataFrame:
    """Read every held-out prediction of the finished fine-tunings.

    Returns
    -------
    pandas.DataFrame
        ``arm, seed, fold, scan_id, subject_id, age_years, predicted_age_years, baseline_age_years``;
        the last is the mean age of the people that the run was trained on.
    """
    rows: list[dict[str, Any]] = []
    for run in runs.runs_of(study.load(workspace, study_id)):
        result = files.read_json(run.result_path) if run.kind == "finetune" else None
        if result:
            key = {"arm": run.arm, "seed": run.seed, "fold": run.fold}
            base = {"baseline_age_years": result["baseline_age_years"]}
            rows += [key | row | base for row in result["predictions"]]
    return pd.DataFrame(rows, columns=list(_PREDICTION_COLUMNS))


_PREDICTION_COLUMNS = (
    "arm", "seed", "fold", "scan_id", "subject_id", "age_years", "predicted_age_years",
    "baseline_age_years",
)  # fmt: skip


def final_errors(workspace: Workspace, study_id: str) -> pd.DataFrame:
    """Summarise the held-out predictions, a row an arm, and predicting the mean age in the last row.

    Returns
    -------
    pandas.DataFrame
        ``arm, label`` · ``age_mae_years`` with a 95 % interval ``ci_low, ci_high`` · ``r`` (Pearson's,
        predicted against true age) · ``r2`` (1 − squared errors over squared deviations of age; below
        0 is worse than one constant) · ``mean_error_years`` (predicted − true) · ``slope`` (of that
        error against age; −1 is a constant) · ``n_subjects, n_runs``. No rows where no run is finished.

    Notes
    -----
    Scans of a person are averaged. Each figure is computed for each seed and averaged over seeds. The
    interval is of the percentile bootstrap over people (2,000 resamples, fixed seed), a person's error
    being the mean over seeds. While runs are missing, an arm is summarised over what is there.
    """
    table = predictions(workspace, study_id)
    if table.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    planned = study.load(workspace, study_id)
    rows = []
    for arm in planned.arms:
        of_arm = table[table["arm"] == arm.name]
        if len(of_arm):
            rows.append({"arm": arm.name, "label": arm.label} | summarise(of_arm))
    constant = table.assign(predicted_age_years=table["baseline_age_years"])
    constant = constant.drop_duplicates(["fold", "scan_id"]).assign(seed=0)
    rows.append({"arm": BASELINE, "label": BASELINE_LABEL} | summarise(constant) | {"n_runs": 0})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def summarise(table: pd.DataFrame) -> dict[str, float | int]:
    """Summarise the predictions of one arm.

    Parameters
    ----------
    table : pandas.DataFrame
        ``seed, fold, subject_id, age_years, predicted_age_years``.

    Returns
    -------
    dict
        The columns of :func:`final_errors` from ``age_mae_years`` on.
    """
    people = table.groupby(["seed", "subject_id"], as_index=False)[
        ["age_years", "predicted_age_years"]
    ].mean()
    people["error"] = (people["predicted_age_years"] - people["age_years"]).abs()
    per_person = people.groupby("subject_id")["error"].mean().to_numpy()
    low, high = bootstrap_interval(per_person)
    by_seed = pd.DataFrame([_one_seed(group) for _, group in people.groupby("seed")])
    return {
        "age_mae_years": float(per_person.mean()),
        "ci_low": low,
        "ci_high": high,
        **{name: float(by_seed[name].mean()) for name in by_seed},
        "n_subjects": len(per_person),
        "n_runs": int(table.groupby(["seed", "fold"]).ngroups),
    }


def bootstrap_interval(values: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of the mean; NaN for fewer than 2 values.

    Parameters
    ----------
    values : array of shape (N,)
        One value a person.
    seed : int
        Of the resampling.
    """
    if len(values) < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def _one_seed(people: pd.DataFrame) -> dict[str, float]:
    age = people["age_years"].to_numpy()
    predicted = people["predicted_age_years"].to_numpy()
    error, deviation = predicted - age, age - age.mean()
    spread = float(np.square(deviation).sum())
    varies = spread > 0 and np.ptp(predicted) > 0
    return {
        "r": float(np.corrcoef(age, predicted)[0, 1]) if varies else float("nan"),
        "r2": 1 - float(np.square(error).sum()) / spread if spread > 0 else float("nan"),
        "mean_error_years": float(error.mean()),
        "slope": float((error * deviation).sum()) / spread if spread > 0 else float("nan"),
    }
