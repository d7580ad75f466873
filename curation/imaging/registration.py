"""Affine registration of a scan to the template, robust on stripped and cropped heads.

The template is compared with the scan inside and closely around its brain only, by mutual information, so
that a skull, a face or a lost background makes no difference. Everything runs on a coarse grid and on one
thread: the result does not depend on the load of the machine, and takes about a second.

Mutual information of candidate transforms is computed here rather than by SimpleITK or scikit-learn: points
outside the image or in empty slices have to lower it in proportion, which neither does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.imaging.otsu_threshold import threshold
from curation.imaging.registration_refinement import refine
from curation.imaging.template import template

#: Middle of the template's brain in its world mm, about which the scan is rotated and scaled.
_CENTRE = np.array([0.0, -18.0, 10.0])
#: How far around the brain the two are compared.
_RIM_MM = 6.0
_BINS = 32
#: A bias field is strong where dividing it out makes the head appear larger by this factor.
_GROWTH = 1.06


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

    Returns
    -------
    Alignment
    """
    sitk = _itk()
    coarse = _Pair(data, spacing_mm, valid, step=8)
    fine = _Pair(data, spacing_mm, valid, step=4)
    # The finer image locates a head of which a slab is missing more reliably.
    tried = sorted(_starts(coarse, rotation), key=fine.rough_agreement, reverse=True)
    found = [coarse.improve(sitk.Similarity3DTransform(), start, 40) for start in _apart(tried, 3)]
    rough = fine.improve(sitk.AffineTransform(3), max(found, key=fine.agreement), 60)
    # Intensities find shears and stretches that mutual information approaches only slowly: they come last.
    close = fine.improve(sitk.AffineTransform(3), fine.refined(coarse.refined(rough)), 60)
    matrix = max((rough, close), key=fine.agreement)
    return Alignment(np.asarray(np.linalg.inv(matrix), dtype=np.float64), fine.agreement(matrix))


def register(
    data: NDArray[np.float32],
    spacing_mm: float,
    valid: NDArray[np.bool_],
    rotation: NDArray[np.float64],
) -> Alignment:
    """Register a scan; under a strong bias field, also with more of the field divided out.

    Parameters
    ----------
    data, spacing_mm, valid, rotation
        See :func:`align`; on a grid of about 2 mm.

    Returns
    -------
    Alignment
    """
    flat, size = _flattened(data)
    found = align(flat, spacing_mm, valid, rotation)
    flatter, size_then = _flattened(flat)
    if size_then < _GROWTH * size:
        return found
    again = align(flatter, spacing_mm, valid, rotation)
    return max(found, again, key=lambda alignment: alignment.similarity)


def _flattened(data: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """Divide out a coarse bias field (30 mm, homomorphic), for registration only; count the head's points."""
    head = data > 0.7 * threshold(data)
    logs = np.where(head, np.log(np.maximum(data, 1e-6)), 0).astype(np.float32)[::2, ::2, ::2]
    weight = ndimage.gaussian_filter(head[::2, ::2, ::2].astype(np.float32), 7.5)
    # Far from the head there is nothing to smooth: there, the mean of the head holds.
    mean = float(logs.sum() / max(1.0, float(head[::2, ::2, ::2].sum())))
    smooth = (ndimage.gaussian_filter(logs, 7.5) + 0.02 * mean) / (weight + 0.02)
    field_ = ndimage.zoom(smooth, np.array(data.shape) / smooth.shape, order=1)
    return np.minimum(data / np.exp(field_), 3.0).astype(np.float32), int(head.sum())


class _Pair:
    """Template and scan as SimpleITK images, both smoothed to the template's ``step`` (mm)."""

    def __init__(
        self, data: NDArray[np.float32], spacing_mm: float, valid: NDArray[np.bool_], step: int
    ) -> None:
        fixed = template(step)
        origin = fixed.affine[:3, 3]
        self.fixed = _image(fixed.t1, fixed.spacing_mm, origin)
        self.fixed_mask = _image(
            (fixed.signed_distance_mm > -_RIM_MM).astype(np.uint8), step, origin
        )
        shrink = max(1, round(step / spacing_mm / 2))
        smooth = ndimage.gaussian_filter(data, 0.4 * step / spacing_mm)
        self.data = smooth[::shrink, ::shrink, ::shrink]
        self.valid = valid[::shrink, ::shrink, ::shrink]
        self.edge_mm = spacing_mm * shrink
        self.moving = _image(self.data, self.edge_mm)
        self.moving_mask = _image(self.valid.astype(np.uint8), self.edge_mm)
        where = np.nonzero(fixed.signed_distance_mm > -_RIM_MM)
        points = np.stack([*where, np.ones(len(where[0]))]).T.astype(np.float64)
        self.points: NDArray[np.float64] = points @ fixed.affine.T
        self.levels = _levels(fixed.t1[where])

    def refined(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the map improved by intensities instead of mutual information."""
        return refine(matrix, self.data, self.valid, self.edge_mm, self.points, self.levels)

    def rough_agreement(self, matrix: NDArray[np.float64]) -> float:
        """Return :meth:`agreement` over every eighth point, to choose among many."""
        return self.agreement(matrix, every=8)

    def agreement(self, matrix: NDArray[np.float64], every: int = 1) -> float:
        """Return the mutual information (nats) over the template's brain, 0 where it is out of view."""
        points, levels = self.points[::every], self.levels[::every]
        index = np.round((points @ matrix[:3].T) / self.edge_mm).astype(int)
        inside = np.all((index >= 0) & (index < self.data.shape), axis=1)
        index = index[inside]
        x, y, z = index.T
        valid = self.valid[x, y, z]
        if valid.sum() < 0.2 * len(points):
            return 0.0
        joint = np.zeros((_BINS, _BINS))
        pair = levels[inside][valid], _levels(self.data[x, y, z][valid])
        np.add.at(joint, pair, 1.0)
        joint /= joint.sum()
        independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
        positive = joint > 0
        information = float(
            (joint[positive] * np.log(joint[positive] / independent[positive])).sum()
        )
        return information * float(valid.sum()) / len(points)

    def improve(
        self, transform: Any, start: NDArray[np.float64], iterations: int
    ) -> NDArray[np.float64]:
        """Optimise from ``start`` (template mm to grid mm)."""
        centre = _CENTRE
        transform.SetCenter(centre)
        transform.SetMatrix(start[:3, :3].ravel())
        transform.SetTranslation(start[:3, :3] @ centre + start[:3, 3] - centre)
        sitk = _itk()
        method = sitk.ImageRegistrationMethod()
        method.SetNumberOfThreads(1)
        method.SetMetricAsMattesMutualInformation(_BINS)
        method.SetMetricFixedMask(self.fixed_mask)
        method.SetMetricMovingMask(self.moving_mask)
        method.SetInterpolator(sitk.sitkLinear)
        method.SetOptimizerAsRegularStepGradientDescent(
            learningRate=4.0, minStep=0.05, numberOfIterations=iterations, relaxationFactor=0.6
        )
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetInitialTransform(transform, inPlace=True)
        try:
            method.Execute(self.fixed, self.moving)
        except RuntimeError:  # SimpleITK's only error: the two images do not overlap from here
            return start
        matrix = np.eye(4)
        matrix[:3, :3] = np.reshape(transform.GetMatrix(), (3, 3))
        matrix[:3, 3] = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
        return matrix


def _itk() -> Any:
    """Return SimpleITK, loaded with the first scan: pages that only read tables do without it."""
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    return SimpleITK


def _image(data: NDArray, spacing_mm: float, origin: object = (0.0, 0.0, 0.0)) -> Any:
    image = _itk().GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0)))
    image.SetSpacing([float(spacing_mm)] * 3)
    image.SetOrigin([float(value) for value in origin])  # type: ignore[attr-defined]
    return image


def _starts(pair: _Pair, rotation: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Yield initial transforms (template mm to grid mm): a grid of rotation, height, pitch and scale."""
    where = np.argwhere(_large_components(pair.data > threshold(pair.data))) * pair.edge_mm
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
    return np.clip(values / top * _BINS, 0, _BINS - 1).astype(int)
