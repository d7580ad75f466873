"""Possible duplicates, scans that seem to show the same head, and decisions whether they are one person."""

import streamlit as st

from curation.decisions import person_decisions
from curation.decisions.person_decisions import PersonDecision
from curation.sources import near_duplicates, who_is_who
from curation.sources.near_duplicates import Suspicion
from curation.storage.workspace import Workspace
from curation.wording import plural
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
        done = _last_decided(workspace)
        if found:
            st.warning(_what_follows(found), icon=":material/person_search:")
        if found or done:
            author = person.field("Who decides", key="alike-author")
            _undo(workspace, done, author)
            _pairs(workspace, found, author)


def _pairs(workspace: Workspace, found: list[Suspicion], author: str) -> None:
    _at_once(workspace, found, author)
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
                _decide(workspace, [suspicion], author, one_person=True)
            if st.button("Different people", key=f"two-{name}"):
                _decide(workspace, [suspicion], author, one_person=False)


def _at_once(workspace: Workspace, found: list[Suspicion], author: str) -> None:
    """Offer to answer all pairs of two sources, or within one, at once: how many it says beforehand."""
    between: dict[tuple[str, ...], list[Suspicion]] = {}
    for each in found:
        named = dict.fromkeys(name.partition(":")[0] for name in each.pair)
        between.setdefault(tuple(named), []).append(each)
    for sources, pairs in between.items():
        if len(pairs) < 2:
            continue
        names, count = " and ".join(sources), len(pairs)
        alike = [each.similarity for each in pairs]
        where = f"Between {names}" if len(sources) > 1 else f"Within {names}"
        said = f"{where}: {count:,} undecided pairs, of similarity {min(alike):.2f} to {max(alike):.2f}"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(formatting.escape(said), width="stretch")
            if st.button(f"All {count:,}: one person each", key=f"all-one-{'-'.join(sources)}"):
                _decide(workspace, pairs, author, one_person=True)
            if st.button(f"All {count:,}: different people", key=f"all-two-{'-'.join(sources)}"):
                _decide(workspace, pairs, author, one_person=False)


def _decide(workspace: Workspace, found: list[Suspicion], author: str, *, one_person: bool) -> None:
    _store(workspace, [PersonDecision(each.pair, one_person, each.words) for each in found], author)


def _store(workspace: Workspace, decisions: list[PersonDecision], author: str) -> None:
    with frame.in_words():
        who_is_who.decide(workspace, decisions, author)
        state.put(state.ALIKE_DONE, tuple(decisions))
        state.put(state.PERSON, author.strip())
        st.rerun()


def _last_decided(workspace: Workspace) -> tuple[PersonDecision, ...]:
    """Return what was decided here last; nothing once some of it does not hold any more."""
    done, held = state.get(state.ALIKE_DONE, ()), person_decisions.in_force(workspace)
    return done if all(held.get(each.pair) is each.one_person for each in done) else ()


def _undo(workspace: Workspace, done: tuple[PersonDecision, ...], author: str) -> None:
    """Say what was decided here last, and offer to take it back."""
    if not done or done[0].one_person is None:
        return
    what = "one person each" if done[0].one_person else "different people"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/check: {plural(len(done), 'pair')} noted as {what}\\.")
        if st.button("Undo", key="alike-undo"):
            _store(workspace, [PersonDecision(one.pair, None, _TAKEN_BACK) for one in done], author)


_TAKEN_BACK = "The last decision was taken back."
