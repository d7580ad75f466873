"""Selected scans on Explore: as tiles and as a table, saved as a list or as a file."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from curation.decisions import scan_tags
from curation.sessions import saved_lists
from curation.storage import text_tables
from curation.storage.workspace import Workspace
from curation.tier_effects.tier_balance import Floats
from curation.tiers import overrides, rule_columns
from curation.tiers.rule_columns import SCORE
from curation.wording import plural
from pages.ui.explore import linked_plots
from pages.ui.scan_table import tagging, tried_rule
from pages.ui.scan_table.scan_arrays import ScanTable, SortedScans
from pages.ui.shell import cache, controls, downloads, formatting, frame, person, state, summaries
from pages.ui.viewer import tiles

_TILES = 12
#: Rows of the table on the screen; the file holds them all.
_ROWS = 1000
#: What was done with what a search found, by mode.
_DONE = {
    "new": ", selected",
    "add": ", added to the selection",
    "keep": "; only those of the selection are kept",
    "drop": ", taken away from the selection",
}
_SHOWN = (
    "scan_id",
    "tier",
    SCORE,
    "score_high",
    "tier_by_hand",
    "site",
    "age_years",
    "sex",
    "group",
)


# ---- the selection ---------------------------------------------------------------------------------


def selected_ids() -> tuple[str, ...]:
    """Return the scans that are selected."""
    return state.get(state.SELECTED) or ()


def positions(names: pd.Index) -> NDArray[np.intp]:
    """Return where the selected scans are among some, in rising order."""
    places = names.get_indexer(pd.Index(selected_ids(), dtype=object))
    return np.sort(places[places >= 0])


def select(scan_table: ScanTable, rows: NDArray[np.intp], chosen: NDArray[np.intp]) -> None:
    """Select some of the scans that are shown; a selected scan that a filter hides goes with the others."""
    state.put(state.SELECTED, tuple(scan_table.scores.scan_ids[rows[chosen]]))
    state.put(state.FOUND, None)


def select_found(mode: str, words: str, scan_ids: Sequence[str]) -> None:
    """Combine the selection with the scans that a search found, by the mode of the plots; note the result.

    Parameters
    ----------
    mode : str
        One of :data:`pages.ui.explore.linked_plots.MODES`.
    words : str
        What was searched for.
    scan_ids : sequence of str
        What was found; where that is nothing, the selection stays.
    """
    if scan_ids:
        before, new = (np.array(list(one), dtype=object) for one in (selected_ids(), scan_ids))
        state.put(state.SELECTED, tuple(linked_plots.combined(mode, before, new)))
    many = plural(len(scan_ids), "scan") if scan_ids else "No scan"
    done = _DONE[mode] if scan_ids else ""
    state.put(state.FOUND, f"{many} with “{words}” in the name{done}.")


def offer(scan_table: ScanTable, label: str, chosen: NDArray[np.bool_], *, key: str) -> None:
    """Draw a button that selects some scans of a scan table and opens Explore, on which they are listed."""
    pressed = st.button(
        label,
        icon=frame.PAGES["explore"].icon,
        key=key,
        disabled=not chosen.any(),
        help="Selects these scans on Explore: listed, saved as a list, downloaded there.",
    )
    if pressed:
        open_explore(tuple(scan_table.scores.scan_ids[chosen]))


def open_explore(scan_ids: tuple[str, ...]) -> None:
    """Select scans and open Explore, on which nothing hides them."""
    state.put(state.SELECTED, scan_ids)
    for hides in (
        state.EXPLORED_TIERS,
        state.EXPLORED_SITES,
        state.LISTS,
        state.WITH_TAGS,
        state.WITHOUT_TAGS,
    ):
        state.put(hides, [])
    frame.open_page("explore")


def clear() -> None:
    """Select nothing."""
    state.put(state.SELECTED, ())
    state.put(state.FOUND, None)


# ---- what is shown of it ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Listed:
    """The scans below the plots: positions in the scan table, worst first, and whether they were selected."""

    places: NDArray[np.intp]
    selected: bool


def show(
    workspace: Workspace, scan_table: ScanTable, rows: NDArray[np.intp], sorted_scans: SortedScans
) -> None:
    """Draw the actions on the selection, its tiles and its table.

    Parameters
    ----------
    workspace : Workspace
        Where lists go.
    scan_table : ScanTable
        All scans.
    rows : numpy.ndarray of int
        Those that the plots show.
    sorted_scans : SortedScans
        Their tiers.
    """
    chosen = rows[positions(scan_table.scores.scan_ids[rows])]
    listed = _Listed(_worst_first(scan_table, chosen if len(chosen) else rows), bool(len(chosen)))
    table = _table(scan_table, sorted_scans, listed.places)
    _bar(workspace, listed, len(rows), table)
    if (table["status"] == "table").all():
        st.caption("These scans come from tables and have no images.")
        _rows(table)
        return
    with st.container(horizontal=True, key="split-explore", gap="medium"):
        with st.container(width="stretch"):
            _tiles(workspace, table)
        with st.container(width="stretch"):
            _rows(table)


def _worst_first(scan_table: ScanTable, places: NDArray[np.intp]) -> NDArray[np.intp]:
    score: Floats = scan_table.values(SCORE)[places]
    return places[np.argsort(-np.where(np.isfinite(score), score, -1.0), kind="stable")]


def _table(
    scan_table: ScanTable, sorted_scans: SortedScans, places: NDArray[np.intp]
) -> pd.DataFrame:
    """Return scans with ``tier``, and with ``tier_by_hand`` where any scan has one."""
    rule = sorted_scans.rule
    names = np.array(rule.labels, dtype=object)[sorted_scans.codes[places]]
    table = scan_table.scans.iloc[places].assign(tier=names)
    if not len(sorted_scans.decided):
        return table
    return table.assign(tier_by_hand=overrides.reasons(scan_table.workspace, table, rule))


# ---- what can be done with it ----------------------------------------------------------------------


def _bar(workspace: Workspace, listed: _Listed, shown: int, table: pd.DataFrame) -> None:
    hidden = len(selected_ids()) - len(listed.places) if listed.selected else len(selected_ids())
    with st.container(horizontal=True, vertical_alignment="center", key="selection-bar"):
        if listed.selected:
            st.markdown(
                f"**{len(table):,} of {plural(shown, 'scan')} selected**",
                width="content",
            )
        else:
            all_of_them = f"all {shown:,} scans are" if shown != 1 else "the one scan is"
            st.markdown(f"**Nothing selected: {all_of_them} listed**", width="content")
        st.button("Clear", icon=":material/close:", on_click=clear, disabled=not selected_ids())
        with st.popover(
            "Save as a list", icon=":material/playlist_add:", disabled=not listed.selected
        ):
            _save_form(workspace, table)
        chosen = table["scan_id"].tolist() if listed.selected else []
        tagging.offer(workspace, chosen, key="tag-selected", whose="selected")
        downloads.button(
            "Download",
            partial(_file, table, cache.tags(workspace)),
            file_name="scans.tsv",
            icon=":material/download:",
            mime="text/tab-separated-values",
            on_click="ignore",
            help="These scans as a table, worst first, with scores, tiers and what is known of the people.",
        )
    if hidden:
        st.caption(
            f"{plural(hidden, 'selected scan')} not shown: filtered out, or of the other role."
        )
    if note := state.get(state.LIST_NOTE):
        st.success(formatting.escape(note))
        frame.link("rate", "Rate the scans of the list")


def _save_form(workspace: Workspace, table: pd.DataFrame) -> None:
    with st.form("save-list", border=False):
        name = st.text_input("Name of the list", max_chars=saved_lists.MAX_NAME)
        author = person.field("Who picked them")
        note = st.text_input("Why these (may stay empty)", max_chars=500)
        sent = st.form_submit_button(f"Save {plural(len(table), 'scan')}", type="primary")
    if not sent:
        return
    with frame.in_words():
        saved_lists.save(workspace, name, author, table["scan_id"].tolist(), note)
        state.put(state.PERSON, author.strip())
        state.put(
            state.LIST_NOTE,
            f"Saved: {name.strip()}, {plural(len(table), 'scan')}. Rate offers it as the list "
            "of a "
            "session; Scans, Review and Explore can be filtered by it.",
        )
        st.rerun()


def _file(table: pd.DataFrame, tags: dict[str, frozenset[str]]) -> bytes:
    """Return the table as a file, with tags, without the paths of this machine."""
    if tags:
        table = table.assign(tags=scan_tags.words(tags, table["scan_id"]))
    measures = [name for name in rule_columns.offered(table) if name in table]
    kept = dict.fromkeys((*_SHOWN, "tags", "modality", "session_id", "source", "sha256", *measures))
    columns = [name for name in kept if name in table]
    if "tier_by_hand" in columns and table["tier_by_hand"].isna().all():
        columns.remove("tier_by_hand")
    return text_tables.csv(table[columns], separator="\t", missing="n/a").encode()


# ---- tiles and table -------------------------------------------------------------------------------


def _tiles(workspace: Workspace, table: pd.DataFrame) -> None:
    pages = math.ceil(len(table) / _TILES)
    page = min(int(state.get(state.SELECTED_PAGE) or 0), pages - 1)
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, step, icon in (("Previous", -1, "chevron_left"), ("Next", 1, "chevron_right")):
            st.button(
                label,
                icon=f":material/{icon}:",
                key=f"selected-{label}",
                disabled=not 0 <= page + step < pages,
                on_click=state.put,
                args=(state.SELECTED_PAGE, page + step),
            )
        first, last = _TILES * page + 1, min(_TILES * (page + 1), len(table))
        st.markdown(
            f"{first:,} to {last:,} of {len(table):,}, worst first · click to look", width="content"
        )
    rows = table.iloc[first - 1 : last]
    drawn = tiles.from_workspace(
        workspace, tried_rule.at_worst(workspace, rows), tried_rule.tier_colour
    )
    not_counted = summaries.running_words(*cache.not_counted(workspace))
    if told := " ".join(filter(None, (tiles.notes(workspace, drawn), not_counted))):
        st.caption(formatting.escape(told))
    opened = tiles.show(workspace, drawn)
    if opened in set(rows["scan_id"]):
        _review(str(opened))


def _rows(table: pd.DataFrame) -> None:
    table = summaries.with_ends_worth_telling(table)
    columns = [
        name
        for name in _SHOWN
        if name in table and (name in _SHOWN[:3] or table[name].notna().any())
    ]
    shown = table[columns].head(_ROWS)
    event = st.dataframe(
        shown,
        hide_index=True,
        placeholder=formatting.DASH,
        height=min(38 + 35 * max(len(shown), 1), 560),
        key=controls.table_key("selected-rows", shown["scan_id"]),
        on_select="rerun",
        selection_mode="single-row",
        alt="The scans that are selected, or all that are shown",
        column_config={
            "scan_id": "Scan",
            "tier": "Tier",
            "site": "Site",
            "sex": "Sex",
            "group": "Group",
            SCORE: st.column_config.NumberColumn(
                "Score", format=formatting.SCORE_COLUMN, help="0 pristine to 100 unusable"
            ),
            "score_high": st.column_config.NumberColumn(
                "May be up to", format=formatting.SCORE_COLUMN, help=formatting.UPPER_END_HELP
            ),
            "tier_by_hand": st.column_config.TextColumn(
                "Tier by hand", width="medium", help=formatting.BY_HAND_HELP
            ),
            "age_years": st.column_config.NumberColumn("Age (years)", format="%.1f"),
        },
    )
    more = (
        f"The first {_ROWS:,} of {len(table):,}; the file holds all. " if len(table) > _ROWS else ""
    )
    st.caption(f"{more}Tick a row to open the scan on Review.")
    ticked = event["selection"]["rows"]
    if ticked and ticked[0] < len(shown):
        _review(str(shown["scan_id"].iloc[ticked[0]]))


def _review(scan_id: str) -> None:
    state.put(state.WORKLIST, scan_id in selected_ids())
    state.put(state.PENDING_SCAN, scan_id)
    frame.open_page("review")
