"""Copies of a scan, other files of the same head: packed, turned, defaced, resampled, made noisy."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)
from scipy import ndimage

Image = nib.Nifti1Image


def rezipped(image: Image) -> Image:
    """Return the same voxels as floating-point numbers; written unpacked, see :func:`write`."""
    return Image(image.get_fdata(dtype=np.float32), image.affine)


def reoriented(image: Image) -> Image:
    """Return the image in another order of axes, its head turned by 8° and resampled."""
    angle = np.deg2rad(8)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    middle = np.append((np.array(image.shape) - 1) / 2, 1.0)
    centre = (image.affine @ middle)[:3]
    turn[:3, 3] = centre - turn[:3, :3] @ centre
    pull = np.linalg.inv(image.affine) @ turn @ image.affine
    data = ndimage.affine_transform(
        image.get_fdata(dtype=np.float32), pull[:3, :3], pull[:3, 3], order=1
    )
    axes = ornt_transform(io_orientation(image.affine), axcodes2ornt("PSR"))
    return Image(apply_orientation(data, axes), image.affine @ inv_ornt_aff(axes, image.shape))


def defaced(image: Image) -> Image:
    """Return the image with all zero in front of and below the forehead."""
    data = image.get_fdata(dtype=np.float32).copy()
    world = nib.affines.apply_affine(image.affine, np.argwhere(data > data.mean()))
    front, crown = world[:, 1].max(), world[:, 2].max()
    index = np.meshgrid(*map(np.arange, data.shape), indexing="ij", sparse=True)
    row_y, row_z = image.affine[1], image.affine[2]
    y = sum(row_y[axis] * index[axis] for axis in range(3)) + row_y[3]
    z = sum(row_z[axis] * index[axis] for axis in range(3)) + row_z[3]
    data[np.broadcast_to((y > front - 35) & (z < crown - 75), data.shape)] = 0
    return Image(data, image.affine)


def at_2_mm(image: Image) -> Image:
    """Return the image averaged to voxels of 2 mm, with 256 steps of brightness."""
    step = 2.0 / np.array(image.header.get_zooms()[:3], dtype=float)
    data = image.get_fdata(dtype=np.float32)
    smooth = ndimage.gaussian_filter(data, 0.42 * step)
    shape = tuple(int(size / edge) for size, edge in zip(data.shape, step, strict=True))
    coarse = ndimage.affine_transform(smooth, step, output_shape=shape, order=1)
    levels = np.clip(coarse / np.percentile(coarse, 99.9) * 255, 0, 255).round()
    return Image(levels.astype(np.uint8), image.affine @ np.diag([*step, 1.0]))


def noisy(image: Image, seed: int = 1) -> Image:
    """Return the image with Rician noise of 8 % of its brightness."""
    data, rng = image.get_fdata(dtype=np.float32), np.random.default_rng(seed)
    spread = 0.08 * float(np.percentile(data, 98))
    real = data + rng.normal(0, spread, data.shape)
    return Image(np.hypot(real, rng.normal(0, spread, data.shape)).astype(np.float32), image.affine)


def another_session(image: Image, seed: int = 2) -> Image:
    """Return what stands for another session: other shading, contrast, noise, and geometry (1.5 mm).

    Made of the same image: no second session of these people is at hand.
    """
    rng = np.random.default_rng(seed)
    data = image.get_fdata(dtype=np.float32)
    zooms = np.array(image.header.get_zooms()[:3], dtype=float)
    fields = [ndimage.gaussian_filter(rng.normal(0, 1, data.shape), 25 / zooms) for _ in range(4)]
    shifts = [1.5 / edge * one / one.std() for one, edge in zip(fields[:3], zooms, strict=True)]
    grid = np.meshgrid(*map(np.arange, data.shape), indexing="ij", sparse=True)
    moved = ndimage.map_coordinates(
        data, [at + shift for at, shift in zip(grid, shifts, strict=True)], order=1
    )
    bright = float(np.percentile(moved, 99.5))
    shaded = (
        bright
        * np.clip(moved / bright, 0, None) ** 0.8
        * np.exp(0.25 * fields[3] / fields[3].std())
    )
    return noisy(Image(shaded.astype(np.float32), image.affine), seed)


#: Kinds of copies by name.
COPIES: dict[str, Callable[[Image], Image]] = {
    "rezipped": rezipped,
    "reoriented": reoriented,
    "defaced": defaced,
    "at_2_mm": at_2_mm,
    "noisy": noisy,
}


def write(path: Path, kind: str, to: Path) -> Path:
    """Write a copy of a kind of a file, without packing where that is the change."""
    to.mkdir(parents=True, exist_ok=True)
    change = COPIES.get(kind, another_session)
    ending = ".nii" if kind == "rezipped" else ".nii.gz"
    copy = to / f"{path.name.split('.')[0]}-{kind}{ending}"
    nib.save(change(nib.load(path)), copy)
    return copy
