import threading
import weakref
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment
from torch import Tensor, nn

from curation.errors import StudyError
from curation.storage import files, json_lines
from tests.helpers.stops import StopAt
from training.studies.runs import Run
from training.tasks import checkpoints, training_loop
from training.tasks.batches import Batch
from training.tasks.devices import out_of_memory
from training.tasks.schedule import Schedule, step_seed
from training.tasks.stop_signal import Stopped

_TIMES = ("seconds", "time", "volumes_per_s", "data_wait_share")
SCHEDULE = Schedule(seed=3, epochs=4, steps=5, lr=0.05, warmup=0.2, clip_norm=1.0)


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).squeeze(1)


def _trainer(folder: Path, stop: StopAt, schedule=SCHEDULE) -> training_loop.Trainer:
    torch.manual_seed(0)
    model = _Net()
    run = Run("pretrain_A_seed0", "pretrain", "A", 0, None, folder)
    groups = [{"params": list(model.parameters()), "lr_scale": 1.0}]
    fabric = Fabric(accelerator="cpu", devices=1, plugins=LightningEnvironment())
    return training_loop.Trainer(fabric, run, schedule, model, groups, stop)


class _Sums(training_loop.Task):
    """Learns the sum of four numbers; one step can be spoilt, and memory can be short."""

    def __init__(self, spoil_at: int | None = None, memory: int = 6) -> None:
        super().__init__(6)
        self.spoil_at, self.memory = spoil_at, memory

    def sample(self, step: int) -> Batch:
        x = torch.randn(6, 4, generator=torch.Generator().manual_seed(step))
        return {"x": x * float("nan") if step == self.spoil_at else x}

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        x = batch["x"]
        if len(x) > self.memory:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return (model(x) - x.sum(1)).square().sum() / self.size

    def evaluate(self) -> dict[str, float]:
        return {"age_mae_years": 1.0}


def _fit(
    trainer: training_loop.Trainer, spoil_at: int | None = None
) -> training_loop.TrainingProgress:
    return trainer.fit(_Sums(spoil_at))


def _weights(trainer: training_loop.Trainer) -> list[Tensor]:
    return [value.clone() for value in trainer.raw.state_dict().values()]


def _lines(folder: Path) -> list[dict]:
    lines = json_lines.read(folder / "metrics.jsonl")
    return [{k: v for k, v in line.items() if k not in _TIMES} for line in lines]


@pytest.mark.parametrize("stops", [[1], [5], [7], [12, 3], [1] * 19])
def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(tmp_path, stops: list[int]) -> None:
    whole = _trainer(tmp_path / "whole", StopAt())
    expected = _fit(whole)
    for steps in stops:
        with pytest.raises(Stopped):
            _fit(_trainer(tmp_path / "resumed", StopAt(steps)))
    resumed = _trainer(tmp_path / "resumed", StopAt())
    assert resumed.progress.step == sum(stops)
    assert _fit(resumed).last == expected.last
    assert all(torch.equal(a, b) for a, b in zip(_weights(whole), _weights(resumed), strict=True))
    assert _lines(tmp_path / "resumed") == _lines(tmp_path / "whole")


def test_a_killed_run_goes_on_from_what_was_saved_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _trainer(tmp_path / "whole", StopAt())
    _fit(whole)
    monkeypatch.setattr(training_loop, "SAVE_EVERY_S", -1.0)  # after every step
    killed = _trainer(tmp_path / "killed", StopAt())
    with pytest.raises(StudyError):
        _fit(killed, spoil_at=13)  # dies in the third epoch
    again = _trainer(tmp_path / "killed", StopAt())
    assert again.progress.step == 13
    _fit(again)
    assert all(torch.equal(a, b) for a, b in zip(_weights(whole), _weights(again), strict=True))
    assert _last_of_each_epoch(tmp_path / "killed") == _lines(tmp_path / "whole")


def _last_of_each_epoch(folder: Path) -> list[dict]:
    return list({line["epoch"]: line for line in _lines(folder)}.values())


def test_the_state_is_saved_by_time_and_at_a_stop_not_with_every_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a large network it is a gigabyte, and an epoch may be over in seconds."""
    saved = []
    save = checkpoints.save
    monkeypatch.setattr(
        checkpoints, "save", lambda path, state: (saved.append(path.name), save(path, state))
    )
    clock = [0.0]
    monkeypatch.setattr(training_loop.time, "monotonic", lambda: clock[0])

    class Slow(_Sums):
        def sample(self, step: int) -> Batch:
            clock[0] += 40.0
            return super().sample(step)

    with pytest.raises(Stopped):
        _trainer(tmp_path, StopAt(19)).fit(Slow())  # 760 s, nearly four epochs
    assert saved == ["last.pt"] * 3  # after 320 and 640 s, and at the stop
    status = files.read_json(tmp_path / "status.json")
    assert status["epoch"] == 3


def test_steps_go_on_while_the_disk_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_loop, "SAVE_EVERY_S", -1.0)  # after every step
    trainer, save, seen = _trainer(tmp_path, StopAt()), checkpoints.save, []
    later = threading.Event()

    def slowly(path: Path, state: dict) -> None:
        assert later.wait(60)  # until the next step is being made
        seen.append(state["progress"]["step"])
        save(path, state)

    class Task(_Sums):
        def loss(self, model: nn.Module, batch: Batch) -> Tensor:
            if trainer.progress.step:
                later.set()
            return super().loss(model, batch)

    monkeypatch.setattr(checkpoints, "save", slowly)
    trainer.fit(Task())
    assert seen == [*range(1, 21)]


def test_a_checkpoint_of_earlier_versions_is_gone_on_from(tmp_path: Path) -> None:
    whole = _trainer(tmp_path / "whole", StopAt())
    _fit(whole)
    with pytest.raises(Stopped):
        _fit(_trainer(tmp_path / "old", StopAt(7)))
    path = tmp_path / "old" / "last.pt"
    torch.save(torch.load(path, weights_only=True), path)  # in the archive that they made
    resumed = _trainer(tmp_path / "old", StopAt())
    _fit(resumed)
    assert all(torch.equal(a, b) for a, b in zip(_weights(whole), _weights(resumed), strict=True))


def test_how_far_a_killed_run_is_saved_is_told(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        _trainer(tmp_path, StopAt(6)).fit(_Sums())
    with pytest.raises(StudyError):
        _trainer(tmp_path, StopAt()).fit(_Sums(spoil_at=16))
    status = files.read_json(tmp_path / "status.json")
    assert (status["epoch"], status["saved_epoch"]) == (3, 1)


@pytest.mark.parametrize("each_step", [True, False])
def test_a_loss_that_is_no_number_ends_the_run_with_the_last_good_state(
    tmp_path: Path, each_step: bool
) -> None:
    with pytest.raises(Stopped):
        _fit(_trainer(tmp_path, StopAt(5)))
    trainer = _trainer(tmp_path, StopAt())
    trainer.looks_at_each_step = each_step  # False as on a GPU
    with pytest.raises(
        StudyError, match=r"^The loss is no longer a number in epoch 2\..*lower learning"
    ):
        _fit(trainer, spoil_at=7)
    _saved_state_is_finite(tmp_path, steps=5)


@pytest.mark.parametrize("each_step", [True, False])
def test_a_gradient_that_is_no_number_is_told_in_words_and_not_saved(
    tmp_path: Path, each_step: bool
) -> None:
    class Task(_Sums):
        def sample(self, step: int) -> Batch:
            return super().sample(step) | {"step": torch.full((self.size,), step)}

        def loss(self, model: nn.Module, batch: Batch) -> Tensor:
            loss = super().loss(model, batch)
            return (loss * 0).sqrt() if int(batch["step"][0]) == 8 else loss

    with pytest.raises(Stopped):
        _trainer(tmp_path, StopAt(5)).fit(Task())
    trainer = _trainer(tmp_path, StopAt(4))
    trainer.looks_at_each_step = each_step
    with pytest.raises(
        StudyError, match=r"^The gradient of the loss is no longer a number in epoch 2\."
    ):
        trainer.fit(Task())  # stopped right after the step: what it would save is spoilt
    _saved_state_is_finite(tmp_path, steps=5)


def _saved_state_is_finite(folder: Path, *, steps: int) -> None:
    state = checkpoints.load(folder / "last.pt")
    assert state is not None
    assert state["progress"]["step"] == steps
    assert all(torch.isfinite(value).all() for value in state["model"].values())


def test_a_new_start_without_a_checkpoint_forgets_the_earlier_lines(tmp_path: Path) -> None:
    json_lines.append(tmp_path / "metrics.jsonl", {"epoch": 1, "loss": 9.0})
    _fit(_trainer(tmp_path, StopAt()))
    assert [line["epoch"] for line in _lines(tmp_path)] == [1, 2, 3, 4]


def test_a_finished_run_leaves_its_weights_and_result(tmp_path: Path) -> None:
    trainer = _trainer(tmp_path, StopAt())
    _fit(trainer)
    trainer.finish(trainer.raw.state_dict(), {"loss": 1.0})
    assert not (tmp_path / "last.pt").exists()
    assert checkpoints.load(tmp_path / "model.pt") is not None
    result = files.read_json(tmp_path / "result.json")
    assert (result["steps"], result["loss"], result["device"]) == (20, 1.0, "cpu")
    assert files.read_json(tmp_path / "status.json")["state"] == "finished"


def test_the_learning_rate_rises_and_falls_to_nothing() -> None:
    rates = [SCHEDULE.lr_at(step) for step in range(20)]
    assert rates[0] == pytest.approx(0.05 / 4)
    assert max(rates) == rates[4] == 0.05
    assert rates == sorted(rates[:5]) + sorted(rates[5:], reverse=True)
    assert rates[-1] < 0.001


def test_seeds_of_steps_do_not_repeat() -> None:
    seeds = {step_seed(seed, step) for seed in range(20) for step in range(500)}
    assert len(seeds) == 10_000
    assert min(seeds) >= 0


class _Plain(nn.Module):
    """Without dropout and normalisation over the batch, so that a part does not depend on the others."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).squeeze(1)


@pytest.mark.parametrize(("memory", "micro_batches"), [(3, 2), (2, 4), (1, 6)])
def test_short_memory_splits_the_batch_says_so_and_changes_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog, memory: int, micro_batches: int
) -> None:
    monkeypatch.setattr(f"{__name__}._Net", _Plain)
    whole, split = (_trainer(tmp_path / name, StopAt()) for name in ("whole", "split"))
    expected = whole.fit(_Sums())
    found = split.fit(_Sums(memory=memory))
    assert found.micro_batches == micro_batches
    assert found.last == pytest.approx(expected.last, rel=1e-4)
    for a, b in zip(_weights(whole), _weights(split), strict=True):
        assert torch.allclose(a, b, atol=1e-4)
    words = files.read_json(tmp_path / "split" / "status.json")["message"]
    assert f"in {micro_batches} parts" in words
    assert "memory ran out" in caplog.text
    assert not files.read_json(tmp_path / "whole" / "status.json")["message"]


def test_what_a_failed_try_computed_is_gone_before_the_next_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}._Net", _Plain)
    computed: list[weakref.ref] = []

    class Task(_Sums):
        def loss(self, model: nn.Module, batch: Batch) -> Tensor:
            assert all(reference() is None for reference in computed)
            activations = model(batch["x"]) * 2
            if len(batch["x"]) > self.memory:
                computed.append(weakref.ref(activations))
            loss = super().loss(model, batch)
            return loss + 0 * activations.sum()

    _trainer(tmp_path, StopAt()).fit(Task(memory=2))
    assert len(computed) == 2  # failed with 6 and with 3 volumes


def test_micro_batches_are_remembered_by_a_resumed_run(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        _trainer(tmp_path, StopAt(7)).fit(_Sums(memory=3))
    stored = checkpoints.load(tmp_path / "last.pt")
    assert stored is not None and stored["progress"]["parts"] == 2  # as earlier versions wrote it
    assert _trainer(tmp_path, StopAt()).progress.micro_batches == 2


def test_a_single_volume_that_is_too_much_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="memory is too small for 1 volumes"):
        _trainer(tmp_path, StopAt()).fit(_Sums(memory=0))


def test_other_errors_are_not_taken_for_short_memory(tmp_path: Path) -> None:
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"))
    assert out_of_memory(MemoryError())


def test_speed_is_told_with_every_epoch(tmp_path: Path) -> None:
    _fit(_trainer(tmp_path, StopAt()))
    lines = json_lines.read(tmp_path / "metrics.jsonl")
    assert all(line["volumes_per_s"] > 0 and 0 <= line["data_wait_share"] <= 1 for line in lines)
    rates = [line["learning_rate"] for line in lines]
    assert rates == sorted(rates, reverse=True) and rates[0] > 10 * rates[-1] > 0
    status = files.read_json(tmp_path / "status.json")
    assert status["volumes_per_s"] > 0
