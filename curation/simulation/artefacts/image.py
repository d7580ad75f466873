"""Artefacts of the image: contrast, bias field, missing parts, geometry."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.simulation.artefacts.registry import (
    Array,
    head_extent,
    noise_level,
    register_artefact,
    tissue_intensity,
)

# ---- contrast --------------------------------------------------------------------------------------


@register_artefact(
    "contrast", "loss of contrast", "contrast", "tissues differ by a twentieth of what they did"
)
def _contrast(data: Array, severity: float, rng: np.random.Generator) -> Array:
    bright = tissue_intensity(data)
    middle = np.float32(0.75 * bright)
    kept = 1.0 - 0.95 * severity**0.7
    tissue = np.clip(data / np.float32(0.4 * bright), 0.0, 1.0) ** 2
    # Grain does not go away with contrast: what the squeeze took of it is given back.
    lost = rng.standard_normal(data.shape, dtype=np.float32)
    lost *= np.float32(noise_level(data) * np.sqrt(1.0 - kept**2))
    return np.maximum(data + tissue * (np.float32(kept - 1.0) * (data - middle) + lost), 0)


@register_artefact(
    "clipping", "clipping", "contrast", "all above half of the tissue's brightness is cut off"
)
def _clipping(data: Array, severity: float, rng: np.random.Generator) -> Array:
    return np.minimum(data, np.float32((1.2 - 0.7 * severity) * tissue_intensity(data)))


# ---- inhomogeneity ---------------------------------------------------------------------------------


@register_artefact(
    "bias", "bias field", "inhomogeneity", "brightness falls to a twentieth across the head"
)
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


@register_artefact(
    "cropped_fov", "cropped field of view", "incompleteness", "the top 40 % of the head is missing"
)
def _cropped_fov(data: Array, severity: float, rng: np.random.Generator) -> Array:
    low, high = head_extent(data, 2)
    cropped = data.copy()
    cropped[:, :, max(1, round(high - 0.4 * severity * (high - low))) :] = 0
    return cropped


@register_artefact(
    "dropped_slab", "lost slab", "incompleteness", "a third of the slices, side by side, are empty"
)
def _dropped_slab(data: Array, severity: float, rng: np.random.Generator) -> Array:
    low, high = head_extent(data, 2)
    centre = low + (high - low) * rng.uniform(0.55, 0.75)
    half = max(0.5, 0.165 * severity * (high - low))
    dropped = data.copy()
    dropped[:, :, max(0, round(centre - half)) : round(centre + half)] = 0
    return dropped


@register_artefact(
    "dropped_slices", "lost slices", "incompleteness", "every third slice is empty, in no order"
)
def _dropped_slices(data: Array, severity: float, rng: np.random.Generator) -> Array:
    low, high = head_extent(data, 2)
    order = low + rng.permutation(high - low)
    dropped = data.copy()
    dropped[:, :, order[: max(1, round(severity * len(order) / 3))]] = 0
    return dropped


@register_artefact(
    "wraparound", "wrap-around", "incompleteness", "the field of view cuts a third of the head"
)
def _wraparound(data: Array, severity: float, rng: np.random.Generator) -> Array:
    # Sampling too coarsely adds the image to itself, one (too small) field of view further.
    n = data.shape[1]
    low, high = head_extent(data, 1)
    period = max(1, round(n - severity * (n - 0.67 * (high - low))))
    folded = data.copy()
    if period < n:
        folded[:, : n - period] += data[:, period:]
        folded[:, period:] += data[:, : n - period]
    return folded


# ---- geometry --------------------------------------------------------------------------------------


@register_artefact(
    "warp", "geometric warp", "geometry", "the head is bent by a tenth of its size", claimed=False
)
def _warp(data: Array, severity: float, rng: np.random.Generator) -> Array:
    waves = rng.uniform(-1, 1, (3, 4, 4, 4))
    size = np.array(data.shape, dtype=np.float32)
    grid = np.indices(data.shape, dtype=np.float32)
    for axis in range(3):
        field = ndimage.zoom(waves[axis], size / 4, order=3, mode="nearest", grid_mode=False)
        grid[axis] += (0.1 * severity * size[axis] * field / np.abs(field).max()).astype(np.float32)
    return np.maximum(ndimage.map_coordinates(data, grid, order=3, mode="constant"), 0)


@register_artefact(
    "shear", "shear", "geometry", "slices slide over each other by 0.4 of their distance"
)
def _shear(data: Array, severity: float, rng: np.random.Generator) -> Array:
    matrix = np.eye(3)
    matrix[1, 2] = 0.4 * severity * rng.choice([-1.0, 1.0])
    return _about_centre(data, matrix)


@register_artefact(
    "stretch",
    "wrong voxel size",
    "geometry",
    "one axis is shrunk to two thirds of its size",
    claimed=False,
)
def _stretch(data: Array, severity: float, rng: np.random.Generator) -> Array:
    axis = int(rng.integers(0, 3))
    matrix = np.eye(3)
    matrix[axis, axis] = 1.0 + 0.5 * severity
    return _about_centre(data, matrix)


def _about_centre(data: Array, matrix: NDArray) -> Array:
    centre = (np.array(data.shape) - 1) / 2
    return ndimage.affine_transform(data, matrix, centre - matrix @ centre, order=1)
