"""The comparisons of a study, each with its verdict: against the mean age, a reference arm, and controls."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from training import crossed, resampling, statistics, verdicts
from training.power import detectable_years
from training.predictions import BASELINE, Predictions
from training.statistics import Difference

#: How predicting the mean age is called in a sentence.
MEAN_AGE = "predicting the mean age"
COLUMNS = (
    "arm",
    "label",
    "reference",
    "difference_years",
    "ci_low",
    "ci_high",
    "p",
    "p_holm",
    "p_flip",
    "boot_low",
    "boot_high",
    "detectable_years",
    "n_subjects",
    "n_seeds",
    "verdict",
    "words",
)
Pair = tuple[str, str]


class Comparisons(NamedTuple):
    """Tables of comparisons, a row a pair of arms, no pair twice.

    Parameters
    ----------
    mean_age : pandas.DataFrame
        Every trained arm against predicting the mean age: was anything learned?
    reference : pandas.DataFrame
        Every other trained arm against the reference.
    controls : pandas.DataFrame
        Every arm against its own control, a random sample of the same size.

    Notes
    -----
    Columns: ``arm, label, reference`` · ``difference_years``: absolute error of the arm less that of the
    reference, below 0 is better, with its 95 % interval ``ci_low, ci_high`` and two-sided ``p``
    (:mod:`training.crossed`) · ``p_holm``: corrected for the number of comparisons, those with the mean age
    by themselves, all others together · ``p_flip``: sign-flip test over people, of these trained models ·
    ``boot_low, boot_high``: hierarchical bootstrap · ``detectable_years``: the true difference that four of
    five such studies would find · ``n_subjects, n_seeds`` · ``verdict, words``, see :mod:`training.verdicts`.
    """

    mean_age: pd.DataFrame
    reference: pd.DataFrame
    controls: pd.DataFrame


def compare_all(held_out: Predictions, reference: str | None) -> Comparisons:
    """Compare the arms of a study.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.
    reference : str or None
        Name of the arm that the others are compared with; with none, or one that has no prediction yet, there
        is no such table.
    """
    there = [name for name in held_out.there if name != BASELINE]
    with_mean = [(name, BASELINE) for name in there]
    with_reference = [
        (name, reference) for name in there if reference in there and name != reference
    ]
    known = set(map(frozenset, with_reference))
    with_control = [pair for pair in _control_pairs(held_out) if frozenset(pair) not in known]
    others = _compared(held_out, [*with_reference, *with_control])
    count = len(with_reference)
    return Comparisons(
        _compared(held_out, with_mean),
        others.iloc[:count].reset_index(drop=True),
        others.iloc[count:].reset_index(drop=True),
    )


def _control_pairs(held_out: Predictions) -> list[Pair]:
    return [
        (arm.matches, arm.name)
        for arm in held_out.arms
        if arm.kind == "control" and arm.matches and {arm.matches, arm.name} <= set(held_out.there)
    ]


def _compared(held_out: Predictions, pairs: list[Pair]) -> pd.DataFrame:
    """Compare pairs of arms, their p-values corrected for their number."""
    found = [statistics.compare(held_out, *pair) for pair in pairs]
    p_holm = resampling.holm([difference.estimate.p for difference in found])
    rows = [
        _row(held_out, pair, difference, float(corrected))
        for pair, difference, corrected in zip(pairs, found, p_holm, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(held_out: Predictions, pair: Pair, found: Difference, p_holm: float) -> dict[str, Any]:
    (arm, reference), (estimate, table, _) = pair, found
    low, high = resampling.bootstrap_interval(table)
    said = verdicts.verdict(
        arm,
        MEAN_AGE if reference == BASELINE else reference,
        estimate,
        p_holm,
        withheld=no_verdict(held_out, pair, estimate.seeds),
    )
    return {
        "arm": arm,
        "label": held_out.labels[arm],
        "reference": reference,
        "difference_years": estimate.mean,
        "ci_low": estimate.low,
        "ci_high": estimate.high,
        "p": estimate.p,
        "p_holm": p_holm,
        "p_flip": resampling.sign_flip_p(table.mean(axis=0)) if table.size else np.nan,
        "boot_low": low,
        "boot_high": high,
        "detectable_years": detectable_years(estimate),
        "n_subjects": estimate.people,
        "n_seeds": estimate.seeds,
        "verdict": said.kind,
        "words": said.words + _spread_words(pair, found),
    }


def no_verdict(held_out: Predictions, arms: Iterable[str], seeds: int) -> str:
    """Say why some arms may not be judged, however their numbers look; empty where they may.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.
    arms : iterable of str
        The arms.
    seeds : int
        How many seeds they have in common.
    """
    unfinished = [name for name in arms if not held_out.finished(name)]
    if unfinished:
        return f"not all runs of {' and '.join(unfinished)} are finished"
    if held_out.narrowed:
        return "seeds or folds are left out"
    if seeds < 2:
        return "one seed does not tell what training again would give"
    return ""


def _spread_words(pair: Pair, found: Difference) -> str:
    """Say that the seeds of two arms spread unlike each other, where they do."""
    if not found.spreads or not crossed.unlike(*found.spreads):
        return ""
    years = [math.sqrt(spread.mean_square / found.estimate.people) for spread in found.spreads]
    told = " and ".join(f"{sd:.2f} for {arm}" for sd, arm in zip(years, pair, strict=True))
    return f" Their seeds spread unlike each other (standard deviation, years: {told})."
