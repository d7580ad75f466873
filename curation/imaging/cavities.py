"""Cavities: fluid where the template has tissue, as after a stroke, in a cyst or in wide ventricles.

They have to be known to judge the image of such a brain: fitted along with it, a large one bends the bias
field around itself, and with that, grey and white matter of the rest become unlike themselves.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.imaging import morphology

Bools = NDArray[np.bool_]

#: Points of the 2 mm grid, 5 ml: smaller ones bend nothing, and furrows of old brains are wide, too.
_LEAST_POINTS = 625
#: Radius in points of what a cavity holds a ball of; a furrow does not.
_RADIUS = 2
#: Where the template is so sure of fluid, fluid is no cavity.
_MOST_FLUID = 0.3
#: A cavity has an edge: just inside it is at most so bright as just outside. A shading has none.
#: Of the scan as it is, in which a strong shading runs on, more of a step is asked for.
_EDGE, _SHARP = 0.8, 0.68
#: Share of the brain's median brightness below which a large part is looked at.
_DARK = 0.7


def find_cavities(
    data: NDArray[np.float32],
    flat: NDArray[np.float32],
    fluid: NDArray[np.float32],
    fluid_prior: NDArray[np.float32],
    inside: Bools,
) -> Bools:
    """Find large parts of fluid where the template has tissue.

    Parameters
    ----------
    data, flat : array of shape (X, Y, Z)
        The scan on the 2 mm grid, as it is and with the bias field divided out.
    fluid, fluid_prior : array of shape (X, Y, Z)
        Probability of fluid, by the image and by the template.
    inside : array of bool, shape (X, Y, Z)
        The brain.

    Returns
    -------
    array of bool, shape (X, Y, Z)
        The cavities with 4 mm around them.
    """
    whole = np.zeros(data.shape, dtype=bool)
    box = morphology.box_around(inside)
    whole[box] = _found(data[box], flat[box], fluid[box], fluid_prior[box], inside[box])
    return whole


def _found(
    data: NDArray[np.float32],
    flat: NDArray[np.float32],
    fluid: NDArray[np.float32],
    fluid_prior: NDArray[np.float32],
    inside: Bools,
) -> Bools:
    nothing = np.zeros(data.shape, dtype=bool)
    tissue = inside & (fluid_prior < _MOST_FLUID)
    if tissue.sum() < _LEAST_POINTS:
        return nothing
    # A large cavity may have bent the field so far that it passes for tissue; as it is, the scan is dark
    # there.
    dark = tissue & ((fluid > 0.5) | (data < _DARK * float(np.median(data[tissue]))))
    solid = morphology.opened(dark, _RADIUS)
    parts, count = ndimage.label(solid)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    found = nothing
    for number in np.flatnonzero(sizes >= _LEAST_POINTS):
        part = parts == number
        around = inside & ~dark
        if number and (_step(part, flat, around) < _EDGE or _step(part, data, around) < _SHARP):
            found = found | part
    return morphology.dilated(found, 2) & inside if found.any() else found


def _step(part: Bools, brightness: NDArray[np.float32], tissue: Bools) -> float:
    """Return how bright a part is just within its border, as a share of the tissue around it."""
    within = part & ~morphology.eroded(part, 2)
    around = morphology.dilated(part, 3) & ~part & tissue
    if around.sum() < 100:
        return 1.0
    return float(np.median(brightness[within])) / max(float(np.median(brightness[around])), 1e-6)
