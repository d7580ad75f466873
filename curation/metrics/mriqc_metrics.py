"""MRIQC's structural metrics under MRIQC's names: its definitions in Tierscope's masks.

The voxels are the scan's own at the points of a 2 mm grid, the bias field divided out, scaled so that the
median of white matter is 1000. Tissue probabilities come from :mod:`curation.imaging.tissue_segmentation`,
the air is that above the ears and away from the head, the bias field is N4's on a 6 mm grid.
"""

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

from curation.errors import NotMeasurable
from curation.metrics import mriqc_definitions
from curation.metrics.registry import Direction, Family, metric
from curation.metrics.scan_context import Scan

_MRIQC = "MRIQC: Esteban et al., PLoS ONE 12 (2017) e0184661"
_DIETRICH = "Dietrich et al., J Magn Reson Imaging 26 (2007) 375–385; as in MRIQC"
_MORTAMET = "Mortamet et al., Magn Reson Med 62 (2009) 365–372; as in MRIQC"
_FORMAN = "Forman et al., Magn Reson Med 33 (1995) 636–647; as AFNI's 3dFWHMx in MRIQC"
_N4 = "Tustison et al., IEEE TMI 29 (2010) 1310–1320; as in MRIQC"
_TISSUES = {"csf": "fluid", "gm": "grey matter", "wm": "white matter"}
_AXES = {"x": "left–right", "y": "anterior–posterior", "z": "superior–inferior"}
_BETTER: Direction = "higher is better"
_WORSE: Direction = "higher is worse"
_DESCRIBES: Direction = "describes the acquisition"


# ---- signal and contrast -------------------------------------------------------------------------


@metric(
    "cjv",
    "Coefficient of joint variation",
    "contrast",
    _WORSE,
    formula="(MAD_wm + MAD_gm) / |μ_wm − μ_gm|, μ the median",
    meaning="How far grey and white matter overlap in brightness.",
    needs=("tissues",),
    citation="Ganzetti et al., Front Neuroinform 10 (2016) 10; as in MRIQC",
)
def cjv(scan: Scan) -> float:
    return mriqc_definitions.cjv(scan.summary("wm"), scan.summary("gm"))


@metric(
    "cnr",
    "Contrast to noise",
    "contrast",
    _BETTER,
    formula="|μ_gm − μ_wm| / √(σ_air² + σ_wm² + σ_gm²), μ the median",
    meaning="How the difference of grey and white matter compares with their spread and the noise.",
    needs=("tissues", "air"),
    citation="Magnotta & Friedman, J Digit Imaging 19 (2006) 140–147; as in MRIQC",
)
def cnr(scan: Scan) -> float:
    return mriqc_definitions.cnr(scan.summary("wm"), scan.summary("gm"), scan.summary("bg").stdv)


@metric(
    "wm2max",
    "White matter to maximum",
    "contrast",
    _DESCRIBES,
    formula="median of white matter / 99.95th percentile of the image",
    meaning="Where white matter lies in the range of brightness; 0.6 to 0.8 is usual.",
    needs=("tissues", "outside"),
    citation=_MRIQC,
)
def wm2max(scan: Scan) -> float:
    return mriqc_definitions.wm2max(scan.harmonised, scan.summary("wm").median)


def _snr(scan: Scan, tissue: str) -> float:
    one = scan.summary(tissue)
    return mriqc_definitions.snr(one.median, one.stdv, one.n)


def _snrd(scan: Scan, tissue: str) -> float:
    return mriqc_definitions.snr_dietrich(scan.summary(tissue).median, scan.summary("bg").mad)


def _of_one(function: Callable[[Scan, str], float], tissue: str, scan: Scan) -> float:
    return function(scan, tissue)


def _of_each_tissue(
    name: str,
    label: str,
    family: Family,
    direction: Direction,
    function: Callable[[Scan, str], float],
    *,
    total: bool = False,
    **words: Any,
) -> None:
    """Register ``function`` for each tissue, and their mean."""
    for tissue, called in _TISSUES.items():
        of_one = partial(_of_one, function, tissue)
        metric(f"{name}_{tissue}", f"{label}, {called}", family, direction, **words)(of_one)
    if total:
        words |= {"formula": f"mean of {name}_csf, {name}_gm and {name}_wm"}
        metric(f"{name}_total", f"{label}, mean of the tissues", family, direction, **words)(
            lambda scan: sum(function(scan, tissue) for tissue in _TISSUES) / len(_TISSUES)
        )


_of_each_tissue(
    "snr",
    "Signal to noise",
    "noise",
    _BETTER,
    _snr,
    total=True,
    formula="μ / (σ · √(n/(n−1))), μ the median of the tissue",
    meaning="How even the tissue looks. Blur raises it too, so a high value alone proves nothing.",
    needs=("tissues",),
    citation=_MRIQC,
)
_of_each_tissue(
    "snrd",
    "Signal to air noise",
    "noise",
    _BETTER,
    _snrd,
    total=True,
    formula="0.6551 · μ / MAD_air",
    meaning="How the tissue's brightness compares with the noise in the air around the head.",
    needs=("tissues", "air"),
    citation=_DIETRICH,
)
_of_each_tissue(
    "rpve",
    "Residual partial volume",
    "contrast",
    _WORSE,
    lambda scan, tissue: mriqc_definitions.rpve(scan.probability_of(tissue)),
    formula="(Σ p over p in (0.5, P98] + Σ (1 − p) over p ≤ 0.5 of the image) / n(p > 0)",
    meaning="How many voxels hold this tissue in part only. Depends on the field of view.",
    needs=("tissues", "brain"),
    citation=_MRIQC,
)
_of_each_tissue(
    "icvs",
    "Part of the volume",
    "geometry",
    _DESCRIBES,
    lambda scan, tissue: float(scan.volume_fractions[list(_TISSUES).index(tissue)]),
    formula="Σ p of the tissue / Σ p of all three",
    meaning="What part of the brain's volume the tissue fills; it changes with age.",
    needs=("tissues", "brain"),
    citation=_MRIQC,
)
_of_each_tissue(
    "tpm_overlap",
    "Overlap with the template",
    "geometry",
    _BETTER,
    lambda scan, tissue: mriqc_definitions.fuzzy_jaccard(
        scan.probability_of(tissue), scan.prior(tissue)
    ),
    formula="Σ min(p, template) / Σ max(p, template)",
    meaning="How well the tissue lies where the template has it.",
    needs=("tissues", "brain"),
    citation=_MRIQC,
)


# ---- the whole image and the air -----------------------------------------------------------------


@metric(
    "fber",
    "Head to air energy",
    "noise",
    _BETTER,
    formula="median(I²) in the head / median(I²) in the air",
    meaning="How much brighter the head is than the air around it.",
    needs=("air",),
    citation="Shehzad et al., Front Neurosci Conf Abstract (2015); as in MRIQC",
)
def fber(scan: Scan) -> float:
    if not scan.masks.head.any():
        raise NotMeasurable("no head stands out from the air")
    return mriqc_definitions.fber(scan.raw, scan.masks.head, scan.masks.air)


@metric(
    "efc",
    "Entropy focus criterion",
    "motion",
    _WORSE,
    formula="−Σ (I/I_max) · ln(I/I_max) / (√n · ln √n), I_max = √ΣI²",
    meaning="How evenly brightness is spread over the whole image; ghosts and smears spread it.",
    needs=("outside", "face"),
    citation="Atkinson et al., IEEE TMI 16 (1997) 903–910; as in MRIQC",
)
def efc(scan: Scan) -> float:
    return mriqc_definitions.efc(scan.volume.data)


@metric(
    "qi_1",
    "Artefact in the air",
    "motion",
    _WORSE,
    unit="share of the air",
    formula="voxels of the air brighter than 10 MAD and away from the head, after opening / all",
    meaning="How much of the air around the head holds something else than noise.",
    needs=("air",),
    citation=_MORTAMET,
)
def qi_1(scan: Scan) -> float:
    return mriqc_definitions.qi_1(scan.masks.air & ~scan.air_artefacts, scan.air_artefacts)


@metric(
    "qi_2",
    "Misfit of the air noise",
    "noise",
    _WORSE,
    formula="mean |kernel density − fitted χ² density| of the air's brightness above its half maximum",
    meaning="How far the noise in the air is from what coils give. It falls when thermal noise rises.",
    needs=("air",),
    citation=_MORTAMET,
)
def qi_2(scan: Scan) -> float:
    return mriqc_definitions.qi_2(scan.air_sample)


# ---- smoothness and bias field -------------------------------------------------------------------


def _fwhm_metric(axis: int, name: str, label: str) -> None:
    @metric(
        f"fwhm_{name}",
        f"Smoothness {label}",
        "blur",
        _WORSE,
        unit="voxels",
        formula="√(−2 ln 2 / ln(1 − var(neighbours' differences) / (2 · var))) in the brain",
        meaning=f"Over how many voxels brightness is alike, {label}. Noise lowers it.",
        citation=_FORMAN,
    )
    def function(scan: Scan) -> float:
        return scan.smoothness[axis]


for _axis, (_name, _label) in enumerate(_AXES.items()):
    _fwhm_metric(_axis, _name, _label)


@metric(
    "fwhm_avg",
    "Smoothness, mean of the axes",
    "blur",
    _WORSE,
    unit="voxels",
    formula="mean of fwhm_x, fwhm_y and fwhm_z",
    meaning="Over how many voxels brightness is alike. Noise lowers it.",
    citation=_FORMAN,
)
def fwhm_avg(scan: Scan) -> float:
    return sum(scan.smoothness) / 3


@metric(
    "inu_range",
    "Range of the N4 field",
    "inhomogeneity",
    _WORSE,
    formula="|P95 − P5| of N4's bias field inside the brain, cavities left out",
    meaning="How much a smooth shading, as N4 finds it, differs over the brain.",
    citation=_N4,
)
def inu_range(scan: Scan) -> float:
    return mriqc_definitions.inu(scan.bias_field)[0]


@metric(
    "inu_med",
    "Median of the N4 field",
    "inhomogeneity",
    _DESCRIBES,
    formula="median of N4's bias field inside the brain, cavities left out",
    meaning="The middle of the shading that N4 finds; near 1 is usual.",
    citation=_N4,
)
def inu_med(scan: Scan) -> float:
    return mriqc_definitions.inu(scan.bias_field)[1]


# ---- distributions -------------------------------------------------------------------------------

_STATISTICS = {
    "mean": "mean",
    "median": "median",
    "mad": "median absolute deviation",
    "stdv": "standard deviation",
    "k": "excess kurtosis",
    "p05": "5th percentile",
    "p95": "95th percentile",
    "n": "number of voxels",
}


def _summary_metric(part: str, called: str, key: str) -> None:
    air = part == "bg"

    @metric(
        f"summary_{part}_{key}",
        f"{called.capitalize()}: {_STATISTICS[key]}",
        "noise" if air else "contrast",
        _DESCRIBES,
        unit="voxels" if key == "n" else "" if key == "k" else "white matter's median = 1000",
        formula=f"{_STATISTICS[key]}, weighted by the share of {called} in each voxel",
        meaning=f"How the brightness of {called} is distributed ({_STATISTICS[key]}).",
        needs=("tissues", "air") if air else ("tissues",),
        citation=_MRIQC,
    )
    def function(scan: Scan) -> float:
        value = getattr(scan.summary(part), key)
        return value * scan.voxels_a_point if key == "n" else value


for _part, _called in {"bg": "air", **_TISSUES}.items():
    for _field in fields(mriqc_definitions.IntensitySummary):
        _summary_metric(_part, _called, _field.name)
