"""Folds of the target cohort: by subject, balanced in age, the same for every arm and seed."""

import numpy as np
import pandas as pd


def fold_of_subject(target: pd.DataFrame, *, folds: int, seed: int = 0) -> pd.Series:
    """Deal the subjects of a target cohort into folds.

    Parameters
    ----------
    target : pandas.DataFrame
        ``subject_id`` and ``age_years``, one row a scan.
    folds : int
        Number of folds, 2 or more.
    seed : int
        Of the dealing.

    Returns
    -------
    pandas.Series of int
        Fold (0 to ``folds - 1``) by ``subject_id``. All scans of a subject share it.

    Notes
    -----
    Subjects in order of age are dealt in rounds of one a fold, in a random order within each round,
    so that the folds' ages are alike and their sizes differ by one at most.
    """
    ages = target.groupby("subject_id")["age_years"].mean().sort_index()
    by_age = ages.sort_values(kind="stable").index
    rng = np.random.default_rng([seed, folds])
    rounds = -(-len(by_age) // folds)
    dealt = np.concatenate([rng.permutation(folds) for _ in range(rounds)])[: len(by_age)]
    return pd.Series(dealt, index=by_age, name="fold").sort_index()
