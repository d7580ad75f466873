"""Images of scans for the browser, with the facts that the server keeps of them.

The file on disk is only read. What is written is a fresh NIfTI image with the same affine, whole numbers of
8 or 16 bits and the chosen window in ``cal_min`` and ``cal_max``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from curation.imaging.nifti_header import write_image
from curation.imaging.volumes import Volume
from pages.ui.viewer.display_window import FIRST_WINDOW, WINDOWS, middle_of_head, solid, without_air

#: What browsers draw in three dimensions; a larger image is drawn in slices, see
#: :mod:`pages.ui.viewer.slice_images`.
MAX_VOXELS, MAX_EDGE = 64_000_000, 2048
_SAMPLE = 500_000


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
    middle = middle_of_head(data)
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
    return ImageFacts(
        shape,
        volume.affine,
        limits,
        solid(sample, middle),
        _edges(volume),
        oriented,
        _warnings(volume),
        without_air(sample),
    )


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
