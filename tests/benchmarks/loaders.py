"""Readers of large volumes: how many a second one makes into batches for a GPU, and made up to 0.7."""

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np


def measure(folder: Path) -> dict[str, float]:
    """Batches of large volumes, as they are made and as they were, by turns in one process."""
    from training.settings.presets import PRESETS
    from training.tasks import batches

    batches.HELD_BYTES = 0
    figures: dict[str, float] = {}
    for name, count in (("base", 64), ("large", 16)):
        preset = PRESETS[f"gpu-{name}"]
        paths = [folder / f"{name}-{number}.npy" for number in range(count)]
        rng = np.random.default_rng(0)
        for path in paths:
            np.save(path, rng.normal(0, 1, preset.shape).astype(np.float16))
        kept = batches.torch.zeros((count, 1, *preset.shape), dtype=batches.torch.float16)
        batches._memory = lambda shape, dtype, kept=kept: kept  # type: ignore[assignment, misc]
        ways = {"now": batches.Volumes(paths).batch, "before": _Before(paths, kept.clone()).batch}
        changes = batches.Augmentation.sample(rng, count, shift_voxels=preset.shift_voxels)
        spent: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(8):
            for way, make in ways.items():
                began = time.process_time()
                made = make(range(count), changes, batches.torch.float16)
                if turn:  # the first reads the files into the system's memory
                    spent[way].append(time.process_time() - began)
                del made
        a, b = (f(range(count), changes, batches.torch.float16) for f in ways.values())
        assert batches.torch.equal(a, b)
        speed = {way: count / statistics.median(times) for way, times in spent.items()}
        print(
            f"{preset.name}: {speed['now']:.0f} volumes/s, before {speed['before']:.0f}", flush=True
        )
        figures[f"loader_volumes_s_{name}"] = round(speed["now"], 1)
        figures[f"loader_ratio_{name}"] = round(speed["now"] / speed["before"], 2)
    return figures


class _Before:
    """How batches were made up to 0.7: new memory filled, volumes put there, and all copied once more."""

    def __init__(self, paths: list[Path], pinned: Any) -> None:
        self.paths, self.pinned = paths, pinned

    def batch(self, indices: range, changes: Any, dtype: Any) -> Any:
        """Return volumes as :meth:`training.tasks.batches.Volumes.batch` does."""
        import torch

        from curation.imaging.prepared_volume import BACKGROUND

        first = np.load(self.paths[0], mmap_mode="r", allow_pickle=False)
        batch = torch.full((len(indices), 1, *first.shape), BACKGROUND, dtype=dtype)
        for row, index in enumerate(indices):
            target = batch[row, 0].numpy()
            source = np.load(self.paths[index], mmap_mode="r", allow_pickle=False)
            source = source[::-1] if changes.flip[row] else source
            moves = list(zip(changes.shift[row].tolist(), source.shape, strict=True))
            into = tuple(slice(max(move, 0), size + min(move, 0)) for move, size in moves)
            out_of = tuple(slice(max(-move, 0), size + min(-move, 0)) for move, size in moves)
            target[into] = source[out_of]
        return self.pinned.copy_(batch)
