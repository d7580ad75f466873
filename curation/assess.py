"""Scoring all scans of a workspace: parallel, resumable, one file a scan until the end.

Each scan becomes one row of metrics, written whole or not at all, so that an interrupted run goes on
where it stopped and the numbers do not depend on how many workers there were.
"""

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curation import files, tables
from curation.errors import VolumeError
from curation.masks import Masks, find_masks
from curation.metrics import METRICS, METRICS_VERSION, measure
from curation.previews import write_preview
from curation.scores import score
from curation.volumes import Volume, conform, load
from curation.workspace import Workspace

log = logging.getLogger(__name__)

#: After how many scans the scores are written anew, so that the screen shows them grow.
_REFRESH_EVERY = 10
_COMPACT = "part-all.parquet"


@dataclass(frozen=True)
class Summary:
    """What one call of :func:`assess` did.

    Parameters
    ----------
    assessed, skipped, failed : int
        Scans measured now, measured before, and those that could not be measured.
    seconds : float
        Wall-clock time.
    """

    assessed: int
    skipped: int
    failed: int
    seconds: float


@dataclass(frozen=True)
class Progress:
    """How far the scoring of a workspace is.

    Parameters
    ----------
    done, total, failed : int
        Scans with a row of metrics (failed ones among them), readable scans, and failed ones.
    """

    done: int
    total: int
    failed: int


def assess(
    workspace: Workspace,
    *,
    jobs: int = 1,
    scan_ids: Iterable[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Measure and score the readable scans that are not yet, or whose file has changed.

    Parameters
    ----------
    workspace : Workspace
        Its ``scans`` table says what there is.
    jobs : int
        Worker processes.
    scan_ids : iterable of str, optional
        Only these.
    progress : callable, optional
        Called as ``progress(done, total)`` after each scan, and once at the start.

    Returns
    -------
    Summary
    """
    started = time.monotonic()
    scans = _readable(workspace)
    if scan_ids is not None:
        scans = scans[scans["scan_id"].isin(list(scan_ids))]
    due = scans[~_is_current(scans, tables.read_metrics(workspace))]
    failed = 0
    if progress:
        progress(0, len(due))
    for done, failure in enumerate(_measured(workspace, due, jobs), start=1):
        failed += failure is not None
        if done % _REFRESH_EVERY == 0 and done < len(due):
            _write_scores(workspace)
        if progress:
            progress(done, len(due))
    _compact(workspace)
    _write_scores(workspace)
    return Summary(len(due) - failed, len(scans) - len(due), failed, time.monotonic() - started)


def progress_of(workspace: Workspace) -> Progress:
    """Return how far the scoring is, from the tables alone."""
    scans, metrics = _readable(workspace), tables.read_metrics(workspace)
    current = _is_current(scans, metrics)
    failures = metrics[metrics["failure"].notna()]["scan_id"] if "failure" in metrics else []
    failed = scans[current]["scan_id"].isin(failures)
    return Progress(int(current.sum()), len(scans), int(failed.sum()))


# ---- one scan --------------------------------------------------------------------------------------


def assess_volume(volume: Volume) -> tuple[dict[str, float], dict[str, str], Masks]:
    """Measure one image in memory.

    Parameters
    ----------
    volume : Volume
        In RAS order.

    Returns
    -------
    values, reasons : dict
        See :func:`curation.metrics.measure`.
    masks : Masks
        What was found on it.
    """
    masks = find_masks(volume)
    values, reasons = measure(volume, masks)
    return values, reasons, masks


def assess_file(path: Path, scan_id: str, sha256: str, preview_path: Path) -> dict[str, Any]:
    """Measure one file, draw its thumbnail, and return its row of metrics.

    A file that cannot be read becomes a row with its ``failure``, so that the batch goes on.
    """
    started = time.monotonic()
    row = _empty_row(scan_id, sha256)
    try:
        if files.sha256_of(path) != sha256:
            raise VolumeError("the file has changed since it was ingested; ingest it again")
        volume = conform(load(path))
        values, reasons, masks = assess_volume(volume)
        row["template_affine"] = [float(value) for value in masks.template_affine.ravel()]
        row["reasons"] = json.dumps(reasons, ensure_ascii=False, sort_keys=True)
        row |= values
        write_preview(preview_path, volume, _brain_centre(volume, masks))
    except (VolumeError, FileNotFoundError) as error:
        row["failure"] = str(error) if isinstance(error, VolumeError) else "the file is gone"
    row["seconds"] = round(time.monotonic() - started, 3)
    return row


def _empty_row(scan_id: str, sha256: str) -> dict[str, Any]:
    """Return a row of the metrics table in which nothing is measured yet."""
    return {
        "scan_id": scan_id, "sha256": sha256, "metrics_version": METRICS_VERSION,
        "template_affine": None, "seconds": 0.0, "failure": None, "reasons": "{}",
    } | dict.fromkeys(METRICS, np.nan)  # fmt: skip


def _brain_centre(volume: Volume, masks: Masks) -> np.ndarray:
    """Return the voxel a little right of the middle of the template's brain."""
    world = np.linalg.inv(masks.template_affine) @ np.array([4.0, -18.0, 12.0, 1.0])
    return (np.linalg.inv(volume.affine) @ world)[:3]


# ---- all scans -------------------------------------------------------------------------------------


def _readable(workspace: Workspace) -> pd.DataFrame:
    scans = tables.read_scans(workspace)
    return scans[scans["status"] == "ok"]


def _is_current(scans: pd.DataFrame, metrics: pd.DataFrame) -> pd.Series:
    """Tell which scans have metrics of this very file and this version."""
    if metrics.empty:
        return pd.Series(False, index=scans.index)
    current = metrics[metrics["metrics_version"] == METRICS_VERSION]
    known = current.set_index("scan_id")["sha256"]
    return scans["scan_id"].map(known) == scans["sha256"]


def _measured(workspace: Workspace, due: pd.DataFrame, jobs: int) -> Iterator[str | None]:
    """Measure scans, write each one's part, and yield its failure (or ``None``) as it ends."""
    tasks = [
        (Path(path), scan_id, sha256, workspace.preview_path(scan_id),
         workspace.metrics_dir / f"part-{files.short_hash(scan_id, 16)}.parquet")
        for path, scan_id, sha256 in zip(due["path"], due["scan_id"], due["sha256"], strict=True)
    ]  # fmt: skip
    if jobs <= 1 or len(tasks) <= 1:
        yield from map(_assess_to_part, tasks)
        return
    workers = min(jobs, len(tasks))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_assess_to_part, tasks)


def _assess_to_part(task: tuple[Path, str, str, Path, Path]) -> str | None:
    path, scan_id, sha256, preview_path, part = task
    try:
        row = assess_file(path, scan_id, sha256, preview_path)
    except Exception as error:  # the worker's outermost edge: one scan must not end the batch
        log.exception("%s could not be measured", scan_id)
        row = _empty_row(scan_id, sha256) | {"failure": f"an error inside Tierscope: {error!r}"}
    _write_parts(part, pd.DataFrame([row]))
    return row["failure"]


def _write_parts(path: Path, rows: pd.DataFrame) -> None:
    texts = {"scan_id": "str", "sha256": "str", "failure": "str", "reasons": "str"}
    files.write_parquet(path, rows.astype(texts))


def _compact(workspace: Workspace) -> None:
    """Put all parts into one file, then remove them; cut off between, nothing is lost."""
    parts = sorted(workspace.metrics_dir.glob("part-*.parquet"))
    if len(parts) < 2:
        return
    _write_parts(workspace.metrics_dir / _COMPACT, tables.read_metrics(workspace))
    for part in parts:
        if part.name != _COMPACT:
            part.unlink()


def _write_scores(workspace: Workspace) -> None:
    metrics = tables.read_metrics(workspace)
    if not metrics.empty:
        files.write_parquet(workspace.scores_path, score(metrics))
