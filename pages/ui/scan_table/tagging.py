"""Tags on the screen: put on one scan or many, taken off, taken back, and as a filter."""

from collections.abc import Collection, Sequence

import pandas as pd
import streamlit as st

from curation.access import guard
from curation.access.actions import Action
from curation.decisions import scan_tags
from curation.decisions.scan_tags import Change
from curation.storage.tag_columns import MAX_TAG
from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.shell import cache, controls, formatting, frame, person, state

#: Keys of Review: into the field of a new tag, and the tag that was used last on or off.
NEW, AGAIN = "G", "Y"


# ---- one scan ------------------------------------------------------------------------------------


def show_of_scan(workspace: Workspace, scan_id: str) -> None:
    """Draw the tags of a scan: pressed ones it has, each is put on or taken off by a click.

    The rating beside it listens for the key of the field (:data:`pages.ui.shell.controls.FIELD_KEYS`).
    """
    _carry_out(workspace)
    known = cache.tags(workspace)
    has = scan_tags.of_scan(known, scan_id)
    if not guard.may(Action.TAG):
        if has:
            st.caption(f"Tags: {formatting.escape(', '.join(has))}")
        return
    with st.container(key="tags-of-scan"):
        _pills(workspace, scan_id, list(known), has)
        with st.container(horizontal=True, gap="small", key="tagging"):
            _new_tag(scan_id)
            _again(scan_id, has)
            _undo_button()


def _pills(workspace: Workspace, scan_id: str, known: list[str], has: list[str]) -> None:
    if not known:
        st.markdown("**Tags** · none yet in this workspace")
        return
    key = f"tags-{scan_id}-{scan_tags.newest(workspace)}"

    def changed() -> None:
        wanted = set(state.get(key) or ())
        for tag in sorted(wanted.symmetric_difference(has)):
            _wish(tag, [scan_id], there=tag in wanted)

    st.pills("**Tags**", known, default=has, selection_mode="multi", key=key, on_change=changed)


def _new_tag(scan_id: str) -> None:
    tries = state.get(
        state.TAG_TRIES, 0
    )  # the field is empty after each, so that a word can come again
    key = f"new-tag-{scan_id}-{tries}"

    def entered() -> None:
        if word := (state.get(key) or "").strip():
            _wish(word, [scan_id], there=True)

    st.text_input(
        f"Put a tag on this scan (key {NEW}, then Enter)",
        key=key,
        max_chars=MAX_TAG,
        width="stretch",
        label_visibility="collapsed",
        placeholder=f"new tag, key {NEW}",
        on_change=entered,
    )


def _again(scan_id: str, has: list[str]) -> None:
    if (last := state.get(state.LAST_TAG)) is None:
        return
    there = last not in has
    st.button(
        formatting.escape(last),
        key="tag-again",
        icon=":material/label:" if there else ":material/label_off:",
        shortcut=AGAIN,
        on_click=_wish,
        args=(last, [scan_id]),
        kwargs={"there": there},
        help=f"{'Puts this tag on the scan' if there else 'Takes this tag off the scan'}.",
    )


# ---- many scans ----------------------------------------------------------------------------------


def offer(workspace: Workspace, scan_ids: Sequence[str], *, key: str, whose: str = "") -> None:
    """Draw the button that tags many scans, with what was done last.

    Parameters
    ----------
    workspace : Workspace
        Where tags go.
    scan_ids : sequence of str
        The scans.
    key : str
        Of the place on the page.
    whose : str
        What they are, such as ``selected``.
    """
    if not guard.may(Action.TAG):
        return
    _carry_out(workspace)
    many = f"{plural(len(scan_ids), 'scan')}{f' {whose}' if whose else ''}"
    with st.popover("Tag", icon=":material/label:", disabled=not scan_ids, key=f"{key}-popover"):
        _form(workspace, scan_ids, many, key)
    _undo_button()


def _form(workspace: Workspace, scan_ids: Sequence[str], many: str, key: str) -> None:
    tag = st.selectbox(
        f"Tag of the {many}",
        list(cache.tags(workspace)),
        index=None,
        accept_new_options=True,
        key=f"{key}-word",
        placeholder="choose a tag, or type a new one",
        help="A word or a few. Scans, Review and Explore are filtered by tags; a gate of a rule on "
        "Tiers can look at one.",
    )
    author = person.field("Who tags")
    with st.container(horizontal=True):
        on = st.button(
            f"Put it on {plural(len(scan_ids), 'scan')}", key=f"{key}-on", type="primary"
        )
        off = st.button("Take it off", key=f"{key}-off")
    if on or off:
        state.put(state.PERSON, author.strip())
        _wish(tag or "", scan_ids, there=on)
        _carry_out(workspace)


# ---- what is done --------------------------------------------------------------------------------


def _wish(tag: str, scan_ids: Collection[str], *, there: bool) -> None:
    """Note what shall be done in the run that follows: callbacks run before anybody is known to act.

    Two quick clicks come as one change, and each of them counts; of one tag and the same scans the last.
    """
    about = (tag, tuple(scan_ids))
    others = [wish for wish in state.get(state.TAG_WISHES, ()) if wish[:2] != about]
    state.put(state.TAG_WISHES, (*others, (*about, there)))
    state.put(state.TAG_TRIES, state.get(state.TAG_TRIES, 0) + 1)


def _carry_out(workspace: Workspace) -> None:
    """Do what was asked for; where it cannot be done, say why, here. Without a name it waits for one."""
    wishes, number = state.get(state.TAG_WISHES, ()), state.get(state.TAG_UNDO)
    if wishes and not person.name().strip():
        waiting = formatting.escape(", ".join(tag for tag, _, _ in wishes))
        words = f"the tags {waiting} wait" if len(wishes) > 1 else f"the tag {waiting} waits"
        st.warning(f"Enter your name or initials first: {words}.")
        return
    if not wishes and number is None:
        return
    state.put(state.TAG_WISHES, ())
    state.put(state.TAG_UNDO, None)
    with frame.in_words():
        if number is not None:
            _say(scan_tags.undo(workspace, number, person.name()))
            state.put(state.LAST_TAG_CHANGE, None)
        for tag, scan_ids, there in wishes:
            act = scan_tags.put_on if there else scan_tags.take_off
            done = act(workspace, tag, scan_ids, person.name())
            state.put(state.LAST_TAG, done.tag)
            state.put(state.LAST_TAG_CHANGE, done if done.id else None)
            _say(done)
        st.rerun()


def _say(done: Change) -> None:
    st.toast(formatting.escape(done.words), icon=":material/label:")


def _undo_button() -> None:
    last = state.get(state.LAST_TAG_CHANGE)
    if last is None:
        return
    st.button(
        "Undo tag",
        key="undo-tag",
        icon=":material/undo:",
        on_click=state.put,
        args=(state.TAG_UNDO, last.id),
        help=f"Takes the last change back ({last.words}) Both stay in the history.",
    )


# ---- filter --------------------------------------------------------------------------------------


def is_filtered() -> bool:
    """Return whether scans are filtered by tags."""
    return bool(state.get(state.WITH_TAGS) or state.get(state.WITHOUT_TAGS))


def choose_tags(workspace: Workspace) -> None:
    """Draw the choice of the tags that scans have to have, and of those that they must not have."""
    known = cache.tags(workspace)
    for key, label in (
        (state.WITH_TAGS, "With any of these tags"),
        (state.WITHOUT_TAGS, "Without any of these tags"),
    ):
        if not known:
            state.put(key, [])
            continue
        controls.choose_several(
            label,
            list(known),
            key=key,
            format_func=lambda tag: f"{tag} ({len(known.get(tag, ())):,})",
        )


def keeps(workspace: Workspace, scan_ids: pd.Series) -> pd.Series:
    """Return which scans the chosen tags leave."""
    known = cache.tags(workspace)
    left = pd.Series(True, scan_ids.index)
    if wanted := state.get(state.WITH_TAGS):
        left &= scan_ids.isin(_any_of(known, wanted))
    if unwanted := state.get(state.WITHOUT_TAGS):
        left &= ~scan_ids.isin(_any_of(known, unwanted))
    return left


def _any_of(known: dict[str, frozenset[str]], tags: Collection[str]) -> frozenset[str]:
    return frozenset[str]().union(*(known.get(tag, frozenset()) for tag in tags))
