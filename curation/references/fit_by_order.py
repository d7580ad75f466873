"""Fitting of a directed model to the order of grades: accept before doubtful before exclude.

The quantities are chosen by physics and by what travelled between the rated tables (``docs/benchmarks.md``):
noise, ripples of motion, ghosts over the brain and lost contrast each move them one way. They count alike,
which was within noise of fitted weights; learned are their spread and centre, one slope, and each rater's
two thresholds at each site.
"""

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special, stats

from curation.errors import RatingError
from curation.references import cross_validation
from curation.references.fit_from_ratings import refuse_too_few
from curation.scoring.comparison_groups import MRIQC_POOL, POOLED
from curation.scoring.directed_model import MIN_SCANS, DirectedModel, Floats, Quantity
from curation.scoring.exclusion_model import NORMAL_IQR

#: What is judged by, and where Tierscope measures good scans to lie: the medians of the eight whole heads of
#: ds000011 (1.0 × 1.33 × 1.33 mm). Its tissues hold more mixed voxels than those of the rated tables.
QUANTITIES = (
    (Quantity("cjv", "higher is worse", 1.0), 0.628),
    (Quantity("snr_wm", "higher is better", 1.0), 13.84),
    (Quantity("summary_wm_p95", "higher is worse", 1.0, relative_to="summary_wm_median"), 0.1122),
)
#: A quantity that fewer scans have is left out.
MIN_MEASURED = 0.8
#: The best grade of the scale of rated tables, and the worst.
ACCEPT, EXCLUDE = 1.0, -1.0


@dataclass(frozen=True)
class GradedScans:
    """Scans of MRIQC's tables, and grades of some of them.

    Parameters
    ----------
    metrics : pandas.DataFrame, shape (N, ...)
        Metrics of all scans, rated or not.
    groups, subjects : pandas.Series of str, shape (N,)
        Where each was made, and who is on it.
    grades : pandas.DataFrame
        One row a rating: ``row`` (0 to N - 1), ``value`` (1 accept, 0 doubtful, -1 exclude), ``excluded`` (0
        or 1), ``weight`` (a scan's ratings together weigh 1) and ``rater``.
    """

    metrics: pd.DataFrame
    groups: pd.Series
    subjects: pd.Series
    grades: pd.DataFrame

    def of(self, chosen: np.ndarray) -> "GradedScans":
        """Return some of the scans, shape (N,) of bool, with their grades."""
        rows = np.cumsum(chosen) - 1
        kept = self.grades[chosen[self.grades["row"]]]
        return GradedScans(
            self.metrics[chosen].reset_index(drop=True),
            self.groups[chosen].reset_index(drop=True),
            self.subjects[chosen].reset_index(drop=True),
            kept.assign(row=rows[kept["row"]]).reset_index(drop=True),
        )


def fit(given: GradedScans) -> DirectedModel:
    """Fit a model.

    Raises
    ------
    RatingError
        When there are fewer than 50 ratings, all of them are the same, or no quantity was measured.
    """
    refuse_too_few(given.grades)
    quantities = tuple(
        _placed(quantity, own, given)
        for quantity, own in QUANTITIES
        if np.isfinite(quantity.logarithm(given.metrics)).mean() >= MIN_MEASURED
    )
    if not quantities:
        raise RatingError(
            "The scans have none of cjv, snr_wm and summary_wm_p95. Name tables that hold one of them."
        )
    model = DirectedModel(quantities, 1.0, 0.0)
    slope, intercept = _order_regression(_badness(model, given.metrics), given)
    return replace(model, slope=round(slope, 6), intercept=round(intercept, 6))


def _placed(quantity: Quantity, own: float, given: GradedScans) -> Quantity:
    """Return a quantity with its spread within sites, its centres and its levels."""
    values = pd.Series(quantity.logarithm(given.metrics))
    groups = given.groups.to_numpy()
    apart = values - values.groupby(groups).transform("median")
    low, high = np.nanquantile(apart, [0.25, 0.75])
    worst = given.grades.groupby("row")["value"].min()
    accepted = values[worst.index[worst == ACCEPT]]
    centre = float(np.nanmedian(accepted if accepted.notna().any() else values))
    placed = replace(
        quantity,
        spread=round(float(high - low) / NORMAL_IQR or 1.0, 6),
        centres={POOLED: round(float(np.log(own)), 6), MRIQC_POOL: round(centre, 6)},
    )
    badness = pd.Series(placed.badness(given.metrics, MRIQC_POOL)).groupby(groups)
    medians = badness.median()[badness.count() >= MIN_SCANS].to_numpy()
    levels = (medians.min(), medians.max()) if len(medians) else (0.0, 0.0)
    return replace(placed, levels=(round(float(levels[0]), 3), round(float(levels[1]), 3)))


def _badness(model: DirectedModel, metrics: pd.DataFrame) -> Floats:
    """Return the mean of the quantities of each scan, in spreads; 0 where none was measured."""
    terms = replace(model, slope=1.0).contributions(metrics, MRIQC_POOL).to_numpy()
    return np.asarray(np.nansum(terms, axis=1), dtype=np.float64)


def _order_regression(badness: Floats, given: GradedScans) -> tuple[float, float]:
    """Fit proportional odds: one slope, two thresholds a rater, an offset of normal prior a rater and site.

    Returns
    -------
    slope, intercept : float
        Of the log-odds of exclusion; the intercept is the mean over the ratings.
    """
    grades = given.grades
    x, weight = badness[grades["row"]], grades["weight"].to_numpy()
    rater, raters = pd.factorize(grades["rater"])
    site = given.groups.to_numpy()[grades["row"]]
    stratum, strata = pd.factorize(grades["rater"] + " at " + site)
    grade = np.searchsorted([EXCLUDE, 0.0, ACCEPT], grades["value"])  # 0, 1, 2

    def loss(parameters: Floats) -> tuple[float, Floats]:
        slope, first, gap, offset = np.split(parameters, ends)
        between = np.exp(gap)[rater]
        low = first[rater] + offset[stratum] + slope[0] * x
        below, reached = special.expit(low), special.expit(low + between)
        chance = np.maximum(np.choose(grade, [below, reached - below, 1 - reached]), 1e-12)
        lower = np.choose(grade, [below - 1, below * (1 - below) / chance, 0 * x]) * weight
        upper = np.choose(grade, [0 * x, -reached * (1 - reached) / chance, reached]) * weight
        both = lower + upper
        slopes: list[NDArray] = [
            np.array([both @ x]),
            np.bincount(rater, both, len(raters)),
            np.bincount(rater, upper * between, len(raters)) + 0.01 * gap,
            np.bincount(stratum, both, len(strata)) + offset,
        ]
        prior = 0.5 * (offset**2).sum() + 0.005 * (gap**2).sum()
        return float(prior - (weight * np.log(chance)).sum()), np.concatenate(slopes)

    ends = np.cumsum([1, len(raters), len(raters)])
    start = np.concatenate([[1.0], np.full(len(raters), -2.0), np.zeros(len(raters) + len(strata))])
    bounds = [(0.0, None), *[(None, None)] * len(raters), *[(-6.0, 3.0)] * len(raters)]
    found = optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds + [(None, None)] * len(strata)
    )
    first, offset = found.x[1 : 1 + len(raters)], found.x[1 + 2 * len(raters) :]
    return float(found.x[0]), float(np.average(first[rater] + offset[stratum], weights=weight))


# ---- evidence ----------------------------------------------------------------------------------------


def evidence(given: GradedScans) -> dict[str, Any]:
    """Measure how well the model orders scans of sites, or people, that it was not fitted to.

    Returns
    -------
    dict
        As of :func:`curation.references.cross_validation.evidence`, and ``rank_correlation`` of the log-odds
        with the mean grades of all scans together (below 0: worse scans score higher), ``order`` (the share
        of pairs of one site and rater, of different grades, that are in the right order), ``order_kept``
        (the same among scans that were not excluded), ``missing_rise`` (by how many points the score of a
        scan rises at most, in 95 of 100 scans, where one quantity, or two, are not measured).
    """
    log_odds, held = _held_out(given)
    grades, groups = given.grades, given.groups
    raters = {
        str(rater): cross_validation.figures(log_odds, rows, groups, given.subjects)
        for rater, rows in grades.groupby("rater")
    }
    mean = grades.groupby("row")["value"].mean()
    kept = grades[grades["value"] > EXCLUDE]
    return cross_validation.figures(log_odds, grades, groups, given.subjects) | {
        "held_out": held,
        "raters": raters,
        "rank_correlation": round(
            float(stats.spearmanr(log_odds[mean.index], mean, nan_policy="omit").statistic), 4
        ),
        "order": round(order(log_odds, grades, groups), 4),
        "order_kept": round(order(log_odds, kept, groups), 4),
        "missing_rise": missing_rise(fit(given), given.metrics),
    }


def _held_out(given: GradedScans) -> tuple[Floats, str]:
    folds, held = cross_validation.folds_of(given.subjects.tolist(), given.groups.tolist())
    log_odds = np.full(len(folds), np.nan)
    for fold in np.unique(folds):
        model = fit(given.of(folds != fold))
        log_odds[folds == fold] = log_odds_of(model, given.metrics[folds == fold])
    return log_odds, held


def log_odds_of(model: DirectedModel, metrics: pd.DataFrame) -> Floats:
    """Return the log-odds that scans of MRIQC's tables are excluded, shape (N,); NaN if not judged."""
    found = model.intercept + model.slope * _badness(model, metrics)
    return np.asarray(np.where(model.judges(metrics), found, np.nan), dtype=np.float64)


def order(scores: Floats, grades: pd.DataFrame, groups: pd.Series) -> float:
    """Return the share of pairs (of a site and rater, of different grades) in the right order, ties half."""
    right = pairs = 0.0
    strata = [grades["rater"].to_numpy(), groups.to_numpy()[grades["row"]]]
    for _, rows in grades.groupby(strata):
        score, value = scores[rows["row"]], rows["value"].to_numpy()
        better = (value[:, None] > value[None]) & np.isfinite(score[:, None] + score[None])
        above = np.sign(score[None] - score[:, None])[better]
        right, pairs = right + float((above + 1).sum() / 2), pairs + better.sum()
    return right / pairs if pairs else float("nan")


def missing_rise(model: DirectedModel, metrics: pd.DataFrame) -> dict[str, float]:
    """Return the 95th percentile of the score's rise, in points, where one quantity or two are missing."""
    whole = 100 * special.expit(log_odds_of(model, metrics))
    found = {}
    for number in range(1, len(model.quantities)):
        rises = [
            100 * special.expit(log_odds_of(model, metrics.drop(columns=list(gone)))) - whole
            for gone in combinations(model.metrics, number)
        ]
        found[str(number)] = round(float(np.nanquantile(rises, 0.95)), 1)
    return found
