"""Hierarchical bootstrap over people and seeds, sign-flip test over people, Holm's correction."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 10_000
FLIPS = 100_000
_EXACT = 16  # so many people have 65,536 patterns of signs: all of them are looked at
_BYTE = 8
#: So many numbers are held at once, at most: some 30 MB.
_AT_ONCE = 4_000_000


def bootstrap_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean, seeds and people sampled with replacement.

    Parameters
    ----------
    values : array of shape (S, N)
        Without gaps. The samples are the same every time.

    Notes
    -----
    10,000 samples, each of S seeds and, independently, of N people (the pigeonhole bootstrap, Owen 2007).
    With few seeds it is too narrow by a factor of about √((S − 1)/S) in what seeds add; the closed form of
    :mod:`training.results.crossed_effects` is not, and so verdicts rest on it.
    """
    seeds, people = values.shape
    if people < 2 or not seeds:
        return float("nan"), float("nan")
    mean = values.mean()
    apart = (values - mean).astype(
        np.float32
    )  # of what is left, seven digits are enough, and quicker
    # einsum, not @: matrices this small are slower on several threads, much so on a busy machine
    of_people = np.concatenate(
        [np.einsum("bn,sn->bs", counts, apart) for counts in _people_drawn(people)]
    )
    means = (of_people * _seeds_drawn(seeds)).sum(axis=1) / (people * seeds)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(mean + low), float(mean + high)


def sign_flip_p(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p-value of a mean of 0 by flipping the signs of people's differences.

    Parameters
    ----------
    differences : array of shape (N,)
        Error of one arm less that of another, a value a person.

    Returns
    -------
    float
        Exact up to 16 people, otherwise of 100,000 patterns, (b + 1)/(m + 1) where b of m reach the sum that
        was seen (Phipson & Smyth 2010). It asks whether *these trained models* differ; that training again
        gives other models is not in it. NaN for no person.

    Examples
    --------
    >>> sign_flip_p(np.array([1.0, 2.0, 3.0]))  # 2 of 8 patterns reach the sum
    0.25
    """
    people = len(differences)
    if not people:
        return float("nan")
    # what is flipped is taken off twice: one table of 256 sums for each 8 people, looked up pattern by
    # pattern
    padded = np.pad(differences, (0, -people % _BYTE)).reshape(-1, _BYTE)
    tables = np.einsum("pb,gb->gp", _BITS, padded)
    patterns = _patterns(people)
    flipped, looked_up = np.zeros((2, patterns.shape[1]))
    for table, byte in zip(tables, patterns, strict=True):
        flipped += np.take(table, byte, out=looked_up, mode="clip")
    total = differences.sum()
    slack = 1e-12 * np.abs(differences).sum()
    reached = int(np.count_nonzero(np.abs(total - 2 * flipped) >= abs(total) - slack))
    return reached / len(flipped) if people <= _EXACT else (reached + 1) / (len(flipped) + 1)


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


def _people_drawn(people: int) -> Iterable[NDArray[np.float32]]:
    """Return how often each person is in each draw, in blocks; those of many people are not kept."""
    return _kept(people) if people * RESAMPLES <= _AT_ONCE else _drawn(people)


@lru_cache(maxsize=4)
def _kept(people: int) -> tuple[NDArray[np.float32], ...]:
    return tuple(_drawn(people))


def _drawn(people: int) -> Iterator[NDArray[np.float32]]:
    rng, left = np.random.default_rng([1, people]), RESAMPLES
    while left:
        rows = min(left, max(_AT_ONCE // (4 * people), 1))
        yield _counts(rng, rows, people)
        left -= rows


@lru_cache(maxsize=8)
def _seeds_drawn(seeds: int) -> NDArray[np.float32]:
    return _counts(np.random.default_rng([2, seeds]), RESAMPLES, seeds)


def _counts(rng: np.random.Generator, rows: int, size: int) -> NDArray[np.float32]:
    """Return how often each of ``size`` is in each of some draws with replacement."""
    drawn = rng.integers(0, size, (rows, size)) + size * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size).astype(np.float32)


#: The bits of each byte, the lowest first.
_BITS = (np.arange(256)[:, None] >> np.arange(_BYTE) & 1).astype(float)


@lru_cache(maxsize=4)
def _patterns(people: int) -> NDArray[Any]:
    """Return who is flipped, a bit a person: a row for each 8 people, a column a pattern."""
    groups = -(-people // _BYTE)
    if people <= _EXACT:
        numbers = np.arange(2**people, dtype=np.uint16)
        return np.stack([numbers >> _BYTE * group & 255 for group in range(groups)])
    rng = np.random.default_rng([3, people])
    return rng.integers(0, 256, (groups, FLIPS), dtype=np.uint8)
