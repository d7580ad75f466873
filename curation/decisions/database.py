"""Decisions of people, in one database: appended, never updated.

SQLite in the workspace by default; PostgreSQL by the environment variable ``TIERSCOPE_DATABASE_URL``, one
database a workspace. Its tables are those of :mod:`curation.decisions.schema`. Every connection is to the
workspace's own database, see :mod:`curation.decisions.database_identity`; how one is made is in
:mod:`curation.decisions.database_connection`.
"""

import contextlib
import datetime
import fcntl
import os
import random
import socket
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from curation import __version__
from curation.access import acting
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import (
    audit_chain,
    database_connection,
    database_identity,
    earlier_version,
    schema,
)
from curation.decisions.database_identity import URL_VARIABLE, DatabaseNote
from curation.decisions.schema import AuditAction, audit, metadata
from curation.errors import WorkspaceError
from curation.storage import files
from curation.storage.workspace import Workspace
from curation.wording import plural

#: How long a writer waits for the others on SQLite before it gives up.
_PATIENCE_MS = database_connection.PATIENCE_MS
#: Held on PostgreSQL while tables are made: any fixed number.
_MAKING_TABLES = 20_251_201
#: Held on PostgreSQL while somebody saves a rule, so that versions are numbered one after the other.
_SAVING_RULE = 20_251_125
#: Held on PostgreSQL, with a session's number, while somebody writes to that session.
_WRITING_SESSION = 41

#: So many decisions that were put in by another way are named in the audit's line.
_NAMED = 20

#: Engines that were made, to be closed.
_made: list[sa.Engine] = []


def engine(workspace: Workspace) -> sa.Engine:
    """Return the engine of a workspace's database, its tables made where the workspace is new.

    Raises
    ------
    WorkspaceError
        When the driver for ``TIERSCOPE_DATABASE_URL`` is not installed, the database cannot be reached, or it
        is gone, damaged or another workspace's. The same at each connection.
    """
    return _engine(workspace, os.environ.get(URL_VARIABLE))


@contextlib.contextmanager
def writing(workspace: Workspace) -> Iterator[sa.Connection]:
    """Yield a connection in a transaction that is for writing from its start; all of it is stored, or none.

    On SQLite a transaction that reads first and writes later fails when another one wrote in between;
    one that says at once that it will write waits for its turn. Decisions that were put in by another way are
    found and told before, in a transaction of their own, which stays whatever becomes of this one.

    Raises
    ------
    WorkspaceError
        When the database cannot be reached or written; then nothing was stored.
    """
    immediate = engine(workspace).execution_options(tierscope_writes=True)
    if immediate.dialect.name == "sqlite" and not database_connection.may_write(
        workspace.database_path
    ):
        raise WorkspaceError(
            f"This was not stored: {workspace.root} is read-only for this account. It can be looked at; to "
            "decide something, open it with an account that may write to it."
        )
    with _fair_turn(workspace, immediate), immediate.connect() as connection:
        _tell_put_in(connection)
        yield connection
        audit_chain.append(connection)
        connection.commit()


def _tell_put_in(connection: sa.Connection) -> None:
    """Put into the audit, for ever, which decisions were put in by another way since the last one here."""
    while found := audit_chain.take_in(connection):
        note_within(
            connection,
            author=acting.account(),
            action=AuditAction.FOUND_PUT_IN,
            subject=plural(len(found), "decision"),
            detail={
                "decisions": len(found),
                "named": found[:_NAMED],
                "machine": socket.gethostname(),
            },
        )
        audit_chain.append(connection)
        connection.commit()


@guarded(Action.ADOPT)
def adopt(workspace: Workspace) -> None:
    """Tie a workspace to the present database, creating an empty one where there is none."""
    with files.lock(_lock_path(workspace)):
        _settle(workspace, os.environ.get(URL_VARIABLE), adopting=True)
    close()


def close() -> None:
    """Close the connections that this process keeps open."""
    while _made:
        _made.pop().dispose()
    _engine.cache_clear()


# ---- engines -----------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def _engine(workspace: Workspace, url: str | None) -> sa.Engine:
    kind = database_connection.kind_of(url)
    if workspace.writable:
        with files.lock(_lock_path(workspace)):
            _settle(workspace, url)
    elif kind == "file":
        database_identity.refuse_missing(workspace, database_identity.noted(workspace))
        if not workspace.database_path.exists():
            return database_connection.to_nothing()

    def check(found: str | None) -> None:
        note = database_identity.noted(workspace)
        if (
            note is not None or workspace.writable
        ):  # a note cannot be made of what is only looked at
            database_identity.refuse_other(workspace, note, kind, found)

    made = database_connection.to_database(workspace, url, check=check)
    _made.append(made)
    return made


def _settle(workspace: Workspace, url: str | None, *, adopting: bool = False) -> None:
    """Make the tables that are not there, and tie workspace and database to each other; its lock is held."""
    kind, note = (
        database_connection.kind_of(url),
        None if adopting else database_identity.noted(workspace),
    )
    database_identity.refuse_other_kind(workspace, note, kind)
    if kind == "file" and not adopting:
        database_identity.refuse_missing(workspace, note)
        database_identity.refuse_stray(workspace, database_connection.earlier_path(workspace))
    made = database_connection.to_database(workspace, url, create=True)
    try:
        with made.connect() as connection:
            found = connection.info["id"]
        if not adopting:
            database_identity.refuse_other(workspace, note, kind, found)
        earlier_version.keep_copy(workspace, made)
        number = found or (note.id if note else database_identity.new_id())
        if found is None:
            database_identity.write(workspace, DatabaseNote(number, kind, made=False))
        database_connection.choose_journal(workspace, made)
        _make_tables(made, number if found is None else None)
        if note is None or not note.made or note.id != number:
            database_identity.write(workspace, DatabaseNote(number, kind))
    finally:
        made.dispose()


def _make_tables(made: sa.Engine, new_id: str | None) -> None:
    """Make the tables that are not there; of many machines at once, one after the other."""
    with made.execution_options(tierscope_writes=True).begin() as connection:
        if made.dialect.name != "sqlite":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING_TABLES)))
        chained = sa.inspect(connection).has_table(schema.chain.name)
        metadata.create_all(connection)
        if new_id is not None:
            row = {"id": new_id, "at": now(), "version": __version__}
            connection.execute(schema.identity.insert().values(row))
        if not chained:
            audit_chain.take_in_earlier(connection)


@contextlib.contextmanager
def _fair_turn(workspace: Workspace, made: sa.Engine) -> Iterator[None]:
    """Give all writers that wait for a SQLite file the same chance to be next.

    SQLite lets each of them sleep longer and longer: with twenty writing without a pause, single ones would
    wait for half a minute.
    """
    if made.dialect.name != "sqlite":
        yield
        return
    until = time.monotonic() + _PATIENCE_MS / 1000
    with _lock_path(workspace).open("a") as file:  # closing it lets go
        while not _taken(file):
            if time.monotonic() > until:
                raise WorkspaceError(
                    f"This was not stored: another program has been writing to {workspace.database_path} for "
                    "a minute. See which one, and try again."
                )
            time.sleep(random.uniform(0.001, 0.01))
        yield


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_path(workspace: Workspace) -> Path:
    path = workspace.database_path
    return path.with_name(f".{path.name}.lock")


def take_turn(connection: sa.Connection, session_id: int) -> None:
    """Wait until no other transaction writes to this session; on SQLite only one writes anyway."""
    if connection.dialect.name != "sqlite":
        lock = sa.func.pg_advisory_xact_lock(_WRITING_SESSION, int(session_id))
        connection.execute(sa.select(lock))


def take_turn_with_rules(connection: sa.Connection) -> None:
    """Wait until no other transaction saves a rule; on SQLite only one writes anyway."""
    if connection.dialect.name != "sqlite":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SAVING_RULE)))


def now() -> datetime.datetime:
    """Return the present moment in UTC."""
    return datetime.datetime.now(datetime.UTC)


def oldest_first(rows: Iterable[sa.Row]) -> list[sa.Row]:
    """Return rows of decisions as they were made, so that of several the last is the one that stands.

    Parameters
    ----------
    rows : iterable of sqlalchemy.Row
        With ``at`` and ``id``.

    Returns
    -------
    list of sqlalchemy.Row
        By ``at``, as the clock of the machine told it on which it was decided; of one moment, by ``id``, in
        the order in which they were stored here. What is imported keeps its moment, so that an old decision
        that comes later does not override a newer one. Sorted here and not by the database, since SQLite
        keeps moments as texts, of which those with and without fractions of a second are not in order.
    """
    return sorted(rows, key=attrgetter("at", "id"))


def note(workspace: Workspace, *, author: str, action: str, subject: str, detail: dict) -> None:
    """Append one line to the audit."""
    with writing(workspace) as connection:
        note_within(connection, author=author, action=action, subject=subject, detail=detail)


def is_noted(connection: sa.Connection, *, action: AuditAction, subject: str) -> bool:
    """Return whether the audit has a line on this action and subject."""
    query = sa.select(audit.c.id).where(schema.is_action(action), audit.c.subject == subject)
    return connection.execute(query.limit(1)).first() is not None


def note_within(
    connection: sa.Connection, *, author: str, action: str, subject: str, detail: dict
) -> None:
    """Append one line to the audit in the transaction of a connection."""
    row = {"at": now(), "author": author, "action": action, "subject": subject, "detail": detail}
    connection.execute(audit.insert().values(row))
