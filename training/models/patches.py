"""Cubic patches of volumes: patchify and its inverse, share of brain, mean patches, patch embedding."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from monai.networks.blocks.patchembedding import PatchEmbeddingBlock
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.settings.preset import Preset


def patchify(volumes: Tensor, patch: int) -> Tensor:
    """Cut volumes into cubic patches, in the order of MONAI's patch embedding.

    Parameters
    ----------
    volumes : Tensor, [B, C, X, Y, Z]
        Each size a multiple of ``patch``.
    patch : int
        Edge of a patch, voxels.

    Returns
    -------
    Tensor, [B, N, P]
        ``P`` is C · patch³.

    Examples
    --------
    >>> volumes = torch.rand(2, 1, 8, 8, 16)
    >>> patches = patchify(volumes, 4)
    >>> tuple(patches.shape)
    (2, 16, 64)
    >>> torch.equal(unpatchify(patches, (2, 2, 4), 4), volumes)
    True
    """
    b, c, x, y, z = volumes.shape
    cut = volumes.reshape(b, c, x // patch, patch, y // patch, patch, z // patch, patch)
    return cut.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(b, -1, c * patch**3)


def unpatchify(patches: Tensor, grid: tuple[int, int, int], patch: int) -> Tensor:
    """Put patches back into volumes: the inverse of :func:`patchify`.

    Parameters
    ----------
    patches : Tensor, [B, N, C · patch³]
        In the order of :func:`patchify`.
    grid : tuple of int
        Patches along each axis; their product is N.
    patch : int
        Edge of a patch, voxels.

    Returns
    -------
    Tensor, [B, C, X, Y, Z]
    """
    gx, gy, gz = grid
    cut = patches.reshape(len(patches), gx, gy, gz, -1, patch, patch, patch)
    volumes = cut.permute(0, 4, 1, 5, 2, 6, 3, 7)
    return volumes.reshape(len(patches), -1, gx * patch, gy * patch, gz * patch)


def patch_weights(mask: NDArray[np.bool_], patch: int) -> Tensor:
    """Return the share of brain in each patch, 0 to 1, [N]: empty patches teach nothing."""
    volume = torch.from_numpy(np.array(mask, dtype=np.float32))[None, None]
    return patchify(volume, patch).mean(dim=2)[0]


@torch.no_grad()
def mean_patches(
    volumes: Iterable[Tensor], patch: int, *changes: Callable[[Tensor], Tensor]
) -> list[Tensor]:
    """Average the patches at each position over volumes and their mirror images.

    Parameters
    ----------
    volumes : iterable of Tensor, [B, C, X, Y, Z]
        Batches; at least one volume in all.
    patch : int
        Edge of a patch, voxels.
    *changes : callable
        Functions of patches, [B, N, P] to [B, N, P], whose values are averaged.

    Returns
    -------
    list of Tensor, [N, P]
        One a change.
    """
    sums: list[Any] = [0.0] * len(changes)
    count = 0
    for batch in volumes:
        for one in (batch, batch.flip(2)):
            patches = patchify(one.float(), patch)
            sums = [s + change(patches).sum(0) for s, change in zip(sums, changes, strict=True)]
            count += len(one)
    return [total / count for total in sums]


def take(tokens: Tensor, positions: Tensor) -> Tensor:
    """Return ``tokens`` [B, N, D] at ``positions`` [B, K], as [B, K, D]."""
    return tokens.gather(1, positions.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))


def voxels_of_patches(preset: Preset) -> Tensor:
    """Return which voxels of a flattened volume each patch is of, in the patch's order, [N, P]."""
    shape = (preset.channels, *preset.shape)
    return patchify(torch.arange(math.prod(shape)).view(1, *shape), preset.patch)[0]


def cut_out(volumes: Tensor, positions: Tensor, voxels: Tensor) -> Tensor:
    """Cut some patches out of volumes, which takes a third of the time of cutting all and taking some.

    Parameters
    ----------
    volumes : Tensor, [B, C, X, Y, Z]
        Of a preset's shape.
    positions : Tensor of int, [B, K]
        Indices of the patches.
    voxels : Tensor of int, [N, P]
        From :func:`voxels_of_patches`.

    Returns
    -------
    Tensor, [B, K, P]
    """
    places = voxels[positions]
    return volumes.flatten(1).gather(1, places.flatten(1)).view_as(places)


def embed(embedding: PatchEmbeddingBlock, patches: Tensor, positions: Tensor) -> Tensor:
    """Embed patches as MONAI's convolution does, by one product of matrices.

    Parameters
    ----------
    embedding : PatchEmbeddingBlock
        Of the network.
    patches : Tensor, [B, K, C · patch³]
        From :func:`patchify`, all or some.
    positions : Tensor of int, [B, K]
        Their indices among all patches.

    Returns
    -------
    Tensor, [B, K, H]
    """
    convolution: Any = embedding.patch_embeddings
    tokens = functional.linear(patches, convolution.weight.flatten(1), convolution.bias)
    return tokens + embedding.position_embeddings[0][positions]


def moments(patches: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each patch, as He et al. 2022 compare them."""
    mean, variance = patches.mean(-1, keepdim=True), patches.var(-1, keepdim=True)
    return mean, (variance + 1e-6).sqrt()
