"""What was found in the DICOM folder that was looked at last, kept until its series are chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from curation.dicom import pseudonyms, series
from curation.dicom.series import Folder, Progress, Series
from curation.errors import SourceError, readable
from curation.sources import allowed_roots
from curation.storage import files, typed_paths
from curation.storage.workspace import Workspace


@dataclass(frozen=True)
class LastLook:
    """Series to choose from.

    Parameters
    ----------
    folder : Path
        Where they are.
    series : tuple of Series
        All of them.
    notes : tuple of str
        What else was found, in sentences: damaged files that belong to no series, for one.
    places : mapping of str to str
        As :class:`curation.dicom.series.Folder` has them; not kept.
    """

    folder: Path
    series: tuple[Series, ...]
    notes: tuple[str, ...]
    places: Mapping[str, str] = field(default_factory=dict, repr=False)


def look(workspace: Workspace, folder: Path, progress: Progress | None = None) -> LastLook:
    """Look through a DICOM folder for a workspace, and keep what was found.

    Raises
    ------
    SourceError
        As :func:`curation.dicom.series.look`.
    """
    allowed = allowed_roots.of(workspace)
    allowed.refuse_others(folder)
    folder = typed_paths.resolved(folder)
    if not folder.is_dir():
        raise SourceError(f"There is no folder at {folder}. Check the path.")
    found = series.look(folder, pseudonyms.of(workspace), allowed, progress)
    kept = LastLook(folder, found.series, notes_of(found), found.places)
    files.write_json(
        workspace.dicom_series_path,
        {
            "folder": str(folder),
            "series": [one.as_dict() for one in kept.series],
            "notes": list(kept.notes),
        },
    )
    return kept


def read(workspace: Workspace) -> LastLook | None:
    """Return what is kept; ``None`` where nothing is."""
    path = workspace.dicom_series_path
    with readable(path):
        kept = files.read_json(path)
        if kept is None:
            return None
        found = tuple(map(Series.from_dict, kept["series"]))
        return LastLook(Path(kept["folder"]), found, tuple(kept["notes"]))


def forget(workspace: Workspace) -> None:
    """Delete what is kept."""
    workspace.dicom_series_path.unlink(missing_ok=True)


def notes_of(found: Folder) -> tuple[str, ...]:
    """Return what else a folder holds, in sentences."""
    notes = [f"Damaged, and of no series that can be told: {one}." for one in found.damaged]
    if found.others:
        files_, verb = ("file", "holds") if found.others == 1 else ("files", "hold")
        notes.append(f"{found.others:,} other {files_} {verb} no image of DICOM.")
    notes += [f"{note[0].upper()}{note[1:]}." for note in found.notes]
    if found.places:
        notes.append(
            "Files and folders are told by their number in the order of their paths, as names may be "
            "somebody's. 'python -m curation dicom FOLDER --list', run in a terminal, names them."
        )
    return tuple(notes)
