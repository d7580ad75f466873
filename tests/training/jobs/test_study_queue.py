"""One study at a time: the others wait in the order they came, the dead do not count."""

import os
import subprocess
from dataclasses import asdict

import pytest

from curation.storage import files, processes
from curation.storage.processes import Process
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.jobs import launch, study_queue, study_status
from training.studies.planned_study import Study
from training.tasks.stop_signal import Stopped


@pytest.fixture
def studies(workspace: Workspace) -> list[Study]:
    workspace_trainable.make(workspace)
    return [workspace_trainable.plan(workspace, name=name) for name in ("one", "two", "three")]


def _give_up() -> None:
    raise Stopped


def test_one_study_has_its_turn_and_the_next_waits(workspace: Workspace, studies) -> None:
    first, second, _ = studies
    with study_queue.queue_slot(workspace, first, check=_give_up):
        assert study_queue.studies_ahead(workspace, first) is None
        with pytest.raises(Stopped), study_queue.queue_slot(workspace, second, check=_give_up):
            pass
        assert not second.ticket_path.exists()
    with study_queue.queue_slot(workspace, second, check=_give_up):
        pass


def test_who_came_first_is_first_and_a_ticket_of_the_dead_does_not_count(
    workspace, studies
) -> None:
    alive = asdict(Process.of(os.getpid()))
    dead = subprocess.Popen(["true"])
    gone = asdict(Process.of(dead.pid))
    dead.wait()
    for study, since, owner in zip(studies, (30.0, 10.0, 20.0), (alive, gone, alive), strict=True):
        files.write_json(study.ticket_path, {"since": since, **owner})
    one, two, three = studies
    assert [study_queue.studies_ahead(workspace, study) for study in (three, one, two)] == [
        0,
        1,
        None,
    ]


def test_a_study_in_the_queue_is_shown_there_and_can_be_taken_out(workspace, studies) -> None:
    first, second, _ = studies
    with study_queue.queue_slot(workspace, first, check=_give_up):
        launch.launch(workspace, second.id)
        _until(lambda: study_status.status(workspace, second.id).state == "queued")
        status = study_status.status(workspace, second.id)
        assert status.going
        assert "another study is running" in status.message
        assert launch.stop(workspace, second.id).state == "stopped"
    assert processes.running(second.supervisor_path) is None
    assert not second.ticket_path.exists()


def _until(condition, seconds: float = 300) -> None:
    import time

    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
