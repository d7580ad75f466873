"""Simulated anatomy: one mean image, deformed and changed in its tissues by a few latents; some carry age.

What differs between people is shared by all of them and nonlinear: where fluid, grey and white matter lie is
a sum of waves, taken at places that smooth deformations have moved, lifted or lowered by smooth maps, and cut
into tissues by a soft threshold. Latents are independent and standard normal. All is drawn from one seed.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]

#: Grid of the volumes, that of the preset ``world``: voxel edge in mm, and voxels.
SPACING_MM = 10.0
SHAPE = (16, 20, 16)
#: Latents: deformations that are alike on both sides, others that are not, and changes of tissue.
WARPS, SKEWED_WARPS, TISSUES = 8, 4, 4
LATENTS = WARPS + SKEWED_WARPS + TISSUES
#: Latents that age is the sum of: a deformation and a change of tissue, both alike on both sides.
AGEING = (0, WARPS + SKEWED_WARPS)
#: Root mean square of each deformation, voxels, and of each change of tissue, in units of the waves' height.
WARP_VOXELS, TISSUE_CHANGE = 0.3, 0.5
#: Standard deviation of the noise of a voxel, half of what fluid and white matter differ by being 1.
NOISE = 0.4
#: Mean age, its spread by the latents, and what no image tells of it, years.
MEAN_YEARS, SPREAD_YEARS, UNTOLD_YEARS = 50.0, 13.0, 2.0
#: Relative intensities: middle of fluid and white matter, half of what they differ by, and the least.
MIDDLE, HALF, LEAST = 0.625, 0.375, 0.02

_SEED = 0
_WAVES, _WAVELENGTH_VOXELS, _SHARPNESS = 30, 5.0, 2.0
_KNOTS = (3, 4, 3)


class Anatomy:
    """The anatomy of all worlds.

    Parameters
    ----------
    brain : array of bool, shape :data:`SHAPE`
        The template's brain: nothing lies outside.
    """

    def __init__(self, brain: NDArray[np.bool_]) -> None:
        rng = np.random.default_rng(_SEED)
        self.brain = brain
        directions = rng.normal(size=(_WAVES, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        lengths = _WAVELENGTH_VOXELS * rng.uniform(0.75, 1.5, (_WAVES, 1))
        self._waves = (directions * 2 * np.pi / lengths).astype(np.float32)
        self._phases = rng.uniform(0, 2 * np.pi, _WAVES).astype(np.float32)
        sides = [1] * WARPS + [-1] * SKEWED_WARPS
        self._warps = np.stack([self._warp(rng, side) for side in sides])  # [W, 3, V]
        self._tissues = np.stack([self._tissue(rng) for _ in range(TISSUES)])  # [T, V]

    def _warp(self, rng: np.random.Generator, side: int) -> Floats:
        """Draw a displacement [3, V]; mirrored it is itself (side 1) or its reverse (side −1)."""
        axes = [_alike(_smooth(rng), sign)[self.brain] for sign in (-side, side, side)]
        moved = np.stack(axes)
        return WARP_VOXELS * moved / np.sqrt((moved**2).sum(axis=0).mean())

    def _tissue(self, rng: np.random.Generator) -> Floats:
        change = _alike(_smooth(rng), 1)[self.brain]
        return TISSUE_CHANGE * change / np.sqrt((change**2).mean())

    @cached_property
    def _places(self) -> Floats:
        """Voxels of the brain, from the middle of the volume, [V, 3]."""
        every = np.moveaxis(np.indices(SHAPE), 0, -1) - (np.array(SHAPE) - 1) / 2
        return every[self.brain].astype(np.float32)

    def tissue(self, latents: Floats) -> Floats:
        """Return what lies where in one person, without noise.

        Parameters
        ----------
        latents : array of shape (:data:`LATENTS`,)
            Of the person.

        Returns
        -------
        array of float32, shape (V,)
            Of the voxels of the brain: −1 fluid, 1 white matter.
        """
        warps = len(self._warps)
        places = self._places + np.tensordot(latents[:warps], self._warps, 1).T
        height = np.tensordot(latents[warps:], self._tissues, 1)
        for side in (1, -1):  # the mean image is alike on both sides
            mirrored = places * np.array([side, 1, 1], dtype=np.float32)
            height = height + np.cos(mirrored @ self._waves.T + self._phases).sum(axis=1) / np.sqrt(
                _WAVES
            )
        return np.tanh(_SHARPNESS * height / 2).astype(np.float32)

    def volume(self, tissue: Floats) -> Floats:
        """Return relative intensities of a volume from values of the voxels of its brain; 0 outside."""
        volume = np.zeros(SHAPE, dtype=np.float32)
        volume[self.brain] = np.maximum(MIDDLE + HALF * tissue, LEAST)
        return volume


def ages(latents: Floats, untold: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ages in years from latents [N, K] and what they do not tell, standard normal [N]."""
    told = latents[:, list(AGEING)].sum(axis=1) / np.sqrt(len(AGEING))
    return MEAN_YEARS + SPREAD_YEARS * told + UNTOLD_YEARS * untold


def _smooth(rng: np.random.Generator) -> Floats:
    """Draw a smooth map over the volume."""
    zoom = np.array(SHAPE) / np.array(_KNOTS)
    knots = rng.normal(size=_KNOTS)
    return ndimage.zoom(knots, zoom, order=3, mode="nearest", grid_mode=True).astype(np.float32)


def _alike(values: Floats, sign: int) -> Floats:
    """Return the part of a map that its mirror image is, or (sign −1) is the negative of."""
    return np.float32(0.5) * (values + np.float32(sign) * values[::-1])
