"""Which rating session is open in this browser: kept in the address, so that it outlives a restart."""

import streamlit as st

from curation import sessions
from curation.errors import RatingError
from curation.plans import Session
from curation.workspace import Workspace
from pages.ui import state

_ADDRESS = "session"
_DIGITS = 10


def number() -> int | None:
    """Return the number of the open session."""
    return state.get(state.RATING_SESSION)


def take_from_address() -> None:
    """Open the session that the address names, where none is open."""
    named = st.query_params.get(_ADDRESS, "")
    if number() is None and named.isdecimal() and len(named) < _DIGITS:
        state.put(state.RATING_SESSION, int(named))


def put(session_id: int | None) -> None:
    """Open a session, or none; before anything is drawn, as a button's callback does."""
    state.put(state.RATING_SESSION, session_id)
    state.put(state.ON_SCREEN, None)
    if session_id is None:
        st.query_params.pop(_ADDRESS, None)


def load(workspace: Workspace) -> Session | None:
    """Return the open session as it stands; ``None`` where none is open."""
    session_id = number()
    if session_id is None:
        return None
    try:
        session = sessions.load(workspace, session_id)
    except RatingError:
        put(None)
        st.rerun()
    st.query_params[_ADDRESS] = str(session_id)
    return session


def seconds_on_screen(session: Session) -> float:
    """Return for how long the present scan has been shown here; the first call starts the clock."""
    return state.seconds_of(state.ON_SCREEN, (session.id, session.position, session.attempt))
