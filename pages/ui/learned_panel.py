"""Reconstruction error of every scan: a signal of quality that a model learned, beside the score."""

import pandas as pd
import streamlit as st

from curation import tables
from curation.workspace import Workspace
from pages.ui import cached, charts, frame, learned_chart, state, summaries, tasks, text
from training import reconstructions
from training.reconstructions import Correlation, Progress
from training.runs import Run
from training.study import Study

_WHO = {False: "People that the model has not seen", True: "People that it was pretrained on"}


def show(workspace: Workspace, study: Study, run: Run) -> None:
    """Draw the errors of all scans against their scores, or offer to measure them."""
    st.subheader("Reconstruction error as a signal of quality")
    busy = tasks.running(workspace, tasks.LOOK_AT_ALL) is not None
    done = reconstructions.progress_of(workspace, study, run)
    if busy:
        _follow(workspace, study, run)
        return
    if problem := tasks.failure(workspace, tasks.LOOK_AT_ALL):
        st.error(f"The measuring stopped: {text.escape(problem)}")
    if done.done < done.total:
        _offer(workspace, study, run, done)
        return
    scored = cached.scored_scans(workspace)
    offered = "reconstruction_error" in scored and _of(workspace) == (study.id, run.id)
    if not offered:
        _offer_column(workspace, study, run)
        return
    _errors(scored, done)


def _offer(workspace: Workspace, study: Study, run: Run, done: Progress) -> None:
    st.markdown(
        "How badly the model fills in a scan can be read as a second opinion on its quality: nobody told "
        "it what an artefact is. Every scored scan gets one number, which tiers can be cut on like any "
        "metric."
    )
    label = f"Measure {text.plural(done.total - done.done, 'scan')}"
    if st.button(label, type="primary", icon=":material/play_arrow:"):
        tasks.start(
            workspace,
            tasks.LOOK_AT_ALL,
            study.id,
            "--run",
            run.id,
            "--errors",
            room="training",
            command="reconstruct",
        )
        st.rerun()


def _follow(workspace: Workspace, study: Study, run: Run) -> None:
    @st.fragment(run_every=1.0)
    @frame.in_words()
    def live() -> None:
        if not tasks.running(workspace, tasks.LOOK_AT_ALL):
            st.rerun(scope="app")
        done = reconstructions.progress_of(workspace, study, run)
        st.progress(
            done.done / max(done.total, 1), text=f"{done.done:,} of {done.total:,} scans measured"
        )
        if st.button("Stop measuring", icon=":material/stop:"):
            tasks.stop(workspace, tasks.LOOK_AT_ALL)
            st.rerun(scope="app")

    live()


def _of(workspace: Workspace) -> tuple[str, str] | None:
    """Return study and run whose errors are offered at present."""
    table = tables.read_learned(workspace, ["study", "run"])
    return (table["study"].iloc[0], table["run"].iloc[0]) if len(table) else None


def _offer_column(workspace: Workspace, study: Study, run: Run) -> None:
    present = _of(workspace)
    st.markdown(
        "Every scan is measured by this model. "
        + (
            f"The column of the scored scans holds the errors of another one, {text.escape(present[1])}."
            if present
            else ""
        )
    )
    if st.button("Take this model's errors", type="primary", icon=":material/swap_horiz:"):
        reconstructions.offer(workspace, study, run)
        st.rerun()


def _errors(scored: pd.DataFrame, done: Progress) -> None:
    table = summaries.usable(scored).dropna(subset=["reconstruction_error", "distortion_score"])
    rule, _ = state.rule()
    picked = st.plotly_chart(
        learned_chart.against_score(table, rule),
        theme=None,
        key="learned",
        on_select="rerun",
        selection_mode="points",
        config=charts.CONFIG,
        alt="Reconstruction error of each scan against its distortion score",
    )
    _open_picked(picked)
    for seen in (False, True):
        some = table[table["pretrained_on"] == seen]
        if len(some):
            found = reconstructions.correlation(some, "distortion_score", "reconstruction_error")
            st.markdown(f"{_WHO[seen]}: {_correlation(found)}.")
    failed = f" {text.plural(done.failed, 'scan')} could not be measured." if done.failed else ""
    st.caption(
        "Mean squared error of removed blocks, standardised intensities, weighted by their share of "
        "brain; the same removals for every scan. Hollow: the model was pretrained on this person and "
        "knows the scan, so the two kinds are not to be mixed. Correlation: Spearman's over people, with "
        f"Bonett and Wright's 95 % interval. A click opens the scan on Review.{failed} "
        "Tier rules can cut on it as *reconstruction_error*."
    )


def _correlation(found: Correlation) -> str:
    if pd.isna(found.rho):
        return f"too few to tell a correlation ({found.people})"
    told = (
        f"correlation with the distortion score **{text.number(found.rho, 2)}** "
        f"({text.number(found.low, 2)} to {text.number(found.high, 2)}) "
        f"over {text.plural(found.people, 'person', 'people')}"
    )
    return told if found.low * found.high > 0 else f"{told}, so none can be told"


def _open_picked(picked: object) -> None:
    points = getattr(getattr(picked, "selection", None), "points", None) or []
    if points and points[0].get("customdata"):
        state.put(state.PENDING_SCAN, points[0]["customdata"][0])
        frame.open_page("review")
