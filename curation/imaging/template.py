"""The template, an average brain: ICBM152 2009a, as nilearn packages it.

Fonov et al., "Unbiased average age-appropriate brain templates", NeuroImage 47 (2009) S102. The image
holds the brain only; grey and white matter come with it, CSF is the remainder of the two.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_NAME = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"


@dataclass(frozen=True)
class Template:
    """The template on one grid.

    Parameters
    ----------
    t1, csf, gm, wm : array of float32, shape (X, Y, Z)
        Intensity and tissue probability, 0 to 1.
    brain : array of bool, shape (X, Y, Z)
        The brain with its ventricles.
    affine : array of shape (4, 4)
        Voxel index to template world mm (RAS+).
    spacing_mm : float
        Voxel edge.
    """

    t1: NDArray[np.float32]
    csf: NDArray[np.float32]
    gm: NDArray[np.float32]
    wm: NDArray[np.float32]
    brain: NDArray[np.bool_]
    affine: NDArray[np.float64]
    spacing_mm: float

    @cached_property
    def signed_distance_mm(self) -> NDArray[np.float32]:
        """Distance to the surface of the brain, shape (X, Y, Z): positive inside, negative outside."""
        inside, outside = (
            ndimage.distance_transform_edt(part) for part in (self.brain, ~self.brain)
        )
        return ((inside - outside) * self.spacing_mm).astype(np.float32)

    @cached_property
    def reach_mm(self) -> float:
        """How far from the brain's surface its intensity or tissues reach at most, between voxels too."""
        lit = (self.t1 > 0) | (self.csf > 0) | (self.gm > 0) | (self.wm > 0)
        return float(-self.signed_distance_mm[lit].min()) + 2 * self.spacing_mm


#: How far the grid reaches beyond the packaged one, so that the air around a head lies on it.
_MARGIN_MM = 48


@lru_cache(maxsize=4)
def template(step: int) -> Template:
    """Return the template averaged over blocks of 2, 4 or 8 mm.

    Parameters
    ----------
    step : int
        Voxel edge in mm.

    Raises
    ------
    ValueError
        When ``step`` is another number.
    """
    if step == 2:
        layers, affine = _packaged()
    elif step in (4, 8):
        finer = template(step // 2)
        layers, affine = np.stack([_halve(layer) for layer in _layers(finer)]), _wider(finer.affine)
    else:
        raise ValueError(f"The template comes in steps of 2, 4 or 8 mm, not {step!r}.")
    t1, csf, gm, wm, brain = layers
    return Template(t1, csf, gm, wm, brain > 0.5, affine, float(step))


def _packaged() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Read the packaged maps, pad them and average them over 2 mm; CSF and brain are derived."""
    t1, gm, wm = (_halve(np.pad(_read(kind)[0], _padding())) for kind in ("t1", "gm", "wm"))
    brain = ndimage.binary_fill_holes(t1 > 0.05).astype(np.float32)
    affine = _read("t1")[1] @ _shift(-_MARGIN_MM)
    return np.stack([t1, np.clip(brain - gm - wm, 0, 1), gm, wm, brain]), _wider(affine)


def _padding() -> list[tuple[int, int]]:
    """Return the margin on each side, with the far side filled up to whole blocks of 8 mm."""
    shape = (197, 233, 189)
    return [(_MARGIN_MM, _MARGIN_MM + (-n) % 8) for n in shape]


def _read(kind: str) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    # Found, not imported: nilearn takes a second to load and only its files are wanted.
    package = find_spec("nilearn")
    if package is None or not package.submodule_search_locations:
        raise ImportError("nilearn is not installed; it holds the template")
    path = Path(package.submodule_search_locations[0]) / "datasets" / "data" / _NAME.format(kind)
    image = nib.load(path)
    data = np.asarray(image.dataobj, dtype=np.float32)  # type: ignore[attr-defined]
    return data / data.max(), np.asarray(image.affine)  # type: ignore[attr-defined]


def _layers(template_: Template) -> tuple[NDArray[np.float32], ...]:
    brain = template_.brain.astype(np.float32)
    return template_.t1, template_.csf, template_.gm, template_.wm, brain


def _halve(data: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average blocks of 2 × 2 × 2 voxels."""
    x, y, z = (n // 2 for n in data.shape)
    return data.reshape(x, 2, y, 2, z, 2).mean(axis=(1, 3, 5), dtype=np.float32)


def _wider(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the affine of a grid after its blocks of 2 × 2 × 2 voxels became one each."""
    return affine @ np.diag([2.0, 2.0, 2.0, 1.0]) @ _shift(0.25)


def _shift(voxels: float) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, 3] = voxels
    return matrix
