"""What a comparison of two arms comes to, in a sentence."""

import math
from typing import Literal, NamedTuple

from training.crossed import Estimate
from training.power import ALPHA, more_people, more_seeds

Kind = Literal["better", "worse", "leaning", "open", "unknown"]
#: Above so many more people a number would only look exact.
FAR_TOO_MANY = 10_000


class Verdict(NamedTuple):
    """A comparison in words.

    Parameters
    ----------
    kind : {'better', 'worse', 'leaning', 'open', 'unknown'}
        The arm against its reference. ``leaning``: its own interval leaves out 0, but not after Holm's
        correction for the number of comparisons. ``open``: not distinguishable. ``unknown``: nothing to
        compare yet.
    words : str
        The sentence.
    """

    kind: Kind
    words: str


def verdict(arm: str, reference: str, difference: Estimate, p_corrected: float) -> Verdict:
    """Say how an arm compares with a reference.

    Parameters
    ----------
    arm, reference : str
        As they are called on the screen.
    difference : Estimate
        Error of the arm less that of the reference, years; below 0 the arm is better.
    p_corrected : float
        After Holm's correction.
    """
    if not math.isfinite(difference.p):
        return Verdict("unknown", f"{arm} and {reference} have no runs in common to compare yet.")
    better = difference.mean < 0
    how_much = f"by {abs(difference.mean):.2f} years ({_interval(difference)})"
    if p_corrected <= ALPHA:
        return Verdict(
            "better" if better else "worse",
            f"{arm} is {'better' if better else 'worse'} than {reference} {how_much}{_one_seed(difference)}.",
        )
    if difference.p <= ALPHA:
        return Verdict(
            "leaning",
            f"{arm} looks {'better' if better else 'worse'} than {reference} {how_much}, but among so many "
            f"comparisons that may be chance (p = {p_corrected:.2f} after Holm){_one_seed(difference)}.",
        )
    return Verdict(
        "open",
        f"{arm} and {reference} are not distinguishable with these {difference.people} people "
        f"({_signed(difference)}; below 0 favours {arm}){_one_seed(difference)}; "
        f"{_needed(difference)}.",
    )


def rounded(people: float) -> str:
    """Return a number of people as it can be known: exact below 100, else two digits."""
    if people < 100:
        return f"{people:.0f}"
    unit = 10 ** (math.floor(math.log10(people)) - 1)
    return f"{math.ceil(people / unit) * unit:,}"


def _needed(difference: Estimate) -> str:
    people, seeds = more_people(difference), more_seeds(difference)
    if people == 0:
        # power of 80 %: one study in five of this size misses a difference like this
        return "a few more people or seeds would be needed"
    if people <= FAR_TOO_MANY:
        return f"about {rounded(people)} more would be needed to tell a difference of this size"
    if math.isfinite(people):
        return "the difference is so small that more than 10,000 more would be needed to tell it"
    if math.isfinite(seeds):
        return f"more people alone would not do, about {rounded(seeds)} more seeds would be needed"
    return "both more people and more seeds would be needed to tell a difference of this size"


def _interval(difference: Estimate) -> str:
    """Return the interval of the difference's size, the smaller bound first."""
    bounds = (
        (difference.low, difference.high)
        if difference.mean >= 0
        else (-difference.high, -difference.low)
    )
    return " to ".join(_number(bound) for bound in bounds)


def _signed(difference: Estimate) -> str:
    low, mean, high = (_number(v) for v in (difference.low, difference.mean, difference.high))
    return f"difference {mean} years, {low} to {high}"


def _number(value: float) -> str:
    shown = f"{value:.2f}"
    return "0.00" if float(shown) == 0 else shown.replace("-", "−")


def _one_seed(difference: Estimate) -> str:
    return ", of these trained models alone (one seed)" if difference.seeds == 1 else ""
