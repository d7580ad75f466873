"""Whether this server has a login, and what it needs: made once, when the server starts."""

import contextlib
import logging
from collections.abc import Callable

import streamlit as st
from starlette.types import ASGIApp
from streamlit.runtime.scriptrunner import get_script_run_ctx

from curation.access import acting, membership
from curation.access.acting import NOBODY, Actor
from curation.access.membership import Membership
from curation.errors import ServerError, TierscopeError
from curation.storage.workspace import Workspace
from pages.ui.entrance import provider_login
from pages.ui.entrance.gate import HANDLE_HEADER, Gate
from pages.ui.entrance.login_sessions import LoginSessions

_log = logging.getLogger(__name__)
_sessions: LoginSessions | None = None


def open_for(workspace: Workspace, key: Callable[[], str | None]) -> Membership | None:
    """Have people sign in, where the workspace's settings ask for it.

    Parameters
    ----------
    workspace : Workspace
        Which is served.
    key : callable
        Returns the door's key, which a proxy that says who people are has to show.

    Returns
    -------
    Membership or None
        The settings; none where there is no login.

    Raises
    ------
    ServerError
        When they cannot be read, or a login as they ask for would not work or not be safe.
    """
    global _sessions
    if not membership.is_asked_for(workspace):
        return None
    path = membership.path_of(workspace).resolve()
    settings = membership.read(path)
    if settings.by == "oidc":
        provider_login.refuse_incomplete()
    elif key() is None:
        raise ServerError(
            "A proxy that says who people are has to show the key: set TIERSCOPE_KEY to the one that it "
            "sends in the header Tierscope-Key, see docs/server.md."
        )
    _sessions = LoginSessions(path)
    acting.ask(_who)
    return settings


def is_open() -> bool:
    """Return whether people sign in at this server."""
    return _sessions is not None


def settings() -> Membership | None:
    """Return the present settings of the login; none where there is none, or they cannot be read."""
    if _sessions is None:
        return None
    with contextlib.suppress(ServerError):
        return _sessions.settings()
    return None


def around(app: ASGIApp, key: str | None, note: Callable[[str, Actor], None]) -> ASGIApp:
    """Return an application with the gate before it, where people sign in."""
    if _sessions is None:
        return app
    return Gate(app, _sessions, key, _noting(note))


def _noting(note: Callable[[str, Actor], None]) -> Callable[[str, Actor], None]:
    def noting(what: str, actor: Actor) -> None:
        try:
            note(what, actor)
        except (TierscopeError, OSError) as error:
            _log.error("%s was not put into the audit: %s", what, error)

    return noting


def _who() -> Actor:
    """Return who acts: whoever is signed in at the page that runs in this thread."""
    if _sessions is None or get_script_run_ctx(suppress_warning=True) is None:
        return NOBODY
    try:
        return _sessions.actor(st.context.headers.get(HANDLE_HEADER))
    except ServerError:
        return NOBODY
