"""Shared participant ids of several sources on Cohort, and the decision that they are different people."""

import streamlit as st

from curation.sources import duplicates
from curation.sources.duplicates import Pair, SharedIds
from curation.storage.workspace import Workspace
from pages.ui.shell import cache, formatting, frame, state

_SHOWN = 5


def show(workspace: Workspace) -> None:
    """Draw the duplicates of people and scans, certain and possible; nothing where there are none."""
    shared, twice = _found(workspace, cache.stamp(workspace.scans_path))
    decided = workspace.different_people()
    open_ = [each for each in shared if frozenset(each.sources) not in decided]
    if not (shared or twice):
        return
    st.subheader("The same people in several sources")
    for sentence in twice:
        st.warning(formatting.escape(sentence), icon=":material/content_copy:")
    if open_:
        paragraphs = [formatting.escape(each.words) for each in open_[:_SHOWN]]
        if len(open_) > _SHOWN:
            paragraphs.append(
                formatting.escape(f"So do {len(open_) - _SHOWN:,} more pairs of sources.")
            )
        paragraphs.append(_WHAT_FOLLOWS)
        st.warning("\n\n".join(paragraphs), icon=":material/group:")
    if shared:
        _decide(workspace, shared, decided)


_WHAT_FOLLOWS = (
    "No study sets a pool against such a target until somebody says who they are\\. If some are the same "
    "people, give both sources a column *person* that names everybody alike, and list them again\\."
)


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _found(workspace: Workspace, scans_at: cache.Stamp) -> tuple[list[SharedIds], list[str]]:
    return duplicates.alike(workspace), duplicates.in_both_roles(cache.scans(workspace))


def _decide(workspace: Workspace, shared: list[SharedIds], decided: set[Pair]) -> None:
    """Draw the form that notes for which sources equal ids are different people."""
    pairs = {" and ".join(each.sources): frozenset(each.sources) for each in shared}
    known = [name for name, pair in pairs.items() if pair in decided]
    with st.form(f"different-{'-'.join(known)}", border=True):
        chosen = st.pills(
            "Different people, though their ids are alike",
            list(pairs),
            default=known,
            selection_mode="multi",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            author = st.text_input("Who says so", value=state.get(state.PERSON, ""), max_chars=100)
            sent = st.form_submit_button("Note it", type="primary")
    if sent:
        with frame.in_words():
            decisions = {pairs[name] for name in chosen}
            before = {pairs[name] for name in known}
            duplicates.say_different(workspace, decisions - before, author)
            duplicates.say_different(workspace, before - decisions, author, different=False)
            state.put(state.PERSON, author.strip())
            st.rerun()
