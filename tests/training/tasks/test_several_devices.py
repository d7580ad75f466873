"""Pretraining spread over processes, on the CPU with gloo: the same sums, only shared out."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch.multiprocessing import ProcessRaisedException

from curation.errors import StudyError
from curation.storage import files, json_lines
from curation.storage.workspace import Workspace
from tests.helpers import spread_work, workspace_trainable
from tests.helpers.stops import StopAt
from training.settings.preset import Preset
from training.studies import runs
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.tasks import checkpoints, devices, pretrain
from training.tasks.stop_signal import Stopped


def _pretrained(workspace: Workspace, **overrides) -> tuple[Study, Run]:
    study = workspace_trainable.plan(workspace, overrides=overrides)
    runs.write_configs(study)
    run = runs.find(study, "pretrain_A_seed0")
    pretrain.pretrain(workspace, study, run, StopAt())
    return study, run


def test_two_processes_come_to_what_one_comes_to(workspace: Workspace) -> None:
    workspace_trainable.make(workspace)
    _, alone = _pretrained(workspace)
    _, shared = _pretrained(workspace, devices=2)
    losses = [
        [line["loss"] for line in json_lines.read(run.metrics_path)] for run in (alone, shared)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    one, two = (checkpoints.load(run.model_path) for run in (alone, shared))
    assert one is not None and two is not None
    assert all(torch.allclose(one[name], two[name], atol=2e-3) for name in one)
    assert (
        files.read_json(shared.result_path)["steps"] == files.read_json(alone.result_path)["steps"]
    )


@pytest.fixture
def two_processes(monkeypatch: pytest.MonkeyPatch) -> Preset:
    """What spreads over two processes: forks of this one here, which need not import everything anew."""

    def fabric(strategy: str, **given: Any) -> Fabric:
        return Fabric(strategy=strategy.replace("ddp_spawn", "ddp_fork"), **given)

    monkeypatch.setattr(devices, "Fabric", fabric)
    return workspace_trainable.TINY_PRESET.changed({"devices": 2, "pretrain_batch": 8})


@pytest.mark.parametrize("enough", [2, 4])
def test_short_memory_in_one_process_lets_all_begin_again_in_smaller_parts(
    tmp_path: Path, two_processes: Preset, enough: int
) -> None:
    folder = tmp_path / str(enough)
    folder.mkdir()
    devices.launch_ddp(two_processes, StopAt(), spread_work.work, folder)
    tried = [count for count in (1, 2, 4) if count <= enough]
    assert {path.name for path in folder.iterdir()} == {
        f"{rank}-of-2-in-{count}" for rank in (0, 1) for count in tried
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hopeless", r"^The scans are of no use. Take others.$"),
        ("renamed", r"^The scans are of no use.\nTake others.$"),
    ],
)
def test_an_error_of_ours_arrives_in_its_own_words_wherever_its_class_lies(
    tmp_path: Path, two_processes: Preset, name: str, words: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    with pytest.raises(StudyError, match=words):
        devices.launch_ddp(two_processes, StopAt(), spread_work.work, folder)


def test_an_error_of_others_is_not_taken_for_ours(tmp_path: Path, two_processes: Preset) -> None:
    folder = tmp_path / "foreign"
    folder.mkdir()
    with pytest.raises(ProcessRaisedException):
        devices.launch_ddp(two_processes, StopAt(), spread_work.work, folder)


@pytest.mark.parametrize(("name", "stopped"), [("stopped", True), ("done", False)])
def test_a_stop_that_comes_when_the_work_is_done_undoes_nothing(
    tmp_path: Path, two_processes: Preset, name: str, stopped: bool
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    with pytest.raises(Stopped) if stopped else nullcontext():
        devices.launch_ddp(two_processes, StopAt(0), spread_work.work, folder)
