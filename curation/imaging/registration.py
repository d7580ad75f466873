"""Affine registration of a scan to the template, robust on stripped and cropped heads.

The template is compared with the scan inside and closely around its brain only, so that a skull, a face or a
lost background makes no difference: from many starts, by robust steps on intensities
(:mod:`curation.imaging.registration_refinement`). Which of several maps is best is told by mutual
information, computed here rather than by SimpleITK or scikit-learn: points outside the image or in empty
slices have to lower it in proportion, which neither does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.imaging.otsu_threshold import threshold
from curation.imaging.registration_refinement import LEVELS, Scene, refine
from curation.imaging.separable import along_axes, smoothing, stretching
from curation.imaging.template import template

#: Middle of the template's brain in its world mm, about which the scan is rotated and scaled.
_CENTRE = np.array([0.0, -18.0, 10.0])
#: How far around the brain the two are compared.
_RIM_MM = 6.0
#: A bias field is strong where dividing it out makes the head appear larger by this factor.
_GROWTH = 1.06
#: So many starts are followed, and further on those with at least this share of the best one's agreement: a
#: wrong place can be a little ahead of the right one, as beside a large lesion, until shear and stretch are
#: free.
_TRIED, _NEARLY = 3, 0.75


@dataclass(frozen=True)
class Alignment:
    """Affine transform from a scan to the template.

    Parameters
    ----------
    matrix : array of shape (4, 4)
        From positions on the scan's grid (voxel index times voxel edge, mm) to template world mm.
    similarity : float
        Mutual information in nats inside the template's brain; higher is better.
    """

    matrix: NDArray[np.float64]
    similarity: float


def align(
    data: NDArray[np.float32],
    spacing_mm: float,
    valid: NDArray[np.bool_],
    rotation: NDArray[np.float64],
    head: NDArray[np.bool_],
) -> Alignment:
    """Register a coarse scan to the template.

    Parameters
    ----------
    data : array of shape (X, Y, Z)
        The scan in RAS order, with its coarse bias field divided out.
    spacing_mm : float
        Voxel edge.
    valid : array of bool, shape (X, Y, Z)
        False where there is no image: empty slices are no reason to squeeze the head.
    rotation : array of shape (3, 3)
        Rotation of the grid according to the header; tried beside no rotation.
    head : array of bool, shape (X, Y, Z)
        What is bright.

    Returns
    -------
    Alignment
    """
    lit = data[head]
    top = max(float(np.percentile(lit, 99)), 1e-6) if len(lit) else 1.0
    coarse, fine = (_Pair(data, spacing_mm, valid, top, step) for step in (8, 4))
    # The finer image locates a head of which a slab is missing more reliably.
    tried = sorted(_starts(coarse, rotation), key=fine.rough_agreement, reverse=True)
    found = [coarse.refined(start, similar=True) for start in _apart(tried, _TRIED)]
    agreed = [fine.agreement(each) for each in found]
    further = [each for each, so in zip(found, agreed, strict=True) if so >= _NEARLY * max(agreed)]
    matrix = fine.refined(max(map(coarse.refined, further), key=fine.agreement))
    return Alignment(np.asarray(np.linalg.inv(matrix), dtype=np.float64), fine.agreement(matrix))


def register(
    data: NDArray[np.float32],
    spacing_mm: float,
    valid: NDArray[np.bool_],
    rotation: NDArray[np.float64],
    head: NDArray[np.bool_],
) -> Alignment:
    """Register a scan; under a strong bias field, also with more of the field divided out.

    Parameters
    ----------
    data, spacing_mm, valid, rotation, head
        See :func:`align`; on a grid of about 2 mm.

    Returns
    -------
    Alignment
    """
    flat = _flattened(data, head)
    found = align(flat, spacing_mm, valid, rotation, head)
    larger = bright(flat)
    if larger.sum() < _GROWTH * head.sum():
        return found
    again = align(_flattened(flat, larger), spacing_mm, valid, rotation, larger)
    return max(found, again, key=lambda alignment: alignment.similarity)


def bright(data: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return what is bright enough to be head."""
    return data > 0.7 * threshold(data)


def _flattened(data: NDArray[np.float32], head: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Divide out a coarse bias field (30 mm, homomorphic), for registration only."""
    every = (slice(None, None, 2),) * 3
    some = head[every]
    logs = np.where(some, np.log(np.maximum(data[every], 1e-6)), 0).astype(np.float32)
    wide = [smoothing(n, 7.5) for n in logs.shape]
    # Far from the head there is nothing to smooth: there, the mean of the head holds.
    mean = float(logs.sum() / max(1.0, float(some.sum())))
    weight = along_axes(some.astype(np.float32), wide)
    smooth = (along_axes(logs, wide) + np.float32(0.02 * mean)) / (weight + np.float32(0.02))
    finer = [stretching(n, of) for n, of in zip(data.shape, smooth.shape, strict=True)]
    return np.minimum(data / np.exp(along_axes(smooth, finer)), np.float32(3.0))


@lru_cache(maxsize=2)
def _points(step: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the template's positions in and closely around its brain, (4, N) mm, and its levels there."""
    fixed = template(step)
    where = np.nonzero(fixed.signed_distance_mm > -_RIM_MM)
    points = fixed.affine @ np.stack([*where, np.ones(len(where[0]))])
    return points, _levels(fixed.t1[where])


class _Pair:
    """Template and scan, both smoothed to the template's ``step`` (mm)."""

    def __init__(
        self,
        data: NDArray[np.float32],
        spacing_mm: float,
        valid: NDArray[np.bool_],
        top: float,
        step: int,
    ) -> None:
        shrink = max(1, round(step / spacing_mm / 2))
        sigma = 0.4 * step / spacing_mm
        smooth = along_axes(data, [smoothing(n, sigma, shrink) for n in data.shape])
        self.scene = Scene(smooth, valid[::shrink, ::shrink, ::shrink], spacing_mm * shrink, top)
        self.points, self.levels = _points(step)

    def refined(self, matrix: NDArray[np.float64], *, similar: bool = False) -> NDArray[np.float64]:
        """Return a map (template mm to grid mm) improved by intensities."""
        return refine(matrix, self.scene, self.points, self.levels, similar=similar)

    def rough_agreement(self, matrix: NDArray[np.float64]) -> float:
        """Return :meth:`agreement` over every eighth point, to choose among many."""
        return self.agreement(matrix, every=8)

    def agreement(self, matrix: NDArray[np.float64], every: int = 1) -> float:
        """Return the mutual information (nats) over the template's brain, 0 where it is out of view."""
        points, levels = self.points[:, ::every], self.levels[::every]
        index = np.rint(matrix[:3] @ points / self.scene.edge_mm).astype(np.intp)
        size = np.array(self.scene.data.shape)[:, None]
        inside = np.all((index >= 0) & (index < size), axis=0)
        x, y, z = index[:, inside]
        valid = self.scene.valid[x, y, z]
        if valid.sum() < 0.2 * points.shape[1]:
            return 0.0
        pair = levels[inside][valid] * LEVELS + _levels(self.scene.data[x, y, z][valid])
        joint = np.bincount(pair, minlength=LEVELS**2).reshape(LEVELS, LEVELS).astype(np.float64)
        joint /= joint.sum()
        independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
        positive = joint > 0
        information = float(
            (joint[positive] * np.log(joint[positive] / independent[positive])).sum()
        )
        return information * float(valid.sum()) / points.shape[1]


def _starts(pair: _Pair, rotation: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Yield initial transforms (template mm to grid mm): a grid of rotation, height, pitch and scale."""
    data = pair.scene.data
    where = np.argwhere(_large_components(data > threshold(data))) * pair.scene.edge_mm
    crown = np.percentile(where[:, 2], 99.5)
    upper = where[where[:, 2] > crown - 130.0]
    x, y = ((np.percentile(upper, 2, axis=0) + np.percentile(upper, 98, axis=0)) / 2)[:2]
    is_rotated = np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1)) > np.deg2rad(5)
    for rotated in [np.eye(3), rotation.T] if is_rotated else [np.eye(3)]:
        for below, pitch, scale in product(range(-20, 100, 10), (-0.3, 0.0, 0.3), (0.82, 0.95)):
            start = np.eye(4)
            start[:3, :3] = rotated @ _pitch(pitch) * scale
            start[:3, 3] = np.array([x, y, crown - below]) - start[:3, :3] @ _CENTRE
            yield start


def _pitch(angle: float) -> NDArray[np.float64]:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])


def _apart(starts: list[NDArray[np.float64]], count: int) -> list[NDArray[np.float64]]:
    """Return the first ``count`` transforms with centres more than 15 mm apart."""
    chosen: list[NDArray[np.float64]] = []
    for start in starts:
        place = start[:3, :3] @ _CENTRE + start[:3, 3]
        others = [other[:3, :3] @ _CENTRE + other[:3, 3] for other in chosen]
        if len(chosen) < count and all(np.linalg.norm(place - other) > 15 for other in others):
            chosen.append(start)
    return chosen


def _large_components(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep components of at least a tenth of the largest: an empty slab cuts a head in two."""
    parts, count = ndimage.label(mask)
    if not count:
        return ~mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.isin(parts, np.flatnonzero(sizes >= 0.1 * sizes.max()))


def _levels(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Sort values into equally wide bins up to their 99th percentile."""
    top = max(float(np.percentile(values, 99)), 1e-6) if len(values) else 1.0
    return np.clip(values / top * LEVELS, 0, LEVELS - 1).astype(int)
