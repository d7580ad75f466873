"""Export of networks for use elsewhere: weights as safetensors, and a JSON description of the network.

A pretrained encoder, or a fine-tuned model with its head. Nothing of Tierscope is needed to load them: the
lines of ``docs/training.md`` do it in a folder that holds one.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from curation import __version__
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import actions
from curation.errors import DamagedError, StudyError
from curation.imaging import prepared_volume
from curation.storage import files
from curation.storage.workspace import Workspace
from training.held_out.age_metrics import ShareScale, scale_of
from training.models import masked_autoencoder, masking, networks
from training.models.patches import patch_weights
from training.settings.objectives import OBJECTIVES
from training.settings.preset import Preset
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.tasks import checkpoints, pretrain


@dataclass(frozen=True)
class Exported:
    """Files of an exported network.

    Parameters
    ----------
    weights : Path
        ``encoder.safetensors``: the names and numbers of MONAI's ``MaskedAutoEncoderViT``, or of its
        ``BasicUNet`` with the ``mean_volume`` that is subtracted of what it is shown. Of a fine-tuned model
        ``model.safetensors``: those of the encoder, and its head's.
    about : Path
        JSON beside it: how to build the network, and what it expects of volumes.
    """

    weights: Path
    about: Path


@guarded(Action.EXPORT_NETWORK)
def export(
    workspace: Workspace, study: Study, run: Run, folder: Path, modality: str | None = None
) -> Exported:
    """Write the network of a finished pretraining into a folder, and note in the audit that it was.

    Parameters
    ----------
    workspace : Workspace
        Of the study.
    study : Study
        Whose preset gives the sizes.
    run : Run
        A finished pretraining of it.
    folder : Path
        Made where it is not there. It holds one network: that one is replaced, another is not.
    modality : str, optional
        Modality, of a network that was trained on several, alternating; the first by default.

    Raises
    ------
    StudyError
        When the run is no finished pretraining, was not trained on that modality, or the folder holds
        another network.
    """
    if run.kind != "pretrain" or not run.result_path.exists():
        raise StudyError(f"{run.id} is no finished pretraining; there is no encoder to export.")
    index = _index_of(study.preset, modality)
    made = Exported(folder / "encoder.safetensors", folder / "encoder.json")
    return _write(
        workspace,
        study,
        run,
        made,
        _about(study, run, modality) | _pretrained(study.preset),
        lambda: _weights(study.preset, run, index),
    )


@guarded(Action.EXPORT_NETWORK)
def export_model(workspace: Workspace, study: Study, run: Run, folder: Path) -> Exported:
    """Write the model of a finished fine-tuning, encoder and head, and note in the audit that it was.

    Parameters
    ----------
    workspace, study, folder
        As of :func:`export`.
    run : Run
        A finished fine-tuning of it.

    Raises
    ------
    StudyError
        When the run is no finished fine-tuning of a transformer, or the folder holds another network.
    """
    if run.kind != "finetune" or run.trial is not None or not run.result_path.exists():
        raise StudyError(f"{run.id} is no finished fine-tuning; there is no model to export.")
    if study.arm(run.arm).method not in ("full", "probe") or study.preset.backbone != "vit":
        raise StudyError(
            f"{run.id} is not exported: of fine-tuned models those of the vision transformer are. Of ridge "
            "regression the coefficients stand in its result.json; a U-Net's encoder is exported as it was "
            "pretrained."
        )
    made = Exported(folder / "model.safetensors", folder / "model.json")
    about = _about(study, run, None) | _head(study, run)
    return _write(workspace, study, run, made, about, lambda: _model_weights(run))


def _write(
    workspace: Workspace,
    study: Study,
    run: Run,
    made: Exported,
    about: dict[str, Any],
    read: Callable[[], dict[str, Tensor]],
) -> Exported:
    """Write the files of a network, of which ``read`` returns the weights."""
    _refuse_another(made, about)
    files.write_json(made.about, about)  # first: weights without it would be nobody's
    weights = read()
    with files.replacing(made.weights) as temporary:
        rights = temporary.stat().st_mode  # save_file makes a file of its own, for its owner alone
        save_file(
            {key: value.contiguous() for key, value in weights.items()},
            temporary,
            metadata={"format": "pt", "made_by": f"Tierscope {__version__}"},
        )
        temporary.chmod(rights)
    folder = made.about.parent.name
    actions.note(workspace, "network exported", study.id, run=run.id, folder=folder)
    return made


def _weights(preset: Preset, run: Run, modality: int) -> dict[str, Tensor]:
    kept = pretrain.kept_weights(run)
    network = networks.build(preset, seed=run.seed)
    checkpoints.load_weights(
        network, masked_autoencoder.plain(kept), run.model_path, pretrain.again(run)
    )
    return networks.exported(kept, preset, modality)


def _model_weights(run: Run) -> dict[str, Tensor]:
    """Return the weights of a fine-tuned model: the encoder's under MONAI's names, and its head's."""
    weights = checkpoints.load(run.model_path, run.again)
    if weights is None:
        raise StudyError(f"The weights of {run.id} are gone. {run.again}")
    return {name: each for name, each in weights.items() if name != "norm.num_batches_tracked"}


def folder_name(study: Study, run: Run, modality: str | None = None) -> str:
    """Return the name of the folder of an exported network."""
    return f"{study.id}_{run.id}" + (f"_{modality}" if modality else "")


def _refuse_another(made: Exported, about: dict[str, Any]) -> None:
    """Refuse a folder that holds another network: nothing of it would be left."""
    if not made.about.exists() and not made.weights.exists():
        return
    there = None
    with contextlib.suppress(DamagedError):
        there = files.read_json(made.about)
    told = there if isinstance(there, dict) else {}
    if any(told.get(key) != about[key] for key in ("study", "run", "volumes")):
        raise StudyError(
            f"{made.about.parent} holds another network already ({told.get('run', 'of unknown origin')}, "
            f"study {told.get('study', 'not known')}). Choose another folder, or remove that one first."
        )


_WHITE = {
    "T1w": "the 95th percentile of the brain (T1w)",
    "pet": "twice the mean of the brain (PET)",
}


def _about(study: Study, run: Run, modality: str | None) -> dict[str, Any]:
    preset = study.preset
    shown = preset.modalities if preset.paired else (modality or preset.modalities[0],)
    return {
        **networks.described(preset),
        "volumes": {
            "modalities": list(shown),
            "shape": list(preset.shape),
            "spacing_mm": preset.spacing_mm,
            "affine": prepared_volume.grid_affine(preset).tolist(),
            "intensities": "(x / white - 0.5) / 0.25, white being "
            + ", ".join(_WHITE[modality] for modality in shown)
            + ", x / white limited to 0 to 1.5; -2 outside the template's brain",
            "preparation": prepared_volume.VERSION,
        },
        **({"patches": _patches(preset)} if preset.backbone == "vit" else {}),
        "study": study.id,
        "run": run.id,
        "arm": run.arm,
        "seed": run.seed,
        "simulated": study.simulated,
        "version": __version__,
    }


def _pretrained(preset: Preset) -> dict[str, Any]:
    return {
        "objective": preset.objective,
        "decoder": "predicts by how much a patch differs from the mean patch at its place"
        if OBJECTIVES[preset.objective].reconstructs
        else "untrained: the encoder was pretrained by contrast alone",
    }


def _head(study: Study, run: Run) -> dict[str, Any]:
    """Return what a fine-tuned model predicts from its features, and of whom it learned that."""
    outcome, fold = study.outcome, run.fold or 0
    learned_from = study.split(run.arm, run.seed, fold).train
    scale = scale_of(outcome, learned_from)
    return {
        "pooling": study.preset.pooling,
        "predicts": outcome.name,
        "kind": outcome.kind,
        **(
            {"probability_of": outcome.positive}
            if isinstance(scale, ShareScale)
            else {"unit": outcome.unit, "mean": scale.mean_years, "sd": scale.sd_years}
        ),
        "people": int(learned_from["subject_id"].nunique()),
        "scans": len(learned_from),
        "fold": fold,
        "of_folds": study.folds,
        "use": "made to compare arms of a study, not to be applied to patients; it holds for people and "
        "scanners like those that it learned from",
    }


def _patches(preset: Preset) -> list[int]:
    """Return the places of the patches that the network was shown: all, or those with brain."""
    shares = patch_weights(prepared_volume.template_brain(preset), preset.patch)
    return masking.usable(shares, preset).tolist()


def _index_of(preset: Preset, modality: str | None) -> int:
    if modality is None:
        return 0
    if preset.paired or modality not in preset.modalities:
        raise StudyError(
            f"This network sees {' and '.join(preset.modalities)}"
            f"{' at once' if preset.paired else ''}; it cannot be exported for {modality!r} alone."
        )
    return preset.modalities.index(modality)
