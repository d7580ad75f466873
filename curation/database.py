"""Decisions of people, in one database: appended, never updated.

SQLite in the workspace by default; PostgreSQL by the environment variable ``TIERSCOPE_DATABASE_URL``, one
database a workspace. Its tables are those of :mod:`curation.schema`.
"""

import contextlib
import datetime
import fcntl
import os
import random
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from curation import files
from curation.errors import WorkspaceError
from curation.schema import audit, metadata
from curation.workspace import Workspace

URL_VARIABLE = "TIERSCOPE_DATABASE_URL"
#: How long a writer waits for the others on SQLite before it gives up.
_PATIENCE_MS = 60_000
#: Held on PostgreSQL while tables are made: any fixed number.
_MAKING_TABLES = 20_251_201
#: Held on PostgreSQL while somebody saves a rule, so that versions are numbered one after the other.
_SAVING_RULE = 20_251_125
#: Held on PostgreSQL, with a session's number, while somebody writes to that session.
_WRITING_SESSION = 41


def engine(workspace: Workspace) -> sa.Engine:
    """Return the engine of a workspace's database, its tables made where they are not there.

    Raises
    ------
    WorkspaceError
        When the driver for ``TIERSCOPE_DATABASE_URL`` is not installed, or the database cannot be reached.
    """
    default = f"sqlite:///{workspace.database_path}"
    return _engine(os.environ.get(URL_VARIABLE, default))


@contextlib.contextmanager
def writing(workspace: Workspace) -> Iterator[sa.Connection]:
    """Yield a connection in a transaction that is for writing from its start; all of it is stored, or none.

    On SQLite a transaction that reads first and writes later fails when another one wrote in between;
    one that says at once that it will write waits for its turn.

    Raises
    ------
    WorkspaceError
        When the database cannot be reached or written; then nothing was stored.
    """
    immediate = engine(workspace).execution_options(tierscope_writes=True)
    try:
        with _fair_turn(immediate), immediate.begin() as connection:
            yield connection
    except sa.exc.OperationalError as error:
        raise WorkspaceError(
            f"This was not stored: {str(error.orig).strip()}. Try again; if it stays so, see whether the "
            "database can be reached and its disk has room."
        ) from error


@lru_cache(maxsize=8)
def _engine(text: str) -> sa.Engine:
    # NullPool: a SQLite file closes with each use, so that it can be copied, moved or deleted.
    try:
        url = sa.make_url(text)
        sqlite = url.get_backend_name() == "sqlite"
        made = sa.create_engine(url, **_pool(sqlite))
    except (sa.exc.ArgumentError, ModuleNotFoundError) as error:
        raise WorkspaceError(
            f"{URL_VARIABLE} names a database that cannot be used ({error}). Expected is "
            "postgresql+psycopg://USER@HOST/DATABASE, and the driver: pip install 'psycopg[binary]'."
        ) from error
    if sqlite:
        sa.event.listen(made, "connect", _make_durable)
        sa.event.listen(made, "begin", _begin)
    if sqlite and url.database:
        with contextlib.suppress(
            OSError
        ):  # SQLite itself would not let a group write; it says what is wrong
            Path(url.database).touch()
    try:
        _make_tables(made)
    except sa.exc.OperationalError as error:
        raise WorkspaceError(
            f"The database of decisions cannot be opened: {str(error.orig).strip()}. Nothing was stored."
        ) from error
    return made


@contextlib.contextmanager
def _fair_turn(made: sa.Engine) -> Iterator[None]:
    """Let all who wait to write to a SQLite file have the same chance to be next.

    SQLite lets each of them sleep longer and longer: with twenty writing without a pause, single ones would
    wait for half a minute.
    """
    if made.dialect.name != "sqlite" or not made.url.database:
        yield
        return
    until = time.monotonic() + _PATIENCE_MS / 1000
    with _lock_path(made).open("a") as file:  # closing it lets go
        while not _taken(file):
            if time.monotonic() > until:
                raise WorkspaceError(
                    f"This was not stored: another program has been writing to {made.url.database} for a "
                    "minute. See which one, and try again."
                )
            time.sleep(random.uniform(0.001, 0.01))
        yield


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_path(made: sa.Engine) -> Path:
    place = Path(str(made.url.database))
    return place.with_name(f".{place.name}.lock")


def _pool(sqlite: bool) -> dict[str, Any]:
    return {"poolclass": sa.NullPool} if sqlite else {"pool_pre_ping": True}


def _make_tables(made: sa.Engine) -> None:
    """Make the tables that are not there; of many processes at once, one after the other."""
    if made.dialect.name != "sqlite":
        with made.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING_TABLES)))
            metadata.create_all(connection)
    elif not made.url.database:
        metadata.create_all(made)
    else:
        with files.lock(_lock_path(made)):
            metadata.create_all(made)


def _make_durable(connection, _record) -> None:  # type: ignore[no-untyped-def]
    """Let readers and writers work at once, and wait for each other instead of failing."""
    connection.isolation_level = None  # transactions begin where we say so, see _begin
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("tierscope_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


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


def note(workspace: Workspace, *, author: str, action: str, subject: str, detail: dict) -> None:
    """Append one line to the audit."""
    row = {"at": now(), "author": author, "action": action, "subject": subject, "detail": detail}
    with writing(workspace) as connection:
        connection.execute(audit.insert().values(row))
