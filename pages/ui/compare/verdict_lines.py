"""Lines of verdicts on Compare: a chip with the outcome, then the sentence."""

import html

from curation.wording import number
from pages.ui.compare.comparison_charts import VERDICTS
from pages.ui.shell import html_marks

_GREY = "#9AA5B1"


def line(
    outcome: str, words: str, *, ranked: bool, beside: str = "", outlined: bool = False
) -> str:
    """Return a verdict as a line of HTML; in grey where arms cannot be ranked.

    Parameters
    ----------
    outcome : str
        Key of :data:`pages.ui.compare.comparison_charts.VERDICTS`.
    words : str
        The sentence.
    ranked : bool
        Whether arms can be ranked at all.
    beside : str
        A remark after the sentence.
    outlined : bool
        Draw the chip as an outline: what it says is a condition of other verdicts, and no answer.
    """
    colour, word = VERDICTS[outcome]
    colour = colour if ranked else _GREY
    filled = f' style="background:{colour};color:{html_marks.ink_on(colour)}"'
    look = ' ts-outlined"' if outlined else f'"{filled}'
    chip = f'<span class="ts-chip{look}>{word}</span>'
    remark = f' <span class="ts-muted">{html.escape(beside)}</span>' if beside else ""
    muted = "" if ranked else ' class="ts-faded"'
    return f"<div{muted}>{chip}<span>{html.escape(words)}{remark}</span></div>"


def p_value(value: float) -> str:
    """Return a p-value with three decimals."""
    return "< 0.001" if value < 0.001 else number(value, 3)
