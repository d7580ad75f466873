"""Vector of a brain: its anatomy at 4 mm as one vector, alike for two images of one head and of no others.

All brains are alike at first sight, so what a scan shares with the template is taken out: shading and
brightness by a local mean and spread, the rest by leaving out what the template's own image, tissues and
edges explain. What is left are the folds and ventricles of one person.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.imaging.registered_grid import GRID_MM, GridVolume
from curation.imaging.separable import along_axes, smoothing
from curation.imaging.template import template

#: Part of a stored vector's name; raised when vectors change.
VERSION = 2
#: What two images of one head have in common at least: 8 standard deviations above the mean of two heads
#: (276 pairs of people of ds000011 and IXI: 0.28, standard deviation 0.04).
SAME_HEAD = 0.6
_STEP_MM = 4
_FWHM_MM = 4.0
_LOCAL_MM = 8.0
_LEAST_SPREAD = 0.05
_CLIPPED = 3.0
#: A brain differs from the mean around it by far more than this many local spreads.
_NOTHING = 0.05
#: A scan with less of the brain in view has no vector.
_LEAST_SEEN = 0.5
_FWHM_PER_SIGMA = 2.3548
#: A vector of int8 holds so many times its values; clipped beyond.
_LEVELS = 127


def brain_vector(scan: GridVolume, template_affine: NDArray[np.float64]) -> NDArray[np.int8] | None:
    """Return the vector of a brain.

    Parameters
    ----------
    scan : GridVolume
        The scan on its 2 mm grid.
    template_affine : array of shape (4, 4)
        From the scan's world mm to template world mm, see
        :attr:`curation.imaging.masks.Masks.template_affine`.

    Returns
    -------
    array of int8, shape (29879,), or None
        One number for each 4 mm voxel of the template's brain, 0 where it is out of view; ``None`` where less
        than half of it is in view, or nothing is left of the image. Two are compared by :func:`similarity`.
    """
    sampled, seen = _sampled(scan, template_affine)
    if seen.sum() < _LEAST_SEEN * size():
        return None
    found = _local_contrast(sampled, seen)
    basis = _common()
    own = found - basis @ (basis.T @ found)
    own[~seen[template(_STEP_MM).brain]] = 0.0
    spread = float(np.sqrt(np.mean(own**2)))
    if spread < _NOTHING:
        return None
    levels = np.round(own / (_CLIPPED * spread) * _LEVELS)
    return np.clip(levels, -_LEVELS, _LEVELS).astype(np.int8)


def size() -> int:
    """Return the length of every vector."""
    return int(template(_STEP_MM).brain.sum())


def similarity(first: NDArray[np.int8], second: NDArray[np.int8]) -> float:
    """Return how alike two brains are: the cosine of their vectors, −1 to 1; of one head near 1."""
    one, other = (unit(vector[None])[0] for vector in (first, second))
    return float(one @ other)


def unit(vectors: NDArray[np.int8]) -> NDArray[np.float32]:
    """Return vectors, one a row, with length 1."""
    rows = vectors.astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _sampled(
    scan: GridVolume, template_affine: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the scan on the template's 4 mm grid, as smooth whatever its voxels, and the brain in view."""
    maps = template(_STEP_MM)
    pull = np.linalg.inv(template_affine @ scan.affine) @ maps.affine
    smooth = _smoothed(scan.data, _FWHM_MM / _FWHM_PER_SIGMA / GRID_MM)
    brain = np.nonzero(maps.brain)
    where = pull[:3] @ np.stack([*brain, np.ones(len(brain[0]))])
    last = np.array(smooth.shape)[:, None] - 0.99
    image, seen = np.zeros(maps.brain.shape, dtype=np.float32), np.zeros_like(maps.brain)
    image[brain] = ndimage.map_coordinates(smooth, where, order=1, mode="nearest")
    seen[brain] = np.all((where > -0.01) & (where < last), axis=0)
    return image, seen


def _smoothed(data: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return along_axes(data, [smoothing(n, sigma) for n in data.shape])


def _local_contrast(image: NDArray[np.float32], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return by how many local spreads each voxel of the brain differs from the mean around it."""
    sigma = _LOCAL_MM / _STEP_MM
    weight = _smoothed(seen.astype(np.float32), sigma) + np.float32(1e-6)
    mean = _smoothed(np.where(seen, image, np.float32(0)), sigma) / weight
    differs = np.where(seen, image - mean, np.float32(0))
    spread = np.sqrt(np.maximum(_smoothed(differs**2, sigma), 0) / weight)
    least = max(
        _LEAST_SPREAD * float(np.median(spread[seen])), 1e-4 * float(np.abs(image[seen]).mean())
    )
    contrast = np.clip(differs / (spread + least + 1e-12), -_CLIPPED, _CLIPPED)
    return contrast[template(_STEP_MM).brain].astype(np.float64)


@lru_cache(maxsize=1)
def _common() -> NDArray[np.float64]:
    """Return an orthonormal basis of what all brains share, shape (29879, 53).

    The template's own contrast and that of its tissues, and how these change when the brain is shifted,
    turned, stretched or sheared.
    """
    maps = template(_STEP_MM)
    brain = maps.brain
    place = np.argwhere(brain) - np.argwhere(brain).mean(axis=0)
    rows = [np.ones(int(brain.sum()))]
    for layer in (maps.t1, maps.gm, maps.wm, maps.csf):
        smooth = _smoothed(layer, _FWHM_MM / _FWHM_PER_SIGMA / _STEP_MM)
        rows.append(_local_contrast(smooth, brain))
        for slope in np.gradient(np.where(brain, smooth, 0)):
            rows += [slope[brain], *(slope[brain] * along for along in place.T)]
    stacked = np.stack([row / np.linalg.norm(row) for row in rows]).astype(np.float64)
    basis, _ = np.linalg.qr(stacked.T)
    return basis
