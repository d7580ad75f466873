"""Copies of a workspace's files in a folder, with the SHA-256 of each in a list that is written last."""

import contextlib
import hashlib
import os
import sqlite3
from pathlib import Path
from typing import Any

from curation import __version__
from curation.storage import files

#: Holds the hashes; written last, so that a folder without it is no whole copy.
MANIFEST = "backup.json"
_CHUNK = 1 << 20

#: SHA-256 and size, bytes, of each file by its path in the workspace.
Held = dict[str, tuple[str, int]]


def copied(path: Path, target: Path) -> tuple[str, int]:
    """Copy a file, durably; return its SHA-256 and size, bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with files.open_file(path) as source, target.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            size += copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    return digest.hexdigest(), size


def copied_database(raw: sqlite3.Connection, target: Path) -> tuple[str, int]:
    """Copy a SQLite database as of one moment, all in one file; return its SHA-256 and size, bytes."""
    with contextlib.closing(sqlite3.connect(target)) as copy:
        raw.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
    return files.sha256_of(target), target.stat().st_size


def write_manifest(folder: Path, held: Held, **known: Any) -> None:
    """Write the list of what a copy holds, with who made it and whatever else is known of it."""
    files.write_json(folder / MANIFEST, {"tierscope": __version__, **known, "files": held})
