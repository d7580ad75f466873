"""Discovery of the scans of a source: a BIDS data set, a folder of NIfTI files, or a manifest."""

import contextlib
import fnmatch
import itertools
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from curation.errors import SourceError
from curation.sources import allowed_roots, image_modality, participants_table, scan_names
from curation.sources import sex_codes as codes
from curation.sources import source as entries
from curation.sources.allowed_roots import AllowedRoots
from curation.sources.participants_table import Note, People
from curation.sources.scan_names import SUFFIXES, as_unicode, stem_of
from curation.sources.source import NO_IMAGE, Entry, Listing
from curation.storage import files, folder_walk, text_tables, typed_paths
from curation.storage.folder_walk import Closed
from curation.storage.workspace import Source

#: So many files of a folder without images are looked at, to tell what they are; where DICOM says so.
_LOOKED_AT, _MAGIC_AT = 1000, 128


def list_manifest(source: Source, participants: Path | None, allowed: AllowedRoots) -> Listing:
    """List the scans of a manifest, each with the values of its row and of a table of people.

    Raises
    ------
    SourceError
        When the manifest is no table, or has no column of files.
    """
    manifest = Path(source.path)
    table = codes.read_table(manifest, allowed, source.sexes)
    if "bids_name" in table and "path" not in table:
        raise SourceError(
            f"{manifest.name} is a table of MRIQC, which has metrics but no images. Take it in with "
            "'python -m curation import-mriqc'."
        )
    if "path" not in table:
        raise SourceError(
            f"{manifest.name} has no column of files. Name one 'path' "
            f"({text_tables.columns_in_words(table.attrs['written'])})."
        )
    every = table.to_dict("records")
    fits = partial(fnmatch.fnmatch, pat=source.include)
    rows = [row for row in every if row["path"] and fits(Path(row["path"]).name)]
    joined = _people(source, participants, allowed) if participants else People()
    keys = _manifest_keys([row["path"] for row in rows])
    owners = entries.owners_of(keys.values(), joined)
    found = [
        _manifest_row(row, manifest.parent, keys[row["path"]], owners, joined, allowed)
        for row in rows
    ]
    notes = (*table.attrs["guessed"], *entries.notes_of(joined, found))
    ignored = tuple(name for name in table.columns if name not in text_tables.ALIASES)
    absent = entries.rows_without_path(every) if source.include == "*" else []
    return Listing([*found, *absent], ignored, notes)


def _manifest_keys(paths: Iterable[str]) -> dict[str, str]:
    """Return the key of each file of a manifest: its path without the part that differs between machines."""
    keys = {path: (Path(path).parent / stem_of(Path(path))).as_posix() for path in paths}
    own = {path for path in keys if Path(path).is_absolute() or path.startswith(("~", ".."))}
    tails = scan_names.shortest_tails(keys[path] for path in own)
    return {path: tails[key] if path in own else key for path, key in keys.items()}


def _manifest_row(
    row: Mapping[str, str | None],
    folder: Path,
    key: str,
    owners: Mapping[str, str],
    joined: People,
    allowed: AllowedRoots,
) -> Entry:
    path = folder / typed_paths.expanded(row["path"] or "")
    stem = stem_of(path)
    person_id = row.get("participant_id") or owners[key]
    session_id = row.get("session_id") or scan_names.entities(stem, loose=True).get("ses")
    by_table = image_modality.modality_of_table(row.get("modality"))
    modality = by_table or image_modality.modality_of_file_name(stem)
    known = {name: text for name, text in row.items() if text is not None}
    return entries.describe_entry(
        key, path, person_id, session_id, modality, joined, allowed, known
    )


#: How the reason begins of what lies in a folder that could not be entered, and of the folder itself.
CLOSED = "this folder could not be entered"
_IN_BIDS = ("anat", "pet")
#: Folders of BIDS in which images lie.
_FOLDERS = (*_IN_BIDS, "func", "dwi", "fmap", "perf", "meg", "eeg", "ieeg", "micr", "mrs")


def kind_of(path: Path) -> str:
    """Return the kind of a source: manifest, BIDS data set or folder.

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


def list_source(
    source: Source,
    participants: Path | None = None,
    allowed: AllowedRoots = allowed_roots.EVERYTHING,
) -> Listing:
    """List the scans of a source.

    Parameters
    ----------
    source : Source
        What to list; its ``include`` pattern is matched against file names.
    participants : Path, optional
        A table of people to join, instead of the ``participants.tsv`` in the source.
    allowed : AllowedRoots
        What may be read; images elsewhere, behind links too, are entries with the reason.

    Raises
    ------
    SourceError
        When it names no scan at all, or a table of people may not be read.
    """
    listing = LISTERS[source.kind](source, participants, allowed)
    if not any(entry.path and not entry.closed for entry in listing.entries):
        if shut := [entry for entry in listing.entries if entry.closed]:
            where = "" if source.pseudonyms else f" ({shut[0].path})"
            raise SourceError(f"No scan was found at {source.path}: {shut[0].problem}{where}.")
        raise SourceError(dicom_instead(Path(source.path)) or _why_empty(source))
    return listing


def _why_empty(source: Source) -> str:
    if source.kind == "manifest":
        return f"{source.path} names no scan: it has no row with a path. Give each scan a row."
    if not any(Path(source.path).iterdir()):
        return f"No scan was found: the folder {source.path} is empty. Name the one where the images lie."
    called = "" if source.include == "*" else f" and fits {source.include!r}"
    return (
        f"No scan was found in {source.path}: no file there ends in .nii or .nii.gz{called}. Name the folder "
        "where the images lie."
    )


def dicom_instead(folder: Path) -> str | None:
    """Return in words that a folder holds DICOM files and no NIfTI; ``None`` where that is not so.

    Only the first files are looked at.
    """
    found = 0
    own = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    for path in itertools.islice(own, _LOOKED_AT):
        if _is_image(path):
            return None
        with contextlib.suppress(OSError), files.open_file(path) as file:
            found += file.read(_MAGIC_AT + 4)[_MAGIC_AT:] == b"DICM"
    if not found:
        return None
    return (
        f"These are DICOM files ({found:,}{' and more' * (found == _LOOKED_AT)} found). Add {folder} as a "
        f"DICOM folder: on Cohort, or with 'python -m curation dicom {folder}'."
    )


# ---- BIDS ------------------------------------------------------------------------------------


def _list_bids(source: Source, participants: Path | None, allowed: AllowedRoots) -> Listing:
    root = Path(source.path)
    known = _people(source, participants or root / "participants.tsv", allowed)
    table = known if participants else _with_visits(known, source, root, allowed)
    images, closed = _images(root, source.include)
    named = {path: _of_bids(path, table, allowed) for path in images}
    declared = (root / "dataset_description.json").exists()
    if images and not any(named.values()) and not declared:
        return _list_folder(source, participants, allowed)  # folders called sub-01 are no BIDS yet
    others = [path for path, entry in named.items() if entry is None]
    loose = [] if declared else [path for path in others if not _is_other_bids(path)]
    odd = [path for path in others if path not in loose and path.parent.name in _IN_BIDS]
    shut = (_closed(folder, root, table) for folder in closed)
    found = [*filter(None, named.values()), *_all_loose(loose, root, table, allowed), *shut]
    seen = {table.find(entry.participant_id) for entry in found}
    absent = [_absent(name, table, closed, root) for name in known.rows if name not in seen]
    if source.include != "*":
        absent = []  # they may well have an image, of another name
    notes = (*entries.notes_of(table, found), *_not_of_bids(loose, root), *_without_name(odd, root))
    return Listing([*found, *absent], notes=notes)


def _with_visits(table: People, source: Source, root: Path, allowed: AllowedRoots) -> People:
    """Return people with what their tables of sessions in a BIDS data set say of each visit."""
    named = [(path.parent.name, path) for path in sorted(root.glob("sub-*/sub-*_sessions.tsv"))]
    own = [(name, path) for name, path in named if path.name == f"{name}_sessions.tsv"]
    readable = [
        one for one in own if scan_names.is_unicode(str(one[1])) and not allowed.reason(one[1])
    ]
    return participants_table.with_visits(table, readable, source.sexes)


def _is_other_bids(path: Path) -> bool:
    """Return whether an image that has no BIDS name of a head lies where BIDS has others of a person."""
    stem, folder = stem_of(path), path.parent.name
    if folder not in _FOLDERS or "sub" not in scan_names.entities(stem):
        return False
    return folder not in _IN_BIDS or image_modality.modality_of_file_name(stem) is None


def _not_of_bids(paths: list[Path], root: Path) -> list[Note]:
    """Say which images are listed beside those that have BIDS names."""
    if not paths:
        return []
    before = (
        f"Some images have names of BIDS and others have not; {len(paths)} of these are listed by what their "
        "names tell"
    )
    after = " With a dataset_description.json the images with BIDS names alone are."
    return [entries.naming_first(paths[0].relative_to(root).as_posix(), before, after)]


def _without_name(paths: list[Path], root: Path) -> list[Note]:
    """Say which images lie where BIDS has those of heads, but are not named as such."""
    if not paths:
        return []
    before = "Not listed, as BIDS has no such names for images of a head: "
    before += f"{len(paths)} in folders anat or pet"
    return [entries.naming_first(paths[0].relative_to(root).as_posix(), before)]


def _of_bids(path: Path, table: People, allowed: AllowedRoots) -> Entry | None:
    stem = stem_of(path)
    entities = scan_names.entities(stem)
    modality = image_modality.modality_of_bids_name(stem.rsplit("_", 1)[-1], entities)
    if modality is None or "sub" not in entities:
        return None
    participant_id = as_unicode(f"sub-{entities['sub']}")
    return entries.describe_entry(
        stem, path, participant_id, entities.get("ses"), modality, table, allowed
    )


def _absent(name: str, table: People, closed: list[Closed], root: Path) -> Entry:
    """Describe a participant without an image, or with one that may lie in an unreadable folder."""
    anywhere = [folder for folder in closed if _participant_of(folder.path, root) is None]
    count = f"{len(anywhere)} folder{'s' * (len(anywhere) != 1)}"
    problem = f"{NO_IMAGE} was found; {count} could not be entered" if anywhere else None
    described = participants_table.describe(table.row(name))
    name = _bids_id(name)
    return Entry(f"{name}_missing", None, name, None, None, described, problem)


def _bids_id(name: str) -> str:
    return name if name.startswith("sub-") else f"sub-{name}"


# ---- folder ----------------------------------------------------------------------------------


def _list_folder(source: Source, participants: Path | None, allowed: AllowedRoots) -> Listing:
    root = Path(source.path)
    table = _people(source, participants or root / "participants.tsv", allowed)
    images, closed = _images(root, source.include)
    loose = _all_loose(images, root, table, allowed)
    notes = entries.notes_of(table, loose)
    return Listing([*loose, *(_closed(folder, root, table) for folder in closed)], notes=notes)


def _all_loose(images: list[Path], root: Path, table: People, allowed: AllowedRoots) -> list[Entry]:
    keys = {path: (path.relative_to(root).parent / stem_of(path)).as_posix() for path in images}
    owners = entries.owners_of(keys.values(), table)
    return [_loose(keys[path], path, owners[keys[path]], table, allowed) for path in images]


def _loose(
    key: str, path: Path, participant_id: str, table: People, allowed: AllowedRoots
) -> Entry:
    stem = stem_of(path)
    session_id = scan_names.entities(stem, loose=True).get("ses")
    modality = image_modality.modality_of_file_name(stem)
    return entries.describe_entry(key, path, participant_id, session_id, modality, table, allowed)


# ---- both ------------------------------------------------------------------------------------


def _people(source: Source, table: Path, allowed: AllowedRoots) -> People:
    """Read a table of people; one that a link takes out of what may be read is refused."""
    if table.exists():
        allowed.refuse_others(table)
    return participants_table.participants(table, allowed, source.sexes)


def _closed(folder: Closed, root: Path, table: People) -> Entry:
    """Make a row of an unreadable folder, with its person where its name says so."""
    inside = as_unicode(folder.path.relative_to(root).as_posix())
    participant_id = _participant_of(folder.path, root) or inside
    problem = (
        f"{CLOSED} ({folder.why}), and nothing in it is listed; give this account the right to read it, "
        "then ingest again"
    )
    described = participants_table.describe(table.row(participant_id))
    path = Path(as_unicode(str(folder.path)))
    key = f"{inside}/closed"
    return Entry(key, path, participant_id, None, None, described, problem, closed=True)


def _participant_of(folder: Path, root: Path) -> str | None:
    parts = folder.relative_to(root).parts
    return next((as_unicode(part) for part in parts if part.startswith("sub-")), None)


def _images(root: Path, include: str) -> tuple[list[Path], list[Closed]]:
    """Return the images of a source in order; hidden folders and ``derivatives`` are not raw data.

    A folder that is only named as an image, and holds none, is one of them: its row says what it is.
    """
    found = folder_walk.walk(root, lambda name: name.startswith(".") or name == "derivatives")
    images = [path for path in found.files if _is_image(path)]
    known = (*images, *(closed.path for closed in found.closed))
    hollow = [
        folder
        for folder in found.folders
        if _is_image(folder) and not any(path.is_relative_to(folder) for path in known)
    ]
    wanted = [path for path in (*images, *hollow) if fnmatch.fnmatch(path.name, include)]
    return sorted(wanted), found.closed


def _is_image(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


LISTERS: dict[str, Callable[[Source, Path | None, AllowedRoots], Listing]] = {
    "bids": _list_bids,
    "folder": _list_folder,
    "manifest": list_manifest,
}
