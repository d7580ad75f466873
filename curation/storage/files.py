"""Atomic files: whole or absent.

Every write goes to a temporary file beside the target and is renamed over it, so that a reader (or a
process that dies half-way) never meets half a file. Appended JSON lines are the one exception; there
the reader skips a last line that was cut off.
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
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import REMEDY, DamagedError, TierscopeError, WorkspaceError, readable

_CHUNK = 1 << 20
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


def expanded(path: str | Path) -> Path:
    """Return a path with ``~`` resolved; as it is where ``~`` is nobody's home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, whole or not at all; NaN is refused, write ``None``."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def parse_json(text: str) -> Any:
    """Parse JSON text.

    Raises
    ------
    ValueError
        When it is none, a number in it has thousands of digits, or brackets are nested thousands deep.
    """
    try:
        return json.loads(text)
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
            return parse_json(path.read_text(encoding="utf-8"))
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


def append_json_line(path: Path, value: dict[str, Any]) -> None:
    """Append one JSON object as one line; half a line that an interruption left is taken off first.

    Raises
    ------
    OSError
        When the line cannot be written, on a full disk say; the file is then as it was.
    """
    line = (json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n").encode()
    with path.open("ab+", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = _whole_lines(file)
        file.truncate(size)
        try:
            written = file.write(line)
        except OSError:
            file.truncate(size)
            raise
        if written != len(line):
            file.truncate(size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def _whole_lines(file: IO[bytes]) -> int:
    """Return the length of a file up to the end of its last whole line, bytes."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - 4096)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Read appended JSON lines; a last line that was cut off is skipped, no file is no lines.

    Raises
    ------
    DamagedError
        When a line other than the last is broken: that is damage, not an interrupted write.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return []
    rows = []
    for number, line in enumerate(lines[:-1], start=1):
        with readable(path, f"Mend or remove its line {number}."):
            rows += [parse_json(line)] if line else []
    if lines[-1]:
        with contextlib.suppress(ValueError):
            rows.append(parse_json(lines[-1]))
    return rows


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
