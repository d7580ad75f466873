"""What a study will cost, from a few steps: closed forms of known parts, and what is measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from tests.helpers.stops import StopAt
from training.__main__ import main
from training.jobs import probed_cost, worker
from training.jobs.execution_backend import Backend
from training.jobs.study_status import status
from training.settings.tuning import Tuning
from training.studies import cost_probe
from training.studies.cost_probe import CostProbe, RunParts, Seconds
from training.studies.planned_study import Study
from training.tasks import probe
from training.tasks.training_loop import Trainer

START = Seconds(9.0, 10.0)
PRETRAIN = RunParts(
    Seconds(1, 1), Seconds(2, 2), Seconds(3, 4), Seconds(0.1, 0.1), model_bytes=1000
)
FULL = RunParts(Seconds(5, 5), Seconds(0, 0), Seconds(7, 7), Seconds(1, 1), Seconds(0.5, 0.5), 500)


def known(**changes: object) -> CostProbe:
    """A probe whose every part is known."""
    values = {
        "when": "2026-11-29T12:00:00+00:00",
        "host": "node",
        "device": "cpu",
        "cores": 2,
        "load": 0.5,
        "start": START,
        "prepared": Seconds(2, 3),
        "runs": {"pretrain": PRETRAIN, "full": FULL},
        "memory_mb": 900.0,
    }
    return CostProbe(**values | changes)  # type: ignore[arg-type]


@pytest.fixture
def planned(workspace: Workspace) -> tuple[Workspace, Study]:
    workspace_trainable.make(workspace)  # 12 of a pool, 8 of a target
    return workspace, workspace_trainable.plan(workspace, arms=["scratch", "A"], seeds=[0, 1])


def test_the_cost_is_the_sum_of_what_the_runs_do(planned: tuple[Workspace, Study]) -> None:
    workspace, study = planned
    assert probed_cost.of_study(workspace, study) is None
    cost_probe.write(study, known())
    cost = probed_cost.of_study(workspace, study, Backend(cores=2))
    assert cost is not None
    start = probed_cost._JOB * 10
    # 2 encoders: 3 epochs of 4 steps, mean patches of the 12 scans of the pool
    assert cost.pretraining.processor == pytest.approx(2 * (1 + 12 * 0.1 + 12 * 4 + 2 + start))
    # 8 fine-tunings: 3 epochs of one step on 4 people, all 8 looked at; then 4 are predicted; in the first
    # fold, 4 of them, 8 people are asked for their site
    epochs = 3 * (7 + 8)
    assert cost.finetuning.processor == pytest.approx(8 * (5 + epochs + 4 + start) + 4 * 8 * 0.5)
    assert cost.missing == 20
    assert cost.preparing.processor == pytest.approx(20 * 3 + start)
    voxels = 20 * 24 * 20
    assert cost.disk_bytes == 20 * (128 + 2 * voxels) + 2 * 1000 + 8 * 500 + 10 * 60_000
    assert cost.span_s(free=True) <= cost.span_s(free=False)
    assert cost.gpu_hours == 0
    assert "20 images to prepare" in cost.words
    assert "as busy as now" not in cost.words


def test_a_tuning_costs_its_trials_and_a_busy_machine_is_told(workspace: Workspace) -> None:
    workspace_trainable.make(workspace, target=12)
    study = workspace_trainable.plan(workspace, arms=["scratch", "A"], seeds=[0, 1])
    cost_probe.write(study, known())
    plain = probed_cost.of_study(workspace, study)
    tuned = workspace_trainable.plan(
        workspace,
        arms=["scratch", "A"],
        seeds=[0, 1],
        tuning=Tuning(rates=(1.0,), lengths=(1.0,)),
    )
    cost_probe.write(tuned, known(load=7.0))
    cost = probed_cost.of_study(workspace, tuned)
    assert cost and plain
    # two kinds of arms in two folds; of 6 people of a fold 4 are learned from and 2 held out: a step an epoch
    trial = 5 + 3 * (7 + 6) + 2 + probed_cost._JOB * 10
    assert cost.finetuning.processor - plain.finetuning.processor == pytest.approx(4 * trial)
    assert "as busy as now" in cost.words


def test_a_probe_tries_each_kind_of_run_and_leaves_the_study_as_it_was(
    workspace: Workspace,
) -> None:
    workspace_trainable.make(workspace)
    arms = ["scratch", "A", "probe-A", "ridge"]
    study = workspace_trainable.plan(workspace, arms=arms, overrides={"centred": True})
    before = study.header_path.read_bytes()
    assert worker.main(["probe", "--workspace", str(workspace.root), "--study", study.id]) == 0
    found = cost_probe.read(study)
    assert found is not None
    assert set(found.runs) == {"pretrain", "full", "probe", "ridge"}
    assert all(found.runs[kind].step.processor > 0 for kind in ("pretrain", "full", "probe"))
    assert found.runs["full"].step.processor > found.runs["probe"].step.processor
    assert found.prepared
    assert found.memory_mb > 100
    assert CostProbe.from_dict(found.as_dict()) == found
    assert status(workspace, study.id).state == "planned"
    assert study.header_path.read_bytes() == before
    assert not study.runs_dir.exists()
    cost = probed_cost.of_study(workspace, study)
    assert cost is not None
    assert 0 < cost.work.processor <= 1.05 * cost.probe.cores * cost.work.wall


def test_a_probe_takes_people_of_each_value_from_each_fold() -> None:
    """Of few who have the rarer value, evenly spaced places can miss all of a fold."""
    ill = np.zeros(200)
    ill[::20] = 1  # two of each fold
    judged = pd.DataFrame({"fold": np.arange(200) // 40, "ill": ill})
    tried = probe._of_each_value(judged.sort_values(["fold", "ill"]), "ill")
    assert len(tried) <= probe._TARGET
    assert (tried.groupby("fold")["ill"].nunique() == 2).all() and tried["fold"].nunique() == 5


def test_a_probe_of_a_study_with_an_external_cohort_and_ridge_regression_ends_well(
    workspace: Workspace,
) -> None:
    workspace_trainable.make(workspace)
    planned = workspace_trainable.plan(workspace, arms=["scratch", "ridge"])
    study = replace(planned, judging=replace(planned.judging, external=("elsewhere-1a2b3c4d",)))
    found = probe.measure(workspace, study, StopAt())
    assert set(found.runs) == {"full", "ridge"}


def test_a_preset_that_is_too_large_is_told_before_anything_is_started(
    planned: tuple[Workspace, Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, study = planned

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Trainer, "_try", full)
    assert worker.main(["probe", "--workspace", str(workspace.root), "--study", study.id]) == 1
    (cost_probe.probe_dir(study) / "process.json").touch()
    assert probed_cost.state(study) == (
        "failed",
        "The memory is too small for 1 volumes at once. Close other programs, or plan the study with a "
        "smaller preset or batch.",
    )
    assert status(workspace, study.id).state == "planned"


def test_cost_plans_and_tells_and_starts_nothing(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    tmp_path: Path,
) -> None:
    workspace_trainable.make(workspace)
    study = workspace_trainable.plan(workspace)
    monkeypatch.setattr(probed_cost, "start", lambda _, one: cost_probe.write(one, known()))
    assert main(["cost", study.id, "--workspace", str(workspace.root)]) == 0
    told = capsys.readouterr().out
    assert "from start to end on a free machine" in told
    assert f"'launch {study.id}' starts it" in told
    assert status(workspace, study.id).state == "planned"
