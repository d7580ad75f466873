"""Reconstruction error on held-out people while a network is pretrained: watched, never acted on."""

from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric

from curation.storage.workspace import Workspace
from training.models import masking
from training.models.masked_autoencoder import ReconstructionLoss
from training.models.masking import PatchMasks
from training.settings import input_images
from training.settings.objectives import OBJECTIVES
from training.settings.preset import Preset
from training.studies import prepare_volumes
from training.studies.planned_study import Study
from training.tasks.batches import Volumes

#: So many people are watched, at most; the same for every arm and seed.
MOST = 16
#: What it is called in ``metrics.jsonl``.
NAME = "held_out_loss"


def paths_of(workspace: Workspace, study: Study) -> list[list[Path]]:
    """Return the prepared samples of some people of the target, whom no arm is pretrained on.

    None where nothing is reconstructed, or modalities alternate.
    """
    alternating = input_images.alternating_modalities(study.preset) > 1
    if alternating or not OBJECTIVES[study.preset.objective].reconstructs:
        return []
    people = study.scans().query("role == 'target'").sort_values("scan_id")
    ids = people.drop_duplicates("subject_id")["scan_id"].tolist()
    chosen = np.unique(np.linspace(0, len(ids) - 1, min(MOST, len(ids))).round().astype(int))
    return prepare_volumes.sample_paths(workspace, study, [ids[place] for place in chosen])


class HeldOutError:
    """The reconstruction error of a network on held-out volumes, the same patches removed each time.

    Parameters
    ----------
    fabric : Fabric
        Where it is computed.
    loss : ReconstructionLoss
        The network that is being trained.
    preset : Preset
        Gives the masks.
    paths : list of list of Path
        The volumes, see :func:`paths_of`; not empty.
    """

    def __init__(
        self, fabric: Fabric, loss: ReconstructionLoss, preset: Preset, paths: list[list[Path]]
    ) -> None:
        self._fabric, self._loss, self._volumes = fabric, loss, Volumes(paths)
        rng, shares = np.random.default_rng(0), loss.weights.cpu()
        self._masks = [masking.sample_masks(rng, 1, shares, preset) for _ in paths]

    @torch.inference_mode()
    def __call__(self) -> dict[str, float]:
        """Return the mean error over the volumes, as :data:`NAME`; no random number is drawn."""
        device = self._fabric.device
        errors = []
        for place, masks in enumerate(self._masks):
            volume = self._volumes.batch([place]).to(device)
            own = PatchMasks(*(one.to(device) for one in masks))
            errors.append(float(self._loss(volume, own)))
        return {NAME: sum(errors) / len(errors)}
