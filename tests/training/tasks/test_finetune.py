from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from curation.storage import files, json_lines
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from tests.helpers.workspace_trainable import UNET
from training.held_out.age_metrics import AgeScale
from training.judging.outcome import AGE
from training.models import masked_autoencoder, networks
from training.models.age_model import AgeModel, EncoderAgeModel
from training.models.brain_age_cnn import BrainAgeCnn
from training.models.unet import UNetAgeModel
from training.settings.preset import Preset
from training.studies import prepare_volumes, runs
from training.studies.planned_study import Study
from training.tasks import checkpoints, devices, finetune, pretrain
from training.tasks.batches import Volumes
from training.tasks.stop_signal import Interruption


def test_ages_survive_being_standardised() -> None:
    ages = np.array([20.0, 35.0, 80.0])
    scale = AgeScale.of(ages)
    assert scale.standardise(ages).std() == pytest.approx(1)
    assert scale.years(scale.standardise(ages)) == pytest.approx(ages)
    assert AgeScale.of(np.array([30.0, 30.0])).sd_years == 1


def _train(workspace: Workspace, study: Study, run_id: str) -> dict:
    runs.write_configs(study)
    run = runs.find(study, run_id)
    job = pretrain.pretrain if run.kind == "pretrain" else finetune.finetune
    job(workspace, study, run, Interruption())
    return files.read_json(run.result_path)


def test_age_is_learned_from_few_people_and_beats_their_mean(workspace: Workspace) -> None:
    workspace_trainable.make(workspace, pool=6, target=24)
    overrides = {"finetune_epochs": 15, "finetune_lr": 3e-3, "hidden": 48, "shift_voxels": 0}
    study = workspace_trainable.plan(workspace, arms=["scratch"], overrides=overrides)
    result = _train(workspace, study, "finetune_scratch_seed0_fold0")
    assert result["training_subjects"] == 12
    assert result["age_mae_years"] < 0.6 * result["baseline_mae_years"]
    curve = json_lines.read(runs.runs_of(study)[0].metrics_path)
    assert [line["epoch"] for line in curve] == list(range(1, 16))
    assert curve[-1]["age_mae_years"] == pytest.approx(result["age_mae_years"])


def test_held_out_people_are_not_trained_on_and_each_is_predicted_once(workspace) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace), arms=["scratch"])
    scans = study.scans().query("role == 'target'")
    tested: list[str] = []
    for fold in range(2):
        result = _train(workspace, study, f"finetune_scratch_seed0_fold{fold}")
        known = scans.loc[scans["fold"] != fold, "age_years"]
        assert result["baseline_age_years"] == pytest.approx(known.mean())
        tested += [row["subject_id"] for row in result["predictions"]]
    assert sorted(tested) == sorted(scans["subject_id"])


def test_a_pretrained_arm_starts_from_its_own_encoder(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace), arms=["scratch", "A"])
    _train(workspace, study, "pretrain_A_seed0")
    built = []

    def note(network: torch.nn.Module, preset: Preset, *, head_seed: int, **_) -> object:
        built.append((network.state_dict(), head_seed))
        raise InterruptedError

    monkeypatch.setattr(networks, "age_model", note)
    for run_id in ("finetune_scratch_seed0_fold1", "finetune_A_seed0_fold1"):
        with pytest.raises(InterruptedError):
            _train(workspace, study, run_id)
    (scratch, scratch_seed), (pretrained, seed) = built
    weights = torch.load(runs.find(study, "pretrain_A_seed0").model_path, weights_only=True)
    assert all(torch.equal(pretrained[name], weights[name]) for name in pretrained)
    assert not torch.equal(scratch["cls_token"], pretrained["cls_token"])
    assert scratch_seed == seed


def test_a_model_is_calibrated_on_all_who_it_learned_from_not_on_the_first_source(
    tmp_path: Path,
) -> None:
    """Two sources of 100 people, 30 and 65 years old on average, in the order of their ids."""
    rng = np.random.default_rng(0)
    ages = np.concatenate([rng.normal(30, 6, 100), rng.normal(65, 6, 100)])
    scale = AgeScale.of(ages)
    known = _people(tmp_path / "known", ages, scale)
    unseen = _people(tmp_path / "unseen", ages[::5], scale)

    class Telling(AgeModel):
        """Knows the age by a volume's brightness, and gives it as a multiple of the features' spread."""

        def pooled(self, volumes: torch.Tensor) -> torch.Tensor:
            return volumes.mean(dim=(1, 2, 3, 4)).unsqueeze(1)

    model = Telling(1, workspace_trainable.TINY_PRESET, head_seed=0).eval()
    torch.nn.init.ones_(model.head.weight)
    fabric = devices.fabric_on("cpu", 1, workspace_trainable.TINY_PRESET)
    task = finetune.AgeRegression(fabric, workspace_trainable.TINY_PRESET, 0, model, known, unseen)
    with torch.inference_mode():
        assert task.evaluate()["age_mae_years"] < 0.1  # 54 years by the first 64 people


def _people(folder: Path, ages: np.ndarray, scale: AgeScale) -> finetune.People:
    folder.mkdir()
    for number, age in enumerate(ages):
        np.save(folder / f"{number}.npy", np.full((2, 2, 2), age / 100, np.float32))
    paths = [folder / f"{number}.npy" for number in range(len(ages))]
    scans = pd.DataFrame({"subject_id": [path.stem for path in paths], "age_years": ages})
    return finetune.People(Volumes(paths), scans, AGE, scale)


def test_scratch_is_shown_what_pretrained_arms_are_shown(workspace: Workspace) -> None:
    """By the mean patches of one set of scans, whatever arm: else arms differ by more than their weights."""
    study = workspace_trainable.plan(
        workspace_trainable.make(workspace),
        arms=["scratch", "A", "all"],
        overrides={"centred": True, "pretrain_epochs": 1, "pretrain_steps": 1},
    )
    usual, expected_out = [], []
    for arm in ("A", "all"):
        _train(workspace, study, f"pretrain_{arm}_seed0")
        kept = pretrain.kept_weights(runs.find(study, f"pretrain_{arm}_seed0"))
        usual.append(kept["usual"])
        expected_out.append(kept["expected"])
    assert torch.equal(*usual)
    assert torch.equal(*expected_out)
    network = masked_autoencoder.build(study.preset, seed=0)
    expected = masked_autoencoder.centred(network.state_dict(), usual[0][0])
    scratch = finetune.model_of(workspace, study, runs.find(study, "finetune_scratch_seed0_fold0"))
    own = scratch.state_dict()
    assert all(
        torch.allclose(own[name], expected[name], atol=1e-6) for name in own if name in expected
    )
    assert "patch_embedding.position_embeddings" in set(own) & set(expected)


def test_a_probe_leaves_the_encoder_as_it_was_pretrained(workspace: Workspace) -> None:
    study = workspace_trainable.plan(
        workspace_trainable.make(workspace), arms=["A", "probe-A"], overrides={"probe_lr": 0.05}
    )
    _train(workspace, study, "pretrain_A_seed0")
    result = _train(workspace, study, "finetune_probe-A_seed0_fold0")
    run = runs.find(study, "finetune_probe-A_seed0_fold0")
    before = torch.load(runs.find(study, "pretrain_A_seed0").model_path, weights_only=True)
    after = torch.load(run.model_path, weights_only=True)
    assert all(torch.equal(after[name], before[name]) for name in after if name in before)
    assert "blocks.0.attn.qkv.weight" in set(after) & set(before)
    assert len(result["predictions"]) == 4


def test_a_plain_network_learns_age_too(workspace: Workspace) -> None:
    workspace_trainable.make(workspace, target=24)
    overrides = {"finetune_epochs": 12, "cnn_lr": 3e-3, "shift_voxels": 0}
    study = workspace_trainable.plan(workspace, arms=["cnn"], overrides=overrides)
    result = _train(workspace, study, "finetune_cnn_seed0_fold0")
    assert result["age_mae_years"] < 0.7 * result["baseline_mae_years"]


@pytest.mark.parametrize(
    ("arm", "network"),
    [("scratch", {}), ("scratch", UNET | {"finetune_epochs": 1}), ("cnn", {})],
)
def test_short_memory_changes_no_result(
    workspace: Workspace, monkeypatch, arm: str, network: dict
) -> None:
    workspace_trainable.make(workspace)
    study = workspace_trainable.plan(workspace, arms=["scratch", "cnn"], overrides=network)
    expected = _train(workspace, study, f"finetune_{arm}_seed0_fold0")
    run = runs.find(study, f"finetune_{arm}_seed0_fold0")
    run.result_path.unlink()
    pooled = {one: one.pooled for one in (EncoderAgeModel, UNetAgeModel, BrainAgeCnn)}

    def short(name: type[AgeModel]):
        def pooled_with_little_memory(self, volumes):
            if self.training and len(volumes) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return pooled[name](self, volumes)

        return pooled_with_little_memory

    for name in pooled:
        monkeypatch.setattr(name, "pooled", short(name))
    result = _train(workspace, study, run.id)
    ages = [
        [row["predicted_age_years"] for row in one["predictions"]] for one in (expected, result)
    ]
    assert ages[0] == pytest.approx(ages[1], abs=0.5)  # rounding, through AdamW
    assert "in 4 parts" in files.read_json(run.status_path)["message"]


ARMS = ["A", "A~blur-1", "A+A~blur-1", "A-share-50-draw-1-passes"]


def test_arms_are_pretrained_on_their_own_volumes_for_their_own_steps(workspace: Workspace) -> None:
    study = workspace_trainable.plan(
        workspace_trainable.make(workspace), arms=ARMS, overrides={"pretrain_epochs": 1}
    )
    prepare_volumes.prepare(workspace, study, jobs=1)
    results, weights = {}, {}
    for run in runs.runs_of(study):
        if run.kind == "pretrain":
            results[run.arm] = _train(workspace, study, run.id)
            weights[run.arm] = checkpoints.load(run.model_path)
    assert [results[arm]["scans"] for arm in ARMS] == [4, 4, 8, 2]
    assert [results[arm]["steps"] for arm in ARMS] == [4, 4, 4, 2]
    assert len({results[arm]["loss"] for arm in ARMS}) == 4
    for arm in ARMS[1:]:
        assert any(not weights[arm][name].equal(weights["A"][name]) for name in weights["A"])


def test_a_head_that_starts_at_ridge_regression_is_right_before_any_step(workspace) -> None:
    workspace_trainable.make(workspace, pool=6, target=24)
    errors = {}
    for start in ("random", "ridge"):
        overrides = {"finetune_epochs": 1, "finetune_lr": 1e-9, "pooling": "places"}
        study = workspace_trainable.plan(
            workspace, name=start, arms=["scratch"], overrides=overrides | {"head_start": start}
        )
        result = _train(workspace, study, "finetune_scratch_seed0_fold0")
        errors[start] = result["age_mae_years"] / result["baseline_mae_years"]
    assert errors["ridge"] < 0.5 < errors["random"]
