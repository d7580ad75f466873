"""Walk over a folder: all files below it, and all folders that could not be entered."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Closed:
    """A folder that could not be entered, with unknown content."""

    path: Path
    why: str


@dataclass(frozen=True)
class Contents:
    """Content of a folder, in the order of the names.

    Parameters
    ----------
    files, folders : list of Path
        All of them, also those that links lead to.
    closed : list of Closed
        Those of the folders that could not be entered.
    """

    files: list[Path]
    folders: list[Path]
    closed: list[Closed]


def walk(root: Path, leave_out: Callable[[str], bool] = lambda name: False) -> Contents:
    """Look through a folder, and through the folders that links in it lead to, each once.

    Parameters
    ----------
    root : Path
        Where to begin.
    leave_out : callable
        Tells by its name that a file or folder is not looked at.
    """
    found = Contents([], [], [])
    seen: set[tuple[int, int]] = set()
    waiting = [root]
    while (
        waiting
    ):  # links last, so that a folder is found where it is rather than where it is linked
        folder = waiting.pop(0)
        waiting += sorted(_enter(folder, leave_out, found, seen))
    for paths in (found.files, found.folders):
        paths.sort()
    found.closed.sort(key=lambda closed: closed.path)
    return found


def _enter(
    top: Path, leave_out: Callable[[str], bool], found: Contents, seen: set[tuple[int, int]]
) -> list[Path]:
    """Add the content of a folder to ``found`` and return the links to other folders."""
    links = []
    for name, folders, names in os.walk(top, onerror=lambda error: _note(error, found)):
        folder = Path(name)
        if _identity(folder) in seen:
            folders.clear()
            continue
        seen.add(_identity(folder))
        folders[:] = [name for name in folders if not leave_out(name)]
        found.files.extend(folder / name for name in names if not leave_out(name))
        found.folders.extend(folder / name for name in folders)
        links += [folder / name for name in folders if (folder / name).is_symlink()]
    return links


def _note(error: OSError, found: Contents) -> None:
    found.closed.append(Closed(Path(error.filename), error.strerror or str(error)))


def _identity(folder: Path) -> tuple[int, int]:
    """Return the identity of a folder, by whatever path it is reached."""
    stat = folder.stat()
    return stat.st_dev, stat.st_ino
