"""The parts of the metrics table: one file a scan while many processes write, one file afterwards."""

import os
from pathlib import Path

import pandas as pd

from curation import files, tables
from curation.measurement import empty_row
from curation.workspace import Workspace

_COMPACT = "part-all.parquet"


def path_of(workspace: Workspace, scan_id: str) -> Path:
    """Return the part that one scan's row is written to."""
    return workspace.metrics_dir / f"part-{files.short_hash(scan_id, 16)}.parquet"


def write(path: Path, rows: pd.DataFrame) -> None:
    """Write rows of metrics with their columns in one order, so that equal rows make equal files."""
    texts = dict.fromkeys(
        ("scan_id", "sha256", "measured_by", "failure", "reasons", "flags"), "str"
    )
    own = list(empty_row("", ""))
    others = sorted(set(rows.columns) - set(own))
    files.write_parquet(path, rows.reindex(columns=own + others).astype(texts))


def compact(workspace: Workspace) -> None:
    """Put all parts of a workspace into one file, then remove them; cut off between, nothing is lost.

    Batches may write meanwhile: a part is removed only if it is still the one that was read, and the
    new file is dated as the newest part in it, so that what was written since wins over it.
    """
    read = {part: part.stat().st_mtime_ns for part in workspace.metrics_dir.glob("part-*.parquet")}
    if len(read) < 2:
        return
    whole = workspace.metrics_dir / _COMPACT
    write(whole, tables.read_metrics(workspace))
    os.utime(whole, ns=(max(read.values()),) * 2)
    for part, written in read.items():
        if part != whole and part.stat().st_mtime_ns == written:
            part.unlink()
