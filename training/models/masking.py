"""Random masks of a masked autoencoder, sampled anew for every volume of every step."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.settings.preset import Preset


class PatchMasks(NamedTuple):
    """Kept and removed patches of some volumes.

    Parameters
    ----------
    kept, removed : Tensor of int64, [B, K] and [B, R]
        Numbers of the patches that are shown and of those that are asked for; together all patches, or all
        with brain.
    weights : Tensor of float32, [B, R]
        Share of brain of the removed patches, divided by its sum over the batch.
    """

    kept: Tensor
    removed: Tensor
    weights: Tensor


def usable(shares: Tensor, preset: Preset) -> Tensor:
    """Return the indices of the patches that a preset uses, [K]: all, or those with brain."""
    if preset.masking == "brain":
        return torch.nonzero(shares > 0).flatten()
    return torch.arange(len(shares))


def sample_masks(
    rng: np.random.Generator, count: int, shares: Tensor, preset: Preset
) -> PatchMasks:
    """Sample the masks of a batch.

    Parameters
    ----------
    rng : numpy.random.Generator
        Seeded for the step.
    count : int
        Volumes.
    shares : Tensor, [N]
        Share of brain in each patch, from :func:`training.models.patches.patch_weights`.
    preset : Preset
        Gives ratio and kind of masking.

    Notes
    -----
    ``int((1 − ratio) · patches)`` patches are kept, as MONAI does. Under ``brain`` the patches with brain are
    all there is: empty ones are neither shown nor asked for, and the others are removed one after the other
    with probabilities proportional to their share of brain (Efraimidis & Spirakis 2006,
    doi:10.1016/j.ipl.2005.11.003).
    """
    share, positions = shares.numpy(), usable(shares, preset).numpy()
    probability = share[positions] if preset.masking == "brain" else np.ones(len(positions))
    keys = (
        np.log(1 - rng.random((count, len(positions)))) / probability
    )  # the largest are removed first
    order = positions[np.argsort(keys, axis=1)]
    keep = kept_patches(len(positions), preset)
    kept, removed = order[:, :keep], order[:, keep:]
    weights = share[removed]
    return PatchMasks(
        torch.from_numpy(kept),
        torch.from_numpy(removed),
        torch.from_numpy(weights / max(float(weights.sum()), 1e-6)).float(),
    )


def sample_crops(rng: np.random.Generator, count: int, shares: Tensor, preset: Preset) -> Tensor:
    """Sample the patches that a cropped view shows of each volume.

    Parameters
    ----------
    rng : numpy.random.Generator
        Seeded for the step.
    count : int
        Volumes.
    shares : Tensor, [N]
        Share of brain in each patch.
    preset : Preset
        Gives ratio, kind of masking, and the crop.

    Returns
    -------
    Tensor of int64, [B, K]
        As many as :func:`sample_masks` keeps, of those in a box of ``crop`` of each axis at a random place.
        Where a box holds fewer, others fill up.

    Notes
    -----
    A box is cut out, never enlarged: patches keep their size and their place in the template, so that how
    large things are, which is what age is read from, can be told in every view.
    """
    positions, grid = usable(shares, preset).numpy(), np.array(preset.grid)
    size = np.ceil(preset.crop * grid).astype(int)
    start = rng.integers(0, grid - size + 1, (count, 1, 3))
    keys = rng.random((count, len(positions)))
    if (size < grid).any():  # else all are inside
        place = np.stack(np.unravel_index(positions, preset.grid), axis=1)  # [U, 3]
        keys += ~((place >= start) & (place < start + size)).all(axis=2)
    order = positions[np.argsort(keys, axis=1)]
    return torch.from_numpy(order[:, : kept_patches(len(positions), preset)])


def kept_patches(count: int, preset: Preset) -> int:
    """Return how many of some patches are kept: ``int((1 − ratio) · count)``, at least one."""
    return max(1, int((1 - preset.masking_ratio) * count))
