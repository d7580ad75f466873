"""Inhomogeneity metrics: range and steepness of the bias field."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.errors import NotMeasurable
from curation.imaging import morphology
from curation.metrics.registry import Point, metric, place_of
from curation.metrics.scan_context import Scan

_FIELD = "field fitted with the tissues, after Van Leemput et al., IEEE TMI 18 (1999) 885–896"


@metric(
    "bias_range",
    "Range of shading",
    "inhomogeneity",
    "higher is worse",
    unit="natural log",
    formula="95th − 5th percentile of the fitted log-field inside the brain",
    meaning="How much the same tissue differs in brightness between the darkest and the brightest part.",
    needs=("tissues",),
    citation=_FIELD,
)
def bias_range(scan: Scan) -> float:
    inside = scan.masks.log_bias_field[_deeper(scan, 3)]
    low, high = np.percentile(inside, [5, 95])
    return float(high - low)


@place_of("bias_range", "darkest end of the shading")
def bias_range_place(scan: Scan) -> Point | None:
    return morphology.extreme(-scan.masks.log_bias_field, _deeper(scan, 3))


def _deeper(scan: Scan, least_mm: float) -> NDArray[np.bool_]:
    """Return where the brain is deeper than that."""
    inside = scan.masks.brain & (scan.masks.signed_distance_mm > least_mm)
    if inside.sum() < 1000:
        raise NotMeasurable("too little of the brain is in view")
    return inside


@metric(
    "bias_steepness",
    "Steepness of shading",
    "inhomogeneity",
    "higher is worse",
    unit="natural log per cm",
    formula="95th percentile of the length of the log-field's gradient inside the brain",
    meaning="How fast brightness drifts where it drifts most, as beside a surface coil.",
    needs=("tissues",),
    citation=_FIELD,
)
def bias_steepness(scan: Scan) -> float:
    inside = _deeper(scan, 6)
    return float(np.percentile(_slopes(scan, inside), 95))


@place_of("bias_steepness", "steepest shading")
def bias_steepness_place(scan: Scan) -> Point | None:
    inside = _deeper(scan, 6)
    return np.argwhere(inside)[np.argmax(_slopes(scan, inside))].astype(np.float64)


def _slopes(scan: Scan, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the length of the log-field's gradient at the points of a mask."""
    slopes = np.array(np.gradient(scan.masks.log_bias_field, 0.2))
    return np.asarray(np.sqrt((slopes[:, inside] ** 2).sum(axis=0)))


@metric(
    "left_right_difference",
    "Left–right difference",
    "inhomogeneity",
    "higher is worse",
    unit="natural log",
    formula="|log(median white matter right / left)|, shading left in",
    meaning="Whether one side of the brain is brighter than the other.",
    needs=("tissues",),
)
def left_right_difference(scan: Scan) -> float:
    _, left, right = _sides(scan)
    return abs(float(np.log(right / left)))


@place_of("left_right_difference", "darker side")
def left_right_place(scan: Scan) -> Point | None:
    side, left, right = _sides(scan)
    darker = scan.masks.wm.copy()
    darker[scan.masks.wm] = side < -10 if left < right else side > 10
    return morphology.middle(darker)


def _sides(scan: Scan) -> tuple[NDArray[np.float64], np.floating, np.floating]:
    """Return how far right each point of white matter lies, in mm, and its median left and right."""
    wm = np.argwhere(scan.masks.wm)
    matrix = scan.masks.grid_to_template[0]
    side = wm * 2.0 @ matrix[:3] + matrix[3]
    values = scan.raw[scan.masks.wm]
    left, right = values[side < -10], values[side > 10]
    if min(len(left), len(right)) < 100 or min(np.median(left), np.median(right)) <= 0:
        raise NotMeasurable("white matter is in view on one side only")
    return side, np.median(left), np.median(right)


@metric(
    "brightness_range",
    "Range of coarse brightness",
    "inhomogeneity",
    "higher is worse",
    unit="natural log",
    formula="95th − 5th percentile of log(brightness averaged over a Gaussian of 12 mm inside the brain, "
    "cavities left out)",
    meaning="How much brightness differs over the brain; sees shadings too strong to be fitted.",
)
def brightness_range(scan: Scan) -> float:
    low, high = np.percentile(np.log(_coarse_brightness(scan)[1]), [5, 95])
    return float(high - low)


@place_of("brightness_range", "darkest part of the brain")
def brightness_range_place(scan: Scan) -> Point | None:
    points, values = _coarse_brightness(scan)
    return points[np.argmin(values)].astype(np.float64)


def _coarse_brightness(scan: Scan) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return every other point of the brain and its brightness, averaged over a Gaussian of 12 mm."""
    inside = (scan.masks.signed_distance_mm > 3) & scan.masks.valid_slices & ~scan.masks.cavities
    if inside.sum() < 1000:
        raise NotMeasurable("too little of the brain is in view")
    every = (slice(None, None, 2),) * 3
    weight = inside[every].astype(np.float32)
    around = ndimage.gaussian_filter(weight, 3)
    smooth = ndimage.gaussian_filter(scan.masks.data[every] * weight, 3)[weight > 0]
    return 2 * np.argwhere(weight > 0), np.maximum(smooth / around[weight > 0], 1e-3 * scan.wm_mean)
