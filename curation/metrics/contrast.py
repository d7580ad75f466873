"""Contrast: whether grey and white matter can be told apart."""

import numpy as np
from numpy.typing import NDArray

from curation.metrics.noise import air_deviation
from curation.metrics.registry import NotMeasurable, metric
from curation.metrics.scan import Scan

_MRIQC = "MRIQC: Esteban et al., PLoS ONE 12 (2017) e0184661"


@metric(
    "cjv",
    "Coefficient of joint variation",
    "contrast",
    "higher is worse",
    formula="(σ_wm + σ_gm) / |μ_wm − μ_gm|, shading taken out",
    meaning="How far grey and white matter overlap in brightness.",
    needs=("tissues",),
    citation="Ganzetti et al., Front Neuroinform 10 (2016) 10; as in MRIQC",
)
def cjv(scan: Scan) -> float:
    wm, gm = _white_and_grey(scan)
    gap = abs(float(np.mean(wm)) - float(np.mean(gm)))
    if gap == 0:
        raise NotMeasurable("grey and white matter are equally bright")
    return (float(np.std(wm)) + float(np.std(gm))) / gap


def _white_and_grey(scan: Scan) -> tuple[NDArray, NDArray]:
    wm, gm = scan.flat[scan.masks.wm], scan.flat[scan.masks.gm]
    if min(len(wm), len(gm)) < 100:
        raise NotMeasurable("too little grey or white matter is in view")
    return wm, gm


@metric(
    "cnr",
    "Contrast to noise",
    "contrast",
    "higher is better",
    formula="|μ_gm − μ_wm| / √(σ_air² + σ_wm² + σ_gm²)",
    meaning="How the difference of grey and white matter compares with their spread and the noise.",
    needs=("tissues", "air"),
    citation="Magnotta & Friedman, J Digit Imaging 19 (2006) 140–147; as in MRIQC",
)
def cnr(scan: Scan) -> float:
    wm, gm = _white_and_grey(scan)
    spread = float(np.sqrt(air_deviation(scan) ** 2 + np.var(wm) + np.var(gm)))
    return abs(float(np.mean(gm)) - float(np.mean(wm))) / spread


@metric(
    "wm_gm_contrast",
    "Grey–white contrast",
    "contrast",
    "higher is better",
    unit="share of their mean brightness",
    formula="2 · (μ_wm − μ_gm) / (μ_wm + μ_gm)",
    meaning="How much brighter white matter is than grey matter.",
    needs=("tissues",),
)
def wm_gm_contrast(scan: Scan) -> float:
    wm, gm = (float(np.mean(part)) for part in _white_and_grey(scan))
    value = 2 * (wm - gm) / (wm + gm)
    if value < -0.05:
        raise NotMeasurable(
            "grey matter is brighter than white matter: this is no T1-weighted image"
        )
    return value


@metric(
    "wm2max",
    "White matter to maximum",
    "contrast",
    "describes the acquisition",
    formula="median(white matter) / 99.95th percentile of the image",
    meaning="Where white matter lies in the range of brightness; 0.6 to 0.8 is usual.",
    needs=("tissues",),
    citation=_MRIQC,
)
def wm2max(scan: Scan) -> float:
    return float(np.median(_white_and_grey(scan)[0]) / np.percentile(scan.raw, 99.95))


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
    return float(np.mean(inside >= 0.999 * float(scan.volume.data.max())))


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
