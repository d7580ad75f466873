"""A workspace ready for training without scoring: tiny heads, their alignment, scores, both cohorts."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from curation.cohorts import frozen_cohort
from curation.imaging import prepared_volume, volumes
from curation.scoring.distortion_score import SCORING_VERSION
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from training.settings import volume_grid
from training.settings.presets import PRESETS
from training.studies import planned_study
from training.studies.planned_study import Study

SPACING_MM = 8.0
SHAPE = (24, 28, 24)
#: A network and volumes so small that an epoch takes a fraction of a second.
TINY: dict[str, Any] = {
    "spacing_mm": 8.0,
    "shape": (20, 24, 20),
    "patch": 4,
    "hidden": 24,
    "layers": 2,
    "heads": 2,
    "mlp": 32,
    "decoder_hidden": 12,
    "decoder_layers": 1,
    "decoder_heads": 2,
    "decoder_mlp": 16,
    "pretrain_epochs": 3,
    "pretrain_steps": 4,
    "pretrain_batch": 4,
    "finetune_epochs": 3,
    "finetune_batch": 4,
}
TINY_PRESET = PRESETS["smoke"].changed(TINY)
#: What makes a tiny U-Net of it.
UNET: dict[str, Any] = {"backbone": "unet", "hidden": 24, "decoder_hidden": 4}


def make(workspace: Workspace, *, pool: int = 12, target: int = 8) -> Workspace:
    """Fill an empty workspace: pool scans of three tiers and two sites, target scans with ages."""
    rows = [_row(workspace.root / "images", number, "pool") for number in range(pool)]
    rows += [_row(workspace.root / "images", pool + number, "target") for number in range(target)]
    scans = pd.DataFrame(rows)
    tables.write_scans(workspace, scans)
    write_tables(workspace, scans)
    return workspace


def write_tables(workspace: Workspace, scans: pd.DataFrame) -> None:
    """Write metrics (alignment only) and scores of the given scans."""
    affine = np.eye(4).ravel().tolist()
    metrics = scans[["scan_id", "sha256"]].assign(template_affine=[affine] * len(scans))
    files.write_parquet(workspace.metrics_dir / "part-made.parquet", metrics)
    scores = scans[["scan_id", "sha256", "distortion_score"]].assign(
        reference="builtin-3", scoring_version=SCORING_VERSION
    )
    files.write_parquet(workspace.scores_path, scores)


def plan(workspace: Workspace, **changes: Any) -> Study:
    """Freeze both cohorts and plan a tiny study."""
    pool = frozen_cohort.freeze(workspace, "pool", author="Ada")
    target = frozen_cohort.freeze(workspace, "target", author="Ada", role="target")
    overrides = TINY | changes.pop("overrides", {})
    values = {
        "name": "tiny",
        "cohort_id": pool.id,
        "target_id": target.id,
        "arms": ["scratch", "A"],
        "seeds": [0],
        "folds": 2,
        "preset": "smoke",
    } | changes
    study = planned_study.plan(workspace, **values, overrides=overrides)
    brain = _template_brain(study.preset.spacing_mm, study.preset.shape)
    with pytest.MonkeyPatch.context() as patch:  # not anew for each workspace: seconds
        patch.setattr(prepared_volume, "template_brain", lambda preset: brain)
        volume_grid.brain_mask(workspace, study.preset)
    return study


@cache
def _template_brain(spacing_mm: float, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    return prepared_volume.template_brain(
        TINY_PRESET.changed({"spacing_mm": spacing_mm, "shape": shape})
    )


def _row(folder: Path, number: int, role: str) -> dict[str, Any]:
    name = f"sub-{number:02d}"
    age_years = 20.0 + 5 * (number % 12)
    path = folder / f"{name}_T1w.nii.gz"
    image, sha256, image_hash = _head(age_years, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image)
    return {
        "scan_id": f"{role}_{name}_T1w",
        "subject_id": f"{role}:{name}",
        "participant_id": name,
        "modality": "T1w",
        "source": role,
        "role": role,
        "path": str(path),
        "sha256": sha256,
        "image_hash": image_hash,
        "site": ["North", "South"][number % 2],
        "age_years": age_years,
        "simulated": True,
        "status": "ok",
        "distortion_score": [10.0, 30.0, 70.0][number % 3],
    }


@cache
def _head(age_years: float, seed: int) -> tuple[bytes, str, str]:
    """Return the file of a head, its hash and that of its image: not anew for each workspace."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_head(Path(folder) / "head_T1w.nii.gz", age_years, seed=seed)
        return path.read_bytes(), files.sha256_of(path), volumes.verify(path).image_hash


def write_head(path: Path, age_years: float, *, seed: int = 0) -> Path:
    """Write a bright ball with a dark middle that grows with age, on the template's place."""
    middle = np.array([0.0, -17.0, 5.0])
    affine = np.diag([SPACING_MM] * 3 + [1.0])
    affine[:3, 3] = middle - SPACING_MM * (np.array(SHAPE) - 1) / 2
    grid = np.moveaxis(np.indices(SHAPE), 0, -1) - (np.array(SHAPE) - 1) / 2
    radius_mm = np.linalg.norm(grid, axis=-1) * SPACING_MM
    noise = np.random.default_rng(seed).normal(0, 10, SHAPE)
    head = np.where(radius_mm < 80, 600, 0) + noise
    head[radius_mm < 0.5 * age_years] = 150
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.clip(head, 0, None).astype(np.int16), affine), path)
    return path
