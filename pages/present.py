"""Page Present (how do I show it?): one large message a screen, by keyboard, and the files to take along."""

import streamlit as st

from curation import errors
from curation.storage.workspace import Workspace
from pages.ui.present import present_screen
from pages.ui.shell import formatting, frame, state
from pages.ui.train import study_panel
from training.report.source import Options
from training.studies import planned_study


def body(workspace: Workspace) -> None:
    """Draw the page."""
    planned, troubles = planned_study.read_studies(workspace)
    if not planned:
        frame.report(*troubles)
        study_panel.no_study(
            workspace,
            "There is no study to present yet.",
            "Freeze a pretraining pool and a target cohort on the page Tiers, then launch a study on the "
            "page Train. Its messages, slides and files are made here from its results. Without a study, "
            "show Tiers (which scans are in which tier, and why); its cohorts are exported there.",
        )
        return
    st.html(frame.ASSETS / "present.css")
    bar = st.container(horizontal=True, key="present-bar", vertical_alignment="center")
    with bar:
        with st.popover("Study", icon=":material/folder_open:"):
            chosen = study_panel.choose_study(workspace, planned)
            present_screen.begin_anew(chosen)
            for trouble in troubles:  # not on the screen that others see
                st.warning(formatting.escape(errors.in_words(trouble)))
        options = Options(
            sites=bool(state.get(state.REPORT_SITES, False)),
            pictures=bool(state.get(state.REPORT_PICTURES, True)),
            corrected=bool(state.get(state.REPORT_CORRECTED, False)),
        )
        with st.popover("Take it with you", icon=":material/download:"):
            present_screen.show_exports(workspace, chosen, options)
        report = present_screen.report(workspace, chosen, options)
        message = present_screen.choose_message(report)
    if report.progress:
        st.html(f'<div class="ts-state">{formatting.plain(report.progress)}</div>')
    present_screen.show_message(message)


frame.show("present", body, compact=True)
