"""NIfTI headers, read and checked before anything else of an image, and small NIfTI files, written.

Files are written in chunks instead of by nibabel, which would hold a second copy of the image.
"""

import gzip
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from curation.errors import VolumeError

#: Largest image that is read: 0.4 mm over a whole head.
MAX_VOXELS = 200_000_000
MIN_VOXELS_PER_AXIS = 8
#: Voxel edges outside of this are no head in millimetres.
SPACING_RANGE_MM = (0.05, 20.0)
#: An image further away from the origin of its world than this is a slip of the header.
MAX_DISTANCE_MM = 1e5

_MAX_OFFSET = 16 << 20
#: Levels of an image written in 16 bits; the ends of the range stay free.
_STEPS = 32_000
#: Voxels written at once.
_CHUNK = 1 << 22


@dataclass(frozen=True)
class Header:
    """Checked content of an image's header.

    Parameters
    ----------
    shape : tuple of int
        Voxels along the three axes.
    spacing_mm : tuple of float
        Voxel edges in mm, from the affine.
    orientation : str or None
        Three letters such as ``RAS``; ``None`` where the header gives neither sform nor qform.
    dtype : str
        Type on disk, such as ``int16``.
    affine : array of shape (4, 4)
        Voxel index to world mm (RAS+).
    note : str or None
        What is odd about the header, but no reason to refuse it.
    modality : None
        NIfTI does not say; kept for other formats.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    orientation: str | None
    dtype: str
    affine: NDArray[np.float64] = field(repr=False, compare=False)
    note: str | None = None
    modality: None = None


def cut_off(what: str) -> str:
    """Return the message of an incomplete file, with the remedy."""
    return f"the file is cut off: {what}; copy or download it again"


def parse(stream: IO[bytes]) -> nib.Nifti1Header:
    """Read the fixed part of a NIfTI-1 or NIfTI-2 header, without extensions."""
    block = stream.read(348)
    kinds = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
    sizes = {int.from_bytes(block[:4], order) for order in ("little", "big")} if block else set()
    kind = next((kinds[size] for size in sizes if size in kinds), None)
    if kind is None:
        raise VolumeError("this is not a NIfTI image, whatever its name says")
    block += stream.read(kind.sizeof_hdr - len(block))
    if len(block) < kind.sizeof_hdr:
        raise VolumeError(cut_off("it ends inside its header"))
    raw = kind(block, check=False)
    if bytes(raw["magic"].tobytes())[:3] not in (b"n+1", b"n+2"):
        raise VolumeError("this is not a NIfTI image in one file (its header says so)")
    begins = float(raw["vox_offset"])  # 0 is written by some for "right after the header"
    if not (begins == 0 or kind.sizeof_hdr <= begins <= _MAX_OFFSET):
        raise VolumeError(f"the header puts the image {raw['vox_offset']} bytes into the file")
    return raw


def describe(raw: nib.Nifti1Header) -> Header:
    """Check a header and interpret it.

    Raises
    ------
    VolumeError
        When the image is not one head of plain numbers in three dimensions.
    """
    shape, affine = _shape(raw), _affine(raw)
    dtype = _dtype(raw)
    coded = int(raw["qform_code"]) > 0 or int(raw["sform_code"]) > 0
    spacing_mm = edges_mm(affine)
    low, high = SPACING_RANGE_MM
    if not all(low <= edge <= high for edge in spacing_mm):
        raise VolumeError(f"voxel edges of {_times(spacing_mm)} mm are not those of a head scan")
    pixels = tuple(float(edge) for edge in raw["pixdim"][1:4])
    differs = not np.allclose(pixels, spacing_mm, rtol=0.01)
    return Header(
        shape=shape,
        spacing_mm=spacing_mm,
        orientation="".join(nib.aff2axcodes(affine)) if coded else None,
        dtype=dtype.name,
        affine=affine,
        note=f"the header gives voxel edges of {_times(pixels)} mm, its affine "
        f"{_times(spacing_mm)} mm; the affine is used"
        if differs
        else None,
    )


def _shape(raw: nib.Nifti1Header) -> tuple[int, int, int]:
    count = int(raw["dim"][0])
    sizes = [int(size) for size in raw["dim"][1 : count + 1]] if 1 <= count <= 7 else []
    if len(sizes) < 3 or any(size < 1 for size in sizes):
        raise VolumeError(f"the image is not three-dimensional (the header gives {sizes})")
    if any(size > 1 for size in sizes[3:]):
        raise VolumeError(
            f"the file holds {int(np.prod(sizes[3:], dtype=float))} volumes "
            f"({_times(sizes)}); one head scan is expected, extract one volume"
        )
    x, y, z = sizes[:3]
    if min(x, y, z) < MIN_VOXELS_PER_AXIS:
        raise VolumeError(
            f"{_times(sizes[:3])} voxels are too few for a head; at least {MIN_VOXELS_PER_AXIS} "
            "along each axis are needed"
        )
    if x * y * z > MAX_VOXELS:
        raise VolumeError(
            f"the header announces {x * y * z / 1e6:.0f} million voxels; up to "
            f"{MAX_VOXELS // 1_000_000} million are read"
        )
    return x, y, z


def _dtype(raw: nib.Nifti1Header) -> np.dtype:
    try:
        dtype = raw.get_data_dtype()
    except (HeaderDataError, KeyError) as error:
        raise VolumeError(f"the header names an unknown type of number ({error})") from error
    if dtype.fields is not None or dtype.kind not in "uif" or dtype.itemsize > 8:
        kind = "coloured (RGB)" if dtype.fields is not None else f"of type {dtype.name}"
        raise VolumeError(f"the voxels are {kind}; a magnitude image of plain numbers is expected")
    return dtype


def _affine(raw: nib.Nifti1Header) -> NDArray[np.float64]:
    edges = raw["pixdim"][1:4]
    if not np.all(np.isfinite(edges)) or np.any(edges <= 0):
        raise VolumeError(f"the header gives voxel edges of {_times(edges)} mm; mend the header")
    try:
        with np.errstate(all="ignore"):
            affine = np.asarray(raw.get_best_affine(), dtype=np.float64)
    except (HeaderDataError, ValueError) as error:
        raise VolumeError(f"the header's orientation makes no sense ({error})") from error
    if not np.all(np.isfinite(affine)):
        raise VolumeError("the header's affine holds values that are not numbers")
    matrix = affine[:3, :3]
    edge = float(np.linalg.norm(matrix, axis=0).max())
    if edge == 0 or abs(np.linalg.det(matrix / edge)) < 1e-6:
        raise VolumeError("the header's affine cannot be inverted: it flattens the head")
    if np.abs(affine[:3, 3]).max() > MAX_DISTANCE_MM:
        raise VolumeError(
            f"the header puts the image {np.abs(affine[:3, 3]).max():.3g} mm away from the scanner's "
            "middle; mend the header"
        )
    return affine


def edges_mm(affine: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the lengths in mm of the three edges of a voxel."""
    x, y, z = (float(edge) for edge in np.linalg.norm(affine[:3, :3], axis=0))
    return x, y, z


def _times(values: object) -> str:
    return " × ".join(f"{float(value):.4g}" for value in values)  # type: ignore[attr-defined]


# ---- files written whole ----------------------------------------------------------------------------


def write_image(
    path: Path,
    data: NDArray[np.float32],
    affine: NDArray[np.float64],
    *,
    window: tuple[float, float],
    span: tuple[float, float],
    whole: bool = False,
) -> None:
    """Write an image in the smallest whole numbers that lose nothing visible.

    Parameters
    ----------
    path : Path
        Is replaced.
    data : array of float32, shape (X, Y, Z)
        Finite.
    affine : array of shape (4, 4)
        Voxel index to world mm.
    window : tuple of float
        What is black and white; goes into the header's ``cal_min`` and ``cal_max``.
    span : tuple of float
        The least and the greatest intensity that are told apart; what is beyond becomes these.
    whole : bool
        The intensities are whole numbers: up to 256 of them are kept in 8 bits, and up to 32,000 exactly.
    """
    low, high = span
    small = whole and high - low <= 255
    slope = 1.0 if whole and high - low <= _STEPS else (high - low) / _STEPS or 1.0
    kind, top = (np.uint8, 255) if small else (np.int16, _STEPS)
    header = _plain_header(data.shape, affine, kind, window)
    header.set_slope_inter(slope, low)
    flat = data.ravel(order="F")
    with path.open("wb") as output:
        output.write(header.binaryblock + b"\0\0\0\0")
        for start in range(0, flat.size, _CHUNK):
            steps = (flat[start : start + _CHUNK] - np.float32(low)) / np.float32(slope)
            np.rint(np.clip(steps, 0, top, out=steps), out=steps)
            output.write(steps.astype(kind).tobytes())


def write_mask(path: Path, mask: NDArray[np.bool_], affine: NDArray[np.float64]) -> None:
    """Write a mask as zeros and ones of 8 bits."""
    header = _plain_header(mask.shape, affine, np.uint8, (0.0, 1.0))
    header.set_slope_inter(1.0, 0.0)
    path.write_bytes(
        header.binaryblock + b"\0\0\0\0" + mask.astype(np.uint8).ravel(order="F").tobytes()
    )


def write_floats(path: Path, data: NDArray[np.float32], affine: NDArray[np.float64]) -> None:
    """Write an image as it is, in 32-bit numbers, compressed."""
    header = _plain_header(data.shape, affine, np.float32, (0.0, 0.0))
    flat = data.ravel(order="F")
    with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as output:
        output.write(header.binaryblock + b"\0\0\0\0")
        for start in range(0, flat.size, _CHUNK):
            output.write(flat[start : start + _CHUNK].astype("<f4").tobytes())


def read_image(path: Path) -> tuple[NDArray, float, float]:
    """Return voxels (memory-mapped), slope and intercept of a file by :func:`write_image`."""
    with path.open("rb") as file:
        header = nib.Nifti1Header(file.read(348))
    voxels = np.memmap(
        path, header.get_data_dtype(), "r", 352, tuple(header.get_data_shape()), order="F"
    )
    return voxels, float(header["scl_slope"]), float(header["scl_inter"])


def _plain_header(
    shape: tuple[int, ...], affine: NDArray[np.float64], kind: type, window: tuple[float, float]
) -> nib.Nifti1Header:
    header = nib.Nifti1Image(np.zeros((1, 1, 1), np.uint8), affine).header.copy()
    header.set_data_dtype(kind)
    header.set_data_shape(shape)
    # the affine once more: the sizes above were those of a single voxel
    header.set_sform(affine, 1)
    header.set_qform(affine, 1)
    header.set_xyzt_units("mm")
    header["cal_min"], header["cal_max"] = window
    header["vox_offset"], header["magic"] = 352, b"n+1"
    return header
