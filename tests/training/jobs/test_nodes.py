"""One pretraining over two machines: two launches by torchrun's or Slurm's variables, and two networks."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from curation.errors import StudyError
from curation.storage import files, json_lines
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from tests.helpers.paths import ROOT
from tests.helpers.stops import StopAt
from training.jobs import nodes, worker
from training.settings import launch_variables
from training.settings.launch_variables import Launched
from training.studies import prepare_volumes, runs
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.tasks import checkpoints, pretrain

PORT = 29617
#: What makes a run long enough to be killed in.
LONG = {"pretrain_epochs": 200, "pretrain_steps": 50}


def torchrun(rank: int, address: str = "127.0.0.1", port: int = PORT) -> dict[str, str]:
    return {
        "TORCHELASTIC_RUN_ID": "two",
        "RANK": str(rank),
        "GROUP_RANK": str(rank),
        "LOCAL_RANK": "0",
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "1",
        "MASTER_ADDR": address,
        "MASTER_PORT": str(port),
    }


def slurm(rank: int, address: str = "127.0.0.1", port: int = PORT) -> dict[str, str]:
    return {
        "SLURM_STEP_NUM_TASKS": "2",
        "SLURM_NTASKS": "2",
        "SLURM_NNODES": "2",
        "SLURM_NTASKS_PER_NODE": "1",
        "SLURM_PROCID": str(rank),
        "SLURM_NODEID": str(rank),
        "SLURM_LOCALID": "0",
        "SLURM_JOB_ID": "1",
        "SLURM_JOB_NAME": "pretraining",
        "MASTER_ADDR": address,
        "MASTER_PORT": str(port),
    }


def test_variables_tell_which_process_this_is_and_alone_it_is_none() -> None:
    assert launch_variables.launched({}) is None
    assert launch_variables.launched(torchrun(1)) == Launched("torchrun", 1, 2, 1)
    assert launch_variables.launched(slurm(1)) == Launched("slurm", 1, 2, 1)
    assert launch_variables.launched(torchrun(0) | {"WORLD_SIZE": "1"}) is None
    in_a_batch_script = {k: v for k, v in slurm(0).items() if k != "SLURM_STEP_NUM_TASKS"}
    assert launch_variables.launched(in_a_batch_script) is None
    four = torchrun(3) | {"WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "RANK": "3"}
    told = launch_variables.launched(four)
    assert told is not None and told.nodes == 2


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"TORCHELASTIC_RUN_ID": "two"}, "do not say which process this is"),
        (torchrun(0) | {"RANK": "first"}, "do not say which process this is"),
        (slurm(0) | {"SLURM_NTASKS": "3"}, "not spread evenly"),
    ],
)
def test_variables_that_do_not_say_it_are_refused_in_words(variables: dict, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        launch_variables.launched(variables)


def test_another_number_of_processes_than_planned_is_refused_in_words(tmp_path: Path) -> None:
    preset = workspace_trainable.TINY_PRESET.changed({"devices": 4})
    with pytest.raises(StudyError, match=r"launched in 2 processes.*spreads it over 4.*devices=2"):
        nodes.join(Launched("torchrun", 0, 2, 1), preset, StopAt(), tmp_path, lambda *_: None)


def test_a_fine_tuning_in_several_processes_is_refused(workspace: Workspace, monkeypatch, caplog):
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    runs.write_configs(study)
    for name, value in torchrun(1).items():
        monkeypatch.setenv(name, value)
    where = ["--workspace", str(workspace.root), "--study", study.id]
    assert worker.main(["finetune", *where, "--run", "finetune_scratch_seed0_fold0"]) == 2
    assert "Several processes share a pretraining, never finetune" in caplog.text


def test_who_is_gone_is_told_by_its_note_and_memory_is_halved_the_next_time(tmp_path: Path) -> None:
    own = Launched("torchrun", 0, 2, 1)
    other = Launched("torchrun", 1, 2, 1)
    nodes._note(tmp_path / "0.json", own, RuntimeError("gloo: Connection closed by peer"), 1)
    assert nodes._parts(tmp_path) == 1
    nodes._note(tmp_path / "1.json", other, torch.OutOfMemoryError("CUDA out of memory"), 1)
    told = nodes._of_others(tmp_path, own)
    assert "Process 1 on" in told and "CUDA out of memory" in told
    assert "Nothing that was saved is lost" in told
    assert nodes._parts(tmp_path) == 2


# ---- two processes ---------------------------------------------------------------------------------


def _planned(workspace: Workspace, **overrides) -> tuple[Study, Run]:
    study = workspace_trainable.plan(workspace, overrides={"devices": 2} | overrides)
    runs.write_configs(study)
    prepare_volumes.prepare(workspace, study)
    return study, runs.find(study, "pretrain_A_seed0")


def _start(workspace: Workspace, study: Study, run: Run, told: dict, *before: str):
    """Start the job of one machine."""
    variables = {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"} | told
    where = ["--workspace", str(workspace.root), "--study", study.id, "--run", run.id]
    return subprocess.Popen(
        [*before, sys.executable, "-m", "training.jobs.worker", "pretrain", *where],
        cwd=ROOT,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _ended(processes: list) -> list[int]:
    said = [one.communicate(timeout=240)[0] for one in processes]
    codes = [one.returncode for one in processes]
    print(*said, sep="\n")
    return codes


def _both(workspace: Workspace, study: Study, run: Run, told) -> list[int]:
    return _ended([_start(workspace, study, run, told(rank)) for rank in (0, 1)])


@pytest.mark.soak
@pytest.mark.parametrize("told", [torchrun, slurm])
def test_two_launches_are_two_processes_of_one_machine_to_the_bit_and_one_in_rounding(
    workspace: Workspace, told
) -> None:
    workspace_trainable.make(workspace)
    one, alone = _planned(workspace, devices=1)
    pretrain.pretrain(workspace, one, alone, StopAt())
    study, run = _planned(workspace)
    pretrain.pretrain(workspace, study, run, StopAt())
    here = checkpoints.load(run.model_path)
    shutil.rmtree(run.folder)
    runs.write_configs(study)
    assert _both(workspace, study, run, told) == [0, 0]
    apart, single = checkpoints.load(run.model_path), checkpoints.load(alone.model_path)
    assert here is not None and apart is not None and single is not None
    assert all(torch.equal(here[name], apart[name]) for name in here)
    assert all(torch.allclose(single[name], apart[name], atol=2e-3) for name in single)
    losses = [[line["loss"] for line in json_lines.read(r.metrics_path)] for r in (alone, run)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert files.read_json(run.status_path)["state"] == "finished"


def _training(run: Run, process: subprocess.Popen, epochs: int = 1) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if len(json_lines.read(run.metrics_path)) >= epochs:
            return
        time.sleep(0.1)
    raise AssertionError("it did not train")


@pytest.mark.soak
def test_a_node_that_dies_is_told_in_words_and_nothing_saved_is_lost(workspace: Workspace) -> None:
    study, run = _planned(workspace_trainable.make(workspace), **LONG)
    first, second = (_start(workspace, study, run, torchrun(rank)) for rank in (0, 1))
    _training(run, first)
    for process in (first, second):  # a stop of all saves
        process.send_signal(signal.SIGTERM)
    assert _ended([first, second]) == [worker.STOPPED, worker.STOPPED]
    kept = run.checkpoint_path.read_bytes()
    step = checkpoints.load(run.checkpoint_path)["progress"]["step"]
    first, second = (_start(workspace, study, run, torchrun(rank)) for rank in (0, 1))
    _training(run, first, len(json_lines.read(run.metrics_path)) + 1)
    second.kill()
    assert _ended([first, second]) == [1, -signal.SIGKILL]
    status = files.read_json(run.status_path)
    assert status["state"] == "failed"
    assert (
        "Another of the 2 processes of this pretraining is gone. It was killed" in status["message"]
    )
    assert "Nothing that was saved is lost" in status["message"]
    assert run.checkpoint_path.read_bytes() == kept
    first, second = (_start(workspace, study, run, torchrun(rank)) for rank in (0, 1))
    before = len(json_lines.read(run.metrics_path))
    _training(run, first, before + 1)
    went_on = json_lines.read(run.metrics_path)[before]["step"]
    assert step < went_on <= step + LONG["pretrain_steps"]
    for process in (first, second):
        process.send_signal(signal.SIGTERM)
    assert _ended([first, second]) == [worker.STOPPED, worker.STOPPED]


@pytest.fixture
def networks() -> Iterator[list[list[str]]]:
    """Two networks with one cable between them; what to put before a command to run it in each."""
    if os.getuid() or shutil.which("ip") is None or shutil.which("nsenter") is None:
        pytest.skip("needs root, ip and nsenter")
    asleep = [subprocess.Popen(["unshare", "--net", "sleep", "600"]) for _ in "ab"]
    time.sleep(1)
    first, second = (str(one.pid) for one in asleep)
    inside = [["nsenter", "--target", pid, "--net"] for pid in (first, second)]
    cable = ["link", "add", "cable", "netns", first, "type", "veth", "peer", "cable", "netns"]
    made = subprocess.run(["ip", *cable, second], capture_output=True, text=True)
    try:
        if made.returncode:
            pytest.skip(f"this machine makes no network namespaces: {made.stderr}")
        for number, within in enumerate(inside, start=1):
            address = ["addr", "add", f"10.77.0.{number}/24", "dev", "cable"]
            for command in (address, ["link", "set", "lo", "up"], ["link", "set", "cable", "up"]):
                subprocess.run([*within, "ip", *command], check=True)
        yield inside
    finally:
        for one in asleep:
            one.kill()
            one.wait()


@pytest.mark.soak
def test_two_networks_by_torchrun_are_two_processes_of_one_machine_to_the_bit(
    workspace: Workspace, networks: list[list[str]]
) -> None:
    study, run = _planned(workspace_trainable.make(workspace))
    pretrain.pretrain(workspace, study, run, StopAt())
    here = checkpoints.load(run.model_path)
    shutil.rmtree(run.folder)
    runs.write_configs(study)
    where = ["--workspace", str(workspace.root), "--study", study.id, "--run", run.id]
    processes = [
        subprocess.Popen(
            [
                *[*within, sys.executable, "-m", "torch.distributed.run", "--nnodes", "2"],
                *["--nproc-per-node", "1", "--node-rank", str(rank), "--master-addr", "10.77.0.1"],
                *[
                    "--master-port",
                    str(PORT),
                    "-m",
                    "--",
                    "training.jobs.worker",
                    "pretrain",
                    *where,
                ],
            ],
            cwd=ROOT,
            env=os.environ | {"GLOO_SOCKET_IFNAME": "cable", "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank, within in enumerate(networks)
    ]
    assert _ended(processes) == [0, 0]
    apart = checkpoints.load(run.model_path)
    assert here is not None and apart is not None
    assert all(torch.equal(here[name], apart[name]) for name in here)
