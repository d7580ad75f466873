"""Smoothing and resampling of a whole volume as one small matrix an axis: the same sums, faster.

Each function returns a matrix of shape (points after, points before) that is kept for the next scan of that
size; :func:`along_axes` applies three of them.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]


def along_axes(data: Floats, matrices: Sequence[Floats | None]) -> Floats:
    """Apply a matrix along each axis.

    Parameters
    ----------
    data : array of float32, shape (X, Y, Z)
        The volume.
    matrices : three arrays of float32, shape (points after, points before)
        For x, y and z; ``None`` leaves an axis as it is.

    Returns
    -------
    array of float32
    """
    x, y, z = matrices
    if z is not None:
        data = data @ z.T
    if y is not None:
        data = y @ data
    if x is not None:
        data = (x @ data.reshape(len(data), -1)).reshape(len(x), *data.shape[1:])
    return data


@lru_cache(maxsize=64)
def smoothing(size: int, sigma: float, every: int = 1) -> Floats:
    """Return a Gaussian average at every so many points, as :mod:`scipy.ndimage` takes it."""
    return ndimage.gaussian_filter1d(np.eye(size), sigma, axis=0)[::every].astype(np.float32)


@lru_cache(maxsize=64)
def stretching(size: int, before: int) -> Floats:
    """Return linear interpolation from ``before`` points to ``size``, first to first and last to last."""
    return ndimage.zoom(np.eye(before), (size / before, 1), order=1).astype(np.float32)


@lru_cache(maxsize=64)
def averaging(size: int, before: int, step: float) -> Floats:
    """Return the average of ``before`` points around every ``step``-th place, interpolated linearly.

    The Gaussian is a third of a step wide: nothing finer than a step is left to be folded over. Steps of at
    most 1.2 points need none.
    """
    finer = np.eye(before)
    if step > 1.2:
        finer = ndimage.gaussian_filter1d(finer, 0.35 * step, axis=0, truncate=2.5)
    place = np.minimum(np.arange(size) * step, before - 1)
    below = np.minimum(place.astype(int), before - 2) if before > 1 else np.zeros(size, int)
    share = (place - below)[:, None]
    after = np.minimum(below + 1, before - 1)
    return ((1 - share) * finer[below] + share * finer[after]).astype(np.float32)
