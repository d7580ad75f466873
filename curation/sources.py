"""What a source is: as people ask for it, as it was before, or as is usual."""

from pathlib import Path
from typing import Any

from curation import files, modalities, scan_names
from curation.errors import SourceError
from curation.workspace import ROLES, Source, Workspace, slug


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
        What it is, see :class:`curation.workspace.Source`.
    name : str, optional
        Its short name; of its path by default.
    **asked
        Other fields of :class:`curation.workspace.Source`. What is ``None`` is as it was when the source was
        listed before, else as is usual.

    Raises
    ------
    SourceError
        When a role, a kind of image or a table of people is none, another source has the name, or a path
        cannot be written down.
    """
    given = {field: value for field, value in asked.items() if value is not None}
    if given.get("role", "pool") not in ROLES:
        raise SourceError(
            f"A source is of a role, one of {', '.join(ROLES)}; not {given['role']!r}."
        )
    if given.get("modality", modalities.SCORED) not in modalities.KINDS:
        raise SourceError(
            f"What is scored is one of {', '.join(modalities.KINDS)}; not {given['modality']!r}."
        )
    if table := given.get("participants"):
        given["participants"] = str(_table_of_people(table))
    path = str(path)
    called = slug(name or scan_names.stem_of(Path(path)))
    for text in (path, *(value for value in given.values() if isinstance(value, str))):
        _refuse_bytes(text)
    before = next((source for source in workspace.sources() if source.name == called), None)
    if before and before.path != path:
        raise SourceError(
            f"The workspace has a source {called!r} already, at {before.path}. Give this one another name "
            "(--name)."
        )
    known = {field: getattr(before, field) for field in asked} if before else {}
    return Source(name=called, path=path, kind=kind, **(known | given))


def absolute(path: str | Path) -> Path:
    """Return the absolute path of what people named."""
    return files.expanded(path).resolve()


def _table_of_people(path: str | Path) -> Path:
    if not files.expanded(path).is_file():
        raise SourceError(f"There is no table of people at {path}. Check the path.")
    return absolute(path)


def _refuse_bytes(text: str) -> None:
    if not scan_names.is_unicode(text):
        raise SourceError(
            f"{scan_names.as_unicode(text)} is not UTF-8 and cannot be written down. Rename it, or name a "
            "link to it."
        )
