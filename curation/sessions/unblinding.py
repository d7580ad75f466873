"""When a blinded session's hidden fields were shown to its rater: then nothing in it is taken back."""

import sqlalchemy as sa

from curation.decisions import database, schema
from curation.sessions.session_plan import Session
from curation.storage.workspace import Workspace

ACTION = "what was hidden shown"


def unblind(workspace: Workspace, session: Session) -> None:
    """Note that the rater was shown what a session hid; once, however often it is sent."""
    row = {
        "at": database.now(),
        "author": session.plan.rater,
        "action": ACTION,
        "subject": _subject(session.id),
        "detail": {"name": session.plan.name},
    }
    with database.writing(workspace) as connection:
        database.take_turn(connection, session.id)
        if not noted(connection, session.id):
            connection.execute(schema.audit.insert().values(row))


def is_unblinded(workspace: Workspace, session: Session) -> bool:
    """Tell whether nothing of a session is hidden any more: it is not blinded, or was shown."""
    if not session.plan.blinded:
        return True
    with database.engine(workspace).connect() as connection:
        return noted(connection, session.id)


def noted(connection: sa.Connection, session_id: int) -> bool:
    """Tell whether :func:`unblind` was called for a session."""
    audit = schema.audit
    query = sa.select(audit.c.id).where(
        audit.c.action == ACTION, audit.c.subject == _subject(session_id)
    )
    return connection.execute(query.limit(1)).scalar() is not None


def _subject(session_id: int) -> str:
    return f"session {session_id}"
