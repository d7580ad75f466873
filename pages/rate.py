"""Rate: what do raters say? Sessions of rating, agreement, the cut-off that ratings suggest, history."""

import streamlit as st

from curation.workspace import Workspace
from pages.ui import (
    agreement_panel,
    cached,
    cutoff_panel,
    frame,
    history_panel,
    opened_session,
    session_screen,
    session_start,
    state,
    summaries,
    window_choice,
)

_PARTS = {
    "Rate": session_start.show,
    "Agreement": agreement_panel.show,
    "Cut-off": cutoff_panel.show,
    "History": history_panel.show,
}


def body(workspace: Workspace) -> None:
    """Draw the page: the open session and nothing else, or one of the parts."""
    session = opened_session.load(workspace)
    if session is not None:
        session_screen.show(workspace, session)
        return
    if summaries.usable(cached.scored_scans(workspace)).empty:
        frame.nothing_yet(
            "There is no scan to rate yet.", "Add a source of scans on the page Cohort.", "cohort"
        )
        return
    part = state.keep_one_of(state.RATE_PART, list(_PARTS))
    st.segmented_control(
        "Part",
        list(_PARTS),
        key=state.RATE_PART,
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    _PARTS[part](workspace)


opened_session.take_from_address()
window_choice.take_from_address()
frame.show("rate", body, quiet=opened_session.number() is not None)
