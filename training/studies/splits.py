"""Folds of the target cohort, and shares of their labels: by subject, the same for every arm."""

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


def labelled(training: pd.DataFrame, *, percent: int, seed: tuple[int, ...]) -> pd.DataFrame:
    """Leave only a share of the people of the training folds, as if the others' ages were unknown.

    Parameters
    ----------
    training : pandas.DataFrame
        ``subject_id``, one row a scan.
    percent : int
        Share of the people, 1 to 100.
    seed : tuple of int
        Of the draw.

    Returns
    -------
    pandas.DataFrame
        The rows of ``round(percent / 100 × people)`` people, two at least, in their order. A smaller share
        of the same seed is part of a larger one.
    """
    people = np.sort(training["subject_id"].unique())
    wanted = max(2, round(len(people) * percent / 100))
    chosen = np.random.default_rng(seed).permutation(people)[:wanted]
    return training[training["subject_id"].isin(chosen)]
