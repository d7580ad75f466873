"""Shards of the metrics table: a file a scan while written in parallel, gathered into one afterwards."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from curation.assessment.assess_scan import empty_row
from curation.storage import files, tables
from curation.storage.workspace import Workspace


def shard_path(workspace: Workspace, scan_id: str) -> Path:
    """Return the shard that one scan's row is written to."""
    return workspace.metrics_shard_path(files.short_hash(scan_id, 16))


def write(path: Path, rows: pd.DataFrame) -> None:
    """Write rows of metrics with their columns in one order, so that equal rows make equal files."""
    texts = dict.fromkeys(
        ("scan_id", "sha256", "measured_by", "failure", "reasons", "flags"), "str"
    )
    own = list(empty_row("", ""))
    others = sorted(set(rows.columns) - set(own))
    files.write_parquet(path, rows.reindex(columns=own + others).astype(texts))


def compact(
    workspace: Workspace, change: Callable[[pd.DataFrame], pd.DataFrame] | None = None
) -> None:
    """Gather all shards of a workspace into one file, then remove them; cut off between, nothing is lost.

    With ``change``, rows are written as it returns them.

    Batches may write meanwhile: a shard is removed only if it is still the one that was read, and one that
    stays wins over the gathered rows.
    """
    read = {shard: _version(shard) for shard in workspace.metrics_shards()}
    if not read or (change is None and len(read) < 2):
        return
    rows = tables.read_metrics(workspace)
    write(workspace.gathered_path, rows if change is None else change(rows))
    for shard, version in read.items():
        if shard != workspace.gathered_path and _version(shard) == version:
            shard.unlink()


def _version(shard: Path) -> tuple[int, int, int]:
    """Return inode, size and time of a shard: they differ once it is written anew, whatever the clock."""
    status = shard.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
