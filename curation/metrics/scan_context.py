"""Quantities of one scan that several metrics share, each computed once."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.errors import NotMeasurable, VolumeError
from curation.imaging import morphology, prepared_vector
from curation.imaging.bias_field import n4_field
from curation.imaging.masks import Masks, in_template
from curation.imaging.registered_grid import GRID_MM, nearest
from curation.imaging.template import template
from curation.imaging.volumes import Volume
from curation.metrics import mriqc_definitions

Floats = NDArray[np.float32]
_TISSUES = ("csf", "gm", "wm")
#: Wrap-around: a connected part of the air of at least the first intensity, with a core of at least the
#: second, both as fractions of white matter's. Ghosts rarely reach the first.
FOLDED_INTENSITY, FOLDED_CORE = 0.3, 1.0
_FOLDED_CORE_POINTS = 20
#: Parts as bright as that at the border, smaller than this and without a core: an ear, a tube.
_STRAY_POINTS = 1500
#: As a share of the air: more than that is no fold alone, and ghosts are looked for in it as well.
_FOLD_LARGEST = 0.09
#: Points of the 2 mm grid beyond the deepest of the head that is folded over.
_FOLD_MARGIN = 8


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
        self._remembered: dict[tuple[Any, ...], Any] = {}

    def remembered(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return ``function(scan, *arguments)``, computed once."""
        key = (function, *arguments)
        if key not in self._remembered:
            self._remembered[key] = function(self, *arguments)
        return self._remembered[key]

    @cached_property
    def raw(self) -> Floats:
        """The scan's own voxels at the points of the grid, neither averaged nor flattened."""
        return nearest(self.volume.data, self.masks.step, self.masks.data.shape)

    @cached_property
    def flat(self) -> Floats:
        """:attr:`raw` with the bias field divided out."""
        return np.asarray(self.raw / np.exp(self.masks.log_bias_field), dtype=np.float32)

    @cached_property
    def prepared(self) -> Floats:
        """The scan as a network sees it, ``x / white`` on :data:`.prepared_template.GRID`, 0 to 1.5."""
        try:
            return prepared_vector.relative_volume(
                self.masks.on_grid(self.volume), self.masks.template_affine
            )
        except VolumeError as error:
            raise NotMeasurable(str(error)) from error

    @cached_property
    def wm_mean(self) -> float:
        """Mean intensity of white matter; the 95th percentile of the image where there is none."""
        if self.masks.wm.any():
            return max(float(np.mean(self.flat[self.masks.wm])), 1e-6)
        return max(float(np.percentile(self.raw, 95)), 1e-6)

    @cached_property
    def empty(self) -> list[NDArray[np.bool_]]:
        """For each axis, which slices of the scan hold one value only."""
        return self.volume.empty_slices

    @cached_property
    def brain_box(self) -> tuple[slice, slice, slice]:
        """The voxels of the scan around the brain, a few voxels wider than it."""
        inside = self.masks.signed_distance_mm > 0
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
        """Return the slices along ``axis`` that have an image, as have ``margin`` more on both sides."""
        reach = np.ones(2 * margin + 1, dtype=bool)
        return ndimage.binary_erosion(~self.empty[axis], reach)

    def from_template(self, where: tuple[NDArray, ...]) -> NDArray[np.float64]:
        """Return points of the template's 4 mm grid, given axis by axis, on the scan's grid, shape (N, 3)."""
        world = np.stack([*where, np.ones(len(where[0]))]).T @ template(4).affine.T
        return np.asarray(world @ np.linalg.inv(self.masks.grid_to_template)[:3].T / GRID_MM)

    def in_view(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which points of the grid, shape (..., 3), lie in the image."""
        nearest = np.round(points)
        return np.all((nearest >= 0) & (nearest < self.masks.data.shape), axis=-1)

    def in_world(self, point: NDArray[np.float64]) -> tuple[float, float, float]:
        """Return a point of the grid in mm of the scan's world; one out of view, the nearest in the image."""
        voxel = np.clip(point * self.masks.step, 0, np.array(self.volume.data.shape) - 1)
        x, y, z = self.volume.affine[:3, :3] @ voxel + self.volume.affine[:3, 3]
        return float(x), float(y), float(z)

    def averaged(self, part: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
        """Return a part's intensity averaged over 8 mm, and where it covers enough of the average."""
        inside = part.astype(np.float32)
        weight = ndimage.gaussian_filter(inside, 1.7)
        smooth = ndimage.gaussian_filter(self.raw * inside, 1.7) / np.maximum(weight, 1e-3)
        return smooth, part & (weight > 0.6)

    def at(self, index: NDArray[np.int64], axis: int = 0, offset: int = 0) -> Floats:
        """Return the voxels at ``index``, shifted by ``offset`` voxels along ``axis``."""
        moved = index.copy()
        moved[:, axis] += offset
        return self.volume.data[moved[:, 0], moved[:, 1], moved[:, 2]]

    @cached_property
    def _at_border(self) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
        """Bright parts of the air that hang on the border: labels, those with a bright core, small ones."""
        bright = (self.masks.data > FOLDED_INTENSITY * self.wm_mean) & self.masks.air
        parts, count = ndimage.label(bright)
        touching = np.unique(parts[self.border & bright])
        core = parts[bright & (self.masks.data > FOLDED_CORE * self.wm_mean)]
        solid = np.bincount(core, minlength=count + 1) >= _FOLDED_CORE_POINTS
        small = np.bincount(parts.ravel(), minlength=count + 1) < _STRAY_POINTS
        touching = touching[touching > 0]
        return parts, touching[solid[touching]], touching[small[touching] & ~solid[touching]]

    @cached_property
    def folded(self) -> NDArray[np.bool_]:
        """Air as bright as scalp or brain, connected to the border: the head wrapped around."""
        parts, solid, _ = self._at_border
        return _named(parts, solid)

    @cached_property
    def border(self) -> NDArray[np.bool_]:
        """The outermost two points of the part of the grid that has an image."""
        inner = morphology.eroded(self.masks.valid_slices, 2)
        return self.masks.valid_slices & ~inner

    @cached_property
    def air(self) -> NDArray[np.bool_]:
        """The air without wrapped-around or bent parts of the head, and without stray components."""
        parts, solid, stray = self._at_border
        air = self.masks.air & ~self._bulging
        if len(stray):
            air &= ~morphology.dilated(_named(parts, stray), 6)
        if len(solid) and self.folded.sum() < _FOLD_LARGEST * self.masks.air.sum():
            air &= ~morphology.dilated(self.folded, 6) & self._within_fold
        return air

    @cached_property
    def _within_fold(self) -> NDArray[np.bool_]:
        """Points further from both ends of an axis than the wrapped-around head along it."""
        inner = np.ones(self.folded.shape, dtype=bool)
        for axis in range(3):
            others = tuple(k for k in range(3) if k != axis)
            lit = np.flatnonzero(self.masks.valid_slices.any(axis=others))
            reached = np.flatnonzero(self.folded.any(axis=others))
            deep = [
                reached[reached < lit[0] + len(inner) // 3],
                reached[reached > lit[-1] - len(inner) // 3],
            ]
            for near, end in zip(deep, (lit[0], lit[-1]), strict=True):
                if len(near) and np.abs(near - end).min() <= 1:
                    depth = int(np.abs(near - end).max()) + _FOLD_MARGIN
                    along = np.moveaxis(inner, axis, 0)
                    along[: lit[0] + depth] = False
                    along[max(0, lit[-1] - depth) :] = False
        return inner

    @cached_property
    def _bulging(self) -> NDArray[np.bool_]:
        """Bright components that lie mostly in the head, dilated by 6 mm."""
        parts, count = ndimage.label(self.masks.data > 0.4 * self.wm_mean)
        size = np.bincount(parts.ravel(), minlength=count + 1)
        in_air = np.bincount(parts[self.masks.air], minlength=count + 1)
        head = in_air < 0.5 * size
        head[0] = False
        return morphology.dilated(head[parts], 3)

    @cached_property
    def template_heights_mm(self) -> Floats:
        """Height of each grid point in the template's world (its z), in mm."""
        return in_template(self.masks.grid_to_template, self.masks.data.shape, 2)

    # ---- inputs of MRIQC's metrics -----------------------------------------------------------------

    @cached_property
    def harmonised(self) -> Floats:
        """:attr:`flat`, not negative, scaled so that the median of white matter is 1000."""
        middle = float(np.median(self.flat[self.masks.wm])) if self.masks.wm.any() else self.wm_mean
        return np.maximum(self.flat, 0) * np.float32(1000 / max(middle, 1e-6))

    def probability_of(self, tissue: str) -> Floats:
        """Return the probability of ``csf``, ``gm`` or ``wm`` at each point."""
        return self.tissue_probability[..., _TISSUES.index(tissue)]

    @cached_property
    def tissue_probability(self) -> Floats:
        """Probability of each tissue at the scan's own voxels (:attr:`raw`), shape (X, Y, Z, 3)."""
        tissues, where = (
            self.masks.tissues,
            (self.masks.signed_distance_mm > -2.0) & self.masks.valid_slices,
        )
        if tissues is None:
            return self.masks.tissue_probability
        found = np.zeros_like(self.masks.tissue_probability)
        found[where] = tissues.tissue_probability(self.flat[where], self.masks.tissue_priors[where])
        return np.where(found < 0.01, np.float32(0), found)

    def prior(self, tissue: str) -> Floats:
        """Return the template's probability of ``csf``, ``gm`` or ``wm`` at each point."""
        return self.masks.tissue_priors[..., _TISSUES.index(tissue)]

    def summary(self, part: str) -> mriqc_definitions.IntensitySummary:
        """Return how the intensity of ``csf``, ``gm``, ``wm`` or the air (``bg``) is distributed."""
        if part not in self._summaries:
            share = self.quiet_air if part == "bg" else self.probability_of(part)
            some = share > 0
            self._summaries[part] = mriqc_definitions.summarise(
                self.harmonised[some], share[some].astype(np.float32)
            )
        return self._summaries[part]

    @cached_property
    def _summaries(self) -> dict[str, mriqc_definitions.IntensitySummary]:
        return {}

    @cached_property
    def volume_fractions(self) -> NDArray[np.float64]:
        """The part of the brain's volume that each tissue fills, shape (3,)."""
        return mriqc_definitions.volume_fractions(self.tissue_probability)

    @cached_property
    def voxels_a_point(self) -> float:
        """How many voxels of the scan stand for one point of the grid."""
        return float(np.prod(self.masks.step))

    @cached_property
    def air_artefacts(self) -> NDArray[np.bool_]:
        """Signal in the air that is no noise, as MRIQC finds it."""
        anywhere = np.broadcast_to(np.float32(1), self.raw.shape)
        found = mriqc_definitions.artefact_mask(self.raw, self.masks.air, anywhere)
        if not found.any():  # however far from the head: spares the distances
            return found
        # Distances, a share of the largest, are as good at every other point.
        head, air = (part[::2, ::2, ::2] for part in (self.masks.head, self.masks.air))
        distance = np.where(air, ndimage.distance_transform_edt(~head), 0)
        for axis, size in enumerate(self.raw.shape):
            distance = np.take(distance, np.arange(size) // 2, axis=axis)
        share = distance / max(float(distance.max()), 1e-6)
        return mriqc_definitions.artefact_mask(self.raw, self.masks.air, share)

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
        """Full width at half maximum of the brain's smoothness along each axis, in voxels."""
        box = self.brain_box
        return mriqc_definitions.fwhm(self.volume.data[box], self.on_voxels(self.masks.brain, box))

    @cached_property
    def bias_field(self) -> Floats:
        """N4's bias field at the brain's points of a 6 mm grid, cavities left out: they are no shading."""
        return n4_field(self.masks.data, self.masks.brain & ~self.masks.cavities)


def _named(parts: NDArray[np.int32], names: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which points lie in the parts of these numbers."""
    chosen = np.zeros(int(parts.max(initial=0)) + 1, dtype=bool)
    chosen[names] = True
    return chosen[parts]
