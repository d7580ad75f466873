"""Verdicts on a comparison of two arms: an outcome with its sentence.

An *exploratory* verdict rests on the test of :mod:`training.results.crossed_effects` after Holm's correction.
A *confirmatory* one is of the one primary comparison that a study declared when it was planned; it knows a
margin, and so can say that a difference does not matter.
"""

import math
from typing import Literal, NamedTuple

from scipy.special import stdtr, stdtrit

from training.results.crossed_effects import ALPHA, Estimate, detectable_years
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
        leaves out 0, but not after Holm's correction for the number of comparisons. ``open``: unresolved.
        ``withheld``: nothing may be concluded from what is there. ``unknown``: nothing to compare yet.
        ``equivalent`` and ``not worse`` are of a primary comparison, ``leaning`` of the others.
    words : str
        The sentence.
    """

    outcome: Outcome
    words: str


# ---- exploratory -----------------------------------------------------------------------------------


def exploratory(
    arm: str, reference: str, difference: Estimate, p_corrected: float, *, withheld: str = ""
) -> Verdict:
    """Return the exploratory verdict on an arm against a reference.

    Parameters
    ----------
    arm, reference : str
        As they are called on the screen.
    difference : Estimate
        Error of the arm less that of the reference, years; below 0 the arm is better.
    p_corrected : float
        After Holm's correction.
    withheld : str
        Reason why there is no verdict whatever the numbers are; empty where there may be one.
    """
    if none := _none(arm, reference, difference, withheld):
        return none
    better = difference.mean < 0
    how_much = f"by {abs(difference.mean):.2f} years ({_size(difference)})"
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
        f"{arm} against {reference} is unresolved with these {rests_on(difference)} "
        f"({_signed(difference, arm)}); {detectable_years(difference):.1f} years or more would be found in "
        "four of five such studies.",
    )


def _none(arm: str, reference: str, difference: Estimate, withheld: str) -> Verdict | None:
    """Return the verdict where there can be none; else nothing."""
    if not math.isfinite(difference.p):
        words = f"{arm} and {reference} have no runs in common to compare yet."
        return Verdict("unknown", words)
    if withheld:
        words = f"{arm} and {reference}: {_signed(difference, arm)}. No verdict: {withheld}."
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
    plan: AnalysisPlan, difference: Estimate, *, meaning: str = "", withheld: str = ""
) -> Verdict:
    """Return the verdict on the primary comparison of a study.

    Parameters
    ----------
    plan : AnalysisPlan
        With a primary comparison.
    difference : Estimate
        Error of its arm less that of its reference, years.
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
    arm, reference = plan.pair
    if none := _none(arm, reference, difference, withheld):
        return none
    tests = margin_tests(difference, plan.margin_years)
    judge = _one_sided if plan.one_sided else _two_sided
    return judge(_Pair(arm, reference, plan.margin_years, meaning), difference, tests)


class _Pair(NamedTuple):
    arm: str
    reference: str
    margin: float
    meaning: str

    @property
    def begins(self) -> str:
        """The meaning as the beginning of a sentence."""
        meaning = self.meaning or f"taking {self.arm} instead of {self.reference}"
        return meaning[0].upper() + meaning[1:]


def _two_sided(pair: _Pair, seen: Estimate, tests: MarginTests) -> Verdict:
    if seen.p <= ALPHA:
        which: Literal["better", "worse"] = "better" if seen.mean < 0 else "worse"
        words = (
            f"{pair.arm} is {which} than {pair.reference} by {abs(seen.mean):.2f} years (95 % interval "
            f"{_size(seen)}, {_p(seen.p)})."
        )
        return Verdict(which, words + _too_small(pair, tests))
    if tests.p_equivalent <= ALPHA:
        return Verdict(
            "equivalent",
            f"{pair.begins} makes no difference that matters: {pair.arm} and {pair.reference} are equivalent "
            f"within the margin of {pair.margin:g} years (difference {_number(seen.mean)}, 90 % interval "
            f"{_span(tests.low, tests.high)}, {_p(tests.p_equivalent)}).",
        )
    if tests.p_not_worse <= ALPHA:
        return _not_worse(pair, seen, tests)
    found = detectable_years(seen)
    return Verdict(
        "open",
        f"{pair.arm} against {pair.reference} is unresolved: the difference of {_number(seen.mean)} years "
        f"(95 % interval {_span(seen.low, seen.high)}; below 0 favours {pair.arm}) is compatible with none, "
        f"and with harm beyond the margin of {pair.margin:g} years. {_found(seen, found)}",
    )


def _one_sided(pair: _Pair, seen: Estimate, tests: MarginTests) -> Verdict:
    if tests.p_better <= ALPHA:
        words = (
            f"{pair.arm} is better than {pair.reference} by {abs(seen.mean):.2f} years, by "
            f"{_number(-tests.high)} at least (one-sided, 95 %, {_p(tests.p_better)})."
        )
        return Verdict("better", words + _too_small(pair, tests))
    if tests.p_not_worse <= ALPHA:
        return _not_worse(pair, seen, tests)
    looks = " It looks worse, which a one-sided plan does not ask." * (tests.p_worse <= ALPHA)
    found = detectable_years(seen, sides=1)
    return Verdict(
        "open",
        f"{pair.arm} against {pair.reference} is unresolved: shown to be neither better nor not worse by the "
        f"margin of {pair.margin:g} years (difference {_number(seen.mean)} years, at most "
        f"{_number(tests.high)}, one-sided 95 %; below 0 favours {pair.arm}).{looks} {_found(seen, found)}",
    )


def _too_small(pair: _Pair, tests: MarginTests) -> str:
    """Return a remark where a difference that was shown is also shown to be within the margin; else empty."""
    if tests.p_equivalent > ALPHA:
        return ""
    return (
        f" It is within the margin of {pair.margin:g} years all the same (90 % interval "
        f"{_span(tests.low, tests.high)}): there, and too small to matter."
    )


def _not_worse(pair: _Pair, seen: Estimate, tests: MarginTests) -> Verdict:
    return Verdict(
        "not worse",
        f"{pair.begins} does no harm that matters: {pair.arm} is not worse than {pair.reference} by the "
        f"margin of {pair.margin:g} years (difference {_number(seen.mean)}, at most {_number(tests.high)}, "
        f"one-sided 95 %, {_p(tests.p_not_worse)}). Whether it is better is not resolved.",
    )


def _found(seen: Estimate, years: float) -> str:
    return (
        f"With these {rests_on(seen)}, {years:.1f} years or more would be found in four of five such "
        "studies."
    )


def headline(plan: AnalysisPlan, seen: Estimate, said: Verdict, *, meaning: str = "") -> str:
    """Return a confirmatory verdict as a headline: shorter than its sentence, and without a full stop."""
    arm, reference = plan.pair
    pair = _Pair(arm, reference, plan.margin_years, meaning)
    tests = margin_tests(seen, plan.margin_years)
    if said.outcome in ("better", "worse"):
        small = f", within the margin of {pair.margin:g}" * (tests.p_equivalent <= ALPHA)
        size = f"{abs(seen.mean):.2f} years ({_size(seen)})"
        return f"{arm} is {said.outcome} than {reference} by {size}{small}"
    if said.outcome == "equivalent":
        return (
            f"{pair.begins} makes no difference that matters: {arm} and {reference} are equivalent within "
            f"{pair.margin:g} years ({_span(tests.low, tests.high)}, 90 %)"
        )
    if said.outcome == "not worse":
        return (
            f"{pair.begins} does no harm that matters: {arm} is not worse than {reference} by "
            f"{pair.margin:g} years (at most {_number(tests.high)})"
        )
    if said.outcome == "open":
        return (
            f"{arm} against {reference} is unresolved: {_number(seen.mean)} years "
            f"({_span(seen.low, seen.high)}), margin {pair.margin:g}"
        )
    return f"Primary comparison: {said.words.rstrip('.')}"


# ---- numbers in words --------------------------------------------------------------------------------


def _size(difference: Estimate) -> str:
    """Return the interval of the difference's size, the smaller bound first."""
    if difference.mean >= 0:
        return _span(difference.low, difference.high)
    return _span(-difference.high, -difference.low)


def _signed(difference: Estimate, arm: str) -> str:
    return (
        f"difference {_number(difference.mean)} years, {_span(difference.low, difference.high)}; below 0 "
        f"favours {arm}"
    )


def _span(low: float, high: float) -> str:
    return f"{_number(low)} to {_number(high)}"


def _number(value: float) -> str:
    shown = f"{value:.2f}"
    return "0.00" if float(shown) == 0 else shown.replace("-", "−")


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
