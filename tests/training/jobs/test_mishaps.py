"""Studies that are killed, run out of disk, or are started twice: the truth is shown, the numbers stay."""

import errno
import multiprocessing
import os
import random
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import torch

from curation.errors import StudyError
from curation.storage import files
from curation.storage.workspace import Workspace
from tests.helpers import workspace_finished, workspace_trainable
from tests.helpers.launched_studies import (
    ended,
    held,
    results,
    study_processes,
    try_to_launch,
    under_way,
    wait,
)
from training.__main__ import main
from training.jobs import execution_backend, launch, study_status
from training.studies import runs
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.tasks import checkpoints, finetune

PLAN = {
    "arms": ["A"],
    "overrides": {"pretrain_epochs": 60, "pretrain_steps": 8, "finetune_epochs": 20},
}
#: A kill comes so long after the start at most: in it are the start itself and, in the longer, all epochs.
SHORT_S, LONG_S = 12.0, 25.0


def _planned(folder: Path, **changes: object) -> tuple[Workspace, Study]:
    workspace = workspace_trainable.make(Workspace.create(folder))
    return workspace, workspace_trainable.plan(workspace, **PLAN | changes)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What the study comes to without interruption, all in this process."""
    workspace, study = _planned(tmp_path_factory.mktemp("calm") / "w")
    workspace_finished.train(workspace, study)
    return results(study)


def _kill(study: Study, draw: random.Random, how: str | None) -> None:
    """Kill everything of a study, only its leader, or one process of it; at random where not said."""
    there = sorted(study_processes(study), key=lambda process: process.pid)
    how = how or draw.choice(["all", "all", "leader", "one"])
    victims = there if how == "all" else there[:1] if how == "leader" else draw.sample(there, 1)
    for victim in victims:
        if victim.is_running():
            victim.kill()
    while any(map(_is_there, victims)):  # a large process takes its time to die
        time.sleep(0.05)


def _is_there(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _no_dead_run_is_shown_as_running(workspace: Workspace, study: Study) -> None:
    dead = set()
    for run in runs.runs_of(study):
        noted = files.read_json(run.status_path) or {}
        if noted.get("state") == "running" and not _trains(noted["pid"], run):
            dead.add(run.id)
    shown = {
        run.run_id
        for run in study_status.status(workspace, study.id).runs
        if run.state == "running"
    }
    assert not dead & shown


def _trains(pid: int, run: Run) -> bool:
    try:
        process = psutil.Process(pid)
        opened = [Path(file.path).parent for file in process.open_files()]
        return run.folder in opened and _is_there(process)
    except psutil.NoSuchProcess:
        return False


def _survive(
    workspace: Workspace,
    study: Study,
    expected: dict[str, dict],
    kills: int,
    within_s: float,
    how: str | None = None,
) -> int:
    """Kill a study at random moments, beginning anew where it ends meanwhile; return how often it ended."""
    draw, finished = random.Random(0), 0
    for number in range(kills):
        print(f"kill {number + 1} of {kills}, {finished} times finished", flush=True)
        if study_status.status(workspace, study.id).state == "finished":
            finished += 1
            assert results(study) == expected
            runs.delete_results(study, runs.runs_of(study))
        if not study_status.status(workspace, study.id).going:
            launch.resume(workspace, study.id)
        time.sleep(draw.uniform(0, within_s))
        if study_processes(study):
            _kill(study, draw, how)
        _no_dead_run_is_shown_as_running(workspace, study)
    if not study_status.status(workspace, study.id).going:
        launch.resume(workspace, study.id)
    status = wait(workspace, study, ended, every_s=0.5)
    if status.state != "finished":  # the last kill took one process only
        launch.resume(workspace, study.id)
        status = wait(workspace, study, ended, every_s=0.5)
    assert status.state == "finished", study.supervisor_log_path.read_text()
    assert results(study) == expected
    return finished + 1


@pytest.mark.soak  # one kill of everything is among the tests of launching
def test_a_study_killed_three_times_comes_to_the_same_numbers(expected, tmp_path: Path) -> None:
    workspace, study = _planned(tmp_path / "w")
    _survive(workspace, study, expected, kills=3, within_s=SHORT_S)
    assert not study_processes(study)


@pytest.mark.soak
@pytest.mark.parametrize("how", ["all", "leader", "one"])
def test_a_study_killed_in_one_way_comes_to_the_same_numbers(
    expected, tmp_path: Path, how: str
) -> None:
    workspace, study = _planned(tmp_path / "w")
    _survive(workspace, study, expected, kills=5, within_s=SHORT_S, how=how)
    assert not study_processes(study)


@pytest.mark.soak
def test_a_study_killed_a_hundred_times_comes_to_the_same_numbers(expected, tmp_path: Path) -> None:
    workspace, study = _planned(tmp_path / "w")
    times = _survive(workspace, study, expected, kills=100, within_s=LONG_S)
    print(f"100 kills; the study came to its end {times} times, each time with the same numbers")
    assert not study_processes(study)


# ---- a full disk -----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("a small disk can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(folder: Path) -> Path:
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65536)
        except OSError:
            return ballast


@pytest.mark.soak  # what is said of one is tested in test_worker.py and test_study_status.py
def test_a_full_disk_is_told_and_once_there_is_space_nothing_is_lost(expected, small_disk) -> None:
    workspace, study = _planned(small_disk / "w")
    launch.launch(workspace, study.id)
    wait(workspace, study, under_way)
    with held(study):  # else it might end before the disk is full
        ballast = _fill(small_disk)
    status = wait(workspace, study, ended)
    assert status.state in ("failed", "stopped")
    assert "disk is full" in status.message
    assert not [run for run in status.runs if run.state == "running"]
    ballast.unlink()
    launch.retry(workspace, study.id, ["pretrain_A_seed0"])  # what the disk stopped
    status = wait(workspace, study, ended, every_s=0.5)
    assert status.done == 1, study.supervisor_log_path.read_text()
    workspace_finished.train(workspace, study)  # its fine-tunings, in this process
    assert results(study) == expected


def test_a_disk_that_is_full_before_the_start_is_told_in_words(tmp_path, monkeypatch) -> None:
    workspace, study = _planned(tmp_path / "w")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(execution_backend, "write_backend", full)
    with pytest.raises(StudyError, match="disk is full"):
        launch.launch(workspace, study.id)
    assert study_status.status(workspace, study.id).state == "planned"


# ---- two at once -----------------------------------------------------------------------------------


def test_two_dashboards_cannot_start_the_same_study_twice(tmp_path: Path) -> None:
    workspace, study = _planned(tmp_path / "w", overrides={"pretrain_epochs": 100_000})
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([try_to_launch.__module__])
    gate, outcomes = context.Barrier(4), context.Queue()
    dashboards = [
        context.Process(target=try_to_launch, args=(workspace.root, study.id, gate, outcomes))
        for _ in range(4)
    ]
    for dashboard in dashboards:
        dashboard.start()
    said = sorted(outcomes.get(timeout=120) for _ in dashboards)
    for dashboard in dashboards:
        dashboard.join()
    assert said.count("started") == 1
    assert all(
        "already running" in words or "right now" in words for words in said if words != "started"
    )
    assert launch.stop(workspace, study.id).state == "stopped"
    assert not study_processes(study)


@pytest.mark.parametrize("mishap", ["gone", "cut off", "of another network"])
def test_what_is_advised_brings_weights_of_a_finished_study_back_with_all_built_on_them(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, mishap: str
) -> None:
    workspace_trainable.make(workspace)
    study = workspace_trainable.plan(workspace, arms=["scratch", "A", "A-labels-50"])
    for run in runs.runs_of(study):
        files.write_json(run.result_path, {})
    files.write_json(study.result_path, {})
    pretraining = runs.find(study, "pretrain_A_seed0")
    if mishap == "of another network":
        checkpoints.save(pretraining.model_path, {"x": torch.zeros(2)})
    elif mishap == "cut off":
        pretraining.model_path.write_bytes(b"PK")
    with pytest.raises(StudyError) as told:
        finetune.model_of(workspace, study, runs.find(study, "finetune_A_seed0_fold1"))
    found = re.search(r"'python -m training (retry [^']+)'", str(told.value))
    assert found and "resume" not in str(told.value)
    monkeypatch.setattr(launch, "_start", lambda *_, selected: started.extend(selected))
    started: list[str] = []
    command, *options = found[1].split()
    assert main([command, "--workspace", str(workspace.root), *options]) == 0
    arms, folds = ("A", "A-labels-50"), (0, 1)
    again = {f"finetune_{arm}_seed0_fold{fold}" for arm in arms for fold in folds}
    assert set(started) == {pretraining.id} | again
    left = {run.id for run in runs.runs_of(study) if not run.result_path.exists()}
    assert left == set(started) and not pretraining.model_path.exists()
    assert not study.result_path.exists()
