"""Decisions of people, in one database: appended, never updated.

SQLite in the workspace by default; PostgreSQL by the environment variable ``TIERSCOPE_DATABASE_URL``, one
database a workspace. What was added to the layout since 0.1.0 lies in tables of its own, made where they are
not there: no table that holds decisions is ever altered.
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


class Moment(sa.TypeDecorator[datetime.datetime]):
    """A moment in UTC, read with its zone from every database (SQLite forgets zones)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_result_value(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        """Return the moment in UTC."""
        if value is None or value.tzinfo is not None:
            return value and value.astimezone(datetime.UTC)
        return value.replace(tzinfo=datetime.UTC)

    def process_bind_param(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        """Store the moment in UTC."""
        return value and value.astimezone(datetime.UTC)


_metadata = sa.MetaData()

ratings = sa.Table(
    "ratings",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("scan_id", sa.String(200), nullable=False, index=True),
    sa.Column("rater", sa.String(100), nullable=False),
    sa.Column("scale", sa.String(50), nullable=False),
    sa.Column("direction", sa.String(20), nullable=False),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("label", sa.String(50), nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
)

#: What else is known of a rating; ratings made before 0.2.0 have no row here.
details = sa.Table(
    "rating_details",
    _metadata,
    sa.Column("rating_id", sa.ForeignKey("ratings.id"), primary_key=True),
    # what makes a rating one and the same, however often it is sent: session, position and attempt, or a
    # row of an imported file
    sa.Column("key", sa.String(200), nullable=True, unique=True),
    sa.Column("role", sa.String(20), nullable=False),  # one of curation.ratings.ROLES
    sa.Column("session_id", sa.ForeignKey("sessions.id"), nullable=True, index=True),
    sa.Column("position", sa.Integer, nullable=True),
    sa.Column("repeat", sa.Boolean, nullable=False),
    sa.Column("confidence", sa.Float, nullable=True),
    sa.Column("artefacts", sa.JSON, nullable=False),
    sa.Column("seconds", sa.Float, nullable=True),
    sa.Column("shown", sa.JSON, nullable=True),
    sa.Column("origin", sa.String(200), nullable=False),  # "" or where it was imported from
)

#: Ratings taken back by undo; the rating itself stays.
withdrawals = sa.Table(
    "withdrawals",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("rating_id", sa.ForeignKey("ratings.id"), nullable=False, unique=True),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
)

#: The study's own scales.
scales = sa.Table(
    "scales",
    _metadata,
    sa.Column("name", sa.String(50), primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("label", sa.String(100), nullable=False),
    sa.Column("words", sa.JSON, nullable=False),  # pairs of value and word, best first
    sa.Column("direction", sa.String(20), nullable=False),
    sa.Column("citation", sa.Text, nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
)

#: Rating sessions, and the list of scans that each drew once.
sessions = sa.Table(
    "sessions",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("rater", sa.String(100), nullable=False),
    sa.Column("plan", sa.JSON, nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
    sa.UniqueConstraint("rater", "name"),
)
session_items = sa.Table(
    "session_items",
    _metadata,
    sa.Column("session_id", sa.ForeignKey("sessions.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("scan_id", sa.String(200), nullable=False),
    sa.Column("repeat_of", sa.Integer, nullable=True),
)

#: Tiers given to single scans by people, against the rule.
overrides = sa.Table(
    "overrides",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("scan_id", sa.String(200), nullable=False, index=True),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("tier", sa.String(50), nullable=True),  # NULL: back to the rule
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
)

#: Tier rules, each saved version a row.
rules = sa.Table(
    "rules",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),  # 1, 2, ... of this name
    sa.Column(
        "hash", sa.String(16), nullable=False
    ),  # of what the rule does, not of how it is written
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("text", sa.Text, nullable=False),  # YAML, as its author wrote it
    sa.Column("version", sa.String(20), nullable=False),
    sa.UniqueConstraint("name", "number"),
)


#: What people note of studies; each row says one thing, NULL where it says nothing of it.
study_marks = sa.Table(
    "study_marks",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("study_id", sa.String(200), nullable=False, index=True),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("tags", sa.JSON(none_as_null=True), nullable=True),  # all tags that hold from now on
    sa.Column("note", sa.Text, nullable=True),
    sa.Column("archived", sa.Boolean, nullable=True),
    sa.Column("version", sa.String(20), nullable=False),
)


#: Lists of scans that people picked.
scan_lists = sa.Table(
    "scan_lists",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("name", sa.String(100), nullable=False, unique=True),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
)
scan_list_items = sa.Table(
    "scan_list_items",
    _metadata,
    sa.Column("list_id", sa.ForeignKey("scan_lists.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("scan_id", sa.String(200), nullable=False),
)

#: Who did what and when, besides: cohorts frozen, cut-offs suggested from ratings.
audit = sa.Table(
    "audit",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("action", sa.String(50), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)


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
            _metadata.create_all(connection)
    elif not made.url.database:
        _metadata.create_all(made)
    else:
        with files.lock(_lock_path(made)):
            _metadata.create_all(made)


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
