"""PETs for the tiny heads of :mod:`tests.helpers.workspace_trainable`, each in the space of its T1w."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable

SHAPE, SPACING_MM = (34, 40, 34), 6.0
MIDDLE_MM = (0.0, -17.0, 5.0)


def make(workspace: Workspace, **sizes: int) -> Workspace:
    """Fill an empty workspace with tiny heads, and a PET of each."""
    workspace_trainable.make(workspace, **sizes)
    heads = tables.read_scans(workspace)
    add(workspace, [row(workspace, scan) for scan in heads.to_dict("records")])
    return workspace


def add(workspace: Workspace, rows: list[dict]) -> None:
    """Put rows into the scans table, over those of the same id."""
    more = pd.DataFrame(rows)
    scans = tables.read_scans(workspace)
    others = scans[~scans["scan_id"].isin(more["scan_id"])]
    tables.write_scans(workspace, pd.concat([others, more], ignore_index=True))


def row(workspace: Workspace, scan: dict, name: str = "pet", **written: tuple) -> dict:
    """Write a PET of the person of a scan and return its row."""
    path = Path(scan["path"]).with_name(f"{scan['participant_id']}_{name}.nii.gz")
    write(path, scan["age_years"], seed=len(scan["scan_id"]) + sum(path.name.encode()), **written)
    return scan | {
        "scan_id": scan["scan_id"].replace("T1w", name),
        "modality": "pet",
        "status": "pet",
        "path": str(path),
        "sha256": files.sha256_of(path),
    }


def write(
    path: Path,
    age_years: float,
    *,
    seed: int = 0,
    middle_mm: tuple = MIDDLE_MM,
    shape: tuple = SHAPE,
) -> Path:
    """Write a shell of uptake about a middle that takes up less, and less again in the old."""
    affine = np.diag([SPACING_MM] * 3 + [1.0])
    affine[:3, 3] = np.array(middle_mm) - SPACING_MM * (np.array(shape) - 1) / 2
    place = np.moveaxis(np.indices(shape), 0, -1) - (np.array(shape) - 1) / 2
    radius_mm = np.linalg.norm(place, axis=-1) * SPACING_MM
    uptake = np.where(radius_mm < 80, 9000.0, 0.0)
    uptake[radius_mm < 45] = 5000 - 40 * age_years
    noise = np.random.default_rng(seed).normal(0, 150, shape)
    nib.save(nib.Nifti1Image(np.clip(uptake + noise, 0, None).astype(np.int16), affine), path)
    return path
