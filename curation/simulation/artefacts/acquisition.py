"""Artefacts of the acquisition: noise, motion, blur."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from curation.simulation.artefacts.registry import Array, register_artefact, tissue_intensity

# ---- noise -----------------------------------------------------------------------------------------


@register_artefact(
    "noise", "thermal noise", "noise", "Rician noise of a fifth of the tissue's brightness"
)
def _noise(data: Array, severity: float, rng: np.random.Generator) -> Array:
    sigma = np.float32(0.2 * severity * tissue_intensity(data))
    real = data + sigma * rng.standard_normal(data.shape, dtype=np.float32)
    imaginary = sigma * rng.standard_normal(data.shape, dtype=np.float32)
    return np.hypot(real, imaginary)


@register_artefact(
    "spikes", "radio spikes", "noise", "three plane waves (herringbone) across the image"
)
def _spikes(data: Array, severity: float, rng: np.random.Generator) -> Array:
    amplitude = 0.12 * severity * tissue_intensity(data)
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


@register_artefact(
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


@register_artefact(
    "ghosting", "ghosting", "motion", "shifted copies of a third of the head's brightness"
)
def _ghosting(data: Array, severity: float, rng: np.random.Generator) -> Array:
    every, axis = int(rng.integers(2, 4)), int(rng.integers(0, 2))
    lines = fft.fft(data, axis=axis)
    index: list[slice] = [slice(None)] * 3
    index[axis] = slice(0, None, every)
    # Weakening each n-th line by w makes n - 1 copies of the head, each w / n as bright.
    lines[tuple(index)] *= 1.0 - 0.33 * severity * every
    return np.abs(fft.ifft(lines, axis=axis)).astype(np.float32)


# ---- blur ------------------------------------------------------------------------------------------


@register_artefact(
    "blur", "blur", "blur", "a Gaussian of 2 voxels standard deviation over the image"
)
def _blur(data: Array, severity: float, rng: np.random.Generator) -> Array:
    return ndimage.gaussian_filter(data, 2.0 * severity)


@register_artefact("gibbs", "Gibbs ringing", "blur", "the outer four fifths of k-space are missing")
def _gibbs(data: Array, severity: float, rng: np.random.Generator) -> Array:
    keep = 1.0 - 0.8 * severity
    result = data
    for axis in range(3):
        lines = fft.rfft(result, axis=axis)
        first_lost = max(2, round(keep * lines.shape[axis]))
        np.moveaxis(lines, axis, 0)[first_lost:] = 0
        result = fft.irfft(lines, n=data.shape[axis], axis=axis)
    return np.abs(result).astype(np.float32)


@register_artefact(
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
