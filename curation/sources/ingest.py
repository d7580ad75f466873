"""Ingest of sources into the scans table: every scan a row, readable or not."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import actions, person_decisions
from curation.errors import VolumeError
from curation.imaging import volumes
from curation.references import reference_library
from curation.sources import (
    allowed_roots,
    discovery,
    duplicates,
    image_modality,
    joined_tables,
    pseudonyms,
    scan_names,
    sidecar,
    who_is_who,
)
from curation.sources import source as sources
from curation.sources.source import NO_IMAGE, Entry, Listing
from curation.storage import files, tables
from curation.storage.workspace import Role, Source, Workspace

_log = logging.getLogger(__name__)

_THREADS = 4
#: Statuses of files that were read as a whole.
_READ = ("ok", *tables.LISTED, "duplicate")
#: What is kept of a file that is as it was.
_OF_FILE = ("sha256", "image_hash", "shape", "spacing_mm", "orientation")

ProgressCallback = Callable[[int, int], None]


@dataclass(frozen=True)
class IngestSummary:
    """Result of ingesting a source.

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
    notes : tuple of str
        What was guessed, or should be looked at, in sentences.
    """

    source: Source
    scans: pd.DataFrame
    added: int
    ignored_columns: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def problems(self) -> pd.DataFrame:
        """The scans that cannot be used, with their reasons."""
        return self.scans[self.scans["status"].isin(tables.TROUBLES)]


@guarded(Action.INGEST)
def ingest(
    workspace: Workspace,
    path: str | Path,
    *,
    name: str | None = None,
    role: Role | None = None,
    modality: str | None = None,
    simulated: bool | None = None,
    include: str | None = None,
    participants: str | Path | None = None,
    sexes: str | None = None,
    hide_names: bool | None = None,
    progress: ProgressCallback | None = None,
) -> IngestSummary:
    """List a source's scans in the workspace, or bring its list up to date; what is not given stays.

    Parameters
    ----------
    workspace : Workspace
        Where the scans are listed. The source itself is only read.
    path : path
        A BIDS data set, a folder of NIfTI files, or a CSV/TSV manifest.
    name : str, optional
        Short name of the source; the folder's or manifest's name by default.
    role : {'pool', 'target'}, optional
        Pretraining pool (by default) or external target cohort.
    modality : str, optional
        Which kind is scored, a key of :data:`curation.sources.image_modality.KINDS`; others are listed.
    simulated, include : optional
        True when the scans are not of people; pattern of file names to take, all by default.
    participants, sexes : optional
        Table of people to join, instead of ``participants.tsv`` in the source; which code of sex is which,
        such as ``'F=2,M=1'``, see :mod:`curation.sources.sex_codes`.
    hide_names : bool, optional
        Give scans and people pseudonyms in place of their names.
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
    path = sources.absolute(path, allowed_roots.of(workspace))
    source = sources.describe(
        workspace,
        path,
        discovery.kind_of(path),
        name=name,
        role=role,
        modality=modality,
        simulated=simulated,
        include=include,
        participants=participants,
        sexes=sexes,
    )
    earlier = sources.earlier(workspace, source.name)
    source = pseudonyms.settle(workspace, source, earlier, hide_names)
    found, said = _listing(workspace, source)
    with files.lock(workspace.ingest_lock_path):
        before = tables.read_scans(workspace)
        known = before[before["source"] == source.name].set_index("scan_id")
        rows = _rows(source, found.entries, known, progress)
        rows = pd.concat([rows, _gone_from(known, rows, found.entries)], ignore_index=True)
        put(workspace, source, rows, before)
    _forget_scores_of_listed(workspace)
    scans, added = of_source(workspace, source, known)
    note_listed(workspace, earlier, source, scans=len(scans), new=added)
    _log.info("source %s listed: %d scans, %d of them new", source.name, len(scans), added)
    return IngestSummary(source, scans, added, found.ignored_columns, said)


def of_source(
    workspace: Workspace, source: Source, known: pd.DataFrame
) -> tuple[pd.DataFrame, int]:
    """Return the scans of a source, and how many of them were not known before."""
    scans = tables.read_scans(workspace).query("source == @source.name")
    return scans, int((~scans["scan_id"].isin(known.index)).sum())


def _listing(workspace: Workspace, source: Source) -> tuple[Listing, tuple[str, ...]]:
    """Return what a source names and the notes on it, under pseudonyms where it has them."""
    people = Path(source.participants) if source.participants else None
    found = discovery.list_source(source, people, allowed_roots.of(workspace))
    found = who_is_who.told_apart(workspace, source, found)
    said = pseudonyms.in_words(workspace, source, found.notes)
    return replace(found, entries=pseudonyms.hide(workspace, source, found.entries)), said


def note_listed(
    workspace: Workspace, earlier: Source | None, source: Source, **counts: int
) -> None:
    """Note in the audit that a source was listed, and what of it is other than before."""
    now, was = asdict(source), asdict(earlier) if earlier else {}
    changed = [name for name in now if now[name] != was.get(name)]
    actions.note(
        workspace,
        "source listed" if earlier else "source added",
        source.name,
        before={name: was[name] for name in changed if name in was},
        after={name: now[name] for name in changed if now[name] != ""},
        **counts,
    )


def put(workspace: Workspace, source: Source, rows: pd.DataFrame, before: pd.DataFrame) -> None:
    """Replace the rows of a source in the table of scans.

    Raises
    ------
    SourceError
        When somebody would be of two sexes, or of two ages at once; nothing is changed then.
    """
    others = before[before["source"] != source.name]
    asked = {each.name: each.modality for each in (*workspace.sources(), source)}
    in_use = before.loc[before["status"] == "ok", "scan_id"]
    every = pd.concat([others, rows], ignore_index=True).reindex(columns=list(tables.SCAN_COLUMNS))
    every = who_is_who.unite(every, person_decisions.in_force(workspace))
    who_is_who.refuse_contradictions(every, source.name)
    tables.write_scans(workspace, duplicates.mark(every, set(in_use), asked))
    workspace.put_source(source)
    joined_tables.update(workspace)


def _forget_scores_of_listed(workspace: Workspace) -> None:
    """Rescore where a scan that is only listed has a score from a version before modalities."""
    scans = tables.read_scans(workspace)
    listed = scans.loc[scans["status"].isin(tables.LISTED), "scan_id"]
    if tables.read_scores(workspace)["scan_id"].isin(listed).any():
        reference_library.rescore(workspace)


def _rows(
    source: Source, entries: list[Entry], known: pd.DataFrame, progress: ProgressCallback | None
) -> pd.DataFrame:
    entries = sorted(entries, key=lambda entry: (entry.key, str(entry.path or "")))
    ids, used = scan_names.give_ids(
        source.name, [entry.key for entry in entries], _ids_so_far(known, entries)
    )
    rows = []
    with ThreadPoolExecutor(_THREADS) as pool:  # reading and unpacking let go of the interpreter
        for row in pool.map(partial(_row, source, known), ids, entries):
            rows.append(row)
            if progress:
                progress(len(rows), len(entries))
    for place, first in enumerate(used):
        if first is not None:
            reason = duplicates.same_name(entries[first].path, entries[place].path)
            rows[place] |= {"status": "duplicate", "reason": reason}
    return pd.DataFrame(rows)


def _ids_so_far(known: pd.DataFrame, entries: list[Entry]) -> list[str | None]:
    """Return the id of each scan whose file was listed before: a scan is never renamed."""
    copies = known["reason"].fillna("").str.startswith(duplicates.SAME_NAME)
    ids = known[~copies & known["path"].notna()].reset_index().drop_duplicates("path")
    id_of = dict(zip(ids["path"], ids["scan_id"], strict=True))
    return [id_of.pop(str(entry.path), None) for entry in entries]


def _row(source: Source, known: pd.DataFrame, scan_id: str, entry: Entry) -> dict[str, object]:
    """Describe one scan; an error in its file becomes its reason, never an exception."""
    row = {
        "scan_id": scan_id,
        "subject_id": who_is_who.subject_id(
            source.name, entry.participant_id, entry.person.get("person")
        ),
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
        return row | {"status": "missing", "reason": entry.problem or NO_IMAGE}
    if entry.problem:
        return row | {"status": "unreadable", "reason": entry.problem}
    try:
        made_by = sidecar.scanner(entry.path, Path(source.path))
        return row | made_by._asdict() | _inspect(entry.path, row, known, source)
    except OSError as error:
        return row | {"status": "unreadable", "reason": f"it cannot be read: {error.strerror}"}


def _inspect(path: Path, row: dict, known: pd.DataFrame, source: Source) -> dict[str, object]:
    """Open a file and describe it. A file of the same size and time as before is not read again."""
    if not path.is_file():
        return _no_file(path)
    stat = path.stat()
    here = {"bytes": float(stat.st_size), "modified": stat.st_mtime}
    if (old := _unchanged(row["scan_id"], here, known)) is not None:
        kept = {name: old[name] for name in _OF_FILE}
        return here | kept | _understood(row, kept["orientation"], source)
    try:
        header, image_hash = volumes.verify(path)
    except VolumeError as error:
        return here | {"status": "unreadable", "reason": str(error)}
    return here | {
        "sha256": files.sha256_of(path),
        "image_hash": image_hash,
        "shape": list(header.shape),
        "spacing_mm": [float(edge) for edge in header.spacing_mm],
        "orientation": header.orientation,
        **_understood(row, header.orientation, source),
    }


def _unchanged(scan_id: str, here: dict[str, float], known: pd.DataFrame) -> pd.Series | None:
    """Return the earlier row of a file that was read as a whole and is unchanged; ``None`` otherwise."""
    if scan_id not in known.index:
        return None
    old = known.loc[scan_id]
    was_read = old["status"] in _READ and isinstance(old["image_hash"], str)
    return old if was_read and (old[list(here)] == pd.Series(here)).all() else None


def _no_file(path: Path) -> dict[str, object]:
    """Return the reason why a path is no file."""
    if path.exists():
        what = "a folder" if path.is_dir() else "a pipe or device"
        return {"status": "unreadable", "reason": f"this is {what}, whatever its name says"}
    link = path.is_symlink()
    why = "its link leads nowhere (with DataLad: 'datalad get' it)" if link else "no such file"
    return {"status": "missing", "reason": why}


def _understood(row: dict, orientation: object, source: Source) -> dict[str, object]:
    """Mark a scan as usable, or as of a kind that is only listed, and note what had to be assumed of it."""
    notes = [
        row["note"],
        None if row["modality"] else f"modality not told by its name; taken as {source.modality}",
        None if isinstance(orientation, str) else "the header gives no orientation",
    ]
    modality = row["modality"] or source.modality
    return {
        "status": image_modality.status_of(modality, source.modality),
        "modality": modality,
        "note": "; ".join(note for note in notes if note) or None,
    }


def _gone_from(known: pd.DataFrame, rows: pd.DataFrame, entries: list[Entry]) -> pd.DataFrame:
    """Return the scans that the source names no more, those apart that lie where nobody could look."""
    lost = gone(known, rows)
    for folder in (entry for entry in entries if entry.closed):
        inside = lost["path"].fillna("").str.startswith(f"{folder.path}/")
        reason = f"{discovery.CLOSED}: {folder.path}"
        lost = lost.assign(
            status=lost["status"].mask(inside, "unreadable"),
            reason=lost["reason"].mask(inside, reason),
        )
    return lost


def gone(known: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the scans that the source had before and names no more: kept, as missing."""
    lost = known[~known.index.isin(rows["scan_id"])].reset_index()
    reason = lost["reason"].fillna("")
    never = lost["status"].eq("duplicate") | reason.str.startswith(NO_IMAGE)
    lost = lost[~never & ~reason.str.startswith(f"{discovery.CLOSED} (")]
    return lost.assign(status="missing", reason=[sources.why_gone(path) for path in lost["path"]])
