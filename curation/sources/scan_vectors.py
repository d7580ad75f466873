"""Vectors of scored scans in the workspace: one file a scan and kind, named by the scan's content.

They may be deleted: a vector that is not there is made again from the image and its stored alignment.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.errors import VolumeError
from curation.imaging import brain_vector, prepared_vector, registered_grid, volumes
from curation.imaging.registered_grid import GridVolume
from curation.storage import files, processes, tables
from curation.storage.workspace import Workspace

Vector = NDArray[Any]


class VectorKind(NamedTuple):
    """A kind of vector.

    Parameters
    ----------
    name : str
        Of its folder, with ``-vectors`` after it.
    version : str
        Part of each file's name; another one, other vectors.
    dtype : type
        Of its numbers.
    make : callable
        ``make(scan, template_affine)`` returns the vector, or ``None`` where the scan has none.
    """

    name: str
    version: str
    dtype: type
    make: Callable[[GridVolume, NDArray[np.float64]], Vector | None]


BRAIN = VectorKind("brain", str(brain_vector.VERSION), np.int8, brain_vector.brain_vector)
PREPARED = VectorKind(
    "prepared", prepared_vector.VERSION, np.uint8, prepared_vector.prepared_vector
)
KINDS = {kind.name: kind for kind in (BRAIN, PREPARED)}


def path(workspace: Workspace, kind: VectorKind, sha256: str) -> Path:
    """Return the file of a scan's vector."""
    name = files.short_hash(f"{sha256}/{kind.version}", 32)
    return workspace.vectors_dir(kind.name) / f"{name}.npy"


def write(file: Path, kind: VectorKind, vector: Vector | None) -> None:
    """Write a vector, whole or not at all; of a scan without one, an empty one."""
    with files.replacing(file) as temporary, temporary.open("wb") as opened:
        held = np.zeros(0, kind.dtype) if vector is None else vector
        np.save(opened, held, allow_pickle=False)


def read(file: Path, kind: VectorKind) -> Vector | None:
    """Read a vector; ``None`` where there is none, or its file is damaged."""
    try:
        vector = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return vector if vector.dtype == kind.dtype and vector.ndim == 1 and len(vector) else None


def aligned_scans(workspace: Workspace) -> pd.DataFrame:
    """Return the usable scans that were aligned to the template: ids, paths, people, ``template_affine``."""
    scans = tables.read_scans(workspace)
    names = ["scan_id", "sha256", "path", "subject_id", "role"]
    usable = scans.loc[scans["status"] == "ok", names]
    metrics = tables.read_metrics(workspace, ("template_affine",))
    if "template_affine" not in metrics:
        return usable.iloc[:0].assign(template_affine=None)
    joined = usable.merge(metrics, on=["scan_id", "sha256"])
    whole = [
        affine is not None and np.size(affine) == 16 and bool(np.all(np.isfinite(affine)))
        for affine in joined["template_affine"]
    ]
    return joined[np.array(whole, bool)].reset_index(drop=True)


def make_missing(
    workspace: Workspace,
    kind: VectorKind,
    scans: pd.DataFrame,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Make the vectors of some aligned scans that are not there; return the files of all, in order."""
    paths = [path(workspace, kind, sha256) for sha256 in scans["sha256"]]
    tasks = [
        (kind.name, Path(row.path), file, np.asarray(row.template_affine, float).ravel().tolist())
        for row, file in zip(scans.itertuples(), paths, strict=True)
        if not file.exists()
    ]
    for done, _ in enumerate(_all_made(tasks, jobs), start=1):
        if progress:
            progress(done, len(tasks))
    return paths


_Task = tuple[str, Path, Path, list[float]]


def _all_made(tasks: list[_Task], jobs: int) -> Iterator[None]:
    if min(jobs, len(tasks)) <= 1:
        yield from map(_make, tasks)
        return
    with processes.workers(min(jobs, len(tasks))) as pool:
        yield from pool.map(_make, tasks)


def _make(task: _Task) -> None:
    """Make a scan's vector by the alignment that it was scored with."""
    name, image, file, affine = task
    try:
        scan = registered_grid.volume_on_grid(volumes.conform(volumes.load(image)))
    except (VolumeError, OSError):
        return
    kind = KINDS[name]
    write(file, kind, kind.make(scan, np.reshape(affine, (4, 4))))
