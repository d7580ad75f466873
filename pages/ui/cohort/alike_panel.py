"""Possible duplicates, scans that seem to show the same head, and decisions whether they are one person."""

import streamlit as st

from curation.decisions import person_decisions
from curation.decisions.person_decisions import PersonDecision
from curation.sources import near_duplicates, who_is_who
from curation.sources.near_duplicates import Suspicion
from curation.storage.workspace import Workspace
from pages.ui.shell import cache, formatting, frame, person, state

#: Pairs that are drawn at once.
_SHOWN = 4
_WIDTH_PX = 400


def show(workspace: Workspace) -> None:
    """Draw what was compared, and the undecided pairs; nothing before any scan was compared."""
    if not workspace.compared_scans_path.exists():
        return
    st.subheader("Possible duplicates")
    with frame.in_words():
        paths = (
            workspace.scans_path,
            workspace.near_duplicates_path,
            workspace.compared_scans_path,
        )
        newest = person_decisions.newest(workspace)
        said, found = _found(workspace, tuple(map(cache.stamp, paths)), newest)
        st.caption(formatting.escape(f"{said} {_HOW}"))
        if found:
            _pairs(workspace, found)


def _pairs(workspace: Workspace, found: list[Suspicion]) -> None:
    st.warning(_what_follows(found), icon=":material/person_search:")
    author = person.field("Who decides", key="alike-author")
    for suspicion in found[:_SHOWN]:
        _pair(workspace, suspicion, author)
    if len(found) > _SHOWN:
        st.caption(f"And {len(found) - _SHOWN:,} more, shown as these are decided.")


_HOW = (
    "Brains are compared at 4 mm, aligned to the template, by what they do not share with it. Copies that "
    "were turned, resampled, defaced or made noisy are found."
)


def _what_follows(found: list[Suspicion]) -> str:
    harm = sum("target" in each.roles for each in found)
    if not harm:
        return "All of these are within the pool, where they do no harm."
    return (
        f"Undecided pairs with a scan of the target: {harm:,}. No study takes both scans of such a pair "
        "until somebody says who they are."
    )


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _found(
    workspace: Workspace, at: tuple[cache.Stamp, ...], newest: int
) -> tuple[str, list[Suspicion]]:
    return near_duplicates.standing(workspace), near_duplicates.suspicions(workspace)


def _pair(workspace: Workspace, suspicion: Suspicion, author: str) -> None:
    """Draw two scans with what can be said of them."""
    name = f"{suspicion.first}-{suspicion.second}"
    with st.container(border=True):
        columns = st.columns(2)
        shown = zip(columns, (suspicion.first, suspicion.second), suspicion.roles, strict=True)
        for column, scan_id, role in shown:
            with column:
                st.markdown(f"**{formatting.escape(scan_id)}** ({role})")
                picture = workspace.preview_path(scan_id)
                if picture.exists():
                    st.image(picture.read_bytes(), width=_WIDTH_PX)
                else:
                    st.caption("No thumbnail yet.")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"Similarity {suspicion.similarity:.2f}",
                help="Copies of one scan have 0.96 or more, two people about 0.3; shown from 0.6 on.",
            )
            if st.button("One person", key=f"one-{name}"):
                _decide(workspace, suspicion, author, one_person=True)
            if st.button("Different people", key=f"two-{name}"):
                _decide(workspace, suspicion, author, one_person=False)


def _decide(workspace: Workspace, suspicion: Suspicion, author: str, *, one_person: bool) -> None:
    with frame.in_words():
        decision = PersonDecision(suspicion.pair, one_person, suspicion.words)
        who_is_who.decide(workspace, [decision], author)
        state.put(state.PERSON, author.strip())
        st.rerun()
