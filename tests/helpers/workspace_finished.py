"""A finished study, really trained on tiny heads in some seconds, full of names that may not leave it."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
from PIL import Image

from curation.cohorts import frozen_cohort
from curation.imaging.thumbnails import TILE
from curation.metrics import METRICS_VERSION
from curation.storage import files, tables
from curation.storage.workspace import Source, Workspace
from tests.helpers import workspace_trainable
from tests.helpers.workspace_trainable import TINY
from training.jobs import worker
from training.studies import annotations, planned_study, runs
from training.studies.planned_study import Study

AUTHOR = "Dr. Quixote Zanzibar"
NOTE = "call Zanzibar about the 1987 scans"
SITES = {"North": "Zanzibar-General", "South": "Quixote-Memorial"}
ARMS = ["scratch", "A", "all", "control-A"]


def make(root: Path, *, seeds: tuple[int, ...] = (0, 1)) -> tuple[Workspace, Study]:
    """Make a workspace of 24 pool and 12 target scans and train a study on it."""
    workspace = Workspace.create(root)
    workspace_trainable.make(workspace, pool=24, target=12)
    for role in ("pool", "target"):
        folder = str(root / "images")
        workspace.put_source(Source(f"zanzibar-{role}", folder, "folder", role, simulated=True))  # type: ignore[arg-type]
    scans = tables.read_scans(workspace)
    tables.write_scans(workspace, scans.assign(site=scans["site"].map(SITES)))
    metrics = tables.read_metrics(workspace).assign(metrics_version=METRICS_VERSION, failure=None)
    files.write_parquet(workspace.metrics_dir / "part-made.parquet", metrics)
    for scan_id in scans["scan_id"]:
        _write_preview(workspace.preview_path(scan_id), len(scan_id))
    planned = _plan(workspace, seeds)
    annotations.note(workspace, planned.id, AUTHOR, NOTE)
    annotations.tag(workspace, planned.id, AUTHOR, ["zanzibar-tag"])
    train(workspace, planned)
    return workspace, planned


def _plan(workspace: Workspace, seeds: tuple[int, ...]) -> Study:
    pool = frozen_cohort.freeze(workspace, "zanzibar-pool-list", author=AUTHOR)
    target = frozen_cohort.freeze(workspace, "zanzibar-target-list", author=AUTHOR, role="target")
    return planned_study.plan(
        workspace,
        name="zanzibar study",
        cohort_id=pool.id,
        target_id=target.id,
        arms=ARMS,
        seeds=list(seeds),
        folds=2,
        preset="smoke",
        overrides=TINY,
    )


def train(workspace: Workspace, planned: Study, only: Collection[str] | None = None) -> None:
    """Do every job of a study that is not done yet in this process, or those of some runs alone."""
    runs.write_configs(planned)
    jobs = [["prepare", "--jobs", "1"]]
    jobs += [
        [run.kind, "--run", run.id]
        for run in runs.runs_of(planned)
        if not run.result_path.exists() and (only is None or run.id in only)
    ]
    for job in jobs if only else [*jobs, ["summary"]]:
        where = ["--workspace", str(workspace.root), "--study", planned.id]
        assert worker.main([*job, *where]) == 0, job


def _write_preview(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.random.default_rng(seed).integers(0, 255, (TILE, 3 * TILE), dtype=np.uint8)
    grey[:, : 2 * TILE] = 255  # the planes that may not leave are white
    image = Image.fromarray(grey)
    image.info["Comment"] = AUTHOR
    image.save(path)


def secrets(workspace: Workspace, planned: Study) -> set[str]:
    """Return everything that names a person or a place of this workspace."""
    scans = tables.read_scans(workspace)
    ids = {*scans["scan_id"], *scans["subject_id"], *scans["participant_id"], *scans["sha256"]}
    ids |= {Path(path).name for path in scans["path"]}
    names = {AUTHOR, "Quixote", "Zanzibar", "zanzibar", NOTE, *SITES.values()}
    return {*ids, *names, str(workspace.root), planned.id, planned.cohort_id, planned.target_id}
