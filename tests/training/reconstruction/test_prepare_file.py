"""A new scan for an exported encoder: the same volume as a study makes, or a refusal in words."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from curation.assessment import assess_scan
from curation.imaging import prepared_volume
from curation.storage import files
from tests.helpers.phantom_heads import affine, head
from training.__main__ import main
from training.settings.presets import PRESETS
from training.studies import prepare_volumes

PRESET = PRESETS["smoke"]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "new_T1w.nii.gz"
    nib.save(nib.Nifti1Image(head(1), affine()), path)
    return path


def about(folder: Path, **volumes: object) -> Path:
    told = {
        "modalities": ["T1w"],
        "shape": list(PRESET.shape),
        "spacing_mm": PRESET.spacing_mm,
        "affine": prepared_volume.grid_affine(PRESET).tolist(),
    }
    path = folder / "encoder.json"
    path.write_text(json.dumps({"volumes": told | volumes, "version": "0.8.0"}))
    return path


def test_a_new_scan_is_prepared_to_the_bit_as_a_study_prepares_it(tmp_path, image, capsys) -> None:
    sha256 = files.sha256_of(image)
    row = assess_scan.assess_file(image, "new", sha256, tmp_path / "preview.png")
    mask = prepared_volume.template_brain(PRESET)
    wanted = prepare_volumes.read_and_prepare(image, sha256, row["template_affine"], PRESET, mask)
    like = str(about(tmp_path))
    array, drawn = tmp_path / "x.npy", tmp_path / "x.nii.gz"
    for to in (array, drawn):
        assert main(["prepare", str(image), "--like", like, "--to", str(to)]) == 0
    assert "in doubt below 0.35)" in capsys.readouterr().out
    made = np.load(array, allow_pickle=False)
    assert made.dtype == np.float32 and made.shape == (1, *PRESET.shape)
    np.testing.assert_array_equal(made[0], wanted.astype(np.float32))
    nifti = nib.load(drawn)
    np.testing.assert_array_equal(np.asarray(nifti.dataobj), made[0])
    np.testing.assert_allclose(nifti.affine, prepared_volume.grid_affine(PRESET))
    assert files.sha256_of(image) == sha256


@pytest.mark.parametrize(
    ("volumes", "more", "said"),
    [
        ({"affine": np.eye(4).tolist()}, [], "prepared otherwise than by this version"),
        ({"preparation": 2}, [], "prepared otherwise than by this version"),
        ({"shape": [4]}, [], "does not say what its network expects"),
        ({"modalities": ["dwi"]}, [], "asks for images that are not prepared here"),
        ({"modalities": ["T1w", "pet"]}, [], "sees T1w and pet: give the PET, too"),
        ({}, ["--pet", "/not/there.nii"], "sees T1w: leave the PET out"),
    ],
)
def test_what_does_not_fit_the_network_is_refused_before_anything_is_made(
    tmp_path, image, capsys, volumes, more, said
) -> None:
    like, to = str(about(tmp_path, **volumes)), tmp_path / "x.npy"
    assert main(["prepare", str(image), "--like", like, "--to", str(to), *more]) == 2
    assert said in capsys.readouterr().err and not to.exists()


def test_the_scan_itself_and_other_files_are_left_alone(tmp_path, image, capsys) -> None:
    before = image.read_bytes()
    like = str(about(tmp_path))
    for to, said in ((image, "which is only read"), (tmp_path / "x.txt", "has to end in .npy")):
        assert main(["prepare", str(image), "--like", like, "--to", str(to)]) == 2
        assert said in capsys.readouterr().err
    assert image.read_bytes() == before
    assert main(["prepare", str(image), "--like", str(tmp_path / "no.json"), "--to", "x.npy"]) == 2
    assert "There is no file at" in capsys.readouterr().err
    (tmp_path / "cut.nii.gz").write_bytes(before[:2000])
    assert main(["prepare", str(tmp_path / "cut.nii.gz"), "--like", like, "--to", "x.npy"]) == 2
    assert "cut off" in capsys.readouterr().err
    assert main(["prepare", str(tmp_path / "gone.nii"), "--like", like, "--to", "x.npy"]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path / 'gone.nii'}: the file cannot be opened: No such file" in said
