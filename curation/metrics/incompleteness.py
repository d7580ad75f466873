"""Incompleteness metrics: missing coverage, slabs and signal."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.errors import NotMeasurable
from curation.imaging.registered_grid import GRID_MM
from curation.imaging.template import template
from curation.metrics.registry import metric
from curation.metrics.scan_context import Scan

#: Points of the 2 mm grid: how thick a slab is, and how far apart two are compared.
_SLAB, _SLAB_LAG = 6, 9
#: As shares of white matter's brightness: what is darker was not imaged, in tissue and in a cavity's fluid.
_LEAST_TISSUE, _LEAST_FLUID = 1 / 8, 1 / 16


@metric(
    "brain_missing",
    "Missing brain",
    "incompleteness",
    "higher is worse",
    unit="share of the template's brain",
    formula="share of the template's brain, deeper than 4 mm, that is out of view or without signal",
    meaning="How much of the brain was not imaged, or shows nothing.",
)
def brain_missing(scan: Scan) -> float:
    maps = template(4)
    where = np.nonzero(maps.signed_distance_mm > 4)
    world = np.stack([*where, np.ones(len(where[0]))]).T @ maps.affine.T
    index = world @ np.linalg.inv(scan.masks.grid_to_template)[:3].T / GRID_MM
    index = np.round(index).astype(int)
    seen = np.all((index >= 0) & (index < scan.masks.data.shape), axis=1)
    x, y, z = index[seen].T
    present = np.zeros(len(index), dtype=bool)
    present[seen] = has_signal(scan)[x, y, z]
    return 1.0 - float(np.mean(present))


def has_signal(scan: Scan) -> NDArray[np.bool_]:
    """Return where the intensity, averaged over 6 mm, is at least an eighth of white matter's.

    Fluid of a cavity was imaged and may be darker: there, a sixteenth is enough.
    """
    smooth = ndimage.uniform_filter(scan.masks.data / np.exp(scan.masks.log_bias_field), 3)
    least = np.where(scan.masks.cavities, _LEAST_FLUID, _LEAST_TISSUE) * scan.wm_mean
    return (smooth > least) & scan.masks.valid_slices


@metric(
    "empty_slices",
    "Empty slices",
    "incompleteness",
    "higher is worse",
    unit="share of the brain's slices",
    formula="largest share, over the three axes, of slices through the brain that hold one value only",
    meaning="Slices that should show brain and show nothing.",
)
def empty_slices(scan: Scan) -> float:
    inside = scan.masks.signed_distance_mm > 8
    shares = []
    for axis, gone in enumerate(scan.empty):
        others = tuple(k for k in range(3) if k != axis)
        present = np.flatnonzero(inside.any(axis=others))
        if not len(present):
            raise NotMeasurable("the brain is not in view")
        low, high = (int(end * scan.masks.step[axis]) for end in (present[0], present[-1] + 1))
        low = min(low, len(gone) - 1)
        shares.append(float(np.mean(gone[low : max(high, low + 1)])))
    return max(shares)


@metric(
    "repeated_slices",
    "Repeated slices",
    "incompleteness",
    "higher is worse",
    unit="share of the brain's slices",
    formula="largest share, over the three axes, of slices through the brain equal to the one before",
    meaning="Slices that were copied from their neighbour instead of imaged.",
)
def repeated_slices(scan: Scan) -> float:
    shares = []
    for axis, part in enumerate(scan.brain_box):
        slabs = np.moveaxis(scan.volume.data[scan.brain_box], axis, 0)
        same = [
            np.array_equal(one, next_) and bool(np.ptp(one) > 0) for one, next_ in pairwise(slabs)
        ]
        shares.append(float(np.sum(same)) / max(1, part.stop - part.start))
    return max(shares)


@metric(
    "slice_dropout",
    "Drop of brightness in the darkest slice",
    "incompleteness",
    "higher is worse",
    unit="share of its neighbours' brightness",
    formula="largest drop, over slices of the three axes, of brightness / what the template's tissues there "
    "should have in the brain, below the median of the three before it and that of the three after it; empty "
    "slices left out",
    meaning="The strongest sudden, partial loss of signal in a slice.",
)
def slice_dropout(scan: Scan) -> float:
    return max((float(np.max(drop, initial=0.0)) for _, drop in slice_drops(scan)), default=0.0)


def slice_drops(scan: Scan) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Return for each axis slices of the scan and how far each is darker than its neighbours, as a share.

    Anatomy is no drop: what is compared is the share of the brightness that the slice's tissues should have,
    since few slices hold as much fluid as those between the halves of the brain, and it has to be lower than
    on either side, since the brain darkens towards its ends.
    """
    inside = scan.on_voxels(scan.masks.signed_distance_mm > 3, scan.brain_box)
    signal = np.where(inside, scan.volume.data[scan.brain_box], 0)
    expected = np.where(inside, scan.on_voxels(_expected(scan), scan.brain_box), 0)
    found = []
    for axis, part in enumerate(scan.brain_box):
        others = tuple(k for k in range(3) if k != axis)
        count = inside.sum(axis=others)
        full = (count > 0.25 * count.max(initial=1)) & ~scan.empty[axis][part]
        means = signal.sum(axis=others, dtype=np.float64)[full]
        means /= np.maximum(expected.sum(axis=others, dtype=np.float64)[full], 1e-9)
        if len(means) >= 9:
            drops = 1 - means / np.maximum(_darker_side(means), 1e-9)
            found.append((part.start + np.flatnonzero(full), drops))
        else:
            found.append((np.zeros(0, np.int64), np.zeros(0)))
    return found


def _expected(scan: Scan) -> NDArray[np.float32]:
    """Return how bright the template's tissues are in this scan; 1 everywhere where none were found."""
    tissues, priors = scan.masks.tissues, scan.masks.tissue_priors
    if tissues is None:
        return np.ones(priors.shape[:3], dtype=np.float32)
    return np.asarray(priors @ tissues.means.astype(np.float32), dtype=np.float32)


def _darker_side(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the lower of the medians of the three values before each and the three after it.

    The first and the last have neighbours on one side only, so that they count as their own.
    """
    threes = np.lib.stride_tricks.sliding_window_view(np.pad(means, 3, constant_values=np.nan), 3)
    before, after = threes[: len(means)], threes[-len(means) :]
    sides = np.stack([np.nanmedian(side[1:-1], axis=1) for side in (before, after)])
    return np.concatenate([means[:1], sides.min(axis=0), means[-1:]])


@metric(
    "slab_dropout",
    "Drop of brightness in the darkest slab",
    "incompleteness",
    "higher is worse",
    unit="share of its neighbours' brightness",
    formula="largest drop, over slabs of 12 mm along the three axes, of brightness / the template's "
    "brightness in the brain, below the darker of the slabs 18 mm to both sides",
    meaning="The strongest partial loss of signal in several slices side by side.",
    needs=("t1w",),
)
def slab_dropout(scan: Scan) -> float:
    inside = (scan.masks.signed_distance_mm > 3) & scan.masks.valid_slices
    signal = np.where(inside, scan.masks.data / np.exp(scan.masks.log_bias_field), 0)
    expected = np.where(inside, scan.masks.template_intensity, 0)
    worst, seen = 0.0, False
    for axis in range(3):
        others = tuple(k for k in range(3) if k != axis)
        count = inside.sum(axis=others)
        full = count > 0.25 * count.max(initial=1)
        means = signal.sum(axis=others, dtype=np.float64)[full]
        usual = expected.sum(axis=others, dtype=np.float64)[full]
        if len(means) > 2 * _SLAB_LAG + 1:
            slab = ndimage.uniform_filter1d(means / np.maximum(usual, 1e-9), _SLAB)
            beside = np.minimum(slab[: -2 * _SLAB_LAG], slab[2 * _SLAB_LAG :])
            drops = 1 - slab[_SLAB_LAG:-_SLAB_LAG] / np.maximum(beside, 1e-9)
            worst, seen = max(worst, float(drops.max())), True
    if not seen:
        raise NotMeasurable("too little of the brain is in view")
    return worst


@metric(
    "border_signal",
    "Head at the border",
    "incompleteness",
    "higher is worse",
    unit="share of the border",
    formula="largest share, over the borders of the imaged part above the ears, of points at least a quarter "
    "as bright as white matter",
    meaning="Whether the field of view cuts the head.",
)
def border_signal(scan: Scan) -> float:
    bright = scan.masks.data > 0.25 * scan.wm_mean
    above = (scan.template_heights_mm > 0) & scan.masks.valid_slices
    shares = []
    for axis, first_end in ((0, 0), (1, 0), (2, 1)):  # the neck always leaves the image below
        others = tuple(k for k in range(3) if k != axis)
        lit = np.flatnonzero(scan.masks.valid_slices.any(axis=others))
        for end in (lit[1], lit[-2])[first_end:] if len(lit) > 3 else ():
            here = np.take(above, end, axis=axis)
            if here.sum() >= 200:
                shares.append(float(np.take(bright, end, axis=axis)[here].mean()))
    if not shares:
        raise NotMeasurable("no border of the image lies above the ears")
    return max(shares)


@metric(
    "folded_share",
    "Wrap-around (aliasing)",
    "incompleteness",
    "higher is worse",
    unit="share of the air",
    formula="share of the air at least 0.3 times as bright as white matter, connected to the border of the "
    "image and to a core at least as bright",
    meaning="Parts of the head that lay outside the field of view and appear on its other side.",
    needs=("air",),
)
def folded_share(scan: Scan) -> float:
    if not scan.masks.air.any():
        raise NotMeasurable("there is no air around the head")
    return float(scan.folded.sum() / scan.masks.air.sum())
