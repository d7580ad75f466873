"""The saved lists of scans as a filter, the same on every page that lists scans."""

import streamlit as st

from curation.workspace import Workspace
from pages.ui import cached, state


def choose(workspace: Workspace) -> frozenset[str] | None:
    """Draw the choice of lists, if there are any; return the ids on those chosen, ``None`` for all scans."""
    saved = {one.id: f"{one.name} ({one.scans:,})" for one in cached.scan_lists(workspace)}
    state.keep_among(state.LISTS, list(saved))
    if not saved:
        return None
    chosen = st.multiselect(
        "On any of these lists",
        list(saved),
        key=state.LISTS,
        placeholder="all",
        format_func=lambda number: saved.get(number, str(number)),
        persist_state="session",
    )
    return cached.listed_scans(workspace, tuple(chosen)) if chosen else None
