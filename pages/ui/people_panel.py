"""On Cohort: participant ids that several sources share, and a way to say that they are different people."""

import streamlit as st

from curation import overlaps
from curation.overlaps import SharedIds
from curation.workspace import Workspace
from pages.ui import cached, frame, state, text

_SHOWN = 5


def show(workspace: Workspace) -> None:
    """Draw what is in the workspace twice or may be; nothing where there is nothing to say."""
    own = overlaps.own(workspace)
    shared = _shared(workspace, frozenset(own), cached.stamp(workspace.scans_path))
    twice = overlaps.in_both_roles(cached.scans(workspace))
    if not (own or shared or twice):
        return
    st.subheader("The same people in several sources")
    for sentence in twice:
        st.warning(text.escape(sentence), icon=":material/content_copy:")
    if shared:
        told = [text.escape(each.words) for each in shared[:_SHOWN]]
        if len(shared) > _SHOWN:
            told.append(text.escape(f"So do {len(shared) - _SHOWN:,} more pairs of sources."))
        told.append(
            "No study sets a pool against such a target until somebody says who they are\\. If some are the "
            "same people, give both sources a column *person* that names everybody alike, and list them "
            "again\\."
        )
        st.warning("\n\n".join(told), icon=":material/group:")
    if shared or own:
        _decide(workspace, own)


@st.cache_data(
    max_entries=8, show_spinner=False, hash_funcs={Workspace: lambda workspace: str(workspace.root)}
)
def _shared(workspace: Workspace, own: frozenset[str], scans_at: cached.Stamp) -> list[SharedIds]:
    return overlaps.undecided(workspace)


def _decide(workspace: Workspace, own: set[str]) -> None:
    """Let people say which sources number their participants by themselves."""
    names = [source.name for source in workspace.sources()]
    with st.form(f"own-ids-{'-'.join(sorted(own))}", border=True):
        chosen = st.multiselect(
            "Sources that number their people by themselves",
            names,
            default=[name for name in names if name in own],
            help="Their participant ids are their own: the same id in another source is another person.",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            author = st.text_input("Who says so", value=state.get(state.PERSON, ""), max_chars=100)
            sent = st.form_submit_button("They are different people", type="primary")
    if sent:
        with frame.in_words():
            overlaps.say_own(workspace, sorted(set(chosen) - own), author)
            overlaps.say_own(workspace, sorted(own - set(chosen)), author, own_ids=False)
            state.put(state.PERSON, author.strip())
            st.rerun()
