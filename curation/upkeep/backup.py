"""Backup of a workspace while it is used, and its way back: a folder of plain files with their hashes."""

import contextlib
import datetime
import itertools
import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from curation import errors
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import actions, audit_chain, database
from curation.errors import WorkspaceError
from curation.sources.ingest import ProgressCallback
from curation.storage import files, hashed_copies, sharing, typed_paths
from curation.storage.hashed_copies import MANIFEST, Held, copied
from curation.storage.workspace import Workspace

_NAMED = 5
_NO_BACKUP = "Take another copy: this one was changed, or is not whole."


@dataclass(frozen=True)
class Backup:
    """A backup on disk.

    Parameters
    ----------
    folder : Path
        Where it is.
    count : int
        Number of files.
    size : int
        Of all together, bytes.
    on_server : bool
        Whether the decisions lie in PostgreSQL and are not in it.
    """

    folder: Path
    count: int
    size: int
    on_server: bool


@dataclass(frozen=True)
class Restored:
    """What a restore came to.

    Parameters
    ----------
    before : Path or None
        Where the workspace lies that was there.
    access : {'kept', 'of the copy', None}
        Whose ``access.toml`` it has: that of the workspace that was there, or the copy's; none.
    unnoted : str or None
        Why no line of the audit says that it was restored, where none could be written.
    """

    before: Path | None
    access: Literal["kept", "of the copy"] | None
    unnoted: str | None = None


@guarded(Action.BACK_UP)
def back_up(workspace: Workspace, into: Path, progress: ProgressCallback | None = None) -> Backup:
    """Copy a workspace, while others may use it.

    The database is copied first and as of one moment, by SQLite's own way; what it speaks of was written
    before and is copied after it. Prepared volumes and states of tasks are left out, and so are links.

    Parameters
    ----------
    workspace : Workspace
        Which.
    into : Path
        The folder in which a new one, named by workspace and moment, is made.
    progress : callable, optional
        Called with (files copied, files in all).

    Raises
    ------
    WorkspaceError
        When it would lie in the workspace, or in data that are only read.
    """
    into = typed_paths.resolved(into)
    _refuse_place(workspace, into)
    moment = datetime.datetime.now(datetime.UTC)
    folder = into / f"{workspace.root.name}-{moment:%Y%m%d-%H%M%S}"
    part = folder.with_name(f".{folder.name}.part")
    into.mkdir(parents=True, exist_ok=True)
    part.mkdir(mode=0o700)
    try:
        held: Held = {}
        on_server = not _copy_database(workspace, part, held)
        newest = _newest_link(workspace, None if on_server else part)
        _copy_files(workspace, part, held, progress)
        hashed_copies.write_manifest(
            part,
            held,
            workspace=workspace.root.name,
            at=moment.isoformat(timespec="seconds"),
            audit=newest,
        )
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Backup(folder, len(held), sum(size for _, size in held.values()), on_server)


def _newest_link(workspace: Workspace, copy: Path | None) -> str | None:
    """Return the audit's newest link, as ``audit --expect`` takes it: of the copied database, if one is."""
    engine = database.engine(workspace)
    if copy is not None:  # the living one has grown since
        uri = f"{(copy / workspace.database_path.name).as_uri()}?mode=ro"
        engine = sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(uri, uri=True))
    with engine.connect() as connection:
        if not audit_chain.is_there(connection):
            return None
        return "{}:{}".format(*audit_chain.head(connection))


def _copy_database(workspace: Workspace, part: Path, held: Held) -> bool:
    """Copy the database, where it is a file of the workspace; return whether it is."""
    with database.engine(workspace).connect() as connection:
        raw = connection.connection.driver_connection
        if not isinstance(raw, sqlite3.Connection):
            return False
        name = workspace.database_path.name
        held[name] = hashed_copies.copied_database(raw, part / name)
    return True


def _copy_files(
    workspace: Workspace, part: Path, held: Held, progress: ProgressCallback | None
) -> None:
    paths = sorted(_worth_copying(workspace), key=_turn)
    for number, path in enumerate(paths, start=1):
        name = path.relative_to(workspace.root).as_posix()
        with contextlib.suppress(FileNotFoundError):  # gathered into one that is still to come
            held[name] = copied(path, part / name)
        if progress:
            progress(number, len(paths))


def _worth_copying(workspace: Workspace) -> Iterator[Path]:
    out = (workspace.cache_dir, workspace.tasks_dir, workspace.earlier_dir)
    database_files = {f"{workspace.database_path.name}{end}" for end in ("", "-wal", "-shm")}
    for folder, folders, names in os.walk(workspace.root):
        here = Path(folder)
        folders[:] = [name for name in folders if here / name not in out]
        for name in names:
            ours = here != workspace.root or name not in database_files
            if ours and not name.startswith(".") and not (here / name).is_symlink():
                yield here / name


def _turn(path: Path) -> tuple[bool, bool, str]:
    """Order: what others point to before what points to it; parts of a table before all of them in one."""
    return path.name == "workspace.toml", path.name == "part-all.parquet", str(path)


def _refuse_place(workspace: Workspace, into: Path) -> None:
    if into.is_relative_to(workspace.root):
        raise WorkspaceError(
            f"{into} lies in the workspace, and would be lost with it. Name a folder elsewhere, best on "
            "another disk."
        )
    for source in workspace.sources():
        if Path(source.path).is_dir() and into.is_relative_to(source.path):
            raise WorkspaceError(f"{into} lies in the source {source.name}, which is only read.")


# ---- the way back ------------------------------------------------------------------------------------


@guarded(Action.BACK_UP)
def restore(folder: Path, root: Path, *, replace: bool = False) -> Restored:
    """Make a workspace from a backup, after every file of it was found to be as it was copied.

    Who may come in stays as it is now, where the workspace that is there says so in ``access.toml``: whoever
    was taken out since the copy stays out.

    Parameters
    ----------
    folder : Path
        The backup.
    root : Path
        Where the workspace is to be.
    replace : bool
        Also in the place of one that is there, which is kept beside it under another name. Whoever uses it
        goes on in the restored one.

    Returns
    -------
    Restored

    Raises
    ------
    WorkspaceError
        When a file of the backup is gone or changed, something is at ``root`` and is not to be replaced, or
        its ``access.toml`` cannot be read.
    """
    folder, root = typed_paths.resolved(folder), typed_paths.resolved(root)
    held = _manifest(folder)
    _verify(folder, held)
    there = root.exists() and (not root.is_dir() or any(root.iterdir()))
    if there and not replace:
        raise WorkspaceError(
            f"There is something at {root}. Name a new folder; or give --replace, and what is there is kept "
            "beside it under another name."
        )
    new = root.with_name(f".{root.name}.restoring")
    shutil.rmtree(new, ignore_errors=True)
    new.parent.mkdir(parents=True, exist_ok=True)
    new.mkdir(mode=0o700)
    for name in held:
        if copied(folder / name, new / name)[0] != held[name][0]:
            raise WorkspaceError(f"{folder / name} changed while it was read. {_NO_BACKUP}")
    access = _access_of(new, root)
    before = _put_in_place(new, root, there=there)
    unnoted = _note(Workspace(root), folder, access, on_server="decisions.sqlite" not in held)
    return Restored(before, access, unnoted)


def _access_of(new: Path, root: Path) -> Literal["kept", "of the copy"] | None:
    """Let a restored workspace have the ``access.toml`` of the one that is there; return whose it has."""
    now, then = Workspace(root).access_path, Workspace(new).access_path
    if not os.path.lexists(now):
        return "of the copy" if then.exists() else None
    then.unlink(missing_ok=True)
    try:
        shutil.copy2(now, then, follow_symlinks=False)
    except PermissionError as error:
        raise WorkspaceError(
            f"{now}, which says who may come in and is kept, cannot be read by this account. Restore with "
            "one that may read it. Nothing was changed."
        ) from error
    owner = now.lstat()
    with contextlib.suppress(PermissionError):  # only the owner or root may give it to others
        os.chown(then, owner.st_uid, owner.st_gid, follow_symlinks=False)
    return "kept"


def _note(workspace: Workspace, folder: Path, access: str | None, *, on_server: bool) -> str | None:
    """Note in the audit that a workspace was restored; return why not, where a server cannot be had."""
    try:
        actions.note(workspace, "workspace restored", folder.name, access=access)
    except WorkspaceError as error:
        if not on_server:
            raise
        return str(error)
    return None


def _put_in_place(new: Path, root: Path, *, there: bool) -> Path | None:
    before = None
    if there:
        group = root.group() if sharing.is_shared(root) else None
        before = _kept_as(root)
        root.rename(before)
        new.rename(root)
        if group is not None:
            sharing.share(Workspace(root), group)
    else:
        if root.exists():
            root.rmdir()
        new.rename(root)
    database.close()
    return before


def _kept_as(root: Path) -> Path:
    """Return a name beside a workspace that nothing has, though it were restored twice in a second."""
    stem = f"{root.name}.before-{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}"
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    return next(path for path in map(root.with_name, names) if not os.path.lexists(path))


def _manifest(folder: Path) -> Held:
    """Return hash and size of each file of a backup, by its path."""
    path = folder / MANIFEST
    found = files.read_json(path, _NO_BACKUP)
    if not isinstance(found, dict) or not isinstance(found.get("files"), dict):
        raise WorkspaceError(
            f"{folder} is no backup: there is no {MANIFEST} with a list of files in it. Name the folder that "
            "'python -m curation backup' printed."
        )
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in found["files"]):
        raise WorkspaceError(f"{path} names files outside of its folder. {_NO_BACKUP}")
    with errors.readable(path, _NO_BACKUP):
        return {name: (str(digest), int(size)) for name, (digest, size) in found["files"].items()}


def _verify(folder: Path, held: Held) -> None:
    wrong = [name for name, (digest, _) in held.items() if not _is(folder / name, digest)]
    if wrong:
        more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        raise WorkspaceError(
            f"Of the backup {folder} these are gone or were changed: {', '.join(wrong[:_NAMED])}{more}. "
            f"Nothing was restored. {_NO_BACKUP}"
        )


def _is(path: Path, digest: str) -> bool:
    try:
        return files.sha256_of(path) == digest
    except (OSError, ValueError):  # gone, or no name that a file can have
        return False
