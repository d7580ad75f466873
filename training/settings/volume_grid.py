"""The template's brain on the grid of a preset, kept in the workspace."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curation.errors import StudyError
from curation.imaging import prepared_volume
from curation.storage import files
from curation.storage.workspace import Workspace
from training.settings.preset import Preset

#: Part of the mask's name in the cache; raised when it changes.
VERSION = 1


def brain_mask(workspace: Workspace, preset: Preset) -> NDArray[np.bool_]:
    """Return the template's brain (with ventricles) on the preset's grid, shape ``preset.shape``.

    Kept in the cache, since the template takes seconds to load.
    """
    path = mask_path(workspace, preset)
    if not path.exists():
        save(path, prepared_volume.template_brain(preset))
    return read(path)


def mask_path(workspace: Workspace, preset: Preset) -> Path:
    """Return where the template's brain on a preset's grid lies, once it is made."""
    key = files.short_hash(f"brain/{VERSION}/{preset.spacing_mm}/{preset.shape}", 32)
    return workspace.cache_dir / f"{key}.npy"


def read(path: Path, *, mapped: bool = False) -> NDArray:
    """Return an array of the cache, whole or mapped into memory.

    Raises
    ------
    StudyError
        When its file is cut off or holds something else.
    """
    try:
        return np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise StudyError(
            f"A prepared volume is damaged or cut off ({path}). Delete this file and resume the study, or "
            "repeat what you did: the volume is prepared again, and nothing finished is lost."
        ) from error


def save(path: Path, array: NDArray) -> None:
    """Write an array into the cache, whole or not at all."""
    with files.replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)
