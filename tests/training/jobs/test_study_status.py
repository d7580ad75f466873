"""What is shown of a study whose processes are elsewhere, gone with a reboot, or out of disk."""

import os
import shutil
import socket
import sys
import time
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from curation.storage import files, processes
from curation.storage.processes import Process
from curation.storage.workspace import Workspace
from curation.upkeep import backup
from tests.helpers import workspace_trainable
from training.jobs import execution_backend, launch, study_queue, study_status
from training.jobs.execution_backend import Backend
from training.studies import runs
from training.studies.planned_study import Study
from training.studies.run_status import Status, states


@pytest.fixture
def study(workspace: Workspace) -> Study:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    runs.write_configs(study)
    return study


def _note(study: Study, **changes: object) -> None:
    """Note this very process as the leader of a study and as its first run."""
    own = {"host": socket.gethostname(), **asdict(Process.of(os.getpid()))} | changes
    files.write_json(study.supervisor_path, {"command": [], **own})
    status = {"state": "running", "epoch": 1, "heartbeat": time.time(), **own}
    files.write_json(runs.runs_of(study)[0].status_path, status)


def test_a_study_is_running_while_its_leader_is_there(workspace: Workspace, study: Study) -> None:
    _note(study)
    status = study_status.status(workspace, study.id)
    assert (status.state, status.runs[0].state) == ("running", "running")


def test_after_a_reboot_neither_study_nor_run_is_running(workspace, study: Study) -> None:
    ticks = Process.of(os.getpid()).boot.partition("/")[2]
    _note(study, boot=f"another-boot/{ticks}")
    status = study_status.status(workspace, study.id)
    assert (status.state, status.runs[0].state) == ("stopped", "stopped")
    assert "Resume" in status.message


def test_a_study_led_from_another_machine_is_running_while_its_heart_beats(
    workspace, study
) -> None:
    _note(study, host="login-2", started=time.time() - 1000)
    heart = study.heartbeat_path
    heart.parent.mkdir(exist_ok=True)
    heart.touch()
    assert study_status.status(workspace, study.id).state == "running"
    long_ago = time.time() - study_status.ELSEWHERE_S - 1
    os.utime(heart, (long_ago, long_ago))
    run = runs.runs_of(study)[0]
    assert (
        study_status.status(workspace, study.id).state == "running"
    )  # its run still tells of itself
    stale = files.read_json(run.status_path) | {"heartbeat": time.time() - 1000}
    files.write_json(run.status_path, stale)
    assert study_status.status(workspace, study.id).state == "stopped"


def test_a_leader_that_ended_elsewhere_is_not_running(workspace, study: Study) -> None:
    _note(study, host="login-2")
    files.write_json(runs.runs_of(study)[0].status_path, {"state": "finished"})
    outcome = {"returncode": 1, "stopped": False, "ended": 0.0}
    files.write_json(study.outcome_path, outcome)
    assert study_status.status(workspace, study.id).state == "failed"


def test_another_machine_is_asked_to_stop_through_a_file(workspace, study, monkeypatch) -> None:
    _note(study, host="login-2")
    files.write_json(runs.runs_of(study)[0].status_path, {"state": "stopped"})
    study.heartbeat_path.parent.mkdir(exist_ok=True)
    study.heartbeat_path.touch()

    def answers(seconds: float) -> None:  # the leader there sees the file and ends itself
        assert study.stop_path.exists()
        ended = {"returncode": 0, "stopped": True, "ended": time.time()}
        files.write_json(study.outcome_path, ended)

    monkeypatch.setattr(launch.time, "sleep", answers)
    assert launch.stop(workspace, study.id).state == "stopped"


def test_a_study_that_ended_on_a_full_disk_says_so(workspace, study: Study, monkeypatch) -> None:
    _note(study, boot="gone/1")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 100, 0))
    assert "disk is full" in study_status.status(workspace, study.id).message


@pytest.fixture
def leader(study: Study) -> Iterator[Process]:
    """A process that leads the study, waits in the queue, and trains its first run."""
    command = [sys.executable, "-c", "import time; time.sleep(600)", study.id]
    process = processes.start(command, log=study.supervisor_log_path, state=study.supervisor_path)
    status = Status(runs.runs_of(study)[0].status_path)
    status.values |= asdict(process)
    status.write("running", epoch=1)
    ticket = {"since": time.time(), **processes.note_of(process, study.ticket_path)}
    files.write_json(study.ticket_path, ticket)
    yield process
    processes.stop(process)


@pytest.mark.parametrize("how", ["copied", "restored"])
def test_a_study_in_a_copy_of_its_workspace_is_stopped_and_leaves_that_of_the_other_alone(
    workspace: Workspace, study: Study, leader: Process, tmp_path: Path, monkeypatch, how: str
) -> None:
    if how == "copied":
        shutil.copytree(workspace.root, tmp_path / "copy")
    else:
        backup.restore(backup.back_up(workspace, tmp_path / "safe").folder, tmp_path / "copy")
    copy = Workspace.open(tmp_path / "copy")
    assert study_status.status(workspace, study.id).runs[0].state == "running"
    status = study_status.status(copy, study.id)
    assert (status.state, status.runs[0].state) == ("stopped", "stopped")
    assert study_queue.studies_ahead(copy, study) is None
    assert launch.stop(copy, study.id).state == "stopped" and leader.alive()
    started: list[Path] = []
    monkeypatch.setattr(launch.processes, "start", lambda *_, state, **__: started.append(state))
    launch.resume(copy, study.id)
    assert started[0].is_relative_to(copy.root) and leader.alive()
    assert launch.stop(workspace, study.id).state == "stopped" and not leader.alive()


def test_a_study_that_runs_while_its_workspace_is_moved_is_still_running(
    workspace: Workspace, study: Study, leader: Process, tmp_path: Path
) -> None:
    moved = Workspace.open(workspace.root.rename(tmp_path / "moved"))
    assert study_status.status(moved, study.id).state == "queued"
    assert launch.stop(moved, study.id).state == "stopped" and not leader.alive()


def test_on_a_cluster_it_is_said_where_and_how_many_runs_are_at_work(workspace, study) -> None:
    _note(study)
    files.write_json(study.preparation_status_path, {"state": "finished"})
    execution_backend.write_backend(study, Backend("slurm", partition="gpu"))
    message = study_status.status(workspace, study.id).message
    assert message == "On Slurm, partition gpu: 1 of its runs are at work now."


def test_when_no_run_is_left_none_is_said_to_start(workspace: Workspace, study: Study) -> None:
    files.write_json(study.preparation_status_path, {"state": "finished"})
    waiting = [replace(run, state="waiting") for run in states(study)]
    told = study_status._message(workspace, study, "running", waiting)
    assert told.startswith("The next runs are starting")
    finished = [replace(run, state="finished") for run in waiting]
    told = study_status._message(workspace, study, "running", finished)
    assert told == "All runs are finished; what they came to is being put together."
