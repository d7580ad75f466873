"""Small heads to score, and a workspace of them, good and bad; tests copy what is measured once."""

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from scipy import ndimage

from curation.imaging.template import template
from curation.storage import files, tables
from curation.storage.workspace import Workspace

#: Of the template's grid as much as holds a head with its face, and air: what is farther out would be half of
#: all voxels.
_BOX = (slice(10, 64), slice(10, 76), slice(0, 60))


def affine() -> np.ndarray:
    """From voxels of a head to mm of the template's world, where it lies."""
    made = template(4).affine.copy()
    made[:, 3] = made @ [*(side.start for side in _BOX), 1.0]
    return made


def distance_mm() -> np.ndarray:
    """Distance of each voxel of a head to the surface of its brain, negative outside."""
    return template(4).signed_distance_mm[_BOX]


def head(seed: int, noise: float = 6.0) -> np.ndarray:
    """The template's brain in a skull, in air, at 4 mm: quick to score."""
    distance = distance_mm()
    skull = ndimage.gaussian_filter(((distance < -6) & (distance > -18)) * 0.6, 0.5)
    rng = np.random.default_rng(seed)
    image = 400 * (template(4).t1[_BOX] + skull)
    return np.hypot(
        image + rng.normal(0, noise, image.shape), rng.normal(0, noise, image.shape)
    ).astype(np.int16)


def head_with_face(seed: int) -> np.ndarray:
    """The same head with nose, cheeks and chin: tissue below the brow and in front, away from the brain."""
    distance, to_world = distance_mm(), affine()
    index = np.moveaxis(np.indices(distance.shape), 0, -1)
    x, y, z = np.moveaxis(index @ to_world[:3, :3].T + to_world[:3, 3], -1, 0)
    face = (np.abs(x) < 45) & (z < -20) & (z > -85) & (y > 10) & (distance > -45)
    face &= distance < -6
    image = head(seed).astype(float)
    image[face] = 250
    return image.astype(np.int16)


def fill(root: Path) -> Workspace:
    """Make a workspace of three good scans, one cut-off file and one that changed after it was listed."""
    workspace = Workspace.create(root / "workspace")
    rows = []
    for number in range(5):
        path = root / f"scan{number}.nii.gz"
        nib.save(nib.Nifti1Image(head(number, 6 + 20 * (number == 1)), affine()), path)
        row = {"scan_id": f"s{number}", "subject_id": f"t:{number}", "path": str(path)}
        row["modality"] = "T2w" if number == 2 else "T1w"
        rows.append(row | {"sha256": files.sha256_of(path), "status": "ok", "simulated": True})
    cut = Path(rows[3]["path"])
    cut.write_bytes(cut.read_bytes()[:-5000])
    rows[3]["sha256"] = files.sha256_of(cut)
    nib.save(nib.Nifti1Image(head(99), affine()), rows[4]["path"])
    rows.append({"scan_id": "gone", "status": "missing", "simulated": True})
    tables.write_scans(workspace, pd.DataFrame(rows))
    return workspace


def copy(workspace: Workspace, folder: Path, *, measured: bool = True) -> Workspace:
    """Return a copy of such a workspace (its images lie with the first), or one with nothing measured yet."""
    made = Workspace(Path(shutil.copytree(workspace.root, folder)))
    if not measured:
        shutil.rmtree(made.metrics_dir)
        made.scores_path.unlink()
    return made
