"""Which patches are removed: drawn anew for every volume of every step."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.config import Preset


class Masks(NamedTuple):
    """The patches of some volumes.

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


def draw(rng: np.random.Generator, count: int, shares: Tensor, preset: Preset) -> Masks:
    """Draw the masks of a batch.

    Parameters
    ----------
    rng : numpy.random.Generator
        Seeded for the step.
    count : int
        Volumes.
    shares : Tensor, [N]
        Share of brain in each patch, from :func:`training.masked_autoencoder.patch_weights`.
    preset : Preset
        Gives ratio and kind of masking.

    Notes
    -----
    ``int((1 − ratio) · patches)`` patches are kept, as MONAI does. Under ``brain`` only patches with brain
    take part, and patches are removed one after the other with chances proportional to their share of brain
    (Efraimidis & Spirakis 2006, doi:10.1016/j.ipl.2005.11.003).
    """
    share = shares.numpy()
    brain = preset.masking == "brain"
    usable = np.flatnonzero(share > 0) if brain else np.arange(len(share))
    chance = share[usable] if brain else np.ones(len(usable))
    keys = np.log(1 - rng.random((count, len(usable)))) / chance  # the largest are removed first
    order = usable[np.argsort(keys, axis=1)]
    keep = max(1, int((1 - preset.masking_ratio) * len(usable)))
    kept, removed = order[:, :keep], order[:, keep:]
    weights = share[removed]
    return Masks(
        torch.from_numpy(kept),
        torch.from_numpy(removed),
        torch.from_numpy(weights / max(float(weights.sum()), 1e-6)).float(),
    )
