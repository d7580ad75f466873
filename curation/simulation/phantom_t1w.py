"""Simulated people: heads grown from the ICBM 2009 template and tissue maps that nilearn packages.

They are made for demonstrations and tests, look like T1w heads at 2 mm, carry an age that can be learned
(wider ventricles, thinner grey matter), and are never to be taken for data of people.

Notes
-----
Age effects are simplified from the literature: lateral ventricles roughly triple in volume between 20 and
80 years and cortical grey matter falls by about a fifth (Fjell & Walhovd 2010,
doi:10.1515/REVNEURO.2010.21.3.187). Template: ICBM 152 2009a nonlinear symmetric, Fonov et al. 2009.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from nilearn import datasets
from scipy import ndimage
from scipy.interpolate import make_interp_spline

SPACING_MM = 2.0
SHAPE = (96, 114, 96)
#: World coordinates (MNI, mm) of the grid's middle.
CENTRE_MM = np.array([0.0, -18.0, 6.0])
#: Middle of each lateral ventricle in MNI mm and how far its widening reaches.
VENTRICLES_MM = np.array([[-12.0, -16.0, 20.0], [12.0, -16.0, 20.0]])
VENTRICLE_REACH_MM = 20.0
SKULL_MM, SCALP_MM = 6.0, 13.0
#: Voxels of air around the template, so that the shell of the head is not cut off.
MARGIN = 12


@dataclass(frozen=True)
class Scanner:
    """How a site's images look.

    Parameters
    ----------
    site : str
        Name of the site.
    csf, grey, white, scalp : float
        Mean intensities, arbitrary units.
    noise : float
        Standard deviation of the complex noise, same units (Rician in the magnitude).
    bias : float
        Amplitude of the smooth receive field, relative (0.1: ±10 %).
    flip : bool
        True for scanners that store the first axis from right to left (LAS).
    """

    site: str
    csf: float = 45.0
    grey: float = 110.0
    white: float = 160.0
    scalp: float = 190.0
    noise: float = 2.5
    bias: float = 0.08
    flip: bool = False


SCANNERS: dict[str, Scanner] = {
    scanner.site: scanner
    for scanner in (
        Scanner("North"),
        Scanner("South", csf=60, grey=150, white=205, scalp=240, noise=4.5, bias=0.12, flip=True),
        Scanner("External", csf=40, grey=95, white=150, scalp=170, noise=2.0, bias=0.06),
    )
}


@dataclass(frozen=True)
class Person:
    """A simulated person.

    Parameters
    ----------
    participant_id : str
        Such as ``sub-01``.
    age_years : float
        20 to 80.
    sex : {'F', 'M'}
        Moves the size of the head.
    seed : int
        All that is individual follows from it.
    """

    participant_id: str
    age_years: float
    sex: str
    seed: int


def scan(person: Person, scanner: Scanner) -> tuple[np.ndarray, np.ndarray]:
    """Image a person without distortions beyond the scanner's own noise and receive field.

    Returns
    -------
    data : numpy.ndarray of float32, shape (96, 114, 96)
        Intensities, 0 and above.
    affine : numpy.ndarray of float64, shape (4, 4)
        Voxel to world, mm. RAS, or LAS where the scanner flips.
    """
    tissue, rng = anatomy(person)
    image = sum(tissue[name] * getattr(scanner, name) for name in ("csf", "grey", "white"))
    image = (
        image * (0.7 + 0.3 * tissue["texture"]) + _scalp(tissue["distance"], rng) * scanner.scalp
    )
    image = image * _receive_field(rng, scanner.bias)
    noise = rng.normal(0, scanner.noise, (2, *SHAPE)).astype(np.float32)
    data = np.hypot(image + noise[0], noise[1]).astype(np.float32)
    affine = grid_affine()
    if scanner.flip:
        data = np.ascontiguousarray(data[::-1])
        mirror = np.diag([-1.0, 1, 1, 1])
        mirror[0, 3] = SHAPE[0] - 1
        affine = affine @ mirror
    return data, affine


def anatomy(person: Person) -> tuple[dict[str, np.ndarray], np.random.Generator]:
    """Simulate a person: the anatomy behind every kind of image.

    Returns
    -------
    tissue : dict of str to numpy.ndarray of float32, shape (96, 114, 96)
        Shares of ``csf``, ``grey`` and ``white`` (0 to 1), ``texture`` (about 1) and the ``distance`` from
        the brain, mm. Shared between calls: not to be written into.
    rng : numpy.random.Generator
        As growing leaves it, new at every call.
    """
    tissue, state = _grown(person)
    rng = np.random.default_rng()
    rng.bit_generator.state = state
    return tissue, rng


def grid_affine() -> np.ndarray:
    """Return the voxel-to-world affine of the simulated scanner's grid (RAS)."""
    affine = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0])
    affine[:3, 3] = CENTRE_MM - SPACING_MM * (np.array(SHAPE) - 1) / 2
    return affine


# ---- anatomy ---------------------------------------------------------------------------------


@lru_cache(maxsize=1)  # several images of one person are made one after the other
def _grown(person: Person) -> tuple[dict[str, np.ndarray], Any]:
    """Return a person's tissues, and the state that growing them leaves the generator in."""
    rng = np.random.default_rng([person.seed, 1])
    return _tissues(person, rng), rng.bit_generator.state


def _tissues(person: Person, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Deform the template into one person: shares of csf, grey, white (0 to 1) and texture (about 1)."""
    template = _template()
    coordinates = _pull_back(person, rng)
    warped = {
        name: ndimage.map_coordinates(volume, coordinates, order=1, mode="nearest")
        for name, volume in template.items()
    }
    decades = (person.age_years - 50) / 10
    lost = np.clip(0.09 + 0.035 * decades + rng.normal(0, 0.015), 0, 0.4)
    warped["csf"] += lost * warped["grey"]
    warped["grey"] *= 1 - lost
    return warped


def _pull_back(person: Person, rng: np.random.Generator) -> np.ndarray:
    """Return, for each voxel of the person's grid, the template voxel that it shows, shape (3, X, Y, Z)."""
    size = {"F": 0.975, "M": 1.015}[person.sex] * rng.normal(1, 0.02, 3)
    shift_mm, degrees = rng.normal(0, 2, 3), rng.normal(0, 3, 3)
    turn = (_rotation(degrees) / size).astype(np.float32)
    turned = np.tensordot(turn, _world(), 1) - _column(turn @ shift_mm)
    warped = turned + _smooth_field(rng, amplitude_mm=3.5)
    widening: float = np.clip(
        0.25 + 0.13 * (person.age_years - 50) / 10 + rng.normal(0, 0.05), -0.2, 0.7
    )
    for middle in VENTRICLES_MM:
        away = turned - _column(middle)
        near = np.exp(-np.einsum("i...,i...", away, away) / (2 * VENTRICLE_REACH_MM**2))
        warped -= (np.float32(widening) * near) * away
    return (warped - _column(_template_origin())) / np.float32(SPACING_MM)


def _column(vector: np.ndarray) -> np.ndarray:
    """Return a vector of 3 that broadcasts over a field of shape (3, X, Y, Z)."""
    return vector.astype(np.float32)[:, None, None, None]


def _rotation(degrees: np.ndarray) -> np.ndarray:
    """Return the rotation about x, then y, then z, shape (3, 3)."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees)):
        turn, (i, j) = np.eye(3), [(1, 2), (0, 2), (0, 1)][axis]
        turn[[i, j], [i, j]] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix


def _smooth_field(rng: np.random.Generator, amplitude_mm: float) -> np.ndarray:
    """Return a smooth random displacement, shape (3, X, Y, Z), mm."""
    coarse = rng.normal(0, amplitude_mm, (3, 6, 7, 6)).astype(np.float32)
    return np.stack([_enlarge(component) for component in coarse])


def _receive_field(rng: np.random.Generator, amplitude: float) -> np.ndarray:
    """Return a smooth positive field around 1."""
    return np.exp(_enlarge(rng.normal(0, amplitude, (3, 3, 3)).astype(np.float32)))


def _enlarge(coarse: np.ndarray) -> np.ndarray:
    """Spread a coarse lattice over the grid by cubic splines, one axis after the other."""
    field = coarse
    for axis, size in enumerate(SHAPE):
        field = np.moveaxis(
            np.tensordot(_spline(coarse.shape[axis], size), field, (1, axis)), 0, axis
        )
    return field


@lru_cache(maxsize=16)
def _spline(knots: int, size: int) -> np.ndarray:
    """Return the matrix, shape (size, knots), that interpolates values at evenly spaced knots."""
    degree = min(3, knots - 1)
    curve = make_interp_spline(np.linspace(0, 1, knots), np.eye(knots), k=degree)
    return curve(np.linspace(0, 1, size)).astype(np.float32)


def _scalp(distance_mm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a bright shell around the brain with the dark skull inside it, shares 0 to 1."""
    thickness = _enlarge(rng.normal(0, 1.0, (5, 6, 5)).astype(np.float32))
    inner, outer = SKULL_MM + 0.5 * thickness, SCALP_MM + thickness
    return np.clip(distance_mm - inner, 0, 1) * np.clip(outer - distance_mm, 0, 1)


# ---- template --------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _template() -> dict[str, np.ndarray]:
    """Return tissue shares, texture and distance from the brain (mm) of the template, 2 mm grid."""
    half = {}
    for name, loader in (
        ("t1", datasets.load_mni152_template),
        ("grey", datasets.load_mni152_gm_template),
        ("white", datasets.load_mni152_wm_template),
    ):
        data = np.asarray(loader(resolution=2).dataobj, dtype=np.float32)
        half[name] = data / max(float(data.max()), 1e-6)
    inside = ndimage.binary_fill_holes(half["t1"] > 0.05)
    grey, white = half["grey"], half["white"]
    csf = np.clip(inside - grey - white, 0, 1).astype(np.float32)
    texture = half["t1"] / max(float(half["t1"][inside].mean()), 1e-6)
    shares = {"csf": csf, "grey": grey * inside, "white": white * inside}
    padded = {name: np.pad(share, MARGIN) for name, share in shares.items()}
    distance = ndimage.distance_transform_edt(~np.pad(inside, MARGIN)) * SPACING_MM
    texture = np.pad(texture, MARGIN)
    return {**padded, "texture": texture, "distance": distance.astype(np.float32)}


@lru_cache(maxsize=1)
def _template_origin() -> np.ndarray:
    """Return the world coordinates (mm) of the padded template's first voxel."""
    first = np.asarray(datasets.load_mni152_template(resolution=2).affine)[:3, 3]
    return (first - MARGIN * SPACING_MM).astype(np.float32)


@lru_cache(maxsize=1)
def _world() -> np.ndarray:
    """Return world coordinates (mm) of the grid's voxels, shape (3, X, Y, Z)."""
    origin = grid_affine()[:3, 3]
    axes = [origin[axis] + SPACING_MM * np.arange(SHAPE[axis]) for axis in range(3)]
    return np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)
