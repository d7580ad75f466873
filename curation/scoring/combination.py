"""Combination of penalties: several numbers from 0 to 100 become one.

``any``, for references since builtin-2, is the smooth maximum ``100 · (1 − Π(1 − (b / 100)²⁰))^(1/20)``. One
metric beyond unusable makes the scan unusable, whatever the others say, and 100 can be reached. What is added
never lowers anything, so another metric in a family dilutes nothing, and one that could not be measured is
left out of the product. It makes no difference how metrics are put into families.

``mean``, for the references of before, is the power mean ``100 · (Σ (b / 100)¹⁰ / N)^(1/10)`` over all N
metrics of a family that the reference judges, measured or not, and over all families.
"""

from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.metrics import METRICS
from curation.metrics.registry import FAMILIES

Combination = Literal["mean", "any"]
COMBINATIONS: tuple[Combination, ...] = get_args(Combination)

#: Power of the mean over the metrics of one family, and over the families.
MEAN_POWER = 10.0
#: Power of the smooth maximum: of thirty metrics, each exactly good (20), the score is below 25.
ANY_POWER = 20.0


def combine(values: NDArray[np.float64], how: Combination) -> NDArray[np.float64]:
    """Combine the penalties of each row.

    Parameters
    ----------
    values : array of shape (N, M)
        Penalties, 0 to 100; NaN is "not measurable" and adds nothing.
    how : {'mean', 'any'}
        See above.

    Returns
    -------
    array of shape (N,)
        0 to 100; NaN where a row is all NaN.

    Examples
    --------
    >>> combine(np.array([[100.0, 3.0, np.nan], [20.0, 20.0, 10.0]]), "any").round(1).tolist()
    [100.0, 20.7]
    """
    present = np.isfinite(values)
    shares = np.where(present, values / 100, 0.0)
    if how == "any":
        # log1p keeps what is small: the penalties of a clean scan are far below the power's precision
        with np.errstate(divide="ignore"):
            spared = np.log1p(-(shares**ANY_POWER)).sum(axis=1)
        joined = (-np.expm1(spared)) ** (1 / ANY_POWER)
    else:
        # All that is judged is divided by, not what was measured: less measured is no worse.
        total = (shares**MEAN_POWER).sum(axis=1)
        joined = (total / max(values.shape[1], 1)) ** (1 / MEAN_POWER)
    return np.where(present.any(axis=1), 100 * joined, np.nan)


def weights(
    penalty: NDArray[np.float64], family_sizes: NDArray[np.float64], how: Combination
) -> NDArray:
    """Return how much each penalty of one scan counts for its score, shape (M,), not yet made to sum to 1.

    Parameters
    ----------
    penalty : array of shape (M,)
        NaN counts nothing.
    family_sizes : array of shape (M,)
        How many metrics the family of each has.
    how : {'mean', 'any'}
        See above.
    """
    shares = np.nan_to_num(penalty) / 100
    if how == "any":
        return shares**ANY_POWER
    # In a power mean each part counts by its power; within a family the family's share is split again.
    return shares**MEAN_POWER / family_sizes


def by_family(penalty: pd.DataFrame, how: Combination) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Return the sub-scores of the seven families, and the score of all.

    Parameters
    ----------
    penalty : pandas.DataFrame, shape (N, M)
        A column a metric, 0 to 100, NaN where not measured.
    how : {'mean', 'any'}
        See above.

    Returns
    -------
    sub_scores : pandas.DataFrame, shape (N, 7)
        NaN where nothing of a family was measured, or none of its metrics is judged.
    score : array of shape (N,)
        NaN where nothing was measured.
    """
    values = penalty.to_numpy(dtype=np.float64)
    of = np.array([METRICS[name].family for name in penalty], dtype=object)
    joined = {family: combine(values[:, of == family], how) for family in FAMILIES}
    judged = [joined[family] for family in FAMILIES if (of == family).any()]
    table = pd.DataFrame(joined, index=penalty.index)
    return table, combine(np.stack(judged, axis=1) if judged else values, how)
