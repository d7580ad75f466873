"""Subgroup errors of an arm: by tier of the test scan, and against score, age, sex and site.

The mean of a group and its interval are those of the final error, of the people and scans of the group alone
(:mod:`training.results.crossed_effects`), so that a group of everybody is the arm itself.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from curation.wording import number, p_in_words, plural
from training.held_out import predictions
from training.held_out.predictions import BASELINE, Predictions
from training.results import resampling, study_summary

NOT_KNOWN = "not known"
#: Arms of which a correlation is told.
_STRONGEST = 3
#: A mean over fewer people than these is shown, but faded: one of them moves it.
FEW_PEOPLE = 10
#: Reference of the cells of :func:`tier_by_tier` where there is no arm without pretraining.
MEAN_OF_ARMS = "the mean of the arms"
#: Columns that errors are plotted against, with their names and units.
NUMBERS = {
    "distortion_score": "Distortion score (0 pristine – 100 unusable; higher is worse)",
    "age_years": "Age (years)",
}
GROUPS = {"sex": "Sex", "site": "Site", "tier": "Tier of the test scan"}


def errors_by_scan(held_out: Predictions, arm: str) -> pd.DataFrame:
    """Return the errors of an arm, a row a scan.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.
    arm : str
        A name out of ``held_out.names``.

    Returns
    -------
    pandas.DataFrame
        :data:`training.held_out.predictions.SCAN_COLUMNS` · ``predicted_age_years``: mean over the seeds that
        are there · ``age_gap_years``: predicted − true · ``corrected_gap_years``: the same with the age bias
        taken out on the other folds; NaN of two values · ``error_years``: mean over seeds of the absolute
        error. Of several partitions each is corrected by its own folds, and their mean is given. Scans
        without prediction are left out.
    """
    _, seeds, people = study_summary.estimate(held_out, arm)
    place = held_out.at(arm)
    parts = held_out.complete_partitions([place], seeds, people)
    tables = [part.by_scan[place][seeds] for part in parts]
    known = (
        np.isfinite(np.concatenate(tables)).all(axis=0)
        if len(seeds)
        else np.zeros(len(held_out.scans), bool)
    )
    scans = held_out.scans[known].reset_index(drop=True)
    ages = scans["true_value"].to_numpy(dtype=float)
    tables = [table[:, known] for table in tables]
    if held_out.outcome.two_valued:
        tables = [np.clip(table, 0, 1) for table in tables]  # a regression goes beyond them
    unbiased = np.concatenate(
        [
            study_summary.unbiased(held_out.outcome, table, ages, part.scan_fold[known])
            for table, part in zip(tables, parts, strict=True)
        ]
    )
    predicted = np.concatenate(tables)
    mean = predicted.mean(axis=0) if len(scans) else np.empty(0)
    return scans.assign(
        predicted_age_years=mean,
        age_gap_years=mean - ages,
        corrected_gap_years=unbiased.mean(axis=0) - ages if len(scans) else np.empty(0),
        error_years=np.abs(predicted - ages).mean(axis=0) if len(scans) else np.empty(0),
    )


def tier_by_tier(held_out: Predictions) -> pd.DataFrame:
    """Return the error of each arm on the test scans of each tier.

    Returns
    -------
    pandas.DataFrame
        ``arm, tier`` and the errors and counts of :func:`by_group`, tiers in their order. Test scans without
        a tier are ``not known``. ``difference_years``: to ``against`` on the same scans, below 0 is better;
        that is the arm without pretraining, else the mean of the trained arms.
    """
    tiers = held_out.scans["tier"].fillna(NOT_KNOWN)
    found = [
        {"arm": arm, "tier": tier} | figures
        for tier, arm, figures in _of_groups(held_out, tiers, held_out.there)
    ]
    table = pd.DataFrame(found, columns=["arm", "tier", *GROUP_COLUMNS])
    order = {arm: place for place, arm in enumerate(held_out.there)}
    table = table.sort_values(
        "arm", key=lambda arm: arm.map(order), kind="stable", ignore_index=True
    )
    return _against(table, _without_pretraining(held_out))


def colours_said(table: pd.DataFrame) -> str:
    """Describe the colours of :func:`tier_by_tier` in words."""
    against = table["against"].iloc[0] if len(table) else MEAN_OF_ARMS
    faded = (
        f" Faded: fewer than {FEW_PEOPLE} people."
        if (table["n_subjects"] < FEW_PEOPLE).any()
        else ""
    )
    return f"Blue is better than {against} on the same scans, orange is worse.{faded}"


def _without_pretraining(held_out: Predictions) -> str | None:
    plain = (arm.name for arm in held_out.arms if arm.is_scratch)
    return next((name for name in plain if name in held_out.there), None)


def _against(table: pd.DataFrame, reference: str | None) -> pd.DataFrame:
    """Add the difference of each cell to the reference's, or the trained arms' mean, of its tier."""
    trained = table[table["arm"] != BASELINE]
    means = trained.groupby("tier")["age_mae_years"].mean()
    own = trained[trained["arm"] == reference].set_index("tier")["age_mae_years"]
    expected = table["tier"].map(own if len(own) else means).astype(float)
    return table.assign(
        difference_years=table["age_mae_years"].astype(float) - expected,
        against=reference if len(own) else MEAN_OF_ARMS,
    )


def by_group(held_out: Predictions, arm: str, column: str) -> pd.DataFrame:
    """Return the error of an arm in each group of scans.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.
    arm : str
        A name out of ``held_out.there``.
    column : str
        A key of :data:`GROUPS`.

    Returns
    -------
    pandas.DataFrame
        The column · ``age_mae_years`` with its 95 % interval ``ci_low, ci_high`` as
        :func:`training.results.study_summary.summarise` has them, of two values of the errors of
        probabilities; never below 0, NaN for fewer than 2 people · ``n_scans, n_subjects, n_seeds``.
    """
    groups = held_out.scans[column].fillna(NOT_KNOWN)
    found = [{column: name} | figures for name, _, figures in _of_groups(held_out, groups, (arm,))]
    return pd.DataFrame(found, columns=[column, *GROUP_COLUMNS])


def along(held_out: Predictions, arm: str, column: str, *, bins: int = 5) -> pd.DataFrame:
    """Return how the error of an arm runs along a number: its mean in bins of equally many scans.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.
    arm : str
        A name out of ``held_out.there``.
    column : str
        A key of :data:`NUMBERS`.
    bins : int
        At most so many; each holds 5 scans or more.

    Returns
    -------
    pandas.DataFrame
        ``at`` (mean of the column over the people of the bin), ``mean, low, high`` (as of
        :func:`by_group`), ``n_scans``, ``n_seeds``. No rows for fewer than 5 scans.
    """
    scans = errors_by_scan(held_out, arm)
    measured = scans[np.isfinite(scans[column].to_numpy(dtype=float))]
    count = min(bins, len(measured) // 5)
    columns = ["at", "mean", "low", "high", "n_scans", "n_seeds"]
    if not count:
        return pd.DataFrame(columns=columns, dtype="float64")
    places = pd.qcut(measured[column].rank(method="first"), count, labels=False)
    middles = measured.assign(bin=places).groupby(["bin", "subject_id"])[column].mean()
    middles = middles.groupby("bin").mean()
    groups = held_out.scans["scan_id"].map(dict(zip(measured["scan_id"], places, strict=True)))
    rows = [
        {"at": middles[place]} | figures
        for place, _, figures in _of_groups(held_out, groups, (arm,))
    ]
    names = {"age_mae_years": "mean", "ci_low": "low", "ci_high": "high"}
    return pd.DataFrame(rows).rename(columns=names)[columns]


def rank_correlation(
    scans: pd.DataFrame, column: str, value: str = "error_years"
) -> tuple[float, float, int]:
    """Return Spearman's ρ of a number and the error, its two-sided p-value, and how many people it rests on.

    A person's scans are averaged. NaN for fewer than 3 people, or where nothing varies.
    """
    from scipy.stats import spearmanr  # half a second to import

    people = scans.groupby("subject_id")[[column, value]].mean().dropna()
    if len(people) < 3 or (people.nunique() < 2).any():
        return float("nan"), float("nan"), len(people)
    found = spearmanr(people[column], people[value])
    return float(found.statistic), float(found.pvalue), len(people)


def trends(held_out: Predictions, column: str) -> pd.DataFrame:
    """Return how the error of each trained arm goes with a number, see :func:`rank_correlation`.

    Returns
    -------
    pandas.DataFrame
        ``arm, rho, p, p_holm, n_subjects``, the p-values corrected for the number of arms by Holm's method;
        arms of which there is no correlation are left out.
    """
    rows = [
        (arm, *rank_correlation(errors_by_scan(held_out, arm), column))
        for arm in held_out.there
        if arm != BASELINE
    ]
    table = pd.DataFrame(rows, columns=["arm", "rho", "p", "n_subjects"]).dropna(ignore_index=True)
    return table.assign(p_holm=resampling.holm(table["p"].to_numpy(dtype=float)))


def scores_said(held_out: Predictions) -> str:
    """Say over which scores and tiers of test scans a trend was looked for, and no further."""
    scans = held_out.scans
    scores = scans["distortion_score"].dropna()
    if scores.empty:
        return ""
    tiers = sorted(scans["tier"].dropna().astype(str).unique())
    of_tiers = f", of tier{'s' * (len(tiers) > 1)} {' and '.join(tiers)}" * bool(tiers)
    return (
        f"Looked for among test scans of scores {scores.min():.0f} to {scores.max():.0f}{of_tiers}: worse "
        "ones were not there, and nothing is said of them."
    )


def trends_said(found: pd.DataFrame) -> str:
    """Say the correlations of :func:`trends` in a sentence; of some arms alone, the strongest first."""
    first = found.sort_values("p", kind="stable").head(_STRONGEST)
    told = "; ".join(
        f"{row.arm} {number(row.rho, 2)} ({p_in_words(row.p_holm)}, "
        f"{plural(row.n_subjects, 'person', 'people')})"
        for row in first.itertuples()
    )
    more = f", the {len(first)} strongest of {len(found)} arms" if len(found) > len(first) else ""
    return f"Spearman's ρ of error and distortion score, p by Holm's method{more}: {told}."


# ---- groups ----------------------------------------------------------------------------------------


#: What is told of an arm in a group of scans.
GROUP_COLUMNS = ("age_mae_years", "ci_low", "ci_high", "n_scans", "n_subjects", "n_seeds")


def _of_groups(
    held_out: Predictions, groups: pd.Series, arms: tuple[str, ...]
) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Yield group, arm and figures: ``groups`` names that of each scan, NaN for none."""
    judged = _by_errors(held_out)
    for name in sorted(groups.dropna().unique()):
        part = judged.of_scans((groups == name).to_numpy())
        for arm in arms:
            if arm in part.there:
                yield name, arm, _figures(part, arm)


def _figures(part: Predictions, arm: str) -> dict[str, float]:
    found, _, people = study_summary.estimate(part, arm)
    values = (
        found.mean,
        np.maximum(found.low, 0.0),
        found.high,
        part.people["scans"].to_numpy()[people].sum(),
        found.people,
        found.seeds if arm != BASELINE else 0,  # it is not trained
    )
    return dict(zip(GROUP_COLUMNS, values, strict=True))


def _by_errors(held_out: Predictions) -> Predictions:
    """Return predictions that are judged by absolute errors: of two values, of their probabilities."""
    if not held_out.outcome.two_valued:
        return held_out
    first, *further = (
        (np.clip(part.by_scan, 0, 1), part.scan_fold) for part in held_out.partitions
    )
    arms, seeds, scans = held_out.arms, held_out.seeds, held_out.scans
    outcome = replace(held_out.outcome, kind="numeric")
    return predictions.assemble(arms, seeds, scans, first[0], further, outcome)
