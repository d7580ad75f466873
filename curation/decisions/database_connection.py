"""Connections to a database of decisions: SQLite in the workspace, or a server; errors in words.

A SQLite file is opened for writing where this account may write, and for reading elsewhere. It is never made
unless that is asked for, so that a file that is gone is not taken for an empty one.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from curation.decisions import database_identity
from curation.decisions.database_identity import URL_VARIABLE, DatabaseKind
from curation.decisions.schema import metadata
from curation.errors import DamagedError, WorkspaceError
from curation.storage import shared_disk
from curation.storage.workspace import Workspace

#: How long one waits for others who write to a SQLite file.
PATIENCE_MS = 60_000

#: Where the header of a SQLite file says so.
_LOGGED = 18

Check = Callable[[str | None], None]


def kind_of(url: str | None) -> DatabaseKind:
    """Return where the decisions lie: in the workspace's own file, or on the server that ``url`` names."""
    return "file" if url is None else "server"


def to_database(
    workspace: Workspace, url: str | None, *, create: bool = False, check: Check | None = None
) -> sa.Engine:
    """Return an engine for a workspace's database.

    Parameters
    ----------
    workspace : Workspace
        Whose.
    url : str or None
        Of a server; none for the file in the workspace.
    create : bool
        Make the file where it is not there.
    check : callable, optional
        Called at each new connection with the id that the database holds (none where it holds none); what it
        raises ends the connection. The id is in the connection's ``info``.
    """
    made = _to_file(workspace, create) if url is None else _to_server(url)
    sa.event.listen(made, "handle_error", lambda context: _say(workspace, context))

    driver = made.dialect.loaded_dbapi
    no_table = (driver.OperationalError, driver.ProgrammingError)

    def connected(raw: Any, record: Any) -> None:
        try:
            record.info["id"] = found = database_identity.of_connection(raw, no_table)
            if check is not None:
                check(found)
        except BaseException:
            raw.close()
            raise

    sa.event.listen(made, "connect", connected)
    return made


def choose_journal(workspace: Workspace, made: sa.Engine) -> None:
    """Choose how a SQLite file is written, from now on.

    It can be read meanwhile, except on a disk that several machines see: there, the log that this takes would
    damage it (https://www.sqlite.org/wal.html), and readers and writers wait for each other.
    """
    if made.dialect.name == "sqlite":
        mode = "DELETE" if shared_disk.network_kind(workspace.root) else "WAL"
        with made.connect() as connection:
            connection.connection.cursor().execute(f"PRAGMA journal_mode={mode}")


def to_nothing() -> sa.Engine:
    """Return an engine for a database without decisions, in memory."""
    made = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    metadata.create_all(made)
    return made


def may_write(path: Path) -> bool:
    """Return whether this account may write to a SQLite file and to its folder."""
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def earlier_path(workspace: Workspace) -> Path | None:
    """Return the file that versions before 0.4 took for the workspace's, if its path holds ``?`` or ``%``."""
    try:
        taken = sa.make_url(f"sqlite:///{workspace.database_path}").database
    except (sa.exc.ArgumentError, ValueError):
        return None
    path = Path(taken or "")
    return path if path != workspace.database_path and _holds_ratings(path) else None


def _holds_ratings(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        raw = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
        try:
            return bool(
                raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'ratings'").fetchone()
            )
        finally:
            raw.close()
    except sqlite3.Error:
        return False


def _to_file(workspace: Workspace, create: bool) -> sa.Engine:
    path = workspace.database_path
    # the path is a part of the URL and never read as one; NullPool: the file closes with each use, so that it
    # can be copied, moved or deleted
    made = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        creator=lambda: _open(path, create),
        poolclass=sa.NullPool,
    )
    sa.event.listen(made, "begin", _begin)
    return made


def _open(path: Path, create: bool) -> sqlite3.Connection:
    """Open a SQLite file with durable commits and writers that wait for each other.

    Nothing is written by that: perhaps it is not ours.
    """
    if create and not path.exists():  # SQLite itself would not let a group write to it
        path.touch()
    mode = f"mode=rw{'c' * create}" if may_write(path) else _looking_mode(path)
    raw = sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True, check_same_thread=False)
    try:
        raw.isolation_level = None  # transactions begin where we say so, see _begin
        raw.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute("PRAGMA synchronous=FULL")
    except BaseException:
        raw.close()
        raise
    return raw


def _looking_mode(path: Path) -> str:
    """Return how a file is opened that must not be written: files beside it may be needed, or not be made."""
    beside = path.with_name(f"{path.name}-wal")
    if path.exists() and not _is_logged(path):
        return "mode=ro"  # readers and writers lock it, which they may only
    return "mode=ro" if beside.exists() and beside.stat().st_size else "mode=ro&immutable=1"


def _is_logged(path: Path) -> bool:
    """Return whether a SQLite file is written by a log beside it, as its header says."""
    with path.open("rb") as file:
        return file.read(_LOGGED + 1)[_LOGGED:] == b"\x02"


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("tierscope_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _to_server(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() != "postgresql":
            raise sa.exc.ArgumentError(f"{parsed.get_backend_name()} is not known")
        return sa.create_engine(parsed, pool_pre_ping=True)
    except (sa.exc.ArgumentError, ModuleNotFoundError) as error:
        raise WorkspaceError(
            f"{URL_VARIABLE} names a database that cannot be used ({error}). Expected is "
            "postgresql+psycopg://USER@HOST/DATABASE, and the driver: pip install 'psycopg[binary]'."
        ) from error


def _say(workspace: Workspace, context: sa.ExceptionContext) -> None:
    """Raise an error of the database in words, with the remedy."""
    error = context.sqlalchemy_exception
    if context.is_pre_ping or type(error) not in (sa.exc.OperationalError, sa.exc.DatabaseError):
        return
    said = str(context.original_exception).strip()
    if context.dialect.name == "sqlite":
        if type(error) is sa.exc.DatabaseError:
            raise DamagedError(
                workspace.database_path, said, "Put back a copy of it; nothing was changed in it."
            )
        database_identity.refuse_missing(workspace, database_identity.noted(workspace))
    options = context.engine.get_execution_options() if context.engine else {}
    if options.get("tierscope_writes"):
        raise WorkspaceError(
            f"This was not stored: {said}. Try again; if it stays so, see whether the database can be "
            "reached and its disk has room."
        )
    raise WorkspaceError(
        f"The database of decisions cannot be opened or read: {said}. Nothing was stored. See whether it can "
        "be reached and its disk has room, then try again."
    )
