"""Measures of an outcome as losses of single people, whose mean is what an arm is judged by.

All that is said of arms rests on tables of losses of seeds × people
(:mod:`training.results.crossed_effects`): absolute errors of a number, and of one of two values what each
person adds to 1 − AUC.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from training.judging.outcome import Kind, Outcome

Losses = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray], NDArray[np.float64]]


def absolute_errors(
    predicted: NDArray[np.float64], truth: NDArray[np.float64], strata: NDArray
) -> NDArray[np.float64]:
    """Return absolute errors; parameters as of :func:`auc_losses`, ``strata`` are of no matter."""
    return np.abs(predicted - truth)


def auc_losses(
    predicted: NDArray[np.float64], truth: NDArray[np.float64], strata: NDArray
) -> NDArray[np.float64]:
    """Return what each person adds to 1 − AUC: pseudo-values whose mean it is.

    Parameters
    ----------
    predicted : array of shape (..., N)
        Larger where 1 is likelier; without gaps.
    truth : array of shape (N,)
        0 or 1.
    strata : array of shape (N,)
        People are compared within a stratum alone: those whom the same model predicted, because the outputs
        of two models are not on one scale.

    Returns
    -------
    array of shape (..., N)
        ``1 − AUC − d[i]``. The AUC is the share of pairs, a 1 and a 0 of one stratum, that are in the right
        order, ties counting half. NaN where no stratum holds both.

    Notes
    -----
    Of a person of stratum f with m of their own kind, ``d[i] = N · w[f] · (V[i] − AUC[f]) / √(m (m − 1))``,
    where V is the structural component of DeLong, DeLong & Clarke-Pearson (1988), the share of the other
    kind of the stratum in the right order with this person, and w the stratum's share of all pairs. Their
    mean over a stratum is 0, and their sum of squares over N² is DeLong's unbiased variance. So the mean of a
    table of seeds × people is an AUC, its variance over people is DeLong's, and with readers in the place of
    seeds the estimate is that of Obuchowski & Rockette (1995). One person alone of a kind adds nothing.

    Examples
    --------
    >>> truth = np.array([0.0, 0.0, 1.0, 1.0])
    >>> float(auc_losses(np.array([0.1, 0.6, 0.4, 0.9]), truth, np.zeros(4)).mean())  # 3 of 4 pairs
    0.25
    """
    shape, people = predicted.shape, len(truth)
    places = [np.flatnonzero(strata == one) for one in np.unique(strata)]
    pairs = [int((truth[at] == 1).sum() * (truth[at] == 0).sum()) for at in places]
    if not sum(pairs):
        return np.full(shape, np.nan)
    deviation, auc = np.zeros(shape), np.zeros(shape[:-1])
    for at, count in zip(places, pairs, strict=True):
        if not count:
            continue
        share = count / sum(pairs)
        component = _components(predicted[..., at], truth[at])
        own = component[..., truth[at] == 1].mean(axis=-1)
        auc += count * own
        alike = np.where(truth[at] == 1, (truth[at] == 1).sum(), (truth[at] == 0).sum())
        scale = people * share / np.sqrt(alike * np.maximum(alike - 1, 1))
        deviation[..., at] = scale * (component - own[..., None])
    return 1 - auc[..., None] / sum(pairs) - deviation


def _components(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return of each person the share of the other kind that is in the right order with them."""
    ones, zeros = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
    among_all = rankdata(predicted, axis=-1)
    found = np.empty_like(among_all)
    for own, other, sign in ((ones, zeros, 1), (zeros, ones, -1)):
        below = among_all[..., own] - rankdata(predicted[..., own], axis=-1)
        share = below / len(other)
        found[..., own] = share if sign > 0 else 1 - share
    return found


#: What a kind of outcome is judged by, in a sentence.
MEASURE_WORDS: Mapping[Kind, str] = {
    "numeric": "The error is the mean absolute error over people.",
    "two-valued": "AUC: how often, of two people of one fold who differ, the one with the higher "
    "probability is the positive one; R² is the Brier skill score, r the point-biserial correlation.",
}
#: What a person loses, by the kind of outcome.
LOSSES: Mapping[Kind, Losses] = {"numeric": absolute_errors, "two-valued": auc_losses}


def figure(outcome: Outcome, people: pd.DataFrame, predicted: NDArray[np.float64]) -> float:
    """Return what one model is judged by, as it is shown: a mean absolute error or an AUC.

    Parameters
    ----------
    outcome : Outcome
        What was predicted.
    people : pandas.DataFrame
        ``subject_id`` and the outcome's column, a row a scan; a person's scans are averaged first.
    predicted : array
        One a scan.
    """
    table = people.assign(predicted=predicted).groupby("subject_id")
    means = table[[outcome.column, "predicted"]].mean()
    truth = means[outcome.column].to_numpy(dtype=float)
    losses = LOSSES[outcome.kind](
        means["predicted"].to_numpy(dtype=float), truth, np.zeros(len(truth))
    )
    loss = float(losses.mean())
    return 1 - loss if outcome.higher_is_better else loss
