"""Split of the target cohort into folds by subject, and subsets of labels; the same for every arm."""

from typing import NamedTuple

import numpy as np
import pandas as pd


class Split(NamedTuple):
    """Train/test split of the target cohort for one fine-tuning.

    Parameters
    ----------
    train, test : pandas.DataFrame
        Columns of :data:`training.studies.planned_study.SCAN_COLUMNS`: the labelled scans of the training
        folds (an arm's share of the people), and those of the held-out fold.
    steps : int
        Optimiser steps an epoch: one pass over all training folds, also where an arm has a share of the
        labels only, so that every arm gets the same number.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    steps: int


def fold_of_subject(target: pd.DataFrame, *, folds: int, seed: int = 0) -> pd.Series:
    """Split the subjects of a target cohort into folds, stratified by age.

    Parameters
    ----------
    target : pandas.DataFrame
        ``subject_id`` and ``age_years``, one row a scan.
    folds : int
        Number of folds, 2 or more.
    seed : int
        Of the random order.

    Returns
    -------
    pandas.Series of int
        Fold (0 to ``folds - 1``) by ``subject_id``. All scans of a subject share it.

    Notes
    -----
    Subjects in order of age are dealt in rounds of one a fold, in a random order within each round,
    so that the folds' ages are alike and their sizes differ by one at most.

    Examples
    --------
    >>> people = {"subject_id": ["a", "b", "c", "d"], "age_years": [20.0, 30.0, 40.0, 50.0]}
    >>> fold = fold_of_subject(pd.DataFrame(people), folds=2)
    >>> sorted(fold[["a", "b"]]), sorted(fold[["c", "d"]])  # each fold gets one of each pair
    ([0, 1], [0, 1])
    """
    ages = target.groupby("subject_id")["age_years"].mean().sort_index()
    by_age = ages.sort_values(kind="stable").index
    rng = np.random.default_rng([seed, folds])
    rounds = -(-len(by_age) // folds)
    dealt = np.concatenate([rng.permutation(folds) for _ in range(rounds)])[: len(by_age)]
    return pd.Series(dealt, index=by_age, name="fold").sort_index()


def inner(training: pd.DataFrame, *, folds: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split the people of the training folds for tuning, stratified by age.

    Parameters
    ----------
    training : pandas.DataFrame
        ``subject_id`` and ``age_years``, one row a scan.
    folds : int
        One of so many parts is validated on.
    seed : int
        Of the random order.

    Returns
    -------
    tuple of pandas.DataFrame
        The scans that trials learn from, and those that they are judged on: no person has scans in both.
    """
    part = training["subject_id"].map(fold_of_subject(training, folds=folds, seed=seed))
    return training[part != 0], training[part == 0]


def labelled(train: pd.DataFrame, *, percent: int, seed: tuple[int, ...]) -> pd.DataFrame:
    """Return a random share of the people of the training folds, whose ages are learned from.

    Parameters
    ----------
    train : pandas.DataFrame
        ``subject_id``, one row a scan.
    percent : int
        Share of the people, 1 to 100.
    seed : tuple of int
        Of the sampling.

    Returns
    -------
    pandas.DataFrame
        The rows of ``round(percent / 100 × people)`` people, two at least, in their order. A smaller share
        of the same seed is part of a larger one.
    """
    people = np.sort(train["subject_id"].unique())
    wanted = max(2, round(len(people) * percent / 100))
    sampled = np.random.default_rng(seed).permutation(people)[:wanted]
    return train[train["subject_id"].isin(sampled)]
