"""Motion metrics: ghosts in the air and ringing inside the head."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from curation.errors import NotMeasurable
from curation.metrics.registry import metric
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
        shadows = _shadows(scan)
        here = scan.air & shadows[axis]
        for other in range(3):
            if other != axis:
                here &= ~shadows[other]
        none = scan.air & ~(shadows[0] | shadows[1] | shadows[2])
        if here.sum() < _MIN_VOXELS or none.sum() < _MIN_VOXELS:
            raise NotMeasurable(f"there is too little air beside the head, {label}")
        # Noise adds to the power of a magnitude image, whatever lies under it, so it cancels here.
        power = scan.raw.astype(np.float64) ** 2
        excess = float(np.mean(power[here]) - np.mean(power[none]))
        return float(np.sqrt(max(0.0, excess))) / scan.wm_mean


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
    smooth, where = averaged_air(scan)
    values = smooth[where]
    if len(values) < _MIN_VOXELS:
        raise NotMeasurable("there is too little air around the head")
    return float(np.percentile(values, 99) - np.median(values)) / scan.wm_mean


def averaged_air(scan: Scan) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the air's intensity averaged over 8 mm, and where it covers enough of the average."""
    air = scan.air.astype(np.float32)
    weight = ndimage.gaussian_filter(air, 1.7)
    smooth = ndimage.gaussian_filter(scan.raw * air, 1.7) / np.maximum(weight, 1e-3)
    return smooth, scan.air & (weight > 0.6)


@metric(
    "ripples",
    "Ringing or motion ripple in white matter",
    "motion",
    "higher is worse",
    unit="share of white-matter signal",
    formula="√max(0, V(4) − V(1)) / μ_wm, V(h) = mean over the axes of the trimmed mean of "
    "(I(p−h) − 2·I(p) + I(p+h))² / 6, deep in white matter",
    meaning="Waves some eight voxels long in even tissue, beyond what grain explains.",
    needs=("tissues",),
)
def ripples(scan: Scan) -> float:
    deep = ndimage.binary_erosion(scan.masks.wm) & (scan.masks.signed_distance_mm > 4)
    index = scan.voxels_of(deep, margin=4)
    near, far = [], []
    for axis in range(3):
        along = index[_white_on_both_sides(scan, index, axis, 4)]
        if len(along) < 300:
            raise NotMeasurable("too little white matter is in view")
        near.append(_bend(scan, along, axis, 1))
        far.append(_bend(scan, along, axis, 4))
    return float(np.sqrt(max(0.0, float(np.mean(far) - np.mean(near))))) / scan.wm_mean


def _white_on_both_sides(
    scan: Scan, index: NDArray[np.int64], axis: int, lag: int
) -> NDArray[np.bool_]:
    both = np.ones(len(index), dtype=bool)
    last = np.array(scan.masks.wm.shape) - 1
    for side in (-lag, lag):
        moved = index.copy()
        moved[:, axis] += side
        x, y, z = np.clip(np.round(moved / scan.masks.step).astype(int), 0, last).T
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
    formula="largest, over the axes, of the third largest |r(k) − median r|, k the planes of k-space along "
    "it, r(k) = median over a plane of log|F(k)|² − (log|F(k−1)|² + log|F(k+1)|²) / 2",
    meaning="Whether single lines of the data were read weaker or stronger than their neighbours: a pulse "
    "or a jump of the gain. Such lines make ghosts.",
)
def uneven_lines(scan: Scan) -> float:
    data = scan.volume.data
    if min(data.shape) < 32:
        raise NotMeasurable("too few voxels along an axis to compare lines of k-space")
    spectrum = fft.rfftn(data)
    power = spectrum.real**2 + spectrum.imag**2
    logs = np.log(power + np.float32(1e-12) * power.max())
    return max(_unevenness(logs, axis) for axis in range(3))


def _unevenness(logs: NDArray[np.float32], axis: int) -> float:
    """Return the third largest deviation of a plane of the half spectrum from its two neighbours."""
    planes = np.moveaxis(logs, axis, 0)
    planes = planes[: planes.shape[0] // 2 + 1] if axis < 2 else planes
    steps = [max(1, size // _SAMPLES) for size in planes.shape[1:]]
    planes = planes[:, :: steps[0], :: steps[1]].reshape(len(planes), -1)
    apart = np.median(planes[1:-1] - (planes[:-2] + planes[2:]) / 2, axis=1)
    usual = np.median(planes, axis=1)
    # Where k-space ends within the image's, as in an interpolated one, it falls off: no line is read there.
    level = (np.abs(usual[2:] - usual[:-2]) < _STEEP) & (usual[1:-1] > usual[_INNER] - _FAINT)
    level[:_INNER], level[-_OUTER:] = False, False
    if level.sum() < _MIN_PLANES:
        raise NotMeasurable("too few lines of k-space hold an image")
    return float(np.sort(np.abs(apart - np.median(apart[level]))[level])[-3])
