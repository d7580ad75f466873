"""Reconstruction error of every scan, a learned signal of quality, against the distortion score."""

import html

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from curation.access.actions import Action
from curation.storage import learned_columns
from curation.storage.workspace import Workspace
from curation.tiers import overrides, tier_rule
from curation.tiers.tier_rule import TierRule
from curation.wording import number, plural
from pages.ui.scan_table import tried_rule
from pages.ui.shell import (
    background_tasks,
    cache,
    charts,
    formatting,
    frame,
    person,
    state,
    summaries,
)
from training.reconstruction import reconstruction_files
from training.reconstruction.reconstruction_files import Correlation, ReconstructionProgress
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.theme import TEMPLATE

_WHO = {False: "People that the model has not seen", True: "People that it was pretrained on"}


def show(workspace: Workspace, study: Study, run: Run) -> None:
    """Draw the errors of all scans against their scores, or offer to measure them."""
    st.subheader("Reconstruction error as a signal of quality")
    busy = background_tasks.running(workspace, background_tasks.LOOK_AT_ALL) is not None
    done = reconstruction_files.progress_of(workspace, study, run)
    if busy:
        _follow(workspace, study, run)
        return
    if problem := background_tasks.failure(workspace, background_tasks.LOOK_AT_ALL):
        st.error(f"The measuring stopped: {formatting.escape(problem)}")
    if done.done < done.total:
        _offer(workspace, study, run, done)
        return
    scored = cache.scored_scans(workspace)
    offered = "reconstruction_error" in scored and _of(workspace) == (study.id, run.id)
    if not offered:
        _offer_column(workspace, study, run)
        return
    _errors(workspace, scored, done)


# ---- measuring -----------------------------------------------------------------------------------


def _offer(workspace: Workspace, study: Study, run: Run, done: ReconstructionProgress) -> None:
    st.markdown(
        "How badly the model fills in a scan can be read as a second opinion on its quality: nobody told "
        "it what an artefact is. Every measured scan with an image gets one number, which tiers can be cut "
        "on like any metric."
    )
    if not person.may(Action.LOOK_THROUGH_MODEL):
        return
    label = f"Measure {plural(done.total - done.done, 'scan')}"
    if st.button(label, type="primary", icon=":material/play_arrow:"):
        background_tasks.start(
            workspace,
            background_tasks.LOOK_AT_ALL,
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
        if not background_tasks.running(workspace, background_tasks.LOOK_AT_ALL):
            st.rerun(scope="app")
        done = reconstruction_files.progress_of(workspace, study, run)
        st.progress(
            done.done / max(done.total, 1), text=f"{done.done:,} of {done.total:,} scans measured"
        )
        if st.button("Stop measuring", icon=":material/stop:"):
            background_tasks.stop(workspace, background_tasks.LOOK_AT_ALL)
            st.rerun(scope="app")

    live()


def _of(workspace: Workspace) -> tuple[str, str] | None:
    """Return study and run of the errors in the column of the scored scans."""
    table = learned_columns.read(workspace, ["study", "run"])
    return (table["study"].iloc[0], table["run"].iloc[0]) if len(table) else None


def _offer_column(workspace: Workspace, study: Study, run: Run) -> None:
    present = _of(workspace)
    st.markdown(
        "Every scan is measured by this model. "
        + (
            f"The column of the scored scans holds the errors of another one, "
            f"{formatting.escape(present[1])}."
            if present
            else ""
        )
    )
    if st.button("Take this model's errors", type="primary", icon=":material/swap_horiz:"):
        reconstruction_files.offer(workspace, study, run)
        st.rerun()


# ---- the errors ----------------------------------------------------------------------------------


def _errors(workspace: Workspace, scored: pd.DataFrame, done: ReconstructionProgress) -> None:
    rule, _ = tried_rule.current()
    table = summaries.usable(scored)
    table = table.assign(tier=overrides.tiers_with_overrides(workspace, table, rule))
    table = table.dropna(subset=["reconstruction_error", "distortion_score"])
    picked = st.plotly_chart(
        against_score(table, rule),
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
            found = reconstruction_files.correlation(
                some, "distortion_score", "reconstruction_error"
            )
            st.markdown(f"{_WHO[seen]}: {_correlation(found)}.")
    failed = f" {plural(done.failed, 'scan')} could not be measured." if done.failed else ""
    st.caption(
        "Mean squared error of removed blocks, standardised intensities, weighted by their share of "
        "brain; the same removals for every scan. Hollow: the model was pretrained on this person and "
        "knows the scan, so the two kinds are not to be mixed. Correlation: Spearman's over people, with "
        f"Bonett and Wright's 95 % interval. A click opens the scan on Review.{failed} "
        "Tier rules can cut on it as *reconstruction_error*."
    )


def against_score(table: pd.DataFrame, rule: TierRule) -> go.Figure:
    """Draw the reconstruction error of each scan against its distortion score.

    Parameters
    ----------
    table : pandas.DataFrame
        ``scan_id tier distortion_score reconstruction_error pretrained_on``.
    rule : TierRule
        Gives each tier its colour.
    """
    figure, colours = go.Figure(), tier_rule.colours(rule)
    for name in rule.labels:
        for seen, symbol in ((False, "circle"), (True, "circle-open")):
            rows = table[(table["tier"] == name) & (table["pretrained_on"] == seen)]
            if rows.empty:
                continue
            figure.add_scattergl(
                x=rows["distortion_score"],
                y=rows["reconstruction_error"],
                mode="markers",
                name=f"{html.escape(rule.called(name))}, {'pretrained on' if seen else 'held out'}",
                marker={
                    "color": colours[name],
                    "size": 9,
                    "symbol": symbol,
                    "line": {"width": 1.5, "color": colours[name]},
                },
                customdata=[[scan, html.escape(scan)] for scan in rows["scan_id"]],
                hovertemplate="%{customdata[1]}<br>"
                f"score %{{x:{formatting.D3_SCORE}}}, error %{{y:.3f}}<extra></extra>",
            )
    return figure.update_layout(
        template=TEMPLATE,
        height=420,
        xaxis={"title": "Distortion score (0 pristine – 100 unusable; higher is worse)"},
        yaxis={"title": "Reconstruction error (higher is worse)", "rangemode": "tozero"},
    )


def _correlation(found: Correlation) -> str:
    if pd.isna(found.rho):
        return f"too few to tell a correlation ({found.people})"
    words = (
        f"correlation with the distortion score **{number(found.rho, 2)}** "
        f"({number(found.low, 2)} to {number(found.high, 2)}) "
        f"over {plural(found.people, 'person', 'people')}"
    )
    return words if found.low * found.high > 0 else f"{words}, so none can be told"


def _open_picked(picked: object) -> None:
    points = getattr(getattr(picked, "selection", None), "points", None) or []
    if points and points[0].get("customdata"):
        state.put(state.PENDING_SCAN, points[0]["customdata"][0])
        frame.open_page("review")
