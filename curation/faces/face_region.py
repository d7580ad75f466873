"""Where a face is, from the template's place on a head: how much of one is there, and what to take out.

The face lies in front of a slanting plane below the brow, away from the brain. What is within
:data:`SKIN_MM` of the brain is skull, scalp and eyes, which every whole head has; a nose, cheeks, mouth and
chin lie farther out. Measured on real scans (docs/privacy.md): 110 to 177 ml
there where a face is, 0 to 21 ml where it was removed, cut off, or stripped with the skull.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.imaging.registered_grid import GridVolume
from curation.imaging.template import template

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

#: So much tissue away from the brain is a face, ml.
SHOWN_ML = 50.0
#: Where the air elsewhere around the head would give so much in the place of a face, ml, noise, ghosts or a
#: folded head lie there, and a face cannot be told from them: clean scans give 0 to 2 (docs/privacy.md).
BACKGROUND_ML = SHOWN_ML / 2
#: Nearer to the brain is what every whole head has; farther is neck and shoulders, mm.
SKIN_MM, FAR_MM = 25.0, 60.0
#: Half the width of what is looked at, and of what is taken out, mm.
HALF_WIDTH_MM, HALF_CUT_MM = 45.0, 90.0
#: Below the brow in the template's world, mm; what is taken out begins a little above.
BROW_MM, CUT_BROW_MM = 5.0, 12.0
#: What is taken out stays so far from the brain, mm.
KEPT_AROUND_BRAIN_MM = 6.0
#: Air is looked at above this height in the template's world, mm, and farther from the brain than the scalp.
_AIR_ABOVE_MM, _AIR_FROM_MM = 5.0, 26.0
#: Tissue is brighter than this share of the brain's median.
_TISSUE = 0.15
#: The plane: y = _Y0 + _SLOPE * (z - _Z0), from the throat to the brow.
_Y0, _Z0, _SLOPE = -5.0, -110.0, 2.0 / 3.0
_VOXEL_ML = 2.0**3 / 1000


class FaceSeen(NamedTuple):
    """What lies in the place of a face.

    Parameters
    ----------
    ml : float
        What is as bright as tissue there, away from the brain, ml; NaN where the image shows no brain to
        compare with.
    background_ml : float
        What would be there if it were filled like the air above and behind the head, ml.
    """

    ml: float
    background_ml: float = 0.0

    @property
    def shown(self) -> bool:
        """Whether so much is a face, or may be one; NaN is none."""
        return self.ml >= SHOWN_ML

    @property
    def unclear(self) -> bool:
        """Whether the background alone may be what is as bright as a face."""
        return self.shown and self.background_ml >= BACKGROUND_ML


def look(scan: GridVolume, template_affine: NDArray[np.float64]) -> FaceSeen:
    """Return what lies where a face would be, away from the brain, and what the background gives there.

    Parameters
    ----------
    scan : GridVolume
        On the 2 mm grid.
    template_affine : array of shape (4, 4)
        From the scan's world mm to the template's, :attr:`curation.imaging.masks.Masks.template_affine`.

    Returns
    -------
    FaceSeen
    """
    to_template = template_affine @ scan.affine
    distance = brain_distance(to_template, scan.data.shape)
    inside = scan.data[(distance > 4.0) & scan.valid]
    middle = float(np.median(inside)) if inside.size else 0.0
    if middle <= 0:
        return FaceSeen(float("nan"))
    place = _in_front(to_template, scan.data.shape, HALF_WIDTH_MM, BROW_MM)
    place &= (distance < -SKIN_MM) & (distance > -FAR_MM) & scan.valid
    seen = float(np.count_nonzero(scan.data[place] > _TISSUE * middle) * _VOXEL_ML)
    above = _coordinate(to_template[2], scan.data.shape) > _AIR_ABOVE_MM
    air = scan.data[(distance < -_AIR_FROM_MM) & above & scan.valid]
    bright = float(np.mean(air > _TISSUE * middle)) if air.size else 0.0
    return FaceSeen(seen, bright * np.count_nonzero(place) * _VOXEL_ML)


def to_take_out(to_template: NDArray[np.float64], shape: tuple[int, ...]) -> Bools:
    """Return the voxels that a face may fill, whether or not it does.

    Parameters
    ----------
    to_template : array of shape (4, 4)
        From voxel index to the template's world mm.
    shape : tuple of int
        Of the image.

    Returns
    -------
    array of bool
        Of that shape. None of it is within 6 mm of the brain.
    """
    out = _in_front(to_template, shape, HALF_CUT_MM, CUT_BROW_MM)
    # a plane at a time: distances of a whole image take four times its memory
    for x in range(shape[0]):
        at = to_template @ _shifted(x)
        out[x] &= brain_distance(at, (1, *shape[1:]))[0] < -KEPT_AROUND_BRAIN_MM
    return out


def brain_distance(to_template: NDArray[np.float64], shape: tuple[int, ...]) -> Floats:
    """Return the distance to the template's brain, mm: negative outside, -99 far from it."""
    maps = template(2)
    pull = np.linalg.inv(maps.affine) @ to_template
    return ndimage.affine_transform(
        maps.signed_distance_mm,
        pull[:3, :3],
        pull[:3, 3],
        output_shape=shape,
        order=1,
        cval=-99.0,
    )


def _in_front(
    to_template: NDArray[np.float64], shape: tuple[int, ...], half_width: float, brow: float
) -> Bools:
    """Return the voxels in front of the plane and below the brow."""
    x, y, z = (_coordinate(to_template[axis], shape) for axis in range(3))
    return (np.abs(x) < half_width) & (z < brow) & (y > _Y0 + _SLOPE * (z - _Z0))


def _coordinate(row: NDArray[np.float64], shape: tuple[int, ...]) -> Floats:
    along = [np.arange(n, dtype=np.float32) for n in shape]
    first, second, third, shift = row.astype(np.float32)
    return first * along[0][:, None, None] + second * along[1][:, None] + third * along[2] + shift


def _shifted(x: int) -> NDArray[np.float64]:
    moved = np.eye(4)
    moved[0, 3] = x
    return moved
