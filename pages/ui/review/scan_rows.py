"""Rows of scans on Scans: many are chosen at once and tagged, or walked through on Review."""

from functools import partial

import pandas as pd
import streamlit as st

from curation.decisions import scan_tags
from curation.storage import text_tables
from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.scan_table import tagging
from pages.ui.shell import cache, controls, downloads, formatting, frame, state, summaries

_COLUMNS = (
    "scan_id",
    "tier",
    "distortion_score",
    "score_high",
    "tier_by_hand",
    "rating",
    "tags",
    "source",
    "site",
    "age_years",
    "sex",
)
_RATING_HELP = (
    "Current ratings in words, each once, the newest first; of an adjudicated scan the adjudicator's. "
    "Those of a blinded session that is still running are left out."
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
    table = _table(workspace, shown)
    above = st.container(horizontal=True, vertical_alignment="center", key="rows-bar")
    event = st.dataframe(
        table,
        hide_index=True,
        placeholder=formatting.DASH,
        height=min(38 + 35 * max(len(table), 1), 640),
        key=controls.table_key("scan-rows", table["scan_id"]),
        on_select="rerun",
        selection_mode="multi-row",
        alt="The scans that are listed",
        column_config={
            "scan_id": "Scan",
            "tier": "Tier",
            "tier_by_hand": st.column_config.TextColumn(
                "Tier by hand", width="medium", help=formatting.BY_HAND_HELP
            ),
            "rating": st.column_config.TextColumn("Rating", help=_RATING_HELP),
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


def _table(workspace: Workspace, shown: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that are shown and handed on, those of which anything is known."""
    rated, tags = cache.rating_words(workspace), cache.tags(workspace)
    words = {scan_id: ", ".join(its) for scan_id, its in rated.items()}
    shown = shown.assign(rating=shown["scan_id"].map(words))
    if tags:
        shown = shown.assign(tags=scan_tags.words(tags, shown["scan_id"]))
    shown = summaries.with_ends_worth_telling(shown)
    told = [name for name in _COLUMNS if name in shown]
    return shown[[name for name in told if name in _COLUMNS[:3] or shown[name].notna().any()]]


def _file(workspace: Workspace, scans: pd.DataFrame) -> bytes:
    return text_tables.csv(_table(workspace, scans), separator="\t", missing="n/a").encode()


def _act_on(workspace: Workspace, found: pd.DataFrame, ticked: list[str]) -> None:
    if ticked:
        st.markdown(f"**{plural(len(ticked), 'scan')} ticked**", width="content")
    else:
        st.markdown(f"**Nothing ticked: all {plural(len(found), 'scan')}**", width="content")
    chosen = ticked or found["scan_id"].tolist()
    tagging.offer(workspace, chosen, key="tag-rows", whose="ticked" if ticked else "found")
    downloads.button(
        "Download",
        partial(_file, workspace, found[found["scan_id"].isin(chosen)]),
        file_name="scans.tsv",
        icon=":material/download:",
        mime="text/tab-separated-values",
        on_click="ignore",
        help="These scans as a table, in this order, with the columns that are shown.",
    )
    if st.button("Look at them", icon=frame.PAGES["review"].icon, key="walk-rows"):
        state.put(state.SELECTED, tuple(chosen))
        state.put(state.WORKLIST, True)
        state.put(state.PENDING_SCAN, chosen[0])
        frame.open_page("review")
