"""Masks of head, brain, tissues and air, on a 2 mm grid of the scan.

A template is laid over the scan, so that the masks hold where intensity alone misleads: on heads that
are stripped, defaced, cropped, noisy or under a strong bias field. Parts that a scan lacks are named in
words, and a metric that needs one of them gives that reason instead of a number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.imaging import morphology
from curation.imaging.cavities import find_cavities
from curation.imaging.registered_grid import GRID_MM, GridVolume, nearest, register_volume
from curation.imaging.template import template
from curation.imaging.tissue_segmentation import Tissues, find_tissues
from curation.imaging.volumes import Volume

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

#: Air is what lies further from the template's brain than scalp and skull reach, above the ears.
AIR_DISTANCE_MM = 26.0
AIR_ABOVE_MM = -5.0
_MIN_AIR_VOXELS = 1500
_MIN_CORE_VOXELS = 150
#: Share of the template's brain that may be out of view before the brain counts as incomplete.
_MAX_UNSEEN = 0.03
#: How often cavities are looked for: each time the field is less bent by them, and shows more.
_CAVITY_ROUNDS = 4
#: Where eyes and cheeks are in the template's world, mm: low and high along x, y and z.
_FACE_MM = ((-45, 45), (52, 72), (-60, -25))


@dataclass(frozen=True)
class Masks:
    """A scan on the 2 mm grid, its masks, and its registration to the template.

    Parameters
    ----------
    data : array of float32, shape (X, Y, Z)
        The scan, averaged to the grid; grid index times ``step`` is the voxel index.
    step : array of float64, shape (3,)
        Voxels of the scan per voxel of the grid along each axis.
    valid_slices : array of bool, shape (X, Y, Z)
        False in slices that hold one value only.
    head, brain, air, cavities, csf, gm, wm : array of bool, shape (X, Y, Z)
        Tissue masks hold the core of each tissue, where it is surest. Cavities hold fluid where the template
        has tissue, see :mod:`curation.imaging.cavities`.
    tissue_probability : array of float32, shape (X, Y, Z, 3)
        Probability of CSF, grey and white matter.
    log_bias_field : array of float32, shape (X, Y, Z)
        Natural logarithm of the bias field inside the brain, 0 outside.
    signed_distance_mm : array of float32, shape (X, Y, Z)
        Distance to the surface of the template's brain, negative outside.
    tissue_priors : array of float32, shape (X, Y, Z, 3)
        The template's probability of CSF, grey and white matter.
    template_intensity : array of float32, shape (X, Y, Z)
        The template's intensity, 0 to 1.
    tissues : Tissues or None
        ``None`` where no tissue was found.
    grid_to_template, template_affine : array of shape (4, 4)
        From grid mm, and from the scan's world mm, to template world mm.
    similarity : float
        Mutual information of scan and template, nats.
    absent : mapping of str to str
        Parts that the scan lacks (``air``, ``outside``, ``face``, ``brain``: a complete one, ``tissues``,
        ``t1w``: the contrast) and why.
    """

    data: Floats = field(repr=False)
    step: NDArray[np.float64]
    valid_slices: Bools = field(repr=False)
    head: Bools = field(repr=False)
    brain: Bools = field(repr=False)
    air: Bools = field(repr=False)
    cavities: Bools = field(repr=False)
    csf: Bools = field(repr=False)
    gm: Bools = field(repr=False)
    wm: Bools = field(repr=False)
    tissue_probability: Floats = field(repr=False)
    log_bias_field: Floats = field(repr=False)
    signed_distance_mm: Floats = field(repr=False)
    tissue_priors: Floats = field(repr=False)
    template_intensity: Floats = field(repr=False)
    tissues: Tissues | None = field(repr=False)
    grid_to_template: NDArray[np.float64] = field(repr=False)
    template_affine: NDArray[np.float64] = field(repr=False)
    similarity: float
    absent: Mapping[str, str]

    def on_grid(self, volume: Volume) -> GridVolume:
        """Return the scan that the masks were found on, on the grid."""
        affine = volume.affine @ np.diag([*self.step, 1.0])
        return GridVolume(self.data, self.step, self.valid_slices, affine)


def find_masks(volume: Volume) -> Masks:
    """Register the template to a scan and find its masks.

    Parameters
    ----------
    volume : Volume
        In RAS order, see :func:`curation.imaging.volumes.conform`.

    Returns
    -------
    Masks
    """
    grid = register_volume(volume)
    (data, step, valid, _), alignment = grid.scan, grid.alignment
    csf, gm, wm, template_intensity, distance = _from_template(alignment.matrix, data.shape)
    priors = np.stack([csf, gm, wm], axis=-1)
    inside = distance > -2.0
    tissues, probability, log_bias_field, cavities = _tissues_and_cavities(
        data, inside, distance > 0, valid, priors
    )
    raw = nearest(volume.data, step, data.shape)
    head = _head(grid.bright)
    air, no_air = _air(raw, distance, alignment.matrix)
    absent = {} if no_air is None else {"air": no_air}
    core = {
        k: (probability[..., i] > 0.85) & (distance > 2.0)
        for i, k in enumerate(("csf", "gm", "wm"))
    }
    core["csf"] &= (distance > 15.0) & (csf > 0.4)
    if tissues is None or min(core["gm"].sum(), core["wm"].sum()) < _MIN_CORE_VOXELS:
        absent["tissues"] = "no grey and white matter could be told apart in this image"
    elif tissues.means[1] > 1.03 * tissues.means[2]:
        absent["t1w"] = "grey matter is brighter than white matter: this is no T1-weighted image"
    elif tissues.means[0] > 1.03 * tissues.means[2]:
        absent["t1w"] = "fluid is brighter than white matter: this is no T1-weighted image"
    if _is_stripped(raw, distance, valid):
        absent["outside"] = "the skull and all around it were removed: only the brain is left"
    elif _is_defaced(raw, distance, valid, alignment.matrix):
        absent["face"] = "the face was removed: there it is exactly zero"
    if (unseen := _out_of_view(alignment.matrix, valid)) > _MAX_UNSEEN:
        absent["brain"] = f"{unseen:.0%} of the brain lies outside the image or in empty slices"
    return Masks(
        data=data,
        step=step,
        valid_slices=valid,
        head=head,
        brain=(distance > 0) & valid,
        air=air,
        cavities=cavities,
        **core,
        tissue_probability=probability,
        log_bias_field=log_bias_field,
        signed_distance_mm=distance,
        tissue_priors=priors,
        template_intensity=template_intensity,
        tissues=tissues,
        grid_to_template=alignment.matrix,
        template_affine=grid.template_affine,
        similarity=alignment.similarity,
        absent=absent,
    )


# ---- from the template ----------------------------------------------------------------------------


def _from_template(matrix: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[Floats, ...]:
    """Resample the template's CSF, grey and white matter, intensity and distance to the grid."""
    maps = template(2)
    pull = np.linalg.inv(maps.affine) @ matrix @ np.diag([GRID_MM, GRID_MM, GRID_MM, 1.0])
    distance = ndimage.affine_transform(
        maps.signed_distance_mm, pull[:3, :3], pull[:3, 3], output_shape=shape, order=1, cval=-99.0
    )
    # Farther out there is nothing but distance.
    near = np.nonzero(distance > -maps.reach_mm)
    where = pull[:3] @ np.stack([*near, np.ones(len(near[0]))])
    found = []
    for layer in (maps.csf, maps.gm, maps.wm, maps.t1):
        on_grid = np.zeros(shape, dtype=np.float32)
        on_grid[near] = ndimage.map_coordinates(layer, where, order=1)
        found.append(on_grid)
    return (*found, distance)


# ---- parts -----------------------------------------------------------------------------------------


def _tissues_and_cavities(
    data: Floats, inside: Bools, brain: Bools, valid: Bools, priors: Floats
) -> tuple[Tissues | None, Floats, Floats, Bools]:
    """Fit tissues and field, find cavities by them, and fit anew without these until no more are found."""
    tissues, probability, log_bias_field = _tissues(data, inside, valid, priors)
    cavities = np.zeros(data.shape, dtype=bool)
    for _ in range(_CAVITY_ROUNDS):
        flat = np.asarray(data / np.exp(log_bias_field), dtype=np.float32)
        found = cavities | find_cavities(
            data, flat, probability[..., 0], priors[..., 0], brain & valid
        )
        if tissues is None or found.sum() <= 1.02 * cavities.sum():
            break
        again = _tissues(data, inside, valid, priors, found)
        if again[0] is None:
            break
        cavities = found
        tissues, probability, log_bias_field = again
    return tissues, probability, log_bias_field, cavities


def _tissues(
    data: Floats, inside: Bools, valid: Bools, priors: Floats, left_out: Bools | None = None
) -> tuple[Tissues | None, Floats, Floats]:
    """Return tissues, their probability and log bias field; nothing is learned of what is left out."""
    probability = np.zeros(priors.shape, dtype=np.float32)
    log_bias_field = np.zeros(data.shape, dtype=np.float32)
    where = np.nonzero(inside)
    positions = np.stack(where, axis=1).astype(np.float32)
    if len(positions):
        low, high = positions.min(axis=0), positions.max(axis=0)
        positions = (positions - low) / np.maximum(high - low, 1) * 2 - 1
    seen = valid[where]
    known = seen if left_out is None else seen & ~left_out[where]
    tissues = find_tissues(data[where][known], priors[where][known], positions[known])
    if tissues is not None:
        probability[where] = (
            tissues.posterior(data[where], priors[where], positions) * seen[:, None]
        )
        log_bias_field[where] = tissues.log_bias_field(positions)
    return tissues, probability, log_bias_field


def _head(bright: Bools) -> Bools:
    """Return the largest bright part, closed and filled."""
    largest = morphology.largest(morphology.opened(bright))
    return morphology.filled(morphology.closed(largest, 3))


def _air(raw: Floats, distance: Floats, matrix: NDArray[np.float64]) -> tuple[Bools, str | None]:
    """Find air with signal of its own; where there is none, say why."""
    zone = (distance < -AIR_DISTANCE_MM) & (in_template(matrix, raw.shape, 2) > AIR_ABOVE_MM)
    # Where a whole neighbourhood is exactly zero, something was cut out: that is no air.
    air = zone & morphology.neighbourhood(raw > 0)
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


def _is_stripped(raw: Floats, distance: Floats, valid: Bools) -> bool:
    shell = (distance < -6.0) & (distance > -18.0) & valid
    return bool(shell.any()) and float(np.mean(raw[shell] == 0)) > 0.9


def _is_defaced(raw: Floats, distance: Floats, valid: Bools, matrix: NDArray[np.float64]) -> bool:
    # Zeros of an empty slice are missing data, not a face that somebody removed.
    face = (distance < -8.0) & valid
    for axis, (low, high) in enumerate(_FACE_MM):
        place = in_template(matrix, raw.shape, axis)
        face &= (place > low) & (place < high)
    if face.sum() < 500:
        return False
    # Where all of the air was rounded off to zero, so was that in nose and mouth.
    around = (distance < -AIR_DISTANCE_MM) & valid
    masked = around.any() and float(np.mean(raw[around] == 0)) > 0.5
    return float(np.mean(raw[face] == 0)) > (0.4 if masked else 0.2)


def _out_of_view(matrix: NDArray[np.float64], valid: Bools) -> float:
    """Return the share of the template's brain that lies off the grid or in empty slices."""
    maps = template(4)
    where = np.argwhere(maps.signed_distance_mm > 4)
    world = where @ maps.affine[:3, :3].T + maps.affine[:3, 3]
    back = np.linalg.inv(matrix)
    index = np.round((world @ back[:3, :3].T + back[:3, 3]) / GRID_MM).astype(int)
    inside = np.all((index >= 0) & (index < valid.shape), axis=1)
    seen = valid[tuple(index[inside].T)].sum()
    return 1.0 - float(seen) / len(where)


def in_template(matrix: NDArray[np.float64], shape: tuple[int, ...], axis: int) -> Floats:
    """Return one coordinate, in the template's world (mm), of each point of the grid."""
    x, y, z = (np.arange(n, dtype=np.float32) * np.float32(GRID_MM) for n in shape)
    row = matrix[axis].astype(np.float32)
    return row[0] * x[:, None, None] + row[1] * y[:, None] + row[2] * z + row[3]
