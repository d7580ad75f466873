"""What an earlier version left, copied before this one adds its tables.

Tables are only added, in one transaction, so that an earlier version still reads its own. The copy is for
what nobody thought of: decisions, tables, references and cohorts as they were, in a folder of the workspace
from which ``python -m curation restore`` makes a workspace of that version again.
"""

import datetime
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from curation import __version__, errors
from curation.decisions.schema import metadata
from curation.errors import TierscopeError, WorkspaceError
from curation.storage import hashed_copies
from curation.storage.workspace import Workspace


def is_earlier(made: sa.Engine) -> bool:
    """Return whether a database holds tables of Tierscope, but not all that this version has."""
    there = set(sa.inspect(made).get_table_names())
    return bool(there & set(metadata.tables)) and not set(metadata.tables) <= there


def keep_copy(workspace: Workspace, made: sa.Engine) -> Path | None:
    """Copy what an earlier version left; nothing where it is of this version, or lies on a server.

    Parameters
    ----------
    workspace : Workspace
        Whose lock of the database is held.
    made : sqlalchemy.Engine
        To its database.

    Returns
    -------
    Path or None
        The folder of the copy, whole.

    Raises
    ------
    WorkspaceError
        When it cannot be made; then nothing was changed.
    """
    if made.dialect.name != "sqlite" or not is_earlier(made):
        return None
    moment = datetime.datetime.now(datetime.UTC)
    folder = workspace.earlier_dir / f"before-{__version__}-{moment:%Y%m%d-%H%M%S-%f}"
    part = folder.with_name(f".{folder.name}.part")
    try:
        part.mkdir(mode=0o700, parents=True)
        known = {"workspace": workspace.root.name, "at": moment.isoformat(timespec="seconds")}
        hashed_copies.write_manifest(part, _copy(workspace, made, part), audit=None, **known)
        part.rename(folder)
    except (OSError, TierscopeError, sqlite3.Error) as error:
        why = str(error) if isinstance(error, sqlite3.Error) else errors.in_words(error)
        raise WorkspaceError(
            f"{workspace.root} is of an earlier version, and is copied before it is brought up to this one. "
            f"That failed: {why} Nothing was changed. Make room, or let this account "
            "write there, and open it again."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _copy(workspace: Workspace, made: sa.Engine, part: Path) -> hashed_copies.Held:
    held: hashed_copies.Held = {}
    with made.connect() as connection:
        raw = connection.connection.driver_connection
        if isinstance(raw, sqlite3.Connection):
            name = workspace.database_path.name
            held[name] = hashed_copies.copied_database(raw, part / name)
    for path in sorted(_written_over(workspace)):
        relative = path.relative_to(workspace.root).as_posix()
        held[relative] = hashed_copies.copied(path, part / relative)
    return held


def _written_over(workspace: Workspace) -> Iterator[Path]:
    """Yield what is small and what scoring anew writes over; what is large stays as it is anyway."""
    folders = (workspace.metrics_dir, workspace.references_dir, workspace.cohorts_dir)
    yield from workspace.root.glob("*.parquet")
    yield workspace.settings_path
    if workspace.database_note_path.exists():
        yield workspace.database_note_path
    for folder in folders:
        if folder.is_dir():
            yield from (path for path in folder.iterdir() if _is_worth_it(path))


def _is_worth_it(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.suffix != "" and path.name[0] != "."
