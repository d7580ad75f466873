"""Subgroup errors of an arm: by tier of the test scan, and against score, age, sex and site."""

import numpy as np
import pandas as pd

from curation.wording import number, p_in_words, plural
from training.held_out.predictions import BASELINE, Predictions
from training.results import resampling, study_summary
from training.results.error_curves import t_quantile

NOT_KNOWN = "not known"
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
        ``arm, tier, age_mae_years, ci_low, ci_high, n_scans, n_subjects``: tiers in their order, a scan's
        error being the mean over seeds; the interval is Student's over people, never below 0, a person's
        scans of that tier averaged, and NaN for fewer than 2 people. Test scans without a tier are
        ``not known``. ``difference_years``: to ``against`` on the same scans, below 0 is better; that is the
        arm without pretraining, else the mean of the trained arms.
    """
    rows = []
    for arm in held_out.there:
        scans = errors_by_scan(held_out, arm)
        scans = scans.assign(tier=scans["tier"].fillna(NOT_KNOWN))
        rows.append(_summarised(scans, "tier").assign(arm=arm))
    columns = ["arm", "tier", "age_mae_years", "ci_low", "ci_high", "n_scans", "n_subjects"]
    table = pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)
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


def by_group(scans: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the error of an arm in each group of scans.

    Parameters
    ----------
    scans : pandas.DataFrame
        From :func:`errors_by_scan`.
    column : str
        A key of :data:`GROUPS`.

    Returns
    -------
    pandas.DataFrame
        The column, and the errors and counts of :func:`tier_by_tier` for each group.
    """
    return _summarised(scans.assign(**{column: scans[column].fillna(NOT_KNOWN)}), column)


def along(
    scans: pd.DataFrame, column: str, value: str = "error_years", *, bins: int = 5
) -> pd.DataFrame:
    """Return how an error runs along a number: its mean in bins that hold equally many scans.

    Parameters
    ----------
    scans : pandas.DataFrame
        From :func:`errors_by_scan`.
    column : str
        A key of :data:`NUMBERS`.
    value : str
        Column to average.
    bins : int
        At most so many; each holds 5 scans or more.

    Returns
    -------
    pandas.DataFrame
        ``at`` (mean of the column in the bin), ``mean, low, high`` (Student's 95 % interval over people; of
        errors never below 0),
        ``n_scans``. No rows for fewer than 5 scans.
    """
    measured = scans[np.isfinite(scans[column].to_numpy(dtype=float)) & np.isfinite(scans[value])]
    count = min(bins, len(measured) // 5)
    if not count:
        return pd.DataFrame(columns=["at", "mean", "low", "high", "n_scans"], dtype="float64")
    bins_of_scans = pd.qcut(measured[column].rank(method="first"), count, labels=False)
    people = (
        measured.assign(bin=bins_of_scans).groupby(["bin", "subject_id"])[[column, value]].mean()
    )
    grouped = people.groupby("bin")
    n = grouped.size().to_numpy()
    half = t_quantile(n) * grouped[value].std().to_numpy() / np.sqrt(n)
    mean = grouped[value].mean().to_numpy()
    least = 0.0 if value == "error_years" else -np.inf
    return pd.DataFrame(
        {
            "at": grouped[column].mean().to_numpy(),
            "mean": mean,
            "low": np.maximum(mean - half, least),
            "high": mean + half,
            "n_scans": measured.groupby(bins_of_scans).size().to_numpy(),
        }
    )


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


def trends_said(found: pd.DataFrame) -> str:
    """Say the correlations of :func:`trends` in a sentence; at most three arms, the strongest first."""
    first = found.sort_values("p", kind="stable").head(3)
    told = "; ".join(
        f"{row.arm} {number(row.rho, 2)} ({p_in_words(row.p_holm)}, "
        f"{plural(row.n_subjects, 'person', 'people')})"
        for row in first.itertuples()
    )
    more = f", of {len(found)} arms" if len(found) > len(first) else ""
    return f"Spearman's ρ of error and distortion score, p by Holm's method{more}: {told}."


def _summarised(scans: pd.DataFrame, column: str) -> pd.DataFrame:
    people = scans.groupby([column, "subject_id"])["error_years"].mean().groupby(column)
    mean, n = people.mean(), people.size()
    half = t_quantile(n.to_numpy()) * people.std() / np.sqrt(n)
    table = pd.DataFrame(
        {
            "age_mae_years": mean,
            "ci_low": (mean - half).clip(lower=0.0),
            "ci_high": mean + half,
            "n_scans": scans.groupby(column).size(),
            "n_subjects": n,
        }
    )
    return table.reset_index()
