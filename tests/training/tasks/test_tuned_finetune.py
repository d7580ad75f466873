"""Trials and tuned fine-tunings as they run: who is predicted, and by which recipe."""

import torch

from curation.storage import files
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from tests.helpers.stops import StopAt
from training.results import tuning_choices
from training.settings.tuning import Tuning
from training.studies import runs
from training.studies.planned_study import Study
from training.tasks import finetune


def _run(workspace: Workspace, study: Study, run_id: str) -> dict:
    run = runs.find(study, run_id)
    finetune.finetune(workspace, study, run, StopAt())
    return files.read_json(run.result_path)


def test_a_study_is_fine_tuned_by_what_its_trials_chose(workspace: Workspace) -> None:
    """A rate that teaches nothing is tried and not taken, and no trial meets a held-out person."""
    workspace_trainable.make(workspace, target=36)
    study = workspace_trainable.plan(
        workspace,
        arms=["scratch", "random"],
        folds=2,
        overrides={"finetune_lr": 3e-3, "finetune_epochs": 15, "hidden": 48, "shift_voxels": 0},
        tuning=Tuning(rates=(1e-6, 1.0), lengths=(1.0,)),
    )
    runs.write_configs(study)
    target = study.scans().query("role == 'target'")
    held_out = set(target.loc[target["fold"] == 0, "subject_id"])
    for trial in runs.trials_of(study, "scratch", 0):
        result = _run(workspace, study, trial.id)
        recipe = tuning_choices.recipe_of(study, trial)
        assert (result["lr"], result["epochs"]) == recipe
        assert files.read_json(trial.status_path)["epochs"] == recipe.epochs
        predicted = {row["subject_id"] for row in result["predictions"]}
        assert predicted and not predicted & held_out
        assert len(predicted) + result["training_subjects"] == len(set(target["subject_id"])) - len(
            held_out
        )
    made = tuning_choices.choice(study, "scratch", 0)
    assert made is not None
    assert made.recipe.lr == study.preset.finetune_lr
    result = _run(workspace, study, "finetune_scratch_seed0_fold0")
    assert (result["lr"], result["epochs"]) == made.recipe
    assert {row["subject_id"] for row in result["predictions"]} == held_out
    assert not runs.find(study, "finetune_random_seed0_fold0").result_path.exists()


def test_frozen_random_features_are_those_of_scratch_at_its_beginning(workspace: Workspace) -> None:
    study = workspace_trainable.plan(
        workspace_trainable.make(workspace),
        arms=["scratch", "random"],
        overrides={"centred": True, "probe_lr": 0.05},
    )
    runs.write_configs(study)
    result = _run(workspace, study, "finetune_random_seed0_fold0")
    run = runs.find(study, "finetune_random_seed0_fold0")
    after = torch.load(run.model_path, weights_only=True)
    begun = finetune.model_of(
        workspace, study, runs.find(study, "finetune_scratch_seed0_fold0")
    ).state_dict()
    kept = [name for name in after if not name.startswith(("head.", "norm."))]
    assert all(torch.equal(after[name], begun[name]) for name in kept)
    assert "blocks.0.attn.qkv.weight" in kept
    assert len(result["predictions"]) == 4
