"""Trial panel of Review: choice of an artefact, and the response of score and metrics."""

from pathlib import Path

import pandas as pd
import streamlit as st

from curation.metrics import METRICS
from curation.scoring import distortion_score
from curation.simulation.artefacts import ARTEFACTS
from pages.ui.review import scan_panel
from pages.ui.review.artefact_trial import Trial, measure_altered, metric_changes
from pages.ui.review.scan_judgement import ScanJudgement
from pages.ui.shell import controls, formatting, html_marks, state

_MOVED_SHOWN = 8
_DEFAULT_SEVERITY = 0.5


def running(scan: pd.Series) -> Trial | None:
    """Return the trial on this scan, or ``None``: a trial belongs to the scan that it was begun on."""
    if state.get(state.TRIED_ON) != scan["scan_id"]:
        return None
    artefact = state.keep_one_of(state.ARTEFACT, list(ARTEFACTS))
    severity = state.get(state.SEVERITY)
    if severity is None:
        state.put(state.SEVERITY, severity := _DEFAULT_SEVERITY)
    return Trial(artefact, float(severity), int(state.get(state.DRAW, 0)))


def toggle(scan: pd.Series, trial: Trial | None) -> None:
    """Draw the button that begins a trial or ends it."""
    if trial:
        st.button(
            "Back to the scan",
            shortcut="A",
            type="primary",
            on_click=state.put,
            args=(state.TRIED_ON, None),
        )
        return
    st.button(
        "Simulate an artefact",
        shortcut="A",
        help="Simulate motion, noise, blur and others on this scan, and watch the score respond. "
        "The scan itself is not touched and nothing is stored.",
        on_click=state.put,
        args=(state.TRIED_ON, scan["scan_id"]),
    )


def choose_artefact() -> None:
    """Draw the choice of artefact and severity."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        artefact = controls.choose(
            st.selectbox,
            "Artefact",
            list(ARTEFACTS),
            key=state.ARTEFACT,
            format_func=lambda name: ARTEFACTS[name].label,
            width=230,
        )
        st.slider(
            "Severity, 0 (untouched) to 1",
            0.0,
            1.0,
            step=0.05,
            format="%.2f",
            key=state.SEVERITY,
            persist_state="session",
        )
        st.button(
            "New random pattern",
            icon=":material/casino:",
            help="The same artefact at the same severity, placed at random once more.",
            on_click=state.put,
            args=(state.DRAW, state.get(state.DRAW, 0) + 1),
        )
    meaning = ARTEFACTS[artefact].meaning
    st.caption(formatting.escape(f"At severity 1: {meaning}."))


def response(scan: pd.Series, trial: Trial, judgement: ScanJudgement) -> None:
    """Draw how score, sub-scores and metrics respond to the artefact, beside the untouched scan's."""
    # What the last run drew stays until this one ends: the form must not stand beside this image.
    st.html("<style>.st-key-of-scan, .st-key-of-scan-metrics { display: none }</style>")
    st.html('<div class="ts-note"><b>Rating is off:</b> this is not the scan.</div>')
    before, after = _both(scan, trial, judgement)
    scores = [_scored(row, judgement) for row in (before, after)]
    values = [scan_panel.value_of(row, "distortion_score") for row in scores]
    st.html(
        f'<div class="ts-score"><span class="ts-value">{html_marks.arrow(*values)}</span>'
        '<span class="ts-of">distortion score, the scan → the altered image<br>'
        "<b>higher is worse</b></span></div>"
    )
    families = scan_panel.FAMILY_NAMES
    pairs = {
        words: (scan_panel.value_of(scores[0], name), scan_panel.value_of(scores[1], name))
        for name, words in families.items()
    }
    artefact = ARTEFACTS[trial.artefact]
    expected = families[artefact.family] if artefact.claimed else None
    st.html(html_marks.changes(pairs, expected=expected))
    st.caption(
        "Sub-scores, 0 to 100, higher is worse; the tick is the scan as it is. "
        + _promise(expected, scores)
    )
    _moved(before, after, judgement)


def _promise(expected: str | None, scores: list[pd.Series]) -> str:
    """Say what an artefact has to raise, or that nothing tells it from anatomy."""
    if expected is not None:
        return (
            f"This artefact should raise {expected}. The worst counts most by far: where "
            "another is worse already, the score itself hardly moves."
        )
    before, after = (
        formatting.score(scan_panel.value_of(row, "unusual_anatomy")) for row in scores
    )
    return (
        "No measure tells this one from an unusual brain, so no score has to rise. Unusual anatomy, which "
        f"counts for no score: {before} → {after} (50 and more is a flag)."
    )


def _both(scan: pd.Series, trial: Trial, judgement: ScanJudgement) -> tuple[pd.Series, pd.Series]:
    """Return the metrics of the scan as it is and with the artefact, measured by the same code."""
    path, row = Path(scan["path"]), judgement.row
    with st.spinner("Measuring the altered image …", show_time=True):
        if judgement.outdated or not judgement.measured:
            # severity 0 is the scan itself, whatever the artefact
            row = measure_altered(path, scan["sha256"], Trial(next(iter(ARTEFACTS)), 0.0))
        return row, measure_altered(path, scan["sha256"], trial) if trial.alters else row


def _scored(row: pd.Series, judgement: ScanJudgement) -> pd.Series:
    table = row.to_frame().T
    return distortion_score.score(
        table, judgement.reference, pd.Series([judgement.site], table.index)
    ).iloc[0]


def _moved(before: pd.Series, after: pd.Series, judgement: ScanJudgement) -> None:
    parts = [
        distortion_score.explain(row, judgement.reference, judgement.site)
        for row in (before, after)
    ]
    table = metric_changes(*parts)
    if table.empty:
        st.caption("Nothing moved: at severity 0 the image is the scan, voxel for voxel.")
        return
    st.markdown("**What moved most**")
    lines = [
        (
            METRICS[row.metric].label,
            f"{formatting.significant(row.value_before)} → {formatting.significant(row.value_after)}",
            html_marks.Cell(html_marks.arrow(row.penalty_before, row.penalty_after)),
        )
        for row in table.head(_MOVED_SHOWN).itertuples()
    ]
    st.html(html_marks.table(("Metric", "Value", "How bad (0–100)"), lines, numeric=(1, 2)))
