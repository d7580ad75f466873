"""Settings of a source of scans, and its entries before their files are opened."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from curation.errors import SourceError
from curation.sources import (
    allowed_roots,
    image_modality,
    participants_table,
    scan_names,
    sex_codes,
    sidecar,
)
from curation.sources.allowed_roots import AllowedRoots
from curation.sources.participants_table import Note, People
from curation.sources.scan_names import as_unicode, is_unicode
from curation.storage import typed_paths
from curation.storage.files import slug
from curation.storage.workspace import ROLES, Source, Workspace


def describe(
    workspace: Workspace, path: str | Path, kind: str, *, name: str | None = None, **asked: Any
) -> Source:
    """Describe a source that is to be listed.

    Parameters
    ----------
    workspace : Workspace
        Where it is to be listed.
    path : path
        The source; absolute.
    kind : str
        What it is, see :class:`curation.storage.workspace.Source`.
    name : str, optional
        Its short name; of its path by default.
    **asked
        Other fields of :class:`curation.storage.workspace.Source`. What is ``None`` is as it was when the
        source was listed before, else as is usual.

    Raises
    ------
    SourceError
        When a role, a kind of image, a table of people or the codes of sex are none, another source has the
        name, or a path cannot be written down.
    """
    given = {field: value for field, value in asked.items() if value is not None}
    if given.get("role", "pool") not in ROLES:
        raise SourceError(
            f"A source is of a role, one of {', '.join(ROLES)}; not {given['role']!r}."
        )
    if given.get("modality", image_modality.SCORED) not in image_modality.KINDS:
        raise SourceError(
            f"What is scored is one of {', '.join(image_modality.KINDS)}; not {given['modality']!r}."
        )
    sex_codes.of_words(given.get("sexes", ""))
    if table := given.get("participants"):
        allowed_roots.of(workspace).refuse_others(table)
        given["participants"] = str(_table_of_people(table))
    path = str(path)
    called = slug(name or scan_names.stem_of(Path(path)))
    for text in (path, *(value for value in given.values() if isinstance(value, str))):
        _refuse_bytes(text)
    before = earlier(workspace, called)
    if before and before.path != path:
        _refuse_taken(before, named=name is not None)
    known = {field: getattr(before, field) for field in asked} if before else {}
    return Source(name=called, path=path, kind=kind, **(known | given))


def earlier(workspace: Workspace, name: str) -> Source | None:
    """Return the source that a workspace has under a name; none where it is a new one."""
    return next((each for each in workspace.sources() if each.name == name), None)


def _refuse_taken(before: Source, *, named: bool) -> None:
    """Refuse the name of a source that lies elsewhere; one that is gone from there moves, if it is named."""
    taken = f"The workspace has a source {before.name!r} already, at {before.path}"
    if os.path.exists(before.path):  # noqa: PTH110 - it never raises
        raise SourceError(f"{taken}. Give this one another short name.", option="--name")
    if not named:
        raise SourceError(
            f"{taken}, where nothing is any more. If it moved, give its short name too ({before.name}); if "
            "this is another one, give it another short name.",
            option=f"--name {before.name}",
        )


def absolute(path: str | Path, allowed: AllowedRoots = allowed_roots.EVERYTHING) -> Path:
    """Return the absolute path of a path that was typed; one that may not be read is refused."""
    allowed.refuse_others(path)
    return typed_paths.resolved(path)


def _table_of_people(path: str | Path) -> Path:
    if not typed_paths.expanded(path).is_file():
        raise SourceError(f"There is no table of people at {path}. Check the path.")
    return absolute(path)


def _refuse_bytes(text: str) -> None:
    if not scan_names.is_unicode(text):
        raise SourceError(
            f"{scan_names.as_unicode(text)} is not UTF-8 and cannot be written down. Rename it, or name a "
            "link to it."
        )


NO_IMAGE = "listed as a participant, but no image file"
_NOT_UTF8 = (
    r"its name is not UTF-8 (what is not, is written here as \x…); rename the file or folder, then "
    "ingest again"
)


def why_gone(path: object) -> str:
    """Return why a scan that was listed before, at a path or at none, is not listed any more."""
    if isinstance(path, str) and Path(path).is_file():
        return (
            "was listed before; its file is there, but the source does not name it any more: its name is "
            "none of BIDS, or does not fit the pattern"
        )
    return "was in the source before; it is no longer"


@dataclass(frozen=True)
class Entry:
    """One scan that a source names, before its file was opened.

    Parameters
    ----------
    key : str
        What makes it unique in its source, from which its ``scan_id`` is made.
    path : Path or None
        The image; ``None`` for a person without one.
    participant_id, session_id, modality : str or None
        As the source says.
    person : dict
        ``age_years``, ``sex``, ``group``, ``site``, ``person``, ``note``.
    problem : str or None
        Why it cannot be used, where that is known without opening the file.
    closed : bool
        Whether this is no image, but a folder that could not be entered.
    before : str or None
        What stands before the ``sub-`` that names the person, where nothing else tells who it is.
    """

    key: str
    path: Path | None
    participant_id: str
    session_id: str | None
    modality: str | None
    person: dict[str, object] = field(default_factory=dict)
    problem: str | None = None
    closed: bool = False
    before: str | None = None


@dataclass(frozen=True)
class Listing:
    """Entries of a source, with sentences on guesses and on entries that were not understood."""

    entries: list[Entry]
    ignored_columns: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()


def describe_entry(
    key: str,
    path: Path,
    participant_id: str,
    session_id: str | None,
    modality: str | None,
    table: People,
    allowed: AllowedRoots,
    known: Mapping[str, str | None] | None = None,
) -> Entry:
    """Describe one image; ``known``, its own row's values of the person, take precedence over the table.

    ``modality`` is what its name or a row tells; the sidecar beside the image adds to it. Of what may not be
    read nothing is.
    """
    described = participants_table.describe_at(table, participant_id, session_id, known or {})
    outside = allowed.reason(path)
    modality, said = (modality, None) if outside else sidecar.told(path, modality)
    notes = (described["note"], said)
    described["note"] = "; ".join(str(note) for note in notes if note) or None
    problem = outside if is_unicode(str(path)) else _NOT_UTF8
    session_id = session_id and as_unicode(session_id)
    path = Path(as_unicode(str(path)))
    named = (known or {}).get("participant_id") or table.find(participant_id)
    before = None if named else scan_names.before_label(as_unicode(key), participant_id)
    return Entry(
        as_unicode(key),
        path,
        participant_id,
        session_id,
        modality,
        described,
        problem,
        before=before,
    )


def rows_without_path(rows: Iterable[Mapping[str, str | None]]) -> list[Entry]:
    """Describe the rows of a manifest that name no file; one without anything in it is none."""
    found = []
    for line, row in enumerate(rows, start=2):
        if row["path"] is None and any(text is not None for text in row.values()):
            described = participants_table.describe(row)
            who, problem = row.get("participant_id") or f"row-{line}", f"{NO_IMAGE} (row {line})"
            visit = row.get("session_id")
            found.append(Entry(f"row-{line}_missing", None, who, visit, None, described, problem))
    return found


def notes_of(table: People, found: Iterable[Entry]) -> tuple[Note, ...]:
    """Return notes on a table of people: guesses, how many of a source's people it holds, what is unsure."""
    held = list(found)
    unsure = [
        one.participant_id
        for one in held
        if one.path and not one.closed
        if table.unsure(one.participant_id, one.session_id, one.person)
    ]
    return table.notes_on((one.participant_id for one in held), unsure)


def naming_first(path: str, before: str, after: str = "") -> Note:
    """Return a note that names the first of some files, where names are not hidden."""
    return lambda called: before + ("" if called else f", first {as_unicode(path)}") + f".{after}"


def owners_of(keys: Iterable[str], table: People) -> dict[str, str]:
    """Return the person of each scan, by its path without ending.

    It is the person of the table with whose id the file's name begins, or after whom a folder is called; else
    the ``sub-`` of the file or a folder; else nobody knows, and the name stands for the person, with as much
    of the path as tells it from others.
    """
    owners = {key: _owner(PurePosixPath(key), table) for key in keys}
    unknown = scan_names.shortest_tails(key for key, owner in owners.items() if owner is None)
    return {
        key: as_unicode(owner or unknown[key].replace("/", "_")) for key, owner in owners.items()
    }


def _owner(key: PurePosixPath, table: People) -> str | None:
    if found := table.owner(key.name):
        return found
    above = key.parts[-2::-1]
    if found := next(filter(None, map(table.find, above)), None):
        return found
    labels = (scan_names.entities(name, loose=True).get("sub") for name in (key.name, *above))
    return next((f"sub-{label}" for label in labels if label), None)
