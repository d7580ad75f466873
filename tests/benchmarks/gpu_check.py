"""One GPU, checked in one call of at most eight minutes: ``make gpu-check``.

Starts from a checkout and its virtual environment. Without a GPU it says so and ends well, with ``null`` for
every figure; ``--on cpu`` goes through all of it on the CPU with small networks, whose figures mean nothing.
A check that fails is told with its traceback, and the others go on. The last line is one JSON object:

``gpu_name``
    The card.
``step_difference``
    Largest difference of the loss over five steps in float32 to that of the CPU, as a share of it.
``resume_difference``
    Largest difference of the loss of a run that was stopped and resumed to that of one that was not.
``memory_recovers``
    Whether a step goes on in halves after memory ran out, and as much memory as before is free by then.
``base_volumes_s``, ``large_volumes_s``, ``base_peak_share``, ``large_peak_share``
    Volumes a second of pretraining, and that as a share of what products of matrices reach on this card.
``data_wait_share``
    Share of the time for which ``gpu-base`` waited for data.
``checkpoint_share``
    Share of the time for which it stands still for checkpoints.
``stock_ratio``, ``compiled_ratio``
    Speed of ``gpu-base`` over MONAI's stock loop, and over that loop compiled in bfloat16.
``finetuning_s``
    Fine-tuning ``gpu-base`` on 60 people, s.
"""

import argparse
import contextlib
import json
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from curation.imaging import prepared_volume
from tests.benchmarks import training as against_stock
from training.held_out.age_metrics import scale_of
from training.judging.outcome import AGE
from training.models import masked_autoencoder
from training.models.age_model import EncoderAgeModel
from training.models.patches import patch_weights
from training.settings.preset import Preset
from training.settings.presets import PRESETS
from training.studies.runs import Run
from training.tasks import checkpoints, devices, pretrain, training_loop
from training.tasks.batches import Batch, Volumes
from training.tasks.finetune import AgeRegression, People
from training.tasks.masked_reconstruction import MaskedReconstruction
from training.tasks.schedule import Schedule, parameter_groups
from training.tasks.stop_signal import Interruption, Stopped

PEOPLE = 60
KEYS = (
    "gpu_name",
    "step_difference",
    "resume_difference",
    "memory_recovers",
    "base_volumes_s",
    "large_volumes_s",
    "base_peak_share",
    "large_peak_share",
    "data_wait_share",
    "checkpoint_share",
    "stock_ratio",
    "compiled_ratio",
    "finetuning_s",
)
Figures = dict[str, float | str | bool | None]


@dataclass(frozen=True)
class Bench:
    """Where checks are done, and how long.

    Parameters
    ----------
    kind : {'cuda', 'cpu'}
        The device.
    base, large, small : Preset
        What is timed, and what is compared with the CPU.
    steps : int
        Of a timing.
    folder : Path
        For made volumes and runs.
    """

    kind: Literal["cuda", "cpu"]
    base: Preset
    large: Preset
    small: Preset
    steps: int
    folder: Path

    def fabric(self, preset: Preset, kind: Literal["cuda", "cpu"] | None = None) -> Fabric:
        """Return Fabric on the device, or on another."""
        on = kind or self.kind
        return devices.fabric_on(on, [0] if on == "cuda" else 1, preset)

    def begin(
        self, preset: Preset, name: str, stop: Interruption, kind: Literal["cuda", "cpu"] | None
    ) -> tuple[training_loop.Trainer, MaskedReconstruction]:
        """Begin a pretraining on made volumes; one of the same name goes on."""
        folder = self.folder / f"volumes-{preset.name}"
        paths = sorted(folder.glob("*.npy")) or against_stock._volumes(folder, preset, 16)
        shares = patch_weights(prepared_volume.template_brain(preset), preset.patch)
        run = Run(name, "pretrain", "all", 0, None, self.folder / name)
        volumes = Volumes(paths)
        trainer, task, _ = pretrain.begin(
            self.fabric(preset, kind), stop, 1, preset, run, volumes, volumes, shares
        )
        return trainer, task


class _Stop(Interruption):
    def __init__(self, after: int | None = None) -> None:
        self.left = after

    @property
    def requested(self) -> bool:  # type: ignore[override]
        self.left = None if self.left is None else self.left - 1
        return self.left == 0


def step_difference(bench: Bench) -> Figures:
    """Compare five steps with those of the CPU, in float32."""
    losses: dict[str, list[float]] = {}
    usual = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")  # as on the CPU
    for kind in ("cpu", bench.kind):
        trainer, task = bench.begin(bench.small, f"step-on-{kind}", _Stop(), kind)
        losses[kind] = []
        for step in range(5):
            losses[kind].append(float(trainer._step(task, task.sample(step))))
            trainer.progress.step += 1
    torch.set_float32_matmul_precision(usual)
    return {"step_difference": _difference(losses["cpu"], losses[bench.kind])}


def resume_difference(bench: Bench) -> Figures:
    """Compare a run that was stopped and resumed with one that was not."""
    whole, task = bench.begin(bench.small, "whole", _Stop(), None)
    expected = [whole.fit(task).last["loss"]]
    stopped, task = bench.begin(bench.small, "resumed", _Stop(3), None)
    with contextlib.suppress(Stopped):
        stopped.fit(task)
    resumed, task = bench.begin(bench.small, "resumed", _Stop(), None)
    assert resumed.progress.step == 3
    return {"resume_difference": _difference(expected, [resumed.fit(task).last["loss"]])}


def _difference(expected: list[float], found: list[float]) -> float:
    return float(np.max(np.abs(np.array(found) / np.array(expected) - 1)))


def memory_recovers(bench: Bench) -> Figures:
    """Let memory run out in a step, after most of it was computed."""
    trainer, task = bench.begin(bench.base, "short", _Stop(), None)
    trainer._step(task, task.sample(0))  # moments of the weights are there from now on
    trainer.progress.step += 1
    usual, taken = task.loss, []

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        taken.append(torch.cuda.memory_allocated() if bench.kind == "cuda" else 0)
        computed = usual(model, batch)
        if len(batch["volumes"]) == task.size:
            raise torch.OutOfMemoryError("injected")
        return computed

    task.loss = loss  # type: ignore[method-assign]
    trainer._step(task, task.sample(1))
    free_again = taken[1] <= 1.02 * taken[0]
    print(
        f"memory before the first and the second try: {taken[0] / 1e9:.2f}, {taken[1] / 1e9:.2f} GB"
    )
    return {"memory_recovers": trainer.progress.micro_batches == 2 and free_again}


def speed(bench: Bench) -> Figures:
    """Time pretraining of both presets, and MONAI's loop as it stands and compiled in bfloat16."""
    base = bench.folder / "speed-base"
    paths = against_stock._volumes(base, bench.base, 64)
    ours = against_stock._Ours(bench.fabric(bench.base), bench.base, paths, base)
    speeds = {"ours": _volumes_s(bench, ours.steps, bench.base)}
    stock = against_stock._Stock(ours.trainer.fabric.device, bench.base, paths)
    speeds["stock"] = _volumes_s(bench, stock.steps, bench.base)
    compiled = against_stock._Stock(ours.trainer.fabric.device, bench.base, paths)
    compiled.dtype = torch.bfloat16  # throughout: MONAI's forward does not go with autocast
    network = compiled.network.to(compiled.dtype)
    backend = "inductor" if bench.kind == "cuda" else "eager"
    compiled.network = torch.compile(network, backend=backend)  # type: ignore[assignment]
    speeds["compiled"] = _volumes_s(bench, compiled.steps, bench.base)
    print({name: round(value, 1) for name, value in speeds.items()})
    return {
        "base_volumes_s": round(speeds["ours"], 1),
        "base_peak_share": _peak_share(bench, speeds["ours"], bench.base),
        "data_wait_share": ours.meter.numbers()["data_wait_share"],
        "stock_ratio": round(speeds["ours"] / speeds["stock"], 2),
        "compiled_ratio": round(speeds["ours"] / speeds["compiled"], 2),
        **_large(bench),
    }


def _large(bench: Bench) -> Figures:
    folder = bench.folder / "speed-large"
    paths = against_stock._volumes(folder, bench.large, 64)
    large = against_stock._Ours(bench.fabric(bench.large), bench.large, paths, folder)
    volumes_s = _volumes_s(bench, large.steps, bench.large)
    share = _peak_share(bench, volumes_s, bench.large)
    return {"large_volumes_s": round(volumes_s, 1), "large_peak_share": share}


def _volumes_s(bench: Bench, work: Callable[[int], None], preset: Preset) -> float:
    against_stock._timed(work, 3, bench.kind)  # compiles, and warms up
    seconds = against_stock._timed(work, bench.steps, bench.kind)
    return bench.steps * preset.pretrain_batch / seconds


def _peak_share(bench: Bench, volumes_s: float, preset: Preset) -> float | None:
    if bench.kind == "cpu":
        return None
    return round(volumes_s * against_stock.flops(preset) / against_stock._matrix_peak(), 3)


def checkpoint_share(bench: Bench) -> Figures:
    """Time for how long a checkpoint holds up the training."""
    trainer, task = bench.begin(bench.base, "saved", _Stop(), None)
    trainer._step(task, task.sample(0))
    waits = []
    with checkpoints.Writer(bench.folder / "last.pt", 0) as writer:
        for _ in range(2):
            state = {
                "model": trainer.raw.state_dict(),
                "optimizer": trainer.optimizer.state_dict(),
            }
            began = time.perf_counter()
            writer.write(state, 0)
            waits.append(time.perf_counter() - began)
            writer.wait()
    return {"checkpoint_share": round(min(waits) / training_loop.SAVE_EVERY_S, 5)}


def finetuning(bench: Bench) -> Figures:
    """Time some steps and evaluations of a fine-tuning on 60 people."""
    preset, folder = bench.base, bench.folder / "people"
    volumes = Volumes(against_stock._volumes(folder, preset, PEOPLE))
    ages = np.linspace(20, 80, PEOPLE)
    names = [f"person-{number}" for number in range(PEOPLE)]
    scans = pd.DataFrame({"scan_id": names, "subject_id": names, "age_years": ages})
    people = People(volumes, scans, AGE, scale_of(AGE, scans))
    network = masked_autoencoder.build(preset, seed=0)
    fabric = bench.fabric(preset)
    masked_autoencoder.use_fused_attention(network, devices.fuses_attention(fabric, preset))
    model = EncoderAgeModel(network, preset, head_seed=0)
    task = AgeRegression(fabric, preset, 0, model, people, people)
    steps = -(-PEOPLE // preset.finetune_batch)
    schedule = Schedule(seed=0, epochs=2, steps=steps, lr=1e-4, warmup=0.1, clip_norm=1.0)
    run = Run("age", "finetune", "all", 0, 0, bench.folder / "age")
    trainer = training_loop.Trainer(
        fabric, run, schedule, model, parameter_groups(model, preset), _Stop()
    )
    began = time.perf_counter()
    trainer.fit(task)
    seconds = (time.perf_counter() - began) / schedule.epochs * preset.finetune_epochs
    return {"finetuning_s": round(seconds, 1)}


CHECKS = (
    step_difference,
    resume_difference,
    memory_recovers,
    checkpoint_share,
    finetuning,
    speed,
)


def bench_on(kind: Literal["cuda", "cpu"], folder: Path) -> Bench:
    """Return what is checked on a device; on the CPU, small networks in place of large ones."""
    short: dict[str, Any] = {"pretrain_epochs": 1, "pretrain_steps": 6, "precision": "float32"}
    small = PRESETS["smoke"].changed(short)
    if kind == "cpu":
        tiny = small.changed({"pretrain_batch": 4, "finetune_epochs": 2})
        return Bench(kind, tiny, tiny, small, 2, folder)
    return Bench(kind, PRESETS["gpu-base"], PRESETS["gpu-large"], small, 40, folder)


def checked(bench: Bench) -> tuple[Figures, list[str]]:
    """Go through every check; return the figures, and the names of those that failed."""
    figures, failed = Figures(), []
    for check in CHECKS:
        began = time.perf_counter()
        try:
            figures |= check(bench)
        except Exception:  # noqa: BLE001 - one call has to tell as much as it can
            traceback.print_exc()
            failed.append(check.__name__)
        print(f"{check.__name__}: {time.perf_counter() - began:.0f} s", flush=True)
        if bench.kind == "cuda":
            torch.cuda.empty_cache()
    return figures, failed


def main() -> int:
    """Print what is checked, and the figures as JSON in the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--on", choices=["cuda", "cpu"], default="cuda")
    chosen = parser.parse_args()
    figures: Figures = dict.fromkeys(KEYS)
    if chosen.on == "cuda" and not torch.cuda.is_available():
        print("No GPU can be reached: nothing was checked.")
        print(json.dumps(figures))
        return 0
    name = torch.cuda.get_device_name() if chosen.on == "cuda" else None
    print(f"torch {torch.__version__} on {name or 'the CPU'}")
    with tempfile.TemporaryDirectory() as folder:
        bench = bench_on(chosen.on, Path(folder))
        devices.set_determinism(bench.base)
        found, failed = checked(bench)
    if failed:
        print(f"failed: {', '.join(failed)}")
    print(json.dumps(figures | {"gpu_name": name} | found))
    return bool(failed)


if __name__ == "__main__":
    raise SystemExit(main())
