"""Scans that a study judges on: their values of the outcome, their folds, and external cohorts.

They are columns of a study's ``scans.parquet``, made when it is planned, and there only where needed.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from curation.cohorts.frozen_cohort import Cohort
from curation.errors import StudyError
from curation.scoring.comparison_groups import sites_of
from curation.storage.workspace import Workspace
from training.judging import outcome_values, splits
from training.judging.judging import Asked, Judging
from training.judging.outcome import VALUE_COLUMN, Outcome

#: Columns beside those of every study: the outcome's value, and the external cohort that a scan is of.
COLUMNS = (VALUE_COLUMN, "cohort")


def with_values(
    workspace: Workspace, asked: Asked, target: Cohort, outside: list[Cohort]
) -> tuple[Judging, Cohort, list[Cohort]]:
    """Return what arms are judged on, and the cohorts with their values, without scans that have none.

    Raises
    ------
    StudyError
        When a cohort has no such outcome, see :func:`training.judging.outcome_values.read`, or an external
        one has another.
    """
    values = outcome_values.read(workspace, target, asked.outcome)
    judged = Judging(values.outcome, asked.folds_by, asked.repeats, asked.external)  # type: ignore[arg-type]
    kept = []
    for one in outside:
        own = outcome_values.read(workspace, one, asked.outcome)
        _refuse_other(values.outcome, own.outcome, one.id)
        kept.append(_with(one, own))
    return judged, _with(target, values), kept


def _with(cohort: Cohort, found: outcome_values.Values) -> Cohort:
    if found.outcome.is_age:
        return cohort
    scans = cohort.scans.assign(**{VALUE_COLUMN: found.values})
    return replace(cohort, scans=scans[np.isfinite(found.values)].reset_index(drop=True))


def _refuse_other(outcome: Outcome, other: Outcome, cohort_id: str) -> None:
    same = (outcome.kind, outcome.positive, outcome.negative)
    if same != (other.kind, other.positive, other.negative):
        what = {True: f"{other.positive!r} and {other.negative!r}", False: "numbers"}
        raise StudyError(
            f"{outcome.name} is {_values(outcome)} in the target, but {what[other.two_valued]} in the "
            f"external cohort {cohort_id}. Bring its table of people into the same words."
        )


def _values(outcome: Outcome) -> str:
    return f"{outcome.positive!r} or {outcome.negative!r}" if outcome.two_valued else "a number"


# ---- folds ---------------------------------------------------------------------------------------


def with_folds(scans: pd.DataFrame, judged: Judging, *, folds: int, seed: int) -> pd.DataFrame:
    """Deal the people of the target into folds, in each partition.

    Parameters
    ----------
    scans : pandas.DataFrame
        Of a study, with ``role``.
    judged : Judging
        How they are dealt.
    folds : int
        Folds of a partition.
    seed : int
        Of the first partition; that of the next is one more.

    Returns
    -------
    pandas.DataFrame
        With ``fold`` (−1 outside of the target) and, for further partitions r, ``fold_r``: their folds are
        numbered on, from ``r · folds``.

    Raises
    ------
    StudyError
        When a fold lacks people with a value, or sites make no folds.
    """
    is_target = scans["role"] == "target"
    target = scans[is_target]
    for place in range(judged.repeats):
        dealt = _dealt(target, judged, folds, seed + place)
        fold = target["subject_id"].map(dealt) + place * folds
        values = outcome_values.Values(judged.outcome, target[judged.outcome.column].to_numpy())
        outcome_values.refuse_too_few(values, target[["subject_id"]].assign(fold=fold))
        column = fold.reindex(scans.index, fill_value=-1).astype(int)
        scans = scans.assign(**{_fold_column(place): column})
    return scans


def _dealt(target: pd.DataFrame, judged: Judging, folds: int, seed: int) -> pd.Series:
    if judged.folds_by == "site":
        return splits.fold_of_site(target, _sites(target), folds=folds)
    return splits.fold_of_subject(target, folds=folds, seed=seed, value=judged.outcome.column)


def inner(
    training: pd.DataFrame, judged: Judging, *, folds: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split the people of the training folds for tuning, by the same kind of folds as they were dealt into.

    Parameters
    ----------
    training : pandas.DataFrame
        The scans of the training folds of one partition.
    judged : Judging
        How people are dealt: alike in what is predicted, or by whole sites.
    folds : int
        One of so many parts is validated on; of sites, of as many parts as there are sites at most.
    seed : int
        Of the random order.

    Returns
    -------
    tuple of pandas.DataFrame
        The scans that trials learn from, and those that they are judged on: no person has scans in both, and
        where folds are by site, no site. Of folds by site the smallest part is validated on.

    Raises
    ------
    StudyError
        When folds are by site, and the people are of one site.
    """
    if judged.folds_by == "site":
        folds = max(2, min(folds, sites_of(training).nunique()))
    dealt = _dealt(training, judged, folds, seed)
    held_out = int(dealt.value_counts().idxmin()) if judged.folds_by == "site" else 0
    part = training["subject_id"].map(dealt)
    return training[part != held_out], training[part == held_out]


def _sites(target: pd.DataFrame) -> pd.Series:
    sites = sites_of(target)
    if sites.isna().any():
        raise StudyError(
            f"The site of {int(sites.isna().sum())} scans of the target is not known, nor their source. Take "
            "folds by person."
        )
    return sites


def _fold_column(place: int) -> str:
    return "fold" if place == 0 else f"fold_{place}"


def fold_of(scans: pd.DataFrame, place: int) -> pd.Series:
    """Return the folds of the target's scans in a partition, counted from 0."""
    return scans[_fold_column(place)]


def partitions(scans: pd.DataFrame) -> list[str]:
    """Return the columns that hold the folds of each partition, the first first."""
    found = [name for name in scans.columns if name == "fold" or name.startswith("fold_")]
    return sorted(found, key=lambda name: int(name.removeprefix("fold").removeprefix("_") or 0))
