"""Panel of the primary comparison on Compare: what was declared, its verdict and its intervals.

It is of the whole study that is open: no filter, no other reference and no other study beside it changes it.
"""

import html

import streamlit as st

from curation.wording import number
from pages.ui.compare import verdict_lines
from pages.ui.compare.verdict_lines import p_value
from pages.ui.shell import formatting, frame, html_marks
from training.report import content_primary
from training.report_files import interactive
from training.results import verdicts
from training.results.primary_comparison import Primary

_UNDECLARED = (
    "No primary comparison was declared when this study was planned: everything here is "
    "exploratory."
)


def show(primary: Primary | None, *, filtered: bool) -> None:
    """Draw the panel; one sentence where nothing was declared.

    Parameters
    ----------
    primary : Primary or None
        Of the whole study.
    filtered : bool
        Whether a filter leaves out anything below.
    """
    if primary is None:
        st.caption(_UNDECLARED)
        return
    declared = f"{primary.plan.words} Declared when the study was planned."
    if filtered:
        declared += " Filters change nothing of it: it is of the whole study."
    told = verdict_lines.line(
        primary.verdict.outcome, primary.verdict.words, ranked=primary.conclusion.ranks
    )
    st.html(
        f'<div class="ts-verdicts"><div class="ts-muted">{html.escape(declared)}</div>{told}</div>'
    )
    if primary.difference.se == primary.difference.se:
        plot = content_primary.plot(primary)
        frame.figure(interactive.figure(plot), key="primary-comparison", alt=plot.alt)
        st.caption("  \n".join(map(formatting.escape, content_primary.answers(primary))))


def numbers(primary: Primary) -> None:
    """Draw every number of the primary comparison as a table."""
    seen = primary.difference
    tests = verdicts.margin_tests(seen, primary.plan.margin_years)
    (arm, reference), outcome = primary.pair, primary.plan.outcome
    row = (
        f"{arm} − {reference}",
        outcome.signed(seen.mean),
        outcome.span(seen.low, seen.high),
        outcome.span(tests.low, tests.high),
        p_value(seen.p),
        p_value(tests.p_better),
        p_value(tests.p_equivalent),
        p_value(tests.p_not_worse),
        number(seen.df, 1),
        number(primary.detectable_years, outcome.coarse_digits),
    )
    head = (
        "Primary comparison",
        _capital(outcome.unit_words),
        "95 % interval",
        "90 % interval",
        "p, two-sided",
        "p, better",
        "p, equivalent",
        "p, not worse",
        "Degrees of freedom",
        f"Would be found ({outcome.unit_words})",
    )
    st.html(html_marks.table(head, [row], numeric=range(1, len(head))))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
