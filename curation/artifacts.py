"""Seeded artefacts: what scanners, patients and pipelines do to a head, by a severity from 0 to 1.

Each artefact is a pure function of an array, a severity and a random generator. What is drawn never
depends on the severity, so that with one seed a higher severity is more of the same. Axes are taken in
RAS order: 0 from left to right, 1 from back to front, 2 from bottom to top.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

Array = NDArray[np.float32]
Function = Callable[[Array, float, np.random.Generator], Array]
Family = Literal[
    "noise", "motion", "blur", "contrast", "inhomogeneity", "incompleteness", "geometry"
]


@dataclass(frozen=True)
class Artifact:
    """One kind of artefact.

    Parameters
    ----------
    name : str
        Key in :data:`ARTIFACTS`.
    label : str
        What people call it.
    family : str
        The sub-score that has to rise with it.
    meaning : str
        What happens at severity 1, in plain words.
    function : callable
        ``function(data, severity, rng)`` with float32 data ``[X, Y, Z]`` and a severity in (0, 1];
        returns an array of the same shape and leaves ``data`` as it is.
    """

    name: str
    label: str
    family: Family
    meaning: str
    function: Function


#: All artefacts by name.
ARTIFACTS: dict[str, Artifact] = {}


def apply(name: str, data: NDArray, severity: float, seed: int = 0) -> Array:
    """Return a distorted copy of a volume.

    Parameters
    ----------
    name : str
        Key in :data:`ARTIFACTS`.
    data : array of shape (X, Y, Z)
        Intensities in RAS order; finite.
    severity : float
        0 (identity, bit for bit) to 1 (unusable).
    seed : int
        Same seed, same artefact.

    Returns
    -------
    array of float32, shape (X, Y, Z)

    Raises
    ------
    KeyError
        When there is no artefact of that name.
    ValueError
        When ``severity`` is not within 0 to 1.
    """
    artifact = ARTIFACTS[name]
    if not 0.0 <= severity <= 1.0:
        raise ValueError(f"A severity is between 0 and 1; got {severity}.")
    volume = np.array(data, dtype=np.float32)
    if severity == 0.0 or not np.any(volume):
        return volume
    distorted = artifact.function(volume, float(severity), np.random.default_rng(seed))
    return np.ascontiguousarray(distorted, dtype=np.float32)


def _artifact(
    name: str, label: str, family: Family, meaning: str
) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        ARTIFACTS[name] = Artifact(name, label, family, meaning, function)
        return function

    return register


# ---- noise -----------------------------------------------------------------------------------------


@_artifact("noise", "thermal noise", "noise", "Rician noise of a fifth of the tissue's brightness")
def _noise(data: Array, severity: float, rng: np.random.Generator) -> Array:
    sigma = np.float32(0.2 * severity * _brightness(data))
    real = data + sigma * rng.standard_normal(data.shape, dtype=np.float32)
    imaginary = sigma * rng.standard_normal(data.shape, dtype=np.float32)
    return np.hypot(real, imaginary)


@_artifact("spikes", "radio spikes", "noise", "three plane waves (herringbone) across the image")
def _spikes(data: Array, severity: float, rng: np.random.Generator) -> Array:
    amplitude = 0.12 * severity * _brightness(data)
    waves = np.zeros(data.shape, dtype=np.float32)
    for _ in range(3):
        cycles = rng.uniform(0.08, 0.35, 3) * rng.choice([-1.0, 1.0], 3)
        phase = rng.uniform(0, 2 * np.pi)
        turns = [2j * np.pi * c * np.arange(n) for c, n in zip(cycles, data.shape, strict=True)]
        x, y, z = (np.exp(turn).astype(np.complex64) for turn in turns)
        wave = (x * np.exp(1j * phase))[:, None, None] * y[None, :, None] * z[None, None, :]
        waves += wave.real.astype(np.float32)
    return np.abs(data + np.float32(amplitude) * waves)


# ---- motion ----------------------------------------------------------------------------------------


@_artifact(
    "motion", "head motion", "motion", "five turns and shifts of the head while lines are read"
)
def _motion(data: Array, severity: float, rng: np.random.Generator) -> Array:
    # Lines of k-space along the back-to-front axis are read one after another, each in the pose of its
    # moment. The central lines are read at rest, so that the head stays where it is.
    turns = _either_way(rng, (5, 3)) * np.deg2rad(6.0) * severity
    shifts = _either_way(rng, (5, 3)) * 0.02 * severity * np.array(data.shape)
    n = data.shape[1]
    starts = np.sort(rng.choice([0.03, 0.06, 0.1, 0.16, 0.23, 0.31], 5, replace=False))
    order = fft.fftfreq(n)
    lines = fft.fft(data, axis=1)
    splines = ndimage.spline_filter(data, output=np.float32)
    for turn, shift, start, side in zip(turns, shifts, starts, (1, -1, 1, -1, 1), strict=True):
        chosen = side * order > start
        lines[:, chosen] = fft.fft(_moved(splines, turn, shift), axis=1)[:, chosen]
    return np.abs(fft.ifft(lines, axis=1)).astype(np.float32)


def _either_way(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray:
    """Draw between a half and one, of either sign."""
    return rng.uniform(0.5, 1.0, shape) * rng.choice([-1.0, 1.0], shape)


def _moved(splines: Array, turn: NDArray, shift: NDArray) -> Array:
    """Turn and shift a volume given by its cubic splines; linear interpolation would blur it."""
    centre = (np.array(splines.shape) - 1) / 2
    matrix = _rotation(turn)
    offset = centre - matrix @ centre + shift
    return ndimage.affine_transform(splines, matrix, offset, order=3, prefilter=False)


def _rotation(turn: NDArray) -> NDArray:
    """Return the rotation matrix of three small turns (radians) about the axes 0, 1 and 2."""
    matrix = np.eye(3)
    for axis, (cosine, sine) in enumerate(zip(np.cos(turn), np.sin(turn), strict=True)):
        i, j = [k for k in range(3) if k != axis]
        single = np.eye(3)
        single[i, i] = single[j, j] = cosine
        single[i, j], single[j, i] = -sine, sine
        matrix = matrix @ single
    return matrix


@_artifact("ghosting", "ghosting", "motion", "shifted copies of a third of the head's brightness")
def _ghosting(data: Array, severity: float, rng: np.random.Generator) -> Array:
    every, axis = int(rng.integers(2, 4)), int(rng.integers(0, 2))
    lines = fft.fft(data, axis=axis)
    index: list[slice] = [slice(None)] * 3
    index[axis] = slice(0, None, every)
    # Weakening each n-th line by w makes n - 1 copies of the head, each w / n as bright.
    lines[tuple(index)] *= 1.0 - 0.33 * severity * every
    return np.abs(fft.ifft(lines, axis=axis)).astype(np.float32)


# ---- blur ------------------------------------------------------------------------------------------


@_artifact("blur", "blur", "blur", "a Gaussian of 2 voxels standard deviation over the image")
def _blur(data: Array, severity: float, rng: np.random.Generator) -> Array:
    return ndimage.gaussian_filter(data, 2.0 * severity)


@_artifact("gibbs", "Gibbs ringing", "blur", "the outer four fifths of k-space are missing")
def _gibbs(data: Array, severity: float, rng: np.random.Generator) -> Array:
    keep = 1.0 - 0.8 * severity
    result = data
    for axis in range(3):
        lines = fft.rfft(result, axis=axis)
        first_lost = max(2, round(keep * lines.shape[axis]))
        np.moveaxis(lines, axis, 0)[first_lost:] = 0
        result = fft.irfft(lines, n=data.shape[axis], axis=axis)
    return np.abs(result).astype(np.float32)


@_artifact(
    "thick_slices", "thick slices", "blur", "slices six times as thick, resampled to look thin"
)
def _thick_slices(data: Array, severity: float, rng: np.random.Generator) -> Array:
    n = data.shape[2]
    factor = 1.0 + 5.0 * severity
    averaged = ndimage.gaussian_filter1d(data, 0.4 * factor * min(1.0, severity * 5), axis=2)
    centres = np.arange(0.0, n - 1 + factor, factor)
    thick = _sample_axis(averaged, centres)
    return _sample_axis(thick, np.arange(n) / factor)


def _sample_axis(data: Array, where: NDArray) -> Array:
    """Sample the last axis linearly at the given positions (in voxels)."""
    last = data.shape[2] - 1
    where = np.clip(where, 0, last)
    low = np.minimum(where.astype(int), max(last - 1, 0))
    part = (where - low).astype(np.float32)
    return data[..., low] * (1 - part) + data[..., np.minimum(low + 1, last)] * part


# ---- contrast --------------------------------------------------------------------------------------


@_artifact(
    "contrast", "loss of contrast", "contrast", "tissues differ by a twentieth of what they did"
)
def _contrast(data: Array, severity: float, rng: np.random.Generator) -> Array:
    bright = _brightness(data)
    middle = np.float32(0.75 * bright)
    kept = 1.0 - 0.95 * severity**0.7
    tissue = np.clip(data / np.float32(0.4 * bright), 0.0, 1.0) ** 2
    # Grain does not go away with contrast: what the squeeze took of it is given back.
    grain = rng.standard_normal(data.shape, dtype=np.float32)
    grain *= np.float32(_grain(data) * np.sqrt(1.0 - kept**2))
    return np.maximum(data + tissue * (np.float32(kept - 1.0) * (data - middle) + grain), 0)


@_artifact(
    "clipping", "clipping", "contrast", "all above half of the tissue's brightness is cut off"
)
def _clipping(data: Array, severity: float, rng: np.random.Generator) -> Array:
    return np.minimum(data, np.float32((1.2 - 0.7 * severity) * _brightness(data)))


# ---- inhomogeneity ---------------------------------------------------------------------------------


@_artifact("bias", "bias field", "inhomogeneity", "brightness falls to a twentieth across the head")
def _bias(data: Array, severity: float, rng: np.random.Generator) -> Array:
    direction = rng.standard_normal(3)
    direction /= np.linalg.norm(direction)
    centre = rng.uniform(-0.3, 0.3, 3)
    x, y, z = np.meshgrid(
        *(np.linspace(-1, 1, n, dtype=np.float32) for n in data.shape), indexing="ij", sparse=True
    )
    slope = direction[0] * x + direction[1] * y + direction[2] * z
    bowl = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2
    return data * np.exp(severity * (2.2 * slope - 0.6 * bowl)).astype(np.float32)


# ---- incompleteness --------------------------------------------------------------------------------


@_artifact(
    "cropped_fov", "cropped field of view", "incompleteness", "the top 40 % of the head is missing"
)
def _cropped_fov(data: Array, severity: float, rng: np.random.Generator) -> Array:
    low, high = _extent(data, 2)
    cropped = data.copy()
    cropped[:, :, max(1, round(high - 0.4 * severity * (high - low))) :] = 0
    return cropped


@_artifact(
    "dropped_slab", "lost slab", "incompleteness", "a third of the slices, side by side, are empty"
)
def _dropped_slab(data: Array, severity: float, rng: np.random.Generator) -> Array:
    low, high = _extent(data, 2)
    centre = low + (high - low) * rng.uniform(0.55, 0.75)
    half = max(0.5, 0.165 * severity * (high - low))
    dropped = data.copy()
    dropped[:, :, max(0, round(centre - half)) : round(centre + half)] = 0
    return dropped


@_artifact(
    "dropped_slices", "lost slices", "incompleteness", "every third slice is empty, in no order"
)
def _dropped_slices(data: Array, severity: float, rng: np.random.Generator) -> Array:
    low, high = _extent(data, 2)
    order = low + rng.permutation(high - low)
    dropped = data.copy()
    dropped[:, :, order[: max(1, round(severity * len(order) / 3))]] = 0
    return dropped


@_artifact(
    "wraparound", "wrap-around", "incompleteness", "the field of view cuts a third of the head"
)
def _wraparound(data: Array, severity: float, rng: np.random.Generator) -> Array:
    # Sampling too coarsely adds the image to itself, one (too small) field of view further.
    n = data.shape[1]
    low, high = _extent(data, 1)
    period = max(1, round(n - severity * (n - 0.67 * (high - low))))
    folded = data.copy()
    if period < n:
        folded[:, : n - period] += data[:, period:]
        folded[:, period:] += data[:, : n - period]
    return folded


# ---- geometry --------------------------------------------------------------------------------------


@_artifact("warp", "geometric warp", "geometry", "the head is bent by a tenth of its size")
def _warp(data: Array, severity: float, rng: np.random.Generator) -> Array:
    waves = rng.uniform(-1, 1, (3, 4, 4, 4))
    size = np.array(data.shape, dtype=np.float32)
    grid = np.indices(data.shape, dtype=np.float32)
    for axis in range(3):
        field = ndimage.zoom(waves[axis], size / 4, order=3, mode="nearest", grid_mode=False)
        grid[axis] += (0.1 * severity * size[axis] * field / np.abs(field).max()).astype(np.float32)
    return np.maximum(ndimage.map_coordinates(data, grid, order=3, mode="constant"), 0)


@_artifact("shear", "shear", "geometry", "slices slide over each other by 0.4 of their distance")
def _shear(data: Array, severity: float, rng: np.random.Generator) -> Array:
    matrix = np.eye(3)
    matrix[1, 2] = 0.4 * severity * rng.choice([-1.0, 1.0])
    return _about_centre(data, matrix)


@_artifact(
    "stretch", "wrong voxel size", "geometry", "one axis is shrunk to two thirds of its size"
)
def _stretch(data: Array, severity: float, rng: np.random.Generator) -> Array:
    axis = int(rng.integers(0, 3))
    matrix = np.eye(3)
    matrix[axis, axis] = 1.0 + 0.5 * severity
    return _about_centre(data, matrix)


def _about_centre(data: Array, matrix: NDArray) -> Array:
    centre = (np.array(data.shape) - 1) / 2
    return ndimage.affine_transform(data, matrix, centre - matrix @ centre, order=1)


# ---- what artefacts are relative to ----------------------------------------------------------------


def _brightness(data: Array) -> float:
    """Return how bright tissue is: the 90th percentile of what is brighter than the mean."""
    return float(np.percentile(data[data > data.mean()], 90))


def _grain(data: Array) -> float:
    """Return the standard deviation of the noise in the bright part, from differences of neighbours."""
    inner = data[1:-1, 1:-1, 1:-1]
    around = data[2:, 1:-1, 1:-1] + data[:-2, 1:-1, 1:-1] + data[1:-1, 2:, 1:-1]
    around = around + data[1:-1, :-2, 1:-1] + data[1:-1, 1:-1, 2:] + data[1:-1, 1:-1, :-2]
    rest = np.abs(inner - around / 6)[inner > 0.5 * _brightness(data)]
    # The quieter half tells the noise; the louder one holds the edges of the anatomy.
    return float(np.sqrt(6 / 7) * np.percentile(rest, 25) / 0.3186) if len(rest) else 0.0


def _extent(data: Array, axis: int) -> tuple[int, int]:
    """Return the first and last but one index along ``axis`` that holds more than air."""
    head = data > 0.2 * _brightness(data)
    others = tuple(k for k in range(3) if k != axis)
    present = np.flatnonzero(head.mean(axis=others) > 0.005)
    return (int(present[0]), int(present[-1]) + 1) if len(present) else (0, data.shape[axis])
