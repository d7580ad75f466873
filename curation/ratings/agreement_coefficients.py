"""Coefficients of agreement between raters, from tables of counts.

Cohen's kappa (1960; weighted: 1968; weights by the square of the distance between levels: Fleiss and Cohen
1973) and Krippendorff's alpha (2011). Both are 1 for perfect agreement, 0 for chance alone. Intervals are
bootstraps over scans, 95 %, the same each time.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval"]
Weights = Literal["none", "linear", "quadratic"]

RESAMPLES = 2000
SEED = 0
#: With fewer scans in common, resampling them says nothing of how sure a figure is.
MIN_FOR_INTERVAL = 10


class Figure(NamedTuple):
    """A figure with its 95 % interval; NaN where it is not measurable."""

    value: float
    low: float
    high: float


def kappa(counts: ArrayLike, weights: Weights = "quadratic") -> Floats:
    """Return Cohen's kappa of tables of counts.

    ``1 - sum(w o) / sum(w e)`` with observed counts o, those that the margins alone would give e, and the
    weight of a disagreement w: 1, or the distance between the levels, or its square.

    Parameters
    ----------
    counts : array-like, shape (..., K, K)
        How often the one said the row's level and the other the column's.
    weights : {'none', 'linear', 'quadratic'}
        What a disagreement by more than one level weighs.

    Returns
    -------
    numpy.ndarray, shape (...)
        -1 to 1; NaN where both only ever used one and the same level, or there are no counts.

    Examples
    --------
    Two raters agree on 35 of 50 scans:

    >>> round(float(kappa([[20, 5], [10, 15]], weights="none")), 2)
    0.4
    """
    observed = np.asarray(counts, dtype=np.float64)
    size = observed.shape[-1]
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    weight = apart ** {"none": 0, "linear": 1, "quadratic": 2}[weights] * (apart > 0)
    margins = observed.sum(axis=-1, keepdims=True) * observed.sum(axis=-2, keepdims=True)
    total = observed.sum(axis=(-2, -1))
    seen = (weight * observed).sum(axis=(-2, -1)) * total
    expected = (weight * margins).sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return 1 - seen / np.where(expected > 0, expected, np.nan)


def kappa_with_interval(counts: ArrayLike, weights: Weights = "quadratic") -> Figure:
    """Return kappa of one table of counts with its interval; scans are resampled 2,000 times."""
    table = np.asarray(counts, dtype=np.float64)
    total = int(table.sum())
    if total == 0:
        return Figure(np.nan, np.nan, np.nan)
    draws = np.random.default_rng(SEED).multinomial(total, table.ravel() / total, RESAMPLES)
    drawn = kappa(draws.reshape(RESAMPLES, *table.shape), weights)
    return figure_of(float(kappa(table, weights)), drawn, total)


def figure_of(value: float, drawn: Floats, scans: int) -> Figure:
    """Return a figure with the interval that its bootstrap draws give; none below ten scans."""
    drawn = drawn[np.isfinite(drawn)]
    if scans < MIN_FOR_INTERVAL or not np.isfinite(value) or not drawn.size:
        return Figure(value, np.nan, np.nan)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Figure(value, float(low), float(high))


def alpha_of_counts(counts: ArrayLike, values: Sequence[float], level: Level) -> Figure:
    """Return Krippendorff's alpha of counts with its interval; scans are resampled 2,000 times.

    Parameters
    ----------
    counts : array-like, shape (N, K)
        How many raters gave scan n the level k. Scans with fewer than two ratings do not count.
    values : sequence of float, shape (K,)
        The levels in order.
    level : {'nominal', 'ordinal', 'interval'}
        What a disagreement weighs: 1; by the number of ratings between the levels; the squared difference
        of the levels' values.

    Examples
    --------
    Two raters agree on three scans of four:

    >>> figure = alpha_of_counts([[2, 0], [0, 2], [1, 1], [2, 0]], [0, 1], "nominal")
    >>> round(figure.value, 2)
    0.53
    """
    table = np.asarray(counts, dtype=np.float64)
    table = table[table.sum(axis=1) >= 2]
    scans, size = table.shape
    if scans == 0:
        return Figure(np.nan, np.nan, np.nan)
    # what each scan adds to the coincidence matrix: its pairs of ratings, [N, K * K]
    couples = table[:, :, None] * (table[:, None, :] - np.eye(size))
    couples = (couples / (table.sum(axis=1) - 1)[:, None, None]).reshape(scans, size * size)
    distance = _DISTANCES[level](np.asarray(values, dtype=np.float64))
    whole = _alpha(couples.sum(axis=0).reshape(1, size, size), distance)
    often = np.random.default_rng(SEED).multinomial(scans, np.full(scans, 1 / scans), RESAMPLES)
    drawn = _alpha((often @ couples).reshape(-1, size, size), distance)
    return figure_of(float(whole[0]), drawn, scans)


_Distance = Callable[[Floats], Floats]


def _alpha(coincidences: Floats, distance: _Distance) -> Floats:
    """Return ``1 - observed / expected`` of coincidence matrices, [B, K, K] -> [B]."""
    margins = coincidences.sum(axis=2)
    total = margins.sum(axis=1)
    apart = distance(margins)
    seen = (coincidences * apart).sum(axis=(1, 2)) * (total - 1)
    expected = (margins[:, :, None] * margins[:, None, :] * apart).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return 1 - seen / np.where(expected > 0, expected, np.nan)


def _nominal(values: Floats) -> _Distance:
    return lambda margins: np.broadcast_to(
        1 - np.eye(len(values)), (len(margins), *values.shape * 2)
    )


def _interval(values: Floats) -> _Distance:
    return lambda margins: np.subtract.outer(values, values)[None] ** 2 + 0 * margins[:, :, None]


def _ordinal(values: Floats) -> _Distance:
    # ratings from the one level to the other, both counted half
    def apart(margins: Floats) -> Floats:
        middles = np.cumsum(margins, axis=1) - margins / 2
        return (middles[:, :, None] - middles[:, None, :]) ** 2

    return apart


_DISTANCES: dict[str, Callable[[Floats], _Distance]] = {
    "nominal": _nominal,
    "ordinal": _ordinal,
    "interval": _interval,
}
