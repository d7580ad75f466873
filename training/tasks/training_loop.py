"""The training loop of pretraining and fine-tuning: steps, gradient accumulation, epochs, checkpoints.

Everything random in a step (masks, dropout, augmentation) is sampled after seeding with the run's seed and
the number of the step, and the order of the volumes follows from the same two; so a run that was stopped
and resumed does exactly what an uninterrupted one does (on the CPU bit for bit). Where the memory is too
small for a batch, its gradient is accumulated over micro-batches
(:mod:`training.tasks.gradient_accumulation`).
"""

import contextlib
import gc
import logging
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from curation import __version__
from curation.errors import StudyError
from curation.storage import files, json_lines
from training.studies.run_status import State, Status
from training.studies.runs import Run
from training.tasks import checkpoints, devices, provenance
from training.tasks.batches import Batch, batches
from training.tasks.checkpoints import TrainingProgress
from training.tasks.gradient_accumulation import add_gradients, micro_batches_of
from training.tasks.schedule import Schedule, step_seed
from training.tasks.stop_signal import Interruption, Stopped
from training.tasks.throughput import Meter

_log = logging.getLogger(__name__)

#: A heartbeat within an epoch, at most this often, seconds.
HEARTBEAT_S = 5.0
#: The state to resume from is saved this often, seconds: by time, since of a large network it is a gigabyte
#: and an epoch may be over in two seconds. A stop saves it as well.
SAVE_EVERY_S = 300.0
#: Steps after which several processes agree on whether to stop.
_AGREE_EVERY = 8


class Task:
    """Objective of a training: samples batches, and turns them into a loss.

    Parameters
    ----------
    size : int
        Volumes in the batch of a step (of one process, where there are several).
    """

    def __init__(self, size: int) -> None:
        self.size = size
        #: Sums over the epoch so far that a task keeps beside the loss; a resumed run goes on with them.
        self.sums: Tensor | None = None
        #: Called after each epoch for numbers that are written beside the task's own, and acted on by nobody.
        self.watch: Callable[[], dict[str, float]] | None = None

    def sample(self, step: int) -> Batch:
        """Return the batch of a step on the CPU, masks and augmentation sampled; it depends on step alone."""
        raise NotImplementedError

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the loss of a batch or micro-batch; those of its micro-batches add up to the batch's."""
        raise NotImplementedError

    def backward(self, fabric: Fabric, model: nn.Module, micro_batches: list[Batch]) -> Tensor:
        """Accumulate the gradient of a batch over its micro-batches, and return its loss."""
        return add_gradients(fabric, model, micro_batches, self.loss)

    def evaluate(self) -> dict[str, float]:
        """Return numbers after an epoch, for ``metrics.jsonl``."""
        return {}


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
    compiled : bool
        Compile the model where it is on a GPU.
    micro_batches : int
        Micro-batches that a batch is split into to begin with; doubled whenever memory runs out.
    """

    def __init__(
        self,
        fabric: Fabric,
        run: Run,
        schedule: Schedule,
        model: nn.Module,
        groups: list[dict],
        interruption: Interruption,
        *,
        compiled: bool = False,
        micro_batches: int = 1,
    ) -> None:
        self.fabric, self.run, self.schedule = fabric, run, schedule
        self.interruption = interruption
        self.raw = model
        self.progress = TrainingProgress(micro_batches=micro_batches)
        state = self._earlier()
        on_gpu = devices.on_gpu(fabric)
        optimizer = torch.optim.AdamW(groups, lr=schedule.lr, betas=(0.9, 0.95), fused=True)
        ready: Any = torch.compile(model) if compiled and on_gpu else model
        self.model, self.optimizer = fabric.setup(ready, optimizer)
        self.status = Status(run.status_path)
        self.meter = Meter(fabric)
        self._restore(state)
        self._sum = torch.full(
            (), self.progress.loss_sum, dtype=torch.float64, device=fabric.device
        )
        #: Sum of the gradient's norms since it was last looked at: not a number once one of them was not.
        self._norms = torch.zeros((), dtype=torch.float64, device=fabric.device)
        #: Looking at the loss of each step holds up the next one on a GPU; there it is done now and then.
        self.looks_at_each_step = not on_gpu
        self._writer = checkpoints.Writer(run.checkpoint_path, self.epoch)
        self._saved_at = time.monotonic()

    def fit(self, task: Task) -> TrainingProgress:
        """Train to the end.

        Returns
        -------
        TrainingProgress
            The last epoch's numbers in ``last``.

        Raises
        ------
        StudyError
            When the loss or its gradient is not finite, or a single volume is too much for the memory.
        Stopped
            When a stop was asked for; the state is saved.
        OSError
            When a state cannot be written, on a full disk say.
        """
        schedule, progress = self.schedule, self.progress
        if task.sums is not None and progress.sums:
            task.sums.copy_(torch.tensor(progress.sums, dtype=torch.float64))
        self._report("running")
        started, reported = time.monotonic() - progress.seconds, time.monotonic()
        total = schedule.epochs * schedule.steps
        prefetched = batches(
            task.sample, progress.step, total, prefetch=devices.on_gpu(self.fabric)
        )
        with self._writer, contextlib.closing(prefetched):
            for batch in self.meter.waiting_for(prefetched):
                self._sum += self._step(task, batch)
                progress.step += 1
                progress.seconds = time.monotonic() - started
                self.meter.count(task.size * self.fabric.world_size)
                if progress.step % schedule.steps == 0:
                    self._end_epoch(task)
                    progress.seconds = time.monotonic() - started
                if self._asked_to_stop():
                    self._save(task)
                    raise Stopped
                if time.monotonic() - self._saved_at > SAVE_EVERY_S:
                    self._save(task)
                if time.monotonic() - reported > HEARTBEAT_S:
                    reported = time.monotonic()
                    self._refuse_not_finite()
                    self._report("running")
        return progress

    def finish(self, weights: dict[str, Tensor], result: dict[str, Any]) -> None:
        """Write ``model.pt`` and ``result.json``; the state to resume from is no longer needed."""
        if not self.fabric.is_global_zero:
            return
        checkpoints.save(self.run.model_path, weights)
        steps, seconds = self.progress.step, round(self.progress.seconds, 3)
        run = {name: getattr(self.run, name) for name in ("kind", "arm", "seed", "fold")}
        header = {"run_id": self.run.id, **run, "steps": steps, "seconds": seconds}
        header |= {
            "device": self.meter.device,
            "precision": str(self.fabric.strategy.precision.precision),
            "torch": torch.__version__,
            "tierscope": __version__,
            **provenance.facts(self.raw),
            **self.meter.numbers(),
        }
        files.write_json(self.run.result_path, header | result)
        self._report("finished")
        self.run.checkpoint_path.unlink(missing_ok=True)

    @property
    def epoch(self) -> int:
        """Finished epochs."""
        return self.progress.step // self.schedule.steps

    def _step(self, task: Task, batch: Batch) -> Tensor:
        rate = self.schedule.lr_at(self.progress.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["lr_scale"]
        if not self.raw.training:  # telling each of its modules takes a while
            self.model.train()
        loss = self._gradient(task, batch)
        if self.fabric.world_size > 1:
            loss = self.fabric.all_reduce(loss, reduce_op="sum")  # type: ignore[assignment]
        norm = self.fabric.clip_gradients(
            self.model, self.optimizer, max_norm=self.schedule.clip_norm, error_if_nonfinite=False
        )
        self._norms += norm  # type: ignore[arg-type] # a norm was asked for, so there is one
        if self.looks_at_each_step:
            self._refuse(float(loss), float(self._norms), self.progress.step + 1)
        self.optimizer.step()
        return loss

    def _gradient(self, task: Task, batch: Batch) -> Tensor:
        """Compute gradient and loss of a batch, in ever smaller micro-batches where memory runs out."""
        while True:
            self._seed(step_seed(self.schedule.seed, self.progress.step))
            self.optimizer.zero_grad(set_to_none=True)
            try:
                return self._try(task, batch)
            except (RuntimeError, MemoryError) as error:
                # of several processes the others wait for this one: all have to begin again
                if not devices.out_of_memory(error) or self.fabric.world_size > 1:
                    raise
            # only here, where the error is gone: its traceback held what the failed try had computed
            self._halve(task)

    def _seed(self, seed: int) -> None:
        """Seed what a step draws where it runs: for devices that are not here torch notes a whole stack."""
        if devices.on_gpu(self.fabric):
            torch.manual_seed(seed)
        else:
            torch.default_generator.manual_seed(seed)

    def _try(self, task: Task, batch: Batch) -> Tensor:
        ready = {name: self.fabric.to_device(value) for name, value in batch.items()}
        micro_batches = micro_batches_of(ready, task.size, self.progress.micro_batches)
        return task.backward(self.fabric, self.model, micro_batches)

    def _halve(self, task: Task) -> None:
        if self.progress.micro_batches >= task.size:
            raise StudyError(
                f"The memory is too small for {max(task.size // self.progress.micro_batches, 1)} volumes at "
                "once. Close other programs, or plan the study with a smaller preset or batch."
            )
        self.progress.micro_batches = min(2 * self.progress.micro_batches, task.size)
        self.optimizer.zero_grad(set_to_none=True)
        gc.collect()
        if self.fabric.device.type == "cuda":
            torch.cuda.empty_cache()
        _log.warning("step %d: %s", self.progress.step, self._note)
        self._report("running")

    @property
    def _note(self) -> str:
        count = self.progress.micro_batches
        if count == 1:
            return ""
        return f"memory ran out, so each batch is worked through in {count} parts; the results are the same"

    def _asked_to_stop(self) -> bool:
        if self.fabric.world_size == 1:
            return self.interruption.requested
        if self.progress.step % _AGREE_EVERY:
            return False
        asked = torch.tensor(float(self.interruption.requested), device=self.fabric.device)
        return float(self.fabric.all_reduce(asked, reduce_op="sum")) > 0  # type: ignore[arg-type]

    def _end_epoch(self, task: Task) -> None:
        progress = self.progress
        self._refuse_not_finite()
        self.model.eval()
        with torch.inference_mode():
            numbers = task.evaluate() | (task.watch() if task.watch else {})
        progress.last = {"loss": float(self._sum) / self.schedule.steps, **numbers}
        self._sum.zero_()
        line = {"epoch": self.epoch, "step": progress.step, **progress.last, **self.meter.numbers()}
        line["learning_rate"] = self.schedule.lr_at(progress.step - 1)
        if self.fabric.is_global_zero:
            json_lines.append(
                self.run.metrics_path,
                line | {"seconds": round(progress.seconds, 3), "time": time.time()},
            )
        self._report("running")

    def _refuse_not_finite(self) -> None:
        self._refuse(float(self._sum), float(self._norms), self.progress.step)
        self._norms.zero_()

    def _refuse(self, loss: float, gradient_norm: float, steps: int) -> None:
        if not math.isfinite(loss + gradient_norm):
            epoch = -(-steps // self.schedule.steps)
            what = "The gradient of the loss" if math.isfinite(loss) else "The loss"
            raise StudyError(
                f"{what} is no longer a number in epoch {epoch}. Plan the study with a lower learning "
                "rate (pretrain_lr, finetune_lr)."
            )

    def _report(self, state: State) -> None:
        if self.fabric.is_global_zero:
            self.status.write(
                state,
                epoch=self.epoch,
                epochs=self.schedule.epochs,
                **self.progress.last,
                **self.meter.numbers(),
                message=self._note,
                seconds=round(self.progress.seconds, 3),
                saved_epoch=self._writer.saved_epoch,
            )

    def _save(self, task: Task) -> None:
        self.progress.loss_sum = float(self._sum)
        self.progress.sums = [] if task.sums is None else task.sums.tolist()
        self._refuse_not_finite()
        if self.fabric.is_global_zero:
            state = {
                "model": self.raw.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "progress": self.progress.state(),
            }
            self._writer.write(state, self.epoch)
        self._saved_at = time.monotonic()

    def _earlier(self) -> dict[str, Any] | None:
        state = checkpoints.load(self.run.checkpoint_path)
        if state is None:
            if self.fabric.is_global_zero:
                self.run.metrics_path.unlink(missing_ok=True)
            return None
        checkpoints.load_weights(self.raw, state["model"], self.run.checkpoint_path)
        return state

    def _restore(self, state: dict[str, Any] | None) -> None:
        if state is not None:
            self.optimizer.load_state_dict(state["optimizer"])
            self.progress = TrainingProgress.from_state(
                state["progress"], micro_batches=self.progress.micro_batches
            )
