"""Sharing of a workspace: a group whose accounts may read and write it, and nobody else.

The folder itself says that it is shared: what is made in it belongs to its group (set-group-id, mode 2770).
"""

import grp
import os
import stat
from pathlib import Path

from curation.errors import WorkspaceError
from curation.storage.workspace import Workspace

_FOLDER = 0o2770
_GROUP, _OTHERS = 0o060, 0o007


def is_shared(root: Path) -> bool:
    """Return whether a folder is one that a group shares."""
    try:
        mode = root.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_ISGID and mode & stat.S_IWGRP)


def follow(root: Path) -> None:
    """Let this process, and those that it starts, write for the group where a workspace is shared."""
    if is_shared(root):
        os.umask(_OTHERS)


def share(workspace: Workspace, group: str) -> list[Path]:
    """Give a workspace to a group: its accounts may read and write everything, others nothing.

    Links are left alone, and so is what they lead to.

    Parameters
    ----------
    workspace : Workspace
        Which.
    group : str
        Name of a group of this machine.

    Returns
    -------
    list of Path
        What belongs to another account, which alone can change it.

    Raises
    ------
    WorkspaceError
        When there is no such group, or this account may not give the folder to it.
    """
    try:
        number = grp.getgrnam(group).gr_gid
    except KeyError:
        raise WorkspaceError(
            f"There is no group {group!r} on this machine. Name one that 'getent group' lists."
        ) from None
    if not _give(workspace.root, number):
        raise WorkspaceError(
            f"{workspace.root} cannot be given to the group {group}: that takes its owner, who has to be in "
            "the group, or the superuser."
        )
    inside = (
        Path(folder) / name
        for folder, folders, names in os.walk(workspace.root)
        for name in (*folders, *names)
    )
    return [path for path in inside if not path.is_symlink() and not _give(path, number)]


def _give(path: Path, group: int) -> bool:
    """Give a folder or file to a group; return whether that could be done."""
    try:
        is_folder = path.is_dir()
        os.chown(path, -1, group)
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(_FOLDER if is_folder else (mode | _GROUP) & ~_OTHERS)
    except FileNotFoundError:  # replaced by somebody who is at work: with the folder's group
        return True
    except PermissionError:
        return False
    return True
