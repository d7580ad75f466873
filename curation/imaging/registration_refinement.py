"""Refinement of a registration: the mutual information of template and scan is climbed by its exact gradient.

The joint histogram counts each template point at its level and, linearly, at the two levels next to the
scan's brightness there, and is smoothed along the latter: so it changes smoothly with the map, and its
derivative is a difference in a small table (Mattes et al., IEEE TMI 22 (2003) 120–128, with another window).
SciPy's L-BFGS climbs in fewer and cheaper steps than SimpleITK's gradient descent: a tenth of its time, to a
higher top (``docs/benchmarks.md``).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Matrix = NDArray[np.float64]
Floats = NDArray[np.float32]

LEVELS = 32
#: Smoothing of the joint histogram along the scan's brightness, in levels.
_WINDOW = 0.7
_MIN_SHARE = 0.2
_STEPS = {"maxiter": 50, "maxcor": 12, "ftol": 1e-6, "gtol": 1e-6}
#: A similarity only shows which start is the right one.
_ROUGH_STEPS = _STEPS | {"maxiter": 20, "ftol": 1e-4}
#: Turns are in units of this many mm at the brain's surface, as shifts are.
_RADIUS_MM = 70.0


@dataclass(frozen=True)
class Scene:
    """A scan, smooth, in which the template is looked for.

    Parameters
    ----------
    data : array of float32, shape (X, Y, Z)
        Intensities.
    valid : array of bool, shape (X, Y, Z)
        Where there is an image.
    edge_mm : float
        Voxel edge.
    top : float
        Brightness of the highest level; all above counts as that.
    """

    data: Floats = field(repr=False)
    valid: NDArray[np.bool_] = field(repr=False)
    edge_mm: float
    top: float

    def seen(self, where: Matrix) -> NDArray[np.bool_]:
        """Return which of some places (in voxels, shape (3, N)) lie within the image."""
        last = np.array(self.data.shape)[:, None] - 1
        inside = np.all((where >= 0) & (where <= last), axis=0)
        if not self.valid.all():
            inside[inside] = self.valid[tuple(np.rint(where[:, inside]).astype(np.intp))]
        return inside

    def values_and_slopes(self, where: Matrix) -> tuple[Floats, Floats]:
        """Return the interpolated intensities (N,), and how they rise along x, y, z per mm (3, N)."""
        last = np.array(self.data.shape)[:, None] - 2
        base = np.minimum(where.astype(np.intp), last)
        x, y, z = (where - base).astype(np.float32)
        _, height, depth = self.data.shape
        first = (base[0] * height + base[1]) * depth + base[2]
        flat = self.data.ravel()
        step = height * depth
        a, b, c, d, e, f, g, h = (
            flat.take(first + offset)
            for offset in (0, 1, depth, depth + 1, step, step + 1, step + depth, step + depth + 1)
        )
        ab, cd, ef, gh = a + z * (b - a), c + z * (d - c), e + z * (f - e), g + z * (h - g)
        near, far = ab + y * (cd - ab), ef + y * (gh - ef)
        along_y = (cd - ab) + x * ((gh - ef) - (cd - ab))
        low, high = (b - a) + y * ((d - c) - (b - a)), (f - e) + y * ((h - g) - (f - e))
        slopes = np.stack([far - near, along_y, low + x * (high - low)])
        slopes = np.asarray(slopes / np.float32(self.edge_mm), dtype=np.float32)
        return near + x * (far - near), slopes


def refine(
    matrix: Matrix,
    scene: Scene,
    points: Matrix,
    levels: NDArray[np.int64],
    *,
    similar: bool = False,
) -> Matrix:
    """Improve an affine map from template to scan.

    Parameters
    ----------
    matrix : array of shape (4, 4)
        From template mm to grid mm; within a few centimetres of the answer.
    scene : Scene
        The scan.
    points : array of shape (4, N)
        Homogeneous template positions, mm.
    levels : array of int, shape (N,)
        The template's intensity there, as one of 32 levels.
    similar : bool
        Only turn, shift and scale as a whole.

    Returns
    -------
    array of shape (4, 4)
    """
    from scipy.optimize import minimize

    to_points = np.diag([_RADIUS_MM, _RADIUS_MM, _RADIUS_MM, 1.0])
    to_points[:3, 3] = [0.0, -18.0, 10.0]
    basis = np.linalg.inv(to_points) @ points
    start = matrix[:3] @ to_points
    changed = _similar_to(start) if similar else _affine_of(start)

    def cost(parameters: Matrix) -> tuple[float, Matrix]:
        change, slopes = changed(parameters)
        value, gradient = mutual_information(change, scene, basis, levels)
        return -value, -(slopes.T @ gradient.ravel())

    found = minimize(
        cost,
        np.zeros(7 if similar else 12),
        jac=True,
        method="L-BFGS-B",
        options=_ROUGH_STEPS if similar else _STEPS,
    )
    refined = np.eye(4)
    refined[:3] = changed(found.x)[0] @ np.linalg.inv(to_points)
    return refined


def mutual_information(
    change: Matrix, scene: Scene, basis: Matrix, levels: NDArray[np.int64]
) -> tuple[float, Matrix]:
    """Return mutual information (nats) · share in view, and its slope along the entries of the map.

    Parameters
    ----------
    change : array of shape (3, 4)
        From ``basis`` to grid mm.
    scene : Scene
        The scan.
    basis : array of shape (4, N)
        Homogeneous positions.
    levels : array of int, shape (N,)
        The template's level there.

    Returns
    -------
    value : float
        0 where less than a fifth is in view.
    slopes : array of shape (3, 4)
    """
    count = basis.shape[1]
    where = change @ basis / scene.edge_mm
    inside = scene.seen(where)
    seen = int(inside.sum())
    if seen < _MIN_SHARE * count:
        return 0.0, np.zeros((3, 4))
    if seen < count:
        where, basis, levels = where[:, inside], basis[:, inside], levels[inside]
    values, slopes = scene.values_and_slopes(where)
    scale = np.float32((LEVELS - 1) / scene.top)
    place = np.clip(values * scale, 0, np.float32(LEVELS - 1.001))
    below = place.astype(np.int64)
    above, cell = place - below, levels * LEVELS + below
    joint = np.bincount(cell, 1 - above, LEVELS**2) + np.bincount(cell + 1, above, LEVELS**2)
    joint = ndimage.gaussian_filter1d(joint.reshape(LEVELS, LEVELS), _WINDOW, mode="nearest") / seen
    of_scan, of_template = joint.sum(axis=0), joint.sum(axis=1, keepdims=True)
    logs = np.log((joint + 1e-12) / (of_scan + 1e-12))
    value = float((joint * (logs - np.log(of_template + 1e-12))).sum())
    table = ndimage.gaussian_filter1d(logs, _WINDOW, mode="nearest").ravel()
    force = (table[cell + 1] - table[cell]) * (place > 0) * (place < LEVELS - 1.001)
    gradient = (slopes * force.astype(np.float32)) @ basis.T.astype(np.float32)
    return value * seen / count, gradient.astype(np.float64) * float(scale) / count


# ---- ways in which a map may change ----------------------------------------------------------------

_Ways = Callable[[Matrix], tuple[Matrix, Matrix]]


def _affine_of(start: Matrix) -> _Ways:
    """Return maps by their difference from a start, with their slopes, shape (12, 12)."""
    return lambda parameters: (start + parameters.reshape(3, 4), np.eye(12))


def _similar_to(start: Matrix) -> _Ways:
    """Return maps by a turn, a scale and a shift of a start, all in mm, with their slopes, shape (12, 7)."""

    def changed(parameters: Matrix) -> tuple[Matrix, Matrix]:
        rotation, about = _rotation(parameters[:3] / _RADIUS_MM)
        linear = np.exp(parameters[3] / _RADIUS_MM) * rotation @ start[:, :3]
        turns = [np.cross(axis, linear.T).T / _RADIUS_MM for axis in about.T]
        ways = [*turns, linear / _RADIUS_MM]
        slopes = [np.column_stack([way, np.zeros(3)]) for way in ways]
        slopes += [np.column_stack([np.zeros((3, 3)), shift]) for shift in np.eye(3)]
        change = np.column_stack([linear, start[:, 3] + parameters[4:]])
        return change, np.stack([slope.ravel() for slope in slopes], axis=1)

    return changed


def _rotation(turn: Matrix) -> tuple[Matrix, Matrix]:
    """Return the rotation about an axis by its length, and about what its entries turn it on (columns)."""
    angle = float(np.linalg.norm(turn))
    if angle < 1e-9:
        return np.eye(3), np.eye(3)
    cross = np.cross(np.eye(3), turn / angle)
    twice, sine, cosine = cross @ cross, np.sin(angle), np.cos(angle)
    rotation = np.eye(3) + sine * cross + (1 - cosine) * twice
    about = np.eye(3) + (1 - cosine) / angle * cross + (1 - sine / angle) * twice
    return rotation, about
