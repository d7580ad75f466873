"""JSON lines: appended one by one; a last line that an interruption cut off is skipped, then taken off."""

import contextlib
import errno
import fcntl
import json
import os
from pathlib import Path
from typing import IO, Any

from curation.errors import readable
from curation.storage import files


def append(path: Path, value: dict[str, Any]) -> None:
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


def read(path: Path) -> list[dict[str, Any]]:
    """Read appended JSON lines; a last line that was cut off is skipped, no file is no lines.

    Raises
    ------
    DamagedError
        When a line other than the last is broken: that is damage, not an interrupted write.
    """
    try:
        lines = files.read_text(path, errors="replace").split("\n")
    except FileNotFoundError:
        return []
    rows = []
    for number, line in enumerate(lines[:-1], start=1):
        with readable(path, f"Mend or remove its line {number}."):
            rows += [files.parse_json(line)] if line else []
    if lines[-1]:
        with contextlib.suppress(ValueError):
            rows.append(files.parse_json(lines[-1]))
    return rows
