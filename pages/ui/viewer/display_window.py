"""Display windows: the intensities of a scan that are shown black and white."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.imaging.otsu_threshold import threshold

#: The head begins below the brightness that lies between it and air.
_OF_THRESHOLD = 0.7
#: So many voxels tell where the head is; it ends where these shares of it have been passed.
_SAMPLE, _ENDS = 500_000, (0.05, 0.95)
#: White lies at most so many times as far from black as the brightest of the brain.
_ABOVE_BRAIN = 1.25
_NOTHING = np.empty(0, np.float32)


@dataclass(frozen=True)
class Window:
    """A way to choose which intensities are black and white.

    Parameters
    ----------
    label, meaning : str
        For the screen.
    limits : callable
        From a sample of intensities, and one of those in the middle of the head, to (black, white).
    """

    label: str
    meaning: str
    limits: Callable[[NDArray[np.float32], NDArray[np.float32]], tuple[float, float]]


def coarse_head(data: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return every so many voxels of an image along each axis, and which of them are brighter than air."""
    step = max(1, round((data.size / _SAMPLE) ** (1 / 3)))
    coarse = data[::step, ::step, ::step]
    return coarse, coarse > threshold(coarse.ravel())


def middle_of_head(coarse: NDArray[np.float32], head: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return a sample of the intensities where the brain is: the inner half of the head along each axis.

    Parameters
    ----------
    coarse, head : array of shape (x, y, z)
        As :func:`coarse_head` returns.

    Returns
    -------
    array of shape (n,)
        Empty where nothing stands out from the background.
    """
    if not head.any():
        return np.empty(0, coarse.dtype)
    inner = []
    for axis in range(3):
        counts = head.sum(axis=tuple(other for other in range(3) if other != axis)).cumsum()
        low, high = np.searchsorted(counts, np.array(_ENDS) * counts[-1])
        quarter = (high - low) / 4
        inner.append(slice(int(low + quarter), int(high - quarter) + 1))
    return coarse[tuple(inner)].ravel()


def _tissue(
    sample: NDArray[np.float32], middle: NDArray[np.float32] = _NOTHING
) -> tuple[float, float]:
    """1st percentile of the image to the 99th percentile of the intensities above its mean.

    White is no more than a quarter above the brightest in the middle of the head: fat under the scalp may be
    thrice as bright as the brain.
    """
    low, top = np.percentile(sample, (1, 99.8))
    clipped = np.minimum(sample, top)  # a few blazing voxels must not pass for the brighter part
    high = np.percentile(clipped[clipped >= clipped.mean()], 99)
    if middle.size:
        brain = low + _ABOVE_BRAIN * (np.percentile(middle, 99) - low)
        high = min(high, brain) if brain > low else high
    return float(low), float(high if high > low else sample.max())


def _air(
    sample: NDArray[np.float32], middle: NDArray[np.float32] = _NOTHING
) -> tuple[float, float]:
    """The lowest tenth of the tissue window."""
    low, high = _tissue(sample, middle)
    return low, low + (high - low) / 10


def without_air(sample: NDArray[np.float32]) -> bool:
    """Return whether the background is exactly 0: stripped or masked."""
    return bool(np.median(sample) == 0 == np.percentile(sample, 10))


def solid(
    sample: NDArray[np.float32], middle: NDArray[np.float32] = _NOTHING
) -> tuple[float, float]:
    """Return black and white of the 3D view, in which air would stand around the head as fog."""
    low, high = _tissue(sample, middle)
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
            "black at the 1st percentile, white at the 99th of the brighter part, or a quarter above the "
            "brain where scalp fat outshines it",
            _tissue,
        ),
        Window(
            AIR_WINDOW,
            "air stretched: white is a tenth of the tissue window, so ghosts and noise show",
            _air,
        ),
    )
}
