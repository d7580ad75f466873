"""An artefact tried on one scan: in memory alone, the same every time, nothing left behind."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curation.imaging import volumes
from curation.simulation.artefacts import ARTEFACTS
from curation.storage import files
from pages.ui.review import artefact_trial
from pages.ui.review.artefact_trial import Trial
from tests.helpers.nifti_images import write_nifti


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_nifti(tmp_path / "one_T1w.nii.gz")


def test_severity_0_is_the_scan_bit_for_bit(path: Path) -> None:
    volume = volumes.conform(volumes.load(path))
    for name in ARTEFACTS:
        assert np.array_equal(artefact_trial.altered(volume, Trial(name, 0.0)).data, volume.data)


def test_an_altered_image_keeps_its_place_and_leaves_the_scan_alone(path: Path) -> None:
    before, volume = files.sha256_of(path), volumes.conform(volumes.load(path))
    kept = volume.data.copy()
    altered = artefact_trial.altered(volume, Trial("noise", 0.5))
    assert not np.array_equal(altered.data, volume.data)
    assert np.array_equal(volume.data, kept)
    assert np.array_equal(altered.affine, volume.affine)
    artefact_trial.altered_image(path, "Tissue", Trial("noise", 0.5))
    assert files.sha256_of(path) == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_same_trial_shows_the_same_image_and_another_draw_another(path: Path) -> None:
    first, again, other = (
        artefact_trial.altered_image(path, "Tissue", Trial("noise", 0.5, seed)).file.read_bytes()
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_a_trial_is_said_in_words() -> None:
    trial = Trial("motion", 0.5)
    assert trial.words == f"{ARTEFACTS['motion'].label}, severity 0.5"
    assert trial.alters and not Trial("motion", 0.0).alters


def _parts(**penalty: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "metric": list(penalty),
            "family": "noise",
            "value": list(penalty.values()),
            "penalty": list(penalty.values()),
        }
    )


def test_what_moved_most_comes_first_and_what_stayed_is_left_out() -> None:
    moved = artefact_trial.metric_changes(
        _parts(a=10.0, b=10.0, c=50.0, d=20.0), _parts(a=12.0, b=90.0, c=50.0, d=math.nan)
    )
    assert moved["metric"].tolist() == ["d", "b", "a"]
    assert moved.loc[1, ["penalty_before", "penalty_after"]].tolist() == [10.0, 90.0]
