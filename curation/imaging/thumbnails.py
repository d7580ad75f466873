"""Thumbnails: the three planes through the middle of the brain, for contact sheets."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from curation.imaging.volumes import Volume
from curation.storage import files

#: Edge of each of the three squares, in pixels.
TILE = 160


def preview(volume: Volume, centre: NDArray[np.float64] | None = None) -> NDArray[np.uint8]:
    """Draw the sagittal, coronal and axial plane side by side, in radiological convention.

    Parameters
    ----------
    volume : Volume
        In RAS order.
    centre : array of shape (3,), optional
        Voxel that the planes go through; the middle of the image by default.

    Returns
    -------
    array of uint8, shape (TILE, 3 * TILE)
        The nose points left in the sagittal plane; the patient's right is on the left in the other two.
    """
    size = np.array(volume.data.shape)
    middle = (size - 1) / 2 if centre is None else centre
    x, y, z = np.clip(np.round(middle), 0, size - 1).astype(int)
    dx, dy, dz = volume.spacing_mm
    extent = max(size * volume.spacing_mm)
    planes = (
        (volume.data[x, ::-1, ::-1], (dy, dz)),
        (volume.data[::-1, y, ::-1], (dx, dz)),
        (volume.data[::-1, ::-1, z], (dx, dy)),
    )
    top = max(float(np.percentile(volume.data[:: max(1, size[0] // 64)], 99.5)), 1e-6)
    tiles = [_tile(plane / top, edges, extent) for plane, edges in planes]
    return np.hstack(tiles)


def write_preview(path: Path, volume: Volume, centre: NDArray[np.float64] | None = None) -> None:
    """Write :func:`preview` as a PNG file, whole or not at all."""
    with files.replacing(path) as temporary:
        Image.fromarray(preview(volume, centre)).save(temporary, format="PNG")


def _tile(plane: NDArray, edges: tuple[float, float], extent: float) -> NDArray[np.uint8]:
    """Scale a plane (first axis across, second down) to true proportions and centre it in a square."""
    factors = np.array(edges) * TILE / extent
    scaled = ndimage.zoom(plane, factors, order=1).T[:TILE, :TILE]
    tile = np.zeros((TILE, TILE), dtype=np.uint8)
    top, left = ((TILE - n) // 2 for n in scaled.shape)
    grey = np.clip(scaled * 255, 0, 255).astype(np.uint8)
    tile[top : top + scaled.shape[0], left : left + scaled.shape[1]] = grey
    return tile
