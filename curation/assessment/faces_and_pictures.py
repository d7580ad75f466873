"""Faces and thumbnails of scans that were measured before: looked for, and drawn, by the stored alignment."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.assessment import metric_shards
from curation.assessment.assess_scan import in_json, one_thread
from curation.decisions import actions
from curation.errors import VolumeError
from curation.faces import face_region, face_state
from curation.faces.face_region import FaceSeen
from curation.imaging import registered_grid, thumbnails, volumes
from curation.sources import scan_vectors
from curation.storage import files, processes, tables
from curation.storage.workspace import Workspace

Progress = Callable[[int, int], None]


class _Task(NamedTuple):
    """One scan: its image, its picture, its alignment, and whether its whole head is drawn."""

    scan_id: str
    image: Path
    picture: Path
    alignment: list[float]
    whole_head: bool


@guarded(Action.SCORE)
def make_missing(
    workspace: Workspace, *, jobs: int = 1, again: bool = False, progress: Progress | None = None
) -> int:
    """Look for faces where it was not done, and draw the thumbnails that are not there.

    Parameters
    ----------
    workspace : Workspace
        Whose measured scans.
    jobs : int
        Worker processes.
    again : bool
        All of them, as after the settings changed.
    progress : callable, optional
        Called with (scans done, scans in all).

    Returns
    -------
    int
        Number of scans that were looked at. An image that cannot be read just now is left for the next time.
    """
    tasks = _due(workspace, again=again)
    found: dict[str, FaceSeen] = {}
    for done, (task, face) in enumerate(zip(tasks, _all_done(tasks, jobs), strict=True), start=1):
        if face is not None:
            found[task.scan_id] = face
        if progress:
            progress(done, len(tasks))
    if found:
        _keep(workspace, found)
    shutil.rmtree(workspace.head_previews_dir, ignore_errors=True)
    return len(found)


def not_drawn(workspace: Workspace) -> int:
    """Return how many measured scans have no picture: deleted, or of a version that drew others."""
    measured = tables.read_metrics(workspace, ("failure",)).reindex(columns=["scan_id", "failure"])
    measured = measured.loc[measured["failure"].isna(), "scan_id"]
    scans = tables.read_scans(workspace)
    wanted = set(scans.loc[scans["status"] == "ok", "scan_id"]) & set(measured)
    folder = workspace.previews_dir
    drawn = {path.stem for path in folder.glob("*.png")} if folder.is_dir() else set()
    return len(wanted - drawn)


@guarded(Action.REPAIR)
def choose(
    workspace: Workspace, *, whole_heads: bool, jobs: int = 1, progress: Progress | None = None
) -> int:
    """Have thumbnails show whole heads, or brains alone; draw all of them anew and note it in the audit."""
    workspace.put_images(replace(workspace.images(), whole_heads=whole_heads))
    actions.note(workspace, "thumbnails show", "whole heads" if whole_heads else "brains alone")
    return make_missing(workspace, jobs=jobs, again=True, progress=progress)


def _due(workspace: Workspace, *, again: bool) -> list[_Task]:
    scans = scan_vectors.aligned_scans(workspace)
    metrics = tables.read_metrics(workspace, ("face_ml",)).reindex(columns=["scan_id", "face_ml"])
    known = set(metrics.loc[metrics["face_ml"].notna(), "scan_id"])
    whole_head = workspace.images().whole_heads
    tasks = [
        _Task(
            str(row.scan_id),
            Path(str(row.path)),
            workspace.preview_path(str(row.scan_id)),
            np.asarray(row.template_affine, float).ravel().tolist(),
            whole_head,
        )
        for row in scans.itertuples()
    ]
    return [one for one in tasks if again or one.scan_id not in known or not one.picture.exists()]


def _all_done(tasks: list[_Task], jobs: int) -> Iterator[FaceSeen | None]:
    if min(jobs, len(tasks)) <= 1:
        yield from map(_look, tasks)
        return
    with processes.workers(min(jobs, len(tasks))) as pool:
        yield from pool.map(_look, tasks)


def _look(task: _Task) -> FaceSeen | None:
    """Return how much of a face a scan shows, and draw its thumbnail; none where it cannot be read."""
    try:
        volume = volumes.conform(volumes.load(task.image))
    except (VolumeError, OSError):
        return None
    alignment = np.reshape(task.alignment, (4, 4))
    with one_thread():
        thumbnails.write_preview(task.picture, volume, alignment, whole_head=task.whole_head)
        return face_region.look(registered_grid.volume_on_grid(volume), alignment)


def _keep(workspace: Workspace, found: dict[str, FaceSeen]) -> None:
    """Write what was found into the metrics table, beside what was measured."""

    def with_faces(metrics: pd.DataFrame) -> pd.DataFrame:
        ml = metrics["scan_id"].map({name: face.ml for name, face in found.items()})
        ml = ml.astype("float64")
        seen = metrics["scan_id"].isin(found)
        before = metrics.get("face_ml", np.nan)
        flags = metrics["flags"].astype(object)
        flags[seen] = [
            _with_face(written, found[scan_id])
            for written, scan_id in zip(flags[seen], metrics.loc[seen, "scan_id"], strict=True)
        ]
        return metrics.assign(face_ml=ml.where(seen, before), flags=flags)

    with files.lock(workspace.metrics_lock_path):
        metric_shards.compact(workspace, with_faces)


def _with_face(written: object, face: FaceSeen) -> str:
    flags = json.loads(written) if isinstance(written, str) else {}
    for key in ("face", face_state.UNCLEAR):
        flags.pop(key, None)
    return in_json(flags | face_state.flag_of(face))
