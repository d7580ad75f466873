"""The grid of prepared volumes, and the template's brain on it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.storage import files
from curation.storage.workspace import Workspace
from training.settings.preset import CENTRE_MM, Preset

#: Part of the mask's name in the cache; raised when it changes.
VERSION = 1


def grid_affine(preset: Preset) -> NDArray[np.float64]:
    """Return voxel to template (MNI) mm of the prepared volumes: RAS, centred on the brain."""
    affine = np.diag([preset.spacing_mm] * 3 + [1.0])
    affine[:3, 3] = np.array(CENTRE_MM) - preset.spacing_mm * (np.array(preset.shape) - 1) / 2
    return affine


def brain_mask(workspace: Workspace, preset: Preset) -> NDArray[np.bool_]:
    """Return the template's brain (with ventricles) on the preset's grid, shape ``preset.shape``.

    Kept in the cache, since the template takes seconds to load.
    """
    key = files.short_hash(f"brain/{VERSION}/{preset.spacing_mm}/{preset.shape}", 32)
    path = workspace.cache_dir / f"{key}.npy"
    if not path.exists():
        save(path, template_brain(preset))
    return np.load(path, allow_pickle=False)


def template_brain(preset: Preset) -> NDArray[np.bool_]:
    """Resample the template's brain onto the preset's grid."""
    from curation.imaging.template import template  # brings nilearn and scikit-learn: seconds

    finest = template(2)
    to_voxel = np.linalg.inv(finest.affine) @ grid_affine(preset)
    inside = ndimage.gaussian_filter(finest.brain.astype(np.float32), preset.spacing_mm / 4)
    sampled = ndimage.affine_transform(
        inside, to_voxel[:3, :3], to_voxel[:3, 3], output_shape=preset.shape, order=1
    )
    return sampled > 0.5


def save(path: Path, array: NDArray) -> None:
    """Write an array into the cache, whole or not at all."""
    with files.replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)
