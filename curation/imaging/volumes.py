"""Reading of NIfTI images; whatever is wrong with a file becomes a :class:`VolumeError` with a reason.

The file's own stream is read here, piece by piece and never more than the header promises, so that
a broken or hostile file costs bounded memory, and a cut-off file is recognised.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, NamedTuple

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from curation.errors import VolumeError
from curation.imaging.nifti_header import Header, cut_off, describe, edges_mm, parse
from curation.imaging.voxel_hash import VoxelHash
from curation.storage import files

_CHUNK_VOXELS = 1 << 20
#: How much is read after the image, in steps of 64 kB.
_TAIL_CHUNKS = 16
#: Beyond these the squares of intensities, which every statistic needs, are no numbers any more.
_BRIGHTEST, _FAINTEST = 1e15, 1e-15
#: A large image that was packed into less than this is hollow: stripped brains take 0.2 and more.
_LARGE_VOXELS, _BYTES_A_VOXEL = 50_000_000, 0.025


@dataclass(frozen=True)
class Volume:
    """An image in memory.

    Parameters
    ----------
    data : array of float32, shape (X, Y, Z)
        Intensities, scaled as the header says; finite.
    affine : array of shape (4, 4)
        Voxel index to world mm (RAS+).
    spacing_mm : tuple of float
        Voxel edges in mm.
    orientation : str or None
        Of the file; ``None`` where its header gives none.
    dtype : str
        Type on disk.
    nonfinite_share : float
        Share of voxels that were NaN or infinite and are 0 here, 0 to 1.
    note : str or None
        What was taken differently than written.
    """

    data: NDArray[np.float32] = field(repr=False)
    affine: NDArray[np.float64] = field(repr=False)
    spacing_mm: tuple[float, float, float]
    orientation: str | None
    dtype: str
    nonfinite_share: float = 0.0
    note: str | None = None

    @cached_property
    def empty_slices(self) -> list[NDArray[np.bool_]]:
        """For each axis, which slices hold one value only."""
        return [_constant(np.moveaxis(self.data, axis, 0)) for axis in range(3)]


def _constant(slices: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which slices hold one value only; most are found not to by a few of their voxels."""
    few = slices[:, :: max(1, slices.shape[1] // 16), :: max(1, slices.shape[2] // 16)]
    constant = np.asarray(few.min(axis=(1, 2)) == few.max(axis=(1, 2)))
    for number in np.flatnonzero(constant):
        constant[number] = slices[number].min() == slices[number].max()
    return constant


def read_header(path: Path) -> Header:
    """Read and check the header only.

    Raises
    ------
    VolumeError
        When the file is no NIfTI image of one head in three dimensions.
    """
    with _opened(path) as stream:
        return describe(parse(stream))


class Verified(NamedTuple):
    """A file that was read to its end: its header, and the hash of its voxels."""

    header: Header
    image_hash: str


def verify(path: Path) -> Verified:
    """Stream the whole file and return its header and the hash of its voxels.

    Raises
    ------
    VolumeError
        As :func:`load`.
    """
    with _opened(path) as stream:
        raw = parse(stream)
        header = describe(raw)
        _refuse_hollow(path, header)
        low, high, voxels = np.inf, -np.inf, VoxelHash(header.shape, header.affine)
        for chunk in _chunks(stream, raw, header):
            voxels.add(chunk)
            finite = chunk[np.isfinite(chunk)]
            low = min(low, float(finite.min(initial=np.inf)))
            high = max(high, float(finite.max(initial=-np.inf)))
    _refuse_constant(low, high)
    return Verified(header, voxels.hexdigest())


def load(path: Path) -> Volume:
    """Read an image.

    Parameters
    ----------
    path : Path
        A ``.nii`` or ``.nii.gz`` file.

    Returns
    -------
    Volume
        In the file's own orientation; see :func:`conform`.

    Raises
    ------
    VolumeError
        When it is not NIfTI, cut off, damaged, of more than one volume, complex or coloured, too
        large, empty, or its affine cannot be inverted.
    """
    with _opened(path) as stream:
        raw = parse(stream)
        header = describe(raw)
        _refuse_hollow(path, header)
        flat = np.empty(int(np.prod(header.shape)), dtype=np.float32)
        start = 0
        for chunk in _chunks(stream, raw, header):
            flat[start : start + len(chunk)] = chunk
            start += len(chunk)
    low, high = float(flat.min()), float(flat.max())
    nonfinite_share = 0.0
    if not np.isfinite([low, high]).all():
        bad = ~np.isfinite(flat)
        nonfinite_share = float(bad.mean())
        low = float(flat.min(initial=np.inf, where=~bad))
        high = float(flat.max(initial=-np.inf, where=~bad))
        flat[bad] = 0.0
    _refuse_constant(low, high)
    notes = [header.note, _note_on_nonfinite(nonfinite_share)]
    return Volume(
        data=flat.reshape(header.shape, order="F"),
        affine=header.affine,
        spacing_mm=header.spacing_mm,
        orientation=header.orientation,
        dtype=header.dtype,
        nonfinite_share=nonfinite_share,
        note="; ".join(note for note in notes if note) or None,
    )


def conform(volume: Volume) -> Volume:
    """Flip and reorder the axes so that they run to the right, to the front and up (RAS).

    No intensity is changed. ``orientation`` still says how the file was written.
    """
    axes = nib.io_orientation(volume.affine)
    data = nib.apply_orientation(volume.data, axes)
    affine = volume.affine @ nib.orientations.inv_ornt_aff(axes, volume.data.shape)
    return Volume(
        data=np.ascontiguousarray(data),
        affine=affine,
        spacing_mm=edges_mm(affine),
        orientation=volume.orientation,
        dtype=volume.dtype,
        nonfinite_share=volume.nonfinite_share,
        note=volume.note,
    )


# ---- the stream ------------------------------------------------------------------------------------


class _opened:
    """The decompressed stream of a file; errors of reading become :class:`VolumeError`."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def __enter__(self) -> IO[bytes]:
        try:
            self.file = files.open_file(self.path)
        except OSError as error:
            raise VolumeError(f"the file cannot be opened: {error.strerror}") from error
        try:
            gzipped = self.file.read(2) == b"\x1f\x8b"
            self.file.seek(0)
        except OSError as error:
            self.file.close()
            raise VolumeError(f"the file cannot be read: {error.strerror}") from error
        self.stream = gzip.GzipFile(fileobj=self.file, mode="rb") if gzipped else self.file
        return self.stream  # type: ignore[return-value]

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.file.close()
        if isinstance(error, EOFError):
            raise VolumeError(cut_off("its compressed stream breaks off")) from error
        if isinstance(error, zlib.error | gzip.BadGzipFile):
            raise VolumeError(f"the compressed stream is damaged ({error})") from error
        if isinstance(error, OSError):
            raise VolumeError(f"the file cannot be read: {error}") from error


def _chunks(
    stream: IO[bytes], raw: nib.Nifti1Header, header: Header
) -> Iterator[NDArray[np.float32]]:
    """Yield the scaled intensities in file order."""
    _skip(stream, max(0, int(raw["vox_offset"]) - len(raw.binaryblock)))
    dtype = raw.get_data_dtype()
    slope, intercept = _scaling(raw)
    total = int(np.prod(header.shape))
    for start in range(0, total, _CHUNK_VOXELS):
        count = min(_CHUNK_VOXELS, total - start)
        block = stream.read(count * dtype.itemsize)
        if len(block) < count * dtype.itemsize:
            have = start + len(block) // dtype.itemsize
            raise VolumeError(cut_off(f"{have} of {total} voxels are there"))
        with np.errstate(all="ignore"):  # infinities are counted by the caller
            values = np.frombuffer(block, dtype)
            if (slope, intercept) != (1.0, 0.0):
                values = values.astype(np.float64) * slope + intercept
            yield values.astype(np.float32)
    for _ in range(_TAIL_CHUNKS):  # the end of a gzip stream holds its checksum
        if not stream.read(1 << 16):
            break


def _skip(stream: IO[bytes], count: int) -> None:
    if len(stream.read(count)) < count:
        raise VolumeError(cut_off("it ends before the image begins"))


def _scaling(raw: nib.Nifti1Header) -> tuple[float, float]:
    slope, intercept = float(raw["scl_slope"]), float(raw["scl_inter"])
    if not np.isfinite(slope) or slope == 0.0:
        return 1.0, 0.0
    return slope, intercept if np.isfinite(intercept) else 0.0


def _note_on_nonfinite(share: float) -> str | None:
    return f"{share:.2%} of the voxels were NaN or infinite and are taken as 0" if share else None


def _refuse_hollow(path: Path, header: Header) -> None:
    """Refuse a small file that unpacks into a huge image of nothing."""
    voxels, size = int(np.prod(header.shape)), Path(path).stat().st_size
    if voxels > _LARGE_VOXELS and size < _BYTES_A_VOXEL * voxels:
        raise VolumeError(
            f"{voxels / 1e6:.0f} million voxels in a file of {size / 1e6:.1f} MB: hardly anything is there"
        )


def _refuse_constant(low: float, high: float) -> None:
    if not np.isfinite(low) or not np.isfinite(high):
        raise VolumeError("the image is empty: no voxel holds a number")
    if low == high:
        raise VolumeError(f"the image is empty: every voxel is {low:g}")
    if max(abs(low), abs(high)) > _BRIGHTEST or high - low < _FAINTEST:
        raise VolumeError(
            f"the voxels run from {low:g} to {high:g}: no brightness; the header's scaling is wrong"
        )
