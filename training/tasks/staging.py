"""Staging: prepared volumes copied to a disk of the machine that trains, each as it is first read.

Where a workspace lies on a disk that many nodes share, each pass over the data would go over the network. The
copies are named as the volumes are, by their content; they may be deleted at any time.
"""

import logging
import os
import shutil
from functools import lru_cache
from pathlib import Path

from curation.errors import StudyError
from curation.storage import files

_log = logging.getLogger(__name__)

#: The folder for this process and those that it starts.
ENVIRONMENT_VARIABLE = "TIERSCOPE_STAGE"
#: So much of the disk is left to others, bytes.
SPARE_BYTES = 2**30


class Stage:
    """A folder that volumes are copied to.

    Parameters
    ----------
    folder : Path
        On a disk of this machine; made where it is missing.

    Raises
    ------
    StudyError
        When it cannot be made or written to, or is not told in full: it would lie where the job runs, which
        is the disk that many nodes share.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._there, self._closed = folder, set[str](), False
        if "$" in str(folder):
            raise self._unusable("a variable in it is not set here")
        if not folder.is_absolute():
            raise self._unusable("it does not begin at /")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            writable = os.access(folder, os.W_OK | os.X_OK)
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error
        if not writable:
            raise self._unusable("it may not be written to")

    def _unusable(self, why: str) -> StudyError:
        return StudyError(
            f"Volumes cannot be staged in {self.folder} on this machine: {why}. Name a folder of a local "
            "disk with --stage, or start the study with --stage ''."
        )

    def local(self, path: Path) -> Path:
        """Return the local copy of a volume, made now if need be; the volume itself where none can be."""
        copy = self.folder / path.name
        if path.name in self._there:
            return copy
        try:
            size = path.stat().st_size
            if not copy.exists() or copy.stat().st_size != size:
                if self._closed or not self._room(size):
                    return path
                with files.replacing(copy) as temporary:
                    shutil.copyfile(path, temporary)
        except OSError as error:
            self._close(error.strerror or str(error))
            return path
        self._there.add(path.name)
        return copy

    def _room(self, size: int) -> bool:
        if shutil.disk_usage(self.folder).free - size >= SPARE_BYTES:
            return True
        self._close("the local disk is full")
        return False

    def _close(self, why: str) -> None:
        """Copy no more: what is not there is read from where it lies, which is slower, and all the same."""
        if not self._closed:
            self._closed = True
            _log.warning(
                "%s: volumes that are not in %s yet are read from the workspace", why, self.folder
            )


def local(path: Path) -> Path:
    """Return where to read a volume from: a local copy, where this process stages."""
    folder = os.environ.get(ENVIRONMENT_VARIABLE, "")
    return _stage(folder).local(path) if folder else path


@lru_cache(maxsize=1)
def _stage(folder: str) -> Stage:
    return Stage(Path(folder))


def use(folder: str) -> None:
    """Stage in a folder from now on, in this process and those that it starts; '' for none.

    Parameters
    ----------
    folder : str
        Variables of the environment in it, such as ``$SLURM_TMPDIR``, are those of this machine.

    Raises
    ------
    StudyError
        When the folder cannot be used.
    """
    named = os.path.expandvars(folder)
    os.environ[ENVIRONMENT_VARIABLE] = named
    if named:
        _stage(named)
