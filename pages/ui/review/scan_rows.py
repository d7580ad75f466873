"""Rows of scans on Scans: many are chosen at once and tagged, or walked through on Review."""

import pandas as pd
import streamlit as st

from curation.decisions import scan_tags
from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.scan_table import tagging
from pages.ui.shell import cache, controls, formatting, frame, state, summaries

_COLUMNS = (
    "scan_id",
    "tier",
    "distortion_score",
    "score_high",
    "tags",
    "source",
    "site",
    "age_years",
    "sex",
)
#: Rows of one page.
PAGE_SIZE = 500


def show(workspace: Workspace, found: pd.DataFrame, shown: pd.DataFrame) -> None:
    """Draw rows, and what can be done with those that are ticked, or with all where none is.

    Parameters
    ----------
    workspace : Workspace
        For their tags.
    found : pandas.DataFrame
        All scans that the filters leave, with ``tier``.
    shown : pandas.DataFrame
        Those of this page.
    """
    table = _table(shown, cache.tags(workspace))
    above = st.container(horizontal=True, vertical_alignment="center", key="rows-bar")
    event = st.dataframe(
        table,
        hide_index=True,
        height=min(38 + 35 * max(len(table), 1), 640),
        key=controls.table_key("scan-rows", table["scan_id"]),
        on_select="rerun",
        selection_mode="multi-row",
        alt="The scans that are listed",
        column_config={
            "scan_id": "Scan",
            "tier": "Tier",
            "tags": "Tags",
            "source": "Source",
            "site": "Site",
            "sex": "Sex",
            "distortion_score": st.column_config.NumberColumn(
                "Score", format=formatting.SCORE_COLUMN, help="0 pristine to 100 unusable"
            ),
            "score_high": st.column_config.NumberColumn(
                "May be up to", format=formatting.SCORE_COLUMN, help=formatting.UPPER_END_HELP
            ),
            "age_years": st.column_config.NumberColumn("Age (years)", format="%.1f"),
        },
    )
    ticked = [place for place in event["selection"]["rows"] if place < len(table)]
    with above:
        _act_on(workspace, found, table["scan_id"].iloc[ticked].tolist())


def _table(shown: pd.DataFrame, tags: dict[str, frozenset[str]]) -> pd.DataFrame:
    if tags:
        shown = shown.assign(tags=scan_tags.words(tags, shown["scan_id"]))
    shown = summaries.with_ends_worth_telling(shown)
    told = [name for name in _COLUMNS if name in shown]
    return shown[[name for name in told if name in _COLUMNS[:3] or shown[name].notna().any()]]


def _act_on(workspace: Workspace, found: pd.DataFrame, ticked: list[str]) -> None:
    if ticked:
        st.markdown(f"**{plural(len(ticked), 'scan')} ticked**", width="content")
    else:
        st.markdown(f"**Nothing ticked: all {plural(len(found), 'scan')}**", width="content")
    chosen = ticked or found["scan_id"].tolist()
    tagging.offer(workspace, chosen, key="tag-rows", whose="ticked" if ticked else "found")
    if st.button("Look at them", icon=frame.PAGES["review"].icon, key="walk-rows"):
        state.put(state.SELECTED, tuple(chosen))
        state.put(state.WORKLIST, True)
        state.put(state.PENDING_SCAN, chosen[0])
        frame.open_page("review")
