"""Motion metrics: ghosts in the air and ringing inside the head."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from curation.errors import NotMeasurable
from curation.imaging import morphology
from curation.metrics.registry import Point, metric, place_of
from curation.metrics.scan_context import Scan

_MIN_VOXELS = 400
#: Of k-space's planes the innermost and the outermost are left out: they are unlike their neighbours anyway.
_INNER, _OUTER = 4, 2
#: Samples of a plane that are looked at along each of its axes.
_SAMPLES = 128
#: Logs of power: planes are left out where it falls this steeply over two, or lies so far below the inner
#: ones.
_STEEP, _FAINT = 1.5, 9.0
_MIN_PLANES = 8
#: By chance alone r(k) varies by 1.57 · 1.25 / √n: the logarithm of a power has a standard deviation of 1.28,
#: the difference to the mean of two √1.5 times that, a median 1.25 times that of a mean. Of a hundred, the
#: third largest lies 2.2 times as far out.
_CHANCE = 4.3
#: Planes on each side of one that tell how coherent it should be, and the least coherence of an image.
_BESIDE, _COHERENT = 4, 0.1
_AXES = (("x", "left–right"), ("y", "anterior–posterior"), ("z", "superior–inferior"))


def _ghost_metric(axis: int, name: str, label: str) -> None:
    @metric(
        f"ghost_{name}",
        f"Ghosting {label}",
        "motion",
        "higher is worse",
        unit="share of white-matter signal",
        formula="√max(0, P(air in line with the brain along this axis) − P(air in line along none)) / μ_wm, "
        "P = mean of I²",
        meaning=f"Copies or smears of the head beside itself, {label}.",
        needs=("air",),
        citation="as the ghost ratio of phantoms: NEMA MS 1; Tierscope for heads",
    )
    def function(scan: Scan) -> float:
        here, none = _beside(scan, axis)
        if here.sum() < _MIN_VOXELS or none.sum() < _MIN_VOXELS:
            raise NotMeasurable(f"there is too little air beside the head, {label}")
        # Noise adds to the power of a magnitude image, whatever lies under it, so it cancels here.
        power = scan.raw.astype(np.float64) ** 2
        excess = float(np.mean(power[here]) - np.mean(power[none]))
        return float(np.sqrt(max(0.0, excess))) / scan.wm_mean

    @place_of(f"ghost_{name}", f"brightest ghost {label}")
    def place(scan: Scan) -> Point | None:
        smooth, where = scan.remembered(averaged_air)
        return morphology.extreme(smooth, where & _beside(scan, axis)[0])


def _beside(scan: Scan, axis: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the air in line with the brain along an axis and no other, and that in line along none."""
    shadows = _shadows(scan)
    here = scan.air & shadows[axis]
    for other in range(3):
        if other != axis:
            here &= ~shadows[other]
    return here, scan.air & ~(shadows[0] | shadows[1] | shadows[2])


def _shadows(scan: Scan) -> list[NDArray[np.bool_]]:
    """Return, for each axis, the points in line with the brain along it."""
    solid = scan.masks.signed_distance_mm > 0
    return [np.broadcast_to(solid.any(axis=axis, keepdims=True), solid.shape) for axis in range(3)]


for _axis, (_name, _label) in enumerate(_AXES):
    _ghost_metric(_axis, _name, _label)


@metric(
    "air_structure",
    "Structure in the air",
    "motion",
    "higher is worse",
    unit="share of white-matter signal",
    formula="99th percentile − median of the air after averaging over 8 mm, / μ_wm",
    meaning="Shapes in the air around the head, where there should be nothing but grain.",
    needs=("air",),
)
def air_structure(scan: Scan) -> float:
    smooth, where = scan.remembered(averaged_air)
    values = smooth[where]
    if len(values) < _MIN_VOXELS:
        raise NotMeasurable("there is too little air around the head")
    return float(np.percentile(values, 99) - np.median(values)) / scan.wm_mean


@place_of("air_structure", "brightest shape in the air")
def air_structure_place(scan: Scan) -> Point | None:
    return morphology.extreme(*scan.remembered(averaged_air))


def averaged_air(scan: Scan) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the air's intensity averaged over 8 mm, and where it covers enough of the average."""
    return scan.averaged(scan.air)


@metric(
    "ripples",
    "Ringing or motion ripple in white matter",
    "motion",
    "higher is worse",
    unit="share of white-matter signal",
    formula="√max(0, V(4) − max(V(1), V(2))) / μ_wm, V(h) = mean over the axes of the trimmed mean of "
    "(I(p−h) − 2·I(p) + I(p+h))² / 6, deep in white matter",
    meaning="Waves some eight voxels long in even tissue, beyond what grain explains.",
    needs=("tissues",),
)
def ripples(scan: Scan) -> float:
    deep = ndimage.binary_erosion(scan.masks.wm) & (scan.masks.signed_distance_mm > 4)
    index = scan.voxels_of(deep, margin=4)
    bends = []
    for axis in range(3):
        along = index[_white_on_both_sides(scan, index, axis, 4)]
        if len(along) < 300:
            raise NotMeasurable("too little white matter is in view")
        bends.append([_bend(scan, along, axis, lag) for lag in (1, 2, 4)])
    nearest, near, far = np.mean(bends, axis=0)
    # Where k-space was filtered or filled with zeros, as most scanners do, grain is alike in neighbours; from
    # two voxels on it is all there.
    return float(np.sqrt(max(0.0, far - max(nearest, near)))) / scan.wm_mean


def _white_on_both_sides(
    scan: Scan, index: NDArray[np.int64], axis: int, lag: int
) -> NDArray[np.bool_]:
    """Return from which voxels those ``lag`` further on both sides lie between points of white matter."""
    both = np.ones(len(index), dtype=bool)
    last = np.array(scan.masks.wm.shape) - 1
    for side in (-lag, lag):
        moved = index.astype(np.float64)
        moved[:, axis] += side
        place = moved / scan.masks.step
        for end in (np.floor, np.ceil):
            points = np.round(place)
            points[:, axis] = end(place[:, axis])
            x, y, z = np.clip(points.astype(int), 0, last).T
            both &= scan.masks.wm[x, y, z]
    return both


def _bend(scan: Scan, index: NDArray[np.int64], axis: int, lag: int) -> float:
    """Return the mean square of the second difference over ``lag`` voxels, its top tenth left out."""
    bend = scan.at(index, axis, -lag) - 2 * scan.at(index) + scan.at(index, axis, lag)
    squares = bend.astype(np.float64) ** 2 / 6
    return float(np.mean(squares[squares <= np.percentile(squares, 90)]))


@metric(
    "uneven_lines",
    "Uneven lines of k-space",
    "motion",
    "higher is worse",
    unit="natural log",
    formula="largest, over the axes, of the third largest |r(k) − median r| − 4.3 / √n, at least 0, k the "
    "planes of k-space along it, r(k) = median over the n samples of a plane of "
    "log|F(k)|² − (log|F(k−1)|² + log|F(k+1)|²) / 2",
    meaning="Whether single lines of the data were read weaker or stronger than their neighbours: a pulse "
    "or a jump of the gain. Such lines make ghosts.",
)
def uneven_lines(scan: Scan) -> float:
    spectrum = scan.remembered(_spectrum)
    power = spectrum.real**2 + spectrum.imag**2
    logs = np.log(power + np.float32(1e-12) * power.max())
    return max(_unevenness(logs, axis) for axis in range(3))


def _spectrum(scan: Scan) -> NDArray[np.complex64]:
    """Return the scan's k-space; of the last axis, one half."""
    data = scan.volume.data
    if min(data.shape) < 32:
        raise NotMeasurable("too few voxels along an axis to compare lines of k-space")
    return np.asarray(fft.rfftn(data), dtype=np.complex64)


def _planes(spectrum: NDArray, axis: int) -> NDArray:
    """Return samples of the planes of a half spectrum along an axis, from the middle outwards."""
    planes = np.moveaxis(spectrum, axis, 0)
    planes = planes[: planes.shape[0] // 2 + 1] if axis < 2 else planes
    steps = [max(1, size // _SAMPLES) for size in planes.shape[1:]]
    return planes[:, :: steps[0], :: steps[1]].reshape(len(planes), -1)


def _unevenness(logs: NDArray[np.float32], axis: int) -> float:
    """Return the third largest deviation of a plane of the half spectrum from its two neighbours."""
    planes = _planes(logs, axis)
    apart = np.median(planes[1:-1] - (planes[:-2] + planes[2:]) / 2, axis=1)
    usual = np.median(planes, axis=1)
    # Where k-space ends within the image's, as in an interpolated one, it falls off: no line is read there.
    level = (np.abs(usual[2:] - usual[:-2]) < _STEEP) & (usual[1:-1] > usual[_INNER] - _FAINT)
    level[:_INNER], level[-_OUTER:] = False, False
    if level.sum() < _MIN_PLANES:
        raise NotMeasurable("too few lines of k-space hold an image")
    third = float(np.sort(np.abs(apart - np.median(apart[level]))[level])[-3])
    return max(0.0, third - _CHANCE / float(np.sqrt(planes.shape[1])))


@metric(
    "broken_lines",
    "Breaks between lines of k-space",
    "motion",
    "higher is worse",
    unit="coherence",
    formula="largest, over the axes and the planes k of k-space along each, of min(median c(k − 4 … k − 1), "
    "median c(k + 1 … k + 4)) − c(k) − 3 / √(2 n), at least 0, c(k) = |mean over the n samples of a plane of "
    "exp(i (φ(k) − φ(k + 1)))|, φ the phase",
    meaning="Whether lines of the data that were read one after the other show the head in the same place: "
    "between two of them it moved.",
)
def broken_lines(scan: Scan) -> float:
    spectrum = scan.remembered(_spectrum)
    phases = spectrum / np.maximum(np.abs(spectrum), np.float32(1e-20))
    breaks = [_break(_planes(phases, axis)) for axis in range(3)]
    if np.isnan(breaks).all():
        raise NotMeasurable("too few lines of k-space hold an image")
    return float(np.nanmax(breaks))


def _break(phases: NDArray[np.complex64]) -> float:
    """Return the deepest notch of the coherence of neighbouring planes; NaN where they hold no image.

    A head fills a part of the field of view only, so that neighbouring lines are alike in phase, as much in
    one place as in the next. A shift between them by d turns phases by 2π k·d, which differs over the plane.
    """
    coherence = np.abs((phases[:-1] * np.conj(phases[1:])).mean(axis=1))
    beside = np.lib.stride_tricks.sliding_window_view(coherence, _BESIDE)
    middles = np.median(beside, axis=1)
    # Both sides have to be coherent: where k-space ends within the image's, it falls off and stays low.
    usual = np.minimum(middles[: -_BESIDE - 1], middles[_BESIDE + 1 :])
    here = coherence[_BESIDE:-_BESIDE]
    read = usual > _COHERENT
    if read.sum() < _MIN_PLANES:
        return np.nan
    # The coherence of so many samples is known to 1 / √(2 n), and the deepest of a hundred lies 3 lower.
    chance = 3 / np.sqrt(2 * phases.shape[1])
    return max(0.0, float((usual - here)[read].max()) - float(chance))
