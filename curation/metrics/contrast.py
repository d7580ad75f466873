"""Contrast metrics: separation of grey and white matter, clipping, grey levels."""

import numpy as np

from curation.errors import NotMeasurable
from curation.imaging import morphology
from curation.metrics.registry import Point, metric, place_of
from curation.metrics.scan_context import Scan

#: Fewer points of a tissue than this have no brightness of their own.
_MIN_POINTS = 100


@metric(
    "wm_gm_contrast",
    "Grey–white contrast",
    "contrast",
    "higher is better",
    unit="share of their mean brightness",
    formula="2 · (μ_wm − μ_gm) / (μ_wm + μ_gm), μ = Σ p · I / Σ p over the brain, p the probability of the "
    "tissue",
    meaning="How much brighter white matter is than grey matter.",
    needs=("tissues", "t1w"),
)
def wm_gm_contrast(scan: Scan) -> float:
    """Return the contrast of the tissues' expected brightness.

    Of the points that are surest to be of a tissue it would rise with noise: they are picked by the very
    brightness that is then averaged.
    """
    if min(scan.masks.wm.sum(), scan.masks.gm.sum()) < _MIN_POINTS:
        raise NotMeasurable("too little grey or white matter is in view")
    wm, gm = (scan.summary(tissue).mean for tissue in ("wm", "gm"))
    return 2 * (wm - gm) / (wm + gm)


@metric(
    "saturated_share",
    "Saturated voxels",
    "contrast",
    "higher is worse",
    unit="share of the brain",
    formula="share of brain voxels within 0.1 % of the image's largest value",
    meaning="How much of the brain was cut off at the largest brightness and shows nothing any more.",
)
def saturated_share(scan: Scan) -> float:
    inside = scan.raw[scan.masks.brain]
    if not len(inside):
        raise NotMeasurable("no brain is in view")
    return float(np.mean(inside >= _cut_off(scan)))


@place_of("saturated_share", "largest saturated part")
def saturated_place(scan: Scan) -> Point | None:
    return morphology.middle((scan.raw >= _cut_off(scan)) & scan.masks.brain)


def _cut_off(scan: Scan) -> float:
    return 0.999 * float(scan.volume.data.max())


@metric(
    "grey_levels",
    "Grey levels",
    "contrast",
    "higher is better",
    unit="levels",
    formula="number of different values among the brain's voxels, outer 5 % at each end left out",
    meaning="In how many steps of brightness the brain is stored.",
)
def grey_levels(scan: Scan) -> float:
    inside = scan.raw[scan.masks.brain]
    if not len(inside):
        raise NotMeasurable("no brain is in view")
    low, high = np.percentile(inside, [5, 95])
    return float(min(len(np.unique(inside[(inside >= low) & (inside <= high)])), 4096))
