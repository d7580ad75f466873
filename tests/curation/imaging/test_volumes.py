"""Whatever is wrong with an image file becomes a reason; a good one is read as it is."""

import gzip
import struct
import tracemalloc
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from curation.errors import VolumeError
from curation.imaging.volumes import conform, load, read_header, verify

AFFINE = np.diag([2.0, 2.0, 2.5, 1.0])


@pytest.fixture
def ramp() -> np.ndarray:
    return np.arange(10 * 12 * 14, dtype=np.int16).reshape(10, 12, 14)


def save(path: Path, data: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    nib.save(nib.Nifti1Image(data, affine), path)
    return path


def reason(path: Path) -> str:
    """Both ways of reading must refuse the file, with one and the same reason."""
    with pytest.raises(VolumeError) as loaded:
        load(path)
    with pytest.raises(VolumeError) as verified:
        verify(path)
    assert str(loaded.value) == str(verified.value)
    return str(loaded.value)


def patch(path: Path, offset: int, kind: str, *values: float) -> Path:
    """Overwrite a field of the header of an uncompressed file."""
    raw = bytearray(path.read_bytes())
    struct.pack_into(f"<{kind}", raw, offset, *values)
    path.write_bytes(bytes(raw))
    return path


# ---- what is read ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_good_file_is_read_exactly(tmp_path: Path, ramp: np.ndarray, name: str) -> None:
    volume = load(save(tmp_path / name, ramp))
    assert np.array_equal(volume.data, ramp)
    assert volume.data.dtype == np.float32
    assert np.array_equal(volume.affine, AFFINE)
    assert volume.spacing_mm == (2.0, 2.0, 2.5)
    assert (volume.orientation, volume.dtype, volume.note) == ("RAS", "int16", None)


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "int16", "uint16", "int32", "uint32", "float32", "float64"]
)
def test_all_plain_types_and_both_byte_orders_are_read(tmp_path: Path, dtype: str) -> None:
    data = np.arange(8 * 9 * 10).reshape(8, 9, 10) % 120
    for order in "<>":
        image = nib.Nifti1Image(data.astype(dtype), AFFINE)
        image = nib.Nifti1Image(data.astype(dtype), AFFINE, image.header.as_byteswapped(order))
        nib.save(image, tmp_path / "a.nii")
        assert np.array_equal(load(tmp_path / "a.nii").data, data)


def test_slope_and_intercept_are_applied(tmp_path: Path, ramp: np.ndarray) -> None:
    image = nib.Nifti1Image(ramp, AFFINE)
    image.header.set_slope_inter(0.5, -3.0)
    nib.save(image, tmp_path / "a.nii.gz")
    expected = np.asarray(nib.load(tmp_path / "a.nii.gz").dataobj)
    assert np.allclose(load(tmp_path / "a.nii.gz").data, expected)


def test_nifti_2_is_read(tmp_path: Path, ramp: np.ndarray) -> None:
    nib.save(nib.Nifti2Image(ramp, AFFINE), tmp_path / "a.nii.gz")
    assert np.array_equal(load(tmp_path / "a.nii.gz").data, ramp)


def test_a_fourth_axis_of_one_volume_is_taken(tmp_path: Path, ramp: np.ndarray) -> None:
    assert load(save(tmp_path / "a.nii.gz", ramp[..., None])).data.shape == ramp.shape


def test_header_alone_says_the_same_as_the_whole_file(tmp_path: Path, ramp: np.ndarray) -> None:
    path = save(tmp_path / "a.nii.gz", ramp)
    assert read_header(path) == verify(path).header
    assert read_header(path).shape == (10, 12, 14)


def test_nan_and_infinity_become_zero_and_are_counted(tmp_path: Path) -> None:
    data = np.arange(1000, dtype=np.float32).reshape(10, 10, 10)
    data[0, 0, 0], data[1, 1, 1] = np.nan, np.inf
    volume = load(save(tmp_path / "a.nii.gz", data))
    assert volume.data[0, 0, 0] == volume.data[1, 1, 1] == 0
    assert volume.nonfinite_share == pytest.approx(0.002)
    assert volume.note is not None and "0.20%" in volume.note


def test_no_orientation_codes_are_told(tmp_path: Path, ramp: np.ndarray) -> None:
    image = nib.Nifti1Image(ramp, None)
    nib.save(image, tmp_path / "a.nii")
    assert load(tmp_path / "a.nii").orientation is None


def test_voxel_edges_that_disagree_with_the_affine_are_noted(
    tmp_path: Path, ramp: np.ndarray
) -> None:
    path = patch(save(tmp_path / "a.nii", ramp), 80, "f", 3.0)  # pixdim[1]
    volume = load(path)
    assert volume.spacing_mm == (2.0, 2.0, 2.5)
    assert volume.note is not None and "the affine is used" in volume.note


def test_a_header_extension_is_skipped(tmp_path: Path, ramp: np.ndarray) -> None:
    image = nib.Nifti1Image(ramp, AFFINE)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"x" * 5000))
    nib.save(image, tmp_path / "a.nii.gz")
    assert np.array_equal(load(tmp_path / "a.nii.gz").data, ramp)


@pytest.mark.parametrize("codes", ["RAS", "LAS", "LPS", "PSR", "IAL"])
def test_conformed_axes_run_right_front_up_and_each_voxel_stays_in_its_place(
    tmp_path: Path, ramp: np.ndarray, codes: str
) -> None:
    to = nib.orientations.ornt_transform(
        nib.io_orientation(AFFINE), nib.orientations.axcodes2ornt(codes)
    )
    image = nib.Nifti1Image(ramp, AFFINE).as_reoriented(to)
    nib.save(image, tmp_path / "a.nii.gz")
    volume = load(tmp_path / "a.nii.gz")
    assert volume.orientation == codes
    conformed = conform(volume)
    assert nib.aff2axcodes(conformed.affine) == ("R", "A", "S")
    assert np.array_equal(conformed.data, ramp)
    assert np.allclose(conformed.affine, AFFINE)
    assert conformed.spacing_mm == pytest.approx((2.0, 2.0, 2.5))


def test_real_scans_read_as_nibabel_reads_them(shared_data: Path) -> None:
    for name in (
        "ixi_2mm/IXI012-HH-1211-T1_ds.nii.gz",
        "t1w_2mm/ds002748_sub-01_T1w_2mm.nii.gz",
        "thick_slice_ms/patient01_study1_T1W.nii.gz",
    ):
        volume, image = load(shared_data / name), nib.load(shared_data / name)
        assert np.allclose(volume.data, image.get_fdata(), rtol=1e-5)
        assert np.allclose(volume.affine, image.affine)


# ---- what is refused ---------------------------------------------------------------------------


def test_no_file(tmp_path: Path) -> None:
    assert "cannot be opened" in reason(tmp_path / "none.nii.gz")


@pytest.mark.parametrize("content", [b"", b"sub-01, a text file\n" * 50, b"\x00" * 2000])
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_no_image(tmp_path: Path, content: bytes, packed: bool) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert "not a NIfTI image" in reason(path)


@pytest.mark.parametrize("keep", [1, 30, 300, 400, 2000])
def test_a_plain_file_cut_anywhere(tmp_path: Path, ramp: np.ndarray, keep: int) -> None:
    path = save(tmp_path / "a.nii", ramp)
    path.write_bytes(path.read_bytes()[:keep])
    assert "cut off" in reason(path) or "not a NIfTI" in reason(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_compressed_file_cut_anywhere(tmp_path: Path, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 9999, (20, 20, 20)).astype(np.int16)
    path = save(tmp_path / "a.nii.gz", noise)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert "cut off" in reason(path)


def test_a_damaged_compressed_file(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 9999, (20, 20, 20)).astype(np.int16)
    path = save(tmp_path / "a.nii.gz", noise)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 40] = b"\xff" * 40
    path.write_bytes(bytes(raw))
    assert "damaged" in reason(path)


def test_several_volumes(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", np.ones((9, 9, 9, 5), dtype=np.int16))
    assert "holds 5 volumes" in reason(path)


def test_two_dimensions(tmp_path: Path, ramp: np.ndarray) -> None:
    assert "not three-dimensional" in reason(save(tmp_path / "a.nii.gz", ramp[0]))


@pytest.mark.parametrize("shape", [(1, 1, 1), (30, 30, 1), (7, 30, 30)])
def test_too_few_voxels(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    data = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    assert "too few" in reason(save(tmp_path / "a.nii.gz", data))


def test_complex_numbers(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", np.ones((9, 9, 9), dtype=np.complex64))
    assert "complex64" in reason(path)


def test_colour(tmp_path: Path) -> None:
    data = np.zeros((9, 9, 9), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    assert "RGB" in reason(save(tmp_path / "a.nii.gz", data))


def test_an_unknown_type(tmp_path: Path, ramp: np.ndarray) -> None:
    assert "unknown type" in reason(patch(save(tmp_path / "a.nii", ramp), 70, "h", 999))


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_every_voxel_the_same(tmp_path: Path, value: float) -> None:
    path = save(tmp_path / "a.nii.gz", np.full((9, 9, 9), value, dtype=np.float32))
    assert "empty" in reason(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_voxel_a_number(tmp_path: Path, value: float) -> None:
    path = save(tmp_path / "a.nii.gz", np.full((9, 9, 9), value, dtype=np.float32))
    assert "empty" in reason(path)


def test_an_affine_that_cannot_be_inverted(tmp_path: Path, ramp: np.ndarray) -> None:
    path = save(tmp_path / "a.nii", ramp)
    for offset in (280, 296):  # two equal rows of the sform
        patch(path, offset, "4f", 1.0, 2.0, 2.0, 0.0)
    assert "cannot be inverted" in reason(path)


def test_an_affine_of_nan(tmp_path: Path, ramp: np.ndarray) -> None:
    path = patch(save(tmp_path / "a.nii", ramp), 280, "f", float("nan"))
    assert "not numbers" in reason(path)


@pytest.mark.parametrize("edge", [-2.0, 0.0, float("nan"), float("inf")])
def test_impossible_voxel_edges(tmp_path: Path, ramp: np.ndarray, edge: float) -> None:
    assert "voxel edges" in reason(patch(save(tmp_path / "a.nii", ramp), 84, "f", edge))


def test_voxels_as_large_as_a_head(tmp_path: Path, ramp: np.ndarray) -> None:
    path = save(tmp_path / "a.nii.gz", ramp, np.diag([200.0, 200, 200, 1]))
    assert "not those of a head scan" in reason(path)


def test_a_header_that_announces_too_much_costs_no_memory(tmp_path: Path, ramp: np.ndarray) -> None:
    path = patch(save(tmp_path / "a.nii", ramp), 42, "3h", 30000, 30000, 30000)
    tracemalloc.start()
    assert "million voxels" in reason(path)
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


def test_a_gzip_bomb_costs_bounded_memory(tmp_path: Path, ramp: np.ndarray) -> None:
    plain = save(tmp_path / "a.nii", ramp).read_bytes()
    bomb = tmp_path / "bomb.nii.gz"
    bomb.write_bytes(gzip.compress(plain + b"\x00" * 200_000_000, 9))
    hidden = patch(tmp_path / "a.nii", 108, "f", 1.5e8)  # the image begins after 150 MB
    (tmp_path / "hidden.nii.gz").write_bytes(
        gzip.compress(hidden.read_bytes() + b"\x00" * 200_000_000)
    )
    tracemalloc.start()
    assert np.array_equal(load(bomb).data, ramp)  # what follows the image is never unpacked
    assert "bytes into the file" in reason(tmp_path / "hidden.nii.gz")
    assert tracemalloc.get_traced_memory()[1] < 30e6
    tracemalloc.stop()
