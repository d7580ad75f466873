"""Predictions of a study as its finished fine-tunings wrote them."""

import math
from typing import Any

import pandas as pd

from curation import errors
from curation.cohorts import frozen_cohort
from curation.errors import CohortError
from curation.scoring.comparison_groups import sites_of
from curation.sources import sex_codes
from curation.storage import files
from curation.storage.workspace import Workspace
from training.held_out import predictions
from training.held_out.predictions import Predictions
from training.studies import runs
from training.studies.planned_study import Study
from training.studies.runs import Run


def read(workspace: Workspace, study: Study) -> Predictions:
    """Read the predictions of a study; arms, seeds and people that are not there yet are NaN."""
    rows: list[dict[str, Any]] = []
    for run in runs.runs_of(study):
        result = files.read_json(run.result_path, run.again) if run.kind == "finetune" else None
        if result:
            with errors.readable(run.result_path, run.again):
                rows += _of_run(study, run, result)
    table = pd.DataFrame(rows)
    scans = _scans(workspace, study, table)
    return predictions.from_long(study.arms, study.seeds, scans, table, study.outcome)


def _of_run(study: Study, run: Run, result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each prediction of a run.

    Raises
    ------
    ValueError, TypeError, KeyError
        When the result is not as a run writes it.
    """
    key = {
        "arm": run.arm,
        "seed": run.seed,
        "fold": run.fold,
        "baseline_age_years": _number(baseline_of(result)),
        "trained_on": _number(result.get("training_subjects", 0)),
        "partition": (run.fold or 0) // study.folds,
    }
    rows = []
    for row in result["predictions"]:
        name = "predicted" if "predicted" in row else "predicted_age_years"
        told = {"scan_id": str(row["scan_id"]), "predicted_age_years": _number(row[name])}
        rows.append(key | {one: row[one] for one in row if one != "predicted"} | told)
    return rows


def _number(value: object) -> float:
    """Return a number of a result, NaN where it is ``None``; a text is none, whatever it looks like."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{str(value)[:40]!r} stands for a number")
    return float(value)


def baseline_of(result: dict[str, Any]) -> float:
    """Return the mean of the people that a fine-tuning learned from, by its result."""
    return result["baseline_age_years" if "baseline_age_years" in result else "baseline"]


def _scans(workspace: Workspace, study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Return the target scans of a study with their attributes; those with predictions always."""
    target = study.scans().query("role == 'target'")
    sex = _sex(workspace, study)
    target = target.assign(
        sex=target["scan_id"].map(sex),
        site=sites_of(target),
        true_value=target[study.outcome.column],
    )
    columns = ["scan_id", "subject_id", "fold", "age_years"]
    if table.empty or not study.outcome.is_age:
        return target
    unknown = table.loc[~table["scan_id"].isin(target["scan_id"]), columns]
    return pd.concat([target, unknown.drop_duplicates("scan_id")], ignore_index=True)


def _sex(workspace: Workspace, study: Study) -> dict[str, str]:
    """Return the sex by scan, from the frozen target; of a cohort that is gone or changed, nothing.

    Codes that are not understood together stay as they are written, see :mod:`curation.sources.sex_codes`.
    """
    try:
        scans = frozen_cohort.load(workspace, study.target_id).scans
    except CohortError:
        return {}
    written = scans["sex"].dropna()
    read = sex_codes.sexes_in(written.unique()) or {}
    known = written.map(lambda code: read.get(code, code)).dropna()
    return dict(zip(scans.loc[known.index, "scan_id"], known, strict=True))
