"""Pretraining of one arm with one seed: a masked autoencoder on the arm's scans."""

from torch import Tensor

from curation import files
from curation.errors import StudyError
from curation.workspace import Workspace
from training import checkpoints, engine, masked_autoencoder, prepare
from training.age_model import split_decay
from training.data import Volumes, augment, batch_indices
from training.interruption import Interruption
from training.runs import Run
from training.study import Study


def pretrain(workspace: Workspace, study: Study, run: Run, interruption: Interruption) -> None:
    """Train the autoencoder of a run and write ``model.pt`` and ``result.json``.

    Raises
    ------
    StudyError
        When a scan of the target cohort is among the arm's, or the loss is not finite.
    """
    preset = study.preset
    scan_ids = files.read_json(run.config_path)["scans"]
    _refuse_target(study, scan_ids)
    volumes = Volumes(prepare.volume_paths(workspace, study, scan_ids))
    network = masked_autoencoder.build(preset, seed=run.seed)
    weights = masked_autoencoder.patch_weights(prepare.brain_mask(workspace, preset), preset.patch)
    loss = masked_autoencoder.ReconstructionLoss(network, preset, weights)
    schedule = engine.Schedule(
        seed=run.seed, epochs=preset.pretrain_epochs, steps=preset.pretrain_steps,
        lr=preset.pretrain_lr, warmup=preset.warmup, clip_norm=preset.clip_norm,
    )  # fmt: skip
    groups = split_decay(
        [parameter for parameter in loss.parameters() if parameter.requires_grad],
        preset.weight_decay,
    )
    with engine.device(preset, interruption) as fabric:
        trainer = engine.Trainer(fabric, run, schedule, loss, groups, interruption)

        def loss_of(step: int) -> Tensor:
            chosen = batch_indices(
                len(volumes), batch=preset.pretrain_batch, step=step, seed=run.seed
            )
            batch = augment(volumes.batch(chosen), shift_voxels=preset.shift_voxels)
            return trainer.model(fabric.to_device(batch))

        progress = trainer.fit(loss_of, dict)
        trainer.finish(network.state_dict(), {"scans": len(volumes), "loss": progress.last["loss"]})


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
