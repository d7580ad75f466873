"""Interval of a score from what could not be measured: how much worse the scan may be than was seen.

By anchors a metric without a value adds nothing to a score: a scan never scores worse for lacking it, and the
score is the lower end. The upper end comes from damaged scans, real and simulated, on which nearly everything
could be measured (``assets/references/measured-cases.csv``): of the 19 that look most nearly as good as the
scan by the same metrics, it is as far above the score as the score of the worst of them rises with all
metrics. A head without air, say, may have ghosts beside it that nobody sees; but ghosts strong enough to
matter ripple through the brain as well, and there they were looked for.

The worst of 19 is exceeded by a twentieth like them in 5 % of draws, whatever their distribution. Clean cases
are no part of it: how many of them a table happens to hold says nothing about the scan, and what is asked is
how bad it may be. Damage of a kind that is left out of the cases is covered as often as asked, too
(``docs/benchmarks.md``).
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.scoring.combination import Combination, by_family

CASES_PATH = Path(__file__).parents[2] / "assets" / "references" / "measured-cases.csv"
#: So many of the cases count as looking about as good: the worst of 19 is a bound for 95 % of others.
NEIGHBOURS = 19


@lru_cache(maxsize=1)
def cases() -> pd.DataFrame:
    """Return the damaged cases: a row each, with what was done to it and a column a metric."""
    return pd.read_csv(CASES_PATH)


def upper_end(
    penalty: pd.DataFrame,
    score: NDArray[np.float64],
    of_cases: Mapping[str, NDArray[np.float64]],
    how: Combination,
) -> NDArray[np.float64]:
    """Return the upper ends of scores.

    Parameters
    ----------
    penalty : pandas.DataFrame, shape (N, M)
        A column a metric that is judged, 0 to 100, NaN where it could not be measured.
    score : array of shape (N,)
        What was made of them.
    of_cases : mapping of str to array of shape (K,)
        The same penalties of the cases; metrics that were not measured on these are not among them.
    how : {'mean', 'any'}
        How penalties are combined.

    Returns
    -------
    array of shape (N,)
        ``score`` to 100: equal to ``score`` where nothing is missing, 100 where a metric is missing of
        which the cases tell nothing, NaN where there is no score.
    """
    seen = np.isfinite(penalty.to_numpy(dtype=np.float64))
    upper = np.array(score, dtype=np.float64)
    if not len(upper) or seen.all():
        return upper
    known = np.array([name in of_cases for name in penalty])
    nothing = np.full(len(next(iter(of_cases.values()), np.empty(0))), np.nan)
    table = np.stack([of_cases.get(name, nothing) for name in penalty], axis=1)
    full = _scores(penalty, table, how)
    patterns, member = np.unique(seen, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        here = (member.ravel() == number) & np.isfinite(upper)
        if pattern.all() or not here.any():
            continue
        if not len(table) or not known[~pattern].all():
            upper[here] = 100.0
            continue
        partly = _scores(penalty, np.where(pattern, table, np.nan), how)
        rises = _rises(partly, full)
        upper[here] = np.minimum(upper[here] + np.interp(upper[here], *rises), 100.0)
    return upper


def _scores(
    penalty: pd.DataFrame, table: NDArray[np.float64], how: Combination
) -> NDArray[np.float64]:
    """Return the scores of a table whose columns are those of ``penalty``, 0 where nothing is in it."""
    return np.nan_to_num(by_family(pd.DataFrame(table, columns=penalty.columns), how)[1])


def _rises(
    partly: NDArray[np.float64], full: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, for scores by a part of the metrics, the largest rise of the cases that look like it."""
    order = np.argsort(partly, kind="stable")
    rise = np.maximum(full - partly, 0.0)[order]
    width = min(NEIGHBOURS, len(rise))
    windows = np.lib.stride_tricks.sliding_window_view(rise, width)
    middles = partly[order][width // 2 : width // 2 + len(windows)]
    return middles, windows.max(axis=1)
