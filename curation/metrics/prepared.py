"""Prepared-volume metrics: what of a distortion is left once a scan is aligned, smoothed and masked.

They are measured on the scan as networks see it, at 3 mm on the template, see
:mod:`curation.imaging.prepared_volume`, and count for no sub-score: the distortion score judges the image as
it was acquired.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.errors import NotMeasurable
from curation.imaging import prepared_template
from curation.metrics.registry import PREPARED, metric
from curation.metrics.scan_context import Scan

Floats = NDArray[np.float32]

#: A voxel below this share of white matter's brightness is without signal; fluid has a quarter of it.
_NO_SIGNAL = 0.125
#: Voxels, as the standard deviation of a Gaussian: shading is what changes no faster than this.
_SHADING_SIGMA = 3.0
_MAD_TO_SD = 1.4826


@metric(
    "prepared_unevenness",
    "Unevenness left in white matter",
    PREPARED,
    "higher is worse",
    unit="share of white-matter signal",
    formula="1.4826 × median |x − mean of the white matter in 3³ voxels| / median of white matter, over "
    "white matter with white matter all around",
    meaning="How much noise, ghosts or ripples the network still sees where there is nothing to see.",
)
def prepared_unevenness(scan: Scan) -> float:
    maps = prepared_template.layers()
    relative, white = _relative(scan)
    weight = ndimage.uniform_filter(maps.wm.astype(np.float32), 3)
    mean = ndimage.uniform_filter(np.where(maps.wm, relative, 0), 3) / np.maximum(weight, 1e-6)
    differs = np.abs(relative - mean)[maps.deep_wm]
    return _MAD_TO_SD * float(np.median(differs)) / white


@metric(
    "prepared_shading",
    "Shading left in white matter",
    PREPARED,
    "higher is worse",
    unit="share of white-matter signal",
    formula="(95th − 5th percentile) / median of white matter, smoothed within it by a Gaussian of 9 mm "
    "(standard deviation)",
    meaning="How unevenly bright the network still sees one tissue from place to place.",
)
def prepared_shading(scan: Scan) -> float:
    wm = prepared_template.layers().wm
    relative, white = _relative(scan)
    weight = ndimage.gaussian_filter(wm.astype(np.float32), _SHADING_SIGMA)
    smooth = ndimage.gaussian_filter(np.where(wm, relative, 0), _SHADING_SIGMA)
    low, high = np.percentile((smooth / np.maximum(weight, 1e-6))[wm], [5, 95])
    return float(high - low) / white


@metric(
    "prepared_contrast",
    "Contrast left between the tissues",
    PREPARED,
    "higher is better",
    unit="share of white-matter signal",
    formula="1 − median of grey matter / median of white matter, by the template's tissues",
    meaning="How well grey and white matter can still be told apart by the network.",
)
def prepared_contrast(scan: Scan) -> float:
    relative, white = _relative(scan)
    return 1.0 - float(np.median(relative[prepared_template.layers().gm])) / white


@metric(
    "prepared_agreement",
    "Agreement of the prepared volume",
    PREPARED,
    "higher is better",
    unit="correlation",
    formula="Pearson correlation with the template over its brain",
    meaning="Whether the network sees a brain in its place. Low as well where the anatomy is unusual.",
)
def prepared_agreement(scan: Scan) -> float:
    maps = prepared_template.layers()
    relative, _ = _relative(scan)
    return float(np.corrcoef(relative[maps.brain], maps.t1[maps.brain])[0, 1])


@metric(
    "prepared_missing",
    "Brain without signal for the network",
    PREPARED,
    "higher is worse",
    unit="share of the template's brain",
    formula="share of the template's brain that is less than an eighth as bright as white matter",
    meaning="How much of what the network is shown is empty: cut off, dropped out, or fluid after tissue "
    "was lost.",
)
def prepared_missing(scan: Scan) -> float:
    brain = prepared_template.layers().brain
    relative, white = _relative(scan)
    return float(np.mean(relative[brain] < _NO_SIGNAL * white))


def _relative(scan: Scan) -> tuple[Floats, float]:
    """Return the prepared volume's intensity, and that of white matter in it."""
    relative = scan.prepared
    white = float(np.median(relative[prepared_template.layers().wm]))
    if white <= 0:
        raise NotMeasurable("where the template has white matter there is no signal")
    return relative, white
