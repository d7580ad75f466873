"""The scans that a manifest names: a CSV or TSV table with a column of paths."""

import fnmatch
from collections.abc import Iterable, Mapping
from pathlib import Path

from curation import column_names, entries, files, modalities, people, scan_names
from curation.entries import Entry, Listing
from curation.errors import SourceError
from curation.people import People
from curation.scan_names import stem_of
from curation.workspace import Source


def list_manifest(source: Source, participants: Path | None) -> Listing:
    """List the scans that a manifest names, each with what its row and a table of people say.

    Raises
    ------
    SourceError
        When the manifest is no table, or has no column of files.
    """
    manifest = Path(source.path)
    table = column_names.read_table(manifest)
    if "bids_name" in table and "path" not in table:
        raise SourceError(
            f"{manifest.name} is a table of MRIQC, which has metrics but no images. Take it in with "
            "'python -m curation import-mriqc'."
        )
    if "path" not in table:
        raise SourceError(
            f"{manifest.name} has no column of files. Name one 'path' (found: "
            f"{', '.join(table.attrs['written'])})."
        )
    rows = [
        row
        for row in table.to_dict("records")
        if row["path"] and fnmatch.fnmatch(Path(row["path"]).name, source.include)
    ]
    joined = people.participants(participants) if participants else People()
    keys = _manifest_keys([row["path"] for row in rows])
    owners = entries.owners_of(keys.values(), joined)
    found = [_manifest_row(row, manifest.parent, keys[row["path"]], owners, joined) for row in rows]
    ignored = tuple(name for name in table.columns if name not in column_names.ALIASES)
    names = (entry.participant_id for entry in found)
    return Listing(found, ignored, (*table.attrs["guessed"], *entries.notes_of(joined, names)))


def _manifest_keys(paths: Iterable[str]) -> dict[str, str]:
    """Return what names each file of a manifest: its path, but for where this machine has it."""
    keys = {path: (Path(path).parent / stem_of(Path(path))).as_posix() for path in paths}
    own = {path for path in keys if Path(path).is_absolute() or path.startswith(("~", ".."))}
    tails = scan_names.shortest_tails(keys[path] for path in own)
    return {path: tails[key] if path in own else key for path, key in keys.items()}


def _manifest_row(
    row: Mapping[str, str | None], folder: Path, key: str, owners: Mapping[str, str], joined: People
) -> Entry:
    path = folder / files.expanded(row["path"] or "")
    stem = stem_of(path)
    person_id = row.get("participant_id") or owners[key]
    session_id = row.get("session_id") or scan_names.entities(stem, loose=True).get("ses")
    modality = modalities.of_table(row.get("modality")) or modalities.of_name(stem)
    known = {name: text for name, text in row.items() if text is not None}
    return entries.describe_entry(key, path, person_id, session_id, modality, joined, known)
