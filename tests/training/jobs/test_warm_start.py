"""Jobs forked from a template: each a process of its own, which ends with its client, and that with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from curation.storage import files
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.jobs import supervisor, warm_start, worker
from training.jobs.execution_backend import Backend
from training.studies import runs
from training.studies.planned_study import Study
from training.studies.run_status import RunState, state_of
from training.studies.runs import Run

RUN = "pretrain_A_seed0"


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Study]:
    workspace = workspace_trainable.make(Workspace.create(tmp_path_factory.mktemp("warm") / "w"))
    study = workspace_trainable.plan(
        workspace, seeds=[0, 1], overrides={"pretrain_epochs": 100_000}
    )
    runs.write_configs(study)
    return workspace, study


@pytest.fixture(scope="module")
def template(studied: tuple[Workspace, Study]) -> Iterator[Path]:
    with supervisor.job_template(*studied, Backend()) as address:
        assert address is not None
        yield address


def _client(address: Path, studied: tuple[Workspace, Study], *job: str) -> subprocess.Popen:
    workspace, study = studied
    where = ["--workspace", str(workspace.root), "--study", study.id]
    command = [sys.executable, "-m", "training.jobs.warm_start", str(address), *job, *where]
    with _said(study).open("w") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)


def _said(study: Study) -> Path:
    return study.folder / "said.txt"


def _wait(study: Study, run: Run, until: Callable[[RunState], bool]) -> None:
    deadline = time.monotonic() + 300
    while not until(state_of(study, run)):
        assert time.monotonic() < deadline, state_of(study, run)
        time.sleep(0.05)


def _begun(address: Path, studied: tuple[Workspace, Study], run: Run) -> subprocess.Popen:
    """Start a client that has a run trained, and wait until an epoch of it is over."""
    _, study = studied
    before = state_of(study, run).epoch
    client = _client(address, studied, "pretrain", "--run", run.id)
    _wait(study, run, lambda state: state.state == "running" and state.epoch > before)
    return client


def test_a_job_is_a_fork_of_the_template_and_its_output_and_status_are_the_clients(
    template: Path, studied: tuple[Workspace, Study]
) -> None:
    _, study = studied
    client = _client(template, studied, "prepare", "--jobs", "1")
    assert client.wait(300) == 0, _said(study).read_text()
    assert "prepare  begins" in _said(study).read_text()
    noted = files.read_json(study.preparation_status_path)
    assert noted["state"] == "finished" and noted["pid"] != client.pid
    client = _client(template, studied, "pretrain", "--run", "nobody")
    assert client.wait(300) == 1
    assert "nobody" in _said(study).read_text()


def test_whichever_of_job_and_client_is_stopped_or_killed_ends_the_other(
    template: Path, studied: tuple[Workspace, Study]
) -> None:
    _, study = studied
    run = runs.find(study, RUN)
    assert _client(template, studied, "prepare", "--jobs", "1").wait(300) == 0

    client = _begun(template, studied, run)
    client.send_signal(signal.SIGTERM)  # a polite stop
    assert client.wait(60) == worker.STOPPED
    assert state_of(study, run).message.startswith("stopped")
    assert run.checkpoint_path.exists()

    client = _begun(template, studied, run)
    job = psutil.Process(files.read_json(run.status_path)["pid"])
    client.kill()
    client.wait()
    job.wait(60)
    assert state_of(study, run).message.startswith("stopped")  # it saved itself

    client = _begun(template, studied, run)
    os.kill(files.read_json(run.status_path)["pid"], signal.SIGKILL)
    assert client.wait(60) == 1
    assert state_of(study, run).message.startswith("interrupted without a word")


def test_without_a_template_the_client_does_the_job_itself_and_stops_politely_too(
    studied: tuple[Workspace, Study],
) -> None:
    _, study = studied
    with warm_start.template([]) as address:
        pass
    assert not address.parent.exists()
    run = runs.find(study, "pretrain_A_seed1")
    client = _begun(address, studied, run)
    try:
        assert files.read_json(run.status_path)["pid"] == client.pid
        assert not run.checkpoint_path.exists()
        client.send_signal(signal.SIGTERM)
        assert client.wait(300) == worker.STOPPED, _said(study).read_text()
    finally:
        client.kill()
        client.wait()
    state = state_of(study, run)
    assert (state.state, state.epoch > 0) == ("stopped", True)
    assert run.checkpoint_path.exists()


def test_jobs_on_a_cluster_or_on_gpus_are_never_forked(studied, monkeypatch) -> None:
    with supervisor.job_template(*studied, Backend("slurm")) as address:
        assert address is None
    monkeypatch.setattr(supervisor, "gpu_count", lambda: 1)
    with supervisor.job_template(*studied, Backend()) as address:
        assert address is None
