"""Pretraining of one arm with one seed: a masked autoencoder on the arm's scans."""

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from curation import files
from curation.errors import StudyError
from curation.workspace import Workspace
from training import checkpoints, devices, engine, masked_autoencoder, masking, prepare
from training.age_model import split_decay
from training.config import Preset
from training.data import Augmentation, Batch, Volumes, batch_indices, brighten
from training.interruption import Interruption
from training.masked_autoencoder import ReconstructionLoss
from training.masking import Masks
from training.runs import Run
from training.study import Study


def pretrain(workspace: Workspace, study: Study, run: Run, interruption: Interruption) -> None:
    """Train the autoencoder of a run and write ``model.pt`` and ``result.json``.

    Raises
    ------
    StudyError
        When a scan of the target cohort is among the arm's, or the loss is not finite.
    """
    scan_ids = files.read_json(run.config_path)["scans"]
    _refuse_target(study, scan_ids)
    volumes = Volumes(prepare.volume_paths(workspace, study, scan_ids))
    shares = masked_autoencoder.patch_weights(
        prepare.brain_mask(workspace, study.preset), study.preset.patch
    )
    with devices.device(study.preset, interruption) as fabric:
        train(fabric, study.preset, run, volumes, shares, interruption)


def train(
    fabric: Fabric, preset: Preset, run: Run, volumes: Volumes, shares: Tensor,
    interruption: Interruption,
) -> None:  # fmt: skip
    """Train on prepared volumes; one process of one or several."""
    network = masked_autoencoder.build(preset, seed=run.seed)
    masked_autoencoder.use_fused_attention(network, devices.fuses_attention(fabric))
    loss = ReconstructionLoss(network, preset, shares)
    schedule = engine.Schedule(
        seed=run.seed, epochs=preset.pretrain_epochs, steps=preset.pretrain_steps,
        lr=preset.pretrain_lr, warmup=preset.warmup, clip_norm=preset.clip_norm,
    )  # fmt: skip
    groups = split_decay(
        [parameter for parameter in loss.parameters() if parameter.requires_grad],
        preset.weight_decay,
    )
    trainer = engine.Trainer(
        fabric, run, schedule, loss, groups, interruption, compiled=preset.compiled
    )
    progress = trainer.fit(Reconstruction(fabric, preset, run.seed, volumes, shares))
    trainer.finish(loss.weights_to_keep(), {"scans": len(volumes), "loss": progress.last["loss"]})


class Reconstruction(engine.Task):
    """Filling in removed patches.

    Parameters
    ----------
    fabric : Fabric
        Which of how many processes this is; each takes its share of every batch.
    preset, seed
        Give batches, masks and augmentation.
    volumes : Volumes
        What is trained on.
    shares : Tensor, [N]
        Share of brain in each patch.
    """

    def __init__(
        self, fabric: Fabric, preset: Preset, seed: int, volumes: Volumes, shares: Tensor
    ) -> None:
        super().__init__(preset.pretrain_batch // fabric.world_size)
        self.preset, self.seed = preset, seed
        self.volumes, self.shares = volumes, shares
        self.own = slice(fabric.global_rank * self.size, (fabric.global_rank + 1) * self.size)
        self.dtype = torch.float16 if fabric.device.type == "cuda" else torch.float32

    def draw(self, step: int) -> Batch:
        """Draw for the whole batch, whoever works on it, and return the own part."""
        preset, count = self.preset, self.preset.pretrain_batch
        rng = np.random.default_rng(engine.step_seed(self.seed, step))
        chosen = batch_indices(len(self.volumes), batch=count, step=step, seed=self.seed)
        changes = Augmentation.draw(
            rng, count, channels=preset.channels, shift_voxels=preset.shift_voxels
        ).part(self.own)
        masks = Masks(*(one[self.own] for one in masking.draw(rng, count, self.shares, preset)))
        return {
            "volumes": self.volumes.batch(chosen[self.own], changes, self.dtype),
            "gain": changes.gain, "offset": changes.offset, **masks._asdict(),
        }  # fmt: skip

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the error of removed patches."""
        volumes = brighten(batch["volumes"], batch["gain"], batch["offset"])
        return model(volumes, Masks(batch["kept"], batch["removed"], batch["weights"]))


def load_pretrained(run: Run, network: masked_autoencoder.MaskedAutoEncoderViT) -> None:
    """Put the weights of a finished pretraining into a network.

    Raises
    ------
    StudyError
        When the weights are not there.
    """
    weights = checkpoints.load(run.model_path)
    if weights is None:
        raise StudyError(
            f"The weights of {run.id} are gone. Delete {run.result_path} and resume the study: the "
            "arm is pretrained again."
        )
    network.load_state_dict(weights)


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
