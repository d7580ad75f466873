"""Finding the scans of a source: a BIDS data set, a folder of NIfTI files, or a manifest."""

import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from curation import files, people
from curation.errors import SourceError
from curation.workspace import Source, slug

SUFFIXES = (".nii.gz", ".nii")
ANATOMICAL = ("T1w", "T2w", "FLAIR", "PDw", "pet")
#: Which words in a loose file's name tell its modality, first match wins: a PET tells what it lies on.
MODALITY_WORDS = {
    "pet": r"r?pet|fdg(?:-?pet)?|amyloid",
    "T1w": r"t1|mprage|spgr|bravo",
    "T2w": r"t2",
    "FLAIR": r"flair",
    "PDw": r"pd|pdw",
}
#: Short enough for a suffix such as ``-copy2`` or ``.png`` in a plain file name.
MAX_ID = 70
#: Who and which session, in a BIDS name.
ENTITY = re.compile(r"(?:^|_)(sub|ses)-([A-Za-z0-9]+)")


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
        ``age_years``, ``sex``, ``group``, ``site``, ``note``.
    """

    key: str
    path: Path | None
    participant_id: str
    session_id: str | None
    modality: str | None
    person: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """All that a source names, and what of it was not understood."""

    entries: list[Entry]
    ignored_columns: tuple[str, ...] = ()


def kind_of(path: Path) -> str:
    """Tell a manifest from a BIDS data set from a folder.

    Raises
    ------
    SourceError
        When there is nothing at ``path``, or a file that is no manifest.
    """
    if path.is_file():
        if path.suffix.lower() not in {".csv", ".tsv", ".txt"}:
            raise SourceError(
                f"{path.name} is no source of scans. Name a folder, or a .csv or .tsv manifest."
            )
        return "manifest"
    if not path.is_dir():
        raise SourceError(f"There is no folder or file at {path}. Check the path.")
    is_bids = (path / "dataset_description.json").exists() or any(path.glob("sub-*/"))
    return "bids" if is_bids else "folder"


def scan_id(source: str, key: str) -> str:
    """Return the id of a scan: a plain file name that no other scan of the workspace has."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{source}_{key}".replace("/", "_"))
    if slug(plain) == plain and len(plain) <= MAX_ID:
        return plain
    return f"{slug(plain[: MAX_ID - 9])}-{files.short_hash(plain)}"


def list_source(source: Source, participants: Path | None = None) -> Listing:
    """List the scans of a source.

    Parameters
    ----------
    source : Source
        What to list; its ``include`` pattern is matched against file names.
    participants : Path, optional
        A table of people to join, instead of the ``participants.tsv`` in the source.

    Raises
    ------
    SourceError
        When it names no scan at all.
    """
    listing = LISTERS[source.kind](source, participants)
    if not any(entry.path for entry in listing.entries):
        raise SourceError(
            f"{source.path} names no scan ({source.include!r}, ending in .nii or .nii.gz). If these "
            "are DICOM files, convert them first, for example with dcm2niix."
        )
    return listing


# ---- BIDS ------------------------------------------------------------------------------------


def _list_bids(source: Source, participants: Path | None) -> Listing:
    root = Path(source.path)
    table = people.participants(participants or root / "participants.tsv")
    entries, seen = [], set()
    for path in _images(root, source.include):
        stem = stem_of(path)
        modality = stem.rsplit("_", 1)[-1]
        entities = dict(ENTITY.findall(stem))
        if modality not in ANATOMICAL or "sub" not in entities:
            continue
        participant_id = f"sub-{entities['sub']}"
        seen.add(participant_id)
        entries.append(
            Entry(
                stem, path, participant_id, entities.get("ses"), modality,
                _person(table, participant_id),
            )
        )  # fmt: skip
    absent = [] if source.include != "*" else [
        Entry(f"{_bids_id(name)}_missing", None, _bids_id(name), None, None, _person(table, name))
        for name in table.index
        if _bids_id(name) not in seen
    ]  # fmt: skip
    return Listing([*entries, *absent])


def _bids_id(name: str) -> str:
    return name if name.startswith("sub-") else f"sub-{name}"


def _person(table: pd.DataFrame, participant_id: str) -> dict[str, object]:
    return people.describe(person_row(table, participant_id))


def person_row(table: pd.DataFrame, participant_id: str) -> dict[str, str | None]:
    """Return what a table of people says of one, written with or without ``sub-``; empty where nothing."""
    for name in (participant_id, participant_id.removeprefix("sub-"), f"sub-{participant_id}"):
        if name in table.index:
            return table.loc[name].to_dict()
    return {}


# ---- folder ----------------------------------------------------------------------------------


def _list_folder(source: Source, participants: Path | None) -> Listing:
    root = Path(source.path)
    table = people.participants(participants or root / "participants.tsv")
    return Listing([_loose(path, root, table) for path in _images(root, source.include)])


def _loose(path: Path, root: Path, table: pd.DataFrame) -> Entry:
    stem = stem_of(path)
    entities = dict(ENTITY.findall(stem))
    person_id = _owner(stem, table) or (f"sub-{entities['sub']}" if "sub" in entities else stem)
    key = (path.relative_to(root).parent / stem).as_posix()
    person = _person(table, person_id)
    return Entry(key, path, person_id, entities.get("ses"), modality_in(stem), person)


def _owner(stem: str, table: pd.DataFrame) -> str | None:
    """Return the longest id of the table that the file's name begins with, as a whole word."""
    owners = [name for name in table.index if re.match(rf"{re.escape(name)}(?![A-Za-z0-9])", stem)]
    return max(owners, key=len, default=None)


def is_pet(modality: str | None) -> bool:
    """Tell whether a modality, as people or DICOM write it, is PET: ``pet``, ``PT``, ``FDG-PET``."""
    return modality is not None and (modality.lower() == "pt" or modality_in(modality) == "pet")


def modality_in(stem: str) -> str | None:
    """Return the modality that a file's name tells, or ``None``."""
    for modality, words in MODALITY_WORDS.items():
        if re.search(rf"(?<![a-z])(?:{words})(?:w)?(?![a-z0-9])", stem.lower()):
            return modality
    return None


# ---- manifest --------------------------------------------------------------------------------


def _list_manifest(source: Source, participants: Path | None) -> Listing:
    manifest = Path(source.path)
    table = people.read_table(manifest)
    if "bids_name" in table and "path" not in table:
        raise SourceError(
            f"{manifest.name} is a table of MRIQC, which has metrics but no images. Take it in with "
            "'python -m curation import-mriqc'."
        )
    if "path" not in table:
        raise SourceError(
            f"{manifest.name} has no column of files. Name one 'path' (found: "
            f"{', '.join(table.columns)})."
        )
    joined = people.participants(participants) if participants else None
    rows = [
        _manifest_row(row, manifest.parent, joined)
        for row in table.to_dict("records")
        if row["path"] and fnmatch.fnmatch(Path(row["path"]).name, source.include)
    ]
    return Listing(rows, tuple(name for name in table.columns if name not in people.ALIASES))


def _manifest_row(row: Mapping, folder: Path, joined: pd.DataFrame | None) -> Entry:
    path = folder / Path(row["path"]).expanduser()
    stem = stem_of(path)
    entities = dict(ENTITY.findall(stem))
    person_id = row.get("participant_id") or (
        f"sub-{entities['sub']}" if "sub" in entities else stem
    )
    known = {key: text for key, text in row.items() if text is not None}
    if joined is not None and person_id in joined.index:
        known = {**joined.loc[person_id].dropna().to_dict(), **known}
    session = row.get("session_id") or entities.get("ses")
    modality = row.get("modality") or modality_in(stem)
    key = (Path(row["path"]).parent / stem).as_posix()
    return Entry(key, path, person_id, session, modality, people.describe(known))


# ---- shared ----------------------------------------------------------------------------------


def stem_of(path: Path) -> str:
    """Return a file's name without ``.nii`` or ``.nii.gz``."""
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def _images(root: Path, include: str) -> Iterator[Path]:
    """Walk a source in order; hidden folders and ``derivatives`` are not raw data."""
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        hidden = any(part.startswith(".") or part == "derivatives" for part in parts)
        wanted = path.name.lower().endswith(SUFFIXES) and fnmatch.fnmatch(path.name, include)
        if wanted and not hidden and not _holds_images(path):
            yield path


def _holds_images(path: Path) -> bool:
    """Tell a folder of images from a folder that is only named as one: that becomes a row that says so."""
    return path.is_dir() and any(p.name.lower().endswith(SUFFIXES) for p in path.rglob("*"))


LISTERS: dict[str, Callable[[Source, Path | None], Listing]] = {
    "bids": _list_bids,
    "folder": _list_folder,
    "manifest": _list_manifest,
}
