"""Batches of prepared volumes: sampling order, augmentation, and prefetching in threads."""

import contextlib
import math
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from curation.errors import StudyError
from curation.imaging.prepared_volume import BACKGROUND
from training.settings import volume_grid
from training.tasks import staging

#: Threads that read batches for a GPU, by the cores there are, and batches that are prefetched.
READERS = min(max(3, (os.cpu_count() or 1) // 2), 6)
PREFETCHED = READERS + 3

#: Bytes of prepared volumes that are held in memory once they were read.
HELD_BYTES = 64 * 2**20

#: Knots of a smooth deformation along each axis.
_KNOTS = (6, 7, 6)


@dataclass(frozen=True)
class Augmentation:
    """Parameters of the augmentation of each volume of a batch, sampled apart from applying it.

    Parameters
    ----------
    flip : array of bool, shape (B,)
        Left for right.
    shift : array of int, shape (B, 3)
        Voxels along each axis; background is shifted in.
    gain, offset : Tensor of float32, [B, C]
        Contrast and intensity: ``gain · x + offset`` where there is signal.
    """

    flip: NDArray[np.bool_]
    shift: NDArray[np.int64]
    gain: Tensor
    offset: Tensor

    @classmethod
    def sample(
        cls, rng: np.random.Generator, count: int, *, channels: int = 1, shift_voxels: int = 0
    ) -> "Augmentation":
        """Sample for ``count`` volumes: half are flipped, contrast and intensity change by some 5 %."""
        changes = rng.normal(0, 0.05, (2, count, 1))
        if channels > 1:  # from a generator of their own: all else is sampled as for one channel
            more = rng.spawn(1)[0].normal(0, 0.05, (2, count, channels - 1))
            changes = np.concatenate((changes, more), axis=2)
        changes = changes.astype(np.float32)
        return cls(
            flip=rng.random(count) < 0.5,
            shift=rng.integers(-shift_voxels, shift_voxels + 1, (count, 3)),
            gain=torch.from_numpy(1 + changes[0]),
            offset=torch.from_numpy(changes[1]),
        )

    def part(self, own: slice) -> "Augmentation":
        """Return the parameters of some of the volumes."""
        return Augmentation(self.flip[own], self.shift[own], self.gain[own], self.offset[own])


class Volumes:
    """Prepared volumes on disk, opened for the time of a batch: a process may have some 1,000 files open.

    Small ones stay in memory, as far as :data:`HELD_BYTES` reach: opening a file takes longer than all else
    that is done with a volume of 10 kB.

    Parameters
    ----------
    paths : sequence of Path, or of sequences of Path
        The ``.npy`` file of each sample, or its files, one a channel; all of one shape.
    """

    def __init__(self, paths: Sequence[Path] | Sequence[Sequence[Path]]) -> None:
        self._samples = [[sample] if isinstance(sample, Path) else list(sample) for sample in paths]
        self._held: dict[Path, NDArray] = {}
        self._room = HELD_BYTES

    def __len__(self) -> int:
        return len(self._samples)

    def batch(
        self,
        indices: Sequence[int] | NDArray[np.int64],
        changes: Augmentation | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """Return volumes ``[B, C, X, Y, Z]``, flipped and shifted; float16 is what lies on disk."""
        first = self._samples[0]
        shape = (len(indices), len(first), *self._opened(first[0]).shape)
        batch = _memory(shape, dtype)
        moved = changes is not None and changes.shift.any()
        if not moved and (whole := self._all_held(indices)) is not None:
            return batch.copy_(_flipped(whole.view(shape), changes))
        for row, index in enumerate(indices):
            for channel, path in enumerate(self._samples[int(index)]):
                target, array = batch[row, channel].numpy(), self._opened(path)
                if changes is None:
                    target[...] = array
                else:
                    _put(target, array, bool(changes.flip[row]), changes.shift[row].tolist())
        return batch

    def in_batches(self, indices: Sequence[int], size: int) -> Iterator[Tensor]:
        """Yield volumes as they lie on disk, at most ``size`` at a time, in order."""
        for start in range(0, len(indices), size):
            yield self.batch(indices[start : start + size])

    def _opened(self, path: Path) -> NDArray:
        """Return a volume: held, or mapped into memory, its file closed once the array is no longer used."""
        if (held := self._held.get(path)) is not None:
            return held
        array = _mapped(path)
        if array.nbytes <= self._room:
            self._held[path] = array = np.array(array)
            self._room -= array.nbytes
        return array

    def _all_held(self, indices: Sequence[int] | NDArray[np.int64]) -> Tensor | None:
        """Return volumes in a row where all are held: to copy small ones one by one takes twice as long."""
        paths = (path for index in indices for path in self._samples[int(index)])
        held = [array for path in paths if (array := self._held.get(path)) is not None]
        if not held or len(held) < len(indices) * len(self._samples[0]):
            return None
        return torch.stack([torch.from_numpy(array) for array in held])


def _mapped(path: Path) -> NDArray:
    """Return a volume mapped into memory, of its local copy where that is whole.

    Raises
    ------
    StudyError
        When its file in the workspace is cut off or holds something else.
    """
    copy = staging.local(path)
    if copy != path:
        with contextlib.suppress(StudyError):  # a copy tells nothing of the volume itself
            return volume_grid.read(copy, mapped=True)
    return volume_grid.read(path, mapped=True)


def _memory(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Return memory for a batch, pinned where there is a GPU, which copies from there at once.

    Torch keeps pinned memory and gives it out again, once it was copied from: new memory takes the system
    longer to hand out than the volumes take to be written into it.
    """
    return torch.empty(tuple(shape), dtype=dtype, pin_memory=torch.cuda.is_available())


def _flipped(whole: Tensor, changes: Augmentation | None) -> Tensor:
    """Return volumes [B, C, X, Y, Z] of which some are mirrored, left for right."""
    if changes is None:
        return whole
    flip = torch.from_numpy(changes.flip).view(-1, 1, 1)
    planes = torch.arange(math.prod(whole.shape[:3])).view(whole.shape[:3])
    planes = torch.where(flip, planes.flip(2), planes).flatten()
    return whole.view(len(planes), -1).index_select(0, planes).view_as(whole)


def _put(target: NDArray, source: NDArray, flip: bool, shift: Sequence[int]) -> None:
    """Copy a volume, mirrored and shifted; voxels shifted out are lost, background is shifted in.

    Within a plane across the first axis all voxels lie one after the other, so a plane is moved as a whole
    and what ran over its edges is covered: rows one by one take several times as long.
    """
    planes = source.reshape(len(source), -1)[:: -1 if flip else 1]
    along = shift[1] * source.shape[2] + shift[2]
    (row, row_of), (place, place_of) = map(_moved, planes.shape, (shift[0], along))
    target.reshape(planes.shape)[row, place] = planes[row_of, place_of]
    for axis, move in enumerate(shift):
        if move:
            edge = slice(0, move) if move > 0 else slice(move, None)
            target[(slice(None),) * axis + (edge,)] = BACKGROUND


def _moved(size: int, move: int) -> tuple[slice, slice]:
    """Return where on an axis what stays in sight goes to, and where it comes from."""
    into = slice(max(move, 0), max(size + min(move, 0), 0))
    return into, slice(max(-move, 0), max(size - max(move, 0), 0))


def change_contrast(volumes: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
    """Return float32 volumes with contrast and intensity changed where there is signal.

    Parameters
    ----------
    volumes : Tensor, [B, C, X, Y, Z]
    gain, offset : Tensor, [B, C]
    """
    whole = volumes.float()
    gain, offset = gain[:, :, None, None, None], offset[:, :, None, None, None]
    return torch.where(whole > BACKGROUND, whole * gain + offset, whole)


def sample_warp(rng: np.random.Generator, count: int, *, voxels: float) -> Tensor:
    """Sample smooth displacement fields, [B, 3, 6, 7, 6]: at the knots of a coarse lattice, in voxels.

    Parameters
    ----------
    rng : numpy.random.Generator
        Seeded for the step.
    count : int
        Volumes.
    voxels : float
        Standard deviation along each axis.
    """
    return torch.from_numpy(rng.normal(0, voxels, (count, 3, *_KNOTS)).astype(np.float32))


def warp(volumes: Tensor, displacement: Tensor) -> Tensor:
    """Warp volumes by a displacement field; beyond the edge, values of the edge are repeated.

    Parameters
    ----------
    volumes : Tensor of float32, [B, C, X, Y, Z]
    displacement : Tensor, [B, 3, x, y, z]
        From :func:`sample_warp`: each voxel takes the value at its own position plus this, voxels.
    """
    size = volumes.shape[2:]
    fine = functional.interpolate(displacement, size, mode="trilinear", align_corners=True)
    axes = [torch.arange(n, device=volumes.device, dtype=torch.float32) for n in size]
    where = torch.stack(torch.meshgrid(*axes, indexing="ij")) + fine  # [B, 3, X, Y, Z]
    # filled where it is needed: a GPU would be waited for to copy it there
    extent = torch.stack([torch.full((), n - 1.0, device=volumes.device) for n in size])
    unit = 2 * where / extent.view(1, 3, 1, 1, 1) - 1
    grid = unit.permute(0, 2, 3, 4, 1).flip(-1)  # grid_sample counts axes from the last
    return functional.grid_sample(volumes, grid, padding_mode="border", align_corners=True)


def mirrored_displacement(displacement: Tensor, turned: Tensor) -> Tensor:
    """Mirror some displacement fields, so that they deform mirrored volumes as the others do theirs.

    Parameters
    ----------
    displacement : Tensor, [B, 3, x, y, z]
        From :func:`sample_warp`.
    turned : Tensor of bool, [B]
        Which to mirror, left for right.
    """
    mirrored = displacement.flip(2) * torch.tensor([-1.0, 1.0, 1.0]).view(3, 1, 1, 1)
    return torch.where(turned.view(-1, 1, 1, 1, 1), mirrored, displacement)


def batch_indices(count: int, *, batch: int, step: int, seed: int) -> NDArray[np.int64]:
    """Return the indices of the volumes of a step.

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

    Examples
    --------
    >>> first, second = (batch_indices(4, batch=2, step=step, seed=0) for step in range(2))
    >>> sorted([*first.tolist(), *second.tolist()])  # a pass takes each volume once
    [0, 1, 2, 3]
    """
    positions = np.arange(step * batch, (step + 1) * batch)
    passes, within = np.divmod(positions, count)
    orders = {int(p): np.random.default_rng([seed, int(p)]).permutation(count) for p in set(passes)}
    return np.array([orders[int(p)][at] for p, at in zip(passes, within, strict=True)])


Batch = dict[str, Tensor]


def batches(
    sample: Callable[[int], Batch], first: int, last: int, *, prefetch: bool
) -> Generator[Batch]:
    """Yield ``sample(step)`` for the steps from ``first`` to before ``last``, in order.

    Parameters
    ----------
    sample : callable
        Makes the batch of a step on the CPU, and depends on nothing but the step.
    first, last : int
        Steps.
    prefetch : bool
        Sample the coming batches in threads, into pinned memory, from which a GPU copies meanwhile.
    """
    if not prefetch:
        yield from map(sample, range(first, last))
        return
    with ThreadPoolExecutor(READERS) as pool:
        steps = iter(range(first, last))
        waiting: deque[Future[Batch]] = deque()
        try:
            while True:
                while len(waiting) < PREFETCHED and (step := next(steps, None)) is not None:
                    waiting.append(pool.submit(_pinned, sample, step))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _pinned(sample: Callable[[int], Batch], step: int) -> Batch:
    pin = torch.cuda.is_available()
    return {name: value.pin_memory() if pin else value for name, value in sample(step).items()}
