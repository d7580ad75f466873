"""Checks of a workspace: everything can be read and belongs together, and nothing was left behind."""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import sqlalchemy as sa

from curation import errors
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.cohorts import cohort_integrity, frozen_cohort
from curation.decisions import actions, audit_chain, audit_trail, database
from curation.errors import TierscopeError
from curation.references import reference_library
from curation.sessions import session_log
from curation.sources import source_summary
from curation.sources.ingest import ProgressCallback
from curation.storage import files, json_lines, tables
from curation.storage.workspace import Workspace
from curation.upkeep.finding import Finding, set_aside

_COPY = (
    "Put back a copy of it ('python -m curation restore'); docs/recovery.md says what else helps."
)
_LONGEST = 200
_AGAIN = "It is made again when it is needed."


def check(
    workspace: Workspace, progress: ProgressCallback | None = None, *, repair: bool = False
) -> tuple[list[Finding], list[Finding]]:
    """Look through a workspace.

    Parameters
    ----------
    workspace : Workspace
        Which.
    progress : callable, optional
        Called with (images looked at, images in all).
    repair : bool
        Repair what can be.

    Returns
    -------
    open, repaired : list of Finding
        What is left to do, and what was repaired.
    """
    left, repaired = [], []
    images = partial(_images, progress=progress)
    for look in (_rights, _left_behind, _files, _scores, _decisions, _cohorts, _sources, images):
        for found in _in_words(workspace, look):
            if repair and found.repair is not None:
                _mend(workspace, found)
                repaired.append(found)
            else:
                left.append(found)
    return left, repaired


@guarded(Action.REPAIR)
def _mend(workspace: Workspace, found: Finding) -> None:
    if found.repair is not None:
        found.repair()
        _note(workspace, found)


def _note(workspace: Workspace, found: Finding) -> None:
    with contextlib.suppress(TierscopeError):  # the database may be what is damaged
        actions.note(workspace, "repaired", found.where[-_LONGEST:], what=found.what)


def _in_words(
    workspace: Workspace, look: Callable[[Workspace], Iterator[Finding]]
) -> list[Finding]:
    """Run one check; where a file that it needs is damaged, that is what it finds."""
    found = []
    try:
        for one in look(workspace):
            found.append(one)
    except (TierscopeError, OSError) as error:
        found.append(Finding("a check", "it ended early", errors.in_words(error)))
    return found


def _rights(workspace: Workspace) -> Iterator[Finding]:
    mode = stat.S_IMODE(workspace.root.stat().st_mode)
    if mode & stat.S_IRWXO:
        yield Finding(
            str(workspace.root),
            "every account of this machine may look in",
            f"Close it: chmod o-rwx {workspace.root}",
            partial(workspace.root.chmod, mode & ~stat.S_IRWXO),
        )


def _left_behind(workspace: Workspace) -> Iterator[Finding]:
    for folder, _, _ in os.walk(workspace.root):
        for path in files.left_behind(Path(folder)):
            what = "a process that was killed left it half-written"
            yield Finding(str(path), what, "It can be removed.", partial(path.unlink, True))


# ---- files -------------------------------------------------------------------------------------------


def _files(workspace: Workspace) -> Iterator[Finding]:
    """Read every JSON and parquet file that there is, wherever; scores have a check of their own."""
    for path in _inside(workspace):
        if path != workspace.scores_path and (why := _why_unreadable(path)):
            if _made_again(workspace, path):
                yield Finding(str(path), why, _AGAIN, partial(set_aside, path))
            else:
                of_metrics = path.parent == workspace.metrics_dir
                yield Finding(str(path), why, tables.METRICS_REMEDY if of_metrics else _COPY)


def _inside(workspace: Workspace) -> Iterator[Path]:
    for folder, folders, names in os.walk(workspace.root):
        here = Path(folder)
        folders[:] = [name for name in folders if here / name != workspace.cache_dir]
        yield from (here / name for name in sorted(names) if not (here / name).is_symlink())


def _why_unreadable(path: Path) -> str | None:
    readers: dict[str, Callable[[Path], object]] = {
        ".json": files.read_json,
        ".jsonl": json_lines.read,
        ".parquet": pq.read_table,
    }
    read = readers.get(path.suffix)
    if read is None:
        return None
    try:
        with errors.readable(path):
            read(path)
    except FileNotFoundError:  # replaced or gathered meanwhile
        return None
    except errors.DamagedError:
        return "it is damaged: cut off, or overwritten by another program"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return None


def _made_again(workspace: Workspace, path: Path) -> bool:
    """Return whether a file is one that Tierscope makes again, or does without."""
    folders = (
        workspace.tasks_dir,
        workspace.vectors_dir("brain"),
        workspace.vectors_dir("prepared"),
    )
    return path == workspace.place_path or any(path.is_relative_to(each) for each in folders)


def _scores(workspace: Workspace) -> Iterator[Finding]:
    if not tables.scores_are_whole(workspace):
        yield Finding(
            str(workspace.scores_path),
            "it is damaged",
            "It is made anew from the metrics by 'python -m curation assess --gather'.",
            partial(reference_library.mend, workspace),
        )


# ---- decisions and cohorts ---------------------------------------------------------------------------


def _decisions(workspace: Workspace) -> Iterator[Finding]:
    where = str(workspace.database_path)
    try:
        with database.engine(workspace).connect() as connection:
            if connection.dialect.name == "sqlite":
                for pragma in ("integrity_check", "foreign_key_check"):
                    rows = connection.execute(sa.text(f"PRAGMA {pragma}")).all()
                    said = [" ".join(map(str, row)) for row in rows if tuple(row) != ("ok",)]
                    if said:
                        yield Finding(where, f"SQLite finds {said[0]}", _COPY)
    except TierscopeError as error:
        yield Finding("decisions", "they cannot be read", str(error))
        return
    with database.engine(workspace).connect() as connection:
        wrong = audit_trail.verify(connection) if audit_chain.is_there(connection) else []
    for sentence in wrong:
        yield Finding(
            "the audit", sentence, "Compare with a backup; docs/security.md says what it means."
        )
    for name in session_log.unreadable_sessions(workspace):
        what = "what was planned for this session cannot be read"
        yield Finding(name, what, "Its ratings are kept and count; it cannot be gone on with.")


def _cohorts(workspace: Workspace) -> Iterator[Finding]:
    headers, troubles = frozen_cohort.read_cohorts(workspace)
    for trouble in troubles:
        yield Finding("a cohort", "it is left out", errors.in_words(trouble))
    for header in headers:
        try:
            frozen_cohort.load(workspace, header.id)
        except (TierscopeError, OSError) as error:
            yield Finding(f"cohort {header.id}", "it cannot be used", errors.in_words(error))
        if not frozen_cohort.is_noted(workspace, header):
            yield Finding(
                f"cohort {header.id}",
                "the history has no line of it",
                "It gets one when it is frozen again.",
                partial(frozen_cohort.note_if_missing, workspace, header),
            )
    for path in workspace.cohorts_dir.glob("*.tsv"):
        if not path.with_suffix(".json").exists():
            what = "a list whose freezing was broken off"
            yield Finding(str(path), what, "Freeze it again.", partial(set_aside, path))


# ---- scans -------------------------------------------------------------------------------------------


def _sources(workspace: Workspace) -> Iterator[Finding]:
    for source in workspace.sources():
        if not Path(source.path).exists():
            yield Finding(
                f"source {source.name}",
                f"there is nothing at {source.path}",
                "See whether its disk is there; if it moved, ingest it under this name from the new place "
                f"('python -m curation ingest NEW-PLACE --name {source.name}').",
            )


def _images(workspace: Workspace, progress: ProgressCallback | None) -> Iterator[Finding]:
    scans = tables.read_scans(workspace)
    listed = scans[scans["status"].isin(("ok", *tables.LISTED))]
    changed = cohort_integrity.changed_scan_files(workspace, listed, progress)
    gone = {source.name for source in workspace.sources() if source_summary.is_gone(source)}
    of = scans.set_index("scan_id")["source"]
    for row in changed.itertuples(index=False):
        source = of.get(row.scan_id)
        remedy = (
            f"Its whole source is gone: see 'source {source}' above."
            if source in gone
            else "Put the file back, or list its source again ('python -m curation ingest --again')."
        )
        yield Finding(f"scan {row.scan_id}", row.reason, remedy)
