"""Verdicts on a comparison of two arms: an outcome with its sentence.

An *exploratory* verdict rests on the test of :mod:`training.results.crossed_effects` after Holm's correction.
A *confirmatory* one is of the one primary comparison that a study declared when it was planned; it knows a
margin, and so can say that a difference does not matter.
"""

import math
from typing import Literal, NamedTuple

from scipy.special import stdtr, stdtrit

from curation.wording import p_in_words
from training.arms import arm_scans
from training.arms.study_arms import Arm
from training.judging.outcome import AGE
from training.judging.outcome import Outcome as Judged
from training.results.crossed_effects import ALPHA, NO_VARIANCE, Estimate, detectable_years
from training.studies.analysis_plan import AnalysisPlan

Outcome = Literal[
    "better", "worse", "equivalent", "not worse", "leaning", "open", "withheld", "unknown"
]


class Verdict(NamedTuple):
    """Outcome of a comparison, with its sentence.

    Parameters
    ----------
    outcome : str
        The arm against its reference. ``better``, ``worse``: told apart. ``equivalent``: apart by less than
        the margin either way. ``not worse``: at least not worse by the margin. ``leaning``: its own interval
        leaves out 0, but not after Holm's correction, or with its draw counted. ``withheld``: nothing may be
        concluded from what is there. ``unknown``: nothing to compare yet. ``open``: unresolved.
        ``equivalent`` and ``not worse`` are of a primary comparison, ``leaning`` of the others.
    words : str
        The sentence.
    """

    outcome: Outcome
    words: str


# ---- exploratory -----------------------------------------------------------------------------------


def exploratory(
    arm: str,
    reference: str,
    difference: Estimate,
    p_corrected: float,
    *,
    withheld: str = "",
    judged: Judged = AGE,
) -> Verdict:
    """Return the exploratory verdict on an arm against a reference.

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
    if none := _none(arm, reference, difference, withheld, judged):
        return none
    how_much = f"by {judged.amount(abs(difference.mean))} ({size_words(difference, judged)})"
    which: Literal["better", "worse"] = "better" if difference.mean < 0 else "worse"
    if p_corrected <= ALPHA:
        return Verdict(which, f"{arm} is {which} than {reference} {how_much}.")
    if difference.p <= ALPHA:
        return Verdict(
            "leaning",
            f"{arm} looks {which} than {reference} {how_much}, but among so many comparisons that "
            f"may be chance (p = {p_corrected:.2f} after Holm).",
        )
    return Verdict(
        "open",
        f"{arm} against {reference} is unresolved with these {rests_on(difference)} "
        f"({signed_words(difference, arm, judged)}); tested alone, "
        f"{judged.amount(detectable_years(difference), judged.coarse_digits)} or more would be found in four "
        "of five such studies.",
    )


def _none(
    arm: str, reference: str, difference: Estimate, withheld: str, judged: Judged
) -> Verdict | None:
    """Return the verdict where there can be none; else nothing."""
    if difference.no_variance:
        withheld = NO_VARIANCE
    elif not math.isfinite(difference.p):
        return Verdict("unknown", f"{arm} and {reference} have no runs in common to compare yet.")
    if withheld:
        words = f"{arm} and {reference}: {signed_words(difference, arm, judged)}. No verdict: {withheld}."
        return Verdict("withheld", words)
    return None


def rests_on(difference: Estimate) -> str:
    """Return the numbers of people and seeds of a comparison in words."""
    return f"{difference.people} people and {difference.seeds} seeds"


# ---- confirmatory ----------------------------------------------------------------------------------


class MarginTests(NamedTuple):
    """One-sided tests of a difference against 0 and against a margin, and the interval that they amount to.

    Parameters
    ----------
    low, high : float
        The 90 % interval: what leaves it is refuted by a one-sided test at 5 %.
    p_better, p_worse : float
        One-sided p-values of a difference not below 0, and not above 0.
    p_not_worse : float
        One-sided p-value of a difference of the margin or more.
    p_equivalent : float
        The larger of the p-values of two one-sided tests: of the margin or more either way.
    """

    low: float
    high: float
    p_better: float
    p_worse: float
    p_not_worse: float
    p_equivalent: float


def margin_tests(difference: Estimate, margin_years: float) -> MarginTests:
    """Test a difference one-sidedly against 0 and against a margin either way.

    Notes
    -----
    Two one-sided tests at 5 % each (TOST: Schuirmann 1987) call two arms equivalent where the 90 % interval
    lies between −margin and margin. Student's t with the standard error and degrees of freedom of the
    estimate.
    """
    mean, se, df = difference.mean, difference.se, difference.df
    half = float(stdtrit(df, 1 - ALPHA)) * se
    too_bad, too_good = _below(mean, margin_years, se, df), _below(-mean, margin_years, se, df)
    return MarginTests(
        mean - half,
        mean + half,
        _below(mean, 0.0, se, df),
        _below(-mean, 0.0, se, df),
        too_bad,
        max(too_bad, too_good),
    )


def _below(mean: float, bound: float, se: float, df: float) -> float:
    """Return the one-sided p-value of a mean that is not below a bound."""
    if se == 0:
        return 0.0 if mean < bound else 1.0
    return float(stdtr(df, (mean - bound) / se))


def confirmatory(
    plan: AnalysisPlan,
    difference: Estimate,
    *,
    called: tuple[str, str] | None = None,
    meaning: str = "",
    withheld: str = "",
) -> Verdict:
    """Return the verdict on the primary comparison of a study.

    Parameters
    ----------
    plan : AnalysisPlan
        With a primary comparison.
    difference : Estimate
        Loss of its arm less that of its reference, in the unit of the plan's outcome.
    called : tuple of str, optional
        The two as they are called on the screen; by default their names.
    meaning : str
        What is done by taking the arm instead of the reference, such as ``leaving out tier C``.
    withheld : str
        Reason why there is no verdict whatever the numbers are; empty where there may be one.

    Notes
    -----
    Two-sided: *better* or *worse* where the 95 % interval leaves out 0; else *equivalent* where the 90 %
    interval lies within the margin; else *not worse* where it lies below the margin; else unresolved.
    One-sided: *better* where the 90 % interval lies below 0; else *not worse*; else unresolved. Whatever the
    true difference is, one of these claims at most can be wrong, so that none is corrected for the others
    (Goeman, Solari & Stijnen 2010).
    """
    arm, reference = called or plan.pair
    if none := _none(arm, reference, difference, withheld, plan.outcome):
        return none
    tests = margin_tests(difference, plan.margin_years)
    judge = _one_sided if plan.one_sided else _two_sided
    return judge(_Pair(plan, meaning, arm, reference), difference, tests)


class _Pair(NamedTuple):
    plan: AnalysisPlan
    meaning: str
    arm: str
    reference: str

    @property
    def margin(self) -> str:
        """The margin with its unit."""
        return self.plan.margin_words

    @property
    def judged(self) -> Judged:
        """What is predicted."""
        return self.plan.outcome

    @property
    def begins(self) -> str:
        """The meaning as the beginning of a sentence."""
        meaning = self.meaning or f"taking {self.arm} instead of {self.reference}"
        return meaning[0].upper() + meaning[1:]


def _two_sided(pair: _Pair, seen: Estimate, tests: MarginTests) -> Verdict:
    if seen.p <= ALPHA:
        which: Literal["better", "worse"] = "better" if seen.mean < 0 else "worse"
        words = (
            f"{pair.arm} is {which} than {pair.reference} by {pair.judged.amount(abs(seen.mean))} (95 % "
            f"interval {size_words(seen, pair.judged)}, {p_in_words(seen.p)})."
        )
        return Verdict(which, words + _too_small(pair, tests))
    if tests.p_equivalent <= ALPHA:
        return Verdict(
            "equivalent",
            f"{pair.begins} makes no difference that matters: {pair.arm} and {pair.reference} are equivalent "
            f"within the margin of {pair.margin} (difference {pair.judged.signed(seen.mean)}, 90 % interval "
            f"{pair.judged.span(tests.low, tests.high)}, {p_in_words(tests.p_equivalent)}).",
        )
    if tests.p_not_worse <= ALPHA:
        return _not_worse(pair, seen, tests)
    return Verdict(
        "open",
        f"{pair.arm} against {pair.reference} is unresolved: the difference of "
        f"{pair.judged.signed_amount(seen.mean)} (95 % interval {pair.judged.span(seen.low, seen.high)}; "
        f"{pair.judged.favours} favours {pair.arm}) is compatible with none, and with harm "
        f"{'as well as benefit ' * bool(tests.low < -pair.plan.margin_years)}beyond the margin of "
        f"{pair.margin}. {_found(pair, seen)}",
    )


def _one_sided(pair: _Pair, seen: Estimate, tests: MarginTests) -> Verdict:
    if tests.p_better <= ALPHA:
        words = (
            f"{pair.arm} is better than {pair.reference} by {pair.judged.amount(abs(seen.mean))}, by "
            f"{pair.judged.number(-tests.high)} at least (one-sided, 95 %, {p_in_words(tests.p_better)})."
        )
        return Verdict("better", words + _too_small(pair, tests))
    if tests.p_not_worse <= ALPHA:
        return _not_worse(pair, seen, tests)
    looks = " It looks worse, which a one-sided plan does not ask." * (tests.p_worse <= ALPHA)
    return Verdict(
        "open",
        f"{pair.arm} against {pair.reference} is unresolved: shown to be neither better nor not worse by the "
        f"margin of {pair.margin} (difference {pair.judged.signed_amount(seen.mean)}, "
        f"{at_most(pair.judged, tests)}, one-sided 95 %; {pair.judged.favours} favours {pair.arm}).{looks} "
        f"{_found(pair, seen)}",
    )


def _too_small(pair: _Pair, tests: MarginTests) -> str:
    """Return a remark where a difference that was shown is also shown to be within the margin; else empty."""
    if tests.p_equivalent > ALPHA:
        return ""
    return (
        f" It is within the margin of {pair.margin} all the same (90 % interval "
        f"{pair.judged.span(tests.low, tests.high)}): there, and too small to matter."
    )


def _not_worse(pair: _Pair, seen: Estimate, tests: MarginTests) -> Verdict:
    return Verdict(
        "not worse",
        f"{pair.begins} does no harm that matters: {pair.arm} is not worse than {pair.reference} by the "
        f"margin of {pair.margin} (difference {pair.judged.signed(seen.mean)}, "
        f"{at_most(pair.judged, tests)}, one-sided 95 %, {p_in_words(tests.p_not_worse)}). Whether it is "
        "better is not resolved.",
    )


def _found(pair: _Pair, seen: Estimate) -> str:
    years = detectable_years(seen, sides=1 if pair.plan.one_sided else 2)
    size = pair.judged.amount(years, pair.judged.coarse_digits)
    return (
        f"With these {rests_on(seen)}, {size} or more would be found in four of five such studies."
    )


def told_apart(
    judged: Judged, arm: Arm, reference: Arm, seen: Estimate, *, bounds: str = ""
) -> str:
    """Return that one arm does better or worse than another, as people may repeat it.

    Parameters
    ----------
    judged : Outcome
        What is predicted.
    arm, reference, seen
        The two, and the loss of the first less that of the second.
    bounds : str
        What stands in brackets instead of the interval of the size.
    """
    size, bounds = abs(seen.mean), bounds or size_words(seen, judged)
    ours, theirs = map(arm_scans.pretrained, (arm, reference))
    ours = ours[0].upper() + ours[1:]
    if judged.two_valued:
        which = "higher" if seen.mean < 0 else "lower"
        return f"{ours}, the {judged.judged_by} is {judged.number(size)} {which} ({bounds}) than {theirs}"
    which = "less" if seen.mean < 0 else "more"
    return f"{ours}, the model errs {judged.amount(size)} {which} in {judged.name} ({bounds}) than {theirs}"


# ---- numbers in words --------------------------------------------------------------------------------


def size_words(difference: Estimate, judged: Judged) -> str:
    """Return the interval of the difference's size, the smaller bound first."""
    bounds = (difference.low, difference.high)
    if difference.mean < 0:
        bounds = (-difference.high, -difference.low)
    return " to ".join(judged.number(bound) for bound in bounds)


def signed_words(difference: Estimate, arm: str, judged: Judged) -> str:
    """Return a difference with its interval, signed as in plots, and which side favours the arm."""
    return (
        f"difference {judged.signed_amount(difference.mean)}, "
        f"{judged.span(difference.low, difference.high)}; {judged.favours} favours {arm}"
    )


def at_most(judged: Judged, tests: MarginTests) -> str:
    """Return the one-sided bound of a difference: of AUCs, which are better above 0, a lower one."""
    which = "at least" if judged.higher_is_better else "at most"
    return f"{which} {judged.signed(tests.high)}"
