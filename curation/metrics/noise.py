"""Noise: how grainy the image is."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from curation.metrics.registry import NotMeasurable, metric
from curation.metrics.scan import Scan

_BY_DIETRICH = "Dietrich et al., J Magn Reson Imaging 26 (2007) 375–385"


@metric(
    "noise_wm",
    "Grain in white matter",
    "noise",
    "higher is worse",
    unit="share of white matter's brightness",
    formula="1.4826 · median |√(6/7) · (I − mean of the 6 neighbours)| / μ_wm, in white matter",
    meaning="How much neighbouring voxels differ where the tissue is the same.",
    needs=("tissues",),
    citation="pseudo-residuals: Gasser et al., Biometrika 73 (1986) 625–633",
)
def noise_wm(scan: Scan) -> float:
    index = scan.voxels_of(scan.masks.wm & (scan.masks.depth_mm > 4.0), margin=1)
    if len(index) < 150:
        raise NotMeasurable("too little white matter is in view")
    around = sum(scan.at(index, axis, side) for axis in range(3) for side in (-1, 1))
    residual = np.sqrt(6 / 7) * (scan.at(index) - around / 6)
    return 1.4826 * float(np.median(np.abs(residual))) / scan.wm_mean


def snr(values: NDArray) -> float:
    """Return μ / (σ · √(n / (n − 1))) of the voxels of one tissue."""
    n = len(values)
    if n < 100:
        raise NotMeasurable("too little of this tissue is in view")
    spread = float(np.std(values)) * np.sqrt(n / (n - 1))
    return float(np.mean(values)) / spread if spread > 0 else np.inf


def _snr_metric(tissue: str, label: str) -> None:
    @metric(
        f"snr_{tissue}",
        f"Signal to noise, {label}",
        "noise",
        "higher is better",
        formula="μ / (σ · √(n/(n−1))) in the tissue, shading taken out",
        meaning=f"How even {label} looks. Blur raises it too, so a high value alone proves nothing.",
        needs=("tissues",),
        citation="MRIQC: Esteban et al., PLoS ONE 12 (2017) e0184661",
    )
    def function(scan: Scan) -> float:
        return snr(scan.flat[getattr(scan.masks, tissue)])

    @metric(
        f"snrd_{tissue}",
        f"Signal to air noise, {label}",
        "noise",
        "higher is better",
        formula="0.6551 · μ / MAD_air, with MAD = 1.4826 · median |I − median|",
        meaning=f"How {label}'s brightness compares with the noise in the air around the head.",
        needs=("tissues", "air"),
        citation=_BY_DIETRICH,
    )
    def dietrich(scan: Scan) -> float:
        return _dietrich(scan, tissue)


def _dietrich(scan: Scan, tissue: str) -> float:
    values = scan.flat[getattr(scan.masks, tissue)]
    if len(values) < 100:
        raise NotMeasurable("too little of this tissue is in view")
    return 0.6551 * float(np.mean(values)) / air_deviation(scan)


def air_deviation(scan: Scan) -> float:
    """Return the scaled median absolute deviation of the air."""
    air = scan.raw[scan.air]
    if not len(air):
        raise NotMeasurable("there is no air around the head")
    deviation = 1.4826 * float(np.median(np.abs(air - np.median(air))))
    if deviation == 0:
        raise NotMeasurable("the air around the head has one value: it was rounded off")
    return deviation


for _tissue, _label in (("csf", "fluid"), ("gm", "grey matter"), ("wm", "white matter")):
    _snr_metric(_tissue, _label)


@metric(
    "snr_total",
    "Signal to noise, mean of the tissues",
    "noise",
    "higher is better",
    formula="mean of snr_csf, snr_gm and snr_wm",
    meaning="How even the tissues look, on average.",
    needs=("tissues",),
    citation="MRIQC: Esteban et al., PLoS ONE 12 (2017) e0184661",
)
def snr_total(scan: Scan) -> float:
    return float(np.mean([snr(scan.flat[getattr(scan.masks, t)]) for t in ("csf", "gm", "wm")]))


@metric(
    "snrd_total",
    "Signal to air noise, mean of the tissues",
    "noise",
    "higher is better",
    formula="mean of snrd_csf, snrd_gm and snrd_wm",
    meaning="How the tissues' brightness compares with the noise in the air.",
    needs=("tissues", "air"),
    citation=_BY_DIETRICH,
)
def snrd_total(scan: Scan) -> float:
    return float(np.mean([_dietrich(scan, tissue) for tissue in ("csf", "gm", "wm")]))


@metric(
    "fber",
    "Head to air energy",
    "noise",
    "higher is better",
    formula="median(I² in the head) / median(I² in the air)",
    meaning="How much brighter the head is than the air around it.",
    needs=("air",),
    citation="Shehzad et al., Front Neurosci Conf Abstract (2015), as in MRIQC",
)
def fber(scan: Scan) -> float:
    air = float(np.median(scan.raw[scan.air] ** 2)) if scan.air.any() else 0.0
    if air <= 0 or not scan.masks.head.any():
        raise NotMeasurable("more than half of the air is exactly zero")
    return float(np.median(scan.raw[scan.masks.head] ** 2)) / air


@metric(
    "wave_amplitude",
    "Wave over the image",
    "noise",
    "higher is worse",
    unit="share of white matter's brightness",
    formula="2 · max(|F(k)| − 3 · brightest neighbour ±4 samples along the axes, mean of each pair) / Σw / "
    "μ_wm, Hann window w, at least 0.02 cycles per voxel off "
    "each axis and 0.06 off the centre",
    meaning="The strength of a single wave over the whole image (herringbone), as from a radio source.",
)
def wave_amplitude(scan: Scan) -> float:
    data = scan.volume.data
    if min(data.shape) < 24:
        raise NotMeasurable("too few voxels along an axis to tell waves from anatomy")
    windows = [np.hanning(n).astype(np.float32) for n in data.shape]
    spectrum = np.abs(
        fft.rfftn(data * windows[0][:, None, None] * windows[1][:, None] * windows[2])
    )
    around = np.zeros_like(spectrum)
    for axis in range(3):
        after, before = np.roll(spectrum, -4, axis), np.roll(spectrum, 4, axis)
        if (
            axis == 2
        ):  # only half of this axis is kept: at its ends, the neighbour on one side counts
            after[:, :, -4:], before[:, :, :4] = before[:, :, -4:], after[:, :, :4]
        np.maximum(around, (after + before) / 2, out=around)
    beyond = (spectrum - 3 * around)[_oblique(data.shape)]
    weight = float(np.prod([window.sum(dtype=np.float64) for window in windows]))
    return 2 * max(0.0, float(beyond.max())) / weight / scan.wm_mean


def _oblique(shape: tuple[int, ...]) -> NDArray:
    """Tell which samples of the half spectrum lie off the centre and off the axes.

    On an axis lie the steps between slices (odd and even ones of unequal brightness) and the image's edges.
    """
    x, y = (fft.fftfreq(n).astype(np.float32) ** 2 for n in shape[:2])
    z = fft.rfftfreq(shape[2]).astype(np.float32) ** 2
    x, y = x[:, None, None], y[:, None]
    off_axes = np.minimum(np.minimum(x + y, x + z), y + z) > 0.02**2
    return off_axes & (x + y + z > 0.06**2)
