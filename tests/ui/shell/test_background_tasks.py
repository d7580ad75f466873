"""Commands in the background of a page: started once, watched, stopped, and heard when they fail."""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib

from curation.assessment import pending
from curation.sources.ingest import ingest
from curation.storage import files, processes, tables
from curation.storage.workspace import Workspace
from pages.ui.shell import background_tasks, cache
from tests.helpers import phantom_heads
from training.studies import planned_study


def wait(until: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def ended(workspace: Workspace, name: str) -> Callable[[], bool]:
    return lambda: background_tasks.running(workspace, name) is None


def test_a_failed_command_is_heard_in_its_own_words(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    background_tasks.start(workspace, background_tasks.INGEST, str(tmp_path / "empty"))
    wait(ended(workspace, background_tasks.INGEST))
    complaint = background_tasks.failure(workspace, background_tasks.INGEST)
    assert complaint and str(tmp_path / "empty") in complaint
    assert not complaint.startswith("error")


def test_scoring_runs_to_its_end_and_leaves_no_complaint(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "images").mkdir()
    head = nib.Nifti1Image(phantom_heads.head(0), phantom_heads.affine())
    nib.save(head, tmp_path / "images" / "one_T1w.nii.gz")
    ingest(workspace, tmp_path / "images", simulated=True)
    background_tasks.start(workspace, background_tasks.SCORING, "--jobs", "1")
    assert background_tasks.jobs(workspace) == 1
    assert background_tasks.all_running(workspace) == [background_tasks.SCORING]
    wait(ended(workspace, background_tasks.SCORING))
    assert background_tasks.failure(workspace, background_tasks.SCORING) is None
    assert pending.progress_of(workspace).done == len(tables.read_scans(workspace)) == 1


def test_the_time_left_is_told_by_the_scans_of_this_run_once_they_are_enough(
    workspace: Workspace,
) -> None:
    state = workspace.tasks_dir / f"{background_tasks.SCORING}.json"
    log = background_tasks.log_path(workspace, background_tasks.SCORING)
    held = processes.start(["sleep", "60"], log=log, state=state)
    note = processes.read_note(state) | {"command": ["sleep", "60", "--jobs", "2"]}
    files.write_json(state, note | {"started": time.time() - 40})
    log.write_text("scoring: 0 of 96 scans\nscoring: 3 of 96 scans\n")
    assert background_tasks.seconds_left(workspace) is None  # too few
    log.write_text("scoring: 0 of 96 scans\nscoring: 20 of 96 scans, about 3 min left\n")
    left = background_tasks.seconds_left(workspace)
    assert left is not None and 148 < left < 158  # 76 scans at 2 s each
    processes.stop(held)
    assert background_tasks.seconds_left(workspace) is None


def test_a_task_is_not_started_twice_and_can_be_stopped(workspace: Workspace) -> None:
    state = workspace.tasks_dir / f"{background_tasks.SCORING}.json"
    log = background_tasks.log_path(workspace, background_tasks.SCORING)
    first = processes.start(["sleep", "60"], log=log, state=state)
    background_tasks.start(workspace, background_tasks.SCORING)
    assert background_tasks.running(workspace, background_tasks.SCORING) == first
    background_tasks.stop(workspace, background_tasks.SCORING)
    assert background_tasks.all_running(workspace) == []


def test_a_command_that_dies_is_not_taken_for_one_that_ended_well(workspace: Workspace) -> None:
    log = background_tasks.log_path(workspace, background_tasks.SCORING)
    log.parent.mkdir(parents=True)
    log.write_text("Traceback (most recent call last):\n  ...\nMemoryError: too large\n")
    complaint = background_tasks.failure(workspace, background_tasks.SCORING)
    assert complaint and "unexpectedly (MemoryError: too large)" in complaint
    assert str(log) in complaint


def test_it_is_said_how_scores_come_and_by_what_when_the_demo_makes_them(
    workspace: Workspace, monkeypatch
) -> None:
    demo = background_tasks.DEMO_STUDY
    assert background_tasks.when_scored(workspace) == "The page Cohort starts the scoring."
    monkeypatch.setattr(background_tasks, "running", lambda _, name: name == demo)
    assert "once the study that runs" in background_tasks.when_scored(workspace)
    assert "planted answer" in background_tasks.label(workspace, demo)
    done = SimpleNamespace(id="planted")
    monkeypatch.setattr(planned_study, "read_studies", lambda _: ([done], []))
    for state, behind in (("running", True), ("finished", False)):
        monkeypatch.setattr(cache, "study_state", lambda *_, state=state: state)
        assert background_tasks.stands_back(workspace) is behind
    assert background_tasks.label(workspace, demo) == "Scoring"
    assert "its score comes by itself" in background_tasks.when_scored(workspace)
