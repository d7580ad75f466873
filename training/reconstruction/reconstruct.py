"""Reconstruction of masked scans by a pretrained autoencoder: maps of one scan, and the error of each.

Runs as ``python -m training reconstruct``, a process of its own, because it needs torch.
"""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from curation import __version__
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.errors import StudyError, TierscopeError
from curation.imaging import prepared_volume
from curation.storage import files, json_lines
from curation.storage.workspace import Workspace
from training.models.patches import patch_weights, patchify, take, unpatchify
from training.reconstruction import reconstruction_files
from training.reconstruction.reconstruction_files import MASK_SAMPLES
from training.settings import input_images, volume_grid
from training.studies import prepare_volumes
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.tasks import pretrain
from training.tasks.batches import Volumes

#: Intensity of removed blocks in the map, share of white matter's.
REMOVED = 0.25
#: Decimals of a feature that are kept.
_FEATURE_DIGITS = 5


class Reconstructor:
    """Pretrained autoencoder that reconstructs scans.

    Parameters
    ----------
    workspace : Workspace
        Where the scans are.
    study : Study
        Whose preset gives grid and network.
    run : Run
        A finished pretraining of it.
    """

    def __init__(self, workspace: Workspace, study: Study, run: Run) -> None:
        self.workspace, self.study, self.run = workspace, study, run
        self.mask = volume_grid.brain_mask(workspace, study.preset)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        shares = patch_weights(self.mask, study.preset.patch)
        loss = pretrain.load_loss(run, study.preset, shares)
        self.loss = loss.to(self.device).eval()
        self._own = study.scans().set_index("scan_id")

    def volume(self, scan: pd.Series) -> Tensor:
        """Return the input volume of a scan, [1, C, X, Y, Z], from the cache where it holds it."""
        if self._is_as_planned(scan):
            paths = prepare_volumes.sample_paths(self.workspace, self.study, [scan["scan_id"]])
            return Volumes(paths).batch([0])
        channels = []
        for modality in input_images.shown(self.study.preset):
            path, sha256 = ("pet_path", "pet_sha256") if modality == "pet" else ("path", "sha256")
            ready = prepare_volumes.read_and_prepare(
                Path(scan[path]),
                scan[sha256],
                scan["template_affine"],
                self.study.preset,
                self.mask,
                modality,
            )
            channels.append(torch.from_numpy(ready.astype(np.float32)))
        return torch.stack(channels)[None]

    def _is_as_planned(self, scan: pd.Series) -> bool:
        """Tell whether the prepared volume of a scan was made of the present files."""
        if scan["scan_id"] not in self._own.index:
            return False
        hashes = {"T1w": "sha256", "pet": "pet_sha256"}
        names = [hashes[image] for image in input_images.shown(self.study.preset)]
        return all(self._own.at[scan["scan_id"], name] == scan[name] for name in names)

    @torch.inference_mode()
    def reconstruct(self, volume: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Predict a volume :data:`MASK_SAMPLES` times, other patches removed each time.

        Parameters
        ----------
        volume : Tensor, [1, C, X, Y, Z]

        Returns
        -------
        predicted : Tensor, [D, N, P]
        error, removed : Tensor, [D, N]
            As :meth:`training.models.masked_autoencoder.ReconstructionLoss.patch_errors` returns. The samples
            are the same for every scan.
        """
        torch.manual_seed(0)
        batch = volume.to(self.device).expand(MASK_SAMPLES, -1, -1, -1, -1)
        predicted, error, removed = self.loss.patch_errors(batch)
        return predicted.float().cpu(), error.float().cpu(), removed.float().cpu()

    @torch.inference_mode()
    def features(self, volume: Tensor) -> list[float]:
        """Return the mean of the encoder's features of a volume, nothing of its brain removed, [H]."""
        patches = patchify(volume.to(self.device).float(), self.study.preset.patch)
        shown = torch.nonzero(self.loss.weights > 0).T.to(self.device)
        features = self.loss.pooled(self.loss.encode(take(patches, shown), shown))[0]
        return [round(value, _FEATURE_DIGITS) for value in features.float().tolist()]

    def error_of(self, error: Tensor, removed: Tensor) -> float:
        """Return the mean squared error of removed patches, weighted by their share of brain."""
        weight = removed * self.loss.weights.cpu()
        return float((error * weight).sum() / weight.sum().clamp_min(1e-6))


@guarded(Action.LOOK_THROUGH_MODEL)
def maps(
    workspace: Workspace, study: Study, run: Run, scan_id: str
) -> reconstruction_files.ReconstructionRecord:
    """Write the maps of one scan, if they are not there yet, and return them.

    Raises
    ------
    TierscopeError
        When there is no such scan with an image and an alignment, or its file cannot be read.
    """
    reconstruction_files.folder_of(study, run)  # refuses what is no finished pretraining
    scans = reconstruction_files.usable_scans(workspace, study, run)
    chosen = scans[scans["scan_id"] == scan_id]
    if chosen.empty:
        raise StudyError(
            f"{scan_id} has no image that is aligned to the template{_with_pet(study)}. "
            "Score the scans first."
        )
    scan = chosen.iloc[0]
    found = reconstruction_files.read(study, run, scan)
    if found:
        return found
    started = time.monotonic()
    reconstructor = Reconstructor(workspace, study, run)
    volume = reconstructor.volume(scan)
    predicted, error, removed = reconstructor.reconstruct(volume)
    drawn = _drawn(reconstructor, volume, predicted, removed)
    folder = reconstruction_files.scan_folder(study, run, scan)
    _save_all(folder, drawn, study)
    shown = input_images.shown(study.preset)
    shares = [float(one[reconstructor.mask].mean()) for one in drawn["error"]]
    files.write_json(  # last: with it the maps are there
        folder / "facts.json",
        {
            "scan_id": scan_id,
            "sha256": scan["sha256"],
            "study": study.id,
            "run": run.id,
            "arm": run.arm,
            "seed": run.seed,
            "pretrained_on": bool(scan["pretrained_on"]),
            "reconstruction_error": reconstructor.error_of(error, removed),
            "error_share": shares[0],
            "error_shares": dict(zip(shown, shares, strict=True)),
            "masking_ratio": study.preset.masking_ratio,
            "draws": MASK_SAMPLES,
            "model": files.sha256_of(run.model_path),
            "version": __version__,
            "seconds": round(time.monotonic() - started, 3),
        },
    )
    made = reconstruction_files.read(study, run, scan)
    if made is None:
        raise StudyError(f"The maps in {folder} were removed while they were made. Try again.")
    return made


def _save_all(folder: Path, drawn: dict[str, NDArray[np.float32]], study: Study) -> None:
    for name, data in drawn.items():
        for place, image in enumerate(input_images.shown(study.preset)):
            path = reconstruction_files.map_path(folder, name, image if place else "")
            _save(path, data[place], prepared_volume.grid_affine(study.preset))


def _with_pet(study: Study) -> str:
    return " with a PET beside it" if "pet" in input_images.shown(study.preset) else ""


@guarded(Action.LOOK_THROUGH_MODEL)
def errors(
    workspace: Workspace, study: Study, run: Run, progress: Callable[[int, int], None] | None = None
) -> pd.DataFrame:
    """Measure every usable scan that was not measured yet, and offer the errors as a column.

    A scan that cannot be used is a row with its reason. May be interrupted and called again.

    Returns
    -------
    pandas.DataFrame
        See :func:`training.reconstruction.reconstruction_files.offer`.
    """
    scans = reconstruction_files.usable_scans(workspace, study, run)
    scans = scans.assign(key=reconstruction_files.keys_of(study, scans))
    known = reconstruction_files.read_errors(study, run)
    path = reconstruction_files.errors_path(study, run)
    _drop_half_line(path)
    reconstructor = Reconstructor(workspace, study, run)
    # up to 0.9 no features were kept: those scans are measured once more
    whole = set(known.loc[known["features"].notna() | known["reconstruction_error"].isna(), "key"])
    for done, (_, scan) in enumerate(scans.iterrows(), start=1):
        if scan["key"] not in whole:
            json_lines.append(path, _error_row(reconstructor, scan))
        if progress:
            progress(done, len(scans))
    return reconstruction_files.offer(workspace, study, run)


def _drop_half_line(path: Path) -> None:
    """Take away a last line that was cut off, so that the next one is not written behind it."""
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    files.write_text(path, written[: written.rfind("\n") + 1])


def _error_row(reconstructor: Reconstructor, scan: pd.Series) -> dict:
    row = {
        "scan_id": scan["scan_id"],
        "key": scan["key"],
        "reconstruction_error": None,
        "features": None,
        "reason": "",
    }
    try:
        volume = reconstructor.volume(scan)
        _, error, removed = reconstructor.reconstruct(volume)
        row["reconstruction_error"] = reconstructor.error_of(error, removed)
        row["features"] = reconstructor.features(volume)
    except (TierscopeError, OSError) as problem:
        row["reason"] = str(problem)
    return row


def _drawn(
    reconstructor: Reconstructor, volume: Tensor, predicted: Tensor, removed: Tensor
) -> dict[str, NDArray[np.float32]]:
    """Return the four maps in shares of white matter's intensity, each [C, X, Y, Z]."""
    preset = reconstructor.study.preset
    true = patchify(volume, preset.patch)  # [1, N, P]
    gone = removed[:1, :, None]
    filled = true * (1 - gone) + predicted[:1] * gone
    off = ((predicted - true).abs() * removed[..., None]).sum(0) / removed.sum(0).clamp_min(1)[
        :, None
    ]
    share = {
        "input": _share(true),
        "masked": _share(true) * (1 - gone) + REMOVED * gone,
        "reconstruction": _share(filled),
        "error": off[None] * prepared_volume.SCALE,
    }
    inside = reconstructor.mask.astype(np.float32)
    return {
        name: _volume(patches, preset.grid, preset.patch) * (1 if name == "masked" else inside)
        for name, patches in share.items()
    }


def _share(standard: Tensor) -> Tensor:
    return (standard * prepared_volume.SCALE + prepared_volume.OFFSET).clamp(
        0, prepared_volume.CEILING
    )


def _volume(patches: Tensor, places: tuple[int, int, int], patch: int) -> NDArray[np.float32]:
    return unpatchify(patches, places, patch)[0].numpy().astype(np.float32)


def _save(path: Path, data: NDArray[np.float32], affine: NDArray[np.float64]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm")
    temporary = path.with_name(f".{path.name.removesuffix('.nii.gz')}.part.nii.gz")
    try:
        nib.save(image, temporary)
        temporary.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
