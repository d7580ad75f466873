"""A small demo workspace, scored: what measuring its scans gave before is taken from an archive.

Measuring 14 heads takes minutes and is tested elsewhere. As in any workspace, a measurement counts where the
image's hash and the version of the metrics are still the same; other scans are measured anew, and so is one
every time, which the archive lacks. ``python -m tests.helpers.demo_scored`` makes the archive again: after a
change of either, which shows in tests of ``browser/on_demo`` that begin a minute or two later.
"""

import os
import tarfile
import tempfile
from pathlib import Path

import pandas as pd
import pytest

from curation.assessment import assess_workspace
from curation.simulation import demo_workspace as demo
from curation.sources import scan_vectors
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.helpers.paths import ROOT

ARCHIVE = ROOT / "tests" / "fixtures" / "demo-measured.tar.xz"
POOL_SIZE, TARGET_SIZE = 8, 6


def make(root: Path) -> Workspace:
    """Make the demo, lay what was measured before into it, and score it."""
    workspace = _unscored(root)
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(workspace.root, filter="data")
    assess_workspace.assess(workspace, jobs=os.cpu_count() or 1)
    return workspace


def _unscored(root: Path) -> Workspace:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "POOL_SIZE", POOL_SIZE)
        patch.setattr(demo, "TARGET_SIZE", TARGET_SIZE)
        return demo.make_demo(root)


def _write_archive() -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = _unscored(Path(folder) / "workspace")
        assess_workspace.assess(workspace, jobs=os.cpu_count() or 1)
        (part,) = workspace.metrics_dir.glob("part-*.parquet")
        files.write_parquet(part, pd.read_parquet(part).iloc[:-1])
        measured = tables.read_metrics(workspace)
        with tarfile.open(ARCHIVE, "w:xz") as archive:
            archive.add(part, str(part.relative_to(workspace.root)))
            for scan_id in measured["scan_id"]:
                preview = workspace.preview_path(scan_id)
                archive.add(preview, str(preview.relative_to(workspace.root)))
            for kind in scan_vectors.KINDS:
                for vector in sorted(workspace.vectors_dir(kind).glob("*.npy")):
                    archive.add(vector, str(vector.relative_to(workspace.root)))
    print(f"{ARCHIVE}: {len(measured)} scans, {ARCHIVE.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    _write_archive()
