"""Split of the target cohort into folds by subject, and subsets of labels; the same for every arm."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from curation.errors import StudyError
from curation.wording import plural


class Split(NamedTuple):
    """Train/test split of the target cohort for one fine-tuning.

    Parameters
    ----------
    train, test : pandas.DataFrame
        Of the study's scans: the labelled ones of the training folds (an arm's share of the people), and
        those of the held-out fold.
    steps : int
        Optimiser steps an epoch: one pass over all training folds, also where an arm has a share of the
        labels only, so that every arm gets the same number.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    steps: int


def fold_of_subject(
    target: pd.DataFrame, *, folds: int, seed: int = 0, value: str = "age_years"
) -> pd.Series:
    """Split the subjects of a target cohort into folds, stratified by what is predicted, then by age.

    Parameters
    ----------
    target : pandas.DataFrame
        ``subject_id``, ``age_years`` and what is predicted, one row a scan.
    folds : int
        Number of folds, 2 or more.
    seed : int
        Of the random order.
    value : str
        Column of what is predicted.

    Returns
    -------
    pandas.Series of int
        Fold (0 to ``folds - 1``) by ``subject_id``. All scans of a subject share it.

    Notes
    -----
    Subjects in order of value and age are dealt in rounds of one a fold, in a random order within each
    round, so that the folds' values are alike and their sizes differ by one at most.

    Examples
    --------
    >>> people = {"subject_id": ["a", "b", "c", "d"], "age_years": [20.0, 30.0, 40.0, 50.0]}
    >>> fold = fold_of_subject(pd.DataFrame(people), folds=2)
    >>> sorted(fold[["a", "b"]]), sorted(fold[["c", "d"]])  # each fold gets one of each pair
    ([0, 1], [0, 1])
    """
    people = target.groupby("subject_id")[list(dict.fromkeys((value, "age_years")))].mean()
    in_order = people.sort_index().sort_values(list(people.columns), kind="stable").index
    rng = np.random.default_rng([seed, folds])
    rounds = -(-len(in_order) // folds)
    dealt = np.concatenate([rng.permutation(folds) for _ in range(rounds)])[: len(in_order)]
    return pd.Series(dealt, index=in_order, name="fold").sort_index()


def fold_of_site(target: pd.DataFrame, sites: pd.Series, *, folds: int) -> pd.Series:
    """Gather the sites of a target cohort in folds, so that no site is in two.

    Parameters
    ----------
    target : pandas.DataFrame
        ``subject_id``, one row a scan.
    sites : pandas.Series of str
        The site of each row; all are known.
    folds : int
        Number of folds; as many as there are sites leaves out one site at a time.

    Returns
    -------
    pandas.Series of int
        Fold by ``subject_id``.

    Raises
    ------
    StudyError
        When a person was scanned at several sites, or there are fewer sites than folds, or one alone.

    Notes
    -----
    Sites, the one of most people first, are put into the fold of fewest people so far: nothing is random.
    """
    people = pd.DataFrame({"subject_id": target["subject_id"], "site": sites}).drop_duplicates()
    moving = int(people["subject_id"].duplicated().sum())
    if moving:
        raise StudyError(
            f"{plural(moving, 'person', 'people')} of the target were scanned at several sites: a fold that "
            "leaves a site out would have learned from them. Freeze a target without them, or take folds by "
            "person."
        )
    counts = people["site"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    if len(counts) < 2:
        raise StudyError(
            f"All people of the target are of one site ({counts.index[0]}): no site can be left out. Take "
            "folds by person."
        )
    if len(counts) < folds:
        raise StudyError(
            f"The target has {plural(len(counts), 'site')}, fewer than {folds} folds. Take {len(counts)} "
            "folds: each then leaves out one site."
        )
    sizes, fold = np.zeros(folds, int), {}
    for site, count in counts.items():
        fold[site] = int(np.argmin(sizes))
        sizes[fold[site]] += count
    return people.set_index("subject_id")["site"].map(fold).rename("fold").sort_index()


def labelled(train: pd.DataFrame, *, percent: int, seed: tuple[int, ...]) -> pd.DataFrame:
    """Return a random share of the people of the training folds, of whom something is learned.

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
