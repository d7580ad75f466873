"""Thumbnails: the three planes through the middle of the brain, for contact sheets."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from curation.imaging.template import template
from curation.imaging.volumes import Volume
from curation.storage import files

#: Edge of each of the three squares, in pixels.
TILE = 160
#: So far around the brain a picture of the brain alone shows the head, mm.
_AROUND_MM = 3.0
#: What the planes go through in the template's world, mm: a little right of the middle of its brain.
_MIDDLE = np.array([4.0, -18.0, 12.0, 1.0])


def preview(
    volume: Volume,
    centre: NDArray[np.float64] | None = None,
    brain_at: NDArray[np.float64] | None = None,
) -> NDArray[np.uint8]:
    """Draw the sagittal, coronal and axial plane side by side, in radiological convention.

    Parameters
    ----------
    volume : Volume
        In RAS order.
    centre : array of shape (3,), optional
        Voxel that the planes go through; the middle of the image by default.
    brain_at : array of shape (4, 4), optional
        From the image's world mm to the template's: only the brain is drawn, without scalp and face.

    Returns
    -------
    array of uint8, shape (TILE, 3 * TILE)
        The nose points left in the sagittal plane; the patient's right is on the left in the other two.
    """
    size = np.array(volume.data.shape)
    middle = (size - 1) / 2 if centre is None else centre
    x, y, z = np.clip(np.round(middle), 0, size - 1).astype(int)
    dx, dy, dz = volume.spacing_mm
    cuts = [
        np.array(volume.data[x : x + 1]),
        np.array(volume.data[:, y : y + 1]),
        np.array(volume.data[:, :, z : z + 1]),
    ]
    if brain_at is not None:
        cuts = _brain_alone(cuts, brain_at @ volume.affine, (x, y, z))
    # what is left of each axis, seen in the two planes along it
    size = np.array([cuts[1].shape[0], cuts[0].shape[1], cuts[0].shape[2]])
    extent = max(size * volume.spacing_mm)
    planes = (
        (cuts[0][0, ::-1, ::-1], (dy, dz)),
        (cuts[1][::-1, 0, ::-1], (dx, dz)),
        (cuts[2][::-1, ::-1, 0], (dx, dy)),
    )
    seen = volume.data[:: max(1, size[0] // 64)]
    if brain_at is not None:  # a scalp that is not drawn, bright as fat is, would darken the brain
        kept = np.concatenate([cut[cut > 0] for cut in cuts])
        seen = kept if kept.size else seen
    top = max(float(np.percentile(seen, 99.5)), 1e-6)
    tiles = [_tile(plane / top, edges, extent) for plane, edges in planes]
    return np.hstack(tiles)


def write_preview(
    path: Path,
    volume: Volume,
    template_affine: NDArray[np.float64] | None = None,
    *,
    whole_head: bool = False,
) -> None:
    """Write a scan's thumbnail as a PNG file, whole or not at all.

    Parameters
    ----------
    path : Path
        Of the picture.
    volume : Volume
        In RAS order.
    template_affine : array of shape (4, 4), optional
        From the scan's world mm to the template's; without it everything is drawn, around the image's middle.
    whole_head : bool
        With scalp and face.
    """
    centre = None
    if template_affine is not None:
        centre = (np.linalg.inv(template_affine @ volume.affine) @ _MIDDLE)[:3]
    drawn = preview(volume, centre, None if whole_head else template_affine)
    with files.replacing(path) as temporary:
        Image.fromarray(drawn).save(temporary, format="PNG")


def _brain_alone(
    cuts: list[NDArray], to_template: NDArray[np.float64], at: tuple[int, ...]
) -> list[NDArray]:
    """Return the three planes with 0 outside of the brain, cut to where it is in any of them."""
    near = [_near_brain(to_template, cut.shape, axis, at[axis]) for axis, cut in enumerate(cuts)]
    bounds = []
    for axis in range(3):
        others = tuple(one for one in range(3) if one != axis)
        first, second = (near[plane].any(axis=others) for plane in others)
        lit = np.flatnonzero(first | second)
        bounds.append(slice(lit[0], lit[-1] + 1) if len(lit) else slice(None))
    return [
        np.where(inside, cut, 0)[
            tuple(slice(None) if axis == plane else bounds[axis] for axis in range(3))
        ]
        for plane, (cut, inside) in enumerate(zip(cuts, near, strict=True))
    ]


def _near_brain(
    to_template: NDArray[np.float64], shape: tuple[int, ...], axis: int, at: int
) -> NDArray[np.bool_]:
    """Return which voxels of one plane are brain, or close to it."""
    maps = template(2)
    moved = np.eye(4)
    moved[axis, 3] = at
    pull = np.linalg.inv(maps.affine) @ to_template @ moved
    distance = ndimage.affine_transform(
        maps.signed_distance_mm, pull[:3, :3], pull[:3, 3], output_shape=shape, order=1, cval=-99.0
    )
    return distance > -_AROUND_MM


def _tile(plane: NDArray, edges: tuple[float, float], extent: float) -> NDArray[np.uint8]:
    """Scale a plane (first axis across, second down) to true proportions and centre it in a square."""
    factors = np.array(edges) * TILE / extent
    scaled = ndimage.zoom(plane, factors, order=1).T[:TILE, :TILE]
    tile = np.zeros((TILE, TILE), dtype=np.uint8)
    top, left = ((TILE - n) // 2 for n in scaled.shape)
    grey = np.clip(scaled * 255, 0, 255).astype(np.uint8)
    tile[top : top + scaled.shape[0], left : left + scaled.shape[1]] = grey
    return tile
