"""Exclusion model: the probability that experts exclude a scan, learned from ratings.

A logistic regression on quality metrics that are first made comparable between scanners: every metric
enters twice, as a robust z-score and as a normal score, both taken within its site, because sites differ
in their metrics more than good scans differ from bad ones. A model is data, readable and without code: the
coefficients, and the quantiles of each metric at each site, frozen, so that it is a pure function of a row.

Notes
-----
The scans of a site are scaled together without their ratings, so a site's own unlabelled scans help to
judge it. A site with fewer than 15 scans borrows the distribution of all sites.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from curation.errors import RatingError
from curation.scoring.comparison_groups import pooled, with_pools

Floats = NDArray[np.float64]

#: A site with fewer scans than this is not scaled by itself.
MIN_SITE = 15
QUANTILES = np.linspace(0, 1, 41)
#: Beyond this many robust standard deviations a metric says no more.
CLIP = 3.0
#: Interquartile range of the normal distribution in standard deviations.
NORMAL_IQR = 1.349
#: Ranks end here, so that the best and the worst scan of a small site are not infinitely far out.
RANK_EDGE = 0.01
#: Inverse strength of the penalty on the coefficients.
REGULARISATION_C = 0.02
#: The threshold of a stratum is penalised by this squared less than a coefficient.
STRATUM_SIZE = 3.0


@dataclass(frozen=True)
class ExclusionModel:
    """A fitted model, all that is needed to apply it.

    Parameters
    ----------
    metrics : tuple of str, length M
        Names of the metrics.
    scaled, ranked : tuple of float, length M
        Coefficients of the robust z-scores and of the normal scores.
    intercept : float
        Log-odds of exclusion of a scan with all metrics at their site's median.
    quantiles : tuple of tuple of float, shape (M, 41)
        Distribution of each metric in the fitted scans, for groups not in ``groups``.
    groups : dict of str to tuple of tuple of float, shape (M, 41)
        Distribution of each metric in groups of comparable scans, such as a site.
    """

    metrics: tuple[str, ...]
    scaled: tuple[float, ...]
    ranked: tuple[float, ...]
    intercept: float
    quantiles: tuple[tuple[float | None, ...], ...]
    groups: dict[str, tuple[tuple[float | None, ...], ...]] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "ExclusionModel":
        """Build it from the content of a JSON file."""
        return cls(
            metrics=tuple(raw["metrics"]),
            scaled=tuple(raw["scaled"]),
            ranked=tuple(raw["ranked"]),
            intercept=raw["intercept"],
            quantiles=_rows(raw["quantiles"]),
            groups={group: _rows(rows) for group, rows in raw.get("groups", {}).items()},
        )

    def judges(self, metrics: pd.DataFrame) -> pd.Series:
        """Return which scans have half of the metrics or more."""
        return metrics.reindex(columns=list(self.metrics)).notna().mean(axis=1) >= 0.5

    def usual(self, metric: str, group: str) -> float:
        """Return a metric's median in a group of scans; NaN for one that the model does not judge."""
        if metric not in self.metrics:
            return float("nan")
        row = self.groups.get(group, self.quantiles)[self.metrics.index(metric)]
        middle = row[len(row) // 2]
        return float("nan") if middle is None else float(middle)

    def contributions(self, metrics: pd.DataFrame, group: str) -> pd.DataFrame:
        """Return each metric's term of the log-odds that a scan is excluded.

        Parameters
        ----------
        metrics : pandas.DataFrame, shape (N, ...)
            Metrics by name; a column that is absent counts as not measured.
        group : str
            The group of comparable scans that all rows belong to.

        Returns
        -------
        pandas.DataFrame, shape (N, M)
            NaN where not measured; 0 where as usual for the group.
        """
        values = _values(metrics, self.metrics)
        rows = self.groups.get(group) or self.groups.get(pooled(group)) or self.quantiles
        scaled, ranked = scale(values, np.array(rows, dtype=np.float64))
        added = scaled * np.array(self.scaled) + ranked * np.array(self.ranked)
        return pd.DataFrame(added, index=metrics.index, columns=list(self.metrics))

    def frozen_to(self, metrics: pd.DataFrame, groups: pd.Series) -> "ExclusionModel":
        """Return the model with the distributions of these scans' groups, and of all sites together.

        Parameters
        ----------
        metrics : pandas.DataFrame, shape (N, ...)
            Metrics by name.
        groups : pandas.Series of str, shape (N,)
            See :func:`curation.scoring.comparison_groups.groups_of`. Groups of fewer than 15 scans are left
            out.
        """
        tables = _distributions(pd.DataFrame(_values(metrics, self.metrics)), groups)
        return replace(self, groups={group: _as_rows(table) for group, table in tables.items()})


def fit(
    metrics: pd.DataFrame,
    groups: pd.Series,
    labels: pd.DataFrame,
    regularisation: float = REGULARISATION_C,
) -> ExclusionModel:
    """Fit a model to labels.

    Parameters
    ----------
    metrics : pandas.DataFrame, shape (N, M)
        Metrics by name, NaN where not measurable.
    groups : pandas.Series of str, shape (N,)
        The group of comparable scans that each belongs to.
    labels : pandas.DataFrame
        One row a label: ``row`` (0 to N - 1), ``excluded`` (0 or 1), ``weight``, and ``stratum``: labels
        of one stratum (a rater at a site) share a threshold of their own, so that strict raters and bad
        sites do not pass for bad metrics.
    regularisation : float
        Inverse strength of the penalty on the coefficients.

    Returns
    -------
    Model
        Without groups: it scales by the distribution of all N scans.

    Raises
    ------
    RatingError
        When the labels are all the same.
    """
    coefficients, intercept = regression(inputs_of(metrics, groups), labels, regularisation)
    scaled, ranked = np.split(coefficients.round(6), 2)
    return ExclusionModel(
        metrics=tuple(metrics.columns),
        scaled=tuple(scaled.tolist()),
        ranked=tuple(ranked.tolist()),
        intercept=round(intercept, 6),
        quantiles=_as_rows(quantiles_of(metrics.to_numpy(dtype=np.float64))),
    )


def regression(inputs: Floats, labels: pd.DataFrame, regularisation: float) -> tuple[Floats, float]:
    """Fit the penalised logistic regression of labels (see :func:`fit`) on scaled metrics.

    Parameters
    ----------
    inputs : numpy.ndarray, shape (N, 2 M)
        See :func:`inputs_of`.

    Returns
    -------
    coefficients : numpy.ndarray, shape (2 M,)
        What one standard deviation adds to the log-odds of exclusion.
    intercept : float
        The mean over the strata.
    """
    from sklearn.linear_model import LogisticRegression  # a second to import
    from threadpoolctl import threadpool_limits

    if labels["excluded"].nunique() < 2:
        raise RatingError("Ratings of both kinds are needed to learn from, excluded and kept.")
    strata = pd.get_dummies(labels["stratum"]).to_numpy(dtype=np.float64) * STRATUM_SIZE
    machine = LogisticRegression(C=regularisation, solver="newton-cholesky")
    with threadpool_limits(1):  # small systems: threads only wait for each other
        machine.fit(
            np.hstack([inputs[labels["row"]], strata]),
            labels["excluded"],
            sample_weight=labels["weight"],
        )
    coefficients, offsets = np.split(machine.coef_[0], [inputs.shape[1]])
    offset = np.average(strata @ offsets, weights=labels["weight"])
    return coefficients, float(machine.intercept_[0] + offset)


# ---- making metrics comparable -----------------------------------------------------------------------


def inputs_of(metrics: pd.DataFrame, groups: pd.Series) -> Floats:
    """Scale each scan within its group, or within all sites where the group has fewer than 15.

    Returns
    -------
    numpy.ndarray, shape (N, 2 M)
        Robust z-scores, then normal scores (see :func:`scale`); 0 where not measured.
    """
    values = metrics.to_numpy(dtype=np.float64)
    tables, everyone = _distributions(metrics, groups), quantiles_of(values)
    inputs = np.empty((len(values), 2 * values.shape[1]))
    for group, rows in pd.Series(groups.to_numpy()).groupby(groups.to_numpy()).indices.items():
        own = tables.get(str(group), tables.get(pooled(str(group)), everyone))
        inputs[rows] = np.hstack(scale(values[rows], own))
    return np.nan_to_num(inputs)


def _distributions(metrics: pd.DataFrame, groups: pd.Series) -> dict[str, Floats]:
    return {
        group: quantiles_of(rows.to_numpy(dtype=np.float64))
        for group, rows in with_pools(metrics, groups)
        if len(rows) >= MIN_SITE
    }


def scale(values: Floats, quantiles: Floats) -> tuple[Floats, Floats]:
    """Say where values stand in a distribution.

    Parameters
    ----------
    values : numpy.ndarray, shape (N, M)
        NaN where not measurable.
    quantiles : numpy.ndarray, shape (M, 41)
        NaN for a metric that was never measured.

    Returns
    -------
    scaled, ranked : numpy.ndarray, shape (N, M)
        Robust z-scores (median 0, IQR/1.349 is 1) clipped to ±3, and normal scores of the ranks; 0 for a
        metric that does not vary or has no distribution, NaN where the value is.
    """
    low, middle, high = (quantiles[:, np.searchsorted(QUANTILES, q)] for q in (0.25, 0.5, 0.75))
    spread = np.where(high > low, (high - low) / NORMAL_IQR, np.inf)
    scaled = np.clip((values - np.nan_to_num(middle)) / spread, -CLIP, CLIP)
    shares = np.stack(
        [_share_below(column, edges) for column, edges in zip(values.T, quantiles, strict=True)],
        axis=1,
    )
    ranked = ndtri(np.clip(shares, RANK_EDGE, 1 - RANK_EDGE))
    return scaled, np.where(np.isnan(values), np.nan, ranked)


def _share_below(values: Floats, edges: Floats) -> Floats:
    """Return which part of a distribution lies below each value; ties count half."""
    if np.isnan(edges).any():
        return np.full(len(values), 0.5)
    steps, which = np.unique(edges, return_inverse=True)
    levels = np.bincount(which, weights=QUANTILES) / np.bincount(which)
    return np.interp(values, steps, levels)


def quantiles_of(values: Floats) -> Floats:
    """Return the quantiles of each column without its NaN, shape (M, 41); NaN for an empty column."""
    finite = [column[np.isfinite(column)] for column in values.T]
    empty = np.full(len(QUANTILES), np.nan)
    return np.array([np.quantile(part, QUANTILES) if len(part) else empty for part in finite])


def _values(metrics: pd.DataFrame, names: tuple[str, ...]) -> Floats:
    table = metrics.reindex(columns=list(names)).apply(pd.to_numeric)
    return table.to_numpy(dtype=np.float64)


def _as_rows(quantiles: Floats) -> tuple[tuple[float | None, ...], ...]:
    """Return quantiles as they are stored: six digits, ``None`` for NaN, which JSON has not."""
    return tuple(
        tuple(None if np.isnan(value) else float(f"{value:.6g}") for value in row)
        for row in quantiles
    )


def _rows(raw: list[list[float | None]]) -> tuple[tuple[float | None, ...], ...]:
    return tuple(tuple(row) for row in raw)
