"""Runs: one folder a process, which tells the truth also after the process died.

A folder holds ``config.json`` (before the start), ``status.json`` (atomic, with a heartbeat),
``metrics.jsonl`` (one line an epoch, appended), ``log.txt``, ``usage.json`` and TensorBoard's files (from
beside the training), ``last.pt`` (while unfinished), ``model.pt`` and ``result.json`` (once finished).
"""

import os
import socket
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from curation import errors
from curation.errors import DamagedError, StudyError, in_words
from curation.storage import files
from curation.storage.processes import Process
from curation.storage.workspace import slug
from training.studies.planned_study import Study

State = Literal["waiting", "running", "stopped", "failed", "finished"]
RunKind = Literal["pretrain", "finetune"]

#: Characters at the beginning of a result in which its header lies.
_HEADER = 4096

#: On another machine a process cannot be looked up; its heartbeat may be this old.
REMOTE_HEARTBEAT_S = 180.0


@dataclass(frozen=True)
class Run:
    """One training process of a study.

    Parameters
    ----------
    id : str
        Name of its folder.
    kind : {'pretrain', 'finetune'}
        What it trains.
    arm : str
        Name of the arm; of a pretraining: the arm that the encoder is named after.
    seed : int
        Of initial weights, order and masks.
    fold : int or None
        The held-out fold; none while pretraining.
    folder : Path
        Where its files lie.
    """

    id: str
    kind: RunKind
    arm: str
    seed: int
    fold: int | None
    folder: Path

    @property
    def config_path(self) -> Path:
        return self.folder / "config.json"

    @property
    def status_path(self) -> Path:
        return self.folder / "status.json"

    @property
    def metrics_path(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def log_path(self) -> Path:
        return self.folder / "log.txt"

    @property
    def checkpoint_path(self) -> Path:
        return self.folder / "last.pt"

    @property
    def model_path(self) -> Path:
        return self.folder / "model.pt"

    @property
    def result_path(self) -> Path:
        return self.folder / "result.json"

    @property
    def usage_path(self) -> Path:
        """What its process takes of the machine: see :func:`training.jobs.monitoring.usage`."""
        return self.folder / "usage.json"


@dataclass(frozen=True)
class RunState:
    """How far a run is, as read from its files and checked against the running processes.

    Parameters
    ----------
    run_id, kind, arm, seed, fold
        As in :class:`Run`.
    state : {'waiting', 'running', 'stopped', 'failed', 'finished'}
        ``running`` only while its process is alive.
    epoch, epochs : int
        Finished epochs, and how many there will be.
    loss : float or None
        Mean training loss of the last epoch: mean squared error of removed patches (pretraining) or
        absolute error of the standardised age (fine-tuning).
    age_mae_years : float or None
        Mean absolute error on the held-out fold after the last epoch, years.
    heartbeat : float or None
        When the run last wrote, seconds since 1970.
    seconds : float
        Time spent training so far, over all starts.
    message : str
        What people should know; empty while all is well.
    volumes_per_s : float or None
        Volumes trained on a second, since its process started.
    host : str
        The machine that it runs or last ran on.
    usage : dict or None
        While it runs: what its process takes of the machine, see :func:`training.jobs.monitoring.usage`.
    """

    run_id: str
    kind: RunKind
    arm: str
    seed: int
    fold: int | None
    state: State
    epoch: int
    epochs: int
    loss: float | None = None
    age_mae_years: float | None = None
    heartbeat: float | None = None
    seconds: float = 0.0
    message: str = ""
    volumes_per_s: float | None = None
    host: str = ""
    usage: dict[str, Any] | None = None


def runs_of(study: Study) -> list[Run]:
    """Return the runs of a study: pretrainings, then fine-tunings, arm by arm.

    An encoder is pretrained once a seed; the folds share it, and so do arms that differ in their
    fine-tuning alone. ``scratch`` is not pretrained.
    """
    encoders = dict.fromkeys(arm.encoder for arm in study.arms if arm.encoder)
    pretrain = [
        _run(study, "pretrain", encoder, seed) for encoder in encoders for seed in study.seeds
    ]
    finetune = [
        _run(study, "finetune", arm.name, seed, fold)
        for arm in study.arms
        for seed in study.seeds
        for fold in range(study.folds)
    ]
    return pretrain + finetune


def find(study: Study, run_id: str) -> Run:
    """Return a run of a study by its id.

    Raises
    ------
    StudyError
        When the study has no such run.
    """
    for run in runs_of(study):
        if run.id == run_id:
            return run
    raise StudyError(f"Study {study.id} has no run {run_id!r}.")


def pretraining_of(study: Study, run: Run) -> Run | None:
    """Return the pretraining whose encoder a fine-tuning starts from; none for ``scratch``."""
    encoder = study.arm(run.arm).encoder
    return None if encoder is None else _run(study, "pretrain", encoder, run.seed)


def epochs_of(study: Study, run: Run) -> int:
    """Return how many epochs a run has in all."""
    preset = study.preset
    if run.kind == "pretrain":
        return preset.pretrain_epochs
    return 1 if study.arm(run.arm).method == "ridge" else preset.finetune_epochs


def made_before_calibration_on_all(study: Study) -> list[Run]:
    """Return the finished fine-tunings of networks that Tierscope made before 0.4.0.

    They were calibrated on the first 64 people by id, and scratch learned otherwise than pretrained arms.
    Which Tierscope made a run stands in its result since then.
    """
    finished = [
        run for run in runs_of(study) if run.kind == "finetune" and run.result_path.exists()
    ]
    trained = [run for run in finished if study.arm(run.arm).method != "ridge"]
    return [run for run in trained if not _names_its_maker(run.result_path)]


def _names_its_maker(result_path: Path) -> bool:
    """Tell whether a result says which Tierscope made it: at its beginning, before the many predictions."""
    with result_path.open(encoding="utf-8") as file:
        return '"tierscope":' in file.read(_HEADER)


def write_configs(study: Study) -> None:
    """Write ``config.json`` of every run that has none yet: what it will do, before it starts."""
    for run in runs_of(study):
        if run.config_path.exists():
            continue
        config: dict[str, Any] = {
            "run_id": run.id,
            "kind": run.kind,
            "arm": run.arm,
            "seed": run.seed,
            "fold": run.fold,
            "study": study.id,
            "epochs": epochs_of(study, run),
            "preset": study.preset.as_dict(),
        }
        if run.kind == "pretrain":
            config["scans"] = study.pretraining_scans(run.arm, run.seed)
        files.write_json(run.config_path, config)


def named(study: Study, names: Sequence[str]) -> list[Run]:
    """Return the runs that names mean: ids of runs, and names of arms with their own pretrainings.

    Raises
    ------
    StudyError
        When the study has no run and no arm of a name.
    """
    found: dict[str, Run] = {}
    every, arms = runs_of(study), {arm.name: arm for arm in study.arms}
    for name in names:
        chosen = [run for run in every if run.id == name or run.arm == name]
        if not chosen:
            known = ", ".join(arms)
            raise StudyError(f"Study {study.id} has no run and no arm {name!r}; its arms: {known}.")
        found |= {run.id: run for run in chosen}
    return list(found.values())


def forget(study: Study, chosen: Sequence[Run]) -> list[Run]:
    """Delete what runs came to, with what was built on it; return all that begin anew."""
    ids, forgotten = {run.id for run in chosen}, []
    for run in runs_of(study):
        pretraining = pretraining_of(study, run) if run.kind == "finetune" else None
        if run.id in ids or (pretraining and pretraining.id in ids):
            # the result first: without it, nothing else is taken for finished
            for path in (
                run.result_path,
                run.model_path,
                run.checkpoint_path,
                run.metrics_path,
                run.status_path,
                run.usage_path,
            ):
                path.unlink(missing_ok=True)
            forgotten.append(run)
    study.result_path.unlink(missing_ok=True)
    return forgotten


def expect(study: Study, chosen: Sequence[str] | None) -> None:
    """Let runs that failed wait for another try: all of them, or those chosen by their ids."""
    for run in runs_of(study):
        status = _read_status(run)
        wanted = chosen is None or run.id in chosen
        if wanted and status.get("state") == "failed" and not run.result_path.exists():
            files.write_json(run.status_path, status | {"state": "waiting", "message": ""})
    preparing = study.folder / "prepare" / "status.json"
    status = files.read_note(preparing)
    if status.get("state") == "failed":
        files.write_json(preparing, status | {"state": "waiting", "message": ""})


# ---- states --------------------------------------------------------------------------------------


def states(study: Study) -> list[RunState]:
    """Read the state of every run of a study."""
    return [state_of(study, run) for run in runs_of(study)]


def state_of(study: Study, run: Run) -> RunState:
    """Read the state of one run; a process that is gone is not shown as running."""
    status = _read_status(run)
    state: State = status.get("state", "waiting")
    epoch = int(status.get("epoch", 0))
    message = status.get("message", "")
    if run.result_path.exists():
        state = "finished"
    elif state == "running" and not is_alive(status):
        state = "stopped"
        saved = int(status.get("saved_epoch", epoch))
        message = f"interrupted without a word; resume goes on from epoch {saved}"
    return RunState(
        run_id=run.id,
        kind=run.kind,
        arm=run.arm,
        seed=run.seed,
        fold=run.fold,
        state=state,
        epoch=epoch,
        epochs=epochs_of(study, run),
        message=message,
        loss=status.get("loss"),
        age_mae_years=status.get("age_mae_years"),
        heartbeat=status.get("heartbeat"),
        seconds=float(status.get("seconds", 0.0)),
        volumes_per_s=status.get("volumes_per_s"),
        host=status.get("host", ""),
        usage=(files.read_note(run.usage_path) or None) if state == "running" else None,
    )


def _read_status(run: Run) -> dict[str, Any]:
    """Return what a run's process last said; one that cannot be read is told as a failure."""
    remedy = "Resume goes on from what else lies in the run's folder, and writes it anew."
    try:
        with errors.readable(run.status_path, remedy):
            noted = files.read_json(run.status_path, remedy) or {}
            return {"state": "waiting", **noted}
    except (DamagedError, OSError) as error:
        return {"state": "failed", "message": in_words(error)}


def is_alive(status: dict[str, Any]) -> bool:
    """Tell whether the process noted in a status still runs (elsewhere: has written lately)."""
    if "pid" not in status:
        return False
    if status.get("host") != socket.gethostname():
        return time.time() - status.get("heartbeat", 0.0) < REMOTE_HEARTBEAT_S
    return Process.noted(status).alive()


class Status:
    """The writing side of ``status.json``, held by the process that does the work.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        process = Process.of(os.getpid())
        self.values: dict[str, Any] = {"host": socket.gethostname(), **asdict(process)}

    def write(self, state: State, **values: Any) -> None:
        """Write the state, its time and any other values; those that were written earlier are kept."""
        earlier = files.read_note(self.path)
        now = {"state": state, "heartbeat": time.time(), "message": "", **values}
        files.write_json(self.path, earlier | self.values | now)


def _run(study: Study, kind: RunKind, arm: str, seed: int, fold: int | None = None) -> Run:
    run_id = f"{kind}_{slug(arm)}_seed{seed}" + ("" if fold is None else f"_fold{fold}")
    return Run(run_id, kind, arm, seed, fold, study.runs_dir / run_id)
