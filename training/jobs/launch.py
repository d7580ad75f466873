"""Launch, stop and repetition of studies, whose processes outlive the page that starts them.

A study is a Snakemake workflow in a process group of its own (:mod:`training.jobs.supervisor`). Its status
is read by :mod:`training.jobs.study_status`.
"""

import contextlib
import errno
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import actions
from curation.errors import StudyError
from curation.storage import files, processes
from curation.storage.workspace import Workspace
from training.jobs import execution_backend, mlflow_log, slurm, study_status, supervisor
from training.jobs.execution_backend import Backend
from training.jobs.study_status import StudyStatus, status
from training.studies import planned_study, runs
from training.studies.planned_study import Study
from training.studies.run_status import reset_failed, states

_log = logging.getLogger(__name__)

#: How long a run may take to save and end itself before it is ended by force, seconds.
GRACE_S = 60.0
#: How often a stop reports the runs that it waits for, seconds, and how many it names.
TELL_EVERY_S = 5.0
_NAMED = 3


@guarded(Action.LAUNCH)
def launch(
    workspace: Workspace,
    study_id: str,
    *,
    backend: Backend | None = None,
    mlflow: bool | None = None,
    cores: int | None = None,
) -> StudyStatus:
    """Start a study in the background, or go on with one that was stopped.

    On this machine one study of a workspace runs at a time; another one waits for its turn.

    Parameters
    ----------
    workspace : Workspace
        Where the study is.
    study_id : str
        A planned study.
    backend : Backend, optional
        Where its jobs run; by default where they ran before, at first on this machine.
    mlflow : bool, optional
        Whether finished runs are logged to MLflow too; by default as before, at first not.
    cores : int, optional
        Processor cores to use on this machine, where no backend is given; all by default.

    Returns
    -------
    StudyStatus
        Right after the start. A finished study is left as it is.

    Raises
    ------
    StudyError
        When the study is running already, there is none of that id, or the backend cannot be used.
    """
    study = planned_study.load(workspace, study_id)
    if study.result_path.exists():
        return status(workspace, study_id)
    with _alone(study):
        _start(workspace, study, backend or _backend(study, cores), mlflow, selected=None)
    actions.note(workspace, "study started", study_id)
    _log.info("study %s started", study_id)
    return status(workspace, study_id)


@guarded(Action.LAUNCH)
def resume(
    workspace: Workspace,
    study_id: str,
    *,
    backend: Backend | None = None,
    mlflow: bool | None = None,
    cores: int | None = None,
) -> StudyStatus:
    """Go on with a stopped or failed study from what is on disk; as :func:`launch`."""
    return launch(workspace, study_id, backend=backend, mlflow=mlflow, cores=cores)


@guarded(Action.RETRY)
def retry(
    workspace: Workspace,
    study_id: str,
    names: Sequence[str],
    *,
    anew: bool = False,
    backend: Backend | None = None,
    mlflow: bool | None = None,
) -> StudyStatus:
    """Do single arms or runs of a study again, and nothing else of it.

    Parameters
    ----------
    workspace : Workspace
        Where the study is.
    study_id : str
        A planned study. While it runs, what is named is done once the rest is through.
    names : sequence of str
        Names of arms and ids of runs.
    anew : bool
        From the beginning, also what is finished, with all that builds on it; otherwise from where each
        run was.
    backend, mlflow
        As in :func:`launch`.

    Raises
    ------
    StudyError
        When a name is unknown, nothing is left to do, or a running study is to begin anew.
    """
    study = planned_study.load(workspace, study_id)
    selected = runs.named(study, names)
    with _alone(study):
        running = study_status.supervised(study)
        if anew and running:
            raise StudyError("Stop the study first: a run that goes on cannot begin anew.")
        backend = backend or execution_backend.backend_of(study)
        if not running:
            _refuse_lacking(study, backend, mlflow)  # before anything is deleted
        if anew:
            selected = runs.delete_results(study, selected)
        left = [run.id for run in selected if not run.result_path.exists()]
        if not left:
            raise StudyError(
                f"Everything of {', '.join(names)} is finished. Ask for it anew to do it once more."
            )
        if running:
            earlier = files.read_json(study.selected_runs_path) or []
            files.write_json(study.selected_runs_path, list(dict.fromkeys(earlier + left)))
        else:
            _start(workspace, study, backend, mlflow, selected=left)
    how = "from the beginning" if anew else "from where they were"
    actions.note(workspace, "runs started again", study_id, runs=list(names), how=how)
    return status(workspace, study_id)


@guarded(Action.STOP)
def stop(
    workspace: Workspace, study_id: str, *, tell: Callable[[str], None] = lambda words: None
) -> StudyStatus:
    """Stop a study and every process of it, on a cluster too; each run saves where it is.

    Parameters
    ----------
    workspace, study_id
        Which study. One that does not run is left as it is.
    tell : callable
        Hears, in words, what is done and what is waited for: it may take a minute.

    Returns
    -------
    StudyStatus
        Afterwards.
    """
    study = planned_study.load(workspace, study_id)
    with _alone(study):
        process, elsewhere = (
            processes.running(study.supervisor_path),
            study_status.supervised_elsewhere(study),
        )
        members = study_status.members(study)
        if process or elsewhere or members:
            tell(f"Stopping {study.id}: each run saves where it is, which may take up to a minute.")
        waiting = _Waiting(study, tell)
        if process or elsewhere:
            _ask_to_stop(study, waiting)
        if process:
            grace_s = GRACE_S + supervisor.CLUSTER_GRACE_S * (
                execution_backend.backend_of(study).kind != "here"
            )
            processes.stop(process, grace_s=grace_s, meanwhile=waiting)
        _end([member for member in members if member.is_running()])
        if execution_backend.backend_of(study).kind == "slurm":
            tell("Cancelling its jobs on Slurm.")
            slurm.cancel(study, grace_s=supervisor.CLUSTER_GRACE_S)
        _end(study_status.orphans(study))
    if process or elsewhere or members:
        actions.note(workspace, "study stopped", study_id)
    return status(workspace, study_id)


class _Waiting:
    """Says every few seconds which runs a stop still waits for."""

    def __init__(self, study: Study, tell: Callable[[str], None]) -> None:
        self._study, self._tell, self._told = study, tell, time.monotonic()

    def __call__(self) -> None:
        now = time.monotonic()
        if now - self._told < TELL_EVERY_S:
            return
        self._told = now
        going = [run.run_id for run in states(self._study) if run.state == "running"]
        awaited = ", ".join(going) or "its processes to end"
        self._tell(f"Waiting for {awaited if len(going) <= _NAMED else f'{len(going)} runs'} …")


# ---- the supervisor ------------------------------------------------------------------------------


@contextlib.contextmanager
def _alone(study: Study) -> Iterator[None]:
    """Let one page or shell at a time start or stop a study; say in words when the disk is full."""
    busy = StudyError(f"Study {study.id} is being started or stopped by someone else right now.")
    try:
        with files.lock(study.launch_lock_path, busy):
            yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise StudyError("The disk is full. Free some space, then try again.") from error


def _start(
    workspace: Workspace,
    study: Study,
    backend: Backend,
    mlflow: bool | None,
    *,
    selected: list[str] | None,
) -> None:
    if study_status.supervised(study):
        raise StudyError(f"Study {study.id} is already running. Stop it first to start it again.")
    tracked = _refuse_lacking(study, backend, mlflow)
    _end(study_status.leftovers(study))
    if execution_backend.backend_of(study).kind == "slurm":
        slurm.cancel(study, grace_s=supervisor.CLUSTER_GRACE_S)
    _end(study_status.orphans(study))
    runs.write_configs(study)
    for folder in (study.folder, *(run.folder for run in runs.runs_of(study))):
        files.sweep(folder)
    reset_failed(study, selected)
    for path in (
        study.outcome_path,
        study.stop_path,
        study.selected_runs_path,
        study.ticket_path,
    ):
        path.unlink(missing_ok=True)
    execution_backend.write_backend(study, backend)
    mlflow_log.track(study, tracked)
    if selected is not None:
        files.write_json(study.selected_runs_path, selected)
    threads = str(study.preset.threads)
    processes.start(
        [
            sys.executable,
            "-m",
            "training.jobs.supervisor",
            "--workspace",
            str(workspace.root),
            "--study",
            study.id,
        ],
        log=study.supervisor_log_path,
        state=study.supervisor_path,
        environment={"PYTHONPATH": import_path(), "OMP_NUM_THREADS": threads},
    )


def _refuse_lacking(study: Study, backend: Backend, mlflow: bool | None) -> bool:
    """Refuse a start for which something is lacking here; return whether runs are logged to MLflow."""
    execution_backend.refuse_unusable(backend)
    tracked = mlflow_log.is_tracked(study) if mlflow is None else mlflow
    if tracked:
        mlflow_log.refuse_lacking()
    return tracked


def _backend(study: Study, cores: int | None) -> Backend:
    return Backend(cores=cores) if cores else execution_backend.backend_of(study)


def import_path() -> str:
    """Return where this project is imported from, for processes that work in another folder."""
    here = str(Path(__file__).parents[2])
    return os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))


def _ask_to_stop(study: Study, waiting: Callable[[], None]) -> None:
    """Ask the supervisor through a file, which another machine sees too, and wait there for its answer."""
    with contextlib.suppress(OSError):  # a full disk: the signal has to do
        study.stop_path.touch()
    deadline = time.monotonic() + GRACE_S + supervisor.CLUSTER_GRACE_S
    while study_status.supervised_elsewhere(study) and time.monotonic() < deadline:
        waiting()
        time.sleep(supervisor.POLL_S)


def _end(members: list[psutil.Process]) -> None:
    for send in (psutil.Process.terminate, psutil.Process.kill):
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                send(member)
        _, members = psutil.wait_procs(members, timeout=GRACE_S)
