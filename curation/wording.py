"""Numbers, counts and time spans in words, the same on the screen, on a terminal and in reports."""

import math
from collections.abc import Sequence

#: Shares of fewer are told as counts: of per cent that add up to 100 one sees which was rounded up.
FEWEST_FOR_PERCENT = 50


def duration(seconds: float) -> str:
    """Return a time span, in seconds, in the words of a clock.

    Examples
    --------
    >>> duration(42), duration(180), duration(7500)
    ('42 s', '3 min', '2 h 05 min')
    """
    if seconds < 90:
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> plural(1, "scan"), plural(12_000, "scan"), plural(2, "person", "people")
    ('1 scan', '12,000 scans', '2 people')
    """
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def number(value: float | None, digits: int = 1, unit: str = "") -> str:
    """Return a number with a true minus and its unit, or a dash where it is not known.

    Examples
    --------
    >>> number(-1.25, 2, "years"), number(-0.01), number(None)
    ('−1.25 years', '0.0', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    shown = f"{value:.{digits}f}"
    if float(shown) == 0:
        shown = shown.removeprefix("-")
    return f"{shown.replace('-', '−')}{' ' + unit if unit else ''}"


def span(low: float, high: float, digits: int = 1) -> str:
    """Return an interval, or that there is none.

    Examples
    --------
    >>> span(-1.25, 2, 2), span(float("nan"), float("nan"))
    ('−1.25 to 2.00', 'no interval')
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return "no interval"
    return f"{number(low, digits)} to {number(high, digits)}"


def span_of_error(low: float, high: float, seeds: float, digits: int = 1) -> str:
    """Return the interval of an error, which is never below 0; where it begins there, that it tells nothing.

    Few trainings tell so little of how trainings differ that the interval of one arm is as wide as that.

    Examples
    --------
    >>> span_of_error(0.0, 78.21, 2, 2), span_of_error(5.1, 7.25, 2), span_of_error(0.0, 0.5, 1)
    ('cannot be told with 2 seeds', '5.1 to 7.2', '0.0 to 0.5')
    """
    if not error_is_told(low, seeds):
        return f"cannot be told with {seeds:.0f} seeds"
    return span(low, high, digits)


def error_is_told(low: float, seeds: float) -> bool:
    """Return whether the interval of an error says anything, by where it begins, see :func:`span_of_error`.

    Examples
    --------
    >>> error_is_told(0.0, 2), error_is_told(5.1, 2), error_is_told(0.0, 1)
    (False, True, True)
    """
    return not (low <= 0 and seeds > 1)


def p_in_words(value: float) -> str:
    """Return a p-value in a sentence.

    Examples
    --------
    >>> p_in_words(0.0004), p_in_words(0.02)
    ('p < 0.001', 'p = 0.020')
    """
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def percentages(parts: Sequence[float]) -> list[int]:
    """Return the shares of parts in whole per cent, which add up to 100: by largest remainders.

    Of equal ones those of small parts are rounded up, where it makes most.

    Parameters
    ----------
    parts : sequence of float
        Counts, or shares; 0 or more each. Where all are 0, so are the results.

    Examples
    --------
    >>> percentages([31, 1, 28]), percentages([1, 1, 1]), percentages([0, 0])
    ([51, 2, 47], [34, 33, 33], [0, 0])
    """
    total = sum(parts)
    if not total:
        return [0] * len(parts)
    exact = [100 * part / total for part in parts]
    shares = [math.floor(share) for share in exact]
    order = sorted(range(len(parts)), key=lambda k: (round(shares[k] - exact[k], 9), parts[k]))
    for place in order[: 100 - sum(shares)]:
        shares[place] += 1
    return shares


def shares(counts: Sequence[int]) -> list[str]:
    """Return each count's share of all: in per cent that add up to 100, of few as a count.

    Parameters
    ----------
    counts : sequence of int
        0 or more each.

    Examples
    --------
    >>> shares([5, 3, 3]), shares([31, 1, 28])
    (['5 of 11', '3 of 11', '3 of 11'], ['51 %', '2 %', '47 %'])
    """
    total = sum(counts)
    if 0 < total < FEWEST_FOR_PERCENT:
        return [f"{count:,} of {total:,}" for count in counts]
    return [f"{share} %" for share in percentages(counts)]
