"""Files that are called images: everything that is wrong with files in the field, and some that attack."""

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

from tests.helpers.phantom_heads import affine, head

AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
SIZE = (40, 44, 40)


def write(path: Path, data: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    """Save an image."""
    nib.save(nib.Nifti1Image(data, affine), path)


def patched(path: Path, offset: int, kind: str, *values: float, order: str = "<") -> None:
    """Save a good head, then overwrite a field of its header."""
    plain = path.with_suffix(".plain.nii")
    write(plain, head(1), affine())
    raw = bytearray(plain.read_bytes())
    plain.unlink()
    struct.pack_into(f"{order}{kind}", raw, offset, *values)
    path.write_bytes(gzip.compress(bytes(raw), 1))


def random(*shape: int) -> np.ndarray:
    """Return numbers between 0 and 1000."""
    return np.random.default_rng(0).integers(0, 1000, shape).astype(np.int16)


def zeros(count: int) -> bytes:
    """Return a gzip stream of ``count`` MB of zeros, packed once and repeated."""
    return gzip.compress(b"\0" * (1 << 20), 9) * count


def _truncated(path: Path) -> None:
    write(path, random(*SIZE))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flattening(path: Path) -> None:
    patched(path, 280, "12f", 4, 0, 0, 0, 4, 0, 0, 0, 0, 0, 4, 0)


def _swapped_header(path: Path) -> None:
    write(path, random(*SIZE))
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[4:348] = bytes(nib.Nifti1Header(raw[:348], check=False).as_byteswapped(">").binaryblock)[4:]
    path.write_bytes(gzip.compress(bytes(raw)))


def _hollow(path: Path) -> None:
    """Pack 195 million voxels, all but a few of them 0, into 0.2 MB."""
    header = nib.Nifti1Header()
    header.set_data_shape((580, 580, 580))
    header.set_data_dtype(np.uint8)
    header.set_sform(np.diag([0.35, 0.35, 0.35, 1.0]), 1)
    header["pixdim"][1:4], header["magic"], header["vox_offset"] = 0.35, b"n+1", 352
    path.write_bytes(gzip.compress(header.binaryblock + b"\0\0\0\0" + b"\5" * 999) + zeros(187))


def _colour(path: Path) -> None:
    write(path, np.zeros(SIZE, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")]))


#: Name of the file -> how it is made, and a word of the reason that it must get when it is listed.
UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "one_voxel": (lambda path: write(path, np.ones((1, 1, 1), np.int16)), "too few"),
    "complex": (lambda path: write(path, np.ones(SIZE, np.complex64)), "complex64"),
    "colour": (_colour, "RGB"),
    "series": (lambda path: write(path, random(12, 12, 12, 5)), "5 volumes"),
    "empty_series": (lambda path: patched(path, 40, "8h", 4, 40, 40, 40, 0, 1, 1, 1), "three-dim"),
    "negative_size": (lambda path: patched(path, 42, "3h", -9, 40, 40), "three-dimensional"),
    "negative_spacing": (lambda path: patched(path, 80, "f", -4.0), "voxel edges"),
    "huge_spacing": (lambda path: write(path, random(*SIZE), AFFINE * 1000), "head scan"),
    "flattening": (_flattening, "cannot be inverted"),
    "affine_of_nan": (lambda path: patched(path, 292, "f", np.nan), "not numbers"),
    "far_away": (lambda path: patched(path, 292, "f", 1e30), "mm away"),
    "announces_much": (lambda path: patched(path, 42, "3h", 10000, 10000, 10000), "million voxels"),
    "hollow": (_hollow, "hardly anything is there"),
    "begins_late": (lambda path: patched(path, 108, "f", 1e15), "bytes into the file"),
    "begins_in_its_header": (lambda path: patched(path, 108, "f", 100), "bytes into the file"),
    "begins_nowhere": (lambda path: patched(path, 108, "f", np.nan), "bytes into the file"),
    "scaled_away": (lambda path: patched(path, 112, "2f", 3e38, 0.0), "no brightness"),
    # 1e-38 by its bits: a process that flushes denormal numbers would write 0, which means "not scaled"
    "scaled_to_nothing": (lambda path: patched(path, 112, "If", 0x006CE3EE, 0.0), "no brightness"),
    "truncated": (_truncated, "cut off"),
    "all_zero": (lambda path: write(path, np.zeros(SIZE, np.int16)), "every voxel is 0"),
    "constant": (lambda path: write(path, np.full(SIZE, 7.5, np.float32)), "every voxel is 7.5"),
    "nan_only": (lambda path: write(path, np.full(SIZE, np.nan, np.float32)), "no voxel holds"),
    "infinite": (lambda path: write(path, np.full(SIZE, np.inf, np.float32)), "no voxel holds"),
    "text": (lambda path: path.write_text("participant_id\tage\n" * 99), "not a NIfTI"),
    "nothing": (lambda path: path.write_bytes(b""), "not a NIfTI"),
    "only_zeros": (lambda path: path.write_bytes(zeros(1000)), "not a NIfTI"),
    "folder": (lambda path: path.mkdir(), "a folder"),
    "nowhere": (lambda path: path.symlink_to("annexed"), "leads nowhere"),
    "loop": (lambda path: path.symlink_to(path.name), "leads nowhere"),
    "pipe": (lambda path: os.mkfifo(path), "a pipe"),
    "fails_while_read": (lambda path: path.symlink_to("/proc/self/mem"), "cannot be read"),
}


def _speckled(path: Path) -> None:
    data = head(2).astype(np.float32)
    holes = np.random.default_rng(0).random(data.shape) < 0.02
    data[holes] = np.resize([np.nan, np.inf, -np.inf], holes.sum())
    write(path, data, affine())


def _inflating(path: Path) -> None:
    write(path, head(3), affine())
    path.write_bytes(path.read_bytes() + zeros(2000))


def _sphere(path: Path) -> None:
    grid = np.indices(SIZE) - 20.0
    write(path, np.where((grid**2).sum(axis=0) < 15**2, 500, 0).astype(np.int16))


def _almost_empty(path: Path) -> None:
    data = np.zeros(SIZE, np.int16)
    data[20, 20, 20] = 1
    write(path, data)


def _tiny(path: Path) -> None:
    write(path, head(4), affine() @ np.diag([0.2, 0.2, 0.2, 1.0]))


def _swapped_voxels(path: Path) -> None:
    write(path, head(5).byteswap(), affine())


#: Can be read, but hold no head that can be found, or one that is damaged.
STRANGE: dict[str, Callable[[Path], object]] = {
    "speckled": _speckled,
    "inflating": _inflating,
    "noise": lambda path: write(path, random(*SIZE)),
    "sphere": _sphere,
    "almost_empty": _almost_empty,
    "tiny": _tiny,
    "swapped_header": _swapped_header,
    "swapped_voxels": _swapped_voxels,
    "smallest": lambda path: write(path, random(8, 8, 8), np.diag([20.0, 20.0, 20.0, 1])),
    "sliver": lambda path: write(path, random(8, 200, 200), np.diag([20.0, 0.05, 0.05, 1])),
    "negative": lambda path: write(path, -head(6), affine()),
}
