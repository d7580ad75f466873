"""Where the head, the brain, its tissues and the air are, on a 2 mm grid of the scan.

A template is laid over the scan, so that the masks hold where brightness alone misleads: on heads that
are stripped, defaced, cropped, noisy or shaded. What a scan does not have is named in words, and every
metric that needs it says so instead of giving a number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.imaging.otsu_threshold import threshold
from curation.imaging.registration import register
from curation.imaging.template import template
from curation.imaging.tissue_segmentation import Tissues, find_tissues
from curation.imaging.volumes import Volume

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

GRID_MM = 2.0
#: Air is what lies further from the template's brain than scalp and skull reach, above the ears.
AIR_DISTANCE_MM = 26.0
AIR_ABOVE_MM = -5.0
_MIN_AIR_VOXELS = 1500
_MIN_CORE_VOXELS = 150
#: Share of the template's brain that may be out of view before the brain counts as incomplete.
_MAX_UNSEEN = 0.03
#: Where eyes and cheeks are in the template's world, mm: low and high along x, y and z.
_FACE_MM = ((-45, 45), (52, 72), (-60, -25))


@dataclass(frozen=True)
class Masks:
    """A scan on the 2 mm grid, its parts, and its place on the template.

    Parameters
    ----------
    data : array of float32, shape (X, Y, Z)
        The scan, averaged to the grid; grid index times ``step`` is the voxel index.
    step : array of float64, shape (3,)
        Voxels of the scan per voxel of the grid along each axis.
    lit : array of bool, shape (X, Y, Z)
        False in slices that hold one value only.
    head, brain, air, csf, gm, wm : array of bool, shape (X, Y, Z)
        Tissue masks hold the core of each tissue, where it is surest.
    shares : array of float32, shape (X, Y, Z, 3)
        Probability of fluid, grey and white matter.
    log_field : array of float32, shape (X, Y, Z)
        Natural logarithm of the shading inside the brain, 0 outside.
    depth_mm : array of float32, shape (X, Y, Z)
        Distance to the surface of the template's brain, negative outside.
    priors : array of float32, shape (X, Y, Z, 3)
        The template's shares of fluid, grey and white matter.
    expected : array of float32, shape (X, Y, Z)
        The template's brightness, 0 to 1.
    tissues : Tissues or None
        ``None`` where no tissue was found.
    grid_to_template, template_affine : array of shape (4, 4)
        From grid mm, and from the scan's world mm, to template world mm.
    similarity : float
        How well the scan agrees with the template (mutual information, nats).
    absent : mapping of str to str
        What the scan does not have (``air``, ``outside``, ``face``, ``brain``: a complete one, ``tissues``,
        ``t1w``: the contrast) and why.
    """

    data: Floats = field(repr=False)
    step: NDArray[np.float64]
    lit: Bools = field(repr=False)
    head: Bools = field(repr=False)
    brain: Bools = field(repr=False)
    air: Bools = field(repr=False)
    csf: Bools = field(repr=False)
    gm: Bools = field(repr=False)
    wm: Bools = field(repr=False)
    shares: Floats = field(repr=False)
    log_field: Floats = field(repr=False)
    depth_mm: Floats = field(repr=False)
    priors: Floats = field(repr=False)
    expected: Floats = field(repr=False)
    tissues: Tissues | None = field(repr=False)
    grid_to_template: NDArray[np.float64] = field(repr=False)
    template_affine: NDArray[np.float64] = field(repr=False)
    similarity: float
    absent: Mapping[str, str]


def find_masks(volume: Volume) -> Masks:
    """Lay the template over a scan and find its parts.

    Parameters
    ----------
    volume : Volume
        In RAS order, see :func:`curation.imaging.volumes.conform`.

    Returns
    -------
    Masks
    """
    spacing = np.array(volume.spacing_mm)
    step = GRID_MM / spacing
    empty = empty_slices(volume.data)
    data = _on_grid(_patched(volume.data, empty), step)
    lit = _lit_on_grid(empty, data.shape, step)
    rotation = _nearest_rotation(volume.affine[:3, :3] / spacing)
    alignment = register(data, GRID_MM, lit, rotation)
    csf, gm, wm, expected, depth = _from_template(alignment.matrix, data.shape)
    priors = np.stack([csf, gm, wm], axis=-1)
    tissues, shares, log_field = _tissues(data, depth > -2.0, lit, priors)
    to_grid_mm = np.diag([*spacing, 1.0]) @ np.linalg.inv(volume.affine)
    raw = nearest(volume.data, step, data.shape)
    head = _head(data)
    air, no_air = _air(raw, depth, alignment.matrix)
    absent = {} if no_air is None else {"air": no_air}
    core = {k: (shares[..., i] > 0.85) & (depth > 2.0) for i, k in enumerate(("csf", "gm", "wm"))}
    core["csf"] &= (depth > 15.0) & (csf > 0.4)
    if tissues is None or min(core["gm"].sum(), core["wm"].sum()) < _MIN_CORE_VOXELS:
        absent["tissues"] = "no grey and white matter could be told apart in this image"
    elif tissues.means[1] > 1.03 * tissues.means[2]:
        absent["t1w"] = "grey matter is brighter than white matter: this is no T1-weighted image"
    if _is_stripped(raw, depth, lit):
        absent["outside"] = "the skull and all around it were removed: only the brain is left"
    elif _is_defaced(raw, depth, lit, alignment.matrix):
        absent["face"] = "the face was removed: there it is exactly zero"
    if (unseen := _out_of_view(alignment.matrix, lit)) > _MAX_UNSEEN:
        absent["brain"] = f"{unseen:.0%} of the brain lies outside the image or in empty slices"
    return Masks(
        data=data,
        step=step,
        lit=lit,
        head=head,
        brain=(depth > 0) & lit,
        air=air,
        **core,
        shares=shares,
        log_field=log_field,
        depth_mm=depth,
        priors=priors,
        expected=expected,
        tissues=tissues,
        grid_to_template=alignment.matrix,
        template_affine=alignment.matrix @ to_grid_mm,
        similarity=alignment.similarity,
        absent=absent,
    )


# ---- grids -----------------------------------------------------------------------------------------


def empty_slices(data: Floats) -> list[Bools]:
    """Tell for each axis which slices hold one value only."""
    found = []
    for axis in range(3):
        others = tuple(k for k in range(3) if k != axis)
        found.append(np.asarray(data.min(axis=others) == data.max(axis=others)))
    return found


def nearest(data: Floats, step: NDArray[np.float64], shape: tuple[int, ...]) -> Floats:
    """Return the scan's own voxels nearest to the grid, unaveraged, so that noise stays as it is."""
    picks = [
        np.minimum(np.round(np.arange(n) * s).astype(int), size - 1)
        for n, s, size in zip(shape, step, data.shape, strict=True)
    ]
    return data[np.ix_(*picks)]


def _patched(data: Floats, empty: list[Bools]) -> Floats:
    """Fill empty slices between others with their nearest neighbour, so that they blur into nothing."""
    for axis, gone in enumerate(empty):
        kept = np.flatnonzero(~gone)
        if len(kept) and gone[kept[0] : kept[-1]].any():
            index = np.arange(len(gone))
            outer = (index < kept[0]) | (index > kept[-1])
            after = np.clip(np.searchsorted(kept, index), 0, len(kept) - 1)
            before = np.maximum(after - 1, 0)
            closer = np.abs(kept[after] - index) < np.abs(kept[before] - index)
            source = np.where(closer, kept[after], kept[before])
            data = np.take(data, np.where(outer, index, source), axis=axis)
    return data


def _on_grid(data: Floats, step: NDArray[np.float64]) -> Floats:
    shape = tuple(max(8, int(n / s)) for n, s in zip(data.shape, step, strict=True))
    sigma = [0.35 * s if s > 1.2 else 0.0 for s in step]
    smooth = ndimage.gaussian_filter(data, sigma, truncate=2.5) if any(sigma) else data
    if np.allclose(step, 1.0, atol=1e-3) and shape == data.shape:
        return np.array(smooth)
    return ndimage.affine_transform(smooth, step, output_shape=shape, order=1, mode="nearest")


def _lit_on_grid(empty: list[Bools], shape: tuple[int, ...], step: NDArray[np.float64]) -> Bools:
    lit = np.ones(shape, dtype=bool)
    for axis, gone in enumerate(empty):
        index = np.minimum(np.round(np.arange(shape[axis]) * step[axis]).astype(int), len(gone) - 1)
        along = [1, 1, 1]
        along[axis] = -1
        lit &= ~gone[index].reshape(along)
    return lit


def _nearest_rotation(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    left, _, right = np.linalg.svd(matrix)
    turn = left @ right
    return turn if np.linalg.det(turn) > 0 else np.eye(3)


def _from_template(matrix: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[Floats, ...]:
    """Bring the template's fluid, grey, white, brightness and depth onto the grid."""
    maps = template(2)
    pull = np.linalg.inv(maps.affine) @ matrix @ np.diag([GRID_MM, GRID_MM, GRID_MM, 1.0])
    return tuple(
        ndimage.affine_transform(
            layer, pull[:3, :3], pull[:3, 3], output_shape=shape, order=1, cval=outside
        )
        for layer, outside in (
            (maps.csf, 0.0),
            (maps.gm, 0.0),
            (maps.wm, 0.0),
            (maps.t1, 0.0),
            (maps.depth_mm, -99.0),
        )
    )


# ---- parts -----------------------------------------------------------------------------------------


def _tissues(
    data: Floats, inside: Bools, lit: Bools, priors: Floats
) -> tuple[Tissues | None, Floats, Floats]:
    shares = np.zeros(priors.shape, dtype=np.float32)
    log_field = np.zeros(data.shape, dtype=np.float32)
    where = np.nonzero(inside)
    places = np.stack(where, axis=1).astype(np.float32)
    if len(places):
        low, high = places.min(axis=0), places.max(axis=0)
        places = (places - low) / np.maximum(high - low, 1) * 2 - 1
    seen = lit[where]
    tissues = find_tissues(data[where][seen], priors[where][seen], places[seen])
    if tissues is not None:
        shares[where] = tissues.posterior(data[where], priors[where], places) * seen[:, None]
        log_field[where] = tissues.log_field(places)
    return tissues, shares, log_field


def _head(data: Floats) -> Bools:
    """Return the largest bright part, closed and filled."""
    bright = ndimage.binary_opening(data > 0.7 * threshold(data), iterations=1)
    parts, count = ndimage.label(bright)
    if count == 0:
        return bright
    largest = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    return ndimage.binary_fill_holes(ndimage.binary_closing(largest, iterations=3))


def _air(raw: Floats, depth: Floats, matrix: NDArray[np.float64]) -> tuple[Bools, str | None]:
    """Find air with signal of its own; where there is none, say why."""
    zone = (depth < -AIR_DISTANCE_MM) & (in_template(matrix, raw.shape, 2) > AIR_ABOVE_MM)
    # Where a whole neighbourhood is exactly zero, something was cut out: that is no air.
    air = zone & (ndimage.maximum_filter(raw, 3) > 0)
    nothing = np.zeros(raw.shape, dtype=bool)
    if zone.sum() < _MIN_AIR_VOXELS:
        return (
            nothing,
            "the field of view ends close to the head: there is too little air around it",
        )
    if air.sum() < max(_MIN_AIR_VOXELS, 0.02 * zone.sum()):
        return nothing, "no air around the head: the background is exactly zero"
    if np.mean(raw[air] == 0) > 0.5:
        return nothing, "most of the air around the head is exactly zero: masked, or rounded off"
    return air, None


def _is_stripped(raw: Floats, depth: Floats, lit: Bools) -> bool:
    shell = (depth < -6.0) & (depth > -18.0) & lit
    return bool(shell.any()) and float(np.mean(raw[shell] == 0)) > 0.9


def _is_defaced(raw: Floats, depth: Floats, lit: Bools, matrix: NDArray[np.float64]) -> bool:
    # Zeros of an empty slice are missing data, not a face that somebody removed.
    face = (depth < -8.0) & lit
    for axis, (low, high) in enumerate(_FACE_MM):
        place = in_template(matrix, raw.shape, axis)
        face &= (place > low) & (place < high)
    if face.sum() < 500:
        return False
    # Where all of the air was rounded off to zero, so was that in nose and mouth.
    around = (depth < -AIR_DISTANCE_MM) & lit
    masked = around.any() and float(np.mean(raw[around] == 0)) > 0.5
    return float(np.mean(raw[face] == 0)) > (0.4 if masked else 0.2)


def _out_of_view(matrix: NDArray[np.float64], lit: Bools) -> float:
    """Return the share of the template's brain that lies off the grid or in empty slices."""
    maps = template(4)
    where = np.argwhere(maps.depth_mm > 4)
    world = where @ maps.affine[:3, :3].T + maps.affine[:3, 3]
    back = np.linalg.inv(matrix)
    index = np.round((world @ back[:3, :3].T + back[:3, 3]) / GRID_MM).astype(int)
    inside = np.all((index >= 0) & (index < lit.shape), axis=1)
    seen = lit[tuple(index[inside].T)].sum()
    return 1.0 - float(seen) / len(where)


def in_template(matrix: NDArray[np.float64], shape: tuple[int, ...], axis: int) -> Floats:
    """Return one coordinate, in the template's world (mm), of each point of the grid."""
    x, y, z = (np.arange(n, dtype=np.float32) * np.float32(GRID_MM) for n in shape)
    row = matrix[axis].astype(np.float32)
    return row[0] * x[:, None, None] + row[1] * y[:, None] + row[2] * z + row[3]
