"""Inhomogeneity metrics: range and steepness of the bias field."""

import numpy as np
from scipy import ndimage

from curation.errors import NotMeasurable
from curation.metrics.registry import metric
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
    inside = scan.masks.log_bias_field[scan.masks.brain & (scan.masks.signed_distance_mm > 3)]
    if len(inside) < 1000:
        raise NotMeasurable("too little of the brain is in view")
    low, high = np.percentile(inside, [5, 95])
    return float(high - low)


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
    inside = scan.masks.brain & (scan.masks.signed_distance_mm > 6)
    if inside.sum() < 1000:
        raise NotMeasurable("too little of the brain is in view")
    slopes = np.array(np.gradient(scan.masks.log_bias_field, 0.2))
    return float(np.percentile(np.sqrt((slopes[:, inside] ** 2).sum(axis=0)), 95))


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
    wm = np.argwhere(scan.masks.wm)
    matrix = scan.masks.grid_to_template[0]
    side = wm * 2.0 @ matrix[:3] + matrix[3]
    values = scan.raw[scan.masks.wm]
    left, right = values[side < -10], values[side > 10]
    if min(len(left), len(right)) < 100 or min(np.median(left), np.median(right)) <= 0:
        raise NotMeasurable("white matter is in view on one side only")
    return abs(float(np.log(np.median(right) / np.median(left))))


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
    inside = (scan.masks.signed_distance_mm > 3) & scan.masks.valid_slices & ~scan.masks.cavities
    if inside.sum() < 1000:
        raise NotMeasurable("too little of the brain is in view")
    every = (slice(None, None, 2),) * 3
    weight = inside[every].astype(np.float32)
    around = ndimage.gaussian_filter(weight, 3)
    smooth = ndimage.gaussian_filter(scan.masks.data[every] * weight, 3)[weight > 0]
    values = np.maximum(smooth / around[weight > 0], 1e-3 * scan.wm_mean)
    low, high = np.percentile(np.log(values), [5, 95])
    return float(high - low)
