"""Pretraining of an encoder on the scans of one arm, with one seed, for the preset's objective."""

from pathlib import Path

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from curation.errors import StudyError
from curation.storage import files
from curation.storage.workspace import Workspace
from training.models import masked_autoencoder, networks
from training.models.contrast import ViewContrast
from training.models.masked_autoencoder import ReconstructionLoss
from training.models.patches import patch_weights
from training.settings import input_images, volume_grid
from training.settings.objectives import OBJECTIVES
from training.settings.preset import Preset
from training.studies import prepare_volumes, runs
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.tasks import checkpoints, devices, held_out_reconstruction, training_loop
from training.tasks.batches import Volumes
from training.tasks.contrast import Contrast
from training.tasks.held_out_reconstruction import HeldOutError
from training.tasks.masked_reconstruction import MaskedReconstruction
from training.tasks.schedule import Schedule, split_decay
from training.tasks.stop_signal import Interruption

_AT_ONCE = 8


def pretrain(workspace: Workspace, study: Study, run: Run, interruption: Interruption) -> None:
    """Train the autoencoder of a run and write ``model.pt`` and ``result.json``.

    Raises
    ------
    StudyError
        When a scan of the target cohort is among the arm's, or the loss is not finite.
    """
    preset, *_ = given = given_to(workspace, study, run)
    if preset.devices > 1:
        devices.launch_ddp(preset, interruption, train, *given)
        return
    with devices.device(preset, interruption) as fabric:
        train(fabric, interruption, 1, *given)


#: What :func:`train` is given besides where it runs: preset, run, files of the scans, files of those whose
#: mean patches are taken, share of brain in each patch, whose each of the scans is, files of held-out people.
Given = tuple[Preset, Run, list[list[Path]], list[list[Path]], Tensor, Tensor, list[list[Path]]]


def given_to(workspace: Workspace, study: Study, run: Run) -> Given:
    """Return what a pretraining is given.

    Raises
    ------
    StudyError
        When a scan of the target cohort is among the arm's.
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
    watched = held_out_reconstruction.paths_of(workspace, study)
    people = _people(study, scan_ids).repeat(len(paths) // len(scan_ids))
    return preset, run, paths, coding, shares, people, watched


def _people(study: Study, scan_ids: list[str]) -> Tensor:
    """Return whose each scan is, as numbers; what else is trained on of them follows in the same order."""
    subjects = study.scans().set_index("scan_id")["subject_id"].reindex(scan_ids)
    return torch.from_numpy(pd.factorize(subjects)[0])


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
    people: Tensor,
    watched: list[list[Path]],
) -> None:
    """Train on prepared volumes, in one process or as one of several; ``watched`` are of held-out people."""
    volumes = Volumes(paths)
    trainer, task, loss = begin(
        fabric, interruption, micro_batches, preset, run, volumes, Volumes(coding), shares, people
    )
    if watched:
        task.watch = HeldOutError(fabric, loss, preset, watched)
    progress = trainer.fit(task)
    scans = len(volumes) // input_images.alternating_modalities(preset)
    trainer.finish(loss.weights_to_keep(), {"scans": scans, **progress.last})


def begin(
    fabric: Fabric,
    interruption: Interruption,
    micro_batches: int,
    preset: Preset,
    run: Run,
    volumes: Volumes,
    coding: Volumes,
    shares: Tensor,
    people: Tensor | None = None,
) -> tuple[training_loop.Trainer, MaskedReconstruction, ReconstructionLoss]:
    """Return trainer, task, and autoencoder; a run that was stopped continues.

    ``volumes`` are trained on, ``people`` [V] says whose they are (each somebody else's by default); the
    mean patches of ``coding`` are what every arm begins at.
    """
    loss = _autoencoder(fabric, preset, run, coding, shares)
    trained, task = _objective(fabric, preset, run, loss, volumes, shares, people)
    schedule = Schedule(
        seed=run.seed,
        epochs=preset.pretrain_epochs,
        steps=preset.pretrain_steps,
        lr=preset.pretrain_lr,
        warmup=preset.warmup,
        clip_norm=preset.clip_norm,
    )
    groups = split_decay(
        [parameter for parameter in trained.parameters() if parameter.requires_grad],
        preset.weight_decay,
    )
    trainer = training_loop.Trainer(
        fabric,
        run,
        schedule,
        trained,
        groups,
        interruption,
        compiled=preset.compiled,
        micro_batches=micro_batches,
    )
    return trainer, task, loss


def _autoencoder(
    fabric: Fabric, preset: Preset, run: Run, coding: Volumes, shares: Tensor
) -> ReconstructionLoss:
    loss = networks.reconstruction(preset, shares, seed=run.seed)
    masked_autoencoder.use_fused_attention(loss, devices.fuses_attention(fabric, preset))
    modalities = input_images.alternating_modalities(preset)
    count = len(coding) // modalities
    for modality in range(modalities):
        samples = range(modality * count, (modality + 1) * count)
        loss.set_mean_patches(coding.in_batches(samples, _AT_ONCE), modality)
    return loss


def _objective(
    fabric: Fabric,
    preset: Preset,
    run: Run,
    loss: ReconstructionLoss,
    volumes: Volumes,
    shares: Tensor,
    people: Tensor | None,
) -> tuple[nn.Module, MaskedReconstruction]:
    """Return what is trained, which is the autoencoder or holds it, and the task."""
    if not OBJECTIVES[preset.objective].contrasts:
        return loss, MaskedReconstruction(fabric, preset, run.seed, volumes, shares)
    people = torch.arange(len(volumes)) if people is None else people
    return ViewContrast(loss, preset, seed=run.seed), Contrast(
        fabric, preset, run.seed, volumes, shares, people
    )


def load_pretrained(run: Run, preset: Preset, network: nn.Module) -> Tensor | None:
    """Load the weights of a finished pretraining into a network, of alternating modalities the first's.

    Returns
    -------
    Tensor or None
        The mean patch [N, P] that was subtracted of what was shown, where the network does not hold it.

    Raises
    ------
    StudyError
        When the weights are not there, or of another network.
    """
    weights = kept_weights(run)
    checkpoints.load_weights(network, masked_autoencoder.plain(weights), run.model_path, again(run))
    plain, mean_patch_in = networks.kept(weights, preset, modality=0)
    network.load_state_dict(plain)
    return mean_patch_in


def load_loss(run: Run, preset: Preset, shares: Tensor) -> ReconstructionLoss:
    """Return a finished pretraining as it was trained, with its decoder.

    Raises
    ------
    StudyError
        When the weights are not there, or of another network.
    """
    loss = networks.reconstruction(preset, shares, seed=run.seed)
    weights = kept_weights(run)
    checkpoints.load_weights(
        loss.network, masked_autoencoder.plain(weights), run.model_path, again(run)
    )
    loss.load_kept(weights)
    return loss


def kept_weights(run: Run) -> dict[str, Tensor]:
    """Read ``model.pt`` of a finished pretraining.

    Raises
    ------
    StudyError
        When it is not there, or damaged.
    """
    weights = checkpoints.load(run.model_path, again(run))
    if weights is None:
        raise StudyError(f"The weights of {run.id} are gone. {again(run)}")
    return weights


def again(run: Run) -> str:
    """Say what brings the weights of a finished pretraining back, also where the whole study is finished."""
    return f"{run.again} What was trained on its weights is trained again with it."


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
