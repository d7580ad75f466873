"""Atomic files: whole or absent.

Every write goes to a temporary file beside the target and is renamed over it, so that a reader (or a
process that dies half-way) never meets half a file. Appended JSON lines are the one exception, see
:mod:`curation.storage.json_lines`.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import logging
import os
import re
import secrets
import stat
import time
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import REMEDY, DamagedError, TierscopeError, WorkspaceError, readable

_CHUNK = 1 << 20
#: Whole numbers of so many digits are none that anybody wrote, and beyond what a float holds.
_MOST_DIGITS = 300
#: No text that is read whole is larger: tables of a million rows are not.
LARGEST_TEXT = 256 << 20
#: A temporary file that nobody has written to for so long was left behind, seconds.
_LEFT_S = 86_400.0

_log = logging.getLogger(__name__)


def open_file(path: Path) -> IO[bytes]:
    """Open a regular file to read its bytes; pipes and devices are refused, never waited for.

    Raises
    ------
    OSError
        When it cannot be opened, or a folder, pipe or device stands in its place.
    """
    if "\0" in str(path):
        raise OSError(errno.ENOENT, "no file has such a name", str(path))
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would be waited for
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "it is no longer a file", str(path))
    return os.fdopen(number, "rb")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that replaces it when the block ends well.

    Parameters
    ----------
    path : Path
        The file to be written. Its folder is made if it is not there.

    Yields
    ------
    Path
        Where to write. Removed, and ``path`` left as it was, when the block raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _new_beside(path)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.filename is None:  # such as a disk that is full
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _new_beside(path: Path) -> Path:
    """Make an empty file beside ``path``, with the rights that the account's umask leaves."""
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        with contextlib.suppress(FileExistsError):
            temporary.touch(exist_ok=False)
            return temporary


def sweep(folder: Path) -> None:
    """Remove temporary files of killed writers."""
    for path in left_behind(folder):
        with contextlib.suppress(OSError):  # somebody else was faster, or it is not ours
            path.unlink()


def left_behind(folder: Path) -> list[Path]:
    """Return temporary files of killed writers, older than a day: others may be at work now."""
    before, found = time.time() - _LEFT_S, []
    for path in folder.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            found += [path] if path.stat().st_mtime < before else []
    return sorted(found)


@contextlib.contextmanager
def lock(path: Path, busy: TierscopeError | None = None) -> Iterator[None]:
    """Hold an exclusive lock on ``path`` while the block runs; a process that dies lets go of it.

    Parameters
    ----------
    path : Path
        The lock file, made where it is not there.
    busy : TierscopeError, optional
        Raised when another process holds the lock; without it, wait.

    Raises
    ------
    WorkspaceError
        When the file belongs to another account that does not share it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        opened = path.open("a")
    except PermissionError as error:
        raise WorkspaceError(
            f"{path} belongs to another account, and this one may not write there. docs/server.md says how "
            "several people share a workspace."
        ) from error
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError:
            if busy is None:
                raise
            raise busy from None
        yield


def read_text(path: Path, *, encoding: str = "utf-8", errors: str = "strict") -> str:
    """Read a text file; pipes and devices are refused, never waited for, and so is what is too large.

    Line ends of other systems are read as those of this one.

    Raises
    ------
    UnicodeDecodeError
        When it is no text of the encoding.
    OSError
        When it cannot be opened, is no file, or is larger than :data:`LARGEST_TEXT`.
    """
    with open_file(path) as file:
        if os.fstat(file.fileno()).st_size > LARGEST_TEXT:
            most = f"it has more than {LARGEST_TEXT >> 20} MB"
            raise OSError(errno.EFBIG, f"{most}, which no file of its kind has", str(path))
        text = file.read(LARGEST_TEXT).decode(encoding, errors)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, whole or not at all; NaN is refused, write ``None``."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def parse_json(text: str) -> Any:
    """Parse JSON text; every number of it fits into a float.

    Raises
    ------
    ValueError
        When it is none, a whole number in it has hundreds of digits, or brackets are nested thousands deep.
    """
    with _of_bounded_depth():
        return json.loads(text, parse_int=_whole_number)


def _whole_number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"it has a number of {len(digits)} digits")
    return int(digits)


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML text.

    Raises
    ------
    ValueError
        When it is none, a number in it has thousands of digits, or brackets are nested thousands deep.
    """
    with _of_bounded_depth():
        return tomllib.loads(text)


@contextlib.contextmanager
def _of_bounded_depth() -> Iterator[None]:
    try:
        yield
    except RecursionError:
        raise ValueError("its brackets are nested too deep") from None


def read_json(path: Path, remedy: str = REMEDY) -> Any:
    """Read a JSON file.

    Parameters
    ----------
    path : Path
        The file.
    remedy : str
        What to do where it is damaged.

    Returns
    -------
    object
        What the file holds, or ``None`` where there is no file.

    Raises
    ------
    DamagedError
        When what it holds is no JSON.
    """
    try:
        with readable(path, remedy):
            return parse_json(read_text(path))
    except FileNotFoundError:
        return None


def read_note(path: Path) -> dict[str, Any]:
    """Read a JSON file that can be done without: absent, damaged or closed to us, it is empty."""
    try:
        noted = read_json(path)
    except (DamagedError, OSError) as error:
        _log.warning("taken as if it were not there: %s", error)
        return {}
    return noted if isinstance(noted, dict) else {}


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a table as parquet, whole or not at all."""
    with replacing(path) as temporary:
        frame.to_parquet(temporary, index=False)


def read_parquet(
    path: Path, remedy: str = REMEDY, columns: Collection[str] | None = None
) -> pd.DataFrame:
    """Read a table, or those of some columns that it has.

    Raises
    ------
    DamagedError
        When the file is no parquet, or is cut off.
    FileNotFoundError
        When there is none.
    """
    with readable(path, remedy):
        return read_arrow(path, remedy, columns).to_pandas()


def read_arrow(
    path: Path, remedy: str = REMEDY, columns: Collection[str] | None = None
) -> pa.Table:
    """Read a parquet file as an arrow table, without pandas."""
    with readable(path, remedy), pq.ParquetFile(path) as file:
        return file.read(columns and [name for name in file.schema_arrow.names if name in columns])


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with open_file(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def short_hash(text: str, length: int = 8, *, more: str = "") -> str:
    """Return the first ``length`` hexadecimal digits of the SHA-256 of a text and what follows it.

    Examples
    --------
    >>> short_hash("tier A") == short_hash("tier", more=" A")
    True
    """
    made = hashlib.sha256()
    for part in (text, more):
        for start in range(0, len(part), _CHUNK):  # a list of a million scans is large
            made.update(part[start : start + _CHUNK].encode())
    return made.hexdigest()[:length]


def slug(text: str) -> str:
    """Return ``text`` as a safe file name: letters, digits, ``-``, ``_``, ``.``; never empty.

    Examples
    --------
    >>> slug("Site A / first try")
    'Site-A-first-try'
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:80] or "unnamed"
