"""What several metrics look at, worked out once a scan."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.masks import Masks, empty_slices, in_template, nearest
from curation.metrics import definitions
from curation.shading import n4_field
from curation.volumes import Volume

Floats = NDArray[np.float32]
_TISSUES = ("csf", "gm", "wm")
#: Brightness, as shares of white matter's, of the head folded over: a part at least as bright as the first,
#: with a core at least as bright as the second. Ghosts are as bright as the first at most.
FOLDED_BRIGHTNESS, FOLDED_CORE = 0.3, 0.8
_FOLDED_CORE_POINTS = 20


class Scan:
    """A scan with its masks.

    Parameters
    ----------
    volume : Volume
        In RAS order.
    masks : Masks
        Found on it.
    """

    def __init__(self, volume: Volume, masks: Masks) -> None:
        self.volume = volume
        self.masks = masks

    @cached_property
    def raw(self) -> Floats:
        """The scan's own voxels at the points of the grid, neither averaged nor flattened."""
        return nearest(self.volume.data, self.masks.step, self.masks.data.shape)

    @cached_property
    def flat(self) -> Floats:
        """:attr:`raw` with the shading taken out."""
        return np.asarray(self.raw / np.exp(self.masks.log_field), dtype=np.float32)

    @cached_property
    def wm_mean(self) -> float:
        """Brightness of white matter; of the whole brain where no tissue could be told apart."""
        if self.masks.wm.any():
            return max(float(np.mean(self.flat[self.masks.wm])), 1e-6)
        return max(float(np.percentile(self.raw, 95)), 1e-6)

    @cached_property
    def empty(self) -> list[NDArray[np.bool_]]:
        """For each axis, which slices of the scan hold one value only."""
        return empty_slices(self.volume.data)

    @cached_property
    def brain_box(self) -> tuple[slice, slice, slice]:
        """The voxels of the scan around the brain, a few voxels wider than it."""
        inside = self.masks.depth_mm > 0
        box = []
        for axis, (step, size) in enumerate(
            zip(self.masks.step, self.volume.data.shape, strict=True)
        ):
            others = tuple(k for k in range(3) if k != axis)
            present = np.flatnonzero(inside.any(axis=others))
            low, high = (present[0], present[-1]) if len(present) else (0, inside.shape[axis])
            box.append(slice(max(0, int(low * step) - 2), min(size, int(high * step) + 3)))
        return box[0], box[1], box[2]

    def on_voxels(self, grid: NDArray, box: tuple[slice, slice, slice]) -> NDArray:
        """Return a map of the grid at the scan's voxels of ``box`` (nearest)."""
        picks = [
            np.minimum(np.round(np.arange(part.start, part.stop) / step).astype(int), n - 1)
            for part, step, n in zip(box, self.masks.step, grid.shape, strict=True)
        ]
        return grid[np.ix_(*picks)]

    def voxels_of(self, mask: NDArray[np.bool_], margin: int) -> NDArray[np.int64]:
        """Return the voxel indices (N, 3) of a mask's points.

        None lies closer than ``margin`` voxels to the image's border or to an empty slice.
        """
        index = np.round(np.argwhere(mask) * self.masks.step).astype(np.int64)
        index = np.minimum(index, np.array(self.volume.data.shape) - 1)
        for axis in range(3):
            index = index[self.clear(axis, margin)[index[:, axis]]]
        return index

    def clear(self, axis: int, margin: int) -> NDArray[np.bool_]:
        """Tell which slices along ``axis`` have an image and ``margin`` further ones on both sides."""
        reach = np.ones(2 * margin + 1, dtype=bool)
        return ndimage.binary_erosion(~self.empty[axis], reach)

    def at(self, index: NDArray[np.int64], axis: int = 0, offset: int = 0) -> Floats:
        """Return the voxels at ``index``, shifted by ``offset`` voxels along ``axis``."""
        moved = index.copy()
        moved[:, axis] += offset
        return self.volume.data[moved[:, 0], moved[:, 1], moved[:, 2]]

    @cached_property
    def folded(self) -> NDArray[np.bool_]:
        """Air as bright as scalp or brain that hangs on the border: another side of the head, folded over."""
        bright = (self.masks.data > FOLDED_BRIGHTNESS * self.wm_mean) & self.masks.air
        parts, count = ndimage.label(bright)
        touching = np.unique(parts[self.border & bright])
        core = parts[bright & (self.masks.data > FOLDED_CORE * self.wm_mean)]
        solid = np.flatnonzero(np.bincount(core, minlength=count + 1) >= _FOLDED_CORE_POINTS)
        return np.isin(parts, np.intersect1d(touching, solid[solid > 0]))

    @cached_property
    def border(self) -> NDArray[np.bool_]:
        """The outermost two points of the part of the grid that has an image."""
        inner = ndimage.binary_erosion(self.masks.lit, iterations=2)
        return self.masks.lit & ~inner

    @cached_property
    def air(self) -> NDArray[np.bool_]:
        """The air without what is folded over into it."""
        if not self.folded.any():
            return self.masks.air
        return self.masks.air & ~ndimage.binary_dilation(self.folded, iterations=6)

    @cached_property
    def template_heights_mm(self) -> Floats:
        """Height of each grid point in the template's world (its z), in mm."""
        return in_template(self.masks.grid_to_template, self.masks.data.shape, 2)

    # ---- what MRIQC's set is made of -------------------------------------------------------------

    @cached_property
    def harmonised(self) -> Floats:
        """:attr:`flat`, not negative, scaled so that the median of white matter is 1000."""
        middle = float(np.median(self.flat[self.masks.wm])) if self.masks.wm.any() else self.wm_mean
        return np.maximum(self.flat, 0) * np.float32(1000 / max(middle, 1e-6))

    def share(self, tissue: str) -> Floats:
        """Return the share of ``csf``, ``gm`` or ``wm`` in each point."""
        return self.shares[..., _TISSUES.index(tissue)]

    @cached_property
    def shares(self) -> Floats:
        """Share of each tissue in the scan's own voxels (:attr:`raw`), shape (X, Y, Z, 3)."""
        tissues, where = self.masks.tissues, (self.masks.depth_mm > -2.0) & self.masks.lit
        if tissues is None:
            return self.masks.shares
        found = np.zeros_like(self.masks.shares)
        found[where] = tissues.shares(self.flat[where], self.masks.priors[where])
        return np.where(found < 0.01, np.float32(0), found)

    def prior(self, tissue: str) -> Floats:
        """Return the template's share of ``csf``, ``gm`` or ``wm`` in each point."""
        return self.masks.priors[..., _TISSUES.index(tissue)]

    def summary(self, part: str) -> definitions.Summary:
        """Return how the brightness of ``csf``, ``gm``, ``wm`` or the air (``bg``) is distributed."""
        if part not in self._summaries:
            share = self.quiet_air if part == "bg" else self.share(part)
            some = share > 0
            self._summaries[part] = definitions.summarise(
                self.harmonised[some], share[some].astype(np.float32)
            )
        return self._summaries[part]

    @cached_property
    def _summaries(self) -> dict[str, definitions.Summary]:
        return {}

    @cached_property
    def volume_fractions(self) -> NDArray[np.float64]:
        """The part of the brain's volume that each tissue fills, shape (3,)."""
        return definitions.volume_fractions(self.shares)

    @cached_property
    def voxels_a_point(self) -> float:
        """How many voxels of the scan stand for one point of the grid."""
        return float(np.prod(self.masks.step))

    @cached_property
    def air_artefacts(self) -> NDArray[np.bool_]:
        """What in the air is no noise, as MRIQC finds it."""
        distance = ndimage.distance_transform_edt(~self.masks.head)
        distance[~self.masks.air] = 0
        share = distance / max(float(distance.max()), 1e-6)
        return definitions.artefact_mask(self.raw, self.masks.air, share)

    @cached_property
    def quiet_air(self) -> NDArray[np.bool_]:
        """The air without artefacts."""
        return self.masks.air & ~self.air_artefacts

    @cached_property
    def air_sample(self) -> Floats:
        """Some 20,000 voxels of :attr:`quiet_air`, evenly picked."""
        values = self.raw[self.quiet_air]
        return values[:: max(1, round(len(values) / 20_000))]

    @cached_property
    def smoothness(self) -> tuple[float, float, float]:
        """Width in voxels over which brightness in the brain is alike, along each axis."""
        box = self.brain_box
        return definitions.fwhm(self.volume.data[box], self.on_voxels(self.masks.brain, box))

    @cached_property
    def bias_field(self) -> Floats:
        """N4's bias field at the brain's points of an 8 mm grid."""
        return n4_field(self.masks.data, self.masks.brain)
