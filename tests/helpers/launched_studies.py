"""What tests of launched studies share: waiting for them, their processes, what they came to."""

import contextlib
import time
from collections.abc import Callable, Iterator
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psutil

from curation.errors import StudyError
from curation.storage import files
from curation.storage.workspace import Workspace
from training.jobs import launch, study_status
from training.jobs.study_status import StudyStatus
from training.studies import runs
from training.studies.planned_study import Study

TIMEOUT_S = 1200


def wait(
    workspace: Workspace, study: Study, until: Callable[[StudyStatus], bool], every_s: float = 0.1
) -> StudyStatus:
    """Wait until a study stands as wanted; the log is what a failure shows."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        status = study_status.status(workspace, study.id)
        if until(status):
            return status
        time.sleep(every_s)
    raise AssertionError(f"still {status}\n{study.supervisor_log_path.read_text()}")


def finish(
    workspace: Workspace,
    study: Study,
    tell: Callable[[StudyStatus], None] = lambda status: None,
    every_s: float = 1.0,
) -> None:
    """Have a study done to its end, from where it is; StudyError where it ends otherwise than finished."""
    if not study_status.status(workspace, study.id).going:
        launch.launch(workspace, study.id)
    while (status := study_status.status(workspace, study.id)).going:
        tell(status)
        time.sleep(every_s)
    if status.state != "finished":
        raise StudyError(f"The study {study.id} is {status.state}: {status.message}")


def try_to_launch(root: Path, study_id: str, gate: Barrier, outcomes: Queue) -> None:
    """Launch a study at the same time as others, and put what came of it; a process of its own does this."""
    gate.wait()
    try:
        launch.launch(Workspace(root), study_id)
        outcomes.put("started")
    except StudyError as error:
        outcomes.put(str(error))


def ended(status: StudyStatus) -> bool:
    return not status.going


def under_way(status: StudyStatus) -> bool:
    """Whether a run has finished an epoch and goes on, or all is over."""
    return ended(status) or any(run.state == "running" and run.epoch for run in status.runs)


def study_processes(study: Study) -> list[psutil.Process]:
    """Return every process that works on a study."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        if (
            study.id in command
            and str(study.folder.parents[1]) in command
            and process.info["status"] != psutil.STATUS_ZOMBIE
        ):
            found.append(process)
    return found


@contextlib.contextmanager
def held(study: Study) -> Iterator[None]:
    """Hold every process of a study still, so that it cannot end meanwhile; it has to be under way."""
    there = study_processes(study)
    assert there, "the study ended before it could be held"
    for process in there:
        process.suspend()
    try:
        yield
    finally:
        for process in there:
            process.resume()


def results(study: Study) -> dict[str, dict]:
    """Return everything that a study came to, without what clocks and meters wrote."""
    found = {run.id: files.read_json(run.result_path) or {} for run in runs.runs_of(study)}
    measured = ("seconds", "volumes_per_s", "data_wait_share")
    return {
        key: {name: value for name, value in result.items() if name not in measured}
        for key, result in found.items()
    }
