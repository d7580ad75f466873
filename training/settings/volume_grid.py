"""The template's brain on the grid of a preset, kept in the workspace."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
    return np.load(path, allow_pickle=False)


def mask_path(workspace: Workspace, preset: Preset) -> Path:
    """Return where the template's brain on a preset's grid lies, once it is made."""
    key = files.short_hash(f"brain/{VERSION}/{preset.spacing_mm}/{preset.shape}", 32)
    return workspace.cache_dir / f"{key}.npy"


def save(path: Path, array: NDArray) -> None:
    """Write an array into the cache, whole or not at all."""
    with files.replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)
