"""One image has one hash however it is stored, and any other image another."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from curation.imaging import volumes
from curation.imaging.voxel_hash import VoxelHash

AFFINE = np.array([[-2.0, 0.1, 0, 30], [0.1, 2.1, 0.2, -20], [0, 0.2, 2.5, 5], [0, 0, 0, 1]])
DATA = np.random.default_rng(0).integers(-50, 1000, (9, 11, 13)).astype(np.int16)


def _hash(path: Path, data: np.ndarray = DATA, affine: np.ndarray = AFFINE) -> str:
    nib.save(nib.Nifti1Image(data, affine), path)
    return volumes.verify(path).image_hash


@pytest.fixture
def known(tmp_path: Path) -> str:
    return _hash(tmp_path / "known.nii")


def test_packing_and_type_of_number_do_not_count(tmp_path: Path, known: str) -> None:
    assert _hash(tmp_path / "packed.nii.gz") == known
    again = tmp_path / "again.nii.gz"
    again.write_bytes(gzip.compress((tmp_path / "known.nii").read_bytes(), 1, mtime=5))
    assert volumes.verify(again).image_hash == known
    for kind in (np.float32, np.float64, np.int32):
        assert _hash(tmp_path / "kind.nii", DATA.astype(kind)) == known
    scaled = bytearray((tmp_path / "known.nii").read_bytes())
    scaled[112:120] = np.array([0.5, 7], "<f4").tobytes()  # slope and intercept of the header
    (tmp_path / "scaled.nii").write_bytes(scaled)
    bright = _hash(tmp_path / "bright.nii", (DATA * 0.5 + 7).astype(np.float32))
    assert volumes.verify(tmp_path / "scaled.nii").image_hash == bright != known


def test_the_order_of_the_axes_does_not_count(tmp_path: Path, known: str) -> None:
    image = nib.Nifti1Image(DATA, AFFINE)
    for target in ("RAS", "LPI", "PSR", "SAL", "IRP"):
        turn = nib.orientations.ornt_transform(
            nib.io_orientation(AFFINE), nib.orientations.axcodes2ornt(target)
        )
        turned = image.as_reoriented(turn)
        assert "".join(nib.aff2axcodes(turned.affine)) == target
        path = tmp_path / f"{target}.nii.gz"
        nib.save(turned, path)
        assert volumes.verify(path).image_hash == known


def test_a_mended_header_does_not_count_but_a_mirrored_image_does(
    tmp_path: Path, known: str
) -> None:
    moved = AFFINE.copy()
    moved[:3, 3] += 12.3
    moved[:3, :3] *= 1.01
    assert _hash(tmp_path / "moved.nii", affine=moved) == known
    assert _hash(tmp_path / "mirrored.nii", DATA[::-1]) != known


def test_one_voxel_more_or_less_bright_is_another_image(tmp_path: Path, known: str) -> None:
    for place in ((0, 0, 0), (8, 10, 12), (4, 5, 6)):
        other = DATA.copy()
        other[place] += 1
        assert _hash(tmp_path / "other.nii", other) != known
    swapped = DATA.copy()
    swapped[2, 3, 4], swapped[2, 3, 5] = DATA[2, 3, 5], DATA[2, 3, 4]
    assert _hash(tmp_path / "swapped.nii", swapped) != known
    assert _hash(tmp_path / "reshaped.nii", DATA.reshape(11, 9, 13)) != known


def test_what_is_no_number_is_the_zero_that_it_is_read_as(tmp_path: Path) -> None:
    zeros, holes = DATA.astype(np.float32), DATA.astype(np.float32)
    zeros[3], holes[3] = 0, np.nan
    holes[3, 0] = -0.0
    assert _hash(tmp_path / "zeros.nii", zeros) == _hash(tmp_path / "holes.nii", holes)


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_the_pieces_that_it_is_read_in_do_not_count(size: int) -> None:
    flat = DATA.ravel(order="F").astype(np.float32)
    hashes = []
    for step in (size, len(flat)):
        voxels = VoxelHash(DATA.shape, AFFINE)
        for start in range(0, len(flat), step):
            voxels.add(flat[start : start + step])
        hashes.append(voxels.hexdigest())
    assert hashes[0] == hashes[1]
