"""Answer on Compare: final errors, differences to a reference, verdicts in words, all figures."""

import html
from functools import partial

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from curation.storage.files import slug
from curation.storage.workspace import Workspace
from curation.wording import number, plural, span
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
from pages.ui.compare.verdict_lines import p_value
from pages.ui.shell import controls, formatting, frame, html_marks, state
from training.held_out.predictions import BASELINE
from training.judging.measures import MEASURE_WORDS
from training.judging.outcome import Outcome
from training.report import content_next
from training.results import (
    comparisons,
    conclusions,
    error_strata,
    primary_comparison,
    study_summary,
)
from training.results.comparisons import Comparisons
from training.results.conclusions import Conclusion
from training.studies.arm_overlap import Overlap


def show(workspace: Workspace, shown: Comparison, name: str, headline: DeltaGenerator) -> None:
    """Draw the part.

    Parameters
    ----------
    workspace : Workspace
        For the scans behind a number.
    shown : Comparison
        What the filters leave.
    name : str
        Begins the names of downloaded files.
    headline : DeltaGenerator
        The place of the answer in one sentence and one picture.
    """
    final = study_summary.summarise(shown.held_out)
    if final.empty:
        headline.caption("No data yet: the first fine-tuning is not finished.")
        return
    reference = _reference(shown)
    found = comparisons.compare_all(shown.held_out, reference, shown.primary_pair)
    conclusion = _conclusion(shown, found, reference)
    with headline:
        answer_headline.show(workspace, shown, conclusion)
        primary_panel.show(shown.primary, filtered=bool(shown.left_out))
        planted_panel.show(workspace, shown)
        _next_study(shown)
        frame.link("present", "Take it with you: slides, report, Methods text and numbers")
    if not shown.held_out.narrowed:
        found = primary_comparison.judged(found, shown.primary, shown.primary_pair)
    final = shown.left(final)
    found = Comparisons(*map(shown.left, found))
    _verdicts(shown, found, conclusion, final, _against(shown, reference))
    outcome = shown.outcome
    picks = _forests(workspace, shown, final, found.reference, conclusion)
    for arm in dict.fromkeys(picks):
        scans = error_strata.errors_by_scan(shown.held_out, arm)
        what = f"Test scans of {comparison_charts.plain(arm, outcome)}"
        picked_points.scans(workspace, scans, what=what, key=f"scans-of-{arm}", outcome=outcome)
    st.subheader("All figures")
    st.html(_table(final, outcome))
    st.caption(formatting.escape(_people(shown, final)))
    judging_panels.show(shown, reference, name)
    with st.expander("How these numbers are made"):
        st.markdown(verdict_lines.HOW)
        if shown.primary:
            primary_panel.numbers(shown.primary)
        _tests(pd.concat(found), outcome)
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


def _conclusion(shown: Comparison, found: Comparisons, reference: str) -> Conclusion:
    """Return the conclusion: of the primary comparison where there is one, else of the others."""
    if shown.primary:
        return shown.primary.conclusion
    return conclusions.conclude(shown.held_out, found, reference)


def _reference(shown: Comparison) -> str:
    arms = [name for name in shown.arms_with_predictions if name != BASELINE]
    if state.get(state.COMPARE_REFERENCE) not in arms:
        first = study_summary.default_reference(shown.held_out, shown.primary_pair)
        state.put(state.COMPARE_REFERENCE, first if first in arms else arms[0])
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
    if reference == first:
        return f"Against {reference}, exploratory:"
    return f"Against {reference}, chosen here, exploratory (the report compares with {first}):"


def _verdicts(
    shown: Comparison, found: Comparisons, conclusion: Conclusion, final: pd.DataFrame, against: str
) -> None:
    mean = final.loc[final["arm"] == BASELINE, "age_mae_years"]
    outcome = shown.outcome
    error = f" ({outcome.measured(float(mean.iloc[0]))})" if len(mean) else ""
    learned = f"Against {outcome.no_model}{error}, which any useful arm must beat:"
    sample = f"Against a random sample of the same {shown.controls_match}, exploratory:"
    blocks = (
        (learned, found.mean_age, True, True),
        (against, found.reference, conclusion.ranks, False),
        (sample, found.controls, conclusion.ranks, False),
    )
    shared = shown.overlaps()
    lines = []
    for head, table, ranked, outlined in blocks:
        table = table[table["role"] == "exploratory"]
        if len(table):
            lines.append(f'<div class="ts-muted">{html.escape(head)}</div>')
            lines += [
                verdict_lines.line(
                    row.verdict,
                    row.words,
                    ranked=ranked,
                    beside=_overlap_words(shown, shared, row.arm, row.reference),
                    outlined=outlined,
                )
                for row in table.itertuples()
            ]
    if found.reference.empty:
        lines.append('<div class="ts-muted">There is no other arm to compare with yet.</div>')
    st.html(f'<div class="ts-verdicts">{"".join(lines)}</div>')


def _overlap_words(shown: Comparison, shared: dict[str, Overlap], arm: str, reference: str) -> str:
    """Return what an arm and its control share, whichever of the two is the reference; else nothing."""
    for control, matched in ((reference, arm), (arm, reference)):
        found = shown.held_out.arm(control)
        if found and found.matches == matched:
            overlap = shared.get(control)
            return overlap.words if overlap else ""
    return ""


def _forests(
    workspace: Workspace,
    shown: Comparison,
    final: pd.DataFrame,
    differences: pd.DataFrame,
    conclusion: Conclusion,
) -> list[str]:
    with st.container(horizontal=True, key="split-forests", gap="medium"):
        with st.container(width="stretch"):
            st.subheader("Final test AUC" if shown.outcome.two_valued else "Final test error")
            known = planted_panel.known(workspace, shown)
            figure = comparison_charts.final_errors(final, shown.styles, shown.outcome, known)
            alt = f"Final test {shown.outcome.measure} of each arm with its 95 % interval"
            first = picked_points.figure(figure, key="forest-final", alt=alt)
        with st.container(width="stretch"):
            st.subheader("Differences")
            if differences.empty:
                st.caption("There is no other arm to compare with yet.")
                return [str(point[0]) for point in first]
            figure = comparison_charts.differences(
                differences, shown.styles, ranked=conclusion.ranks, outcome=shown.outcome
            )
            alt = "Paired difference of each arm to the reference with its 95 % interval"
            second = picked_points.figure(figure, key="forest-differences", alt=alt)
    st.caption("Click on a point to list the scans behind it.")
    return [str(point[0]) for point in (*first, *second)]


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
    return span(row.ci_low, row.ci_high, digits)


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
        f"that never saw them ({plural(len(shown.folds), 'fold')}). {_interval_words(trained)}"
    )
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


def _interval_words(trained: pd.DataFrame) -> str:
    if trained["n_seeds"].max() > 1:
        return "Interval: 95 %, over people and seeds."
    return "Interval: 95 %, over people alone: one seed does not tell what training again gives."


def _corrected_words(trained: pd.DataFrame, outcome: Outcome) -> str:
    if outcome.two_valued:
        return f" {MEASURE_WORDS[outcome.kind]}"
    without = trained.loc[trained["corrected_mae_years"].isna(), "arm"]
    if without.empty:
        return (
            " Verdicts rest on the first figure of a cell. Corrected: without the pull of predictions "
            f"towards the mean {outcome.name}, usually larger; it ranks no arm."
        )
    return f" Predictions of {', '.join(without)} do not follow {outcome.name}: no bias-corrected figures."


def _tests(table: pd.DataFrame, outcome: Outcome) -> None:
    digits, plain = outcome.digits, partial(comparison_charts.plain, outcome=outcome)
    rows = [
        (
            f"{plain(row.arm)} − {plain(row.reference)}",
            number(row.difference_years, digits),
            _span(row, digits),
            span(row.boot_low, row.boot_high, digits),
            p_value(row.p),
            p_value(row.p_holm),
            p_value(row.p_flip),
            number(row.detectable_years, outcome.coarse_digits),
            f"{row.n_subjects:.0f}",
            f"{row.n_seeds:.0f}",
        )
        for row in outcome.shown(table, "difference_years").itertuples()
    ]
    unit = "AUC" if outcome.two_valued else outcome.unit or outcome.name
    head = (
        "Difference",
        unit[:1].upper() + unit[1:],
        "95 % interval",
        "Bootstrap",
        "p",
        "p (Holm)",
        "p (sign flip)",
        f"Would be found ({unit})",
        "People",
        "Seeds",
    )
    st.html(html_marks.table(head, rows, numeric=range(1, len(head))))
