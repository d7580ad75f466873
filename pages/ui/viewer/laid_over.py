"""What is laid over a scan in the viewer: masks, and other images of the same person."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pages.ui.viewer.browser_image import PreparedImage


@dataclass(frozen=True)
class Overlay:
    """A mask laid over a scan.

    Parameters
    ----------
    key : str
        Tells it from others.
    colour : str
        Name of one of NiiVue's colour maps.
    mask : array of bool, shape (X, Y, Z)
        On a grid of its own.
    affine : array of shape (4, 4)
        From that grid's index to world mm.
    opacity : float
        0 to 1.
    """

    key: str
    colour: str
    mask: NDArray[np.bool_]
    affine: NDArray[np.float64]
    opacity: float = 0.45


@dataclass(frozen=True)
class ImageOverlay:
    """Another image laid over a scan where its header says that it lies.

    Parameters
    ----------
    key : str
        Tells it from others.
    colour : str
        Name of one of NiiVue's colour maps.
    image : PreparedImage
        The image.
    black, white : float
        Ends of the colours; what is below the first is not drawn.
    opacity : float
        0 to 1.
    """

    key: str
    colour: str
    image: PreparedImage
    black: float
    white: float
    opacity: float = 0.5
