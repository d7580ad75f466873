"""Actions in the audit: what somebody did besides deciding, with where, before and after."""

import socket
from typing import Any

import sqlalchemy as sa

from curation.access import acting
from curation.access.acting import Actor
from curation.decisions import database, schema
from curation.decisions.schema import AuditAction
from curation.storage.workspace import Workspace

_LONGEST = 200


def note(workspace: Workspace, action: str, subject: str, **detail: Any) -> None:
    """Append an action of whoever acts: somebody who is signed in, or the account of this process.

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


def note_of(workspace: Workspace, actor: Actor, action: str, subject: str, **detail: Any) -> None:
    """Append an action of somebody who is known otherwise, such as at the door."""
    with database.writing(workspace) as connection:
        _append(connection, actor, action, subject, detail)


def note_within(connection: sa.Connection, action: str, subject: str, **detail: Any) -> None:
    """Append an action in the transaction of a connection."""
    _append(connection, acting.who(), action, subject, detail)


def _append(
    connection: sa.Connection, actor: Actor, action: str, subject: str, detail: dict[str, Any]
) -> None:
    told = {name: value for name, value in detail.items() if value not in (None, {}, ())}
    by = {"account": acting.account(), "address": actor.address} if actor.signed_in else {}
    database.note_within(
        connection,
        author=actor.name,
        action=action,
        subject=subject[:_LONGEST],
        detail=told | by | {"machine": socket.gethostname()},
    )


# ---- how often, and to what --------------------------------------------------------------------------

#: By database and action: the last row of the audit that was looked at, and how many there were up to it. The
#: audit has no index of actions, and may hold a row for each scan that somebody looked at.
_looked_at: dict[tuple[str, AuditAction], tuple[int, int]] = {}


def count_of(connection: sa.Connection, action: AuditAction) -> int:
    """Return how often an action is in the audit; only rows that came since the last time are read."""
    audit, key = schema.audit.c, (str(connection.engine.url), action)
    last, count = _looked_at.get(key, (0, 0))
    newest = connection.execute(sa.select(sa.func.max(audit.id))).scalar_one() or 0
    if newest < last:  # another database stands in its place
        last, count = 0, 0
    if newest > last:
        since = sa.and_(audit.id > last, audit.id <= newest, schema.is_action(action))
        count += connection.execute(sa.select(sa.func.count()).where(since)).scalar_one()
        _looked_at[key] = newest, count
    return count


def subjects_of(connection: sa.Connection, action: AuditAction) -> frozenset[str]:
    """Return the subjects of an action, of however many rows."""
    query = sa.select(schema.audit.c.subject).where(schema.is_action(action))
    return frozenset(connection.execute(query).scalars())
