"""Who decides: whoever is signed in, or the name that somebody types where there is no login."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import streamlit as st

from curation.access import acting, guard
from curation.access.actions import Action, Rank
from curation.decisions import actions
from curation.decisions.schema import AuditAction
from curation.errors import RatingError
from curation.ratings.rating_record import MAX_RATER
from curation.storage.workspace import Workspace
from pages.ui.entrance import entrance
from pages.ui.shell import formatting, page_scripts, state

#: After so long without anything done, in s, somebody else may sit there: a typed name is asked for again.
PAUSE_S = 30 * 60.0


def name() -> str:
    """Return who works here; empty where nobody has said so yet, or not since a long pause."""
    actor = acting.who()
    if actor.signed_in:
        return actor.name
    notice_pause()
    return state.get(state.PERSON, "")


def field(label: str, **options: Any) -> str:
    """Draw the field in which somebody says who decides, and return the name; none for who is signed in."""
    actor = acting.who()
    if actor.signed_in:
        return actor.name
    known = state.get(state.PERSON, "")
    if (key := options.get("key")) is None:
        return st.text_input(label, value=known, max_chars=MAX_RATER, **options)
    state.put(state.PERSON_FIELDS, frozenset({*state.get(state.PERSON_FIELDS, ()), key}))
    if state.get(key) is None:  # a value and a state at once would contradict each other
        state.put(key, known)
    return st.text_input(label, max_chars=MAX_RATER, **options)


# ---- one place, several people ---------------------------------------------------------------------


def empty_field(label: str, *, key: str) -> str:
    """Draw the field in which somebody says anew who they are, whoever was here before; as :func:`field`."""
    actor = acting.who()
    return actor.name if actor.signed_in else st.text_input(label, key=key, max_chars=MAX_RATER)


def suggest(names: Iterable[str], on_choice: Callable[[str], None], *, key: str) -> None:
    """Draw a button for each of the people who may sit here: one press instead of a name that is typed."""
    for number, one in enumerate(names):
        st.button(
            f"I am {formatting.escape(one)}", key=f"{key}-{number}", on_click=on_choice, args=(one,)
        )


def refuse_other_spelling(name: str, known: Iterable[str]) -> None:
    """Refuse a new name that is one of those known but for capitals and spaces: it would be another rater.

    Raises
    ------
    RatingError
        With what to do.
    """
    there = set(known)
    alike = sorted(one for one in there if _plain(one) == _plain(name))
    if alike and name not in there and not acting.who().signed_in:
        raise RatingError(
            f"There is a rater {alike[0]} already, and {name} would count as another. Write the name as it "
            "stands there; if you are somebody else, add a last name or initials."
        )


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()


def former() -> list[str]:
    """Return who worked here before the pause after which nobody has said who they are."""
    known = state.get(state.FORMER)
    return [known] if known and not state.get(state.PERSON) else []


def be(name: str) -> None:
    """Take it that somebody has said who they are; what others chose and did not save is put away."""
    _exchange_drafts(state.get(state.PERSON, ""), name)
    state.put(state.PERSON, name)
    state.put(state.IN_DOUBT, None)
    state.put(state.EXPECTED, None)
    for drawn in state.get(state.PERSON_FIELDS, ()):
        state.put(drawn, name)


def _exchange_drafts(before: str, now: str) -> None:
    """Put away what one person chose and did not save, and take out what another did, with neither's undo."""
    if before == now:
        return
    drafts, others = (
        state.get(state.RATING_DRAFTS) or {},
        dict(state.get(state.OTHERS_DRAFTS) or {}),
    )
    if before:  # else whoever chose says only now who they are
        others[before], drafts = drafts, {}
        state.put(state.LAST_RATING, None)
    state.put(state.RATING_DRAFTS, {**others.pop(now, {}), **drafts} if now else drafts)
    state.put(state.OTHERS_DRAFTS, others)
    state.put(state.HANDED_ON, state.get(state.HANDED_ON, 0) + 1)


def hand_on() -> None:
    """Take it that somebody else may sit here from now on, until one has said who it is."""
    if not acting.who().signed_in:
        _doubt(state.get(state.PERSON, ""))


def expect(rater: str) -> None:
    """Note that somebody opens what is a rater's, see :func:`may_be_another`."""
    state.put(state.EXPECTED, rater)


def may_be_another(rater: str) -> bool:
    """Return whether somebody else than a rater may be here: by another name, or since it was opened by hand.

    What is opened by hand (:func:`expect`) is in doubt also under the rater's own name: who paused may have
    handed the tablet on. A page that comes back by its address, after a reload or a new start of the server,
    is told by its tab who works there.
    """
    if acting.who().signed_in:
        return False
    return state.get(state.EXPECTED) == rater or name() not in ("", rater)


def notice_pause() -> None:
    """Take away the name that was typed where nothing was done for so long that another may sit here now.

    To be called before the fields of names are drawn. Who is signed in stays so, or is signed out.
    """
    now, last = time.monotonic(), state.get(state.LAST_ACT)
    state.put(state.LAST_ACT, now)
    if not acting.who().signed_in and last is not None and now - last > PAUSE_S:
        _doubt(state.get(state.PERSON, ""))


def in_doubt() -> bool:
    """Return whether nobody has said who they are since a long pause."""
    return bool(state.get(state.IN_DOUBT)) and not acting.who().signed_in


def _doubt(name: str) -> None:
    be("")
    state.put(state.IN_DOUBT, True)
    if name:
        state.put(state.FORMER, name)


def remember(key: str) -> None:
    """Have the browser's tab keep the name that somebody typed, so that a reload does not ask for it again.

    The tab knows, too, when something was done in it last: the server forgets a tablet that sleeps.

    Parameters
    ----------
    key : str
        Of the place where it is drawn: once in each part of a page that a new name draws anew.
    """
    if acting.who().signed_in:
        return

    def told() -> None:
        kept = (state.get(key) or {}).get("name")
        if isinstance(kept, Mapping):
            _take(str(kept.get("name") or "").strip()[:MAX_RATER], kept.get("idle_s"))

    page_scripts.component("remembered_name")(
        key=key,
        data={
            "name": state.get(state.PERSON, ""),
            "session": page_scripts.session(),
            "pause_s": PAUSE_S,
            "doubted": in_doubt(),
        },
        on_name_change=told,
        height=1,
    )


def _take(name: str, idle_s: Any) -> None:
    """Take what the tab has kept, where nobody has said here who they are."""
    if state.get(state.PERSON):
        return
    if isinstance(idle_s, int | float) and idle_s > PAUSE_S:
        _doubt(name)
    elif name:
        state.put(state.PERSON, name)
        for drawn in state.get(state.PERSON_FIELDS, ()):
            state.put(drawn, state.get(drawn) or name)


# ---- what who may --------------------------------------------------------------------------------


def may(action: Action) -> bool:
    """Return whether whoever looks may take an action; where not, say so in a line."""
    if guard.may(action):
        return True
    st.caption(formatting.escape(f"To {action.words} one has to be {action.rank.one} here."))
    return False


def sees_entries() -> bool:
    """Return whether it is shown who signed in and out, and when: to those who decide, not to raters."""
    rank = acting.who().rank
    return rank is not None and rank >= Rank.CURATOR


def sees_views() -> bool:
    """Return whether it is shown who looked at which scan: to somebody known who keeps the workspace."""
    return acting.who().signed_in and guard.may(Action.REPAIR)


def note_view(workspace: Workspace, scan_id: str, *, beside: str | None = None) -> None:
    """Put into the audit that somebody looks at a scan, where the login's settings ask for it.

    Parameters
    ----------
    workspace : Workspace
        Which.
    scan_id : str
        The scan.
    beside : str, optional
        The scan beside which it is shown as a reference.
    """
    settings, actor = entrance.settings(), acting.who()
    noted = state.get(state.NOTED_VIEW, {})
    place = "alone" if beside is None else "beside"
    if settings is None or not settings.views or noted.get(place) == scan_id:
        return
    actions.note_of(workspace, actor, AuditAction.LOOKED_AT, scan_id, beside=beside)
    state.put(state.NOTED_VIEW, {**noted, place: scan_id})
