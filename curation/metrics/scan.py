"""What several metrics look at, worked out once a scan."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.masks import GRID_MM, Masks, empty_slices, nearest
from curation.volumes import Volume

Floats = NDArray[np.float32]


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
        bright = (self.masks.data > 0.3 * self.wm_mean) & self.masks.air
        parts, _ = ndimage.label(bright)
        touching = np.unique(parts[self.border & bright])
        return np.isin(parts, touching[touching > 0])

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
        x, y, z = (np.arange(n, dtype=np.float32) * GRID_MM for n in self.masks.data.shape)
        m = self.masks.grid_to_template[2].astype(np.float32)
        return m[0] * x[:, None, None] + m[1] * y[:, None] + m[2] * z + m[3]
