import resource
from pathlib import Path

import numpy as np
import pytest
import torch

from curation.imaging.prepared_volume import BACKGROUND
from training.tasks import batches as tasks_batches
from training.tasks.batches import (
    Augmentation,
    Volumes,
    batch_indices,
    batches,
    change_contrast,
    sample_warp,
    warp,
)
from training.tasks.gradient_accumulation import micro_batches_of


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


def test_volumes_that_are_held_are_the_same_and_no_more_are_held_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        np.save(tmp_path / f"{number}.npy", np.full((2, 3, 4), number, np.float16))
    paths = [tmp_path / f"{number}.npy" for number in range(4)]
    monkeypatch.setattr(tasks_batches, "HELD_BYTES", 2 * 2 * 3 * 4 * 2)
    volumes = Volumes(paths)
    first = volumes.batch(range(4))
    for path in paths:
        np.save(path, np.full((2, 3, 4), 9, np.float16))
    again = volumes.batch(range(4))[:, 0, 0, 0, 0]
    assert first[:, 0, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert again.tolist() == [0, 1, 9, 9]  # the first two are held, the others read again


def test_more_volumes_than_a_process_may_have_files_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks_batches, "HELD_BYTES", 0)  # too large to be held
    for number in range(80):
        np.save(tmp_path / f"{number}.npy", np.full((2, 3, 4), number, np.float16))
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    there = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (there + 40, usual[1]))
    try:
        volumes = Volumes([tmp_path / f"{number}.npy" for number in range(80)])
        values = volumes.batch(range(80))[:, 0, 0, 0, 0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
    assert values.tolist() == list(range(80))


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


def _saved(folder: Path, *arrays: np.ndarray) -> Volumes:
    for number, array in enumerate(arrays):
        np.save(folder / f"{number}.npy", array.astype(np.float16))
    return Volumes([folder / f"{number}.npy" for number in range(len(arrays))])


def _changes(
    count: int, *, flip: bool = False, shift: tuple[int, int, int] = (0, 0, 0)
) -> Augmentation:
    none = Augmentation.sample(np.random.default_rng(0), count)
    return Augmentation(np.full(count, flip), np.tile(shift, (count, 1)), none.gain, none.offset)


def test_volumes_are_flipped_about_the_middle_of_the_first_axis(tmp_path: Path) -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    volumes = _saved(tmp_path, array)
    flipped = volumes.batch([0], _changes(1, flip=True))
    assert np.array_equal(flipped[0, 0].numpy(), array[::-1])
    assert torch.equal(volumes.batch([0]), flipped.flip(2))


def test_volumes_that_are_held_are_mirrored_as_those_that_are_read(tmp_path: Path) -> None:
    for number in range(6):
        np.save(tmp_path / f"{number}.npy", np.random.default_rng(number).normal(size=(4, 5, 6)))
    pairs = [[tmp_path / f"{2 * n}.npy", tmp_path / f"{2 * n + 1}.npy"] for n in range(3)]
    volumes, changes = Volumes(pairs), _changes(4)
    changes.flip[:] = [True, False, True, False]
    read, held = (volumes.batch([2, 0, 1, 2], changes) for _ in range(2))
    assert torch.equal(read, held)
    assert torch.equal(volumes.batch([2, 0, 1, 2]), held.where(_as_they_lie(changes), held.flip(2)))


def _as_they_lie(changes: Augmentation) -> torch.Tensor:
    return ~torch.from_numpy(changes.flip).view(-1, 1, 1, 1, 1)


@pytest.mark.parametrize(
    "shift",
    [(1, 0, 0), (0, -2, 0), (-1, 2, 3), (2, 3, 4), (0, 0, -5), (0, 1, -2), (3, -1, 1), (0, -4, -5)],
)
@pytest.mark.parametrize("flip", [False, True])
def test_a_shift_fills_with_background_and_does_not_wrap(
    tmp_path: Path, shift: tuple[int, int, int], flip: bool
) -> None:
    """Every voxel that is still in sight lies ``shift`` further on; the rest is background."""
    array = np.random.default_rng(0).integers(1, 100, (4, 5, 6))
    moved = _saved(tmp_path, array).batch([0], _changes(1, flip=flip, shift=shift))[0, 0].numpy()
    array = array[::-1] if flip else array
    expected = np.full(array.shape, BACKGROUND)
    for place in np.ndindex(array.shape):
        target = np.add(place, shift)
        if (target >= 0).all() and (target < array.shape).all():
            expected[tuple(target)] = array[place]
    assert np.array_equal(moved, expected)


def test_channels_of_a_sample_move_together(tmp_path: Path) -> None:
    first, second = np.arange(24.0).reshape(2, 3, 4), np.arange(24.0, 48).reshape(2, 3, 4)
    np.save(tmp_path / "a.npy", first)
    np.save(tmp_path / "b.npy", second)
    batch = Volumes([[tmp_path / "a.npy", tmp_path / "b.npy"]]).batch([0], _changes(1, flip=True))
    assert batch.shape == (1, 2, 2, 3, 4)
    assert torch.equal(batch[0, 1] - batch[0, 0], torch.full((2, 3, 4), 24.0))


def test_brightness_changes_where_there_is_signal_only() -> None:
    volume = torch.full((2, 1, 3, 3, 3), BACKGROUND)
    volume[:, :, 1] = torch.rand(3, 3)
    gain, offset = torch.tensor([[1.1], [1.0]]), torch.tensor([[0.2], [0.0]])
    changed = change_contrast(volume.half(), gain, offset)
    assert changed.dtype == torch.float32
    assert torch.equal(changed[1], volume[1].half().float())
    assert torch.allclose(changed[0, 0, 1], volume[0, 0, 1].half().float() * 1.1 + 0.2)
    assert (changed[0, 0, 0] == BACKGROUND).all()


def test_what_is_drawn_follows_the_generator_and_may_be_cut() -> None:
    one, same = (
        Augmentation.sample(np.random.default_rng(4), 6, channels=2, shift_voxels=2) for _ in "ab"
    )
    assert np.array_equal(one.shift, same.shift)
    assert torch.equal(one.gain, same.gain)
    assert one.gain.shape == (6, 2)
    assert np.abs(one.shift).max() <= 2
    assert torch.equal(one.part(slice(2, 4)).offset, one.offset[2:4])
    many = Augmentation.sample(np.random.default_rng(4), 4000)
    assert many.flip.mean() == pytest.approx(0.5, abs=0.03)
    assert not many.shift.any()
    assert many.gain.std() == pytest.approx(0.05, rel=0.1)


@pytest.mark.parametrize("prefetch", [False, True])
def test_batches_come_in_order_whether_prefetched_or_not(prefetch: bool) -> None:
    found = list(batches(lambda step: {"x": torch.tensor([step])}, 3, 20, prefetch=prefetch))
    assert [int(batch["x"]) for batch in found] == list(range(3, 20))


def test_an_error_while_prefetching_reaches_the_reader() -> None:
    def sample(step: int) -> dict[str, torch.Tensor]:
        if step == 2:
            raise FileNotFoundError("volume 2")
        return {"x": torch.zeros(1)}

    with pytest.raises(FileNotFoundError, match="volume 2"):
        list(batches(sample, 0, 9, prefetch=True))


def test_a_micro_batch_has_all_that_belongs_to_its_volumes() -> None:
    batch = {"x": torch.arange(6), "y": torch.arange(12).reshape(6, 2)}
    _, part, _ = micro_batches_of(batch, 6, 3)
    assert part["x"].tolist() == [2, 3]
    assert part["y"].tolist() == [[4, 5], [6, 7]]


def test_no_displacement_is_identity() -> None:
    volumes = torch.rand(2, 1, 8, 9, 10)
    still = sample_warp(np.random.default_rng(0), 2, voxels=0.0)
    assert torch.allclose(warp(volumes, still), volumes, atol=1e-5)


def test_a_displacement_tells_where_each_voxels_value_comes_from() -> None:
    volumes = torch.rand(1, 2, 8, 9, 10)
    field = torch.tensor([1.0, -2.0, 3.0]).view(1, 3, 1, 1, 1).expand(1, 3, 6, 7, 6)
    moved = warp(volumes, field)
    assert torch.allclose(moved[..., :-1, 2:, :-3], volumes[..., 1:, :-2, 3:], atol=1e-4)


def test_deformations_are_smooth_and_as_large_as_asked() -> None:
    field = sample_warp(np.random.default_rng(0), 40, voxels=1.5)
    assert field.std() == pytest.approx(1.5, rel=0.05)
    ramp = torch.arange(40.0).view(1, 1, 40, 1, 1).expand(1, 1, 40, 40, 40).contiguous()
    moved = warp(ramp, field[:1])[0, 0, 8:-8, 8:-8, 8:-8]
    assert moved.diff(dim=0).min() > 0  # nothing folds


def test_a_warped_batch_follows_from_the_step_alone() -> None:
    one, same = (sample_warp(np.random.default_rng(5), 3, voxels=1.0) for _ in "ab")
    assert torch.equal(one, same)
