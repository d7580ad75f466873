"""Form that joins a table of another tool to the scans, and the tables that are joined."""

import streamlit as st

from curation.errors import SourceError
from curation.sources import joined_tables, other_tables
from curation.sources.other_tables import Table
from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.shell import formatting, frame, state

_TAKEN = (
    "CSV or TSV with a column of scans (scan_id, path, bids_name) or of people (participant_id, session_id). "
    "Its numbers become columns to plot on Explore, and to cut and limit on Tiers. The tables of agitation, "
    "fsqc and QC-Studio are known by their columns."
)
_ANY = "any source"
_WAYS = {"worse": "The higher, the worse the scan", "better": "The higher, the better the scan"}


def show(workspace: Workspace, field: str) -> None:
    """Draw the form; ``field`` is the key of the field of its path."""
    path = st.text_input(
        "Path of the table on this machine", placeholder="/data/motion.csv", key=field
    ).strip()
    st.caption(_TAKEN)
    if not workspace.sources():
        st.info("There are no scans yet that it could be joined to\\. Add images first\\.")
        return
    if said := state.get(state.JOINED_NOTE):
        tell = st.warning if len(said) > 1 else st.success
        tell("\n\n".join(map(formatting.escape, said)))
    _joined(workspace)
    if path:
        _offer(workspace, path)


def _offer(workspace: Workspace, path: str) -> None:
    """Draw what the table holds, and what joins it."""
    try:
        table = other_tables.read_table(workspace, path)
    except SourceError as error:
        st.error(formatting.escape(str(error)))
        return
    st.markdown(_words(table))
    for said in other_tables.unclear_in_words(table.unclear):
        st.warning(formatting.escape(said))
    columns = [str(name) for name in table.values]
    worse, better = (
        part.multiselect(
            label,
            columns,
            default=[name for name, way in table.ways.items() if way == wanted],
            placeholder="none",
            key=f"join-{wanted}-{path}",
        )
        for part, (wanted, label) in zip(st.columns(2), _WAYS.items(), strict=True)
    )
    st.caption("Others can be plotted and limited by gates, and not cut into tiers.")
    sources = [_ANY, *(source.name for source in workspace.sources())]
    of = st.selectbox("Its ids are of", sources) if len(sources) > 2 else _ANY
    if st.button("Join the table", type="primary", icon=":material/table_chart:"):
        with frame.in_words():
            done = joined_tables.join(
                workspace,
                table,
                worse=worse,
                better=better,
                source_name=None if of == _ANY else of,
            )
            state.put(state.JOINED_NOTE, (done.headline, *done.notes()))
            st.rerun()


def _words(table: Table) -> str:
    known = f"{formatting.escape(table.known.meaning)}. " if table.known else ""
    rows = plural(len(table.keys), "row")
    held = plural(len(table.values.columns), "column of numbers", "columns of numbers")
    return f"{known}{rows}, {held}: {formatting.escape(', '.join(map(str, table.values)))}"


def _joined(workspace: Workspace) -> None:
    for name in joined_tables.names(workspace):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Joined: **{formatting.escape(name)}**", width="stretch")
            st.button(
                "Take out",
                key=f"joined-{name}",
                icon=":material/close:",
                on_click=_remove,
                args=(workspace, name),
                help="Rules that look at its columns find no values then.",
            )


def _remove(workspace: Workspace, name: str) -> None:
    joined_tables.remove(workspace, name)
    state.put(state.JOINED_NOTE, None)
