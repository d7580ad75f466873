"""Ends of a rating session: what it hid is shown, or it is taken back before anything was rated in it.

No rating in it is given or taken back from then on. Each is a line of the audit; plan and list stay.
"""

import sqlalchemy as sa

from curation.access.actions import Action
from curation.access.guard import guarded, require_author
from curation.decisions import actions, database, schema
from curation.decisions.schema import AuditAction
from curation.errors import SessionError
from curation.ratings.rating_log import session_subject
from curation.sessions.session_plan import Session
from curation.storage.workspace import Workspace


@guarded(Action.UNBLIND)
def unblind(workspace: Workspace, session: Session) -> None:
    """Store that the hidden fields of a session were shown; once, however often it is sent.

    It ends the session, whether all of its scans are rated or not, and its ratings count from then on.
    """
    require_author(session.plan.rater)
    _end(workspace, session, session.plan.rater)


@guarded(Action.END_SESSION, author="by")
def end_for_rater(workspace: Workspace, session: Session, by: str) -> None:
    """End a session whose rater does not come back, as :func:`unblind` does; the audit says who did.

    Parameters
    ----------
    workspace : Workspace
        Which.
    session : Session
        Somebody else's.
    by : str
        Who ends it, and sees what it hid.
    """
    _end(workspace, session, by)


def _end(workspace: Workspace, session: Session, by: str) -> None:
    with database.writing(workspace) as connection:
        database.take_turn(connection, session.id)
        if moment_of(connection, session.id) is None:
            note(connection, session.id, by, {"name": session.plan.name})


@guarded(Action.TAKE_BACK_SESSION, author="by")
def take_back(workspace: Workspace, session: Session, by: str) -> None:
    """Take back a session that was started by mistake; once, however often it is sent.

    It is listed no more and nothing can be rated in it; the history keeps that it was started and taken back.

    Parameters
    ----------
    workspace : Workspace
        Which.
    session : Session
        One in which nothing was rated yet.
    by : str
        Who takes it back.

    Raises
    ------
    SessionError
        When a rating was given in it, even one that was taken back: it belongs to the session.
    """
    require_author(session.plan.rater)
    with database.writing(workspace) as connection:
        database.take_turn(connection, session.id)
        if session_subject(session.id) in taken_back(connection):
            return
        if not can_be_taken_back(connection, session.id):
            raise SessionError(
                f"Session {session.plan.name!r} of {session.plan.rater} cannot be taken back: scans were "
                "rated in it. Its ratings stay; one by one they can be taken back in the session."
            )
        note_taken_back(connection, session.id, by, {"name": session.plan.name})


def note_taken_back(
    connection: sa.Connection, session_id: int, by: str, detail: dict[str, str]
) -> None:
    """Store in a transaction that a session was taken back, and at whose wish."""
    _note_end(connection, AuditAction.SESSION_TAKEN_BACK, session_id, by, detail)


def can_be_taken_back(connection: sa.Connection, session_id: int) -> bool:
    """Tell whether no rating was ever given in a session, and it was not taken back yet."""
    details = schema.details.c
    given = sa.select(details.rating_id).where(details.session_id == session_id).limit(1)
    rated = connection.execute(given).first() is not None
    return not rated and session_subject(session_id) not in taken_back(connection)


def taken_back(connection: sa.Connection) -> frozenset[str]:
    """Return the sessions that were taken back, as the audit names them (:func:`.session_subject`)."""
    return actions.subjects_of(connection, AuditAction.SESSION_TAKEN_BACK)


def note(connection: sa.Connection, session_id: int, by: str, detail: dict[str, str]) -> None:
    """Store in a transaction that the hidden fields of a session were shown, and at whose wish.

    The detail of one that was imported says ``at`` which moment, in ISO 8601.
    """
    _note_end(connection, AuditAction.SESSION_UNBLINDED, session_id, by, detail)


def _note_end(
    connection: sa.Connection, end: AuditAction, session_id: int, by: str, detail: dict[str, str]
) -> None:
    subject = session_subject(session_id)
    database.note_within(connection, author=by, action=end.value, subject=subject, detail=detail)


def is_unblinded(workspace: Workspace, session: Session) -> bool:
    """Return whether nothing of a session is hidden: it is not blinded, or was unblinded."""
    if not session.plan.blinded:
        return True
    with database.engine(workspace).connect() as connection:
        return moment_of(connection, session.id) is not None


def moment_of(connection: sa.Connection, session_id: int) -> str | None:
    """Return when the hidden fields of a session were shown, in ISO 8601; ``None`` where they were not."""
    row = _entry(connection, session_id)
    return None if row is None else str(row.detail.get("at") or row.at.isoformat())


def ended_by(workspace: Workspace, session: Session) -> str | None:
    """Return who ended a session; ``None`` while nobody has."""
    with database.engine(workspace).connect() as connection:
        row = _entry(connection, session.id)
    return None if row is None else str(row.author)


def _entry(connection: sa.Connection, session_id: int) -> sa.Row | None:
    table = schema.audit
    query = sa.select(table.c.at, table.c.author, table.c.detail).where(
        schema.is_action(AuditAction.SESSION_UNBLINDED),
        table.c.subject == session_subject(session_id),
    )
    return connection.execute(query.order_by(table.c.id).limit(1)).first()
