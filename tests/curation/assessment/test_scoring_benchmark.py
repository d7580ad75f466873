"""The benchmark of scoring calls the measurement as a workspace does."""

from pathlib import Path

import nibabel as nib

from tests.benchmarks import scoring
from tests.helpers.paths import ROOT
from tests.helpers.phantom_heads import affine, head


def test_a_process_of_the_benchmark_measures_a_scan(tmp_path: Path) -> None:
    path = tmp_path / "head.nii.gz"
    nib.save(nib.Nifti1Image(head(0), affine()), path)
    with scoring.Worker(ROOT) as worker:
        answer = worker.measure(path)
    assert answer["failure"] is None
    assert answer["cpu_s"] > 0 and answer["peak_mb"] > 0
