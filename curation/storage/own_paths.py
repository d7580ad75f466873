"""Paths of files that lie in the workspace itself: written relative to it, so that it can be moved."""

from pathlib import Path

import pandas as pd


def written(root: Path, path: str) -> str:
    """Return a path as it is written down: relative where it lies in the workspace.

    >>> written(Path("/w"), "/w/converted/a"), written(Path("/w"), "/data/b"), written(Path("/w"), "/w2/c")
    ('converted/a', '/data/b', '/w2/c')
    """
    return path.removeprefix(_inside(root))


def read(root: Path, path: str) -> str:
    """Return a path that was written down as an absolute one; those of before are absolute already.

    >>> read(Path("/w"), "converted/a"), read(Path("/w"), "/data/b"), read(Path("/w"), "")
    ('/w/converted/a', '/data/b', '')
    """
    return path if not path or path.startswith("/") else _inside(root) + path


def all_written(root: Path, paths: pd.Series) -> pd.Series:
    """Do :func:`written` with many paths; missing ones stay so."""
    own = paths.str.startswith(_inside(root)).fillna(False).astype(bool)
    return paths.where(~own, paths.str.slice(len(_inside(root)))) if own.any() else paths


def all_read(root: Path, paths: pd.Series) -> pd.Series:
    """Do :func:`read` with many paths; missing ones stay so."""
    absolute = paths.str.startswith("/").fillna(True).astype(bool) | (paths == "")
    return paths if absolute.all() else paths.where(absolute, _inside(root) + paths)


def _inside(root: Path) -> str:
    return f"{str(root).rstrip('/')}/"
