"""What a comparison of two arms comes to, in a sentence."""

import math
from typing import Literal, NamedTuple

from training.crossed import Estimate
from training.power import ALPHA, detectable_years

Kind = Literal["better", "worse", "leaning", "open", "withheld", "unknown"]


class Verdict(NamedTuple):
    """A comparison in words.

    Parameters
    ----------
    kind : {'better', 'worse', 'leaning', 'open', 'withheld', 'unknown'}
        The arm against its reference. ``leaning``: its own interval leaves out 0, but not after Holm's
        correction for the number of comparisons. ``open``: not distinguishable. ``withheld``: nothing may be
        concluded from what is there. ``unknown``: nothing to compare yet.
    words : str
        The sentence.
    """

    kind: Kind
    words: str


def verdict(
    arm: str, reference: str, difference: Estimate, p_corrected: float, *, withheld: str = ""
) -> Verdict:
    """Say how an arm compares with a reference.

    Parameters
    ----------
    arm, reference : str
        As they are called on the screen.
    difference : Estimate
        Error of the arm less that of the reference, years; below 0 the arm is better.
    p_corrected : float
        After Holm's correction.
    withheld : str
        Why there is no verdict whatever the numbers say; empty where there may be one.
    """
    if not math.isfinite(difference.p):
        words = f"{arm} and {reference} have no runs in common to compare yet."
        return Verdict("unknown", words)
    if withheld:
        words = f"{arm} and {reference}: {_signed(difference, arm)}. No verdict: {withheld}."
        return Verdict("withheld", words)
    better = difference.mean < 0
    how_much = f"by {abs(difference.mean):.2f} years ({_interval(difference)})"
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
        f"({_signed(difference, arm)}); {detectable_years(difference):.1f} years or more would be found in "
        "four of five such studies.",
    )


def rests_on(difference: Estimate) -> str:
    """Return the people and seeds that a comparison rests on."""
    return f"{difference.people} people and {difference.seeds} seeds"


def _interval(difference: Estimate) -> str:
    """Return the interval of the difference's size, the smaller bound first."""
    bounds = (
        (difference.low, difference.high)
        if difference.mean >= 0
        else (-difference.high, -difference.low)
    )
    return " to ".join(_number(bound) for bound in bounds)


def _signed(difference: Estimate, arm: str) -> str:
    low, mean, high = (_number(v) for v in (difference.low, difference.mean, difference.high))
    return f"difference {mean} years, {low} to {high}; below 0 favours {arm}"


def _number(value: float) -> str:
    shown = f"{value:.2f}"
    return "0.00" if float(shown) == 0 else shown.replace("-", "−")
