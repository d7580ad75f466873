"""The training loop: one for pretraining and fine-tuning, resumable to the step.

All chance in a step (masks, dropout, augmentation) is drawn after seeding with the run's seed and the
number of the step, and the order of the volumes follows from the same two; so a run that was stopped and
resumed does exactly what an uninterrupted one does (on the CPU bit for bit).
"""

import contextlib
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from os import getuid
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment
from torch import Tensor, nn

from curation import files
from curation.errors import StudyError
from curation.leases import lease
from training import checkpoints
from training.config import Preset
from training.interruption import Interruption
from training.runs import Run, State, Status

#: A run is one process here and in a job of Slurm, whose variables Fabric would else try to follow.
_ALONE = LightningEnvironment
#: A heartbeat within an epoch, at most this often, seconds.
HEARTBEAT_S = 5.0


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Parameters
    ----------
    seed : int
        Of everything random in the run.
    epochs, steps : int
        Epochs, and optimiser steps in each.
    lr : float
        Highest learning rate.
    warmup : float
        Share of all steps over which it rises.
    clip_norm : float
        Largest norm of the gradient.
    """

    seed: int
    epochs: int
    steps: int
    lr: float
    warmup: float
    clip_norm: float

    def lr_at(self, step: int) -> float:
        """Return the learning rate of a step (from 0): a linear rise, then half a cosine to 0."""
        total = self.epochs * self.steps
        rise = max(1, round(self.warmup * total))
        if step < rise:
            return self.lr * (step + 1) / rise
        return self.lr * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, total - rise)))


@dataclass
class Progress:
    """Where a run is: what a checkpoint holds beside weights and optimiser."""

    step: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0
    last: dict[str, float] = field(default_factory=dict)


class Trainer:
    """Trains one model, writing the run's files as it goes.

    Parameters
    ----------
    fabric : Fabric
        Device and precision.
    run : Run
        Its folder.
    schedule : Schedule
        How long and how fast.
    model : nn.Module
        Initial weights; replaced by those of ``last.pt`` where there is one.
    groups : list of dict
        Parameter groups for AdamW, each with ``lr_scale``.
    interruption : Interruption
        Checked after every step.
    """

    def __init__(
        self, fabric: Fabric, run: Run, schedule: Schedule, model: nn.Module, groups: list[dict],
        interruption: Interruption,
    ) -> None:  # fmt: skip
        self.fabric, self.run, self.schedule = fabric, run, schedule
        self.interruption = interruption
        self.raw = model
        optimizer = torch.optim.AdamW(groups, lr=schedule.lr, betas=(0.9, 0.95))
        self.model, self.optimizer = fabric.setup(model, optimizer)
        self.status = Status(run.status_path)
        self.progress = Progress()
        self._restore()

    def fit(
        self, loss_of: Callable[[int], Tensor], evaluate: Callable[[], dict[str, float]]
    ) -> Progress:
        """Train to the end.

        Parameters
        ----------
        loss_of : callable
            ``loss_of(step)`` returns the loss of a step as a scalar with gradient.
        evaluate : callable
            Called after each epoch; its numbers go into ``metrics.jsonl`` beside the loss.

        Returns
        -------
        Progress
            The last epoch's numbers in ``last``.

        Raises
        ------
        StudyError
            When the loss is not finite.
        Stopped
            When a stop was asked for; the state is saved.
        """
        schedule, progress = self.schedule, self.progress
        self._tell("running")
        started, told = time.monotonic() - progress.seconds, time.monotonic()
        while progress.step < schedule.epochs * schedule.steps:
            progress.loss_sum += self._step(loss_of)
            progress.step += 1
            progress.seconds = time.monotonic() - started
            if progress.step % schedule.steps == 0:
                self._end_epoch(evaluate)
                progress.seconds = time.monotonic() - started
            if self.interruption.requested:
                self._save()
                self.interruption.check()
            if time.monotonic() - told > HEARTBEAT_S:
                told = time.monotonic()
                self._tell("running")
        return progress

    def finish(self, weights: dict[str, Tensor], result: dict[str, Any]) -> None:
        """Write ``model.pt`` and ``result.json``; the state to resume from is no longer needed."""
        checkpoints.save(self.run.model_path, weights)
        steps, seconds = self.progress.step, round(self.progress.seconds, 3)
        run = {name: getattr(self.run, name) for name in ("kind", "arm", "seed", "fold")}
        header = {
            "run_id": self.run.id, **run, "steps": steps, "seconds": seconds,
            "device": str(self.fabric.device), "torch": torch.__version__,
        }  # fmt: skip
        files.write_json(self.run.result_path, header | result)
        self._tell("finished")
        self.run.checkpoint_path.unlink(missing_ok=True)

    @property
    def epoch(self) -> int:
        """Finished epochs."""
        return self.progress.step // self.schedule.steps

    def _step(self, loss_of: Callable[[int], Tensor]) -> float:
        step = self.progress.step
        torch.manual_seed(step_seed(self.schedule.seed, step))
        rate = self.schedule.lr_at(step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["lr_scale"]
        self.model.train()
        loss = loss_of(step)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise StudyError(
                f"The loss is no longer a number in epoch {self.epoch + 1}. The last good state is "
                "kept. Plan the study with a lower learning rate (pretrain_lr, finetune_lr)."
            )
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self.fabric.clip_gradients(self.model, self.optimizer, max_norm=self.schedule.clip_norm)
        self.optimizer.step()
        return value

    def _end_epoch(self, evaluate: Callable[[], dict[str, float]]) -> None:
        progress = self.progress
        self.model.eval()
        with torch.inference_mode():
            numbers = evaluate()
        progress.last = {"loss": progress.loss_sum / self.schedule.steps, **numbers}
        progress.loss_sum = 0.0
        line = {"epoch": self.epoch, "step": progress.step, **progress.last}
        files.append_json_line(
            self.run.metrics_path,
            line | {"seconds": round(progress.seconds, 3), "time": time.time()},
        )
        self._save()
        self._tell("running")

    def _tell(self, state: State) -> None:
        self.status.write(
            state, epoch=self.epoch, epochs=self.schedule.epochs, **self.progress.last,
            seconds=round(self.progress.seconds, 3),
        )  # fmt: skip

    def _save(self) -> None:
        state = {
            "model": self.raw.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": dict(vars(self.progress)),
        }
        checkpoints.save(self.run.checkpoint_path, state)

    def _restore(self) -> None:
        state = checkpoints.load(self.run.checkpoint_path)
        if state is None:
            self.run.metrics_path.unlink(missing_ok=True)
            return
        self.raw.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])


def step_seed(seed: int, step: int) -> int:
    """Return a seed for one step of one run, spread over 63 bits (a SplitMix64 step)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + 1) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ (mixed >> 30)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return (mixed ^ (mixed >> 31)) >> 1


@contextlib.contextmanager
def device(preset: Preset, interruption: Interruption) -> Iterator[Fabric]:
    """Yield Fabric on a GPU of our own, in bfloat16 where it can, or else on the CPU.

    Each GPU is lent to one process of this user at a time.
    """
    torch.set_num_threads(preset.threads)
    if not torch.cuda.is_available():
        torch.use_deterministic_algorithms(True)
        torch.set_flush_denormal(True)  # numbers next to nothing take the CPU ten times as long
        yield Fabric(accelerator="cpu", devices=1, precision="32-true", plugins=_ALONE())
        return
    folder = Path(tempfile.gettempdir())
    places = [
        folder / f"tierscope-{getuid()}-gpu-{index}.lock"
        for index in range(torch.cuda.device_count())
    ]
    with lease(places, check=interruption.check) as index:
        bf16 = torch.cuda.is_bf16_supported()
        yield Fabric(
            accelerator="cuda", devices=[index], precision="bf16-mixed" if bf16 else "32-true",
            plugins=_ALONE(),
        )  # fmt: skip
