"""Comparisons of the arms of a study with the mean age, a reference arm and controls, each with a verdict.

All of them are exploratory, and corrected for their number, but for the primary comparison of a study, which
:mod:`training.results.primary_comparison` judges.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from curation.wording import p_in_words
from training.arms import arm_scans
from training.held_out.predictions import BASELINE, Predictions
from training.results import crossed_effects, resampling, study_summary, verdicts
from training.results.crossed_effects import ALPHA, detectable_years
from training.results.study_summary import Difference
from training.studies import analysis_plan

COMPARISON_COLUMNS = (
    "arm",
    "label",
    "reference",
    "role",
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
        Every arm against its own control, a random sample of the same size that is trained in the same way.

    Notes
    -----
    Columns: ``arm, label, reference`` · ``role``: ``primary`` or ``exploratory`` · ``difference_years``: loss
    of the arm (absolute error, or 1 − AUC) less that of the reference, below 0 is better, with its 95 %
    interval ``ci_low, ci_high`` and two-sided ``p`` (:mod:`training.results.crossed_effects`) · ``p_holm``:
    corrected for the number of comparisons, those with predicting the mean by themselves, all others
    together; NaN of the primary one · ``p_flip``: sign-flip test over people, of these trained models ·
    ``boot_low, boot_high``: hierarchical bootstrap · ``detectable_years``: the true difference that four of
    five such studies would find · ``n_subjects, n_seeds`` · ``verdict, words``, see
    :mod:`training.results.verdicts`.
    """

    mean_age: pd.DataFrame
    reference: pd.DataFrame
    controls: pd.DataFrame


def compare_all(
    held_out: Predictions, reference: str | None, primary: Pair | None = None
) -> Comparisons:
    """Compare the arms of a study.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.
    reference : str or None
        Name of the arm that the others are compared with; with none, or one that has no prediction yet, there
        is no such table.
    primary : tuple of str, optional
        The primary comparison: it is no part of what Holm's method corrects for. What it came to is for
        :mod:`training.results.primary_comparison` to say, so that its row has no verdict of its own.
    """
    there = [name for name in held_out.there if name != BASELINE]
    with_reference, with_control = _pairs(held_out, reference)
    others = _compared(held_out, [*with_reference, *with_control], primary)
    count = len(with_reference)
    return Comparisons(
        _compared(held_out, [(name, BASELINE) for name in there]),
        others.iloc[:count].reset_index(drop=True),
        others.iloc[count:].reset_index(drop=True),
    )


def _pairs(held_out: Predictions, reference: str | None) -> tuple[list[Pair], list[Pair]]:
    """Return the arms with the reference, and those with their own controls that are not among these."""
    there = [name for name in held_out.there if name != BASELINE]
    with_reference = [
        (name, reference) for name in there if reference in there and name != reference
    ]
    compared = set(map(frozenset, with_reference))
    own = [(arm.name, control.name) for arm, control in analysis_plan.with_controls(held_out.arms)]
    return with_reference, [
        pair for pair in own if {*pair} <= {*there} and frozenset(pair) not in compared
    ]


def beside(held_out: Predictions, pair: Pair, primary: Pair | None = None) -> dict[str, Any]:
    """Return one exploratory comparison as a row of :func:`compare_all`, whatever the tables hold.

    It is corrected for the number of comparisons with the reference of the report, and for itself where it is
    none of these; so a comparison that stands there has the same verdict here.
    """
    reference = study_summary.default_reference(held_out, primary)
    family = [one for part in _pairs(held_out, reference) for one in part]
    family = [one for one in family if primary is None or {*one} != {*primary}]
    if not any({*one} == {*pair} for one in family):
        family.append(pair)
    p = [study_summary.compare(held_out, *one).estimate.p for one in family]
    (place,) = (at for at, one in enumerate(family) if {*one} == {*pair})
    corrected = float(resampling.holm(p)[place])
    return _row(held_out, pair, study_summary.compare(held_out, *pair), corrected, is_primary=False)


def learned(held_out: Predictions) -> list[str]:
    """Return the arms that are shown, after Holm's correction, to predict age better than the mean age."""
    there = [name for name in held_out.there if name != BASELINE]
    found = [study_summary.compare(held_out, name, BASELINE).estimate for name in there]
    p_holm = resampling.holm([one.p for one in found])
    return [
        name
        for name, one, p in zip(there, found, p_holm, strict=True)
        if p <= ALPHA and one.mean < 0
    ]


def untested(held_out: Predictions) -> list[str]:
    """Return the arms that err less than the mean age does, by a difference of which there is no test."""
    found = {
        name: study_summary.compare(held_out, name, BASELINE).estimate
        for name in held_out.there
        if name != BASELINE
    }
    return [name for name, one in found.items() if one.no_variance and one.mean < 0]


def _compared(
    held_out: Predictions, pairs: list[Pair], primary: Pair | None = None
) -> pd.DataFrame:
    """Compare pairs of arms, their p-values corrected for their number, but for the primary one's."""
    found = [study_summary.compare(held_out, *pair) for pair in pairs]
    apart = np.array([primary is not None and set(pair) == set(primary) for pair in pairs], bool)
    p = np.array([difference.estimate.p for difference in found], dtype=float)
    p_holm = resampling.holm(np.where(apart, np.nan, p))
    rows = [
        _row(held_out, pair, difference, float(corrected), is_primary=bool(alone))
        for pair, difference, corrected, alone in zip(pairs, found, p_holm, apart, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def called(held_out: Predictions, name: str) -> str:
    """Return an arm in the words that headlines have; of two with the same words, each with its name."""
    arm = held_out.arm(name)
    if arm is None:
        return held_out.outcome.no_model
    words = arm_scans.what_of(arm)
    several = sum(arm_scans.what_of(one) == words for one in held_out.arms) > 1
    return f"{words} ({name})" if several else words


def as_sentence(said: verdicts.Verdict) -> verdicts.Verdict:
    """Return a verdict whose sentence, which may begin with an arm in words, begins with a capital."""
    return said._replace(words=said.words[:1].upper() + said.words[1:])


def _row(
    held_out: Predictions, pair: Pair, found: Difference, p_holm: float, *, is_primary: bool
) -> dict[str, Any]:
    (arm, reference), (estimate, table, _) = pair, found
    low, high = study_summary.bootstrap(estimate, table)
    withheld = no_verdict(held_out, pair, estimate.seeds)
    judgement = verdicts.exploratory(
        called(held_out, arm),
        called(held_out, reference),
        estimate,
        p_holm,
        withheld="it is the primary comparison, judged by itself" if is_primary else withheld,
        judged=held_out.outcome,
    )
    judgement = as_sentence(_with_draw(held_out, pair, found, judgement))
    return {
        "arm": arm,
        "label": held_out.labels[arm],
        "reference": reference,
        "role": "primary" if is_primary else "exploratory",
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
        "words": judgement.words + _spread_words(held_out, pair, found),
    }


def draw_words(held_out: Predictions, pair: Pair, said: verdicts.Verdict) -> str:
    """Say what a verdict on an arm and its own control counts besides people and seeds; else nothing."""
    control = analysis_plan.own_control(held_out.arms, pair)
    if control is None or said.outcome in ("withheld", "unknown"):
        return ""
    (arm,) = (called(held_out, name) for name in {*pair} - {control.name})
    if control.apart:
        return (
            f" The scans of {arm} are taken as given: another split of the pool may say otherwise."
        )
    return f" Of {arm} these scans count as one draw, as each draw of its control does."


def _with_draw(
    held_out: Predictions, pair: Pair, found: Difference, said: verdicts.Verdict
) -> verdicts.Verdict:
    """Return an exploratory verdict with :func:`draw_words`; *leaning* where it is open by the draw alone."""
    counted, judged = draw_words(held_out, pair, said), held_out.outcome
    given = found.as_given if counted and said.outcome == "open" else None
    if given is None or given.p > ALPHA:
        return said._replace(words=said.words + counted)
    seen, control = found.estimate, analysis_plan.own_control(held_out.arms, pair)
    arm, reference = (called(held_out, name) for name in pair)
    drawn = reference if control and control.name == pair[0] else arm
    which = "better" if given.mean < 0 else "worse"
    words = (
        f"With these very scans of {drawn}, {arm} looks {which} than {reference}: "
        f"{verdicts.signed_words(given, arm, judged)}. With other scans like these, as each draw of a "
        f"control is another, the two are not told apart: the interval is {judged.span(seen.low, seen.high)} "
        f"({p_in_words(seen.p)}), and that one is drawn in plots and stands in tables."
    )
    return verdicts.Verdict("leaning", words)


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


def _spread_words(held_out: Predictions, pair: Pair, found: Difference) -> str:
    """Return a remark where the seeds of two arms have different variances; else empty."""
    if not found.spreads or not crossed_effects.unlike(*found.spreads):
        return ""
    judged = held_out.outcome
    sizes = [math.sqrt(spread.mean_square / found.estimate.people) for spread in found.spreads]
    listed = " and ".join(
        f"{sd:.{judged.digits}f} for {called(held_out, arm)}"
        for sd, arm in zip(sizes, pair, strict=True)
    )
    unit = "AUC" if judged.two_valued else judged.unit or judged.name
    return f" Their seeds spread unlike each other (standard deviation, {unit}: {listed})."
