"""Refinement of a registration: robust Gauss–Newton steps on intensities.

Mutual information finds the head from far away but stops short where the head is sheared or stretched.
Close to the answer, the mean intensity of the scan for each intensity of the template is known, and the
affine map that best explains the scan by it follows in a few linear steps (after the correlation ratio of
Roche et al., MICCAI 1998, 1115–1124).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Matrix = NDArray[np.float64]

_ROUNDS = 25
_STILL_MM = 0.02
_MIN_POINTS = 300


def refine(
    matrix: Matrix,
    data: NDArray[np.float32],
    valid: NDArray[np.bool_],
    edge_mm: float,
    points: Matrix,
    levels: NDArray[np.int64],
) -> Matrix:
    """Improve an affine map from template to scan.

    Parameters
    ----------
    matrix : array of shape (4, 4)
        From template mm to grid mm; within a centimetre or so of the answer.
    data : array of shape (X, Y, Z)
        The scan, smooth.
    valid : array of bool, shape (X, Y, Z)
        Where there is an image.
    edge_mm : float
        Voxel edge of ``data``.
    points : array of shape (N, 4)
        Homogeneous template positions, mm.
    levels : array of int, shape (N,)
        The template's intensity there, as one of 32 levels.

    Returns
    -------
    array of shape (4, 4)
    """
    slopes = [np.asarray(slope) for slope in np.gradient(data, edge_mm)]
    basis = (points - [0, -18, 10, 0]) / [70, 70, 70, 1]
    corners = np.array([[x, y, z, 1.0] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    change = matrix[:3] @ _to_points()
    for _ in range(_ROUNDS):
        step = _step(change, data, valid, edge_mm, basis, levels, slopes)
        change = change + step
        if np.abs(corners @ step.T).max() < _STILL_MM:
            break
    refined = np.eye(4)
    refined[:3] = change @ np.linalg.inv(_to_points())
    return refined


def _to_points() -> Matrix:
    """Return the map from the scaled basis to template mm."""
    matrix = np.diag([70.0, 70.0, 70.0, 1.0])
    matrix[:3, 3] = [0.0, -18.0, 10.0]
    return matrix


def _step(
    change: Matrix,
    data: NDArray,
    valid: NDArray,
    edge_mm: float,
    basis: Matrix,
    levels: NDArray[np.int64],
    slopes: list[NDArray],
) -> Matrix:
    where = (basis @ change.T).T / edge_mm
    nearest = np.round(where).astype(int)
    size = np.array(data.shape)[:, None]
    inside = np.all((nearest >= 0) & (nearest < size), axis=0)
    inside[inside] = valid[tuple(nearest[:, inside])]
    if inside.sum() < _MIN_POINTS:
        return np.zeros_like(change)
    where, basis, levels = where[:, inside], basis[inside], levels[inside]
    values = ndimage.map_coordinates(data, where, order=1)
    slope = np.stack([ndimage.map_coordinates(part, where, order=1) for part in slopes], axis=1)
    rest = _conditional_mean(values, levels) - values
    spread = 1.4826 * float(np.median(np.abs(rest))) + 1e-9
    weight = 1.0 / np.maximum(1.0, np.abs(rest) / (1.5 * spread)) ** 2
    design = (slope[:, :, None] * basis[:, None, :]).reshape(len(values), 12)
    normal = design.T @ (design * weight[:, None])
    normal += np.eye(12) * (1e-3 * np.trace(normal) / 12 + 1e-12)
    return np.linalg.solve(normal, design.T @ (weight * rest)).reshape(3, 4)


def _conditional_mean(values: NDArray, levels: NDArray[np.int64]) -> NDArray:
    """Return the scan's mean intensity for each of the template's levels, smoothed over levels."""
    count = np.bincount(levels, minlength=32).astype(np.float64)
    total = np.bincount(levels, weights=values, minlength=32)
    smooth_total = ndimage.gaussian_filter1d(total, 0.7, mode="nearest")
    smooth_count = ndimage.gaussian_filter1d(count, 0.7, mode="nearest")
    return (smooth_total / np.maximum(smooth_count, 1e-9))[levels]
