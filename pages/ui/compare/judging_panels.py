"""Panels of Compare beside the answer: external cohorts, and how well features tell the site."""

import pandas as pd
import streamlit as st

from curation.wording import number, span
from pages.ui.compare import comparison_charts
from pages.ui.compare.comparison_data import Comparison
from pages.ui.shell import controls, formatting, html_marks
from training.judging.outcome import Outcome
from training.results import external_test, site_probes, study_summary


def show(shown: Comparison, reference: str, name: str) -> None:
    """Draw the panels, as far as the studies have what they show.

    Parameters
    ----------
    shown : Comparison
        What the filters leave.
    reference : str
        The arm that others are compared with.
    name : str
        Begins the names of downloaded files.
    """
    for called, study in shown.parts.items():
        whose = f" of {called}" if len(shown.parts) > 1 else ""
        against = reference.removeprefix(f"{called} · ")
        if study.judging.external:
            _external(external_test.summary(study, against), study.outcome, whose, name)
        if len(probes := site_probes.read(study)):
            _sites(probes, whose, name)


def _external(table: pd.DataFrame, outcome: Outcome, whose: str, name: str) -> None:
    st.subheader(formatting.escape(f"External test{whose}"))
    if table.empty:
        st.caption(
            "No data yet. An arm is shown here once its fine-tuning of the first fold is finished, which "
            "predicts the external cohorts."
        )
        return
    digits = outcome.digits
    rows = [
        (
            row.cohort,
            comparison_charts.plain(row.arm, outcome),
            f"{number(row.age_mae_years, digits)} ({_span(row, 'ci', digits)})",
            _difference(row, digits),
            f"{row.n_subjects:.0f}",
        )
        for row in table.itertuples()
    ]
    against = table["reference"].dropna()
    head = (
        "Cohort",
        "Arm",
        outcome.measure_heading,
        f"Difference to {against.iloc[0]}" if len(against) else "Difference",
        "People",
    )
    if caution := external_test.caution(table, outcome):
        st.warning(formatting.escape(caution), icon=":material/warning:")
    st.html(html_marks.table(head, rows, numeric=range(2, len(head))))
    st.caption(
        formatting.escape(
            f"{external_test.WORDS} Differences: {outcome.favours} is better. "
            f"{study_summary.unbounded_said(table)}"
        )
    )
    controls.offer_tables(name, {"external-test": outcome.named(table)})


def _difference(row, digits: int) -> str:  # type: ignore[no-untyped-def]
    if row.difference_years != row.difference_years:
        return formatting.DASH
    return f"{number(row.difference_years, digits)} ({_span(row, 'difference', digits)})"


def _span(row, of: str, digits: int) -> str:  # type: ignore[no-untyped-def]
    return span(getattr(row, f"{of}_low"), getattr(row, f"{of}_high"), digits)


def _sites(table: pd.DataFrame, whose: str, name: str) -> None:
    st.subheader(formatting.escape(f"Do features tell the site?{' Those' * bool(whose)}{whose}"))
    rows = [
        (
            comparison_charts.plain(row.arm),
            number(100 * row.balanced_accuracy, 0),
            f"{number(100 * row.chance, 0)} (95 % up to {number(100 * row.chance_high, 0)})",
            number(row.p, 3),
            row.sites,
            row.people,
            row.seeds,
        )
        for row in table.itertuples()
    ]
    st.html(html_marks.table(site_probes.HEAD, rows, numeric=range(1, len(site_probes.HEAD))))
    st.caption(formatting.escape(site_probes.WORDS))
    controls.offer_tables(name, {"site-probe": table})
