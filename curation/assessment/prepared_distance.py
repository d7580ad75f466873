"""Distance of each scan's prepared volume to the middle of the pool: a column of the scored scans."""

import numpy as np
import pandas as pd

from curation.imaging import prepared_vector
from curation.imaging.prepared_vector import Middle
from curation.sources import scan_vectors
from curation.storage import files, tables
from curation.storage.workspace import Workspace

#: People whose median and spread is taken, at most; spread evenly over the pool.
MOST_PEOPLE = 400


def update(workspace: Workspace, *, jobs: int = 1) -> int:
    """Measure the distance of every aligned scan and store them; return how many have one.

    The middle is that of one scan each of the pool's people. With fewer than
    :data:`.prepared_vector.MIN_PEOPLE` of them no scan has a distance. Where scans, people and roles are what
    they were, nothing is measured anew.
    """
    scans = scan_vectors.aligned_scans(workspace)
    before, made_of = _before(workspace), _made_of(scans)
    if before is not None and (before["made_of"] == made_of).all() and len(before) == len(scans):
        return int(before["prepared_distance"].notna().sum())
    paths = scan_vectors.make_missing(workspace, scan_vectors.PREPARED, scans, jobs)
    scans = scans.assign(file=paths)
    middle = _middle(scans)
    distances = [
        np.nan
        if middle is None or (vector := scan_vectors.read(file, scan_vectors.PREPARED)) is None
        else middle.distance(vector)
        for file in paths
    ]
    table = scans[["scan_id", "sha256"]].assign(
        prepared_distance=np.array(distances, np.float64), made_of=made_of
    )
    files.write_parquet(workspace.prepared_distance_path, table)
    return int(np.isfinite(table["prepared_distance"]).sum())


def _before(workspace: Workspace) -> pd.DataFrame | None:
    """Return the stored distances; none where there are none, or an earlier version wrote them."""
    if not workspace.prepared_distance_path.exists():
        return None
    table = files.read_parquet(workspace.prepared_distance_path, tables.DISTANCES_REMEDY)
    return table if "made_of" in table else None


def _made_of(scans: pd.DataFrame) -> str:
    """Return a hash of all that distances are made of."""
    told = scans[["scan_id", "sha256", "subject_id", "role"]].sort_values("scan_id")
    return files.short_hash(scan_vectors.PREPARED.version + told.to_json(orient="values"))


def _middle(scans: pd.DataFrame) -> Middle | None:
    pool = scans[scans["role"] == "pool"].sort_values("scan_id").drop_duplicates("subject_id")
    places = np.linspace(0, len(pool) - 1, min(len(pool), MOST_PEOPLE)).round().astype(int)
    read = (scan_vectors.read(file, scan_vectors.PREPARED) for file in pool["file"].iloc[places])
    return prepared_vector.middle_of([vector for vector in read if vector is not None])
