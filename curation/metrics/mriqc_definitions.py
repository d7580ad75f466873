"""MRIQC's definitions, as pure functions of arrays and masks.

Each equals the function of the same purpose in MRIQC 24.0.2 (``mriqc/qc/anatomical.py`` and
``mriqc/interfaces/anatomical.py``, Apache-2.0) on the same arrays, except that what cannot be measured
raises :class:`NotMeasurable` where MRIQC returns −1 or 0, and that nothing is drawn at random.
Esteban et al., PLoS ONE 12 (2017) e0184661.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from curation.errors import NotMeasurable
from curation.imaging import morphology

Bools = NDArray[np.bool_]

#: 1 / √(2 / (4 − π)): of a Rayleigh distribution, as magnitude noise in air is (Dietrich 2007, A.12).
DIETRICH_FACTOR = 0.6551364
#: Median absolute deviation of a normal distribution of standard deviation 1.
_NORMAL_MAD = 0.6744897501960817
#: Values brighter than this many deviations of the air are artefacts (MRIQC's ``zscore``).
_ARTEFACT_Z = 10.0
#: Artefacts lie at least this far from the head, as a share of the largest distance.
_ARTEFACT_DISTANCE = 0.10
_COIL_ELEMENTS = 32
_KDE_BANDWIDTH, _KDE_POINTS, _KDE_TOP = 4.0, 1000, 110.0
_MIN_NOISE_VOXELS = 1000


@dataclass(frozen=True)
class IntensitySummary:
    """How the voxels of one tissue are distributed.

    Parameters
    ----------
    mean, median, p05, p95, stdv : float
        Weighted by the tissue's share of each voxel; in the unit of the values.
    mad : float
        Median absolute deviation from ``median`` where the share is above half of its largest, scaled to
        equal the standard deviation of normal noise.
    k : float
        Excess kurtosis of the same voxels.
    n : float
        Sum of the shares: the number of voxels.
    """

    mean: float
    median: float
    mad: float
    stdv: float
    k: float
    p05: float
    p95: float
    n: float


def summarise(values: NDArray, shares: NDArray) -> IntensitySummary:
    """Summarise the values of one tissue, rounded to whole numbers as MRIQC does.

    Parameters
    ----------
    values : array of shape (N,)
        Brightness; MRIQC scales it so that the median of white matter is 1000.
    shares : array of shape (N,)
        Of the tissue in each voxel, 0 to 1; taken to three decimals.

    Raises
    ------
    NotMeasurable
        When the tissue is not in view.
    """
    from scipy import stats  # half a second to import

    weights = np.round(np.asarray(shares, dtype=np.float32), 3).astype(np.float64)
    some = weights > 0
    if not some.any():
        raise NotMeasurable("this tissue is not in view")
    rounded, weights = np.round(np.asarray(values, np.float64)[some]), weights[some]
    p05, median, p95 = weighted_quantiles(rounded, weights, (0.05, 0.5, 0.95))
    mean = float(np.average(rounded, weights=weights))
    core = np.asarray(values, dtype=np.float64)[shares > 0.5 * float(shares.max())]
    spread = float(np.average((rounded - mean) ** 2, weights=weights)) ** 0.5
    flat = np.ptp(core) == 0
    return IntensitySummary(
        mean=mean,
        median=median,
        mad=float(np.median(np.abs(core - median))) / _NORMAL_MAD,
        stdv=spread,
        k=float("nan") if flat else float(stats.kurtosis(core)),
        p05=p05,
        p95=p95,
        n=float(np.asarray(shares, dtype=np.float64).sum()),
    )


def weighted_quantiles(
    values: NDArray, weights: NDArray, shares: tuple[float, ...]
) -> tuple[float, ...]:
    """Return quantiles of weighted values by SAS's definition, as ``statsmodels.DescrStatsW`` does."""
    levels, where = np.unique(values, return_inverse=True)
    reached = np.cumsum(np.bincount(where, weights=weights))
    found = []
    for target in np.array(shares) * reached[-1]:
        k = min(int(np.searchsorted(reached, target)), len(levels) - 1)
        exact = reached[k] == target and k + 1 < len(levels)
        found.append(float((levels[k] + levels[k + 1]) / 2 if exact else levels[k]))
    return tuple(found)


def snr(median: float, stdv: float, n: float) -> float:
    """Return μ / (σ · √(n / (n − 1)))."""
    if n <= 1 or stdv == 0:
        raise NotMeasurable("this tissue has one brightness only, or is not in view")
    return float(median / (stdv * np.sqrt(n / (n - 1))))


def snr_dietrich(median: float, mad_air: float) -> float:
    """Return 0.6551364 · μ / MAD of the air."""
    if mad_air <= 0:
        raise NotMeasurable("the air around the head has one value: it was rounded off or masked")
    return float(DIETRICH_FACTOR * median / mad_air)


def cnr(wm: IntensitySummary, gm: IntensitySummary, stdv_air: float) -> float:
    """Return |μ_wm − μ_gm| / √(σ_air² + σ_wm² + σ_gm²), with medians as μ."""
    spread = float(np.sqrt(stdv_air**2 + wm.stdv**2 + gm.stdv**2))
    if spread == 0:
        raise NotMeasurable("neither tissue nor air has any spread")
    return abs(wm.median - gm.median) / spread


def cjv(wm: IntensitySummary, gm: IntensitySummary) -> float:
    """Return (MAD_wm + MAD_gm) / |μ_wm − μ_gm|, with medians as μ."""
    gap = abs(wm.median - gm.median)
    if gap == 0:
        raise NotMeasurable("grey and white matter are equally bright")
    return (wm.mad + gm.mad) / gap


def fber(image: NDArray, head: Bools, air: Bools) -> float:
    """Return median(I²) in the head / median(I²) in the air."""
    behind = float(np.median(image[air].astype(np.float64) ** 2)) if air.any() else 0.0
    if behind < 1e-3:
        raise NotMeasurable("more than half of the air is exactly zero")
    return float(np.median(image[head].astype(np.float64) ** 2)) / behind


def efc(image: NDArray, outside: Bools | None = None) -> float:
    """Return Shannon's entropy of the image, as a share of its largest possible value.

    Parameters
    ----------
    image : array
        Not negative.
    outside : array of bool, optional
        Voxels that hold no image, left out.
    """
    values = image.ravel() if outside is None else image[~outside]
    root = float(np.sqrt(len(values)))
    largest = float(np.sqrt(np.dot(values, values.astype(np.float64))))
    if root <= 1 or largest == 0:
        raise NotMeasurable("the image is empty")
    # 0 · ln 0 counts as 0; MRIQC adds 1e-16 instead, which is the same to ten digits.
    shares = values[values > 0] / np.float32(largest)
    shares = shares[shares > 0]  # the faintest become 0 in 32 bits
    return -float(np.sum(shares * np.log(shares), dtype=np.float64)) / (root * np.log(root))


def wm2max(image: NDArray, median_wm: float) -> float:
    """Return the brightness of white matter / the 99.95th percentile of the image."""
    return float(median_wm / np.percentile(image, 99.95))


def artefact_mask(image: NDArray, hat: Bools, distance: NDArray) -> Bools:
    """Find artefacts in the air: above ten deviations of its noise, after an opening.

    Parameters
    ----------
    image : array of shape (X, Y, Z)
        Not negative.
    hat : array of bool, shape (X, Y, Z)
        The air above the line from nasion to inion.
    distance : array of shape (X, Y, Z)
        From the head, as a share of the largest, 0 to 1.
    """
    air = image[hat]
    if (air > 0).sum() < 10:
        return np.zeros(hat.shape, dtype=bool)
    lit = air[air > 0]
    spread = float(np.median(np.abs(lit - np.median(lit)))) / _NORMAL_MAD
    bright = hat & (image > _ARTEFACT_Z * spread) & (distance >= _ARTEFACT_DISTANCE)
    return morphology.opened(bright)


def qi_1(air: Bools, artefacts: Bools) -> float:
    """Return the share of the hat's voxels that are artefacts; ``air`` is the hat without them."""
    if not air.any():
        raise NotMeasurable("there is no air around the head")
    return float(artefacts.sum() / (air.sum() + artefacts.sum()))


def qi_2(air: NDArray) -> float:
    """Return how far the air's brightness is from a χ² distribution, above its half maximum.

    Parameters
    ----------
    air : array of shape (N,)
        Brightness of the air without artefacts. Kernel density and fit take time in proportion to N;
        some 20,000 are plenty.
    """
    from scipy import stats  # half a second to import

    values = np.maximum(np.nan_to_num(np.asarray(air, dtype=np.float64), posinf=0.0), 0)
    if (values > 0).sum() < _MIN_NOISE_VOXELS:
        raise NotMeasurable("fewer than 1,000 voxels of the air hold noise")
    top = float(np.percentile(values, 99))
    if top <= 0:
        raise NotMeasurable("nearly all of the air is exactly zero")
    values *= 100 / top
    grid = np.linspace(0.0, _KDE_TOP, _KDE_POINTS)
    density = _kernel_density(values, grid)
    tail = int(np.argmax(density[::-1] > density.max() * 0.5))
    shape = stats.chi2.fit(values, _COIL_ELEMENTS, optimizer=partial(_fitted_to_levels, values))
    expected = stats.chi2.pdf(grid, *shape[:-2], loc=shape[-2], scale=shape[-1])
    return float(np.abs(density[-tail:] - expected[-tail:]).mean())


def _fitted_to_levels(
    values: NDArray, function: object, start: NDArray, args: object = (), disp: object = 0
) -> NDArray:
    """Minimise what ``scipy.stats.chi2.fit`` does, each level of brightness taken once: few are stored."""
    from scipy import optimize, special

    levels, counts = np.unique(values, return_counts=True)
    nothing = 100 * np.log(np.finfo(float).max)

    def misfit(parameters: NDArray) -> float:
        freedom, location, scale = parameters
        if freedom <= 0 or scale <= 0:
            return np.inf
        z = (levels - location) / scale
        inside = z > 0
        logs = special.xlogy(freedom / 2 - 1, z[inside]) - z[inside] / 2
        logs -= special.gammaln(freedom / 2) + np.log(2) * freedom / 2 + np.log(scale)
        return float(counts[~inside].sum() * nothing - counts[inside] @ logs)

    return optimize.fmin(misfit, start, disp=0)


def _kernel_density(values: NDArray, grid: NDArray) -> NDArray[np.float64]:
    """Return the Gaussian kernel density of ``values`` at ``grid``."""
    levels, counts = np.unique(values, return_counts=True)
    density = np.zeros(len(grid))
    for start in range(0, len(levels), 4096):
        gap = (grid[:, None] - levels[start : start + 4096]) / _KDE_BANDWIDTH
        density += np.exp(-0.5 * gap**2) @ counts[start : start + 4096]
    return density / (len(values) * _KDE_BANDWIDTH * np.sqrt(2 * np.pi))


def fwhm(data: NDArray, inside: Bools) -> tuple[float, float, float]:
    """Return the smoothness along each axis, in voxels (Forman et al., Magn Reson Med 33 (1995) 636–647).

    √(−2 ln 2 / ln(1 − var(first differences) / (2 var))), as AFNI's ``3dFWHMx`` in its classic mode.

    Parameters
    ----------
    data : array of shape (X, Y, Z)
        The image.
    inside : array of bool, shape (X, Y, Z)
        Where to look; both neighbours of a difference have to lie in it.
    """
    if inside.sum() < 100:
        raise NotMeasurable("too little of the brain is in view")
    variance = float(np.var(data[inside], dtype=np.float64))
    widths = []
    for axis in range(3):
        low, high = (np.moveaxis(data, axis, 0)[part] for part in (slice(-1), slice(1, None)))
        mask = np.moveaxis(inside, axis, 0)
        steps = (high - low)[mask[:-1] & mask[1:]]
        left = 1 - float(np.var(steps, dtype=np.float64)) / (2 * variance) if variance > 0 else 0.0
        if not 0 < left < 1:
            raise NotMeasurable("neighbouring voxels have nothing in common")
        widths.append(float(np.sqrt(-2 * np.log(2) / np.log(left))))
    return widths[0], widths[1], widths[2]


def volume_fractions(shares: NDArray) -> NDArray[np.float64]:
    """Return each tissue's part of the volume, from shares of shape (..., 3)."""
    totals = shares.reshape(-1, shares.shape[-1]).sum(axis=0, dtype=np.float64)
    if totals.sum() <= 0:
        raise NotMeasurable("no tissue is in view")
    return totals / totals.sum()


def rpve(share: NDArray) -> float:
    """Return the residual partial volume of one tissue: how far its shares are from 0 and 1.

    Parameters
    ----------
    share : array
        Of the tissue in each voxel of the image, 0 to 1.
    """
    share = np.clip(np.asarray(share, dtype=np.float64), 0.0, 1.0).ravel()
    some = share[share > 0]
    if not len(some):
        raise NotMeasurable("this tissue is not in view")
    low, high = np.percentile(some, [2, 98])
    kept = np.where((share < low) | (share > high), 0.0, share)
    partial = kept[kept > 0.5].sum() + (1.0 - kept[kept <= 0.5]).sum()
    return float(partial / len(some))


def fuzzy_jaccard(one: NDArray, two: NDArray) -> float:
    """Return Σ min / Σ max of two maps of shares."""
    union = float(np.maximum(one, two).sum(dtype=np.float64))
    if union <= 0:
        raise NotMeasurable("the tissue is in neither map")
    return float(np.minimum(one, two).sum(dtype=np.float64)) / union


def inu(field: NDArray) -> tuple[float, float]:
    """Return |P95 − P5| and the median of a bias field inside the brain."""
    if len(field) < 100:
        raise NotMeasurable("too little of the brain is in view")
    low, middle, high = np.percentile(field, [5, 50, 95])
    return float(high - low), float(middle)
