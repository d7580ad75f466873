"""Temporary folders of the server for images of the browser: private, removed with the server.

A server that was killed cannot tidy up; the next one does it, by the lock that a living server holds.
"""

import atexit
import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from curation.errors import BusyError
from curation.storage import files

PREFIX = "tierscope-viewer-"
_held: list[tuple[Path, contextlib.ExitStack]] = []


def make() -> Path:
    """Return a new folder that is this account's alone, and remove those of servers that were killed."""
    _sweep()
    while True:
        folder, stack = Path(tempfile.mkdtemp(prefix=PREFIX)), contextlib.ExitStack()
        with contextlib.suppress(BusyError):  # swept by another server before it was locked
            stack.enter_context(files.lock(folder / "lock", BusyError(str(folder))))
            _held.append((folder, stack))
            return folder


def clear() -> None:
    """Remove the folders of this process."""
    while _held:
        folder, stack = _held.pop()
        shutil.rmtree(folder, ignore_errors=True)
        stack.close()


def _sweep() -> None:
    """Remove the folders that this account left and that no process holds any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, BusyError):
            found = folder.lstat()
            ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
            if ours and (folder / "lock").exists():
                with files.lock(folder / "lock", BusyError(str(folder))):
                    shutil.rmtree(folder, ignore_errors=True)


atexit.register(clear)
