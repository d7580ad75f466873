"""Shared participant ids of several sources on Cohort, and the decision that they are different people."""

import streamlit as st

from curation.access import guard
from curation.access.actions import Action
from curation.decisions import person_decisions
from curation.decisions.person_decisions import PersonDecision
from curation.sources import duplicates, who_is_who
from curation.sources.duplicates import SharedIds, Sources
from curation.storage.workspace import Workspace
from pages.ui.shell import cache, formatting, frame, person, state

_SHOWN = 5
#: Pairs that are chosen from the start, at most.
_OFFERED = 200


def show(workspace: Workspace) -> None:
    """Draw the duplicates of people and scans, certain and possible; nothing where there are none."""
    newest = person_decisions.newest(workspace)
    shared, twice = _found(workspace, cache.stamp(workspace.scans_path), newest)
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
        paragraphs.append(_what_follows(open_))
        st.warning("\n\n".join(paragraphs), icon=":material/group:")
    if shared:
        _decide(workspace, shared, decided)
    _confirm(workspace, open_)


def _what_follows(open_: list[SharedIds]) -> str:
    confirm = (
        "Those whose age and sex agree can be confirmed below\\. Or give"
        if any(each.fits for each in open_)
        else "If they are different people, note it below\\. If some are the same, give"
    )
    return (
        "Until somebody says who they are, no study takes one of the two as pool and the other as target\\. "
        f"{confirm} both sources a column *person* that names everybody alike, and list them again\\."
    )


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _found(
    workspace: Workspace, scans_at: cache.Stamp, newest: int
) -> tuple[list[SharedIds], list[str]]:
    return duplicates.alike(workspace), duplicates.in_both_roles(cache.scans(workspace))


def _decide(workspace: Workspace, shared: list[SharedIds], decided: set[Sources]) -> None:
    """Draw the form that notes for which sources equal ids are different people."""
    if not person.may(Action.DECIDE_PEOPLE):
        return
    pairs = {" and ".join(each.sources): frozenset(each.sources) for each in shared}
    known = [name for name, pair in pairs.items() if pair in decided]
    if known:
        said = f"Noted: {'; '.join(known)} hold different people, though ids are alike."
        st.markdown(f":material/check: {formatting.escape(said)}")
    if len(known) == len(pairs):
        with st.expander("Take it back"):
            _note_form(workspace, pairs, known)
    else:
        _note_form(workspace, pairs, known)


def _note_form(workspace: Workspace, pairs: dict[str, Sources], known: list[str]) -> None:
    with st.form(f"different-{'-'.join(known)}", border=True):
        chosen, words = _choice(list(pairs), known)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            author = person.field("Who says so")
            sent = st.form_submit_button(words, type="primary")
    if sent and set(chosen) == set(known):
        st.error(
            f"Nothing to note: choose the sources that hold different people, then press {words}."
        )
    elif sent:
        with frame.in_words():
            decisions = {pairs[name] for name in chosen}
            before = {pairs[name] for name in known}
            duplicates.say_different(workspace, decisions - before, author)
            duplicates.say_different(workspace, before - decisions, author, different=False)
            state.put(state.PERSON, author.strip())
            st.rerun()


def _choice(names: list[str], known: list[str]) -> tuple[list[str], str]:
    """Draw which pairs of sources hold different people; return them, and the words of the button."""
    if len(names) > 1:
        said = "Choose the sources that hold different people, though ids are alike"
        return st.pills(said, names, default=known, selection_mode="multi"), "Note it"
    (name,) = names
    said = "are noted to hold" if known else "hold"
    st.markdown(formatting.escape(f"{name} {said} different people, though ids are alike:"))
    return ([], "Take that back") if known else (names, "Yes, different people")


def _confirm(workspace: Workspace, open_: list[SharedIds]) -> None:
    """Offer the ids whose age and sex agree as one person each, to be confirmed or denied by somebody."""
    offered = {f"{of.first} = {of.second}": of for each in open_ for of in each.fits}
    if not offered or not guard.may(Action.DECIDE_PEOPLE):
        return
    with st.form("one-person-where-fitting", border=True):
        chosen = st.multiselect(
            "Perhaps one person: the participant id is the same, and age and sex agree",
            list(offered),
            default=list(offered)[:_OFFERED],
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            author = person.field("Who decides")
            one = st.form_submit_button("One person each", type="primary")
            two = st.form_submit_button("Different people")
    if (one or two) and chosen:
        with frame.in_words():
            decisions = [PersonDecision(offered[name], one, duplicates.FITTING) for name in chosen]
            who_is_who.decide(workspace, decisions, author)
            state.put(state.PERSON, author.strip())
            st.rerun()
