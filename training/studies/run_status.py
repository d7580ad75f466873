"""Status of a run: its status file, written by its process and read by others."""

import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from curation import errors
from curation.errors import DamagedError, in_words
from curation.storage import files, processes
from curation.storage.processes import Process
from training.studies.planned_study import Study
from training.studies.runs import USAGE_NAME, Run, RunKind, epochs_of, runs_of

State = Literal["waiting", "running", "stopped", "failed", "finished"]


#: On another machine a process cannot be looked up; its heartbeat may be this old.
REMOTE_HEARTBEAT_S = 180.0
_REMEDY = "Resume goes on from what else lies in the run's folder, and writes it anew."


@dataclass(frozen=True)
class RunState:
    """State and progress of a run, read from its files and checked against the running processes.

    Parameters
    ----------
    run_id, kind, arm, seed, fold
        As in :class:`Run`.
    state : {'waiting', 'running', 'stopped', 'failed', 'finished'}
        ``running`` only while its process is alive.
    epoch, epochs : int
        Finished epochs, and how many there will be.
    loss : float or None
        Mean training loss of the last epoch: of the study's objective (pretraining), such as the mean
        squared error of removed patches, or absolute error of the standardised age (fine-tuning).
    age_mae_years : float or None
        Mean absolute error on the held-out fold after the last epoch, years; of another outcome the error in
        its unit, or the AUC.
    heartbeat : float or None
        When the run last wrote, seconds since 1970.
    seconds : float
        Time spent training so far, over all starts.
    message : str
        Trouble, in words; empty while all is well.
    volumes_per_s : float or None
        Volumes trained on a second, since its process started.
    host : str
        The machine that it runs or last ran on.
    usage : dict or None
        While it runs: resource usage of its process, see :func:`training.jobs.monitoring.usage`.
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


def states(study: Study) -> list[RunState]:
    """Read the state of every run of a study."""
    return [state_of(study, run) for run in runs_of(study)]


def state_of(study: Study, run: Run) -> RunState:
    """Read the state of one run; a process that is gone is not shown as running."""
    status = _read_status(run)
    try:
        with errors.readable(run.status_path, _REMEDY):
            return _told(study, run, status)
    except DamagedError as error:
        return _told(study, run, {"state": "failed", "message": in_words(error)})


def _told(study: Study, run: Run, status: dict[str, Any]) -> RunState:
    """Return the state that a status tells.

    Raises
    ------
    ValueError, TypeError
        When a value of it is of another kind than is written there.
    """
    state: State = status.get("state", "waiting")
    epoch = int(status.get("epoch", 0))
    message = status.get("message", "")
    if state not in get_args(State) or not isinstance(message, str):
        raise ValueError(f"its state is {state!r}")
    if run.result_path.exists():
        state = "finished"
    elif state == "running" and not is_alive(status, run.status_path):
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
        epochs=int(status.get("epochs", 0)) or epochs_of(study, run),
        message=message,
        loss=_number(status, "loss"),
        age_mae_years=_number(status, "age_mae_years", "held_out"),
        heartbeat=_number(status, "heartbeat"),
        seconds=float(status.get("seconds", 0.0)),
        volumes_per_s=_number(status, "volumes_per_s"),
        host=str(status.get("host", "")),
        usage=(files.read_note(run.usage_path) or None) if state == "running" else None,
    )


def _number(status: Mapping[str, Any], *names: str) -> float | None:
    """Return the first value of some names that is told; none where it is told to be unknown."""
    value = next((status[name] for name in names if name in status), None)
    return None if value is None else float(value)


def _read_status(run: Run) -> dict[str, Any]:
    """Return the last status of a run; one that cannot be read is reported as a failure."""
    try:
        with errors.readable(run.status_path, _REMEDY):
            noted = files.read_json(run.status_path, _REMEDY) or {}
            return {"state": "waiting", **noted}
    except (DamagedError, OSError) as error:
        return {"state": "failed", "message": in_words(error)}


def is_alive(status: dict[str, Any], path: Path) -> bool:
    """Tell whether the process noted in a status still runs (elsewhere: has written lately)."""
    if not processes.names_a_process(status) or processes.is_copied(status, path):
        return False
    if status.get("host") != socket.gethostname():
        # between steps, or while it waits for a GPU, a run says by its usage alone that it lives
        seen = files.read_note(path.with_name(USAGE_NAME))
        usage = seen.get("time") if seen.get("host") == status.get("host") else None
        last = max(float(status.get("heartbeat") or 0.0), float(usage or 0.0))
        return time.time() - last < REMOTE_HEARTBEAT_S
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
        self.values: dict[str, Any] = processes.note_of(Process.of(os.getpid()), path)

    def write(self, state: State, **values: Any) -> None:
        """Write the state, its time and any other values; those that were written earlier are kept."""
        earlier = files.read_note(self.path)
        now = {"state": state, "heartbeat": time.time(), "message": "", **values}
        files.write_json(self.path, earlier | self.values | now)


def reset_failed(study: Study, selected: Sequence[str] | None) -> None:
    """Reset runs that failed to waiting: all of them, or those selected by their ids."""
    for run in runs_of(study):
        status = _read_status(run)
        wanted = selected is None or run.id in selected
        if wanted and status.get("state") == "failed" and not run.result_path.exists():
            files.write_json(run.status_path, status | {"state": "waiting", "message": ""})
    preparing = study.preparation_status_path
    status = files.read_note(preparing)
    if status.get("state") == "failed":
        files.write_json(preparing, status | {"state": "waiting", "message": ""})
