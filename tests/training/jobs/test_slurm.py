"""Studies and scoring on a real Slurm of one node: this machine's numbers, and nothing left behind."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from curation.assessment import snakemake_profiles
from curation.assessment.assess_workspace import assess, due_scans
from curation.errors import StudyError
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import phantom_heads, slurm_cluster, workspace_finished, workspace_trainable
from tests.helpers.launched_studies import ended, results, study_processes, under_way, wait
from tests.helpers.paths import ROOT
from training.jobs import launch, slurm, study_status
from training.jobs.execution_backend import Backend
from training.studies.planned_study import Study

BACKEND = Backend(
    "slurm",
    partition=slurm_cluster.PARTITION,
    hours=0.5,
    memory_gb=1.5,
    check_s=1,
    at_once=8,
    cores=2,
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[slurm_cluster.Cluster]:
    if reason := slurm_cluster.missing():
        pytest.skip(reason)
    with slurm_cluster.cluster() as running:
        yield running


#: As docs/cluster.md has it; squeue, since this Slurm keeps no accounts.
PROFILE = f"""
executor: slurm
jobs: 2
latency-wait: 60
slurm-status-command: squeue
slurm-init-seconds-before-status-checks: 1
default-resources:
  slurm_partition: {slurm_cluster.PARTITION}
"""


def _planned(folder: Path, **changes: object) -> tuple[Workspace, Study]:
    workspace = workspace_trainable.make(Workspace.create(folder))
    return workspace, workspace_trainable.plan(workspace, **changes)


def _run(workspace: Workspace, study: Study, backend: Backend) -> dict[str, dict]:
    launch.launch(workspace, study.id, backend=backend)
    status = wait(workspace, study, ended, every_s=1)
    assert status.state == "finished", study.supervisor_log_path.read_text()
    return results(study)


def test_a_run_on_slurm_stopped_and_resumed_comes_to_the_numbers_of_this_machine(
    cluster: slurm_cluster.Cluster, tmp_path: Path
) -> None:
    changes = {"arms": ["A"], "overrides": {"pretrain_epochs": 30}}
    only = ["pretrain_A_seed0"]
    workspace, here = _planned(tmp_path / "here", **changes)
    workspace_finished.train(workspace, here, only)
    workspace, study = _planned(tmp_path / "a {b} 'c' ü", **changes)
    launch.retry(workspace, study.id, only, backend=BACKEND)
    with pytest.raises(StudyError, match="already running"):
        launch.launch(workspace, study.id)
    status = wait(workspace, study, under_way)
    assert "On Slurm, partition tests: 1 of its runs" in status.message
    status = launch.stop(workspace, study.id)
    assert status.state == "stopped"
    assert {run.state for run in status.runs} == {"stopped", "waiting"}
    assert cluster.jobs() == slurm.jobs_of(study) == []
    assert not study_processes(study)

    launch.retry(workspace, study.id, only)  # where it ran before
    status = wait(workspace, study, ended, every_s=1)
    assert (status.state, status.done) == ("stopped", 1), study.supervisor_log_path.read_text()
    assert results(study)["pretrain_A_seed0"] == results(here)["pretrain_A_seed0"]
    assert cluster.jobs() == []


@pytest.mark.soak
def test_three_arms_of_three_seeds_on_slurm_come_to_the_numbers_of_this_machine(
    cluster: slurm_cluster.Cluster, tmp_path: Path
) -> None:
    changes = {"arms": ["scratch", "A", "all"], "seeds": [0, 1, 2]}
    expected = _run(*_planned(tmp_path / "here", **changes), Backend())
    assert len(expected) == 2 * 3 + 3 * 3 * 2
    assert _run(*_planned(tmp_path / "slurm", **changes), BACKEND) == expected


@pytest.mark.soak
def test_jobs_of_a_study_whose_leader_was_killed_are_ended_by_stop(
    cluster: slurm_cluster.Cluster, tmp_path: Path
) -> None:
    workspace, study = _planned(tmp_path / "w", arms=["A"], overrides={"pretrain_epochs": 100_000})
    launch.launch(workspace, study.id, backend=BACKEND)
    wait(workspace, study, under_way)
    for process in study_status.members(study):
        process.kill()
    assert (
        study_status.status(workspace, study.id).state == "running"
    )  # and so it is: its run goes on
    assert cluster.jobs()
    assert launch.stop(workspace, study.id).state == "stopped"
    assert cluster.jobs() == []
    assert not study_processes(study)


# ---- scoring ---------------------------------------------------------------------------------------


def _scoring(workspace: Workspace) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "curation",
        "assess",
        "--workspace",
        str(workspace.root),
        "--batches",
        "3",
        "--profile",
        "slurm",
    ]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _wait_for(what, process: subprocess.Popen[str]) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 120
    while not what():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.1)


@pytest.mark.soak
def test_scoring_on_slurm_interrupted_and_gone_on_with_makes_the_numbers_of_one_process(
    cluster: slurm_cluster.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "config.yaml").write_text(PROFILE)
    monkeypatch.setenv(snakemake_profiles.ENVIRONMENT_VARIABLE, f"slurm:{profile}")
    alone = phantom_heads.fill(tmp_path)
    there = Workspace(Path(shutil.copytree(alone.root, tmp_path / "a {b} 'c' ü")))
    assess(alone)

    first = _scoring(there)
    _wait_for(cluster.jobs, first)
    first.send_signal(signal.SIGINT)
    said = first.communicate(timeout=60)[0]
    assert first.returncode != 0, said
    assert cluster.jobs() == []
    assert len(due_scans(there))

    again = _scoring(there)
    said = again.communicate(timeout=300)[0]
    assert again.returncode == 0, said
    assert "0 left" in said
    for read in (tables.read_metrics, tables.read_scores):
        got, expected = (
            read(one).drop(columns="seconds", errors="ignore") for one in (there, alone)
        )
        pd.testing.assert_frame_equal(got, expected, check_exact=True)
    assert cluster.jobs() == []
