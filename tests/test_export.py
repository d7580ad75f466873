import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from curation import files
from curation.errors import StudyError
from curation.workspace import Workspace
from tests import pets, training_workspace
from training import __main__ as command
from training import checkpoints, export, grid, masked_autoencoder, runs
from training.masked_autoencoder import ReconstructionLoss
from training.runs import Run
from training.study import Study

#: As docs/training.md shows it.
LINES = """
network = MaskedAutoEncoderViT(**json.load(open("{about}"))["network"])
network.load_state_dict(load_file("{weights}"))
first = network.cls_token.expand(len(x), -1, -1)
tokens = network.blocks(torch.cat((first, network.patch_embedding(x)), dim=1))
"""


def _finished(workspace: Workspace, **overrides) -> tuple[Study, Run, ReconstructionLoss]:
    study = training_workspace.plan(workspace, overrides=overrides)
    runs.write_configs(study)
    run = runs.find(study, "pretrain_A_seed0")
    preset = study.preset
    shares = masked_autoencoder.patch_weights(grid.brain_mask(workspace, preset), preset.patch)
    loss = ReconstructionLoss(masked_autoencoder.build(preset, seed=7), preset, shares)
    checkpoints.save(run.model_path, loss.weights_to_keep())
    files.write_json(run.result_path, {"loss": 1.0})
    return study, run, loss


def test_an_exported_encoder_loads_with_plain_monai_alone(
    workspace: Workspace, tmp_path: Path
) -> None:
    study, run, loss = _finished(training_workspace.make(workspace))
    made = export.export(study, run, tmp_path)
    x = torch.rand(2, 1, *study.preset.shape)
    torch.save(x, tmp_path / "x.pt")
    script = (
        "import json, sys, torch, warnings\nwarnings.simplefilter('ignore')\n"
        "from monai.networks.nets import MaskedAutoEncoderViT\n"
        "from safetensors.torch import load_file\n"
        f"x = torch.load({str(tmp_path / 'x.pt')!r}, weights_only=True)\n"
        + LINES.format(about=made.about, weights=made.weights)
        + "assert not {name for name in sys.modules if name.startswith(('training', 'curation'))}\n"
        f"torch.save(tokens.detach(), {str(tmp_path / 'tokens.pt')!r})\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
    network = loss.network
    first = network.cls_token.expand(2, -1, -1)
    expected = network.blocks(torch.cat((first, network.patch_embedding(x)), dim=1))
    tokens = torch.load(tmp_path / "tokens.pt", weights_only=True)
    assert torch.allclose(tokens, expected, atol=1e-5)


def test_the_lines_are_those_of_the_documentation() -> None:
    text = (Path(__file__).parents[1] / "docs" / "training.md").read_text()
    shown = LINES.format(about="encoder.json", weights="encoder.safetensors").strip()
    assert all(line in text for line in shown.splitlines())


def test_what_is_expected_of_volumes_stands_beside(workspace: Workspace, tmp_path: Path) -> None:
    study, run, _ = _finished(training_workspace.make(workspace))
    about = json.loads(export.export(study, run, tmp_path).about.read_text())
    assert about["volumes"]["shape"] == list(study.preset.shape)
    assert about["volumes"]["modalities"] == ["T1w"]
    assert about["simulated"] is True


def test_for_pet_a_mixed_network_is_exported_as_it_sees_pet(
    workspace: Workspace, tmp_path: Path
) -> None:
    study, run, loss = _finished(pets.make(workspace), modalities=("T1w", "pet"))
    made = export.export(study, run, tmp_path, "pet")
    from safetensors.torch import load_file

    weights = load_file(made.weights)
    name = "patch_embedding.position_embeddings"
    told = loss.network.patch_embedding.position_embeddings + loss.kinds[0].weight[1]
    assert torch.allclose(weights[name], told)
    assert json.loads(made.about.read_text())["volumes"]["modalities"] == ["pet"]
    assert "twice the mean of the brain (PET)" in made.about.read_text()
    with pytest.raises(StudyError, match="cannot be exported for 'FLAIR'"):
        export.export(study, run, tmp_path, "FLAIR")


def test_what_is_not_pretrained_is_refused(workspace: Workspace, tmp_path: Path, capsys) -> None:
    study, run, _ = _finished(training_workspace.make(workspace))
    run.result_path.unlink()
    at = ["--workspace", str(workspace.root)]
    assert command.main(["export", study.id, run.id, "--to", str(tmp_path), *at]) == 2
    assert "no finished pretraining" in capsys.readouterr().err
    files.write_json(run.result_path, {"loss": 1.0})
    assert command.main(["export", study.id, run.id, "--to", str(tmp_path), *at]) == 0
    assert Path(capsys.readouterr().out.splitlines()[0].removeprefix("weights: ")).exists()
