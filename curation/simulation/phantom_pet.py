"""Simulated FDG PET of simulated people, for demonstrations and tests.

A PET lies in the space of the person's T1w, as after a co-registration, in larger voxels of its own.

Notes
-----
Grey matter takes up four times as much as white matter and fluid next to nothing, near the 5 : 1 : 0 of the
brain phantom of Hoffman et al. 1991, doi:10.1038/jcbfm.1991.32. With age the uptake of grey matter falls by
0.34 % a year (Bentourkia et al. 2000, doi:10.1016/s0022-510x(00)00396-8), in the frontal lobes more than
behind them (Shen et al. 2012, doi:10.1371/journal.pone.0051517; how much more is our choice). Blurring
(7.1 mm), the smooth individual differences (a standard deviation of 6 %) and the counts are chosen to look
like a clinical scan, not fitted to one.
"""

import numpy as np
from scipy import ndimage

from curation.simulation.phantom_t1w import SHAPE, SPACING_MM, Person, anatomy, grid_affine

#: Voxels of the T1w along each edge of a voxel of the PET.
COARSER = 2
#: Uptake at 50 years, Bq/mL: of the tissues, and of the scalp.
UPTAKE = {"grey": 20_000.0, "white": 5_000.0, "csf": 600.0}
SCALP, SCALP_FROM_MM, SCALP_TO_MM = 2_500.0, 6.0, 13.0
#: Fall of grey matter's uptake a decade, share; and how much more (in front) or less (behind) of that.
FALL, FRONTAL = 0.034, 0.8
#: Standard deviation of the whole uptake, and of the smooth regional differences, between people.
WHOLE, REGIONAL = 0.08, 0.06
#: Blur of the scanner and of the filter after reconstruction, full width at half maximum, mm.
SCANNER_MM = FILTER_MM = 5.0
#: Counts in a voxel a Bq/mL.
COUNTS = 1 / 400

_FWHM_PER_SIGMA = 2.3548


def scan(person: Person) -> tuple[np.ndarray, np.ndarray]:
    """Image a person.

    Returns
    -------
    data : numpy.ndarray of float32, shape (48, 57, 48)
        Activity, Bq/mL, 0 and above.
    affine : numpy.ndarray of float64, shape (4, 4)
        Voxel to the world of the person's T1w, mm; RAS.
    """
    rng = np.random.default_rng([person.seed, 2])
    blurred = _blurred(uptake(person), SCANNER_MM)
    counted = rng.poisson(blurred * COUNTS) / COUNTS
    return _blurred(counted.astype(np.float32), FILTER_MM), pet_affine()


def uptake(person: Person) -> np.ndarray:
    """Return the activity before anything is measured of it, Bq/mL, shape (48, 57, 48)."""
    tissue = {name: _coarse(share) for name, share in anatomy(person)[0].items()}
    rng = np.random.default_rng([person.seed, 3])
    decades = (person.age_years - 50) / 10
    in_front = np.linspace(-1, 1, SHAPE[1] // COARSER, dtype=np.float32)[None, :, None]
    aged = 1 - FALL * decades * (1 + FRONTAL * in_front)
    grey = UPTAKE["grey"] * aged * np.exp(_differences(rng, REGIONAL))
    skin = (tissue["distance"] > SCALP_FROM_MM) & (tissue["distance"] < SCALP_TO_MM)
    activity = (
        tissue["grey"] * grey
        + tissue["white"] * UPTAKE["white"]
        + tissue["csf"] * UPTAKE["csf"]
        + SCALP * skin
    )
    return (activity * np.exp(rng.normal(0, WHOLE))).astype(np.float32)


def pet_affine() -> np.ndarray:
    """Return the voxel-to-world affine of the PET's grid, which covers that of the T1w (RAS)."""
    affine = grid_affine()
    affine[:3, 3] += SPACING_MM * (COARSER - 1) / 2
    affine[:3, :3] *= COARSER
    return affine


def _coarse(volume: np.ndarray) -> np.ndarray:
    """Average blocks of voxels."""
    x, y, z = (size // COARSER for size in volume.shape)
    return volume.reshape(x, COARSER, y, COARSER, z, COARSER).mean(axis=(1, 3, 5))


def _differences(rng: np.random.Generator, sd: float) -> np.ndarray:
    """Return a smooth random field around 0, lobes wide."""
    shape = [size // COARSER for size in SHAPE]
    lattice = rng.normal(0, sd, (5, 6, 5))
    return ndimage.zoom(lattice, np.divide(shape, lattice.shape), order=3, mode="nearest")


def _blurred(volume: np.ndarray, fwhm_mm: float) -> np.ndarray:
    sigma = fwhm_mm / _FWHM_PER_SIGMA / (SPACING_MM * COARSER)
    return ndimage.gaussian_filter(volume, sigma)
