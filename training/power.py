"""How many more people, or seeds, it would take to tell a difference of the size that was seen."""

import math

from scipy.special import ndtri

from training.crossed import Estimate

POWER = 0.80
ALPHA = 0.05


def more_people(seen: Estimate) -> float:
    """Return how many more people would tell the difference, with the seeds as they are.

    Parameters
    ----------
    seen : Estimate
        A difference of two arms.

    Returns
    -------
    float
        A whole number, 0 or more; infinite where the seeds alone are too uncertain for any number of
        people, or the difference seen is 0; NaN where nothing was estimated.

    Notes
    -----
    If the true difference is the one seen, a two-sided test at 5 % finds it with a power of 80 % once its
    standard error is δ/(1.960 + 0.842). The variance with N people is ``seed/S + (person + rest/S)/N``;
    1.960²/2 people are added for Student's t (Guenther 1981). A difference seen by chance is too large or
    too small, and so is this number: it is an order of magnitude.
    """
    if not math.isfinite(seen.se):
        return float("nan")
    of_seeds = 0.0 if seen.seeds < 2 else seen.seed / seen.seeds
    of_people = seen.person + (0.0 if seen.seeds < 2 else seen.rest / seen.seeds)
    room = _needed_variance(seen.mean) - of_seeds
    if room <= 0:
        return float("inf")
    wanted = of_people / room + float(ndtri(1 - ALPHA / 2)) ** 2 / 2
    return float(max(math.ceil(wanted) - seen.people, 0))


def more_seeds(seen: Estimate) -> float:
    """Return how many more seeds would tell the difference with these people; as :func:`more_people`."""
    if not math.isfinite(seen.se) or seen.seeds < 2:
        return float("nan")
    room = _needed_variance(seen.mean) - seen.person / seen.people
    if room <= 0:
        return float("inf")
    wanted = (seen.seed + seen.rest / seen.people) / room
    return float(max(math.ceil(wanted) - seen.seeds, 0))


def _needed_variance(difference: float) -> float:
    quantiles = float(ndtri(1 - ALPHA / 2) + ndtri(POWER))
    return (difference / quantiles) ** 2
