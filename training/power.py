"""The smallest difference that a comparison of this design would have found."""

import math
from functools import lru_cache

import numpy as np
from scipy.special import chdtri, ndtr, stdtrit

from training.crossed import Estimate

POWER = 0.80
ALPHA = 0.05
#: Middles of equal shares of a distribution, over which it is averaged.
_SHARES = (np.arange(400) + 0.5) / 400
#: From so many degrees of freedom on, t is normal.
_MANY = 1e6


def detectable_years(seen: Estimate) -> float:
    """Return the true difference, years, that four of five studies like this one would find.

    Parameters
    ----------
    seen : Estimate
        A difference of two arms; only its standard error and degrees of freedom count, not its size.

    Returns
    -------
    float
        0 or more; NaN where nothing was estimated.

    Notes
    -----
    A two-sided t-test at 5 % with ``df`` degrees of freedom finds a true difference of δ with the power
    ``E[Φ(δ/se − t·√(χ²/df))]``, t being t(0.975, df) and χ² with ``df`` degrees of freedom (the upper tail of
    the non-central t; the other holds next to nothing). δ is where that is 80 %, before Holm's correction.
    """
    if not math.isfinite(seen.se):
        return float("nan")
    return seen.se * _in_standard_errors(min(seen.df, _MANY))


@lru_cache(maxsize=256)
def _in_standard_errors(df: float) -> float:
    # scipy's own inverse (nctdtrinc) does not come back for some degrees of freedom
    bounds = float(stdtrit(df, 1 - ALPHA / 2)) * np.sqrt(chdtri(df, _SHARES) / df)
    low, high = 0.0, float(bounds.max()) + 5.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if ndtr(middle - bounds).mean() > POWER else (middle, high)
    return high
