"""Comparisons of the arms of a study with the mean age, a reference arm and controls, each with a verdict.

A verdict is an outcome with its sentence: the test of :mod:`training.results.crossed_effects` after Holm's
correction, or the reason why nothing may be concluded yet.
"""

import math
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from training.judging.outcome import AGE
from training.judging.outcome import Outcome as Judged
from training.results import crossed_effects, resampling, study_summary
from training.results.crossed_effects import ALPHA, Estimate, detectable_years
from training.results.predictions import BASELINE, Predictions
from training.results.study_summary import Difference

Outcome = Literal["better", "worse", "leaning", "open", "withheld", "unknown"]


class Verdict(NamedTuple):
    """Outcome of a comparison, with its sentence.

    Parameters
    ----------
    outcome : {'better', 'worse', 'leaning', 'open', 'withheld', 'unknown'}
        The arm against its reference. ``leaning``: its own interval leaves out 0, but not after Holm's
        correction for the number of comparisons. ``open``: not distinguishable. ``withheld``: nothing may be
        concluded from what is there. ``unknown``: nothing to compare yet.
    words : str
        The sentence.
    """

    outcome: Outcome
    words: str


def verdict(
    arm: str,
    reference: str,
    difference: Estimate,
    p_corrected: float,
    *,
    withheld: str = "",
    judged: Judged = AGE,
) -> Verdict:
    """Return the verdict on an arm against a reference.

    Parameters
    ----------
    arm, reference : str
        As they are called on the screen.
    difference : Estimate
        Loss of the arm less that of the reference; below 0 the arm is better.
    p_corrected : float
        After Holm's correction.
    withheld : str
        Reason why there is no verdict whatever the numbers are; empty where there may be one.
    judged : Outcome
        What is predicted: its unit, and how differences are shown.
    """
    if not math.isfinite(difference.p):
        words = f"{arm} and {reference} have no runs in common to compare yet."
        return Verdict("unknown", words)
    if withheld:
        words = (
            f"{arm} and {reference}: {_signed(difference, arm, judged)}. No verdict: {withheld}."
        )
        return Verdict("withheld", words)
    better = difference.mean < 0
    how_much = f"by {judged.amount(abs(difference.mean))} ({_interval(difference, judged)})"
    which = "better" if better else "worse"
    if p_corrected <= ALPHA:
        words = f"{arm} is {which} than {reference} {how_much}."
        return Verdict("better" if better else "worse", words)
    if difference.p <= ALPHA:
        return Verdict(
            "leaning",
            f"{arm} looks {which} than {reference} {how_much}, but among so many comparisons that "
            f"may be chance (p = {p_corrected:.2f} after Holm).",
        )
    return Verdict(
        "open",
        f"{arm} and {reference} are not distinguishable with these {rests_on(difference)} "
        f"({_signed(difference, arm, judged)}); "
        f"{judged.amount(detectable_years(difference), judged.coarse_digits)} or more would be found in "
        "four of five such studies.",
    )


def rests_on(difference: Estimate) -> str:
    """Return the numbers of people and seeds of a comparison in words."""
    return f"{difference.people} people and {difference.seeds} seeds"


def _interval(difference: Estimate, judged: Judged) -> str:
    """Return the interval of the difference's size, the smaller bound first."""
    bounds = (
        (difference.low, difference.high)
        if difference.mean >= 0
        else (-difference.high, -difference.low)
    )
    return " to ".join(judged.number(bound) for bound in bounds)


def _signed(difference: Estimate, arm: str, judged: Judged) -> str:
    bounds = (difference.low, difference.mean, difference.high)
    low, mean, high = bounds if not judged.higher_is_better else (-bound for bound in bounds[::-1])
    span = f"{judged.number(low)} to {judged.number(high)}"
    return f"difference {judged.amount(mean)}, {span}; {judged.favours} favours {arm}"


COMPARISON_COLUMNS = (
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
    Columns: ``arm, label, reference`` · ``difference_years``: loss of the arm (absolute error, or 1 − AUC)
    less that of the reference, below 0 is better, with its 95 % interval ``ci_low, ci_high`` and two-sided
    ``p`` (:mod:`training.results.crossed_effects`) · ``p_holm``: corrected for the number of comparisons,
    those with predicting the mean by themselves, all others together · ``p_flip``: sign-flip test over
    people, of these trained models · ``boot_low, boot_high``: hierarchical bootstrap ·
    ``detectable_years``: the true difference that four of five such studies would find · ``n_subjects,
    n_seeds`` · ``verdict, words``, see :mod:`training.results.comparisons`.
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
    compared = set(map(frozenset, with_reference))
    with_control = [pair for pair in _control_pairs(held_out) if frozenset(pair) not in compared]
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
    found = [study_summary.compare(held_out, *pair) for pair in pairs]
    p_holm = resampling.holm([difference.estimate.p for difference in found])
    rows = [
        _row(held_out, pair, difference, float(corrected))
        for pair, difference, corrected in zip(pairs, found, p_holm, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def _row(held_out: Predictions, pair: Pair, found: Difference, p_holm: float) -> dict[str, Any]:
    (arm, reference), (estimate, table, _) = pair, found
    low, high = resampling.bootstrap_interval(table)
    judgement = verdict(
        arm,
        held_out.outcome.no_model if reference == BASELINE else reference,
        estimate,
        p_holm,
        judged=held_out.outcome,
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
        "verdict": judgement.outcome,
        "words": judgement.words + _spread_words(pair, found, held_out.outcome),
    }


def no_verdict(held_out: Predictions, arms: Iterable[str], seeds: int) -> str:
    """Return the reason why there is no verdict on some arms, whatever their numbers; empty for none.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.
    arms : iterable of str
        The arms.
    seeds : int
        Number of seeds they have in common.
    """
    unfinished = [name for name in arms if not held_out.finished(name)]
    if unfinished:
        return f"not all runs of {' and '.join(unfinished)} are finished"
    if held_out.narrowed:
        return "seeds or folds are left out"
    if seeds < 2:
        return "one seed does not tell what training again would give"
    return ""


def _spread_words(pair: Pair, found: Difference, judged: Judged) -> str:
    """Return a remark where the seeds of two arms have different variances; else empty."""
    if not found.spreads or not crossed_effects.unlike(*found.spreads):
        return ""
    sizes = [math.sqrt(spread.mean_square / found.estimate.people) for spread in found.spreads]
    listed = " and ".join(
        f"{sd:.{judged.digits}f} for {arm}" for sd, arm in zip(sizes, pair, strict=True)
    )
    unit = "AUC" if judged.two_valued else judged.unit or judged.name
    return f" Their seeds spread unlike each other (standard deviation, {unit}: {listed})."
