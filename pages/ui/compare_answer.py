"""The answer on Compare: final errors, differences to a reference, verdicts in words, all figures."""

import html

import pandas as pd
import streamlit as st

from curation.workspace import Workspace
from pages.ui import comparison_charts, downloads, marks, picked, state, text
from pages.ui.compared import Compared
from pages.ui.comparison_charts import VERDICTS
from training import statistics, strata
from training.overlap import Overlap
from training.predictions import BASELINE

_HOW = """\
**Intervals** are 95 %, over people and over seeds: another sample of people, and training again, would
both give another number. A few seeds say little of their own spread, so it is pooled over arms that were
trained alike. **Differences** are paired: the same people, seed by seed. A verdict stands when its
p-value, corrected for the number of arms compared (Holm), is at most 0.05. The sign-flip test asks
whether *these trained models* differ, which is an easier question. **More people** is how many it would
take to find a difference of the size seen in four of five studies; it is an order of magnitude. **Bias-
corrected** figures take out, fold by fold, the straight line by which predictions shrink towards the
mean age, fitted on the other folds. How often these intervals hold was measured: `docs/statistics.md`."""


def show(workspace: Workspace, shown: Compared, name: str) -> None:
    """Draw the part.

    Parameters
    ----------
    workspace : Workspace
        For the scans behind a number.
    shown : Compared
        What the filters leave.
    name : str
        Begins the names of downloaded files.
    """
    final = statistics.summarise(shown.held_out)
    if final.empty:
        st.caption("No data yet: the first fine-tuning is not finished.")
        return
    reference = _reference(shown)
    differences = statistics.differences(shown.held_out, reference)
    controls = statistics.against_controls(shown.held_out)
    _verdicts(shown, differences, controls)
    picks = _forests(shown, final, differences)
    for arm in dict.fromkeys(picks):
        scans = strata.of_scans(shown.held_out, arm)
        what = f"Test scans of {comparison_charts.plain(arm)}"
        picked.scans(workspace, scans, what=what, key=f"scans-of-{arm}")
    st.subheader("All figures")
    st.html(_table(final))
    st.caption(text.escape(_people(shown, final)))
    with st.expander("How these numbers are made"):
        st.markdown(_HOW)
        _tests(pd.concat([differences, controls]))
    downloads.tables(
        name, {"final-errors": final, "differences": differences, "against-controls": controls}
    )


def _reference(shown: Compared) -> str:
    there = list(shown.held_out.there)
    if state.get(state.COMPARE_REFERENCE) not in there:
        first = statistics.default_reference(shown.held_out)
        state.put(state.COMPARE_REFERENCE, first or there[0])
    return st.selectbox(
        "Compare every arm with", there, key=state.COMPARE_REFERENCE, width=320,
        format_func=comparison_charts.plain, persist_state="session",
    )  # fmt: skip


def _verdicts(shown: Compared, differences: pd.DataFrame, controls: pd.DataFrame) -> None:
    lines = [_line(row) for row in differences.itertuples() if row.arm != BASELINE]
    shared = shown.overlaps() if len(controls) else {}
    against = [_line(row, shared.get(row.reference)) for row in controls.itertuples()]
    if against:
        alike = f"Against a random sample of the same {shown.controls_match}:"
        lines.append(f'<div class="ts-muted">{html.escape(alike)}</div>')
    lines += against
    lines += [_line(row) for row in differences.itertuples() if row.arm == BASELINE]
    if not lines:
        lines = ['<div class="ts-muted">There is no other arm to compare with yet.</div>']
    st.html(f'<div class="ts-verdicts">{"".join(lines)}</div>')


def _line(row, shared: Overlap | None = None) -> str:  # type: ignore[no-untyped-def]
    colour, word = VERDICTS[row.verdict]
    beside = f' <span class="ts-muted">{html.escape(shared.words)}</span>' if shared else ""
    chip = f'<span class="ts-chip" style="background:{colour};color:{marks.ink_on(colour)}">{word}</span>'
    return f"<div>{chip}<span>{html.escape(row.words)}{beside}</span></div>"


def _forests(shown: Compared, final: pd.DataFrame, differences: pd.DataFrame) -> list[str]:
    with st.container(horizontal=True, key="split-forests", gap="medium"):
        with st.container(width="stretch"):
            st.subheader("Final test error")
            figure = comparison_charts.final_errors(final, shown.styles)
            alt = "Final test age error of each arm with its 95 % interval"
            first = picked.figure(figure, key="forest-final", alt=alt)
        with st.container(width="stretch"):
            st.subheader("Differences")
            if differences.empty:
                st.caption("There is no other arm to compare with yet.")
                return [str(point[0]) for point in first]
            figure = comparison_charts.differences(differences, shown.styles)
            alt = "Paired difference of each arm to the reference with its 95 % interval"
            second = picked.figure(figure, key="forest-differences", alt=alt)
    st.caption("Click on a point to list the scans behind it.")
    return [str(point[0]) for point in (*first, *second)]


# ---- tables ----------------------------------------------------------------------------------------


def _table(final: pd.DataFrame) -> str:
    rows = [
        (
            comparison_charts.plain(row.arm),
            _two(f"{text.number(row.age_mae_years, 2)} ({_span(row)})", row.corrected_mae_years),
            _two(text.number(row.r, 2), row.corrected_r),
            _two(text.number(row.r2, 2), row.corrected_r2),
            _two(text.number(row.mean_error_years, 2), row.corrected_mean_error_years),
            _two(text.number(row.slope, 2), row.corrected_slope),
            f"{row.n_subjects:.0f}",
            f"{row.n_seeds:.0f}" if row.n_seeds else text.DASH,
            f"{row.n_runs:.0f}" if row.n_runs else text.DASH,
        )
        for row in final.sort_values("age_mae_years").itertuples()
    ]
    head = ("Arm", "Age error (MAE, years)", "r", "R²", "Mean error (years)", "Slope on age",
            "People", "Seeds", "Runs")  # fmt: skip
    return marks.table(head, rows, numeric=range(1, len(head)))


def _span(row) -> str:  # type: ignore[no-untyped-def]
    return f"{text.number(row.ci_low, 2)} to {text.number(row.ci_high, 2)}"


def _two(raw: str, corrected: float) -> marks.Cell:
    """Return a cell with the raw figure, and below it the bias-corrected one."""
    below = f"corrected {text.number(corrected, 2)}"
    return marks.Cell(f'{html.escape(raw)}<br><span class="ts-muted">{below}</span>')


def _people(shown: Compared, final: pd.DataFrame) -> str:
    people, held_out = shown.held_out.people, shown.held_out
    ages = people["age_years"]
    words = (
        f"{text.plural(len(people), 'person', 'people')} of {ages.min():.0f} to {ages.max():.0f} "
        "years, each "
        f"predicted by models that never saw them ({len(shown.folds)} folds). Interval: 95 %, over "
        "people and "
        "seeds. Corrected: without the age bias, see below."
    )
    trained = final[final["arm"] != BASELINE]
    partly = trained[
        (trained["n_subjects"] < len(people)) | (trained["n_seeds"] < len(held_out.seeds))
    ]
    missing = [arm.name for arm in shown.arms if arm.name not in set(final["arm"])]
    if len(partly):
        words += (
            f" Not all runs of {', '.join(partly['arm'])} are finished, or some failed: "
            f"{'it rests' if len(partly) == 1 else 'they rest'} on the people and seeds named in the table."
        )
    if missing:
        words += f" No finished run yet: {', '.join(missing)}."
    if not any(arm.kind == "scratch" for arm in shown.arms):
        words += (
            " No arm was trained without pretraining, so what pretraining is worth is not known."
        )
    return words


def _tests(table: pd.DataFrame) -> None:
    rows = [
        (
            f"{comparison_charts.plain(row.arm)} − {comparison_charts.plain(row.reference)}",
            text.number(row.difference_years, 2), _span(row),
            f"{text.number(row.boot_low, 2)} to {text.number(row.boot_high, 2)}",
            _p(row.p), _p(row.p_holm), _p(row.p_flip), f"{row.n_subjects:.0f}", f"{row.n_seeds:.0f}",
        )
        for row in table.itertuples()
    ]  # fmt: skip
    head = ("Difference", "Years", "95 % interval", "Bootstrap", "p", "p (Holm)", "p (sign flip)",
            "People", "Seeds")  # fmt: skip
    st.html(marks.table(head, rows, numeric=range(1, len(head))))


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else text.number(value, 3)
