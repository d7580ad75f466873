"""Formatting of words and numbers for the screen: escaped, with units, never zero for "unknown"."""

import datetime
import html
import math
import re

from curation import wording
from curation.storage.workspace import ROLES, Role
from curation.tiers.rule_columns import SCORE, SCORE_DIGITS, RuleColumn

DASH = "–"
#: Format of a table's column of scores.
SCORE_COLUMN = f"%.{SCORE_DIGITS}f"
#: How plots write a score, and any other number, where the mouse rests: d3's formats.
D3_SCORE, D3_NUMBER = f".{SCORE_DIGITS}f", ".4~g"

#: What a column of upper ends of scores is, see :func:`raised`.
UPPER_END_HELP = (
    "Where part of what is judged could not be measured: what was not could raise the score so far."
)
#: The sign before a score that is a lower bound, see :func:`score`, and what it means where it is of many.
AT_LEAST = "≥"
AT_LEAST_HELP = (
    f"{AT_LEAST}: part of what is judged could not be measured on these scans; what was not could raise "
    "their score."
)
#: What a column of tiers by hand holds.
BY_HAND_HELP = "Why somebody gave the scan its tier by hand; empty where the rule gave it."
#: Points from which on the upper end of a score is told.
WORTH_TELLING = 0.5
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!$:~<>|&])")


def escape(text: str) -> str:
    """Return ``text`` such that markdown shows it as it is.

    Text from files and people may hold anything; nothing of it is read as markup.
    """
    return _MARKDOWN.sub(r"\\\1", str(text).replace("\n", " "))


def plain(text: str) -> str:
    """Return ``text`` such that HTML shows it as it is."""
    return html.escape(str(text))


def score(value: float | None, high: float | None = None) -> str:
    """Return a score or sub-score, 0 to 100; :data:`SCORE_COLUMN` writes it the same in a column.

    Where its upper end ``high`` lies notably above, by what could not be measured, it is a lower bound.

    Examples
    --------
    >>> score(28.71), score(28.71, 81.3), score(28.71, 28.8)
    ('28.7', '≥ 28.7', '28.7')
    """
    written = wording.number(value, SCORE_DIGITS)
    return f"{AT_LEAST} {written}" if is_lower_bound(value, high) else written


def is_lower_bound(value: float | None, high: float | None) -> bool:
    """Return whether the upper end of a score lies so far above it that it is told."""
    return value is not None and high is not None and high - value >= WORTH_TELLING


def raised(value: float | None, high: float | None) -> str:
    """Say how high a score may be where part of what is judged could not be measured; else nothing."""
    return f"what was not could raise it to {score(high)}" if is_lower_bound(value, high) else ""


def at_least(value: float | None, high: float | None) -> str:
    """Say what the sign before the score of one scan means; nothing where it has none."""
    if end := raised(value, high):
        return f"{AT_LEAST}: part of what is judged could not be measured on this scan; {end}"
    return ""


def measured(measure: RuleColumn, value: float | None, high: float | None = None) -> str:
    """Return a value of a cut column: scores with one decimal, others with some significant digits.

    ``high`` is the upper end of the distortion score, see :func:`score`; nothing else has one.
    """
    if measure.name == SCORE:
        return score(value, high)
    return score(value) if measure.is_score else significant(value)


def significant(value: float | None, unit: str = "", *, digits: int = 4) -> str:
    """Return a number with some significant digits, or a dash for ``None`` and NaN."""
    if value is None or not math.isfinite(value):
        return DASH
    shown = f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"
    return f"{shown.replace('-', '−')}{' ' + unit if unit else ''}"


def in_unit(value: float | None, unit: str, *, brief: bool = False) -> str:
    """Return a number with its unit; shares in percent, logarithms of ratios with the ratio.

    Examples
    --------
    >>> in_unit(0.0947, "share of white-matter signal")
    '9.47 % of white-matter signal'
    >>> in_unit(0.0947, "share of white-matter signal", brief=True), in_unit(3.2, "mm")
    ('9.47 %', '3.2 mm')
    >>> in_unit(0.819, "natural log")
    '0.819 natural log (2.27 times)'
    """
    whole = unit.removeprefix("share of ")
    if whole == unit or value is None or not math.isfinite(value):
        shown = significant(value, "" if brief else unit, digits=3)
        times = unit == "natural log" and not brief and shown != DASH
        return (
            f"{shown} ({significant(math.exp(value or 0.0), digits=3)} times)" if times else shown
        )
    return significant(100 * value, "%" if brief else f"% of {whole}", digits=3)


def role(key: Role) -> str:
    """Return what a role is, a line that begins with its name."""
    return ROLES[key][:1].upper() + ROLES[key][1:]


def duration(seconds: float | None) -> str:
    """Return a time span in the words of a clock: ``42 s``, ``3 min``, ``2 h 05 min``."""
    if seconds is None or not math.isfinite(seconds):
        return DASH
    return wording.duration(seconds)


def moment(when: datetime.datetime | str) -> str:
    """Return a moment as date and minute, in the zone it is given in."""
    if isinstance(when, str):
        when = datetime.datetime.fromisoformat(when)
    return when.strftime("%Y-%m-%d %H:%M")
