"""Small NIfTI files for tests."""

from pathlib import Path

import nibabel as nib
import numpy as np


def write_nifti(path: Path, shape: tuple[int, ...] = (16, 18, 14), *, seed: int = 0) -> Path:
    """Write a small int16 image of random intensities with a 2 mm RAS affine."""
    data = np.random.default_rng(seed).integers(1, 1000, shape).astype(np.int16)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data, np.diag([2.0, 2.0, 2.0, 1.0])), path)
    return path


def make_bids(root: Path, people: list[str], table: str | None = None) -> Path:
    """Write a BIDS data set with a T1w a person and, if given, a participants.tsv."""
    for seed, name in enumerate(people):
        write_nifti(root / name / "anat" / f"{name}_T1w.nii.gz", seed=seed)
    (root / "dataset_description.json").write_text('{"Name": "test", "BIDSVersion": "1.10.0"}')
    if table is not None:
        (root / "participants.tsv").write_text(table)
    return root
