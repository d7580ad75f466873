"""Blur metrics: the width of edges, independent of noise."""

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from curation.errors import NotMeasurable
from curation.metrics.registry import metric
from curation.metrics.scan_context import Scan

_MIN_EDGES = 400
#: Voxels on each side of an edge over which the whole step is taken.
_REACH = 2


def _blur_metric(axis: int, name: str, label: str) -> None:
    @metric(
        f"edge_width_{name}",
        f"Edge width {label}",
        "blur",
        "higher is worse",
        unit="voxels",
        formula="Σ|I(+3) − I(−2)| / Σ|I(+1) − I(0)| over the strongest edges of the brain, found on the "
        "four neighbouring lines",
        meaning=f"Over how many voxels an edge inside the brain is spread, {label}; grain has no part in it.",
    )
    def function(scan: Scan) -> float:
        return scan.remembered(edge_width, axis)


def edge_width(scan: Scan, axis: int) -> float:
    """Return the width in voxels of the brain's strongest edges along one axis.

    Edges are found on neighbouring lines and measured on the line between them, so that the noise of
    the one has nothing to do with the noise of the other, and averages out. All that is looked at along the
    line lies in the brain: where a skull was removed, the cut is the sharpest edge of all.
    """
    lines, beside, inside = (_lines(scan, axis, kind) for kind in ("middle", "beside", "inside"))
    span = slice(_REACH, -_REACH - 1)
    step_beside = np.diff(beside, axis=0)
    steps = np.diff(lines, axis=0)[span]
    whole = (lines[2 * _REACH + 1 :] - lines[: -2 * _REACH - 1])[: len(steps)]
    strength = np.abs(step_beside)
    summit = (strength[span] >= strength[_REACH - 1 : -_REACH - 2]) & (
        strength[span] >= strength[_REACH + 1 : len(strength) - _REACH + 1][: len(steps)]
    )
    usable = _all_inside(inside, len(steps)) & summit
    if usable.sum() < _MIN_EDGES:
        raise NotMeasurable("too few edges of the brain are in view")
    strong = usable & (strength[span] >= np.percentile(strength[span][usable], 75))
    direction = np.sign(step_beside[span][strong])
    narrow = float(np.sum(direction * steps[strong], dtype=np.float64))
    wide = float(np.sum(direction * whole[strong], dtype=np.float64))
    if narrow <= 0 or wide <= 0:
        raise NotMeasurable("no edge stands out from the noise")
    return wide / narrow


def _lines(scan: Scan, axis: int, kind: str) -> NDArray:
    """Return every third line of the brain's box along ``axis``, as [along, across, across]."""
    data = scan.remembered(_inside) if kind == "inside" else scan.volume.data[scan.brain_box]
    across = np.moveaxis(data, axis, 0)
    m, n = ((size - 2) // 3 * 3 for size in across.shape[1:])
    pick = partial(_shifted, across, m, n)
    if kind == "beside":
        return (pick(0, 1) + pick(2, 1) + pick(1, 0) + pick(1, 2)) / np.float32(4)
    return pick(1, 1)


def _all_inside(inside: NDArray, steps: int) -> NDArray:
    """Return for which steps all voxels are brain that their edge is measured on, from −2 to +3."""
    return np.logical_and.reduce([inside[k : k + steps] for k in range(2 * _REACH + 2)])


def _inside(scan: Scan) -> NDArray:
    """Return which voxels of the brain's box are brain with an image as far around as edges reach."""
    box = scan.brain_box
    data = scan.on_voxels(scan.masks.brain & (scan.masks.signed_distance_mm > 1), box)
    for number, part in enumerate(box):
        along = [1, 1, 1]
        along[number] = -1
        data &= scan.clear(number, _REACH + 1)[part].reshape(along)
    return data


def _shifted(across: NDArray, m: int, n: int, first: int, second: int) -> NDArray:
    return across[:, first : first + m : 3, second : second + n : 3]


for _axis, (_name, _label) in enumerate(
    (("x", "left–right"), ("y", "anterior–posterior"), ("z", "superior–inferior"))
):
    _blur_metric(_axis, _name, _label)


@metric(
    "edge_width",
    "Edge width",
    "blur",
    "higher is worse",
    unit="voxels",
    formula="mean of edge_width_x, edge_width_y and edge_width_z",
    meaning="Over how many voxels an edge inside the brain is spread, over all directions.",
)
def edge_width_mean(scan: Scan) -> float:
    return float(np.mean([scan.remembered(edge_width, axis) for axis in range(3)]))


@metric(
    "resolution_share",
    "Filled k-space",
    "blur",
    "higher is better",
    unit="share of what the voxels could show",
    formula="smallest, over the axes, of 2 · the frequency beyond which the power in the brain stays below "
    "10^−3.6 of that at 0.1 cycles per voxel",
    meaning="How much of the detail that the voxels could show is there at all.",
)
def resolution_share(scan: Scan) -> float:
    data = scan.volume.data[scan.brain_box]
    if min(data.shape) < 24:
        raise NotMeasurable("too little of the brain is in view")
    for axis, size in enumerate(data.shape):
        along = [1, 1, 1]
        along[axis] = -1
        data = data * np.hanning(size).astype(np.float32).reshape(along)
    return min(_filled(data, axis) for axis in range(3))


def _filled(data: NDArray, axis: int) -> float:
    """Return the share of the frequencies along ``axis``, up to the last one that holds power."""
    others = tuple(k for k in range(3) if k != axis)
    spectrum = fft.rfft(data, axis=axis)
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=others, dtype=np.float64)
    power = ndimage.uniform_filter1d(power, 3, mode="nearest")
    frequency = np.linspace(0, 0.5, len(power))
    usual = power[np.argmin(np.abs(frequency - 0.1))]
    filled = np.flatnonzero(power > 10**-3.6 * usual)
    return 2 * float(frequency[filled[-1]]) if len(filled) else 0.0
