"""Held-out people are watched while a network is pretrained: the same each time, nobody of the pool."""

import numpy as np
import pytest
import torch

from curation.storage import json_lines
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.models import masked_autoencoder
from training.models.masked_autoencoder import ReconstructionLoss
from training.models.patches import patch_weights
from training.results import error_curves
from training.settings import volume_grid
from training.studies import prepare_volumes, runs
from training.tasks import devices, held_out_reconstruction


def test_held_out_people_are_the_targets_and_their_error_follows_the_network_alone(
    workspace: Workspace,
) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    paths = held_out_reconstruction.paths_of(workspace, study)
    target = study.scans().query("role == 'target'")["scan_id"]
    assert paths == prepare_volumes.sample_paths(workspace, study, sorted(target))
    assert 0 < len(paths) <= held_out_reconstruction.MOST
    shares = patch_weights(volume_grid.brain_mask(workspace, study.preset), study.preset.patch)
    network = masked_autoencoder.build(study.preset, seed=0)
    loss = ReconstructionLoss(network, study.preset, shares).eval()
    fabric = devices.fabric_on("cpu", 1, study.preset)
    watch = held_out_reconstruction.HeldOutError(fabric, loss, study.preset, paths)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first = watch()
    assert torch.rand(1) == expected  # a run draws the same numbers, watched or not
    assert watch() == first and first["held_out_loss"] > 0
    with torch.no_grad():
        loss.network.decoder_pred.bias += 100.0
    assert watch()["held_out_loss"] > 1000


def test_curves_of_held_out_people_are_drawn_where_they_were_measured(workspace: Workspace) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    runs.write_configs(study)
    every = runs.runs_of(study)
    for run in every:
        if run.kind == "pretrain":
            for epoch, error in enumerate((0.9, 0.7), start=1):
                line = {"epoch": epoch, "step": epoch, "loss": 0.5, "held_out_loss": error}
                json_lines.append(run.metrics_path, line)
    _, curves = error_curves.of_runs(every)
    assert error_curves.held_out_band(curves)["loss"].tolist() == pytest.approx([0.9, 0.7])
    assert error_curves.loss_band(curves)["loss"].tolist() == pytest.approx([0.5, 0.5])
    unmeasured = curves.assign(held_out_loss=np.nan)
    assert error_curves.held_out_band(unmeasured).empty
