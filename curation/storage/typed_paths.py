"""Paths as somebody types them, made whole: home folders and links followed, nothing refused."""

import os
from pathlib import Path


def expanded(path: str | Path) -> Path:
    """Return a path with ``~`` resolved; as it is where that is nobody's home, or no file's name."""
    try:
        return Path(path).expanduser()
    except (RuntimeError, ValueError):  # nobody's home; a NUL
        return Path(path)


def resolved(path: str | Path) -> Path:
    """Return the absolute path with ``~`` and links followed, of links in a circle as far as that goes.

    A path with a NUL in it, which no file has, is made absolute alone.
    """
    try:
        return Path(os.path.realpath(expanded(path)))
    except ValueError:
        return expanded(path).absolute()
