"""An encoder for use elsewhere: weights as safetensors, and a JSON that says how to build the network.

Nothing of Tierscope is needed to load it: see ``docs/training.md``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from curation import __version__, files
from curation.errors import StudyError
from training import grid, masked_autoencoder, plain_weights, pretrain
from training.config import Preset
from training.runs import Run
from training.study import Study


@dataclass(frozen=True)
class Exported:
    """What was written.

    Parameters
    ----------
    weights : Path
        ``.safetensors``: the names and numbers of MONAI's ``MaskedAutoEncoderViT``.
    about : Path
        ``.json`` beside it: how to build the network, and what it expects of volumes.
    """

    weights: Path
    about: Path


def export(study: Study, run: Run, folder: Path, modality: str | None = None) -> Exported:
    """Write the network of a finished pretraining into a folder.

    Parameters
    ----------
    study : Study
        Whose preset gives the sizes.
    run : Run
        A finished pretraining of it.
    folder : Path
        Made where it is not there.
    modality : str, optional
        For which kind of image, of a network that was trained on several by turns; the first by default.

    Raises
    ------
    StudyError
        When the run is no finished pretraining, or was not trained on that kind of image.
    """
    if run.kind != "pretrain" or not run.result_path.exists():
        raise StudyError(f"{run.id} is no finished pretraining; there is no encoder to export.")
    kind = _place_of(study.preset, modality)
    weights = plain_weights.weights_for(pretrain.kept_weights(run), kind)
    name = f"{study.id}_{run.id}" + (f"_{modality}" if modality else "")
    made = Exported(folder / f"{name}.safetensors", folder / f"{name}.json")
    with files.replacing(made.weights) as temporary:
        save_file(
            {key: value.contiguous() for key, value in weights.items()},
            temporary,
            metadata={"format": "pt", "made_by": f"Tierscope {__version__}"},
        )
    files.write_json(made.about, _about(study, run, modality))
    return made


_WHITE = {
    "T1w": "the 95th percentile of the brain (T1w)", "pet": "twice the mean of the brain (PET)",
}  # fmt: skip


def _about(study: Study, run: Run, modality: str | None) -> dict[str, Any]:
    preset = study.preset
    shown = preset.modalities if preset.paired else (modality or preset.modalities[0],)
    return {
        "network": masked_autoencoder.arguments(preset),
        "volumes": {
            "modalities": list(shown),
            "shape": list(preset.shape),
            "spacing_mm": preset.spacing_mm,
            "affine": grid.grid_affine(preset).tolist(),
            "intensities": "(x / white - 0.5) / 0.25, white being "
            + ", ".join(_WHITE[modality] for modality in shown)
            + ", x / white limited to 0 to 1.5; -2 outside the template's brain",
        },
        "decoder": "predicts by how much a patch differs from the mean patch at its place",
        "study": study.id, "run": run.id, "arm": run.arm, "seed": run.seed,
        "simulated": study.simulated, "version": __version__,
    }  # fmt: skip


def _place_of(preset: Preset, modality: str | None) -> int:
    if modality is None:
        return 0
    if preset.paired or modality not in preset.modalities:
        raise StudyError(
            f"This network sees {' and '.join(preset.modalities)}"
            f"{' at once' if preset.paired else ''}; it cannot be exported for {modality!r} alone."
        )
    return preset.modalities.index(modality)
