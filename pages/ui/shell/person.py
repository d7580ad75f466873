"""Who decides: whoever is signed in, or the name that somebody types where there is no login."""

from typing import Any

import streamlit as st

from curation.access import acting, guard
from curation.access.actions import Action
from curation.decisions import actions
from curation.decisions.schema import AuditAction
from curation.ratings.rating_record import MAX_RATER
from curation.storage.workspace import Workspace
from pages.ui.entrance import entrance
from pages.ui.shell import formatting, page_scripts, state


def name() -> str:
    """Return who works here; empty where nobody has said so yet."""
    actor = acting.who()
    return actor.name if actor.signed_in else state.get(state.PERSON, "")


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


def remember(key: str) -> None:
    """Have the browser's tab keep the name that somebody typed, so that a reload does not ask for it again.

    Parameters
    ----------
    key : str
        Of the place where it is drawn: once in each part of a page that a new name draws anew.
    """
    if acting.who().signed_in:
        return

    def told() -> None:
        name = str((state.get(key) or {}).get("name") or "").strip()[:MAX_RATER]
        if name and not state.get(state.PERSON):
            state.put(state.PERSON, name)
            for drawn in state.get(state.PERSON_FIELDS, ()):
                state.put(drawn, state.get(drawn) or name)

    page_scripts.component("remembered_name")(
        key=key,
        data={"name": state.get(state.PERSON, ""), "session": page_scripts.session()},
        on_name_change=told,
        height=1,
    )


def may(action: Action) -> bool:
    """Return whether whoever looks may take an action; where not, say so in a line."""
    if guard.may(action):
        return True
    st.caption(formatting.escape(f"To {action.words} one has to be {action.rank.one} here."))
    return False


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
