"""Display windows: the intensities of a scan that are shown black and white."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.imaging.otsu_threshold import threshold

#: The head begins below the brightness that lies between it and air.
_OF_THRESHOLD = 0.7


@dataclass(frozen=True)
class Window:
    """A way to choose which intensities are black and white.

    Parameters
    ----------
    label, meaning : str
        For the screen.
    limits : callable
        From a sample of intensities to (black, white).
    """

    label: str
    meaning: str
    limits: Callable[[NDArray[np.float32]], tuple[float, float]]


def _tissue(sample: NDArray[np.float32]) -> tuple[float, float]:
    """1st percentile of the image to the 99th percentile of the intensities above its mean."""
    low, top = np.percentile(sample, (1, 99.8))
    clipped = np.minimum(sample, top)  # a few blazing voxels must not pass for the brighter part
    high = np.percentile(clipped[clipped >= clipped.mean()], 99)
    return float(low), float(high if high > low else sample.max())


def _air(sample: NDArray[np.float32]) -> tuple[float, float]:
    """The lowest tenth of the tissue window."""
    low, high = _tissue(sample)
    return low, low + (high - low) / 10


def without_air(sample: NDArray[np.float32]) -> bool:
    """Return whether the background is exactly 0: stripped or masked."""
    return bool(np.median(sample) == 0 == np.percentile(sample, 10))


def solid(sample: NDArray[np.float32]) -> tuple[float, float]:
    """Return black and white of the 3D view, in which air would stand around the head as fog."""
    low, high = _tissue(sample)
    if without_air(sample):
        return low, high
    edge = _OF_THRESHOLD * threshold(sample)
    return (max(low, edge) if edge < high else low), high


#: The window that a scan is first seen through, and the one that shows the air.
FIRST_WINDOW, AIR_WINDOW = "Tissue", "Background"

WINDOWS: dict[str, Window] = {
    window.label: window
    for window in (
        Window(
            FIRST_WINDOW,
            "black at the 1st percentile, white at the 99th of the brighter part",
            _tissue,
        ),
        Window(
            AIR_WINDOW,
            "air stretched: white is a tenth of the tissue window, so ghosts and noise show",
            _air,
        ),
    )
}
