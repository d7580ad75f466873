"""Cross-validation of the exclusion model: its agreement with raters on scans left out of the fit.

Agreement is the AUC over pairs of scans of the same site: a pooled AUC would reward recognising bad sites.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.scoring import exclusion_model
from curation.scoring.exclusion_model import Floats

#: Inverse strengths of the penalty tried where none is given. Below 0.02 the probabilities of few ratings
#: hardly leave their mean.
REGULARISATIONS = (0.02, 0.1, 0.5)
MAX_FOLDS = 20
SUBJECT_FOLDS = 5
#: With this many sites, whole sites are held out.
MIN_SITES = 3
#: Into this many parts the folds are joined to choose a regularisation.
INNER_FOLDS = 5
RESAMPLES = 1000


def folds_of(subjects: Sequence[str], groups: Sequence[str]) -> tuple[NDArray[np.int64], str]:
    """Divide scans into folds that share no site, or no person where there are fewer than three sites.

    Returns
    -------
    folds : numpy.ndarray of int, shape (N,)
        At most 20 folds of sites or 5 of people, of about equal size.
    kind : str
        ``'site'`` or ``'person'``.

    Notes
    -----
    Groups go to the smallest fold so far in the order of their names; scikit-learn's ``GroupKFold`` goes by
    size, which would divide otherwise and change the evidence of references.
    """
    kind = "site" if len(set(groups)) >= MIN_SITES else "person"
    held = pd.Series(list(groups if kind == "site" else subjects))
    number = min(held.nunique(), MAX_FOLDS if kind == "site" else SUBJECT_FOLDS)
    sizes = np.zeros(number)
    fold_of: dict[str, int] = {}
    for name, size in held.value_counts().sort_index(kind="stable").items():
        fold_of[str(name)] = int(np.argmin(sizes))
        sizes[fold_of[str(name)]] += size
    return held.map(fold_of).to_numpy(dtype=np.int64), kind


def held_out(
    inputs: Floats,
    labels: pd.DataFrame,
    folds: NDArray[np.int64],
    regularisation: float | None = None,
) -> Floats:
    """Return the log-odds of exclusion of each scan by the model fitted to the other folds.

    Parameters
    ----------
    inputs : numpy.ndarray, shape (N, 2 M)
        See :func:`curation.scoring.exclusion_model.inputs_of`.
    labels : pandas.DataFrame
        See :func:`curation.scoring.exclusion_model.fit`.
    folds : numpy.ndarray of int, shape (N,)
        See :func:`folds_of`.
    regularisation : float, optional
        Chosen anew within each training part by default.

    Returns
    -------
    numpy.ndarray, shape (N,)
        NaN where the other folds hold one label only.
    """
    log_odds = np.full(len(inputs), np.nan)
    for fold in np.unique(folds):
        others = labels[folds[labels["row"]] != fold]
        if others["excluded"].nunique() < 2:
            continue
        chosen = regularisation or choose_regularisation(inputs, others, folds)
        here = folds == fold
        coefficients, intercept = exclusion_model.regression(inputs, others, chosen)
        log_odds[here] = inputs[here] @ coefficients + intercept
    return log_odds


def choose_regularisation(inputs: Floats, labels: pd.DataFrame, folds: NDArray[np.int64]) -> float:
    """Return the regularisation of least held-out log loss, of :data:`REGULARISATIONS`."""
    losses = []
    for regularisation in REGULARISATIONS:
        log_odds = held_out(inputs, labels, folds % INNER_FOLDS, regularisation)[labels["row"]]
        sign = np.where(labels["excluded"] == 1, -1.0, 1.0)
        losses.append(np.nansum(np.logaddexp(0, sign * log_odds) * labels["weight"]))
    return REGULARISATIONS[int(np.argmin(losses))]


def within_group_auc(scores: NDArray, excluded: NDArray, groups: NDArray) -> float:
    """Return the AUC over pairs of one excluded and one kept scan of the same group.

    Every pair counts once, so that a group counts by its pairs. NaN where there is no pair.
    """
    wins = pairs = 0.0
    for group in np.unique(groups):
        here = (groups == group) & np.isfinite(scores)
        bad, good = np.sort(scores[here & (excluded == 1)]), scores[here & (excluded == 0)]
        below = np.searchsorted(bad, good, "left"), np.searchsorted(bad, good, "right")
        wins += len(bad) * len(good) - (below[0].sum() + below[1].sum()) / 2
        pairs += len(bad) * len(good)
    return float(wins / pairs) if pairs else float("nan")


def interval(
    scores: NDArray, excluded: NDArray, groups: NDArray, subjects: NDArray, seed: int = 0
) -> tuple[float, float]:
    """Return the bootstrap 95 % interval of :func:`within_group_auc`, drawing whole people, 1,000 times."""
    rng = np.random.default_rng(seed)
    people = list(pd.Series(subjects).groupby(subjects).indices.values())
    draws = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(len(people), size=len(people))
        rows = np.concatenate([people[i] for i in drawn])
        draws.append(within_group_auc(scores[rows], excluded[rows], groups[rows]))
    low, high = np.nanquantile(draws, [0.025, 0.975]) if np.isfinite(draws).any() else (np.nan,) * 2
    return float(low), float(high)


def evidence(
    inputs: Floats,
    labels: pd.DataFrame,
    groups: pd.Series,
    subjects: pd.Series,
    regularisation: float | None = None,
) -> dict[str, Any]:
    """Measure a way of fitting by cross-validation.

    Parameters
    ----------
    inputs, labels, regularisation
        See :func:`held_out`.
    groups, subjects : pandas.Series of str, shape (N,)
        The site and the person of each scan.

    Returns
    -------
    dict
        ``auc`` with ``low`` and ``high`` (95 %; absent where there is no pair of scans to compare),
        ``ratings``, ``excluded``, ``scans``; ``held_out`` (``'site'`` or ``'person'``); ``raters``: the same
        figures for the labels of each rater.
    """
    folds, kind = folds_of(subjects.tolist(), groups.tolist())
    log_odds = held_out(inputs, labels, folds, regularisation)
    raters = {
        str(rater): figures(log_odds, rows, groups, subjects)
        for rater, rows in labels.groupby("rater")
    }
    return figures(log_odds, labels, groups, subjects) | {"held_out": kind, "raters": raters}


def figures(
    log_odds: Floats, labels: pd.DataFrame, groups: pd.Series, subjects: pd.Series
) -> dict[str, Any]:
    """Return ``auc``, ``low``, ``high``, ``ratings``, ``excluded`` and ``scans``; see :func:`evidence`."""
    rows = labels["row"].to_numpy()
    seen = (log_odds[rows], labels["excluded"].to_numpy(), groups.to_numpy()[rows])
    auc = within_group_auc(*seen)
    low, high = interval(*seen, subjects.to_numpy()[rows])
    known = {"auc": auc, "low": low, "high": high}
    return {name: round(value, 4) for name, value in known.items() if np.isfinite(value)} | {
        "ratings": len(labels),
        "excluded": int(labels["excluded"].sum()),
        "scans": len(set(rows)),
    }
