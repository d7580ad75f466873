"""Unblinding of a rating session: once its hidden fields were shown, no rating in it is taken back."""

import sqlalchemy as sa

from curation.access.actions import Action
from curation.access.guard import guarded, require_author
from curation.decisions import database
from curation.decisions.schema import AuditAction
from curation.sessions.session_plan import Session
from curation.storage.workspace import Workspace


@guarded(Action.UNBLIND)
def unblind(workspace: Workspace, session: Session) -> None:
    """Store that the hidden fields of a session were shown; once, however often it is sent."""
    require_author(session.plan.rater)
    with database.writing(workspace) as connection:
        database.take_turn(connection, session.id)
        if not was_unblinded(connection, session.id):
            database.note_within(
                connection,
                author=session.plan.rater,
                action=AuditAction.SESSION_UNBLINDED.value,
                subject=_subject(session.id),
                detail={"name": session.plan.name},
            )


def is_unblinded(workspace: Workspace, session: Session) -> bool:
    """Return whether nothing of a session is hidden: it is not blinded, or was unblinded."""
    if not session.plan.blinded:
        return True
    with database.engine(workspace).connect() as connection:
        return was_unblinded(connection, session.id)


def was_unblinded(connection: sa.Connection, session_id: int) -> bool:
    """Return whether :func:`unblind` was called for a session."""
    return database.is_noted(
        connection, action=AuditAction.SESSION_UNBLINDED, subject=_subject(session_id)
    )


def _subject(session_id: int) -> str:
    return f"session {session_id}"
