"""Anatomy that is unusual and not distorted, put into real scans: cavities, masses, atrophy, smaller heads.

Each function takes a scan with its masks and returns what the same scanner would have shown of such a person.
Grain is kept: it is taken from the scan itself.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.imaging.masks import Masks
from curation.imaging.volumes import Volume

Floats = NDArray[np.float32]

#: Where a lateral ventricle lies and how far around it the brain gives way, in the template's mm.
_VENTRICLES_MM = np.array([[-12.0, -16.0, 20.0], [12.0, -16.0, 20.0]])
_GIVES_WAY_MM = 26.0
_DEEP_MM = 12.0


def cavity(
    volume: Volume, masks: Masks, ml: float, seed: int, of_white: float | None = None
) -> Volume:
    """Fill ``ml`` millilitres on one side of the brain with fluid, as after a stroke or a resection.

    The fluid is as bright as the scan's own, or ``of_white`` times as bright as its white matter.
    """
    fluid, _, white = _brightness(masks)
    brightness = fluid if of_white is None else of_white * white
    return _filled(volume, masks, _ball(volume, masks, ml, seed), brightness)


def mass(volume: Volume, masks: Masks, ml: float, seed: int) -> Volume:
    """Put in a mass of ``ml`` millilitres with a bright rim and a dark core, like a tumour."""
    inside = _ball(volume, masks, ml, seed)
    fluid, _, white = _brightness(masks)
    rim = _filled(volume, masks, inside, 1.25 * white)
    depth_mm = 0.3 * (3 * ml * 1000 / (4 * np.pi)) ** (1 / 3)
    distance = ndimage.distance_transform_edt(inside > 0.5, volume.spacing_mm)
    core = ndimage.gaussian_filter((distance > depth_mm).astype(np.float32), 0.7)
    return _filled(rim, masks, core * (inside > 0.5), 1.3 * fluid)


def atrophy(volume: Volume, masks: Masks, share: float, seed: int) -> Volume:
    """Widen the ventricles and thin the cortex: ``share`` 1 is severe, as in late dementia.

    About each ventricle the brain is pushed outwards; of the outermost 6 mm a part becomes fluid.
    """
    to_template = masks.grid_to_template @ np.diag([2.0, 2.0, 2.0, 1.0])
    to_template = to_template @ np.diag([*(1 / masks.step), 1.0])
    index = np.indices(volume.data.shape, dtype=np.float32).reshape(3, -1)
    world = to_template[:3, :3] @ index + to_template[:3, 3:]
    shift = np.zeros_like(world)
    for centre in _VENTRICLES_MM:
        away = world - centre[:, None]
        near = np.exp(-((away / _GIVES_WAY_MM) ** 2).sum(axis=0) * 2)
        shift -= 0.5 * share * near * away
    moved = np.linalg.solve(to_template[:3, :3], shift) + index
    data = ndimage.map_coordinates(volume.data, moved, order=1, mode="nearest")
    widened = replace(volume, data=data.reshape(volume.data.shape).astype(np.float32))
    depth = on_voxels(masks.signed_distance_mm, volume, masks)
    furrows = ndimage.gaussian_filter(
        np.random.default_rng(seed).standard_normal(volume.data.shape).astype(np.float32),
        4.0 / np.array(volume.spacing_mm),
    )
    thinned = (depth > -1) & (depth < 6) & (furrows > np.quantile(furrows, 1 - 0.35 * share))
    return _filled(
        widened,
        masks,
        ndimage.gaussian_filter(thinned.astype(np.float32), 0.7),
        _brightness(masks)[0],
    )


def small_head(volume: Volume, _: Masks, scale: float, __: int) -> Volume:
    """Make the head smaller by ``scale`` along each axis: the same image on smaller voxels."""
    spacing = tuple(edge * scale for edge in volume.spacing_mm)
    affine = volume.affine @ np.diag([scale, scale, scale, 1.0])
    return replace(volume, affine=affine, spacing_mm=(spacing[0], spacing[1], spacing[2]))


#: What is put in, by name: a function of scan, masks, amount and seed, and the amounts.
CASES: dict[str, tuple[Callable[[Volume, Masks, float, int], Volume], tuple[float, ...]]] = {
    "cavity": (cavity, (10.0, 34.0, 113.0, 230.0)),
    "mass": (mass, (8.0, 30.0, 80.0)),
    "atrophy": (atrophy, (0.5, 1.0)),
    "small_head": (small_head, (0.92, 0.84)),
}


def _brightness(masks: Masks) -> tuple[float, float, float]:
    """Return the brightness of fluid, grey and white matter, of the image as it is."""
    means = [float(np.median(masks.data[part])) for part in (masks.gm, masks.wm)]
    fluid = float(np.median(masks.data[masks.csf])) if masks.csf.any() else 0.35 * means[1]
    return fluid, means[0], means[1]


def on_voxels(grid: NDArray, volume: Volume, masks: Masks) -> Floats:
    """Return a map of the 2 mm grid at the scan's own voxels."""
    where = [np.arange(n) / step for n, step in zip(volume.data.shape, masks.step, strict=True)]
    mesh = np.meshgrid(*where, indexing="ij", sparse=False)
    return ndimage.map_coordinates(grid.astype(np.float32), mesh, order=1, mode="nearest")


def _ball(volume: Volume, masks: Masks, ml: float, seed: int) -> Floats:
    """Return a lumpy ball of so many millilitres within one half of the brain, 1 inside, soft at its edge."""
    rng = np.random.default_rng(seed)
    depth = on_voxels(masks.signed_distance_mm, volume, masks)
    brain = depth > 1
    candidates = np.argwhere(depth > min(_DEEP_MM, float(depth.max()) * 0.7))
    middle = candidates[:, 0].mean()
    side = candidates[(candidates[:, 0] - middle) * rng.choice([-1, 1]) > 12 / volume.spacing_mm[0]]
    centre = side[rng.integers(len(side))]
    away = np.indices(volume.data.shape, dtype=np.float32) - centre[:, None, None, None]
    away *= np.array(volume.spacing_mm, dtype=np.float32)[:, None, None, None]
    lumps = ndimage.zoom(rng.normal(0, 1, (9, 9, 9)), np.array(volume.data.shape) / 9, order=1)
    far = np.sqrt((away**2).sum(axis=0)) * (1 + 0.12 * lumps)
    far[~brain] = np.inf
    voxels = min(int(ml * 1000 / np.prod(volume.spacing_mm)), int(brain.sum()) - 1)
    radius = np.partition(far.ravel(), voxels)[voxels]
    return ndimage.gaussian_filter((far < radius).astype(np.float32), 0.6)


def _filled(volume: Volume, masks: Masks, inside: Floats, brightness: float) -> Volume:
    """Return the scan with its tissue replaced by one of another brightness; shading and grain stay."""
    smooth = ndimage.gaussian_filter(volume.data, 1.0)
    shading = np.exp(on_voxels(masks.log_bias_field, volume, masks))
    grain = volume.data - smooth
    other = np.maximum(brightness * shading + grain, 0)
    data = (1 - inside) * volume.data + inside * other
    return replace(volume, data=np.asarray(data, dtype=np.float32))
