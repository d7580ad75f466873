"""A complete small workspace, made in a second: scans, metrics, scores, cohorts, two studies.

Everything in it is invented and marked as simulated; it stands in for the demo where a test needs every
page to have something to show.
"""

import atexit
import json
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from curation import __version__
from curation.cohorts import frozen_cohort
from curation.interchange import mriqc_import
from curation.metrics import METRICS, METRICS_VERSION
from curation.scoring import distortion_score
from curation.scoring.score_reference import builtin
from curation.storage import files, processes, tables
from curation.storage.workspace import Source, Workspace
from tests.helpers.nifti_images import write_nifti
from training.results import distortion_effects
from training.studies import planned_study, runs
from training.studies.analysis_plan import EXPLORATORY, AnalysisPlan
from training.studies.planned_study import Study

POOL, TARGET = 24, 14
#: So many scans, the first of the pool, carry a validity flag.
FLAGGED = 3
ARMS = ["scratch", "A", "all", "control-A"]


def make(root: Path) -> Workspace:
    """Make the workspace, without studies: a copy of one that is made once a process."""
    model = _model()
    images, new_images = (str(folder / "images") for folder in (model.root.parent, root.parent))
    shutil.copytree(images, new_images, dirs_exist_ok=True)
    workspace = Workspace(Path(shutil.copytree(model.root, root, dirs_exist_ok=True)))
    for source in workspace.sources():
        workspace.put_source(replace(source, path=source.path.replace(images, new_images)))
    scans = tables.read_scans(workspace)
    paths = scans["path"].str.replace(images, new_images, regex=False)
    tables.write_scans(workspace, scans.assign(path=paths))
    return workspace


@cache
def _model() -> Workspace:
    folder = Path(tempfile.mkdtemp(prefix="workspace-full-"))
    atexit.register(shutil.rmtree, folder)
    return _made(folder / "workspace")


def _made(root: Path) -> Workspace:
    workspace = Workspace.create(root)
    for name, role in (("made-pool", "pool"), ("made-target", "target")):
        folder = str(root.parent / "images" / name)
        workspace.put_source(Source(name, folder, "folder", role, simulated=True))
    workspace.put_different_people([frozenset(("made-pool", "made-target"))])
    scans = pd.DataFrame(
        [_scan(root.parent / "images", "made-pool", "pool", i) for i in range(POOL)]
        + [_scan(root.parent / "images", "made-target", "target", i) for i in range(TARGET)]
        + [_broken()]
    )
    tables.write_scans(workspace, scans)
    metrics = _metrics(scans[scans["status"] == "ok"])
    files.write_parquet(workspace.metrics_dir / "part-made.parquet", metrics)
    scores = distortion_score.score(metrics, builtin())
    # spread evenly, so that every tier has scans whatever the metrics say
    spread = np.linspace(2, 90, len(scores)).round(1)
    files.write_parquet(workspace.scores_path, scores.assign(distortion_score=spread))
    return workspace


class FullWorkspace(NamedTuple):
    """A full workspace with the two studies of :func:`add_studies`."""

    workspace: Workspace
    finished: Study
    half: Study


def add_studies(workspace: Workspace) -> tuple[Study, Study]:
    """Freeze both cohorts and write a finished study and one that looks as if it ran half-way."""
    finished, half = add_finished(workspace, "finished"), _planned(workspace, "half")
    for run in runs.runs_of(half):
        _write_run(half, run, done=0.5 if run.kind == "pretrain" else 0.0)
    return finished, half


def add_finished(workspace: Workspace, name: str, analysis: AnalysisPlan = EXPLORATORY) -> Study:
    """Freeze both cohorts and write a finished study."""
    finished = _planned(workspace, name, analysis)
    for run in runs.runs_of(finished):
        _write_run(finished, run, done=1.0)
    files.write_json(finished.result_path, {"made": True})
    return finished


def _planned(workspace: Workspace, name: str, analysis: AnalysisPlan = EXPLORATORY) -> Study:
    pool = frozen_cohort.freeze(workspace, "pool", author="tests", role="pool")
    target = frozen_cohort.freeze(workspace, "target", author="tests", role="target")
    return planned_study.plan(
        workspace,
        name=name,
        cohort_id=pool.id,
        target_id=target.id,
        arms=ARMS,
        seeds=[0, 1],
        folds=2,
        preset="smoke",
        analysis=analysis,
    )


def add_distorted(workspace: Workspace, arms: list[str]) -> Study:
    """Write a finished study of other arms on the newest cohorts, with what its distortions do to scans."""
    newest = {header.role: header.id for header in reversed(frozen_cohort.list_cohorts(workspace))}
    study = planned_study.plan(
        workspace,
        name="doses",
        cohort_id=newest["pool"],
        target_id=newest["target"],
        arms=arms,
        seeds=[0, 1],
        folds=2,
        preset="smoke",
    )
    for run in runs.runs_of(study):
        _write_run(study, run, done=1.0)
    rows = [
        (
            done.artefact,
            done.severity,
            scan,
            done.severity / len(done.artefact),
            1.0,
            1.0 + done.severity,
            10.0,
            10 + 60 * done.severity,
        )
        for arm in study.arms
        if (done := arm.distortion) and not done.clean_too
        for scan in study.pretraining_scans(arm.name, 0)
    ]
    effects = pd.DataFrame(rows, columns=list(distortion_effects.COLUMNS))
    files.write_parquet(study.distortion_effects_path, effects)
    files.write_json(study.result_path, {"made": True})
    return study


def pretend_running(half: Study) -> processes.Process:
    """Start a process that does nothing in the place of a study's workflow; the caller stops it."""
    return processes.start(
        ["sleep", "120"], log=half.folder / "workflow.log", state=half.folder / "workflow.json"
    )


# ---- scans and metrics -----------------------------------------------------------------------------


def _scan(images: Path, source: str, role: str, number: int) -> dict:
    name = f"sub-{number:02d}"
    path = write_nifti(images / source / f"{name}_T1w.nii.gz", seed=number + 100 * (role == "pool"))
    return {
        "scan_id": f"{source}_{name}_T1w",
        "subject_id": f"{source}:{name}",
        "participant_id": name,
        "modality": "T1w",
        "source": source,
        "role": role,
        "path": str(path),
        "sha256": files.sha256_of(path),
        "shape": [16, 18, 14],
        "spacing_mm": [2.0, 2.0, 2.0],
        "orientation": "RAS",
        "site": ("North", "South")[number % 2],
        "age_years": 20.0 + 2 * number,
        "sex": "FM"[number % 2],
        "simulated": True,
        "status": "ok",
    }


def _broken() -> dict:
    return {
        "scan_id": "made-pool_sub-99_T1w",
        "subject_id": "made-pool:sub-99",
        "simulated": True,
        "participant_id": "sub-99",
        "modality": "T1w",
        "source": "made-pool",
        "role": "pool",
        "path": "/nowhere/sub-99_T1w.nii.gz",
        "status": "unreadable",
        "reason": "the file is cut off: <b>5</b> of 10 voxels are there",
    }


def _metrics(scans: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = scans[["scan_id", "sha256"]].assign(
        metrics_version=METRICS_VERSION,
        measured_by="tierscope",
        template_affine=[np.eye(4).ravel().tolist()] * len(scans),
        seconds=0.1,
        failure=None,
    )
    unmeasured = next(iter(METRICS))
    values = {name: rng.uniform(0.2, 2.0, len(scans)) for name in METRICS} | {unmeasured: np.nan}
    table = pd.concat([table, pd.DataFrame(values, table.index)], axis=1)
    reasons = json.dumps({unmeasured: "the background is exactly 0"})
    flags = np.where(np.arange(len(scans)) < FLAGGED, json.dumps({"no_air": "all is zero"}), "{}")
    return table.assign(reasons=reasons, flags=flags).reset_index(drop=True)


# ---- scans without image ---------------------------------------------------------------------------


def import_table(workspace: Workspace, folder: Path, count: int) -> None:
    """Import results of MRIQC for some invented scans."""
    rng = np.random.default_rng(1)
    names = [f"sub-{number:04d}_T1w" for number in range(count)]
    mriqc = ("cjv", "cnr", "efc", "fber", "fwhm_avg", "inu_med", "qi_1", "snr_total", "wm2max")
    table = pd.DataFrame({"bids_name": names} | {m: rng.uniform(0.2, 2, count) for m in mriqc})
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "group_T1w.tsv", sep="\t", index=False)
    mriqc_import.import_table(workspace, folder / "group_T1w.tsv", name="mriqc")


# ---- runs ------------------------------------------------------------------------------------------


def _write_run(planned: Study, run: runs.Run, *, done: float) -> None:
    epochs = runs.epochs_of(planned, run)
    epoch = round(epochs * done)
    if not epoch:
        return
    key = "loss" if run.kind == "pretrain" else "age_mae_years"
    start = {"scratch": 9.0, "A": 7.0, "all": 8.0}.get(run.arm, 8.5) + 0.2 * run.seed
    values = [start * (0.6 + 0.4 / number) for number in range(1, epoch + 1)]
    run.folder.mkdir(parents=True)
    lines = [json.dumps({"epoch": i, key: v, "loss": v}) for i, v in enumerate(values, 1)]
    files.write_text(run.metrics_path, "\n".join(lines) + "\n")
    state = "finished" if done == 1 else "stopped"
    status = {"state": state, "epoch": epoch, "seconds": 1.0 * epoch, key: values[-1]}
    files.write_json(run.status_path, status)
    if run.kind == "finetune" and done == 1:
        files.write_json(run.result_path, _result(planned, run))


def _result(planned: Study, run: runs.Run) -> dict:
    target = planned.scans().query("role == 'target'")
    held_out, others = target[target["fold"] == run.fold], target[target["fold"] != run.fold]
    mean = float(others["age_years"].mean())
    rng = np.random.default_rng([run.seed, run.fold or 0, len(run.arm)])
    guess = 0.5 * held_out["age_years"] + 0.5 * mean + rng.normal(0, 2, len(held_out))
    predictions = held_out[["scan_id", "subject_id", "age_years"]].assign(predicted_age_years=guess)
    made = {"tierscope": __version__, "baseline_age_years": mean}
    return made | {"predictions": predictions.to_dict("records")}
