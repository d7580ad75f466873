"""Present: how do I show it? One message a screen, large, by keyboard; and everything to take along."""

import streamlit as st

from curation import errors
from curation.workspace import Workspace
from pages.ui import (
    frame,
    present_export,
    present_screen,
    presented,
    state,
    study_panel,
    text,
)
from training import study
from training.report.source import Options


def body(workspace: Workspace) -> None:
    """Draw the page."""
    planned, troubles = study.read_studies(workspace)
    if not planned:
        frame.tell(*troubles)
        frame.nothing_yet(
            "There is no study to present yet.",
            "Freeze a pretraining pool and a target cohort on the page Tiers, then launch a study on the "
            "page Train. Its messages, slides and files are made here from its results.",
            "train",
        )
        return
    st.html(frame.ASSETS / "present.css")
    bar = st.container(horizontal=True, key="present-bar", vertical_alignment="center")
    with bar:
        with st.popover("Study", icon=":material/folder_open:"):
            chosen = study_panel.choose(workspace, planned)
            for trouble in troubles:  # not on the screen that others see
                st.warning(text.escape(errors.in_words(trouble)))
        options = Options(
            sites=bool(state.get(state.REPORT_SITES, False)),
            pictures=bool(state.get(state.REPORT_PICTURES, True)),
            corrected=bool(state.get(state.REPORT_CORRECTED, False)),
        )
        with st.popover("Take it with you", icon=":material/download:"):
            present_export.show_exports(workspace, chosen, options)
        report = presented.report(workspace, chosen, options)
        message = present_screen.step(report)
    if report.progress:
        st.html(f'<div class="ts-state">{text.plain(report.progress)}</div>')
    present_screen.show(message)


frame.show("present", body)
