"""From sources to the scans table: every scan a row, readable or not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from curation import files, listing, tables, volumes
from curation.errors import SourceError, VolumeError
from curation.listing import Entry
from curation.workspace import ROLES, Role, Source, Workspace, slug

_THREADS = 4
#: Statuses of files that were read as a whole.
_READ = ("ok", "pet")

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class IngestSummary:
    """What ingesting a source did.

    Parameters
    ----------
    source : Source
        As it stands in the workspace now.
    scans : pandas.DataFrame
        The source's rows of the scans table.
    added : int
        How many of them were not there before.
    ignored_columns : tuple of str
        Columns of the manifest that were not understood.
    """

    source: Source
    scans: pd.DataFrame
    added: int
    ignored_columns: tuple[str, ...]

    @property
    def problems(self) -> pd.DataFrame:
        """The scans that cannot be used, with their reasons."""
        return self.scans[self.scans["status"].isin(tables.TROUBLES)]


def ingest(
    workspace: Workspace,
    path: str | Path,
    *,
    name: str | None = None,
    role: Role = "pool",
    simulated: bool = False,
    include: str = "*",
    participants: str | Path | None = None,
    progress: Progress | None = None,
) -> IngestSummary:
    """List a source's scans in the workspace, or bring its list up to date.

    Parameters
    ----------
    workspace : Workspace
        Where the scans are listed. The source itself is only read.
    path : path
        A BIDS data set, a folder of NIfTI files, or a CSV/TSV manifest.
    name : str, optional
        Short name of the source; the folder's or manifest's name by default.
    role : {'pool', 'target'}
        Pretraining pool or external target cohort.
    simulated : bool
        True when the scans are not of people.
    include : str
        Pattern of file names to take.
    participants : path, optional
        Table of people to join, instead of ``participants.tsv`` in the source.
    progress : callable, optional
        Called with (scans read, scans in all).

    Returns
    -------
    IngestSummary

    Raises
    ------
    SourceError
        When nothing can be listed. Single scans that cannot be read are rows with a reason instead.
    """
    source = _describe(workspace, Path(path), name, role, simulated, include, participants)
    found = listing.list_source(source, Path(source.participants) if source.participants else None)
    with files.lock(workspace.root / ".ingest.lock"):
        before = tables.read_scans(workspace)
        known = before[before["source"] == source.name].set_index("scan_id")
        rows = _mark_duplicates(_rows(source, found.entries, known, progress))
        rows = pd.concat([rows, gone(known, rows)], ignore_index=True)
        others = before[before["source"] != source.name]
        tables.write_scans(workspace, pd.concat([others, rows], ignore_index=True))
        workspace.put_source(source)
    scans = tables.read_scans(workspace).query("source == @source.name")
    added = int((~scans["scan_id"].isin(known.index)).sum())
    return IngestSummary(source, scans, added, found.ignored_columns)


def _describe(
    workspace: Workspace,
    path: Path,
    name: str | None,
    role: Role,
    simulated: bool,
    include: str,
    participants: str | Path | None,
) -> Source:
    path = path.expanduser().resolve()
    if role not in ROLES:
        raise SourceError(f"A source is of a role, one of {', '.join(ROLES)}; not {role!r}.")
    if participants and not Path(participants).expanduser().is_file():
        raise SourceError(f"There is no table of people at {participants}. Check the path.")
    source = Source(
        name=slug(name or listing.stem_of(path)),
        path=str(path),
        kind=listing.kind_of(path),
        role=role,
        simulated=simulated,
        include=include,
        participants=str(Path(participants).expanduser().resolve()) if participants else "",
    )
    return known_source(workspace, source)


def known_source(workspace: Workspace, source: Source) -> Source:
    """Return ``source`` if its name is free in the workspace, or is its own.

    Raises
    ------
    SourceError
        When another source has the name.
    """
    for other in workspace.sources():
        if other.name == source.name and other.path != source.path:
            raise SourceError(
                f"The workspace has a source {source.name!r} already, at {other.path}. Give this one "
                "another name (--name)."
            )
    return source


def _rows(
    source: Source, entries: list[Entry], known: pd.DataFrame, progress: Progress | None
) -> pd.DataFrame:
    rows = []
    with ThreadPoolExecutor(_THREADS) as pool:  # reading and unpacking let go of the interpreter
        for row in pool.map(lambda entry: _row(source, entry, known), entries):
            rows.append(row)
            if progress:
                progress(len(rows), len(entries))
    return pd.DataFrame(rows)


def _row(source: Source, entry: Entry, known: pd.DataFrame) -> dict[str, object]:
    """Describe one scan; what is wrong with it is its reason, never an exception."""
    row = {
        "scan_id": listing.scan_id(source.name, entry.key),
        "subject_id": f"{source.name}:{entry.participant_id}",
        "participant_id": entry.participant_id,
        "session_id": entry.session_id,
        "modality": entry.modality,
        "source": source.name,
        "role": source.role,
        "path": str(entry.path) if entry.path else None,
        "simulated": source.simulated,
        "reason": None,
        **entry.person,
    }
    if entry.path is None:
        return row | {"status": "missing", "reason": "listed as a participant, but no image file"}
    try:
        return row | _inspect(entry.path, row, known)
    except OSError as error:
        return row | {"status": "unreadable", "reason": f"it cannot be read: {error.strerror}"}


def _inspect(path: Path, row: dict, known: pd.DataFrame) -> dict[str, object]:
    """Open a file and say what it is. A file of the same size and time as before is not read again."""
    if not path.is_file():
        return _no_file(path)
    stat = path.stat()
    here = {"bytes": float(stat.st_size), "modified": stat.st_mtime}
    old = known.loc[row["scan_id"]] if row["scan_id"] in known.index else None
    if old is not None and old["status"] in _READ and (old[list(here)] == pd.Series(here)).all():
        kept = {name: old[name] for name in ("sha256", "shape", "spacing_mm", "orientation")}
        return here | kept | _understood(row, kept["orientation"])
    try:
        header = volumes.verify(path)
    except VolumeError as error:
        return here | {"status": "unreadable", "reason": str(error)}
    return here | {
        "sha256": files.sha256_of(path),
        "shape": list(header.shape),
        "spacing_mm": [float(edge) for edge in header.spacing_mm],
        "orientation": header.orientation,
        **_understood(row, header.orientation),
    }


def _no_file(path: Path) -> dict[str, object]:
    """Say what is there instead of a file."""
    if path.exists():
        what = "a folder" if path.is_dir() else "a pipe or device"
        return {"status": "unreadable", "reason": f"this is {what}, whatever its name says"}
    link = path.is_symlink()
    why = "its link leads nowhere (with DataLad: 'datalad get' it)" if link else "no such file"
    return {"status": "missing", "reason": why}


def _understood(row: dict, orientation: object) -> dict[str, object]:
    """Mark a scan as usable and note what had to be assumed of it."""
    notes = [
        row["note"],
        None if row["modality"] else "modality not told by its name; taken as T1w",
        None if isinstance(orientation, str) else "the header gives no orientation",
    ]
    modality = row["modality"] or "T1w"
    is_pet = listing.is_pet(modality)
    return {
        "status": "pet" if is_pet else "ok",
        "modality": "pet" if is_pet else modality,
        "note": "; ".join(note for note in notes if note) or None,
    }


def _mark_duplicates(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the first of the scans with one id; the others become rows that say so."""
    rows = rows.copy()
    repeat = rows.groupby("scan_id").cumcount()
    first = rows.drop_duplicates("scan_id").set_index("scan_id")["path"]
    for index in rows.index[repeat > 0]:
        shared = rows.at[index, "scan_id"]
        rows.loc[index, ["scan_id", "status", "reason"]] = [
            f"{shared}-copy{repeat[index] + 1}",
            "duplicate",
            f"has the same id as {Path(first[shared] or '').name}, which is used; rename or remove one",
        ]
    return rows


def gone(known: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the scans that the source had before and names no more: kept, as missing."""
    gone = known[~known.index.isin(rows["scan_id"])].reset_index()
    gone = gone[~gone["scan_id"].str.contains(r"-copy\d+$|_missing$")]
    return gone.assign(status="missing", reason="was in the source before; it is no longer")
