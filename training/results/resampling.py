"""Hierarchical bootstrap over people and seeds, sign-flip test over people, Holm's correction."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
FLIPS = 9999
_EXACT = 13  # so many people have 8,192 patterns of signs: all of them are looked at


def bootstrap_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean, seeds and people sampled with replacement.

    Parameters
    ----------
    values : array of shape (S, N)
        Without gaps. The samples are the same every time.

    Notes
    -----
    2,000 samples, each of S seeds and, independently, of N people (the pigeonhole bootstrap, Owen 2007). With
    few seeds it is too narrow by a factor of about √((S − 1)/S) in what seeds add; the closed form of
    :mod:`training.results.crossed_effects` is not, and so verdicts rest on it.
    """
    seeds, people = values.shape
    if people < 2 or not seeds:
        return float("nan"), float("nan")
    # einsum, not @: matrices this small are slower on several threads, much so on a busy machine
    of_people, of_seeds = _weights(people, 1), _weights(seeds, 2)
    means = (np.einsum("bn,sn->bs", of_people, values) * of_seeds).sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def sign_flip_p(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p-value of a mean of 0 by flipping the signs of people's differences.

    Parameters
    ----------
    differences : array of shape (N,)
        Error of one arm less that of another, a value a person.

    Returns
    -------
    float
        Exact up to 13 people, otherwise of 9,999 patterns (Phipson & Smyth 2010). It asks whether *these
        trained models* differ; that training again gives other models is not in it. NaN for no person.

    Examples
    --------
    >>> sign_flip_p(np.array([1.0, 2.0, 3.0]))  # 2 of 8 patterns reach the sum
    0.25
    """
    people = len(differences)
    if not people:
        return float("nan")
    sums = np.abs(np.einsum("bn,n->b", _signs(people), differences))
    seen = abs(differences.sum()) * (1 - 1e-12)
    reached = int(np.count_nonzero(sums >= seen))
    return reached / len(sums) if people <= _EXACT else (reached + 1) / (len(sums) + 1)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return p-values corrected for their number by Holm (1979); NaN stay NaN and do not count.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, float("nan")]).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    p = np.asarray(p_values, dtype=np.float64)
    finite = np.flatnonzero(np.isfinite(p))
    order = finite[np.argsort(p[finite], kind="stable")]
    stepped = np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1))
    corrected = np.full(p.shape, np.nan)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


@lru_cache(maxsize=8)
def _weights(size: int, seed: int) -> NDArray[Any]:
    """Return in each row the share of each of ``size`` in one draw with replacement."""
    draws = np.random.default_rng([seed, size]).multinomial(
        size, np.full(size, 1 / size), RESAMPLES
    )
    return draws / size


@lru_cache(maxsize=8)
def _signs(people: int) -> NDArray[Any]:
    if people <= _EXACT:
        patterns = np.arange(2**people)[:, None] >> np.arange(people)
        return 1.0 - 2.0 * (patterns & 1)
    return 1.0 - 2.0 * np.random.default_rng([3, people]).integers(0, 2, (FLIPS, people))
