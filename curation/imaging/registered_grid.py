"""Registration of a whole scan: its 2 mm grid, without holes, and the place of the template on it."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import polar

from curation.imaging.registration import Alignment, bright, register
from curation.imaging.separable import along_axes, averaging
from curation.imaging.volumes import Volume

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

GRID_MM = 2.0


class GridVolume(NamedTuple):
    """A scan on the 2 mm grid.

    Parameters
    ----------
    data : array of float32, shape (X, Y, Z)
        The scan, averaged to the grid; grid index times ``step`` is the voxel index.
    step : array of float64, shape (3,)
        Voxels of the scan per voxel of the grid along each axis.
    valid : array of bool, shape (X, Y, Z)
        False in slices that hold one value only.
    affine : array of shape (4, 4)
        Grid index to the scan's world mm.
    """

    data: Floats
    step: NDArray[np.float64]
    valid: Bools
    affine: NDArray[np.float64]


@dataclass(frozen=True)
class RegisteredGrid:
    """A scan on the 2 mm grid, and its registration to the template.

    Parameters
    ----------
    scan : GridVolume
        On the grid.
    bright : array of bool, shape (X, Y, Z)
        What is bright enough to be head.
    alignment : Alignment
        From grid mm to template world mm.
    template_affine : array of shape (4, 4)
        From the scan's world mm to template world mm.
    """

    scan: GridVolume = field(repr=False)
    bright: Bools = field(repr=False)
    alignment: Alignment
    template_affine: NDArray[np.float64]


def register_volume(volume: Volume) -> RegisteredGrid:
    """Register the template to a scan.

    Parameters
    ----------
    volume : Volume
        In RAS order, see :func:`curation.imaging.volumes.conform`.
    """
    scan = volume_on_grid(volume)
    spacing = np.array(volume.spacing_mm)
    rotation = _nearest_rotation(volume.affine[:3, :3] / spacing)
    head = bright(scan.data)
    alignment = register(scan.data, GRID_MM, scan.valid, rotation, head)
    to_grid_mm = np.diag([*spacing, 1.0]) @ np.linalg.inv(volume.affine)
    return RegisteredGrid(scan, head, alignment, alignment.matrix @ to_grid_mm)


def volume_on_grid(volume: Volume) -> GridVolume:
    """Average a scan to its 2 mm grid, without holes."""
    step = GRID_MM / np.array(volume.spacing_mm)
    empty = volume.empty_slices
    data = on_grid(_patched(volume.data, empty), step)
    affine = volume.affine @ np.diag([*step, 1.0])
    return GridVolume(data, step, _valid_on_grid(empty, data.shape, step), affine)


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


def on_grid(data: Floats, step: NDArray[np.float64]) -> Floats:
    """Average a scan to the 2 mm grid."""
    shape = tuple(max(8, int(n / s)) for n, s in zip(data.shape, step, strict=True))
    if np.allclose(step, 1.0, atol=1e-3) and shape == data.shape:
        return np.array(data)
    sizes = zip(shape, data.shape, step, strict=True)
    return along_axes(data, [averaging(n, of, float(each)) for n, of, each in sizes])


def _valid_on_grid(empty: list[Bools], shape: tuple[int, ...], step: NDArray[np.float64]) -> Bools:
    valid = np.ones(shape, dtype=bool)
    for axis, gone in enumerate(empty):
        index = np.minimum(np.round(np.arange(shape[axis]) * step[axis]).astype(int), len(gone) - 1)
        along = [1, 1, 1]
        along[axis] = -1
        valid &= ~gone[index].reshape(along)
    return valid


def _nearest_rotation(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    rotation, _ = polar(matrix)
    return rotation if np.linalg.det(rotation) > 0 else np.eye(3)
