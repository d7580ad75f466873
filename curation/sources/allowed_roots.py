"""Allowed roots: the folders outside of which nothing is read that somebody names (``TIERSCOPE_SOURCES``).

Whoever runs a server names them. Paths are compared after links are followed. Without the setting all may be
named that the account may read. The workspace itself, which holds simulated scans, may always be.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from curation.errors import SourceError
from curation.sources.scan_names import as_unicode
from curation.storage import typed_paths
from curation.storage.workspace import Workspace

ENVIRONMENT_VARIABLE = "TIERSCOPE_SOURCES"


@dataclass(frozen=True)
class AllowedRoots:
    """Folders that may be read.

    Parameters
    ----------
    named : tuple of Path, optional
        Those of the setting, as they are told; none: there is no setting, and everything may be read.
    besides : tuple of Path
        Others that may be read, such as the workspace.
    """

    named: tuple[Path, ...] | None = None
    besides: tuple[Path, ...] = ()

    def reason(self, path: str | Path) -> str | None:
        """Return why a path may not be read, in words; ``None`` where it may. Nothing has to be there."""
        if self.named is None:
            return None
        place = typed_paths.resolved(path)
        roots = (Path(os.path.realpath(root)) for root in (*self.named, *self.besides))
        if any(place.is_relative_to(root) for root in roots):
            return None
        return (
            f"it lies outside of the folders that may be read here ({', '.join(map(str, self.named))}), "
            f"which {ENVIRONMENT_VARIABLE} names"
        )

    def refuse_others(self, path: str | Path) -> None:
        """Refuse a path outside of the folders, whether or not there is anything.

        Raises
        ------
        SourceError
            With the folders that may be read.
        """
        if reason := self.reason(path):
            raise SourceError(
                f"{as_unicode(str(path))} is not read: {reason}. Name a path inside of them, or ask whoever "
                "runs this server to name another folder (docs/server.md)."
            )


#: Without any bounds.
EVERYTHING = AllowedRoots()


def of(workspace: Workspace) -> AllowedRoots:
    """Return what may be read for a workspace, by the setting as it is now.

    Raises
    ------
    SourceError
        When the setting names no folder, or one by a relative path.
    """
    named = _named()
    return EVERYTHING if named is None else AllowedRoots(named, (workspace.root,))


def of_the_setting() -> AllowedRoots:
    """Return what may be read whatever the workspace, see :func:`of`: none of its own folders."""
    return AllowedRoots(_named())


def _named() -> tuple[Path, ...] | None:
    """Return the folders that the setting names; ``None`` without it."""
    setting = os.environ.get(ENVIRONMENT_VARIABLE)
    if setting is None:
        return None
    named = tuple(typed_paths.expanded(part) for part in setting.split(os.pathsep) if part.strip())
    if not named or not all(root.is_absolute() for root in named):
        raise SourceError(
            f"{ENVIRONMENT_VARIABLE} is {setting!r}. Expected are full paths of folders with "
            f"{os.pathsep!r} between them, such as /data{os.pathsep}/archive. Until then nothing is read."
        )
    return named
