"""Masked reconstruction as a pretraining task: batches, masks and augmentation of each step, and the loss."""

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from training.models import masking
from training.models.masking import PatchMasks
from training.settings import input_images
from training.settings.preset import Preset
from training.tasks import devices, training_loop
from training.tasks.batches import (
    Augmentation,
    Batch,
    Volumes,
    batch_indices,
    change_contrast,
    sample_warp,
    warp,
)
from training.tasks.schedule import step_seed


class MaskedReconstruction(training_loop.Task):
    """Masked reconstruction: predicting removed patches.

    Parameters
    ----------
    fabric : Fabric
        Rank and number of processes; each takes its share of every batch.
    preset, seed
        Give batches, masks and augmentation.
    volumes : Volumes
        Training samples; of alternating modalities all of the first, then all of the second, in the same
        order of people.
    shares : Tensor, [N]
        Share of brain in each patch.
    """

    def __init__(
        self, fabric: Fabric, preset: Preset, seed: int, volumes: Volumes, shares: Tensor
    ) -> None:
        super().__init__(preset.pretrain_batch // fabric.world_size)
        self.fabric, self.preset, self.seed = fabric, preset, seed
        self.volumes, self.shares = volumes, shares
        self.modalities = input_images.alternating_modalities(preset)
        self.own = slice(fabric.global_rank * self.size, (fabric.global_rank + 1) * self.size)
        self.dtype = torch.float16 if devices.on_gpu(fabric) else torch.float32

    def sample(self, step: int) -> Batch:
        """Sample the whole batch, and return this process's share of it."""
        return self.view(step)[0]

    def view(self, step: int) -> tuple[Batch, Augmentation]:
        """Return this process's share of a batch, and the augmentation of its volumes."""
        preset, count = self.preset, self.preset.pretrain_batch
        rng = np.random.default_rng(step_seed(self.seed, step))
        changes = Augmentation.sample(
            rng, count, channels=preset.channels, shift_voxels=preset.shift_voxels
        ).part(self.own)
        masks = PatchMasks(
            *(one[self.own] for one in masking.sample_masks(rng, count, self.shares, preset))
        )
        batch = {
            "volumes": self.volumes.batch(self.indices(step)[self.own], changes, self.dtype),
            "gain": changes.gain,
            "offset": changes.offset,
            **masks._asdict(),
        }
        if self.modalities > 1:
            batch["modality"] = torch.from_numpy(self._modality(step)[self.own])
        if preset.warp_mm:
            voxels = preset.warp_mm / preset.spacing_mm
            batch["displacement"] = sample_warp(rng, count, voxels=voxels)[self.own]
        return batch, changes

    def indices(self, step: int) -> NDArray[np.int64]:
        """Return the indices of the volumes of a whole batch: the same people, whatever their modality."""
        people = len(self.volumes) // self.modalities
        count = self.preset.pretrain_batch
        indices = batch_indices(people, batch=count, step=step, seed=self.seed)
        return indices + self._modality(step) * people

    def _modality(self, step: int) -> NDArray[np.int64]:
        count = self.preset.pretrain_batch
        return np.arange(step * count, (step + 1) * count) % self.modalities

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the error of removed patches."""
        volumes = change_contrast(batch["volumes"], batch["gain"], batch["offset"])
        if "displacement" in batch:
            volumes = warp(volumes, batch["displacement"])
        masks = PatchMasks(batch["kept"], batch["removed"], batch["weights"])
        return model(volumes, masks, batch.get("modality"))
