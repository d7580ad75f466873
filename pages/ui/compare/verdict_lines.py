"""Verdicts on Compare: a chip with the outcome, then the sentence; exploratory ones are folded away."""

import html
from functools import partial

import pandas as pd
import streamlit as st

from curation.wording import number, plural, span
from pages.ui.compare import answer_headline, comparison_charts, picked_points
from pages.ui.compare.comparison_charts import VERDICTS
from pages.ui.compare.comparison_data import Comparison
from pages.ui.shell import formatting, html_marks, state
from training.held_out.predictions import BASELINE
from training.judging.outcome import Outcome
from training.results import comparisons, conclusions, study_summary
from training.results.comparisons import Comparisons
from training.studies.arm_overlap import Overlap

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

**Would be found** is the true difference that four of five such studies would find. What the other columns of
the exploratory comparisons mean stands below their table.

**Not in any interval**: that another pool of scans would have given other arms; the pool is one fixed set,
and of controls alone a new draw is made for every seed. Against its own control an arm counts as one such
draw, so that a lucky set of scans is not taken for a better one; few seeds tell little of that.

**Bias-corrected** figures take out, fold by fold, the straight line by which predictions shrink towards the
mean, fitted on the other folds; where they shrink too far, or rise by no more than chance gives, there are
none. How often these intervals hold was measured: `docs/statistics.md`."""


#: Columns of the table of comparisons that have to be explained.
BOOTSTRAP, HOLM, FLIP = (
    "95 % by resampling (bootstrap)",
    "p, corrected (Holm)",
    "p (sign flip)",
)
_MEANING = {
    BOOTSTRAP: "people and seeds drawn again 10,000 times, as a check of the interval beside it; too "
    "narrow with few seeds, and takes the scans of an arm as given, so that no verdict rests on it",
    HOLM: "p made larger for the number of comparisons; the primary comparison is tested by itself and "
    "not corrected",
    FLIP: "whether these very models differ, whatever training again would give: an easier question",
}


#: In the place of the corrected p of the primary comparison.
_UNCORRECTED = html_marks.Cell("primary:<br>not corrected")


def against_no_model(shown: Comparison, table: pd.DataFrame, final: pd.DataFrame) -> None:
    """Draw whether each arm beats predicting the mean (or chance), which no verdict can do without."""
    mean = final.loc[final["arm"] == BASELINE, "age_mae_years"]
    outcome = shown.outcome
    error = f" ({outcome.measured(float(mean.iloc[0]))})" if len(mean) else ""
    head = f"Against {outcome.no_model}{error}, which any useful arm must beat:"
    _draw(_block(shown, head, table, ranked=True, outlined=True))


def exploratory(
    shown: Comparison, found: Comparisons, made: pd.DataFrame, *, ranked: bool
) -> list[str]:
    """Draw all comparisons of arms but the primary one, folded away where one was declared.

    Parameters
    ----------
    shown : Comparison
        What the filters leave.
    found : Comparisons
        Of the arms that are shown.
    made : pandas.DataFrame
        Those that were made, whichever arms are shown.
    ranked : bool
        Whether arms can be ranked at all.

    Returns
    -------
    list of str
        The arms picked on the figure.
    """
    declared = shown.primary is not None
    title = (
        "Exploratory: all other comparisons of arms"
        if declared
        else "Exploratory: comparisons of arms"
    )
    # with one seed p is over people alone, and smaller by chance more often than it says
    count = int((made["p"].notna() & (made["n_seeds"] > 1)).sum())
    with st.expander(title, expanded=not declared, icon=":material/explore:"):
        st.caption(
            f"{plural(len(made), 'comparison')}, with the arm that is chosen here and with controls."
        )
        if count:
            st.markdown(formatting.escape(conclusions.by_chance(count, declared=declared)))
        reference = _choose_reference(shown)
        if found.reference.empty:
            none = "There is no other arm to compare with yet."
            st.caption("The filters leave no other arm." if len(made) else none)
            return []
        sample = f"Against a random sample of the same {shown.controls_match}, exploratory:"
        _draw(
            _block(shown, _against(shown, reference), found.reference, ranked=ranked)
            + _block(shown, sample, found.controls, ranked=ranked)
        )
        figure = comparison_charts.differences(
            found.reference, shown.styles, ranked=ranked, outcome=shown.outcome
        )
        alt = "Paired difference of each arm to the reference with its 95 % interval"
        points = picked_points.figure(figure, key="forest-differences", alt=alt)
        tests(pd.concat(found[1:]), shown.outcome)
        return [str(point[0]) for point in points]


def _choose_reference(shown: Comparison) -> str:
    arms = [name for name in shown.arms_with_predictions if name != BASELINE]
    reference = answer_headline.reference_of(shown)
    chosen = state.get(state.COMPARE_REFERENCE)
    if chosen in (None, state.get(state.REFERENCE_BY_ITSELF)) or reference != chosen:
        state.put(state.REFERENCE_BY_ITSELF, reference)
    state.put(state.COMPARE_REFERENCE, reference)
    return st.selectbox(
        "Compare every arm with",
        arms,
        key=state.COMPARE_REFERENCE,
        width=320,
        format_func=partial(comparison_charts.plain, outcome=shown.outcome),
        persist_state="session",
    )


def _against(shown: Comparison, reference: str) -> str:
    """Return the reference of the comparison in words, with a note where it is not the report's choice."""
    first = study_summary.default_reference(shown.held_out, shown.primary_pair)
    called, usual = (comparisons.called(shown.held_out, str(one)) for one in (reference, first))
    if reference == first:
        return f"Against {called}, exploratory:"
    return f"Against {called}, chosen here, exploratory (the report compares with {usual}):"


def _block(
    shown: Comparison, head: str, table: pd.DataFrame, *, ranked: bool, outlined: bool = False
) -> list[str]:
    """Return the exploratory verdicts of a table as lines of HTML below a heading; none without any."""
    shared = shown.overlaps()
    lines = [
        line(
            row.verdict,
            row.words,
            ranked=ranked,
            beside=_overlap_words(shown, shared, row.arm, row.reference),
            outlined=outlined,
        )
        for row in table[table["role"] == "exploratory"].itertuples()
    ]
    return [f'<div class="ts-muted">{html.escape(head)}</div>', *lines] if lines else []


def _draw(lines: list[str]) -> None:
    st.html(f'<div class="ts-verdicts">{"".join(lines)}</div>')


def _overlap_words(shown: Comparison, shared: dict[str, Overlap], arm: str, reference: str) -> str:
    """Return what an arm and its control share, whichever of the two is the reference; else nothing."""
    for control, matched in ((reference, arm), (arm, reference)):
        found = shown.held_out.arm(control)
        if found and found.matches == matched:
            overlap = shared.get(control)
            return overlap.words if overlap else ""
    return ""


def tests(table: pd.DataFrame, outcome: Outcome) -> None:
    """Draw every number of comparisons as a table, with what its columns mean below it."""
    digits, plain = outcome.digits, partial(comparison_charts.plain, outcome=outcome)
    rows = [
        (
            f"{plain(row.arm)} − {plain(row.reference)}",
            number(row.difference_years, digits),
            span(row.ci_low, row.ci_high, digits),
            span(row.boot_low, row.boot_high, digits),
            p_value(row.p),
            _UNCORRECTED if row.role == "primary" else p_value(row.p_holm),
            p_value(row.p_flip),
            number(row.detectable_years, outcome.coarse_digits),
            f"{row.n_subjects:.0f} × {row.n_seeds:.0f}",
        )
        for row in outcome.shown(table, "difference_years").itertuples()
    ]
    unit = "AUC" if outcome.two_valued else outcome.unit or outcome.name
    head = (
        "Difference",
        unit[:1].upper() + unit[1:],
        "95 % interval",
        BOOTSTRAP,
        "p",
        HOLM,
        FLIP,
        f"Would be found ({unit})",
        "People × seeds",
    )
    table_drawn = html_marks.table(head, rows, numeric=range(1, len(head)))
    st.html(f'<div class="ts-wide">{table_drawn}</div>')
    told = (f"**{name}**: {_MEANING[name]}." for name in head if name in _MEANING)
    st.caption("  \n".join(told))


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
