"""Incompleteness metrics: missing coverage, slabs and signal."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.errors import NotMeasurable
from curation.imaging import morphology
from curation.imaging.template import template
from curation.metrics.registry import Point, Spot, metric, place_of
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
    return 1.0 - float(np.mean(scan.remembered(_imaged)))


@place_of("brain_missing", "largest missing part")
def missing_place(scan: Scan) -> Point | None:
    inside = template(4).signed_distance_mm > 4
    gone = np.zeros(inside.shape, dtype=bool)
    gone[inside] = ~scan.remembered(_imaged)
    middle = morphology.middle(gone)
    return None if middle is None else scan.from_template(tuple(middle[:, None]))[0]


def _imaged(scan: Scan) -> NDArray[np.bool_]:
    """Return which points of the template's brain, deeper than 4 mm, are in view and have signal."""
    index = scan.from_template(np.nonzero(template(4).signed_distance_mm > 4))
    seen = scan.in_view(index)
    x, y, z = np.round(index[seen]).astype(int).T
    present = np.zeros(len(index), dtype=bool)
    present[seen] = has_signal(scan)[x, y, z]
    return present


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
    return max(float(np.mean(gone)) for _, gone in _empty(scan))


@place_of("empty_slices", "empty slices")
def empty_place(scan: Scan) -> Spot | None:
    return _longest_run(scan, _empty(scan))


def _empty(scan: Scan) -> list[tuple[int, NDArray[np.bool_]]]:
    """Return for each axis the first slice through the brain, and which from there on are empty."""
    inside = scan.masks.signed_distance_mm > 8
    found = []
    for axis, gone in enumerate(scan.empty):
        others = tuple(k for k in range(3) if k != axis)
        present = np.flatnonzero(inside.any(axis=others))
        if not len(present):
            raise NotMeasurable("the brain is not in view")
        low, high = (int(end * scan.masks.step[axis]) for end in (present[0], present[-1] + 1))
        low = min(low, len(gone) - 1)
        found.append((low, gone[low : max(high, low + 1)]))
    return found


def _longest_run(scan: Scan, axes: list[tuple[int, NDArray[np.bool_]]]) -> Spot | None:
    """Return the middle of the brain amid the longest run of slices, on the axis with the most of them."""
    axis = int(np.argmax([np.mean(marked) for _, marked in axes]))
    first, marked = axes[axis]
    if (run := morphology.middle(marked)) is None:
        return None
    at = (first + run[0]) / scan.masks.step[axis]
    middle = morphology.middle(_brain_at(scan, axis, at))
    return None if middle is None else Spot(np.insert(middle, axis, at), axis)


def _brain_at(scan: Scan, axis: int, at: float) -> NDArray[np.bool_]:
    """Return the brain in a slice of the grid."""
    return np.take(scan.masks.signed_distance_mm > 0, round(at), axis=axis, mode="clip")


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
    parts, repeats = scan.brain_box, _repeats(scan)
    return max(
        float(np.sum(same)) / max(1, part.stop - part.start)
        for part, (_, same) in zip(parts, repeats, strict=True)
    )


@place_of("repeated_slices", "repeated slices")
def repeated_place(scan: Scan) -> Spot | None:
    return _longest_run(scan, _repeats(scan))


def _repeats(scan: Scan) -> list[tuple[int, NDArray[np.bool_]]]:
    """Return for each axis the brain's second slice, and which from there on equal the one before."""
    found = []
    for axis, part in enumerate(scan.brain_box):
        slabs = np.moveaxis(scan.volume.data[scan.brain_box], axis, 0)
        same = [
            np.array_equal(one, next_) and bool(np.ptp(one) > 0) for one, next_ in pairwise(slabs)
        ]
        found.append((part.start + 1, np.array(same, dtype=bool)))
    return found


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
    drops = scan.remembered(slice_drops)
    return max((float(np.max(drop, initial=0.0)) for _, drop in drops), default=0.0)


@place_of("slice_dropout", "darkest slice")
def slice_place(scan: Scan) -> Spot | None:
    inside = scan.masks.signed_distance_mm > 3
    signal, expected = (np.where(inside, each, 0) for each in (scan.masks.data, _expected(scan)))
    return _darkest(scan, scan.remembered(slice_drops), signal, expected, 1)


def _darkest(
    scan: Scan, drops: list[tuple[NDArray, NDArray]], signal: NDArray, expected: NDArray, thick: int
) -> Spot | None:
    """Return where, in the slices of the largest drop, most brightness is lacking; none without a drop."""
    axis = int(np.argmax([np.max(drop, initial=0.0) for _, drop in drops]))
    slices, drop = drops[axis]
    if (worst := np.max(drop, initial=0.0)) <= 0:
        return None
    at = float(slices[np.argmax(drop)]) / scan.masks.step[axis]
    planes = round(at - (thick - 1) / 2) + np.arange(thick)
    has, should = (np.take(p, planes, axis, mode="clip").sum(axis) for p in (signal, expected))
    level = has.sum() / max(should.sum(), 1e-9) / max(1 - worst, 0.05)
    lack = ndimage.gaussian_filter(level * should - has, 3)
    point = morphology.extreme(lack, _brain_at(scan, axis, at))
    return None if point is None else Spot(np.insert(point, axis, at), axis)


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
    drops = scan.remembered(_slab_drops)
    if not any(len(drop) for _, drop in drops):
        raise NotMeasurable("too little of the brain is in view")
    return max(0.0, *(float(drop.max()) for _, drop in drops if len(drop)))


@place_of("slab_dropout", "darkest slab")
def slab_place(scan: Scan) -> Spot | None:
    _, signal, expected = scan.remembered(_flat_and_template)
    return _darkest(scan, scan.remembered(_slab_drops), signal, expected, _SLAB)


def _flat_and_template(scan: Scan) -> tuple[NDArray[np.bool_], NDArray, NDArray]:
    """Return the brain, its brightness without shading, and the template's; 0 elsewhere."""
    inside = (scan.masks.signed_distance_mm > 3) & scan.masks.valid_slices
    signal = np.where(inside, scan.masks.data / np.exp(scan.masks.log_bias_field), 0)
    return inside, signal, np.where(inside, scan.masks.template_intensity, 0)


def _slab_drops(scan: Scan) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return for each axis the middles of slabs, in slices of the scan, and how far each is darker."""
    inside, signal, expected = scan.remembered(_flat_and_template)
    found = []
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
            # of so many points, an even number, the middle lies half a point before the one they are told of
            middles = np.flatnonzero(full)[_SLAB_LAG:-_SLAB_LAG] - 0.5
            found.append((middles * scan.masks.step[axis], drops))
        else:
            found.append((np.zeros(0), np.zeros(0)))
    return found


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
    shares = [float(bright[above].mean()) for _, _, bright, above in _borders(scan)]
    if not shares:
        raise NotMeasurable("no border of the image lies above the ears")
    return max(shares)


@place_of("border_signal", "head at the border")
def border_place(scan: Scan) -> Point | None:
    borders = _borders(scan)
    if not borders:
        return None
    axis, end, bright, above = max(borders, key=lambda border: border[2][border[3]].mean())
    middle = morphology.middle(bright & above)
    return None if middle is None else np.insert(middle, axis, end)


def _borders(scan: Scan) -> list[tuple[int, int, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Return borders of the imaged part: axis, slice of the grid, where it is bright, and above the ears."""
    bright = scan.masks.data > 0.25 * scan.wm_mean
    above = (scan.template_heights_mm > 0) & scan.masks.valid_slices
    found = []
    for axis, first_end in ((0, 0), (1, 0), (2, 1)):  # the neck always leaves the image below
        others = tuple(k for k in range(3) if k != axis)
        lit = np.flatnonzero(scan.masks.valid_slices.any(axis=others))
        for end in (lit[1], lit[-2])[first_end:] if len(lit) > 3 else ():
            here = np.take(above, end, axis=axis)
            if here.sum() >= 200:
                found.append((axis, int(end), np.take(bright, end, axis=axis), here))
    return found


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


@place_of("folded_share", "head folded over")
def folded_place(scan: Scan) -> Point | None:
    smooth, where = scan.averaged(scan.folded)
    return morphology.extreme(smooth, where if where.any() else scan.folded)
