"""Vector of a prepared volume, and how far it lies from the middle of many, in spreads between people."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.errors import VolumeError
from curation.imaging import prepared_template, prepared_volume
from curation.imaging.registered_grid import GridVolume

#: Part of a stored vector's name.
VERSION = f"{prepared_volume.VERSION}/1"
#: People of whom a middle and a spread can be told, at least.
MIN_PEOPLE = 10
#: A voxel counts for no more than this many spreads: a hole is far away, and not infinitely.
_FARTHEST = 5.0
#: The least spread of a voxel, as a share of the median voxel's, where hardly anybody differs.
_LEAST_SPREAD = 0.25
_MAD_TO_SD = 1.4826
_LEVELS = 255.0


def prepared_vector(
    scan: GridVolume, template_affine: NDArray[np.float64]
) -> NDArray[np.uint8] | None:
    """Return the vector of a scan.

    Parameters
    ----------
    scan : GridVolume
        The scan on its 2 mm grid.
    template_affine : array of shape (4, 4)
        From the scan's world mm to template world mm.

    Returns
    -------
    array of uint8, shape (35799,), or None
        Every other voxel of the brain on :data:`.prepared_template.GRID`, ``x / white`` from 0 to 1.5 in 255
        steps; ``None`` where no voxel of the brain has signal.
    """
    try:
        return of_relative(relative_volume(scan, template_affine))
    except VolumeError:
        return None


def relative_volume(scan: GridVolume, template_affine: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a scan prepared on :data:`.prepared_template.GRID` as ``x / white``, 0 outside the brain.

    Parameters
    ----------
    scan : GridVolume
        The scan on its 2 mm grid; in slices that hold one value only there is no signal.
    template_affine : array of shape (4, 4)
        From the scan's world mm to template world mm.

    Raises
    ------
    VolumeError
        When no voxel of the brain has signal.
    """
    grid, brain = prepared_template.GRID, prepared_template.layers().brain
    present = np.where(scan.valid, scan.data, 0)
    standard = prepared_volume.prepared_volume(present, scan.affine, template_affine, grid, brain)
    relative = standard.astype(np.float32) * prepared_volume.SCALE + prepared_volume.OFFSET
    return np.where(brain, relative, 0)


def of_relative(relative: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the vector of :func:`relative_volume`."""
    kept = relative[prepared_template.layers().every_other]
    return np.round(kept / prepared_volume.CEILING * _LEVELS).astype(np.uint8)


class Middle(NamedTuple):
    """Where prepared volumes of many people lie.

    Parameters
    ----------
    centre, spread : array of float32, shape (V,)
        Median and robust standard deviation between people of each voxel.
    people : int
        How many.
    """

    centre: NDArray[np.float32]
    spread: NDArray[np.float32]
    people: int

    def distance(self, vector: NDArray) -> float:
        """Return how far a vector lies from the centre: root mean square in spreads, 0 to 5."""
        away = np.minimum(np.abs(vector - self.centre) / self.spread, _FARTHEST)
        return float(np.sqrt(np.mean(np.square(away, dtype=np.float64))))


def middle_of(vectors: Sequence[NDArray]) -> Middle | None:
    """Return the middle of vectors of different people; ``None`` for fewer than :data:`MIN_PEOPLE`."""
    if len(vectors) < MIN_PEOPLE:
        return None
    stacked = np.stack(vectors).astype(np.float32)
    centre = np.median(stacked, axis=0)
    spread = _MAD_TO_SD * np.median(np.abs(stacked - centre), axis=0)
    least = max(_LEAST_SPREAD * float(np.median(spread)), 1e-6)
    return Middle(centre, np.maximum(spread, least), len(vectors))
