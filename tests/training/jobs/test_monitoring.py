"""What a run leaves beside its own files."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tensorboardX import SummaryWriter
from tensorboardX.proto.event_pb2 import Event

from curation.storage import files, json_lines
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.jobs import monitoring
from training.settings import hardware
from training.studies import runs
from training.studies.run_status import Status, state_of
from training.studies.runs import Run


@pytest.fixture
def run(workspace: Workspace) -> Run:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    runs.write_configs(study)
    return runs.runs_of(study)[0]


def _line(epoch: int, loss: float) -> dict:
    return {"epoch": epoch, "step": 4 * epoch, "loss": loss, "seconds": 1.5, "time": 1e9 + epoch}


def _scalars(folder: Path) -> list[tuple[str, int, float, float]]:
    """Read TensorBoard's files: records of length, its checksum, an event, its checksum."""
    found = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        data = path.read_bytes()
        while data:
            length = int.from_bytes(data[:8], "little")
            event = Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]
            found += [
                (v.tag, event.step, v.simple_value, event.wall_time)
                for v in event.summary.value
                if not v.tensor.string_val
            ]
    return found


def test_tensorboard_has_the_settings_of_a_run_and_names_no_scan(run: Run) -> None:
    events = monitoring.Events(run)
    json_lines.append(run.metrics_path, _line(1, 0.5))
    events.close()
    written = b"".join(path.read_bytes() for path in run.folder.glob("events.out.tfevents.*"))
    config = files.read_json(run.config_path)
    assert f"| preset.pretrain_lr | {config['preset']['pretrain_lr']} |".encode() in written
    assert all(scan.encode() not in written for scan in config["scans"])


def test_tensorboard_gets_every_epoch_once_with_its_step_and_time(run: Run) -> None:
    events = monitoring.Events(run)
    json_lines.append(run.metrics_path, _line(1, 0.5))
    events.update()
    json_lines.append(run.metrics_path, _line(2, 0.25) | {"age_mae_years": 7.5})
    events.close()
    assert _scalars(run.folder) == [
        ("loss", 4, 0.5, 1e9 + 1),
        ("loss", 8, 0.25, 1e9 + 2),
        ("age_mae_years", 8, 7.5, 1e9 + 2),
    ]


def test_after_an_interruption_an_epoch_that_was_repeated_counts_once(run: Run) -> None:
    json_lines.append(run.metrics_path, _line(1, 0.5))
    json_lines.append(run.metrics_path, _line(2, 0.25))
    SummaryWriter(str(run.folder)).close()  # of the process that died
    json_lines.append(run.metrics_path, _line(2, 0.25))
    events = monitoring.Events(run)
    json_lines.append(run.metrics_path, _line(3, 0.125))
    events.close()
    assert [(tag, step) for tag, step, *_ in _scalars(run.folder)] == [
        ("loss", 4),
        ("loss", 8),
        ("loss", 12),
    ]


def test_an_epoch_that_is_done_again_while_it_is_watched_counts_once(run: Run) -> None:
    for epoch in (1, 2, 3):  # the last two lie after the checkpoint of a run that was killed
        json_lines.append(run.metrics_path, _line(epoch, 0.5))
    events = monitoring.Events(run)
    events.update()
    for epoch in (2, 3):
        json_lines.append(run.metrics_path, _line(epoch, 0.5) | {"time": 2e9 + epoch})
    events.close()
    assert [(step, time) for _, step, _, time in _scalars(run.folder)] == [
        (4, 1e9 + 1),
        (8, 2e9 + 2),
        (12, 2e9 + 3),
    ]


def test_a_run_shows_what_it_takes_of_the_machine_only_while_it_runs(run: Run, monkeypatch) -> None:
    study_id = run.folder.parents[1].name
    monkeypatch.setattr(monitoring, "INTERVAL_S", 0.05)
    study = workspace_trainable.planned_study.load(Workspace(run.folder.parents[3]), study_id)
    status = Status(run.status_path)
    status.write("running")
    with monitoring.monitored(run):
        while not run.usage_path.exists():
            time.sleep(0.02)
        state = state_of(study, run)
        assert state.usage is not None
        assert state.usage["memory_mb"] > 10
        assert state.usage["gpus"] == [vars(gpu) for gpu in hardware.used_by({os.getpid()})]
    status.write("finished")
    assert state_of(study, run).usage is None


def test_what_a_run_takes_is_of_all_its_processes() -> None:
    before = monitoring.usage()["memory_mb"]
    held = [
        sys.executable,
        "-c",
        "kept = bytes(range(256)) * 800_000; print(1, flush=True); input()",
    ]
    with subprocess.Popen(held, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout and child.stdout.readline()
        assert monitoring.usage()["memory_mb"] > before + 150
        child.communicate(b"\n")


def test_what_goes_wrong_beside_the_training_does_not_end_it(run: Run, monkeypatch, capfd) -> None:
    monkeypatch.setattr(monitoring, "INTERVAL_S", 0.01)

    tried = threading.Event()

    def full(*_: object) -> None:
        tried.set()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_json", full)
    with monitoring.monitored(run):
        assert tried.wait(60)
    assert "No space left" in capfd.readouterr().err
