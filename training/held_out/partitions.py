"""Predictions of one partition of the people into folds; repeated cross-validation has several."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Partition(NamedTuple):
    """Predictions of one partition of the people into folds.

    Parameters
    ----------
    by_scan : array of shape (arms + 1, seeds, M)
        A value a scan.
    by_person : array of shape (arms + 1, seeds, N)
        Averaged over each person's scans.
    scan_fold, fold : arrays of shape (M,) and (N,)
        The fold of each scan and person.
    """

    by_scan: NDArray[np.float64]
    by_person: NDArray[np.float64]
    scan_fold: NDArray[np.int64]
    fold: NDArray[np.int64]


def places_of(
    arms: Sequence[int], seeds: NDArray[np.intp], people: NDArray[np.intp]
) -> tuple[NDArray[np.intp], ...]:
    """Return the index of a table of some arms, seeds and people."""
    return np.ix_(np.asarray(arms, dtype=np.intp), seeds, people)


def finished_runs(part: Partition, arm: int) -> int:
    """Count the fine-tunings of an arm that have predicted somebody of a partition."""
    known = np.isfinite(part.by_scan[arm])
    folds = np.unique(part.scan_fold)
    return sum(int(known[:, part.scan_fold == fold].any(axis=1).sum()) for fold in folds)
