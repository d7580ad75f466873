"""Placing a scan on the template: an affine registration that holds on stripped and cropped heads.

The template is compared with the scan inside and closely around its brain only, by mutual information, so
that a skull, a face or a lost background makes no difference. Everything runs on a coarse grid and on one
thread: the result is the same on every machine load, and takes about a second.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from curation.template import template

sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)

#: From the template's brain: where its centre lies below the crown of a head, in mm.
_CROWN_TO_CENTRE_MM = 72.0
_BINS = 32


@dataclass(frozen=True)
class Alignment:
    """Where a scan lies on the template.

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
        The scan in RAS order, with its coarse shading taken out.
    spacing_mm : float
        Voxel edge.
    valid : array of bool, shape (X, Y, Z)
        False where there is no image: empty slices are no reason to squeeze the head.
    rotation : array of shape (3, 3)
        How the header says that the grid is turned; tried beside "not at all".

    Returns
    -------
    Alignment
    """
    coarse = _Pair(data, spacing_mm, valid, step=8)
    best = min(
        (
            coarse.improve(sitk.Similarity3DTransform(), start, 40)
            for start in _starts(data, spacing_mm, rotation)
        ),
        key=lambda found: found[1],
    )
    fine = _Pair(data, spacing_mm, valid, step=4)
    matrix, value = fine.improve(sitk.AffineTransform(3), best[0], 80)
    return Alignment(np.linalg.inv(matrix), -value)


class _Pair:
    """Template and scan as SimpleITK images, both smoothed to the template's ``step`` (mm)."""

    def __init__(
        self, data: NDArray[np.float32], spacing_mm: float, valid: NDArray[np.bool_], step: int
    ) -> None:
        fixed = template(step)
        origin = fixed.affine[:3, 3]
        self.fixed = _image(fixed.t1, fixed.spacing_mm, origin)
        self.fixed_mask = _image((fixed.depth_mm > -1.5 * 4).astype(np.uint8), step, origin)
        shrink = max(1, round(step / spacing_mm / 2))
        smooth = ndimage.gaussian_filter(data, 0.4 * step / spacing_mm)[
            ::shrink, ::shrink, ::shrink
        ]
        self.moving = _image(smooth, spacing_mm * shrink)
        self.moving_mask = _image(
            valid[::shrink, ::shrink, ::shrink].astype(np.uint8), spacing_mm * shrink
        )

    def improve(
        self, transform: sitk.Transform, start: NDArray[np.float64], iterations: int
    ) -> tuple[NDArray[np.float64], float]:
        """Optimise from ``start`` (template mm to grid mm) and return the matrix and its cost."""
        centre = np.array([0.0, -18.0, 10.0])
        transform.SetCenter(centre)
        transform.SetMatrix(start[:3, :3].ravel())
        transform.SetTranslation(start[:3, :3] @ centre + start[:3, 3] - centre)
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
        method.Execute(self.fixed, self.moving)
        matrix = np.eye(4)
        matrix[:3, :3] = np.reshape(transform.GetMatrix(), (3, 3))
        matrix[:3, 3] = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
        return matrix, method.GetMetricValue()


def _image(data: NDArray, spacing_mm: float, origin: object = (0.0, 0.0, 0.0)) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0)))
    image.SetSpacing([float(spacing_mm)] * 3)
    image.SetOrigin([float(value) for value in origin])  # type: ignore[attr-defined]
    return image


def _starts(
    data: NDArray[np.float32], spacing_mm: float, rotation: NDArray[np.float64]
) -> Iterator[NDArray[np.float64]]:
    """Yield guesses (template mm to grid mm): a bare brain, a whole head, a head without its crown."""
    head = data > threshold(data)
    where = np.argwhere(head) * spacing_mm
    crown = np.percentile(where[:, 2], 99.5)
    upper = where[where[:, 2] > crown - 130.0]
    middle = (np.percentile(upper, 2, axis=0) + np.percentile(upper, 98, axis=0)) / 2
    bare = (np.percentile(where, 1, axis=0) + np.percentile(where, 99, axis=0)) / 2
    centre = np.array([0.0, -18.0, 10.0])
    heights = [crown - _CROWN_TO_CENTRE_MM - 8, crown - _CROWN_TO_CENTRE_MM + 30]
    places = [bare, *([middle[0], middle[1], height] for height in heights)]
    turned = np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1)) > np.deg2rad(5)
    for turn in [np.eye(3), rotation.T] if turned else [np.eye(3)]:
        for place in places:
            start = np.eye(4)
            start[:3, :3] = turn * 0.92
            start[:3, 3] = np.asarray(place) - start[:3, :3] @ centre
            yield start


def threshold(data: NDArray[np.float32]) -> float:
    """Return a brightness between air and head (Otsu on the square root; Otsu 1979)."""
    values = np.sqrt(np.clip(data[data > 0], 0, np.percentile(data, 99.5)))
    counts, edges = np.histogram(values, 256)
    middle = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middle)
    with np.errstate(all="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
        between = np.nan_to_num(below * above * gap**2)
    return float(middle[int(np.argmax(between))] ** 2)
