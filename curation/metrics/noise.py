"""Noise metrics."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from curation.errors import NotMeasurable
from curation.metrics.registry import metric
from curation.metrics.scan_context import Scan


@metric(
    "noise_wm",
    "White-matter noise (SD)",
    "noise",
    "higher is worse",
    unit="share of white-matter signal",
    formula="1.4826 · median |√(6/7) · (I − mean of the 6 neighbours)| / μ_wm, in white matter",
    meaning="How much neighbouring voxels differ where the tissue is the same.",
    needs=("tissues",),
    citation="pseudo-residuals: Gasser et al., Biometrika 73 (1986) 625–633",
)
def noise_wm(scan: Scan) -> float:
    index = scan.voxels_of(scan.masks.wm & (scan.masks.signed_distance_mm > 4.0), margin=1)
    if len(index) < 150:
        raise NotMeasurable("too little white matter is in view")
    around = sum(scan.at(index, axis, side) for axis in range(3) for side in (-1, 1))
    residual = np.sqrt(6 / 7) * (scan.at(index) - around / 6)
    return 1.4826 * float(np.median(np.abs(residual))) / scan.wm_mean


@metric(
    "wave_amplitude",
    "Herringbone or spike artefact",
    "noise",
    "higher is worse",
    unit="share of white-matter signal",
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
    """Return which samples of the half spectrum lie off the centre and off the axes.

    On an axis lie the steps between slices (odd and even ones of unequal brightness) and the image's edges.
    """
    x, y = (fft.fftfreq(n).astype(np.float32) ** 2 for n in shape[:2])
    z = fft.rfftfreq(shape[2]).astype(np.float32) ** 2
    x, y = x[:, None, None], y[:, None]
    off_axes = np.minimum(np.minimum(x + y, x + z), y + z) > 0.02**2
    return off_axes & (x + y + z > 0.06**2)
