"""Volumes prepared once: aligned to the template, cut to the brain, intensities made comparable.

A prepared volume is a float16 ``.npy`` in the workspace's cache, named by everything it depends on, so
arms, seeds, folds and studies share it, and a changed scan or setting makes a new one.
"""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from curation import files, tables, volumes
from curation.errors import StudyError, VolumeError
from curation.workspace import Workspace
from training.config import CENTRE_MM, Preset
from training.study import Study

#: Part of every name in the cache; raised when prepared volumes change.
VERSION = 1
#: Intensities are stored as ``(x / white - OFFSET) / SCALE``; ``white`` is the brain's 95th percentile.
OFFSET, SCALE, CEILING = 0.5, 0.25, 1.5
#: Value of everything outside the brain: no signal.
BACKGROUND = -OFFSET / SCALE

_FWHM_PER_SIGMA = 2.3548


def prepare(
    workspace: Workspace, study: Study, *, jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:  # fmt: skip
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
    scans = study.scans()
    progress = progress or (lambda done, total: None)
    tasks = list(_missing(workspace, study.preset, scans))
    done = len(scans) - len(tasks)
    progress(done, len(scans))
    reasons: list[str] = []
    for reason in _in_parallel(tasks, min(jobs or os.cpu_count() or 1, max(len(tasks), 1))):
        done += 1
        if reason:
            reasons.append(reason)
        progress(done, len(scans))
    if reasons:
        raise StudyError(
            f"{len(reasons)} of {len(scans)} scans cannot be prepared: {'; '.join(reasons[:3])}. "
            "Score the scans again, then freeze the cohorts and plan the study again."
        )
    return len(scans)


def volume_paths(workspace: Workspace, study: Study, scan_ids: Iterable[str]) -> list[Path]:
    """Return the prepared files of some scans, preparing again what was deleted from the cache."""
    wanted = list(scan_ids)
    scans = study.scans().set_index("scan_id", drop=False).loc[wanted]
    for task in _missing(workspace, study.preset, scans):
        reason = _prepare_one(task)
        if reason:
            raise StudyError(f"A scan cannot be prepared: {reason}.")
    return [_cached(workspace, study.preset, row) for _, row in scans.iterrows()]


def volume_key(sha256: str, template_affine: Iterable[float], preset: Preset) -> str:
    """Return the name of a prepared volume: a hash of scan, alignment, grid and this code's version."""
    numbers = ",".join(f"{value:.6f}" for value in template_affine)
    return files.short_hash(f"{VERSION}/{sha256}/{numbers}/{preset.spacing_mm}/{preset.shape}", 32)


# ---- one volume ----------------------------------------------------------------------------------


def prepared_volume(
    data: NDArray[np.float32],
    affine: NDArray,
    template_affine: NDArray,
    preset: Preset,
    mask: NDArray[np.bool_],
) -> NDArray[np.float16]:
    """Resample a scan onto the preset's grid, keep the brain and standardise its intensities.

    Parameters
    ----------
    data : array of float32, shape (X, Y, Z)
        Intensities of the scan; finite.
    affine : array of shape (4, 4)
        Its voxels to its world, mm.
    template_affine : array of shape (4, 4)
        Its world to the template's (MNI) world, mm.
    preset : Preset
        Gives the grid.
    mask : array of bool, shape ``preset.shape``
        The template's brain, from :func:`brain_mask`.

    Returns
    -------
    array of float16, shape ``preset.shape``
        ``(x / white − 0.5) / 0.25``, where ``white`` is the 95th percentile of the brain's voxels with
        signal and ``x / white`` is limited to 0–1.5; −2 outside the template's brain.

    Raises
    ------
    VolumeError
        When no voxel within the brain has signal: the alignment cannot be right.
    """
    to_voxel = np.linalg.inv(template_affine @ affine) @ grid_affine(preset)
    steps = np.linalg.norm(to_voxel[:3, :3], axis=1)
    sigma = np.sqrt(np.maximum(steps**2 - 1, 0)) / _FWHM_PER_SIGMA
    smooth = ndimage.gaussian_filter(data, sigma, truncate=3) if sigma.max() > 0.1 else data
    sampled = ndimage.affine_transform(
        smooth, to_voxel[:3, :3], to_voxel[:3, 3], output_shape=preset.shape, order=1
    )
    brain = sampled[mask]
    signal = brain[brain > 0]
    if not len(signal):
        raise VolumeError("nothing of the head lies where the template has its brain")
    relative = np.clip(sampled / np.percentile(signal, 95), 0, CEILING)
    standard = np.where(mask, (relative - OFFSET) / SCALE, BACKGROUND)
    return standard.astype(np.float16)


def grid_affine(preset: Preset) -> NDArray[np.float64]:
    """Return voxel to template (MNI) mm of the prepared volumes: RAS, centred on the brain."""
    affine = np.diag([preset.spacing_mm] * 3 + [1.0])
    affine[:3, 3] = np.array(CENTRE_MM) - preset.spacing_mm * (np.array(preset.shape) - 1) / 2
    return affine


def brain_mask(workspace: Workspace, preset: Preset) -> NDArray[np.bool_]:
    """Return the template's brain (with ventricles) on the preset's grid, shape ``preset.shape``.

    Kept in the cache, since the template takes seconds to load.
    """
    key = files.short_hash(f"brain/{VERSION}/{preset.spacing_mm}/{preset.shape}", 32)
    path = workspace.cache_dir / f"{key}.npy"
    if not path.exists():
        _save(path, template_brain(preset))
    return np.load(path, allow_pickle=False)


def template_brain(preset: Preset) -> NDArray[np.bool_]:
    """Resample the template's brain onto the preset's grid."""
    from curation.template import template  # brings nilearn and scikit-learn: seconds

    finest = template(2)
    to_voxel = np.linalg.inv(finest.affine) @ grid_affine(preset)
    inside = ndimage.gaussian_filter(finest.brain.astype(np.float32), preset.spacing_mm / 4)
    sampled = ndimage.affine_transform(
        inside, to_voxel[:3, :3], to_voxel[:3, 3], output_shape=preset.shape, order=1
    )
    return sampled > 0.5


# ---- many volumes --------------------------------------------------------------------------------

_Task = tuple[pd.Series, str, Preset, NDArray[np.bool_], Path]


def _cached(workspace: Workspace, preset: Preset, scan: pd.Series) -> Path:
    key = volume_key(scan["sha256"], scan["template_affine"], preset)
    return workspace.cache_dir / f"{key}.npy"


def _missing(workspace: Workspace, preset: Preset, scans: pd.DataFrame) -> Iterator[_Task]:
    sources = tables.read_scans(workspace).set_index("scan_id")["path"]
    mask = brain_mask(workspace, preset)
    for _, scan in scans.iterrows():
        target = _cached(workspace, preset, scan)
        if not target.exists():
            yield scan, sources.get(scan["scan_id"], ""), preset, mask, target


def _prepare_one(task: _Task) -> str:
    """Prepare one volume; return why not, or an empty text."""
    scan, source, preset, mask, target = task
    try:
        if files.sha256_of(Path(source)) != scan["sha256"]:
            return f"{scan['scan_id']}: the file has changed since the cohort was frozen"
        volume = volumes.load(Path(source))
        affine = np.array(scan["template_affine"], dtype=float).reshape(4, 4)
        prepared = prepared_volume(volume.data, volume.affine, affine, preset, mask)
    except (VolumeError, FileNotFoundError) as error:
        return f"{scan['scan_id']}: {error}"
    _save(target, prepared)
    return ""


def _save(path: Path, array: NDArray) -> None:
    with files.replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)


def _in_parallel(tasks: list[_Task], jobs: int) -> Iterator[str]:
    """Yield a reason (or nothing) a task; what the caller raises meanwhile cancels the rest."""
    pool = ProcessPoolExecutor(jobs, initializer=_end_when_told)
    try:
        pending: set[Future[str]] = {pool.submit(_prepare_one, task) for task in tasks}
        while pending:
            finished, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _end_when_told() -> None:
    """In a child: a polite stop of the group ends it at once."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
