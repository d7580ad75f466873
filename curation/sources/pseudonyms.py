"""Pseudonyms of scans and people, made at ingest: no name of a file stands in an id, an address or a list.

A pseudonym is a keyed hash of the name (HMAC-SHA256): who has the key makes the same one again, nobody else
can try names. The key lies outside of the workspace. A scan's path is that of a link in the workspace, named
by its pseudonym; where it leads is told by the file system alone.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from curation.errors import SourceError
from curation.sources import participants_table, scan_names
from curation.sources.participants_table import Note
from curation.sources.source import Entry
from curation.storage import files, tables, typed_paths
from curation.storage.workspace import Source, Workspace

ENVIRONMENT_VARIABLE = "TIERSCOPE_PSEUDONYM_KEY"
_USUAL = "~/.config/tierscope/pseudonym.key"
_SHORTEST = 32
#: Letters of a person's and of a scan's pseudonym: 60 and 40 bits.
_OF_PERSON, _OF_SCAN, _OF_KEY = 12, 8, 8


def settle(
    workspace: Workspace, source: Source, earlier: Source | None, asked: bool | None
) -> Source:
    """Return a source with or without pseudonyms: as it is asked, else as it was listed before.

    Raises
    ------
    SourceError
        When a source that was listed with names shall get pseudonyms or the other way round, or the key is
        another one, or cannot be used.
    """
    had = bool(earlier and earlier.pseudonyms)
    if earlier is not None and asked is not None and asked != had:
        raise SourceError(
            f"{source.name} was listed {'with' if had else 'without'} pseudonyms, and scans are never "
            "renamed. List it under another short name.",
            option="--name",
        )
    if not (had if asked is None else asked):
        return source
    mark = _letters(key_of(workspace), "key", _OF_KEY)
    if earlier is not None and earlier.pseudonyms != mark:
        raise SourceError(
            f"The pseudonyms of {source.name} were made with another key than that of {_place()}. Put that "
            f"key back, or name its file by {ENVIRONMENT_VARIABLE}."
        )
    return replace(source, pseudonyms=mark)


def hide(workspace: Workspace, source: Source, entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries of a source as they are listed: under pseudonyms, where it has them.

    Each image is linked to in the workspace; that link is its path from then on.
    """
    if not source.pseudonyms:
        return list(entries)
    key = key_of(workspace)
    folder = workspace.links_dir / source.name
    folder.mkdir(parents=True, exist_ok=True)
    known = _Known.of(workspace, source, folder)
    return [_hidden(key, folder, entry, known) for entry in entries]


_NAME = re.compile(rf"sub-[a-z2-7]{{{_OF_PERSON}}}_([a-z2-7]{{{_OF_SCAN}}})(?:_.+)?")


@dataclass(frozen=True)
class _Known:
    """Names that scans of a source have already: by the image that a link leads to, and by their own part.

    A scan keeps its name when a table of people or a sidecar says later of whom, or of what kind, it is.
    """

    names: set[str]
    by_target: dict[Path, str]
    by_scan: dict[str, str]

    @classmethod
    def of(cls, workspace: Workspace, source: Source, folder: Path) -> "_Known":
        scans = tables.read_scans(workspace)
        paths = scans.loc[scans["source"] == source.name, "path"].dropna()
        names = {scan_names.stem_of(Path(path)) for path in paths}
        links = {link: scan_names.stem_of(link) for link in sorted(folder.iterdir())}
        by_target = {
            link.readlink(): name
            for link, name in links.items()
            if name in names and link.is_symlink()
        }
        found = ((match[1], name) for name in sorted(names) if (match := _NAME.fullmatch(name)))
        return cls(names, by_target, dict(found))

    def name(self, usual: str, target: Path | None) -> str:
        """Return the name that a scan has, else the one that it gets."""
        if usual in self.names or target is None:
            return usual
        scan = _NAME.fullmatch(usual)
        return self.by_target.get(target) or self.by_scan.get(scan[1] if scan else "") or usual


def person(key: str, participant_id: str) -> str:
    """Return the pseudonym of a person, the same in every source."""
    label = participant_id.removeprefix("sub-")
    return f"sub-{_letters(key, f'person:{label}', _OF_PERSON)}"


def listed_before(workspace: Workspace, source: Source) -> Callable[[Entry, str], bool]:
    """Return what tells whether an image of a source is listed as a person of a name."""
    scans = tables.read_scans(workspace)
    its = scans[(scans["source"] == source.name) & scans["path"].notna()]
    hidden = partial(person, key_of(workspace)) if source.pseudonyms else str
    paths = map(Path, its["path"])
    real = (path.readlink() if source.pseudonyms and path.is_symlink() else path for path in paths)
    known = dict(zip(map(str, real), its["participant_id"], strict=True))
    return lambda entry, name: known.get(str(entry.path)) == hidden(name)


def hide_rows(workspace: Workspace, source: Source, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table of scans under pseudonyms, where its source has them.

    Parameters
    ----------
    workspace : Workspace
        Where the scans are listed.
    source : Source
        Whose scans they are, settled by :func:`settle`.
    rows : pandas.DataFrame
        With ``key``, ``participant_id``, ``session_id``, ``modality``, ``person``, ``note`` and ``problem``.

    Returns
    -------
    pandas.DataFrame
        The same people get the pseudonyms that they have in other sources.
    """
    if not source.pseudonyms or rows.empty:
        return rows
    secret = key_of(workspace)
    named = zip(rows["key"], rows["participant_id"], rows["modality"], strict=True)
    keys = [_key_of_scan(secret, person(secret, who), scan, kind) for scan, who, kind in named]
    problem = rows["problem"].where(rows["problem"].isna(), "its row, or its file, cannot be used")
    return rows.assign(
        key=keys,
        participant_id=[person(secret, who) for who in rows["participant_id"]],
        session_id=[_session(secret, one) for one in rows["session_id"]],
        person=[person(secret, one) if isinstance(one, str) else one for one in rows["person"]],
        note=rows["note"].map(participants_table.without_texts),
        problem=problem,
    )


def in_words(workspace: Workspace, source: Source, notes: Iterable[Note]) -> tuple[str, ...]:
    """Return notes on a source as sentences; of one with pseudonyms they name nobody otherwise."""
    called = partial(person, key_of(workspace)) if source.pseudonyms else None
    return participants_table.in_words(notes, called)


def _key_of_scan(secret: str, who: str, scan: str, modality: str | None) -> str:
    parts = [who, _letters(secret, f"scan:{scan}", _OF_SCAN), modality]
    return "_".join(part for part in parts if part)


def _session(secret: str, session_id: str | None) -> str | None:
    if not isinstance(session_id, str) or not session_id:
        return session_id
    return f"ses-{_letters(secret, f'session:{session_id}', _OF_SCAN)}"


def _hidden(key: str, folder: Path, entry: Entry, known_names: _Known) -> Entry:
    who = person(key, entry.participant_id)
    name = known_names.name(_key_of_scan(key, who, entry.key, entry.modality), entry.path)
    session = _session(key, entry.session_id)
    known = entry.person.get("person")
    described = entry.person | ({"person": person(key, known)} if isinstance(known, str) else {})
    described["note"] = participants_table.without_texts(entry.person.get("note"))
    problem, path = entry.problem, entry.path
    if path is not None and entry.closed:
        problem, path = "a folder could not be entered, and nothing in it is listed", None
    elif path is not None and problem:
        problem, path = "its name or its place cannot be listed", None
    elif path is not None:
        path = _link(folder, name, path)
    return replace(
        entry,
        key=name,
        path=path,
        participant_id=who,
        session_id=session,
        person=described,
        problem=problem,
    )


def _link(folder: Path, name: str, target: Path) -> Path:
    """Make, or renew, the link by which an image is read."""
    ending = target.name[len(scan_names.stem_of(target)) :].lower()
    link = folder / f"{name}{ending}"
    if not link.is_symlink() or link.readlink() != target:
        made = folder / f".{link.name}.{os.getpid()}.tmp"
        made.unlink(missing_ok=True)
        made.symlink_to(target)
        made.replace(link)
    return link


# ---- the key -----------------------------------------------------------------------------------------


def _place() -> Path:
    return typed_paths.expanded(os.environ.get(ENVIRONMENT_VARIABLE) or _USUAL)


def key_of(workspace: Workspace) -> str:
    """Return the key, a new one where there is none yet.

    Raises
    ------
    SourceError
        When it would lie in the workspace, others could read it, or it is none.
    """
    path = typed_paths.resolved(_place())
    if path.is_relative_to(workspace.root):
        raise SourceError(
            f"The key of pseudonyms would lie in the workspace, at {path}: whoever has the one would have "
            f"the other. Name a file elsewhere by {ENVIRONMENT_VARIABLE}."
        )
    try:
        found = files.read_text(path, encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return _new_key(path)
    if path.stat().st_mode & 0o077:
        raise SourceError(f"Others may read the key of pseudonyms. 'chmod 600 {path}'.")
    if len(found) < _SHORTEST:
        raise SourceError(
            f"{path} holds no key of pseudonyms: expected are {_SHORTEST} letters or more. Put back a copy "
            "of it; with another key every scan would get another id."
        )
    return found


def _new_key(path: Path) -> str:
    made = secrets.token_hex(_SHORTEST)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "w") as file:
        file.write(made)
    return made


def _letters(key: str, text: str, count: int) -> str:
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode("ascii").lower()[:count]
