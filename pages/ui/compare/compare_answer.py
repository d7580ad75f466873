"""Answer on Compare: the primary comparison, final errors with all figures, exploratory comparisons."""

import html
from functools import partial

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from curation.storage.files import slug
from curation.storage.workspace import Workspace
from curation.wording import number, plural, span_of_error
from pages.ui.compare import (
    answer_headline,
    comparison_charts,
    judging_panels,
    picked_points,
    planted_panel,
    primary_panel,
    verdict_lines,
)
from pages.ui.compare.comparison_data import Comparison
from pages.ui.shell import controls, formatting, frame, html_marks
from training.held_out import age_metrics
from training.held_out.predictions import BASELINE
from training.judging.measures import MEASURE_WORDS
from training.judging.outcome import Outcome
from training.report import content_next, content_results
from training.results import (
    conclusions,
    error_strata,
    primary_comparison,
    study_summary,
)
from training.results.comparisons import Comparisons


def show(
    workspace: Workspace,
    shown: Comparison,
    name: str,
    *,
    found: Comparisons,
    before: DeltaGenerator,
) -> None:
    """Draw the part.

    Parameters
    ----------
    workspace : Workspace
        For the scans behind a number.
    shown : Comparison
        What the filters leave.
    name : str
        Begins the names of downloaded files.
    found : Comparisons
        From :func:`pages.ui.compare.answer_headline.compared`.
    before : DeltaGenerator
        The place before the filters, of what is of the whole study.
    """
    final = study_summary.summarise(shown.held_out)
    if final.empty:
        before.caption("No data yet: the first fine-tuning is not finished.")
        return
    reference = answer_headline.reference_of(shown)
    ranked = answer_headline.concluded(shown, found).ranks
    with before:
        primary_panel.show(shown.primary, filtered=bool(shown.left_out))
        planted_panel.show(workspace, shown)
        _next_study(shown)
        frame.link("present", "Take it with you: slides, report, Methods text and numbers")
    if not shown.held_out.narrowed:
        found = primary_comparison.judged(found, shown.primary, shown.primary_pair)
    made = pd.concat(found[1:]).query("role == 'exploratory'")
    final = shown.left(final)
    found = Comparisons(*map(shown.left, found))
    verdict_lines.against_no_model(shown, found.mean_age, final)
    picks = _final(workspace, shown, final)
    picks += verdict_lines.exploratory(shown, found, made, ranked=ranked)
    _scans_behind(workspace, shown, picks)
    judging_panels.show(shown, str(reference), name)
    with st.expander("How these numbers are made"):
        st.markdown(verdict_lines.HOW)
        if shown.primary:
            primary_panel.numbers(shown.primary)
        verdict_lines.tests(found.mean_age, shown.outcome)
    _downloads(shown, final, found, name)


def _scans_behind(workspace: Workspace, shown: Comparison, picks: list[str]) -> None:
    outcome = shown.outcome
    for arm in dict.fromkeys(picks):
        scans = error_strata.errors_by_scan(shown.held_out, arm)
        what = f"Test scans of {comparison_charts.plain(arm, outcome)}"
        picked_points.scans(workspace, scans, what=what, key=f"scans-of-{arm}", outcome=outcome)


def _downloads(shown: Comparison, final: pd.DataFrame, found: Comparisons, name: str) -> None:
    outcome = shown.outcome
    if shown.primary:  # of the whole study, whatever the filter leaves
        declared = outcome.named(outcome.shown(shown.primary.table(), "difference_years"))
        controls.offer_tables(name, {"primary-comparison": declared})
    shown_as = partial(outcome.shown, value="difference_years")
    tables = {
        "final-errors": final,
        f"against-{'chance' if outcome.two_valued else 'mean-' + slug(outcome.name)}": shown_as(
            found.mean_age
        ),
        "differences": shown_as(found.reference),
        "against-controls": shown_as(found.controls),
    }
    tables = {kind: outcome.named(table) for kind, table in tables.items()}
    controls.offer_tables(name, tables, left_out=shown.left_out)


def _next_study(shown: Comparison) -> None:
    """Say what the next useful study would be; nothing where only a part is shown, or several studies."""
    if shown.left_out or len(shown.parts) > 1:
        return
    if told := content_next.advice(shown.held_out, shown.primary, shown.arms):
        st.caption(f"**What would tell more.** {formatting.escape(told)}")


def _final(workspace: Workspace, shown: Comparison, final: pd.DataFrame) -> list[str]:
    """Draw the final error of each arm, as a figure and with all figures; return the arms picked on it."""
    outcome = shown.outcome
    st.subheader("Final test AUC" if outcome.two_valued else "Final test error")
    known = planted_panel.known(workspace, shown)
    figure = comparison_charts.final_errors(final, shown.styles, outcome, known)
    alt = f"Final test {outcome.measure} of each arm with its 95 % interval"
    points = picked_points.figure(figure, key="forest-final", alt=alt)
    said = (
        conclusions.PAIRED,
        content_results.untold_said(final),
        "Click on a point to list the scans behind it.",
    )
    st.caption(formatting.escape(" ".join(filter(None, said))))
    st.subheader("All figures")
    st.html(_table(final, outcome))
    st.caption(formatting.escape(_people(shown, final)))
    return [str(point[0]) for point in points]


# ---- tables ----------------------------------------------------------------------------------------


def _table(final: pd.DataFrame, outcome: Outcome) -> str:
    digits = outcome.digits
    rows = [
        (
            comparison_charts.plain(row.arm, outcome),
            _two(
                f"{number(row.age_mae_years, digits)} ({_span(row, digits)})",
                row.corrected_mae_years,
                digits,
            ),
            _two(number(row.r, 2), row.corrected_r),
            _two(number(row.r2, 2), row.corrected_r2),
            _two(number(row.mean_error_years, digits), row.corrected_mean_error_years, digits),
            *[_two(number(row.slope, 2), row.corrected_slope)] * (not outcome.two_valued),
            f"{row.n_subjects:.0f}",
            f"{row.n_seeds:.0f}" if row.n_seeds else formatting.DASH,
            f"{row.n_runs:.0f}" if row.n_runs else formatting.DASH,
        )
        for row in outcome.best_first(final).itertuples()
    ]
    head = ("Arm", *outcome.figure_headings, "People", "Seeds", "Runs")
    return html_marks.table(head, rows, numeric=range(1, len(head)))


def _span(row, digits: int) -> str:  # type: ignore[no-untyped-def]
    return span_of_error(row.ci_low, row.ci_high, row.n_seeds, digits)


def _two(raw: str, corrected: float, digits: int = 2) -> html_marks.Cell:
    """Return a cell with the raw figure and, if any, the bias-corrected one below it."""
    if corrected != corrected:
        return html_marks.Cell(html.escape(raw))
    below = f"corrected {number(corrected, digits)}"
    return html_marks.Cell(f'{html.escape(raw)}<br><span class="ts-muted">{below}</span>')


def _people(shown: Comparison, final: pd.DataFrame) -> str:
    """Return the people that the figures are of, in words, from the data."""
    people, trained = shown.held_out.people, final[final["arm"] != BASELINE]
    ages = people["age_years"]
    count, most = len(people), int(trained["n_subjects"].max())
    of_all = f" of {count}" if most < count else ""
    words = (
        f"{most}{of_all} people, of {ages.min():.0f} to {ages.max():.0f} years, each predicted by models "
        f"that never saw them ({plural(len(shown.folds), 'fold')})."
    )
    if over := conclusions.intervals_over(trained):
        words += f" Interval: {over}."
    words += f" {study_summary.unbounded_said(trained)}".rstrip()
    words += _corrected_words(trained, shown.outcome)
    partly = [arm for arm in trained["arm"] if not shown.held_out.finished(arm)]
    missing = [arm.name for arm in shown.arms if arm.name not in set(final["arm"])]
    if partly:
        words += (
            f" Not all runs of {', '.join(partly)} are finished, or some failed: "
            f"{'it rests' if len(partly) == 1 else 'they rest'} on the people and seeds named in the table."
        )
    if missing:
        words += f" No finished run yet: {', '.join(missing)}."
    if not any(arm.kind == "scratch" for arm in shown.arms):
        words += (
            " No arm was trained without pretraining, so what pretraining is worth is not known."
        )
    return words


def _corrected_words(trained: pd.DataFrame, outcome: Outcome) -> str:
    if outcome.two_valued:
        return f" {MEASURE_WORDS[outcome.kind]}"
    lacking = trained["corrected_mae_years"].isna()
    words = ""
    if not lacking.all():
        words = (
            " Verdicts rest on the first figure of a cell. Corrected: without the pull of predictions "
            f"towards the mean {outcome.name}; {age_metrics.STRETCHED} It ranks no arm."
        )
    if lacking.any():
        words += (
            f" No bias-corrected figures of {' and '.join(trained.loc[lacking, 'arm'])}: predictions "
            f"{age_metrics.shrink_said(outcome)}."
        )
    return words
