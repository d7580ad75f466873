"""Prepared volume: a scan as a network sees it, resampled to the template, masked to the brain, standardised.

Intensities are stored as ``(x / white - OFFSET) / SCALE``; ``white`` is the brain's 95th percentile, or of a
PET :data:`PET_WHITE` times the brain's mean, so that its brightest grey matter comes to lie there too.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.errors import VolumeError

#: Raised when prepared volumes change; part of every name under which one is kept.
VERSION = 1
OFFSET, SCALE, CEILING = 0.5, 0.25, 1.5
#: Value of everything outside the brain: no signal.
BACKGROUND = -OFFSET / SCALE
PET_WHITE = 2.0
#: A PET whose bright half lies farther than this from the brain is not in the space of its T1w, mm.
FARTHEST_MM = 15.0
#: The middle of every grid: the middle of the template's brain, MNI mm.
CENTRE_MM = (0.0, -17.0, 5.0)

_FWHM_PER_SIGMA = 2.3548


class Grid(Protocol):
    """A grid around the template's brain: voxel edge in mm, and size in voxels."""

    @property
    def spacing_mm(self) -> float: ...

    @property
    def shape(self) -> tuple[int, int, int]: ...


def grid_affine(grid: Grid) -> NDArray[np.float64]:
    """Return voxel to template (MNI) mm of volumes on a grid: RAS, centred on the brain."""
    affine = np.diag([grid.spacing_mm] * 3 + [1.0])
    affine[:3, 3] = np.array(CENTRE_MM) - grid.spacing_mm * (np.array(grid.shape) - 1) / 2
    return affine


def on_template_grid(layer: NDArray, grid: Grid) -> NDArray[np.float32]:
    """Resample a layer of the template at 2 mm onto a grid, smoothed to its voxels."""
    from curation.imaging.template import template  # brings nilearn and scikit-learn: seconds

    to_voxel = np.linalg.inv(template(2).affine) @ grid_affine(grid)
    smooth = ndimage.gaussian_filter(layer.astype(np.float32), grid.spacing_mm / 4)
    return ndimage.affine_transform(
        smooth, to_voxel[:3, :3], to_voxel[:3, 3], output_shape=grid.shape, order=1
    )


def template_brain(grid: Grid) -> NDArray[np.bool_]:
    """Return the template's brain (with ventricles) on a grid."""
    from curation.imaging.template import template

    return on_template_grid(template(2).brain, grid) > 0.5


def prepared_volume(
    data: NDArray[np.float32],
    affine: NDArray,
    template_affine: NDArray,
    grid: Grid,
    mask: NDArray[np.bool_],
    modality: str = "T1w",
) -> NDArray[np.float16]:
    """Resample a scan onto a grid, keep the brain and standardise its intensities.

    Parameters
    ----------
    data : array of float32, shape (X, Y, Z)
        Intensities of the scan; finite.
    affine : array of shape (4, 4)
        Its voxels to its world, mm; of a PET the world is that of its T1w.
    template_affine : array of shape (4, 4)
        That world to the template's (MNI) world, mm.
    grid : Grid
        Of the volume.
    mask : array of bool, shape ``grid.shape``
        The template's brain on it, see :func:`template_brain`.
    modality : str
        ``T1w`` or ``pet``.

    Returns
    -------
    array of float16, shape ``grid.shape``
        ``(x / white − 0.5) / 0.25``, where ``white`` is the 95th percentile of the brain's voxels with
        signal and ``x / white`` is limited to 0–1.5; −2 outside the template's brain. Of a PET ``white`` is
        twice the mean of those voxels: ``2 · x / white`` is its uptake ratio (SUVR) to the whole brain, 0–3.

    Raises
    ------
    VolumeError
        When no voxel within the brain has signal, or the uptake lies elsewhere: the alignment cannot be
        right.
    """
    to_voxel = np.linalg.inv(template_affine @ affine) @ grid_affine(grid)
    steps = np.linalg.norm(to_voxel[:3, :3], axis=1)
    sigma = np.sqrt(np.maximum(steps**2 - 1, 0)) / _FWHM_PER_SIGMA
    smooth = ndimage.gaussian_filter(data, sigma, truncate=3) if sigma.max() > 0.1 else data
    sampled = ndimage.affine_transform(
        smooth, to_voxel[:3, :3], to_voxel[:3, 3], output_shape=grid.shape, order=1
    )
    brain = sampled[mask]
    signal = brain[brain > 0]
    if not len(signal):
        raise VolumeError("nothing of the head lies where the template has its brain")
    if modality == "pet":
        _refuse_elsewhere(sampled, mask, grid)
        white = PET_WHITE * float(signal.mean())
    else:
        white = float(np.percentile(signal, 95))
    relative = np.clip(sampled / white, 0, CEILING)
    standard = np.where(mask, (relative - OFFSET) / SCALE, BACKGROUND)
    return standard.astype(np.float16)


def _refuse_elsewhere(sampled: NDArray, mask: NDArray[np.bool_], grid: Grid) -> None:
    bright = sampled > 0.5 * np.percentile(sampled, 99)
    middles = [np.argwhere(where).mean(axis=0) for where in (bright, mask)]
    away_mm = grid.spacing_mm * float(np.linalg.norm(middles[0] - middles[1]))
    if away_mm > FARTHEST_MM:
        raise VolumeError(
            f"the uptake of the PET lies {away_mm:.0f} mm from the brain of its T1w; co-register it first"
        )
