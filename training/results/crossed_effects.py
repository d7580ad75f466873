"""Crossed random effects of seeds and people: confidence interval, test and detectable difference of a mean.

A model that is trained again (another seed) and other people would both give another mean. With values
``x[s, i] = μ + seed[s] + person[i] + rest[s, i]`` the mean's variance is that of a two-way random-effects
layout without replication,

    v = (MS_seed + max(MS_person − MS_rest, 0)) / (S·N),

with Satterthwaite's (1946) degrees of freedom. Readers and cases of diagnostic studies are analysed so
(Dorfman, Berbaum & Metz 1992; Hillis 2007). ``MS_seed`` may be given from more than the table itself.
:func:`detectable_years` is the difference that a comparison of this design finds with a power of 80 %.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri, fdtrc, ndtr, stdtr, stdtrit

LEVEL = 0.95
_NAN = float("nan")


#: Why an estimate has neither interval nor p.
NO_VARIANCE = (
    "people and seeds do not differ in it, so that nothing tells how far chance moves it; "
    "judge on more people"
)
#: A standard error below this share of its mean is what rounding leaves of none.
_ROUNDING = 1e-12


class SeedSpread(NamedTuple):
    """Mean square of seeds, with its degrees of freedom.

    Parameters
    ----------
    mean_square : float
        N times the variance of the seeds' means.
    df : float
        Its degrees of freedom; infinite where it is known to be 0.
    """

    mean_square: float
    df: float


class Estimate(NamedTuple):
    """Mean over seeds and people, with interval, test and variance components.

    Parameters
    ----------
    mean, low, high : float
        The mean and its 95 % interval; NaN bounds where there are fewer than 2 people, or no variance.
    se, df, p : float
        Standard error, degrees of freedom, and the two-sided p-value of a mean of 0.
    person, seed, rest : float
        Variance components: between people, between seeds, and residual.
    people, seeds : int
        Size of the table.
    """

    mean: float
    low: float
    high: float
    se: float
    df: float
    p: float
    person: float
    seed: float
    rest: float
    people: int
    seeds: int

    @property
    def no_variance(self) -> bool:
        """Whether there are people, whose variance is estimated as 0: there is neither interval nor p."""
        known = self.people > 1 and self.seeds > 0 and math.isfinite(self.mean)
        return known and not math.isfinite(self.se)


def complete(values: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the seeds and people of a large table without a gap.

    Seeds are taken in the order of how many people they have; where gaps lie crosswise a larger table may be
    there.

    Parameters
    ----------
    values : array of shape (K, S, N)
        NaN where a prediction is missing; a seed and person count only where all K have one.

    Returns
    -------
    seeds, people : arrays of int
        Indices along the second and third axis. Of tables of the same size, that with more people.
    """
    present = np.asarray(np.isfinite(values).all(axis=0))
    order = np.argsort(-present.sum(axis=1), kind="stable")
    together = np.logical_and.accumulate(present[order], axis=0)
    sizes = together.sum(axis=1)
    best = int(np.argmax(sizes * np.arange(1, len(order) + 1))) if len(order) else 0
    if not len(order) or sizes[best] == 0:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    return np.sort(order[: best + 1]), np.flatnonzero(together[best])


def spread_within(values: NDArray[np.float64]) -> SeedSpread:
    """Return the seeds' mean square, pooled over arms, K·(S − 1) degrees of freedom.

    Parameters
    ----------
    values : array of shape (K, S, N)
        K arms trained in the same way, without gaps.
    """
    arms, seeds, people = values.shape
    means = values.mean(axis=2)
    return SeedSpread(float(people * means.var(axis=1, ddof=1).mean()), arms * (seeds - 1))


def pooled(own: SeedSpread, others: SeedSpread | None) -> SeedSpread:
    """Return the seed spread of an arm pooled with that of others, or its own where that is clearly larger.

    A few seeds say little of their own spread; but where they lie far apart, that is not averaged away by
    other arms. Clearly larger: a one-sided F-test of the ratio at 10 %.
    """
    if others is None or _exceeds(own, others, 0.10):
        return own
    df = own.df + others.df
    total = own.mean_square * own.df + others.mean_square * others.df
    return SeedSpread(total / df, df)


def unlike(first: SeedSpread, second: SeedSpread) -> bool:
    """Tell whether two spreads differ: a two-sided F-test of their ratio at 10 %."""
    small, large = sorted((first, second))
    return _exceeds(large, small, 0.05)


def _exceeds(large: SeedSpread, small: SeedSpread, level: float) -> bool:
    if large.mean_square == 0 or small.mean_square == 0:
        return large.mean_square > small.mean_square
    return bool(fdtrc(large.df, small.df, large.mean_square / small.mean_square) <= level)


def together(first: SeedSpread, second: SeedSpread) -> SeedSpread:
    """Return the spread of a difference of two arms from that of each, as Welch (1947) does.

    What a seed does to both alike is not taken off, so the result is rather too large than too small.
    """
    total, df = welch(first.mean_square, second.mean_square, of_first=first.df, of_second=second.df)
    return SeedSpread(float(total), float(df))


def welch(
    first: ArrayLike, second: ArrayLike, *, of_first: float, of_second: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sums of two mean squares with Welch's (1947) degrees of freedom; infinite where both are 0."""
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    share = first**2 / of_first + second**2 / of_second
    total = first + second
    df = np.divide(total**2, share, out=np.full_like(share, np.inf), where=share > 0)
    return total, df


def estimate(values: NDArray[np.float64], spread: SeedSpread | None = None) -> Estimate:
    """Return the mean of a table of seeds × people with its interval.

    Parameters
    ----------
    values : array of shape (S, N)
        Without gaps.
    spread : SeedSpread, optional
        The seeds' mean square from more than this table. With a single seed there is none, and the interval
        is Student's over people: it then holds for these trained models only.

    Notes
    -----
    A variance of 0 about a mean that is not 0 is no certainty: with few people an AUC of exactly 1 has one.
    Such an estimate has no interval, no standard error and no p. A table of nothing but 0 has p = 1.

    Examples
    --------
    >>> found = estimate(np.array([[1.0, 2.0, 3.0], [1.2, 2.2, 3.2]]))  # 2 seeds × 3 people
    >>> round(found.mean, 2), found.people, found.seeds, found.low < found.mean < found.high
    (2.1, 3, 2, True)
    """
    seeds, people = values.shape
    if not seeds or not people:
        return _unknown(_NAN, people, seeds)
    mean = float(values.mean())
    if people < 2:
        return _unknown(mean, people, seeds)
    of_person, of_seed, of_rest = _mean_squares(values)
    if seeds == 1:
        se, df = math.sqrt(of_person / people), people - 1.0
        seed, rest, person = float("nan"), float("nan"), of_person
    else:
        spread = spread or SeedSpread(of_seed, seeds - 1)
        se, df = map(
            float,
            standard_error(
                spread.mean_square, spread.df, of_person, of_rest, seeds=seeds, people=people
            ),
        )
        seed = max(spread.mean_square - of_rest, 0.0) / people
        person, rest = max(of_person - of_rest, 0.0) / seeds, of_rest
    half = float(stdtrit(df, 0.5 + LEVEL / 2)) * se
    found = Estimate(
        mean,
        mean - half,
        mean + half,
        se,
        float(df),
        _p(mean, se, df),
        float(person),
        float(seed),
        float(rest),
        people,
        seeds,
    )
    return _unbounded(found) if mean != 0 and se <= _ROUNDING * abs(mean) else found


def of_losses(values: NDArray[np.float64], spread: SeedSpread | None = None) -> Estimate:
    """Return the estimate of losses themselves, as :func:`estimate` of differences.

    Where nobody errs at all there is no interval either; two arms that err alike differ by nothing.
    """
    found = estimate(values, spread)
    return _unbounded(found) if found.se == 0 else found


def _unbounded(found: Estimate) -> Estimate:
    return found._replace(low=_NAN, high=_NAN, se=_NAN, df=_NAN, p=_NAN)


def standard_error(
    of_seed: ArrayLike,
    df_seed: ArrayLike,
    of_person: ArrayLike,
    of_rest: ArrayLike,
    *,
    seeds: int,
    people: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return standard errors of means over seeds and people, with Satterthwaite's degrees of freedom.

    Parameters
    ----------
    of_seed, df_seed : array-like
        Mean squares of seeds, with their degrees of freedom.
    of_person, of_rest : array-like
        Mean squares of people and of the rest, of tables of the same size.
    seeds, people : int
        The size, 2 or more each.
    """
    of_seed, df_seed, of_person, of_rest = (
        np.asarray(one, dtype=float) for one in (of_seed, df_seed, of_person, of_rest)
    )
    numerator = of_seed + np.maximum(of_person - of_rest, 0.0)
    shares = (
        of_seed**2 / df_seed
        + of_person**2 / (people - 1)
        + of_rest**2 / ((seeds - 1) * (people - 1))
    )
    df = np.divide(numerator**2, shares, out=np.full_like(shares, people - 1.0), where=shares > 0)
    # a difference of mean squares near 0 would have next to none
    df = np.maximum(df, np.minimum(df_seed, people - 1.0))
    return np.sqrt(numerator / (seeds * people)), df


def _unknown(mean: float, people: int, seeds: int) -> Estimate:
    return Estimate(mean, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, people, seeds)


def _p(mean: float, se: float, df: float) -> float:
    if se == 0:
        return 1.0  # of a mean that is not 0 there is none, see :func:`estimate`
    return float(2 * stdtr(df, -abs(mean) / se))


def _mean_squares(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the mean squares of people, seeds and the rest; the last two are NaN for one seed."""
    seeds, people = values.shape
    mean = values.mean()
    of_people, of_seeds = values.mean(axis=0) - mean, values.mean(axis=1) - mean
    person = seeds * np.square(of_people).sum() / (people - 1)
    if seeds == 1:
        return float(person), float("nan"), float("nan")
    left = values - mean - of_people - of_seeds[:, None]
    seed = people * np.square(of_seeds).sum() / (seeds - 1)
    rest = np.square(left).sum() / ((seeds - 1) * (people - 1))
    return float(person), float(seed), float(rest)


POWER = 0.80
ALPHA = 0.05
#: Middles of equal shares of a distribution, over which it is averaged.
_SHARES = (np.arange(400) + 0.5) / 400
#: From so many degrees of freedom on, t is normal.
_MANY = 1e6


def detectable_years(seen: Estimate, *, sides: int = 2) -> float:
    """Return the true difference, years, that four of five studies like this one would find.

    Parameters
    ----------
    seen : Estimate
        A difference of two arms; only its standard error and degrees of freedom count, not its size.
    sides : {2, 1}
        Of the test.

    Returns
    -------
    float
        0 or more; NaN where nothing was estimated.

    Notes
    -----
    A t-test at 5 % with ``df`` degrees of freedom finds a true difference of δ with the power
    ``E[Φ(δ/se − t·√(χ²/df))]``, t being t(0.975, df), or t(0.95, df) where it is one-sided, and χ² with
    ``df`` degrees of freedom (the upper tail of the non-central t; the other holds next to nothing). δ is
    where that is 80 %, before Holm's correction.
    """
    if not math.isfinite(seen.se):
        return float("nan")
    return seen.se * _in_standard_errors(min(seen.df, _MANY), sides)


@lru_cache(maxsize=256)
def _in_standard_errors(df: float, sides: int) -> float:
    # scipy's own inverse (nctdtrinc) does not come back for some degrees of freedom
    bounds = float(stdtrit(df, 1 - ALPHA / sides)) * np.sqrt(chdtri(df, _SHARES) / df)
    low, high = 0.0, float(bounds.max()) + 5.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if ndtr(middle - bounds).mean() > POWER else (middle, high)
    return high
