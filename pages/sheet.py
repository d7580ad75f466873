"""Page Scans: the contact sheet. Every scan at a glance; a click opens one on Review."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.review import scan_picker, scan_rows
from pages.ui.scan_table import rule_in_address, tried_rule
from pages.ui.shell import (
    cache,
    controls,
    formatting,
    frame,
    progress,
    scan_lists,
    state,
    summaries,
)
from pages.ui.viewer import niivue_viewer, tiles

_TILES, _ROWS = "Pictures", "Rows"


def body(workspace: Workspace) -> None:
    """Draw the page."""
    progress.background_note(workspace, workspace.scores_path)
    rule_in_address.follow()
    usable = scan_picker.usable_scans(workspace)
    if usable is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        found = _searched(scan_picker.listed(workspace, usable, first=_search))
    if found.empty:
        st.info("No scan matches this choice. Widen it above.")
        return
    size = scan_rows.PAGE_SIZE if _as_rows() else tiles.PAGE_SIZE
    with st.container(horizontal=True, vertical_alignment="center"):
        controls.choose_segment("Show scans as", [_TILES, _ROWS], key=state.SHEET_VIEW)
        page = _pages(found, size)
    shown = found.iloc[size * page : size * (page + 1)]
    drawn = (
        []
        if _as_rows()
        else tiles.from_workspace(
            workspace, tried_rule.at_worst(workspace, shown), tried_rule.tier_colour
        )
    )
    _notes(workspace, drawn)
    rule_in_address.offer_frozen(workspace, short=True)
    if _as_rows():
        scan_rows.show(workspace, found, shown)
        return
    if (shown["status"] == "table").all():
        st.caption(
            "These scans come from tables and have no images; a click shows what was measured."
        )
    opened = tiles.show(workspace, drawn)
    clicked = shown[shown["scan_id"] == opened]
    if len(clicked):
        _open(clicked.iloc[0])
    if (found["status"] == "ok").any():
        with st.container(key="out-of-sight"):
            niivue_viewer.warm()


def _notes(workspace: Workspace, drawn: list[dict[str, Any]]) -> None:
    """Say what must be known of pictures and scores, and how many scans and ratings are not here."""
    notes = [tiles.notes(workspace, drawn), summaries.running_words(*cache.not_counted(workspace))]
    if not (state.get(state.SEARCH) or "").strip():
        notes.append(summaries.not_shown_words(cache.scored_scans(workspace)))
    if told := " ".join(filter(None, notes)):
        st.caption(formatting.escape(told))


def _open(scan: pd.Series) -> None:
    """Open a scan on Review; its image is read while the page changes."""
    if scan["status"] == "ok":
        niivue_viewer.prefetch(Path(scan["path"]), at_once=True)
    state.put(state.PENDING_SCAN, scan["scan_id"])
    frame.open_page("review")


def _search() -> None:
    st.text_input(
        "Find",
        key=state.SEARCH,
        placeholder="Find a scan by its name",
        label_visibility="collapsed",
        persist_state="session",
        icon=":material/search:",
        width="stretch",
    )


def _searched(found: pd.DataFrame) -> pd.DataFrame:
    words = (state.get(state.SEARCH) or "").strip()
    if not words:
        return found
    return found[found["scan_id"].str.contains(words, case=False, regex=False)]


def _as_rows() -> bool:
    return state.get(state.SHEET_VIEW) == _ROWS


def _pages(found: pd.DataFrame, size: int) -> int:
    """Draw the way through the pages of tiles or rows; return the present one, counted from 0."""
    count = math.ceil(len(found) / size)
    page = min(max(int(state.get(state.SHEET_PAGE) or 0), 0), count - 1)
    state.put(state.SHEET_PAGE, page)
    scan_lists.step_buttons(
        "sheet",
        count,
        lambda: int(state.get(state.SHEET_PAGE)),
        lambda place: state.put(state.SHEET_PAGE, place),
    )
    first, last = size * page + 1, min(size * (page + 1), len(found))
    st.markdown(
        f"{first:,} to {last:,} of {plural(len(found), 'scan')} · "
        f"distortion score, 0 pristine to 100 unusable{'' if _as_rows() else ' · click to look'}",
        width="content",
    )
    return page


rule_in_address.take_from_address()
frame.show("sheet", body)
