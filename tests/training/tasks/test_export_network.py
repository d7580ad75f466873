import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from curation.decisions import audit_trail
from curation.errors import StudyError
from curation.storage import files
from curation.storage.workspace import Workspace
from tests.helpers import pet_images, workspace_trainable
from tests.helpers.paths import ROOT
from training.__main__ import main
from training.held_out.age_metrics import scale_of
from training.models import masked_autoencoder, masking
from training.models.masked_autoencoder import ReconstructionLoss
from training.models.patches import patch_weights
from training.reconstruction import prepare_file
from training.settings import volume_grid
from training.settings.objectives import OBJECTIVES
from training.studies import prepare_volumes, runs
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.tasks import checkpoints, export_network, finetune


def _printed(page: str, kind: str, after: str) -> str:
    """Return the first block of code of a kind after a heading of a page of the documentation."""
    text = (ROOT / "docs" / page).read_text().split(after, 1)[1]
    return text.split(f"```{kind}\n", 1)[1].split("```", 1)[0]


def _finished(workspace: Workspace, **overrides) -> tuple[Study, Run, ReconstructionLoss]:
    study = workspace_trainable.plan(workspace, overrides=overrides)
    runs.write_configs(study)
    run = runs.find(study, "pretrain_A_seed0")
    preset = study.preset
    shares = patch_weights(volume_grid.brain_mask(workspace, preset), preset.patch)
    loss = ReconstructionLoss(masked_autoencoder.build(preset, seed=7), preset, shares)
    checkpoints.save(run.model_path, loss.weights_to_keep())
    files.write_json(run.result_path, {"loss": 1.0})
    return study, run, loss


@pytest.mark.parametrize("how", ["uniform", "brain"])
def test_the_lines_of_the_documentation_run_as_they_are_printed(
    workspace: Workspace, tmp_path: Path, how: str
) -> None:
    """What they give are the features that a study's head reads."""
    study, run, loss = _finished(workspace_trainable.make(workspace), masking=how)
    words = _printed("training.md", "sh", "## An encoder for elsewhere").split()
    places = {
        "STUDY": study.id,
        "pretrain_all_seed0": run.id,
        "~/lab": str(workspace.root),
        "~/encoder": str(tmp_path / "encoder"),
    }
    assert set(places) < set(words) and words[:3] == ["python", "-m", "training"]
    assert main([places.get(word, word) for word in words[3:]]) == 0
    lines = _printed("training.md", "python", "## An encoder for elsewhere")
    again = lines[lines.index("first = ") :]
    script = (
        "import sys, warnings\nwarnings.simplefilter('ignore')\n"
        + lines
        + "assert not {name for name in sys.modules if name.startswith(('training', 'curation'))}\n"
        f"x = torch.load({str(tmp_path / 'x.pt')!r}, weights_only=True)\n"
        + again
        + f"torch.save(tokens.detach(), {str(tmp_path / 'tokens.pt')!r})\n"
    )
    x = torch.rand(2, 1, *study.preset.shape)
    torch.save(x, tmp_path / "x.pt")
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path / "encoder")
    network = loss.network
    first = network.cls_token.expand(2, -1, -1)
    mask = volume_grid.brain_mask(workspace, study.preset)
    shown = masking.usable(patch_weights(mask, study.preset.patch), study.preset)
    assert (len(shown) < np.prod(study.preset.grid)) == (how == "brain")
    expected = network.blocks(torch.cat((first, network.patch_embedding(x)[:, shown]), dim=1))
    tokens = torch.load(tmp_path / "tokens.pt", weights_only=True)
    assert torch.allclose(tokens, expected, atol=1e-5)


def test_weights_and_what_is_said_of_them_may_be_read_by_the_same_people(
    workspace: Workspace, tmp_path: Path
) -> None:
    study, run, _ = _finished(workspace_trainable.make(workspace))
    made = export_network.export(workspace, study, run, tmp_path / "encoder")
    rights = {path.stat().st_mode & 0o777 for path in (made.weights, made.about)}
    assert len(rights) == 1 and rights.pop() & 0o400


def test_a_network_does_not_take_the_place_of_another(workspace: Workspace, tmp_path: Path) -> None:
    study, run, _ = _finished(pet_images.make(workspace), modalities=("T1w", "pet"))
    made = export_network.export(workspace, study, run, tmp_path)
    export_network.export(workspace, study, run, tmp_path)  # the same again is no other
    kept = made.weights.read_bytes()
    with pytest.raises(StudyError, match="holds another network already"):
        export_network.export(workspace, study, run, tmp_path, "pet")
    assert made.weights.read_bytes() == kept
    made.about.write_text("[broken")
    with pytest.raises(StudyError, match="of unknown origin"):
        export_network.export(workspace, study, run, tmp_path)


def test_networks_of_a_workspace_have_a_folder_each(workspace: Workspace, capsys) -> None:
    study, run, _ = _finished(workspace_trainable.make(workspace))
    assert main(["export", study.id, run.id, "--workspace", str(workspace.root)]) == 0
    folder = workspace.exports_dir / "networks" / f"{study.id}_{run.id}"
    assert str(folder) in capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == {"encoder.json", "encoder.safetensors"}
    line = audit_trail.history(workspace).set_index("what").loc["network exported"]
    assert line["subject"] == study.id and run.id in line["detail"]


def test_what_is_expected_of_volumes_stands_beside(workspace: Workspace, tmp_path: Path) -> None:
    study, run, _ = _finished(workspace_trainable.make(workspace))
    about = json.loads(export_network.export(workspace, study, run, tmp_path).about.read_text())
    assert about["volumes"]["shape"] == list(study.preset.shape)
    assert about["volumes"]["modalities"] == ["T1w"]
    assert about["simulated"] is True


@pytest.mark.parametrize("objective", list(OBJECTIVES))
def test_the_objective_stands_beside_and_that_a_decoder_was_not_trained(
    workspace: Workspace, tmp_path: Path, objective: str
) -> None:
    study, run, _ = _finished(workspace_trainable.make(workspace), objective=objective)
    about = json.loads(export_network.export(workspace, study, run, tmp_path).about.read_text())
    assert about["objective"] == objective
    assert about["decoder"].startswith("untrained") == (objective == "contrast")


def test_for_pet_a_mixed_network_is_exported_as_it_sees_pet(
    workspace: Workspace, tmp_path: Path
) -> None:
    study, run, loss = _finished(pet_images.make(workspace), modalities=("T1w", "pet"))
    made = export_network.export(workspace, study, run, tmp_path, "pet")
    from safetensors.torch import load_file

    weights = load_file(made.weights)
    name = "patch_embedding.position_embeddings"
    told = loss.network.patch_embedding.position_embeddings + loss.modality_embedding[0].weight[1]
    assert torch.allclose(weights[name], told)
    assert json.loads(made.about.read_text())["volumes"]["modalities"] == ["pet"]
    assert "twice the mean of the brain (PET)" in made.about.read_text()
    with pytest.raises(StudyError, match="cannot be exported for 'FLAIR'"):
        export_network.export(workspace, study, run, tmp_path, "FLAIR")


def test_what_is_not_pretrained_is_refused(workspace: Workspace, tmp_path: Path, capsys) -> None:
    study, run, _ = _finished(workspace_trainable.make(workspace))
    run.result_path.unlink()
    at = ["--workspace", str(workspace.root)]
    assert main(["export", study.id, run.id, "--to", str(tmp_path), *at]) == 2
    assert "no finished pretraining" in capsys.readouterr().err
    files.write_json(run.result_path, {"loss": 1.0})
    assert main(["export", study.id, run.id, "--to", str(tmp_path), *at]) == 0
    assert Path(capsys.readouterr().out.splitlines()[0].removeprefix("weights: ")).exists()


# ---- a fine-tuned model ----------------------------------------------------------------------


def _finetuned(workspace: Workspace, **overrides) -> tuple[Study, Run, nn.Module]:
    """Return a fine-tuning that is finished as far as its files tell, with weights of a first step."""
    study = workspace_trainable.plan(workspace, overrides=overrides)
    runs.write_configs(study)
    run = runs.find(study, "finetune_scratch_seed0_fold0")
    volumes = torch.rand(6, 1, *study.preset.shape)
    prepare_volumes.prepare(workspace, study)
    model = finetune.model_of(workspace, study, run).eval()
    model.calibrate(model.pooled(volumes).detach())
    nn.init.normal_(model.head.bias)
    checkpoints.save(run.model_path, model.state_dict())
    files.write_json(run.result_path, {"loss": 1.0})
    return study, run, model


@pytest.mark.parametrize(
    "overrides", [{}, {"masking": "brain", "centred": True, "pooling": "places"}]
)
def test_a_fine_tuned_model_predicts_elsewhere_what_it_predicts_here(
    workspace: Workspace, tmp_path: Path, overrides: dict
) -> None:
    """By the lines of the documentation as they are printed."""
    study, run, model = _finetuned(workspace_trainable.make(workspace), **overrides)
    words = _printed("training.md", "sh", "## An age model for elsewhere").split()
    places = {
        "STUDY": study.id,
        "finetune_all_seed0_fold0": run.id,
        "~/lab": str(workspace.root),
        "~/model": str(tmp_path / "model"),
    }
    assert set(places) < set(words) and words[:3] == ["python", "-m", "training"]
    assert main([places.get(word, word) for word in words[3:]]) == 0
    lines = _printed("training.md", "python", "## An age model for elsewhere")
    before, after = lines.split("x = torch.zeros", 1)
    x = torch.rand(2, 1, *study.preset.shape)
    torch.save(x, tmp_path / "x.pt")
    script = (
        "import warnings\nwarnings.simplefilter('ignore')\n"
        + before
        + f"x = torch.load({str(tmp_path / 'x.pt')!r}, weights_only=True)\n"
        + after.split("\n", 1)[1]
        + f"torch.save(predicted, {str(tmp_path / 'predicted.pt')!r})\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path / "model")
    scale = scale_of(study.outcome, study.split(run.arm, run.seed, 0).train)
    with torch.inference_mode():
        expected = torch.tensor(scale.years(model(x).numpy()))
    predicted = torch.load(tmp_path / "predicted.pt", weights_only=True).double()
    assert torch.allclose(predicted, expected, atol=1e-3) and predicted.std() > 0
    about = json.loads((tmp_path / "model" / "model.json").read_text())
    assert prepare_file.read_expected(tmp_path / "model" / "model.json").shape == study.preset.shape
    assert (about["predicts"], about["unit"], about["fold"]) == ("age", "years", 0)
    assert about["scans"] == len(study.split(run.arm, run.seed, 0).train)
    assert "objective" not in about  # an arm that was not pretrained has none
    line = audit_trail.history(workspace).set_index("what").loc["network exported"]
    assert run.id in line["detail"]


def test_what_is_no_fine_tuned_transformer_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    study, run, _ = _finetuned(workspace_trainable.make(workspace))
    run.result_path.unlink()
    with pytest.raises(StudyError, match="no finished fine-tuning"):
        export_network.export_model(workspace, study, run, tmp_path)
    files.write_json(run.result_path, {"loss": 1.0})
    other = replace(study, preset=study.preset.changed(study.preset.with_backbone("unet")))
    with pytest.raises(StudyError, match="those of the vision transformer"):
        export_network.export_model(workspace, other, run, tmp_path)
    run.model_path.unlink()
    with pytest.raises(StudyError, match="are gone"):
        export_network.export_model(workspace, study, run, tmp_path)
