"""A U-Net is pretrained, resumed, exported and fine-tuned; in the world with known truth it learns."""

import contextlib
import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from curation.errors import StudyError
from curation.imaging import prepared_volume
from curation.storage import files
from curation.storage.workspace import Workspace
from tests.benchmarks.learning import HeldOut
from tests.helpers import workspace_trainable
from tests.helpers.paths import ROOT
from tests.helpers.stops import StopAt
from tests.helpers.workspace_trainable import UNET
from training.models import networks
from training.models.patches import patch_weights
from training.reconstruction import reconstruct
from training.settings.presets import PRESETS
from training.studies import planned_study, prepare_volumes, runs
from training.studies.runs import Run
from training.tasks import checkpoints, devices, export_network, finetune, pretrain
from training.tasks.batches import Volumes
from training.tasks.stop_signal import Interruption, Stopped
from training.world import people, world_workspace
from training.world.anatomy import Anatomy
from training.world.dials import Dials

WORLD = PRESETS["world"]
#: A twin: the recipe of a U-Net, four channels in its finest level; what is learned are removed patches.
TWIN = WORLD.with_backbone("unet") | {
    "objective": "mae",
    "masking_ratio": 0.4,
    "pretrain_batch": 4,
    "pretrain_lr": 8e-3,
    "threads": 1,
}


def world_volumes(folder: Path, dials: Dials) -> tuple[Volumes, Volumes]:
    """Write prepared volumes of the people of pool and target of a world."""
    mask = prepared_volume.template_brain(WORLD)
    body, made = Anatomy(mask), []
    for group in (people.pool(dials), people.target(dials)):
        paths = []
        for number, scan in enumerate(people.scans(group, dials, body)):
            share = np.clip(scan / np.quantile(scan[mask], 0.95), 0, 1.5)
            paths.append(folder / f"{group.role}-{number}.npy")
            np.save(paths[-1], np.where(mask, (share - 0.5) / 0.25, -2).astype(np.float16))
        made.append(Volumes(paths))
    return made[0], made[1]


def share_of_the_means_error(folder: Path, **changes: object) -> float:
    """Pretrain a twin, and return its error on removed patches of others as a share of the mean patch's."""
    preset = WORLD.changed(TWIN | {"pretrain_epochs": 1, "pretrain_steps": 25} | changes)
    pool, others = world_volumes(folder, Dials(pool=64, labels=12, share=0.0))
    shares = patch_weights(prepared_volume.template_brain(preset), preset.patch)
    run = Run("pretrain", "pretrain", "all", 0, None, folder / "run")
    run.folder.mkdir()
    with devices.device(preset, Interruption()) as fabric:
        trainer, task, loss = pretrain.begin(
            fabric, Interruption(), 1, preset, run, pool, pool, shares
        )
        trainer.fit(task)
    held_out = HeldOut(others, shares, preset)
    return held_out.error(loss.eval()) / held_out.errors_of_means(pool)["place"]


def test_a_small_twin_learns_more_than_the_mean_in_the_world_with_known_truth(
    tmp_path: Path,
) -> None:
    assert share_of_the_means_error(tmp_path) < 0.9


def test_a_stopped_pretraining_of_a_u_net_goes_on_to_the_bit_and_is_exported(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace_trainable.make(workspace)
    study = workspace_trainable.plan(workspace, overrides=UNET | {"centred": True})
    runs.write_configs(study)
    run = runs.find(study, "pretrain_A_seed0")
    pretrain.pretrain(workspace, study, run, Interruption())
    whole, loss = checkpoints.load(run.model_path), files.read_json(run.result_path)["loss"]
    for path in (run.result_path, run.model_path):
        path.unlink()
    with pytest.raises(Stopped):
        pretrain.pretrain(workspace, study, run, StopAt(5))
    pretrain.pretrain(workspace, study, run, Interruption())
    again = checkpoints.load(run.model_path)
    assert whole is not None and again is not None
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    assert files.read_json(run.result_path)["loss"] == loss
    measured = reconstruct.errors(workspace, study, run)
    assert measured["reconstruction_error"].between(0, 10).all()
    made = export_network.export(workspace, study, run, tmp_path / "encoder")
    about, weights = json.loads(made.about.read_text()), load_file(made.weights)
    assert (about["backbone"], about["class"]) == ("unet", "BasicUNet")
    assert weights.pop("mean_volume").shape == (1, *study.preset.shape)
    networks.build(study.preset, seed=4).load_state_dict(weights)
    volumes = torch.rand(2, 1, *study.preset.shape)
    features = _of_the_documentation(made.weights.parent, volumes)
    model = finetune.model_of(workspace, study, runs.find(study, "finetune_A_seed0_fold0"))
    assert torch.allclose(features.mean((2, 3, 4)), model.eval().pooled(volumes), atol=1e-5)


def _of_the_documentation(folder: Path, volumes: torch.Tensor) -> torch.Tensor:
    """Run the printed lines that load a U-Net, in the folder of an exported one, on some volumes."""
    text = (ROOT / "docs" / "training.md").read_text().split("Of a U-Net (", 1)[1]
    lines = text.split("```python\n", 1)[1].split("```", 1)[0]
    script = folder / "printed.py"
    script.write_text(lines.replace("x = torch.zeros(", "x = volumes  # ("))
    with contextlib.chdir(folder):
        names = runpy.run_path(str(script), {"volumes": volumes})
    return names["features"].detach()


def test_a_checkpoint_of_the_other_backbone_is_refused_and_stays(workspace: Workspace) -> None:
    workspace_trainable.make(workspace)
    of_vit = workspace_trainable.plan(workspace)
    of_unet = workspace_trainable.plan(workspace, name="unet", overrides=UNET)
    found = []
    for study in (of_vit, of_unet):
        runs.write_configs(study)
        found.append(runs.find(study, "pretrain_A_seed0"))
        with pytest.raises(Stopped):
            pretrain.pretrain(workspace, study, found[-1], StopAt(2))
    vit, unet = found
    kept = vit.checkpoint_path.read_bytes()
    unet.checkpoint_path.write_bytes(kept)
    words = "of the backbone vit, and this run trains the backbone unet.*Move that file away"
    with pytest.raises(StudyError, match=words):
        pretrain.pretrain(workspace, of_unet, unet, Interruption())
    assert unet.checkpoint_path.read_bytes() == kept
    checkpoints.save(unet.model_path, networks.build(of_vit.preset, seed=0).state_dict())
    files.write_json(unet.result_path, {"loss": 1.0})
    of_age = runs.find(of_unet, "finetune_A_seed0_fold0")
    with pytest.raises(StudyError, match="of the backbone vit, and this run trains"):
        finetune.model_of(workspace, of_unet, of_age)
    with pytest.raises(StudyError, match="of the backbone vit, and this run trains"):
        export_network.export(workspace, of_unet, unet, workspace.root / "encoder")


@pytest.mark.soak
def test_in_the_world_a_u_net_learns_age_better_than_the_mean(tmp_path: Path) -> None:
    """The long version: a study of pretraining and fine-tuning, from scans to ages."""
    workspace = world_workspace.make(tmp_path / "world", Dials(pool=200, labels=60, share=0.0))
    pool, target = world_workspace.cohorts(workspace)
    study = planned_study.plan(
        workspace,
        name="unet",
        cohort_id=pool.id,
        target_id=target.id,
        arms=["scratch", "all"],
        seeds=[0],
        folds=2,
        preset="world",
        overrides=TWIN | {"pretrain_epochs": 10, "finetune_epochs": 20},
    )
    prepare_volumes.prepare(workspace, study)
    runs.write_configs(study)
    for run_id in ("pretrain_all_seed0", "finetune_all_seed0_fold0", "finetune_all_seed0_fold1"):
        run = runs.find(study, run_id)
        job = pretrain.pretrain if run.kind == "pretrain" else finetune.finetune
        job(workspace, study, run, Interruption())
        if run.kind == "finetune":
            found = files.read_json(run.result_path)
            print(run_id, found["age_mae_years"], found["baseline_mae_years"])
            assert found["age_mae_years"] < 0.9 * found["baseline_mae_years"]
    assert share_of_the_means_error(tmp_path, pretrain_steps=300) < 0.8
