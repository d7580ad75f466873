from pathlib import Path

import numpy as np
import pytest
import torch

from training.data import Volumes, augment, batch_indices
from training.prepare import BACKGROUND


def test_batches_are_the_volumes_on_disk(tmp_path: Path) -> None:
    arrays = [np.full((2, 3, 4), value, np.float16) for value in range(5)]
    for number, array in enumerate(arrays):
        np.save(tmp_path / f"{number}.npy", array)
    volumes = Volumes([tmp_path / f"{number}.npy" for number in range(5)])
    batch = volumes.batch([4, 1])
    assert len(volumes) == 5
    assert batch.dtype == torch.float32
    assert batch.shape == (2, 1, 2, 3, 4)
    assert batch[:, 0, 0, 0, 0].tolist() == [4, 1]


@pytest.mark.parametrize(("count", "batch"), [(10, 4), (3, 8), (8, 8)])
def test_every_volume_is_seen_once_a_pass(count: int, batch: int) -> None:
    steps = [batch_indices(count, batch=batch, step=step, seed=1) for step in range(count)]
    seen = np.concatenate(steps)[: count * batch].reshape(batch, count)
    assert all(sorted(one) == list(range(count)) for one in seen)


def test_the_order_is_another_each_pass_and_follows_from_the_seed_alone() -> None:
    passes = [batch_indices(50, batch=50, step=step, seed=7).tolist() for step in range(2)]
    assert passes[0] != passes[1]
    assert passes[1] == batch_indices(50, batch=50, step=1, seed=7).tolist()
    assert passes[1] != batch_indices(50, batch=50, step=1, seed=8).tolist()


def _volume() -> torch.Tensor:
    volume = torch.full((1, 1, 9, 9, 9), BACKGROUND)
    volume[0, 0, 2:7, 2:7, 2:7] = torch.rand(5, 5, 5)
    return volume


def test_augmentation_follows_the_generator_and_leaves_the_input_alone() -> None:
    volume = _volume()
    before = volume.clone()
    torch.manual_seed(3)
    first = augment(volume, shift_voxels=1)
    torch.manual_seed(3)
    assert torch.equal(first, augment(volume, shift_voxels=1))
    assert not torch.equal(first, augment(volume, shift_voxels=1))
    assert torch.equal(volume, before)


def test_augmentation_keeps_background_background_and_the_head_whole() -> None:
    volume = _volume()
    for seed in range(20):
        torch.manual_seed(seed)
        changed = augment(volume, shift_voxels=2)
        assert int((changed > BACKGROUND).sum()) == 125
        assert changed.shape == volume.shape


def test_a_shift_fills_with_background_and_does_not_wrap() -> None:
    volume = torch.rand(1, 1, 6, 6, 6)
    for seed in range(20):
        torch.manual_seed(seed)
        missing = (augment(volume, shift_voxels=2)[0, 0] == BACKGROUND).any(dim=(1, 2)).sum()
        torch.manual_seed(seed)
        torch.rand(())
        moves = torch.randint(-2, 3, (3,)).abs()
        assert missing == (6 if moves[1:].any() else moves[0])
