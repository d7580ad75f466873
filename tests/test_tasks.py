"""Commands in the background of a page: started once, watched, stopped, and heard when they fail."""

import time
from collections.abc import Callable
from pathlib import Path

import nibabel as nib

from curation import background, pending, phantoms, tables
from curation.ingest import ingest
from curation.workspace import Workspace
from pages.ui import tasks


def wait(until: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def ended(workspace: Workspace, name: str) -> Callable[[], bool]:
    return lambda: tasks.running(workspace, name) is None


def test_a_failed_command_is_heard_in_its_own_words(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    tasks.start(workspace, tasks.INGEST, str(tmp_path / "empty"))
    wait(ended(workspace, tasks.INGEST))
    complaint = tasks.failure(workspace, tasks.INGEST)
    assert complaint and str(tmp_path / "empty") in complaint
    assert not complaint.startswith("error")


def test_scoring_runs_to_its_end_and_leaves_no_complaint(
    workspace: Workspace, tmp_path: Path
) -> None:
    person = phantoms.Person("sub-01", 30.0, "F", 1)
    data, affine = phantoms.scan(person, phantoms.SCANNERS["North"])
    (tmp_path / "images").mkdir()
    nib.save(nib.Nifti1Image(data, affine), tmp_path / "images" / "one_T1w.nii.gz")
    ingest(workspace, tmp_path / "images", simulated=True)
    tasks.start(workspace, tasks.SCORING, "--jobs", "1")
    assert tasks.jobs(workspace) == 1
    assert tasks.all_running(workspace) == [tasks.SCORING]
    wait(ended(workspace, tasks.SCORING))
    assert tasks.failure(workspace, tasks.SCORING) is None
    assert pending.progress_of(workspace).done == len(tables.read_scans(workspace)) == 1


def test_a_task_is_not_started_twice_and_can_be_stopped(workspace: Workspace) -> None:
    state = workspace.tasks_dir / f"{tasks.SCORING}.json"
    log = tasks.log_path(workspace, tasks.SCORING)
    first = background.start(["sleep", "60"], log=log, state=state)
    tasks.start(workspace, tasks.SCORING)
    assert tasks.running(workspace, tasks.SCORING) == first
    tasks.stop(workspace, tasks.SCORING)
    assert tasks.all_running(workspace) == []


def test_a_command_that_dies_is_not_taken_for_one_that_ended_well(workspace: Workspace) -> None:
    log = tasks.log_path(workspace, tasks.SCORING)
    log.parent.mkdir(parents=True)
    log.write_text("Traceback (most recent call last):\n  ...\nMemoryError: too large\n")
    complaint = tasks.failure(workspace, tasks.SCORING)
    assert complaint and "unexpectedly (MemoryError: too large)" in complaint
    assert str(log) in complaint
