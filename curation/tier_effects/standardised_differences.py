"""Standardised differences between groups, shares of variance, null distributions, categorical codes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaincinv

from curation.sources import sex_codes

Floats = NDArray[np.float64]

#: Quantile of the null distribution that differences are compared with.
NULL_QUANTILE = 0.95
#: From here on a difference counts as one.
NOTABLE = 0.2
#: From this standardised difference on, what it is called (Cohen 1988).
_SIZES = (
    (0.8, "a large difference"),
    (0.5, "a medium difference"),
    (NOTABLE, "a small difference"),
)


def size_in_words(value: float) -> str:
    """Say how large a standardised difference is, whatever its sign; what is written as 0.00 is none.

    Examples
    --------
    >>> size_in_words(-0.62), size_in_words(0.1), size_in_words(0.004)
    ('a medium difference', 'hardly any difference', 'no difference')
    """
    if abs(value) < 0.005:
        return "no difference"
    return next((words for least, words in _SIZES if abs(value) >= least), "hardly any difference")


def moments(n: NDArray[Any], total: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """Return mean and variance (n - 1) from sums; NaN below one and two values."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / np.where(n > 0, n, np.nan)
        variance = (squares - total * mean) / np.where(n > 1, n - 1, np.nan)
    return mean, np.maximum(variance, 0)


def continuous_smd(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> Floats:
    """Return the difference of two means in standard deviations, from means and variances.

    ``(m1 - m2) / sqrt((v1 + v2) / 2)`` (Austin 2009, doi:10.1002/sim.3697). NaN where a group has fewer than
    two values, or the values of neither group vary.
    """
    (mean_1, variance_1), (mean_2, variance_2) = first, second
    spread = np.sqrt((variance_1 + variance_2) / 2)
    return (mean_1 - mean_2) / np.where(spread > 0, spread, np.nan)


def categorical_smd(first: NDArray[Any], second: NDArray[Any]) -> Floats:
    """Return the standardised difference of two groups in a category.

    Yang and Dalton (2012, SAS Global Forum, paper 335): the Mahalanobis distance of the groups' shares. As
    the covariance of shares is known, it needs no inverse: with ``g = sum(2 p q / (p + q))`` over the levels,
    ``d = 2 sqrt((1 - g) / g)``.

    Parameters
    ----------
    first, second : numpy.ndarray, shape (..., L)
        Scans or shares by level.

    Returns
    -------
    numpy.ndarray, shape (...)
        0 for the same shares, infinite where the groups have no level in common; NaN where a group is empty,
        or only one level occurs.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        p, q = (one / one.sum(axis=-1, keepdims=True) for one in (first, second))
        common = np.nansum(2 * p * q / np.where(p + q > 0, p + q, np.nan), axis=-1)
        apart = 2 * np.sqrt(np.clip(1 - common, 0, 1) / common)
    several = ((first + second) > 0).sum(axis=-1) > 1
    there = (first.sum(axis=-1) > 0) & (second.sum(axis=-1) > 0)
    return np.where(several & there, apart, np.nan)


def null_smd(first: NDArray[Any], second: NDArray[Any], freedom: int) -> Floats:
    """Return the 95 % quantile of the difference between two random groups.

    ``n1 n2 / (n1 + n2)`` times the squared difference of random groups follows, for large groups, a
    chi-square distribution with one degree of freedom for age and one less than its levels for a category.

    Parameters
    ----------
    first, second : numpy.ndarray, shape (G,)
        Sizes of the groups, people.
    freedom : int
        Degrees of freedom.
    """
    if freedom < 1:
        return np.full(np.shape(first), np.nan)
    with np.errstate(divide="ignore"):
        bound = np.sqrt(2 * gammaincinv(freedom / 2, NULL_QUANTILE) * (1 / first + 1 / second))
    return np.where(np.isfinite(bound), bound, np.nan)


def from_own_kind(total: NDArray[Any], n: NDArray[np.int64], kinds: NDArray[np.int64]) -> Floats:
    """Return how far the mean of each level lies from that of all levels of its kind; 0 of an empty one.

    Parameters
    ----------
    total : numpy.ndarray, shape (V, L)
        Sums over the scans of each level.
    n : numpy.ndarray of int, shape (V,)
        How many these are.
    kinds : numpy.ndarray of int, shape (V,)
        Numbered from 0: what is measured alike, such as by ratings.
    """
    of = np.eye(int(kinds.max(initial=0)) + 1)[kinds]  # [V, kinds]
    of_kind = (of.T @ total) / np.maximum(of.T @ n, 1)[:, None]
    return np.where(n[:, None] > 0, total / np.maximum(n, 1)[:, None] - of_kind[kinds], 0.0)


def between(
    inside: NDArray[Any], outside: NDArray[Any], kinds: NDArray[np.int64] | None = None
) -> float:
    """Return the share of the variance of being inside that lies between levels.

    The square of Cramér's V of a table of two rows, which is the correlation ratio, corrected for the number
    of levels: ``1 - (1 - V²) (n - 1) / (n - L)``. Of levels of several kinds, what lies between the kinds is
    no part of it.

    Parameters
    ----------
    inside, outside : numpy.ndarray, shape (L,)
        Scans by level.
    kinds : numpy.ndarray of int, shape (L,), optional
        The kind of each level; all of one without it.

    Returns
    -------
    float
        0 to 1; NaN where nobody, or everybody, is inside.
    """
    there = (inside + outside) > 0
    size, held = (inside + outside)[there], inside[there]
    n = size.sum()
    if not 0 < held.sum() < n or n <= len(size):
        return float("nan")
    kind = np.zeros(len(size), dtype=np.int64) if kinds is None else kinds[there]
    share = held.sum() / n
    whole = n * share * (1 - share)
    by_level = float((size * (held / size - share) ** 2).sum())
    of_kind, in_kind = np.bincount(kind, size), np.bincount(kind, held)
    several = of_kind > 0
    by_kind = float((of_kind * (in_kind / np.maximum(of_kind, 1) - share) ** 2).sum())
    by_chance = (len(size) - several.sum()) * (whole - by_level) / (n - len(size))
    return float(max((by_level - by_kind - by_chance) / whole, 0.0))


Codes = NDArray[np.integer[Any]]

SEXES = ("F", "M")
_PLACES: dict[str | None, int] = {name: place for place, name in enumerate(SEXES)}


@dataclass(frozen=True)
class CategoricalCodes:
    """Categorical codes of texts.

    Parameters
    ----------
    codes : numpy.ndarray of int, shape (N,)
        Position in ``names``; ``len(names)`` where not known.
    names : tuple of str, L entries
        The different texts, in order.
    """

    codes: Codes
    names: tuple[str, ...]


def categorical_codes(values: pd.Series) -> CategoricalCodes:
    """Return categorical codes of texts; missing ones are not known."""
    codes, names = pd.factorize(values.astype(object), sort=True)
    return CategoricalCodes(np.where(codes < 0, len(names), codes), tuple(map(str, names)))


def sexes(values: pd.Series, sources: pd.Series | None = None) -> CategoricalCodes:
    """Read codes of sex, those of each source in the one language that has all of them.

    Where a source's cannot be read so, see :func:`curation.sources.sex_codes.sexes_in`, all are
    kept as they are written.
    """
    codes, names = pd.factorize(values.astype(object))
    of = np.zeros(len(codes), dtype=np.int64) if sources is None else pd.factorize(sources)[0] + 1
    size = len(names) + 1
    cell, kinds = pd.factorize(of * size + codes + 1)
    of, text = np.divmod(kinds, size)
    places = np.full(len(kinds), len(SEXES), dtype=np.int64)
    for source in np.unique(of):
        here = np.flatnonzero((of == source) & (text > 0))
        written = [str(names[at - 1]) for at in text[here]]
        read = sex_codes.sexes_in(written)
        if read is None:
            return categorical_codes(values)
        places[here] = [_PLACES.get(read[code], len(SEXES)) for code in written]
    return CategoricalCodes(places[cell], SEXES) if len(names) else categorical_codes(values)
