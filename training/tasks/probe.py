"""Probe of a planned study: real runs of a few steps on a few of its scans, part by part timed."""

import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise
from os import cpu_count, getloadavg
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import psutil

from curation.decisions import database
from curation.storage import files, processes
from curation.storage.workspace import Workspace
from training.arms.study_arms import Arm
from training.settings import input_images, volume_grid
from training.studies import prepare_volumes, runs
from training.studies.cost_probe import STEPS, CostProbe, RunParts, Seconds
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.tasks import devices, finetune, pretrain, ridge, training_loop
from training.tasks.batches import Volumes
from training.tasks.held_out_reconstruction import HeldOutError
from training.tasks.stop_signal import Interruption
from training.tasks.training_loop import Trainer

#: Scans of the pool and of the target that it looks at, at most.
_POOL, _TARGET = 16, 24
#: First steps that are not counted: in them things are warmed up.
_WARM = 2
#: Volumes that the mean patches are taken of at once.
_AT_ONCE = 8
_Made = TypeVar("_Made")


def measure(
    workspace: Workspace, study: Study, interruption: Interruption, start: Seconds | None = None
) -> CostProbe:
    """Run a few steps of each kind of a study's runs on this machine.

    Volumes that it prepares are the study's own and stay; all else is made in a folder that goes again.

    Parameters
    ----------
    workspace, study
        A planned study.
    interruption : Interruption
        Checked after every step.
    start : Seconds, optional
        Of a process until it has imported what it needs; by default of this one until now.

    Raises
    ------
    StudyError
        When a single volume is too much for the memory of the device, a scan cannot be read, or what is
        learned is no longer a number.
    """
    start, load = start or since_the_start(), getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="tierscope-probe-") as folder:
        small = _small(study, Path(folder))
        prepared = _preparing(workspace, small)
        kinds: dict[str, RunParts] = {}
        gpu: list[float] = []
        device = "cpu"
        for kind, run in _chosen(small):
            if kind == "ridge":
                kinds[kind] = _ridge(workspace, small, run)
                continue
            how = _pretraining if kind == "pretrain" else _finetuning
            kinds[kind], trainer = how(workspace, small, run, interruption)
            device = trainer.meter.device
            gpu.append(trainer.meter.numbers().get("gpu_memory_gib", 0.0))
    return CostProbe(
        when=database.now().isoformat(timespec="seconds"),
        host=socket.gethostname(),
        device=device,
        cores=cpu_count() or 1,
        load=round(load, 2),
        start=start,
        prepared=prepared,
        runs=kinds,
        memory_mb=processes.peak_memory_mb(),
        gpu_memory_gib=max(gpu, default=0.0) or None,
    )


# ---- what is tried -------------------------------------------------------------------------------


def _small(study: Study, folder: Path) -> Study:
    """Return the study as it is, but of few scans and steps, in another folder."""
    scans, outcome = study.scans(), study.outcome.column
    of_role = {role: scans[scans["role"] == role] for role in ("pool", "target")}
    judged = of_role["target"]
    if outcome in judged:
        judged = judged.sort_values(["fold", outcome])
    tried = (
        _of_each_value(judged, outcome) if study.outcome.two_valued else _spread(judged, _TARGET)
    )
    few = [_spread(of_role["pool"], _POOL), tried]
    train = len(few[1]) * (study.folds - 1) / study.folds
    epochs = max(1, round(STEPS * study.preset.finetune_batch / max(train, 1)))
    changes = {
        "pretrain_epochs": 1,
        "pretrain_steps": STEPS,
        "finetune_epochs": min(epochs, STEPS),
        "devices": 1,
    }
    alone = replace(study.judging, external=())  # of whose cohorts no scan is taken
    small = replace(
        study, folder=folder, preset=study.preset.changed(changes), tuning=None, judging=alone
    )
    files.write_parquet(small.scans_path, pd.concat(few))
    return small


def _of_each_value(judged: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Return some people of each value in each fold, so that each has an AUC."""
    groups = [rows for _, rows in judged.groupby(["fold", outcome])]
    return pd.concat([_spread(rows, max(1, _TARGET // len(groups))) for rows in groups])


def _spread(scans: pd.DataFrame, most: int) -> pd.DataFrame:
    places = np.linspace(0, len(scans) - 1, min(len(scans), most)).round().astype(int)
    return scans.iloc[places]


def _chosen(small: Study) -> list[tuple[str, Run]]:
    """Return a run of each kind; what is fine-tuned starts from the encoder that is tried, or from none."""
    encoder = _encoder(small.arms)
    chosen: dict[str, Run] = {}
    for run in runs.runs_of(small):
        arm = small.arm(run.arm)
        if run.kind == "pretrain" and run.arm == encoder:
            chosen.setdefault("pretrain", run)
        elif run.kind == "finetune" and arm.encoder in (None, encoder):
            chosen.setdefault(arm.method, run)
    if encoder:
        ids = small.pool()["scan_id"].tolist()
        files.write_json(chosen["pretrain"].config_path, {"scans": ids})
    return list(chosen.items())


def _encoder(arms: Iterable[Arm]) -> str | None:
    """Return the arm whose encoder is tried: that of a probe, if any; one of undistorted scans, if any."""
    found = [arm for arm in arms if arm.encoder]
    found.sort(key=lambda arm: (arm.method != "probe", arm.distortion is not None))
    return found[0].encoder if found else None


# ---- timing --------------------------------------------------------------------------------------


def _now() -> Seconds:
    return Seconds(time.perf_counter(), time.process_time())


def since_the_start() -> Seconds:
    """Return the time since this process began."""
    return Seconds(time.time() - psutil.Process().create_time(), time.process_time())


def _timed(work: Callable[[], _Made]) -> tuple[_Made, Seconds]:
    began = _now()
    done = work()
    return done, _now().less(began)


class _Timed:
    """Time of the steps of a task, and of its looks at volumes between epochs, while it is trained."""

    def __init__(self, task: training_loop.Task) -> None:
        self._sample, self._looks = task.sample, (task.evaluate, task.watch)
        self._paused, self._at, self.looks = Seconds(), list[Seconds](), 0
        task.sample = self.sample  # type: ignore[method-assign]
        task.evaluate = self.evaluate  # type: ignore[method-assign]
        task.watch = None  # it is among what is timed

    def sample(self, step: int) -> training_loop.Batch:
        self._at.append(_now().less(self._paused))
        return self._sample(step)

    def evaluate(self) -> dict[str, float]:
        numbers, spent = _timed(self._look)
        self._paused, self.looks = self._paused + spent, self.looks + 1
        return numbers

    def _look(self) -> dict[str, float]:
        evaluate, watch = self._looks
        return evaluate() | (watch() if watch else {})

    @property
    def look(self) -> Seconds:
        """Of one evaluation, on average."""
        return self._paused * (1 / max(self.looks, 1))

    def step(self, trainer: Trainer, task: training_loop.Task) -> Seconds:
        """Of one step: the median; where batches are read ahead for a GPU, by its volumes a second."""
        if devices.on_gpu(trainer.fabric):
            each = task.size / trainer.meter.numbers()["volumes_per_s"]
            return Seconds(each, each)
        counted = self._at[min(_WARM, len(self._at) - 2) :]
        steps = [later.less(earlier) for earlier, later in pairwise(counted)]
        wall = float(np.median([step.wall for step in steps]))
        return Seconds(wall, float(np.mean([step.processor for step in steps])))


def _preparing(workspace: Workspace, small: Study) -> Seconds | None:
    volume_grid.brain_mask(workspace, small.preset)
    count = prepare_volumes.missing(workspace, small)
    if not count:
        return None
    ids, shown = small.scans(), input_images.shown(small.preset)
    kinds = {"pool": small.preset.modalities, "target": shown}

    def prepare() -> None:
        for role, modalities in kinds.items():
            wanted = ids.loc[ids["role"] == role, "scan_id"]
            for modality in modalities:
                prepare_volumes.volume_paths(workspace, small, wanted, modality)

    _, spent = _timed(prepare)
    return spent * (1 / max(count - prepare_volumes.missing(workspace, small), 1))


def _pretraining(
    workspace: Workspace, small: Study, run: Run, interruption: Interruption
) -> tuple[RunParts, Trainer]:
    given, reading = _timed(lambda: pretrain.given_to(workspace, small, run))
    preset, _, paths, coding, shares, people, watched = given
    with devices.device(preset, interruption) as fabric:
        (trainer, task, loss), begin = _timed(
            lambda: pretrain.begin(
                fabric,
                interruption,
                1,
                preset,
                run,
                Volumes(paths),
                Volumes(coding),
                shares,
                people,
            )
        )
        if watched:
            task.watch = HeldOutError(fabric, loss, preset, watched)
        timed = _Timed(task)
        trainer.fit(task)
        _, end = _timed(lambda: trainer.finish(loss.weights_to_keep(), {}))
        seen = Volumes(coding).in_batches(range(len(coding)), _AT_ONCE)
        _, looking = _timed(lambda: loss.set_mean_patches(seen, 0))
    parts = RunParts(
        begin=(reading + begin).less(looking),
        end=end,
        step=timed.step(trainer, task),
        volume=looking * (1 / len(coding)),
        epoch=timed.look,
        model_bytes=run.model_path.stat().st_size,
    )
    return parts, trainer


def _finetuning(
    workspace: Workspace, small: Study, run: Run, interruption: Interruption
) -> tuple[RunParts, Trainer]:
    shutil.rmtree(run.folder, ignore_errors=True)
    run.folder.mkdir(parents=True)
    model, building = _timed(lambda: finetune.model_of(workspace, small, run))
    with devices.device(small.preset, interruption) as fabric:
        (task, schedule), reading = _timed(
            lambda: finetune.task_of(workspace, small, run, model, fabric)
        )
        people = len(task.train.volumes) + len(task.test.volumes)
        _, site = _timed(task.probed)
        trainer, beginning = _timed(
            lambda: finetune.trainer_of(fabric, small, run, task, schedule, interruption)
        )
        timed = _Timed(task)
        trainer.fit(task)
        _, end = _timed(lambda: trainer.finish(task.model.state_dict(), {}))
    volume = timed.look * (1 / people)
    return RunParts(
        begin=building + reading + beginning,
        end=end,
        step=timed.step(trainer, task),
        volume=volume,
        site=site * (1 / people),
        model_bytes=run.model_path.stat().st_size,
    ), trainer


def _ridge(workspace: Workspace, small: Study, run: Run) -> RunParts:
    """Time a regression on few people, and tell what each adds from what it is to measure half of them."""
    run.folder.mkdir(parents=True, exist_ok=True)
    target = small.scans().query("role == 'target'")
    some = target.iloc[: max(len(target) // 2, 1)]
    ridge.features_of(workspace, small, some.iloc[:1])  # what is made once
    _, spent = _timed(lambda: ridge.features_of(workspace, small, some))
    volume = spent * (1 / len(some))
    _, whole = _timed(lambda: ridge.fit_run(workspace, small, run))
    return RunParts(begin=whole.less(volume * len(target)), volume=volume)
