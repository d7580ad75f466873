"""Images of scans for the browser, with the facts that the server keeps of them.

The file on disk is only read. What is written is a fresh NIfTI image with the same affine, whole numbers of
8 or 16 bits and the chosen window in ``cal_min`` and ``cal_max``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from curation.imaging.nifti_header import write_image
from curation.imaging.volumes import Volume
from pages.ui.viewer.display_window import (
    FIRST_WINDOW,
    WINDOWS,
    coarse_head,
    middle_of_head,
    solid,
    without_air,
)

#: What browsers draw in three dimensions; a larger image is drawn in slices, see
#: :mod:`pages.ui.viewer.slice_images`.
MAX_VOXELS, MAX_EDGE = 64_000_000, 2048
_SAMPLE = 500_000
#: How far below the top of the head its brain ends, and what of the head is worth a slice of many, mm; below
#: come mouth, neck and shoulders.
_BRAIN_MM, _HEAD_MM = 150.0, 170.0
#: A slice is of the head where it holds such a share of what the fullest one holds: less is a nose, or noise.
_OF_FULLEST = 0.05

Share3 = tuple[float, float, float]


@dataclass(frozen=True)
class HeadPlace:
    """Where the head lies in an image; the image itself where nothing tells.

    All are shares of the image's edges, from left, back and below.

    Parameters
    ----------
    middle : tuple of float
        About the middle of the brain.
    low, high : tuple of float
        Where the head begins and ends along each axis; it ends below at the chin at the latest.
    """

    middle: Share3 = (0.5, 0.5, 0.5)
    low: Share3 = (0.0, 0.0, 0.0)
    high: Share3 = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class PreparedImage:
    """A scan as the browser gets it, seen through one window.

    Parameters
    ----------
    file : Path
        A NIfTI image in the image cache.
    shape : tuple of int
        Voxels along its three axes.
    affine : array of shape (4, 4)
        Voxel index to world mm.
    window : str
        The window that is shown.
    black, white : float
        Its ends in the scan's own units.
    solid : tuple of float
        Black and white of the 3D view, whatever the window.
    edges_mm : tuple of float
        Lengths of the image from side to side, from back to front and from below to above.
    oriented : bool
        Whether its header says which side is which.
    warnings : tuple of str
        What a reader of the image must know.
    head : HeadPlace
        Where one begins to look.
    """

    file: Path
    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    window: str
    black: float
    white: float
    solid: tuple[float, float]
    edges_mm: tuple[float, float, float]
    oriented: bool
    warnings: tuple[str, ...]
    head: HeadPlace = HeadPlace()

    def in_3d(self) -> "PreparedImage":
        """Return the scan as the 3D view shows it, in a window of its own."""
        black, white = self.solid
        return replace(self, window="3D", black=black, white=white)

    @property
    def too_large(self) -> str | None:
        """Why NiiVue cannot draw it; ``None`` where it can."""
        voxels, edge = int(np.prod(self.shape)), max(self.shape)
        if voxels > MAX_VOXELS:
            return (
                f"{voxels / 1e6:.0f} million voxels are more than a browser draws reliably in three "
                f"dimensions ({MAX_VOXELS // 1_000_000} million)"
            )
        if edge > MAX_EDGE:
            return f"an edge of {edge} voxels is more than a browser's graphics take ({MAX_EDGE})"
        return None


@dataclass(frozen=True)
class ImageFacts:
    """Facts of a prepared file that hold for every window."""

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    limits: Mapping[str, tuple[float, float]]
    solid: tuple[float, float]
    edges_mm: tuple[float, float, float]
    oriented: bool
    warnings: tuple[str, ...]
    without_air: bool
    head: HeadPlace


def write(path: Path, volume: Volume) -> ImageFacts:
    """Write the image that the browser draws.

    Parameters
    ----------
    path : Path
        Is replaced.
    volume : Volume
        As :func:`curation.imaging.volumes.load` returns.
    """
    data = volume.data
    sample = data.ravel(order="K")[:: max(1, data.size // _SAMPLE)]
    coarse, bright = coarse_head(data)
    middle = middle_of_head(coarse, bright)
    limits = {label: window.limits(sample, middle) for label, window in WINDOWS.items()}
    whole = "int" in volume.dtype and bool(np.all(sample == np.rint(sample)))
    # One blazing voxel must not leave the brain a handful of grey steps.
    low, brightest = float(data.min()), max(white for _, white in limits.values())
    top = min(float(data.max()), low + 20 * max(brightest - low, 1e-30))
    write_image(
        path, data, volume.affine, window=limits[FIRST_WINDOW], span=(low, top), whole=whole
    )
    shape = (data.shape[0], data.shape[1], data.shape[2])
    oriented = volume.orientation is not None
    stripped = without_air(sample)
    return ImageFacts(
        shape,
        volume.affine,
        limits,
        solid(sample, middle),
        _edges(volume),
        oriented,
        _warnings(volume),
        stripped,
        find_head(coarse > 0 if stripped else bright, volume),
    )


def find_head(bright: NDArray[np.bool_], volume: Volume) -> HeadPlace:
    """Return where the head lies in an image, from what of it is brighter than air.

    Parameters
    ----------
    bright : array of bool, shape (x, y, z)
        Every so many voxels of ``volume``, from its first corner to its last.
    volume : Volume
        The image; where its header does not say which side is above, the whole of what is bright is the head.
    """
    standing = nib.orientations.apply_orientation(bright, nib.io_orientation(volume.affine))
    if not standing.any():
        return HeadPlace()
    slices = standing.shape[2]
    below, above = _ends(standing, 2)
    brain = head = below
    if volume.orientation is not None:
        share = slices / _edges(volume)[2]
        brain, head = (max(below, above - round(mm * share)) for mm in (_BRAIN_MM, _HEAD_MM))
    middle = [*(_half(standing[:, :, brain:above], axis) for axis in (0, 1)), (brain + above) / 2]
    ends = [*(_ends(standing[:, :, head:above], axis) for axis in (0, 1)), (head, above)]

    def shares(places: Sequence[float]) -> Share3:
        x, y, z = (at / count for at, count in zip(places, standing.shape, strict=True))
        return x, y, z

    return HeadPlace(
        shares(middle),
        shares([low for low, _ in ends]),
        shares([high for _, high in ends]),
    )


def _along(bright: NDArray[np.bool_], axis: int) -> NDArray[np.int_]:
    return np.asarray(bright.sum(axis=tuple(other for other in range(3) if other != axis)))


def _half(bright: NDArray[np.bool_], axis: int) -> float:
    """Return where along an axis as much lies before as behind: a nose moves that little."""
    sums = _along(bright, axis).cumsum()
    return float(np.searchsorted(sums, sums[-1] / 2)) + 0.5


def _ends(bright: NDArray[np.bool_], axis: int) -> tuple[int, int]:
    """Return the first slice of the head along an axis and the one behind its last."""
    counts = _along(bright, axis)
    inside = np.flatnonzero(counts > _OF_FULLEST * counts.max())
    return int(inside[0]), int(inside[-1]) + 1


def _edges(volume: Volume) -> tuple[float, float, float]:
    """Return the lengths along the axes of the world, however the array lies in it."""
    lengths = [n * edge for n, edge in zip(volume.data.shape, volume.spacing_mm, strict=True)]
    axes = nib.orientations.io_orientation(volume.affine)[:, 0]
    x, y, z = (lengths[int(np.flatnonzero(axes == axis)[0])] for axis in range(3))
    return x, y, z


def _warnings(volume: Volume) -> tuple[str, ...]:
    found = []
    if volume.orientation is None:
        found.append(
            "The header gives no orientation: left and right cannot be told, and the letters on the "
            "image are a guess."
        )
    if volume.note:
        found.append(f"Read with a note: {volume.note}.")
    return tuple(found)
