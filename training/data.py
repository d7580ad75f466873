"""Prepared volumes as batches, their order, and the augmentation of training batches."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.prepare import BACKGROUND


class Volumes:
    """Prepared volumes, memory-mapped.

    Parameters
    ----------
    paths : sequence of Path
        ``.npy`` files of one shape.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._arrays = [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]

    def __len__(self) -> int:
        return len(self._arrays)

    def batch(self, indices: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Return volumes as float32 ``[B, 1, X, Y, Z]``."""
        stacked = np.stack([self._arrays[int(index)] for index in indices])
        return torch.from_numpy(stacked.astype(np.float32)).unsqueeze(1)


def batch_indices(count: int, *, batch: int, step: int, seed: int) -> NDArray[np.int64]:
    """Return which volumes the given step takes.

    The volumes are passed over again and again, each pass in a new order that follows from the seed and
    the pass alone; so any step can be reached without those before it.

    Parameters
    ----------
    count : int
        Volumes there are.
    batch : int
        Volumes a step.
    step : int
        From 0.
    seed : int
        Of the order.

    Returns
    -------
    array of int, shape (batch,)
    """
    positions = np.arange(step * batch, (step + 1) * batch)
    passes, places = np.divmod(positions, count)
    orders = {int(p): np.random.default_rng([seed, int(p)]).permutation(count) for p in set(passes)}
    return np.array([orders[int(p)][place] for p, place in zip(passes, places, strict=True)])


def augment(batch: Tensor, *, shift_voxels: int) -> Tensor:
    """Flip left and right, shift, and change contrast and brightness a little, each volume for itself.

    Parameters
    ----------
    batch : Tensor, [B, 1, X, Y, Z]
        RAS, symmetric about the middle of the first axis; left as it is.
    shift_voxels : int
        Largest shift along each axis; what comes in is background.

    Returns
    -------
    Tensor, [B, 1, X, Y, Z]
        Draws come from torch's own generator: seed it for the step.
    """
    changed = []
    for volume in batch:
        flip = bool(torch.rand(()) < 0.5)
        moves = torch.randint(-shift_voxels, shift_voxels + 1, (3,)).tolist()
        gain, offset = 1 + 0.05 * torch.randn(()), 0.05 * torch.randn(())
        moved = _shifted(volume.flip(1) if flip else volume, moves)
        inside = moved > BACKGROUND
        changed.append(torch.where(inside, moved * gain + offset, moved))
    return torch.stack(changed)


def _shifted(volume: Tensor, moves: Sequence[int]) -> Tensor:
    """Shift ``[1, X, Y, Z]`` by whole voxels, filling with background."""
    shifted = torch.roll(volume, tuple(moves), dims=(1, 2, 3))
    for axis, move in enumerate(moves, start=1):
        if move:
            start = 0 if move > 0 else shifted.shape[axis] + move
            shifted.narrow(axis, start, abs(move)).fill_(BACKGROUND)
    return shifted
