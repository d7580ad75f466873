"""Status of a study: read from its files, and checked against the processes that are really there."""

import contextlib
import os
import shutil
import socket
import time
from dataclasses import dataclass
from typing import Literal

import psutil

from curation.storage import files, processes
from curation.storage.processes import Process
from curation.storage.workspace import Workspace
from training.jobs import execution_backend, study_queue
from training.studies import planned_study, run_status, runs
from training.studies.planned_study import Study
from training.studies.run_status import RunState

StudyState = Literal["planned", "queued", "running", "stopped", "failed", "finished"]

#: Rough time that a process needs before its first step (importing torch and MONAI), seconds.
START_S = 4.0
#: A study supervised from another machine is taken for running while its heartbeat is no older, seconds.
ELSEWHERE_S = 60.0
#: With less space left than this, a study that ended without an outcome is reported to have filled the disk.
FULL_BYTES = 8 * 2**20


@dataclass(frozen=True)
class StudyStatus:
    """State of a study and its runs, with progress and time left.

    Parameters
    ----------
    state : {'planned', 'queued', 'running', 'stopped', 'failed', 'finished'}
        ``running`` only while its processes are there, ``queued`` while it waits in the queue.
    runs : list of RunState
        Every run, pretrainings first.
    done, total : int
        Finished runs and all runs.
    fraction : float
        Share of the epochs done, each kind of run weighted by its measured time; 0 to 1.
    eta_s : float or None
        Estimated seconds to the end; none while there is nothing to estimate from.
    message : str
        Current activity or failure, in a sentence.
    """

    state: StudyState
    runs: list[RunState]
    done: int
    total: int
    fraction: float
    eta_s: float | None
    message: str

    @property
    def going(self) -> bool:
        """Whether a process supervises the study: it runs, or waits in the queue."""
        return self.state in ("queued", "running")


def status(workspace: Workspace, study_id: str) -> StudyStatus:
    """Read the status of a study."""
    study = planned_study.load(workspace, study_id)
    # before its runs: one that ends between the two is then not "running"
    at_work = supervised(study) or bool(leftovers(study))
    states = run_status.states(study)
    state = _state(study, states, at_work)
    done = sum(run.state == "finished" for run in states)
    left_s, fraction = _progress(states)
    return StudyStatus(
        state=state,
        runs=states,
        done=done,
        total=len(states),
        fraction=1.0 if state == "finished" else fraction,
        eta_s=left_s / _at_once(study, states) if left_s and state == "running" else None,
        message=_message(workspace, study, state, states),
    )


# ---- processes -----------------------------------------------------------------------------------


def supervised(study: Study) -> bool:
    """Tell whether the supervisor of a study lives, on this machine or on another."""
    return processes.running(study.supervisor_path) is not None or supervised_elsewhere(study)


def supervised_elsewhere(study: Study) -> bool:
    """Tell whether a supervisor on another machine lives: its heartbeat is fresh and it has not ended."""
    noted = processes.read_note(study.supervisor_path)
    if not noted or noted["host"] == socket.gethostname() or study.outcome_path.exists():
        return False
    try:
        beaten = study.heartbeat_path.stat().st_mtime
    except FileNotFoundError:
        beaten = noted["started"]
    return time.time() - beaten < ELSEWHERE_S


def members(study: Study) -> list[psutil.Process]:
    """Return the processes in the group that was noted for the study and that work on it."""
    noted = processes.read_note(study.supervisor_path)
    if not noted or noted["host"] != socket.gethostname():
        return []
    return [p for p in psutil.process_iter() if _works_on(p, study, noted)]


def orphans(study: Study) -> list[psutil.Process]:
    """Return the processes of this machine that train runs of a study, whoever started them."""
    found = []
    for run in runs.runs_of(study):
        noted = processes.read_note(run.status_path)
        if noted.get("state") == "running" and noted["host"] == socket.gethostname():
            with contextlib.suppress(psutil.NoSuchProcess):
                if Process.noted(noted).alive():
                    found.append(psutil.Process(noted["pid"]))
    return found


def leftovers(study: Study) -> list[psutil.Process]:
    """Return processes that go on although their supervisor was killed."""
    ended = study.outcome_path.exists()
    supervisor = processes.running(study.supervisor_path)
    return [] if supervisor or ended else [p for p in members(study) if _alive(p)]


def _works_on(process: psutil.Process, study: Study, noted: dict) -> bool:
    try:
        same_group = os.getpgid(process.pid) == noted["pid"]
        return same_group and study.id in " ".join(process.cmdline())
    except (ProcessLookupError, psutil.Error):
        return False


def _alive(process: psutil.Process) -> bool:
    try:
        return Process(process.pid, process.create_time()).alive()
    except psutil.NoSuchProcess:
        return False


# ---- states and words ----------------------------------------------------------------------------


def _state(study: Study, states: list[RunState], at_work: bool) -> StudyState:
    if at_work:
        return "queued" if study.ticket_path.exists() else "running"
    if any(run.state == "running" for run in states):
        return "running"  # on a cluster, although its supervisor was killed
    if study.result_path.exists():
        return "finished"
    if not study.supervisor_path.exists():
        return "planned"
    outcome = files.read_note(study.outcome_path)
    failed = any(run.state == "failed" for run in states)
    if failed or (outcome.get("returncode", 0) != 0 and not outcome.get("stopped")):
        return "failed"
    return "stopped"


def _message(workspace: Workspace, study: Study, state: StudyState, states: list[RunState]) -> str:
    if state == "queued":
        return _waiting_words(study_queue.studies_ahead(workspace, study))
    troubled = next((run for run in states if run.state == "failed"), None)
    if troubled:
        which = f"{troubled.kind} {troubled.arm}, seed {troubled.seed}"
        fold = "" if troubled.fold is None else f", fold {troubled.fold}"
        return f"{which}{fold}: {troubled.message}"
    if state in ("failed", "stopped") and _disk_is_full(study):
        return "The disk is full. Free some space, then resume: nothing finished is lost."
    preparing = files.read_note(study.preparation_status_path)
    if state == "failed":
        return preparing.get("message") or (
            "A run ended without a word; the machine may have run out of memory, or the cluster out of "
            f"time. See {study.supervisor_log_path} and the run's log.txt. Resume goes on where each run was."
        )
    if state == "stopped":
        return "Stopped. Resume goes on where each run was."
    if state == "running" and preparing.get("state") != "finished":
        known = "total" in preparing
        counted = f": {preparing.get('done', 0)} of {preparing['total']}" if known else ""
        return f"Preparing volumes{counted}"
    going = sum(run.state == "running" for run in states)
    if state == "running" and execution_backend.backend_of(study).kind != "here":
        return (
            f"On {execution_backend.backend_of(study).words}: {going} of its runs are at work now."
        )
    if state == "running" and all(run.state == "finished" for run in states):
        return "All runs are finished; what they came to is being put together."
    if state == "running" and not going:
        return "The next runs are starting: a process needs some seconds before its first step."
    return ""


def _waiting_words(before: int | None) -> str:
    if not before:
        return "Waits for its turn: another study is running."
    return f"Waits for its turn: {before} more wait before it, and one is running."


def _disk_is_full(study: Study) -> bool:
    return shutil.disk_usage(study.folder).free < FULL_BYTES


# ---- progress ------------------------------------------------------------------------------------


def _progress(states: list[RunState]) -> tuple[float | None, float]:
    """Return the processor seconds left (none if unknown) and the share done."""
    rates = {kind: _seconds_an_epoch(states, kind) for kind in {run.kind for run in states}}
    known = all(rate is not None for rate in rates.values())
    weights = [(rates[run.kind] or 0.0) if known else 1.0 for run in states]
    total = sum(w * run.epochs for w, run in zip(weights, states, strict=True))
    done = sum(w * run.epoch for w, run in zip(weights, states, strict=True))
    waiting = sum(run.state != "finished" and run.epoch == 0 for run in states)
    left_s = total - done + waiting * START_S if known else None
    return left_s, done / total if total else 0.0


def _seconds_an_epoch(states: list[RunState], kind: str) -> float | None:
    of_kind = [run for run in states if run.kind == kind and run.epoch > 0]
    epochs = sum(run.epoch for run in of_kind)
    return sum(run.seconds for run in of_kind) / epochs if epochs else None


def _at_once(study: Study, states: list[RunState]) -> int:
    """Return how many runs go on at the same time: on a cluster as many as do so now."""
    backend = execution_backend.backend_of(study)
    going = sum(run.state == "running" for run in states)
    slots = execution_backend.slots(backend, study.preset) if backend.kind == "here" else going
    unfinished = sum(run.state != "finished" for run in states)
    return max(min(slots, unfinished), 1)
