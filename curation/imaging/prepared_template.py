"""The template on the grid of prepared volumes that scans are judged on: that of the preset ``laptop``."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.imaging import prepared_volume
from curation.imaging.template import template


class JudgedGrid(NamedTuple):
    """The grid on which what is left of a distortion is measured."""

    spacing_mm: float = 3.0
    shape: tuple[int, int, int] = (56, 64, 56)


GRID = JudgedGrid()
#: Where one tissue alone is certain enough, whatever the person: its probability after smoothing.
_CORE = 0.8
#: Grey matter is too thin for that: where it is likelier than all else.
_LIKELY = 0.6
#: Voxels to the surface of white matter's core: nothing but white matter lies within one voxel of it.
_DEEP = 1


class PreparedTemplate(NamedTuple):
    """Layers of the template on :data:`GRID`.

    Parameters
    ----------
    brain : array of bool, shape ``GRID.shape``
        The brain with its ventricles.
    gm, wm : array of bool, shape ``GRID.shape``
        Where grey and white matter are the likelier tissue by far in most people.
    deep_wm : array of bool, shape ``GRID.shape``
        White matter with white matter all around.
    t1 : array of float32, shape ``GRID.shape``
        Intensity, 0 to 1.
    every_other : array of bool, shape ``GRID.shape``
        Every other voxel of the brain, as on a chessboard.
    """

    brain: NDArray[np.bool_]
    gm: NDArray[np.bool_]
    wm: NDArray[np.bool_]
    deep_wm: NDArray[np.bool_]
    t1: NDArray[np.float32]
    every_other: NDArray[np.bool_]


@lru_cache(maxsize=1)
def layers() -> PreparedTemplate:
    """Return the template's layers on :data:`GRID`; computed once a process."""
    maps = template(2)
    gm, wm, t1 = (
        prepared_volume.on_template_grid(layer, GRID) for layer in (maps.gm, maps.wm, maps.t1)
    )
    core = wm > _CORE
    deep = ndimage.binary_erosion(core, iterations=_DEEP)
    brain = prepared_volume.template_brain(GRID)
    white_squares = np.indices(GRID.shape).sum(axis=0) % 2 == 0
    return PreparedTemplate(brain, gm > _LIKELY, core, deep, t1, brain & white_squares)
