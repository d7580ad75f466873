"""Starting, stopping and watching studies. The work happens in processes that outlive the page.

A study is a Snakemake workflow in a process group of its own (:mod:`training.workflow`). What is shown
of it is read from files and checked against the processes that are really there.
"""

import contextlib
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from curation import background, files
from curation.background import Process
from curation.errors import StudyError
from curation.workspace import Workspace
from training import runs, workflow
from training import study as studies
from training.config import gpu_count
from training.runs import RunState
from training.study import Study

StudyState = Literal["planned", "running", "stopped", "failed", "finished"]

#: How long a run may take to save and end itself before it is ended by force, seconds.
GRACE_S = 20.0
#: Rough time that a process needs before its first step (importing torch and MONAI), seconds.
START_S = 4.0


@dataclass(frozen=True)
class StudyStatus:
    """Where a study stands.

    Parameters
    ----------
    state : {'planned', 'running', 'stopped', 'failed', 'finished'}
        ``running`` only while its processes are there.
    runs : list of RunState
        Every run, pretrainings first.
    done, total : int
        Finished runs and all runs.
    fraction : float
        Share of the epochs done, each kind of run weighted by its measured time; 0 to 1.
    eta_s : float or None
        Estimated seconds to the end; none while there is nothing to estimate from.
    message : str
        What is going on, or what went wrong, in a sentence.
    """

    state: StudyState
    runs: list[RunState]
    done: int
    total: int
    fraction: float
    eta_s: float | None
    message: str


def launch(workspace: Workspace, study_id: str, *, cores: int | None = None) -> StudyStatus:
    """Start a study in the background, or go on with one that was stopped.

    Parameters
    ----------
    workspace : Workspace
        Where the study is.
    study_id : str
        A planned study.
    cores : int, optional
        Processor cores to use; all by default.

    Returns
    -------
    StudyStatus
        Right after the start. A finished study is left as it is.

    Raises
    ------
    StudyError
        When the study is running already, or there is none of that id.
    """
    study = studies.load(workspace, study_id)
    if study.result_path.exists():
        return status(workspace, study_id)
    busy = StudyError(f"Study {study.id} is being started or stopped by someone else right now.")
    with files.lock(study.folder / "launch.lock", busy):
        if background.running(_state_path(study)):
            raise StudyError(
                f"Study {study.id} is already running. Stop it first to start it again."
            )
        _end(_leftovers(study))
        runs.write_configs(study)
        workflow.outcome_path(study).unlink(missing_ok=True)
        threads = str(study.preset.threads)
        background.start(
            [sys.executable, "-m", "training.workflow", "--workspace", str(workspace.root),
             "--study", study.id, "--cores", str(cores or os.cpu_count() or 1)],
            log=log_path(study),
            state=_state_path(study),
            environment={"PYTHONPATH": import_path(), "OMP_NUM_THREADS": threads},
        )  # fmt: skip
    return status(workspace, study_id)


def resume(workspace: Workspace, study_id: str, *, cores: int | None = None) -> StudyStatus:
    """Go on with a stopped or failed study from what is on disk; as :func:`launch`."""
    return launch(workspace, study_id, cores=cores)


def stop(workspace: Workspace, study_id: str) -> StudyStatus:
    """Stop a study and every process of it; each run saves where it is.

    Returns
    -------
    StudyStatus
        Afterwards. A study that does not run is left as it is.
    """
    study = studies.load(workspace, study_id)
    busy = StudyError(f"Study {study.id} is being started or stopped by someone else right now.")
    with files.lock(study.folder / "launch.lock", busy):
        process = background.running(_state_path(study))
        members = _members(study)
        if process:
            background.stop(process, grace_s=GRACE_S)
        _end([member for member in members if member.is_running()])
    return status(workspace, study_id)


def status(workspace: Workspace, study_id: str) -> StudyStatus:
    """Read where a study stands."""
    study = studies.load(workspace, study_id)
    at_work = _at_work(
        study
    )  # before its runs: one that ends between the two is then not "running"
    states = runs.states(study)
    state: StudyState = "running" if at_work else _ended_state(study, states)
    done = sum(run.state == "finished" for run in states)
    left_s, fraction = _progress(states)
    return StudyStatus(
        state=state,
        runs=states,
        done=done,
        total=len(states),
        fraction=1.0 if state == "finished" else fraction,
        eta_s=left_s / _at_once(study, states) if left_s and state == "running" else None,
        message=_message(study, state, states),
    )


def log_path(study: Study) -> Path:
    """Return the workflow's own log."""
    return study.folder / "workflow.log"


# ---- processes -----------------------------------------------------------------------------------


def _state_path(study: Study) -> Path:
    return study.folder / "workflow.json"


def import_path() -> str:
    """Return where this project is imported from, for processes that work in another folder."""
    here = str(Path(__file__).parents[1])
    return os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))


def _members(study: Study) -> list[psutil.Process]:
    """Return the processes in the group that was noted for the study and that work on it."""
    noted = files.read_json(_state_path(study))
    return [] if not noted else [p for p in psutil.process_iter() if _works_on(p, study, noted)]


def _works_on(process: psutil.Process, study: Study, noted: dict) -> bool:
    try:
        same_group = os.getpgid(process.pid) == noted["pid"]
        return same_group and study.id in " ".join(process.cmdline())
    except (ProcessLookupError, psutil.Error):
        return False


def _leftovers(study: Study) -> list[psutil.Process]:
    """Return processes that go on although the leader of their group was killed."""
    ended = files.read_json(workflow.outcome_path(study)) is not None
    leader = background.running(_state_path(study))
    return [] if leader or ended else [p for p in _members(study) if _alive(p)]


def _alive(process: psutil.Process) -> bool:
    try:
        return Process(process.pid, process.create_time()).alive()
    except psutil.NoSuchProcess:
        return False


def _end(members: list[psutil.Process]) -> None:
    for signal_ in (psutil.Process.terminate, psutil.Process.kill):
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                signal_(member)
        _, members = psutil.wait_procs(members, timeout=GRACE_S)


# ---- reading -------------------------------------------------------------------------------------


def _at_work(study: Study) -> bool:
    return bool(background.running(_state_path(study)) or _leftovers(study))


def _ended_state(study: Study, states: list[RunState]) -> StudyState:
    if study.result_path.exists():
        return "finished"
    if not _state_path(study).exists():
        return "planned"
    outcome = files.read_json(workflow.outcome_path(study))
    failed = any(run.state == "failed" for run in states)
    if failed or (outcome and outcome["returncode"] != 0 and not outcome["stopped"]):
        return "failed"
    return "stopped"


def _message(study: Study, state: StudyState, states: list[RunState]) -> str:
    troubled = next((run for run in states if run.state == "failed"), None)
    if troubled:
        which = f"{troubled.kind} {troubled.arm}, seed {troubled.seed}"
        fold = "" if troubled.fold is None else f", fold {troubled.fold}"
        return f"{which}{fold}: {troubled.message}"
    preparing = files.read_json(study.folder / "prepare" / "status.json") or {}
    if state == "failed":
        return preparing.get("message") or (
            "A run ended without a word; the machine may have run out of memory or disk. See "
            f"{log_path(study)} and the run's log.txt. Resume tries it again."
        )
    if state == "stopped":
        return "Stopped. Resume goes on where each run was."
    if state == "running" and preparing.get("state") != "finished":
        return f"Preparing volumes: {preparing.get('done', 0)} of {preparing.get('total', '…')}"
    return ""


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
    noted = files.read_json(_state_path(study)) or {"command": []}
    command = noted["command"]
    cores = int(command[command.index("--cores") + 1]) if "--cores" in command else 1
    slots = gpu_count() or max(cores // study.preset.threads, 1)
    unfinished = sum(run.state != "finished" for run in states)
    return max(min(slots, unfinished), 1)


def elapsed_s(study: Study) -> float | None:
    """Return the seconds since the last start of a study; none where it was never started."""
    noted = files.read_json(_state_path(study))
    return time.time() - noted["started"] if noted else None
