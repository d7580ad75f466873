"""Pretraining task: a masked autoencoder on the scans of one arm, with one seed."""

from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from curation.errors import StudyError
from curation.storage import files
from curation.storage.workspace import Workspace
from training.models import masked_autoencoder, masking
from training.models.masked_autoencoder import ReconstructionLoss
from training.models.masking import PatchMasks
from training.models.patches import patch_weights
from training.studies import input_images, prepare_volumes, runs, volume_grid
from training.studies.planned_study import Study
from training.studies.preset import Preset
from training.studies.runs import Run
from training.tasks import checkpoints, devices, training_loop
from training.tasks.batches import (
    Augmentation,
    Batch,
    Volumes,
    batch_indices,
    change_contrast,
    sample_warp,
    warp,
)
from training.tasks.schedule import Schedule, split_decay, step_seed
from training.tasks.stop_signal import Interruption

_AT_ONCE = 8


def pretrain(workspace: Workspace, study: Study, run: Run, interruption: Interruption) -> None:
    """Train the autoencoder of a run and write ``model.pt`` and ``result.json``.

    Raises
    ------
    StudyError
        When a scan of the target cohort is among the arm's, or the loss is not finite.
    """
    scan_ids = files.read_json(run.config_path)["scans"]
    _refuse_target(study, scan_ids)
    preset = runs.preset_of(study, run)
    paths = (
        prepare_volumes.pretraining_paths(workspace, study, run.arm, scan_ids)
        if study.arm(run.arm).distortion
        else _paths(workspace, study, scan_ids)
    )
    coding = _paths(workspace, study, study.coding_scans())
    shares = patch_weights(volume_grid.brain_mask(workspace, preset), preset.patch)
    if preset.devices > 1:
        devices.launch_ddp(preset, interruption, train, preset, run, paths, coding, shares)
        return
    with devices.device(preset, interruption) as fabric:
        train(fabric, interruption, 1, preset, run, paths, coding, shares)


def _paths(workspace: Workspace, study: Study, scan_ids: list[str]) -> list[list[Path]]:
    """Return the files of each sample; of alternating modalities, the second's follow all of the first's."""
    if input_images.alternating_modalities(study.preset) == 1:
        return prepare_volumes.sample_paths(workspace, study, scan_ids)
    return [
        [path]
        for modality in study.preset.modalities
        for path in prepare_volumes.volume_paths(workspace, study, scan_ids, modality)
    ]


def train(
    fabric: Fabric,
    interruption: Interruption,
    micro_batches: int,
    preset: Preset,
    run: Run,
    paths: list[list[Path]],
    coding: list[list[Path]],
    shares: Tensor,
) -> None:
    """Train on prepared volumes, in one process or as one of several."""
    volumes = Volumes(paths)
    trainer, task, loss = begin(
        fabric, interruption, micro_batches, preset, run, volumes, Volumes(coding), shares
    )
    progress = trainer.fit(task)
    people = len(volumes) // input_images.alternating_modalities(preset)
    trainer.finish(loss.weights_to_keep(), {"scans": people, "loss": progress.last["loss"]})


def begin(
    fabric: Fabric,
    interruption: Interruption,
    micro_batches: int,
    preset: Preset,
    run: Run,
    volumes: Volumes,
    coding: Volumes,
    shares: Tensor,
) -> tuple[training_loop.Trainer, "MaskedReconstruction", ReconstructionLoss]:
    """Return trainer, task, and network with loss; a run that was stopped continues.

    ``volumes`` are trained on; the mean patches of ``coding`` are what every arm begins at.
    """
    network = masked_autoencoder.build(preset, seed=run.seed)
    masked_autoencoder.use_fused_attention(network, devices.fuses_attention(fabric, preset))
    loss = ReconstructionLoss(network, preset, shares)
    modalities = input_images.alternating_modalities(preset)
    people = len(coding) // modalities
    for modality in range(modalities):
        samples = range(modality * people, (modality + 1) * people)
        loss.set_mean_patches(coding.in_batches(samples, _AT_ONCE), modality)
    schedule = Schedule(
        seed=run.seed,
        epochs=preset.pretrain_epochs,
        steps=preset.pretrain_steps,
        lr=preset.pretrain_lr,
        warmup=preset.warmup,
        clip_norm=preset.clip_norm,
    )
    groups = split_decay(
        [parameter for parameter in loss.parameters() if parameter.requires_grad],
        preset.weight_decay,
    )
    trainer = training_loop.Trainer(
        fabric,
        run,
        schedule,
        loss,
        groups,
        interruption,
        compiled=preset.compiled,
        micro_batches=micro_batches,
    )
    return trainer, MaskedReconstruction(fabric, preset, run.seed, volumes, shares), loss


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
        self.preset, self.seed = preset, seed
        self.volumes, self.shares = volumes, shares
        self.modalities = input_images.alternating_modalities(preset)
        self.own = slice(fabric.global_rank * self.size, (fabric.global_rank + 1) * self.size)
        self.dtype = torch.float16 if fabric.device.type == "cuda" else torch.float32

    def sample(self, step: int) -> Batch:
        """Sample the whole batch, and return this process's share of it."""
        preset, count = self.preset, self.preset.pretrain_batch
        rng = np.random.default_rng(step_seed(self.seed, step))
        # the same people at each step, whatever their modality
        people = len(self.volumes) // self.modalities
        indices = batch_indices(people, batch=count, step=step, seed=self.seed)
        modality = np.arange(step * count, (step + 1) * count) % self.modalities
        indices = indices + modality * people
        changes = Augmentation.sample(
            rng, count, channels=preset.channels, shift_voxels=preset.shift_voxels
        ).part(self.own)
        masks = PatchMasks(
            *(one[self.own] for one in masking.sample_masks(rng, count, self.shares, preset))
        )
        batch = {
            "volumes": self.volumes.batch(indices[self.own], changes, self.dtype),
            "gain": changes.gain,
            "offset": changes.offset,
            **masks._asdict(),
        }
        if self.modalities > 1:
            batch["modality"] = torch.from_numpy(modality[self.own])
        if preset.warp_mm:
            voxels = preset.warp_mm / preset.spacing_mm
            batch["displacement"] = sample_warp(rng, count, voxels=voxels)[self.own]
        return batch

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the error of removed patches."""
        volumes = change_contrast(batch["volumes"], batch["gain"], batch["offset"])
        if "displacement" in batch:
            volumes = warp(volumes, batch["displacement"])
        masks = PatchMasks(batch["kept"], batch["removed"], batch["weights"])
        return model(volumes, masks, batch.get("modality"))


def load_pretrained(run: Run, network: masked_autoencoder.MaskedAutoEncoderViT) -> None:
    """Load the weights of a finished pretraining into a network, of alternating modalities the first's.

    Raises
    ------
    StudyError
        When the weights are not there.
    """
    network.load_state_dict(masked_autoencoder.weights_for(kept_weights(run), modality=0))


def load_loss(run: Run, preset: Preset, shares: Tensor) -> ReconstructionLoss:
    """Return a finished pretraining as it was trained, with its decoder.

    Raises
    ------
    StudyError
        When the weights are not there.
    """
    loss = ReconstructionLoss(masked_autoencoder.build(preset, seed=run.seed), preset, shares)
    loss.load_kept(kept_weights(run))
    return loss


def kept_weights(run: Run) -> dict[str, Tensor]:
    """Read ``model.pt`` of a finished pretraining.

    Raises
    ------
    StudyError
        When it is not there.
    """
    weights = checkpoints.load(run.model_path)
    if weights is None:
        raise StudyError(
            f"The weights of {run.id} are gone. Delete {run.result_path} and resume the study: the "
            "arm is pretrained again."
        )
    return weights


def _refuse_target(study: Study, scan_ids: list[str]) -> None:
    scans = study.scans()
    chosen = scans[scans["scan_id"].isin(scan_ids)]
    target = scans[scans["role"] == "target"]
    same = chosen["subject_id"].isin(target["subject_id"]) | chosen["sha256"].isin(target["sha256"])
    if same.any() or (chosen["role"] != "pool").any() or len(chosen) != len(scan_ids):
        raise StudyError(
            "Scans of the target cohort, or of none, are in this arm's list. The study's files were "
            "changed after it was planned; plan it again."
        )
