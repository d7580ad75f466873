"""Otsu's threshold between air and head.

Written out instead of taken from SimpleITK: voxels of exactly zero (masks) do not count, and of a plateau of
equally good thresholds the middle one is taken.
"""

import numpy as np
from numpy.typing import NDArray

_BINS = 256


def threshold(data: NDArray[np.float32]) -> float:
    """Return an intensity between air and head (Otsu 1979, on the square root); 0 where all is air."""
    values = np.sqrt(np.clip(data[data > 0], 0, max(0.0, float(np.percentile(data, 99.5)))))
    if not values.size or np.ptp(values) <= _BINS * np.spacing(values.max()):
        return 0.0  # one brightness, but for what rounding makes of it
    counts, edges = np.histogram(values, _BINS)
    middle = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middle)
    with np.errstate(all="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
        between = np.nan_to_num(below * above * gap**2)
    if not between.max() > 0:  # nothing is brighter than anything else
        return 0.0
    # Where nothing lies between air and head, every threshold there is as good: take the middle one.
    return float(middle[between > 0.995 * between.max()].mean() ** 2)
