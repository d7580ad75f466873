"""Windows: which intensities of a scan are shown black and white."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
    """1st percentile of the image to the 99th of what is brighter than its mean."""
    low, top = np.percentile(sample, (1, 99.8))
    clipped = np.minimum(sample, top)  # a few blazing voxels must not pass for the brighter part
    high = np.percentile(clipped[clipped >= clipped.mean()], 99)
    return float(low), float(high if high > low else sample.max())


def _air(sample: NDArray[np.float32]) -> tuple[float, float]:
    """The lowest tenth of the tissue window."""
    low, high = _tissue(sample)
    return low, low + (high - low) / 10


WINDOWS: dict[str, Window] = {
    window.label: window
    for window in (
        Window(
            "Background",
            "air stretched: white is a tenth of the tissue window, so ghosts and noise show",
            _air,
        ),
        Window(
            "Tissue", "black at the 1st percentile, white at the 99th of the brighter part", _tissue
        ),
    )
}

#: The window that a scan is first seen through.
FIRST_WINDOW = "Background"
