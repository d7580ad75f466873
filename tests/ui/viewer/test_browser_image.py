"""Images as browsers get them: what of a file goes along."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from curation.imaging import volumes
from curation.imaging.volumes import Volume
from pages.ui.viewer import browser_image
from pages.ui.viewer.browser_image import HeadPlace

TEXTS = ("descrip", "aux_file", "intent_name", "db_name")


def test_no_text_of_a_header_reaches_the_browser(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.arange(1000, dtype=np.int16).reshape(10, 10, 10), np.eye(4))
    for name in TEXTS:
        image.header[name] = b"MUELLER"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"MUELLER HANS 1943"))
    nib.save(image, tmp_path / "scan.nii")
    assert (tmp_path / "scan.nii").read_bytes().count(b"MUELLER") == len(TEXTS) + 1
    browser_image.write(tmp_path / "shown.nii", volumes.load(tmp_path / "scan.nii"))
    shown = (tmp_path / "shown.nii").read_bytes()
    assert len(shown) > 352
    assert b"MUELLER" not in shown


# ---- where the head lies ---------------------------------------------------------------------------

#: Middle of a brain of 130 mm below 12 mm of scalp, in mm from the left, the back and below of its image.
BRAIN = (90.0, 110.0, 283.0)


def _person(code: str = "RAS", neck: bool = True) -> Volume:
    """A head with its nose, on a neck between shoulders, far from the middle of its image, in noisy air."""
    x, y, z = np.mgrid[1:200:2, 1:240:2, 1:380:2].astype(np.float32)
    far = np.sqrt(((x - 90) / 77) ** 2 + ((y - 110) / 95) ** 2 + ((z - 283) / 77) ** 2)
    tissue = far < 1
    if neck:
        tissue |= (np.hypot(x - 90, y - 100) < 60) & (z < 240)
        tissue |= (np.abs(y - 100) < 55) & (z < 60)
        tissue |= (np.abs(x - 90) < 15) & (np.abs(y - 210) < 15) & (np.abs(z - 240) < 20)
    noise = np.abs(np.random.default_rng(0).normal(0, 12, x.shape))
    data = np.where(tissue, 400, noise).astype(np.float32)
    ras = nib.Nifti1Image(data, np.diag([2.0, 2.0, 2.0, 1.0]))
    turn = nib.orientations.ornt_transform(
        nib.io_orientation(ras.affine), nib.orientations.axcodes2ornt(code)
    )
    turned = ras.as_reoriented(turn)
    return Volume(turned.get_fdata(dtype=np.float32), turned.affine, (2.0,) * 3, code, "float32")


def _head(tmp_path: Path, volume: Volume) -> np.ndarray:
    """Return middle, low and high of the head, in mm from the left, the back and below."""
    head = browser_image.write(tmp_path / "shown.nii", volume).head
    return np.array([head.middle, head.low, head.high]) * (200, 240, 380)


@pytest.mark.parametrize("code", ["RAS", "LAS", "PSR"])
@pytest.mark.parametrize("neck", [True, False])
def test_one_begins_in_the_middle_of_the_brain_however_much_neck_and_air_are_around_it(
    tmp_path: Path, neck: bool, code: str
) -> None:
    middle, low, high = _head(tmp_path, _person(code, neck))
    assert np.abs(middle - BRAIN).max() < 12
    assert np.abs(high - (167, 224 if neck else 205, 360)).max() < 12
    assert np.abs(low - (13, 15, 206 if not neck else 190)).max() < 12


def test_without_air_all_that_is_there_is_the_head(tmp_path: Path) -> None:
    volume = _person(neck=False)
    stripped = replace(volume, data=np.where(volume.data > 200, volume.data, 0))
    middle, low, high = _head(tmp_path, stripped)
    assert np.abs(middle - BRAIN).max() < 4
    assert np.abs((high - low) - (154, 190, 154)).max() < 24


def test_where_no_side_is_known_one_begins_in_the_middle_of_what_is_bright(tmp_path: Path) -> None:
    middle, low, high = _head(tmp_path, replace(_person(), orientation=None))
    assert middle == pytest.approx((low + high) / 2, abs=8)
    assert (low[2], high[2]) == pytest.approx((0, 360), abs=8)


def test_where_nothing_is_bright_one_begins_in_the_middle_of_the_image(tmp_path: Path) -> None:
    empty = replace(_person(), data=np.zeros((100, 120, 190), np.float32))
    assert browser_image.write(tmp_path / "shown.nii", empty).head == HeadPlace()
