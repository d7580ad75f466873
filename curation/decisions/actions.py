"""Actions in the audit: what an account did besides deciding, with where, before and after."""

import getpass
import os
import socket
from typing import Any

import sqlalchemy as sa

from curation.decisions import database
from curation.storage.workspace import Workspace

_LONGEST = 200


def note(workspace: Workspace, action: str, subject: str, **detail: Any) -> None:
    """Append an action of the account that this process runs as.

    Parameters
    ----------
    workspace : Workspace
        In which it was done.
    action : str
        In words, such as ``source listed``.
    subject : str
        What it was done to; its beginning is kept where it is longer than 200 letters.
    **detail
        What else is told of it, such as ``before`` and ``after``, ready for JSON.
    """
    with database.writing(workspace) as connection:
        note_within(connection, action, subject, **detail)


def note_within(connection: sa.Connection, action: str, subject: str, **detail: Any) -> None:
    """Append an action in the transaction of a connection."""
    told = {name: value for name, value in detail.items() if value not in (None, {}, ())}
    database.note_within(
        connection,
        author=account(),
        action=action,
        subject=subject[:_LONGEST],
        detail=told | {"machine": socket.gethostname()},
    )


def account() -> str:
    """Return the name of the account of this process; its number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"account {os.getuid()}"
