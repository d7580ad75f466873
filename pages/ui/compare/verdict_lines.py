"""Lines of verdicts on Compare: a chip with the outcome, then the sentence; and how verdicts are come to."""

import html

from curation.wording import number
from pages.ui.compare.comparison_charts import VERDICTS
from pages.ui.shell import html_marks

_GREY = "#9AA5B1"
#: In markdown, for everybody who wants to know where a verdict and the numbers beside it come from.
HOW = """\
**Intervals** are 95 %, over people and over seeds: another sample of people, and training again, would both
give another number. With one seed they are over people alone. **Differences** are paired: the same people,
seed by seed; how far training again would move them is taken from the seeds of the two arms that are
compared.

The **primary comparison** was declared before the study ran, and is tested by itself. Two-sided, it is
*better* or *worse* where its 95 % interval leaves out 0, *equivalent* where its 90 % interval lies within the
margin (two one-sided tests at 5 %), *not worse* where that interval does not reach the margin on the worse
side, else *unresolved*. One-sided, it is *better* where its 90 % interval leaves out 0 on the better side,
*not worse* as above, else *unresolved*: never *worse*, never *equivalent*. It has no verdict where neither of
its arms is shown to beat the mean (or chance).

All others are **exploratory**: a verdict stands when its p-value, corrected for the number of comparisons
(Holm), is at most 0.05. None of either sort is given with one seed, before all runs of both arms are
finished, where seeds or folds are left out, or where people and seeds do not differ in what arms differ by
(no variance).

The sign-flip test asks whether *these trained models* differ, which is an easier question. **p (draw)**,
against its own control, counts the arm as one draw too: a harder question. **Would be found** is the true
difference that four of five such studies would find.

**Not in any interval**: that another pool of scans would have given other arms; the pool is one fixed set,
and of controls alone a new draw is made for every seed.

**Bias-corrected** figures take out, fold by fold, the straight line by which predictions shrink towards the
mean, fitted on the other folds; where predictions do not follow the true values there are none. How often
these intervals hold was measured: `docs/statistics.md`."""


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
