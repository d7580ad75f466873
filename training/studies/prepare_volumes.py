"""Volume preparation: resampling to the template, brain masking, intensity normalisation; cached on disk.

A prepared volume is a float16 ``.npy`` in the workspace's cache, named by everything it depends on, so
arms, seeds, folds and studies share it, and a changed scan or setting makes a new one. A PET is brought to
the template by the alignment of its T1w, in whose space it lies.

A scan that an arm distorts is distorted as it was read, in its own voxels, and then prepared like any other,
by the alignment of the scan as it is: an arm differs from its clean one by the distortion alone, not by what
a registration makes of it.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.errors import StudyError, VolumeError
from curation.imaging import volumes
from curation.imaging.prepared_volume import VERSION, prepared_volume
from curation.imaging.volumes import Volume
from curation.storage import files, processes, tables
from curation.storage.workspace import Workspace
from training.arms.distortion import Distortion
from training.settings import input_images, volume_grid
from training.settings.preset import Preset
from training.studies import study_images
from training.studies.planned_study import Study
from training.studies.study_images import StudyImage


def prepare(
    workspace: Workspace,
    study: Study,
    *,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Prepare every volume of a study that is not in the cache yet, in parallel.

    Parameters
    ----------
    workspace, study
        Where, and what for.
    jobs : int, optional
        Processes; one a core by default.
    progress : callable, optional
        Called with (volumes there, volumes in all); what it raises ends the work.

    Returns
    -------
    int
        Volumes of the study.

    Raises
    ------
    StudyError
        When scans cannot be read any more, with their reasons.
    """
    progress = progress or (lambda done, total: None)
    if not volume_grid.mask_path(workspace, study.preset).exists():
        # the template's memory is given back with the process that reads it
        list(processes.in_parallel(_make_mask, [(workspace, study.preset)], 1))
    there = Counter(_there(workspace, study.preset, study_images.images_of(study)))
    done, total = there[True], there.total()
    progress(done, total)
    tasks = _missing(workspace, study.preset, study_images.images_of(study))
    reasons: list[str] = []
    at_once = min(jobs or os.cpu_count() or 1, max(there[False], 1))
    for reason in processes.in_parallel(_prepare_one, tasks, at_once):
        done += 1
        if reason:
            reasons.append(reason)
        progress(done, total)
    if reasons:
        raise StudyError(
            f"{len(reasons)} of {total} images cannot be prepared: {'; '.join(reasons[:3])}. Mend "
            "them, ingest their source and score the scans again, then freeze the cohorts and plan the "
            "study again."
        )
    return total


def missing(workspace: Workspace, study: Study) -> int:
    """Return how many images of a study are not prepared yet."""
    there = _there(workspace, study.preset, study_images.images_of(study))
    return sum(not one for one in there)


def volume_paths(
    workspace: Workspace,
    study: Study,
    scan_ids: Iterable[str],
    modality: str = "T1w",
    distortion: Distortion | None = None,
) -> list[Path]:
    """Return the prepared files of some scans, distorted or not, or of their PETs; makes what is missing."""
    scans = study.scans().set_index("scan_id", drop=False).loc[list(scan_ids)]
    wanted = [StudyImage(scan, modality, distortion) for scan in study_images.rows_of(scans)]
    for task in _missing(workspace, study.preset, wanted):
        reason = _prepare_one(task)
        if reason:
            raise StudyError(f"A scan cannot be prepared: {reason}.")
    return [cached_path(workspace, study.preset, one) for one in wanted]


def sample_paths(
    workspace: Workspace,
    study: Study,
    scan_ids: Iterable[str],
    distortion: Distortion | None = None,
) -> list[list[Path]]:
    """Return the prepared files of the input images of some people, one a channel, distorted or not."""
    wanted = list(scan_ids)
    channels = [
        volume_paths(workspace, study, wanted, modality, distortion)
        for modality in input_images.shown(study.preset)
    ]
    return [list(sample) for sample in zip(*channels, strict=True)]


def pretraining_paths(
    workspace: Workspace, study: Study, arm_name: str, scan_ids: Iterable[str]
) -> list[list[Path]]:
    """Return the prepared files that an arm is pretrained on: of scans as they are, distorted, or both."""
    wanted, distortion = list(scan_ids), study.arm(arm_name).distortion
    clean = distortion is None or distortion.clean_too
    paths = sample_paths(workspace, study, wanted) if clean else []
    return paths + sample_paths(workspace, study, wanted, distortion) if distortion else paths


def volume_key(
    sha256: str,
    template_affine: Iterable[float],
    preset: Preset,
    pet_sha256: str | None = None,
    distorted: str = "",
) -> str:
    """Return the name of a prepared volume: a hash of scan, alignment, grid and this code's version.

    Parameters
    ----------
    sha256, template_affine
        Of the T1w.
    preset : Preset
        Gives the grid.
    pet_sha256 : str, optional
        Names the prepared PET that goes with the T1w instead.
    distorted : str
        Artefact, severity and seed, where the T1w is distorted first.
    """
    numbers = ",".join(f"{value:.6f}" for value in template_affine)
    of = f"{sha256}/pet/{pet_sha256}" if pet_sha256 else sha256
    of += f"/{distorted}" * bool(distorted)
    return files.short_hash(f"{VERSION}/{of}/{numbers}/{preset.spacing_mm}/{preset.shape}", 32)


def sample_key(
    sha256: str, template_affine: Iterable[float], preset: Preset, pet_sha256: str | None = None
) -> str:
    """Return a name for all that a network is shown of a person; parameters as of :func:`volume_key`."""
    keys = [
        volume_key(sha256, template_affine, preset, pet_sha256 if modality == "pet" else None)
        for modality in input_images.shown(preset)
    ]
    return keys[0] if len(keys) == 1 else files.short_hash("/".join(keys), 32)


# ---- one volume ----------------------------------------------------------------------------------


def read_and_prepare(
    path: Path,
    sha256: str,
    template_affine: Iterable[float],
    preset: Preset,
    mask: NDArray[np.bool_],
    modality: str = "T1w",
    distort: Callable[[Volume], Volume] | None = None,
) -> NDArray[np.float16]:
    """Read the unchanged file of a scan or PET, distort the image where that is asked, and prepare it.

    Raises
    ------
    VolumeError
        When it has changed, cannot be read or does not lie where the alignment says.
    """
    if files.sha256_of(path) != sha256:
        raise VolumeError("the file has changed since it was scored or its cohort was frozen")
    volume = volumes.load(path)
    if distort is not None:
        volume = distort(volumes.conform(volume))
    affine = np.array(template_affine, dtype=float).reshape(4, 4)
    return prepared_volume(volume.data, volume.affine, affine, preset, mask, modality)


# ---- many volumes --------------------------------------------------------------------------------


class _Task(NamedTuple):
    """One volume to prepare, and where it goes."""

    image: StudyImage
    source: str
    workspace: Workspace
    preset: Preset
    target: Path


def cached_path(workspace: Workspace, preset: Preset, image: StudyImage) -> Path:
    """Return where the prepared volume of an image lies, once it is made."""
    scan = image.scan
    key = volume_key(
        scan["sha256"], scan["template_affine"], preset, image.pet_sha256, image.distorted
    )
    return workspace.cache_dir / f"{key}.npy"


def _missing(workspace: Workspace, preset: Preset, wanted: Iterable[StudyImage]) -> Iterator[_Task]:
    scans = tables.read_scans(workspace)
    sources = dict(zip(scans["scan_id"], scans["path"], strict=True))
    volume_grid.brain_mask(workspace, preset)  # made here, once, for every process
    for image in wanted:
        target = cached_path(workspace, preset, image)
        if not target.exists():
            yield _Task(image, sources.get(image.scan_id, ""), workspace, preset, target)


def _there(workspace: Workspace, preset: Preset, wanted: Iterable[StudyImage]) -> Iterator[bool]:
    return (cached_path(workspace, preset, image).exists() for image in wanted)


def _make_mask(of: tuple[Workspace, Preset]) -> None:
    volume_grid.brain_mask(*of)


#: The mask is read once a process: of 1 mm it is 5 MB, which would go with every task.
_brain_mask = lru_cache(maxsize=1)(volume_grid.brain_mask)


def _prepare_one(task: _Task) -> str:
    """Prepare one volume; return why not, or an empty text."""
    image, source, workspace, preset, target = task
    try:
        prepared = read_and_prepare(
            Path(source),
            image.sha256,
            image.scan["template_affine"],
            preset,
            _brain_mask(workspace, preset),
            image.modality,
            image.distort if image.distortion else None,
        )
    except (VolumeError, OSError) as error:  # gone, a folder, not allowed
        return f"{image.scan_id}: {error}"
    volume_grid.save(target, prepared)
    return ""
