"""Hash of an image's voxels, independent of how the image is stored."""

import hashlib

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

# the finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit in changes every bit out
_STEP, _FIRST, _SECOND = np.array(
    [0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64
)


class VoxelHash:
    """Takes an image piece by piece, in file order.

    Two files have the same hash where every voxel is as bright in both, once both are turned to the right, to
    the front and up by their affines: whatever the order of their axes, their type of number, their scaling
    and their compression. What else a header says is not in it, so that mending a header changes nothing.
    Resampling, cropping or defacing does.

    Parameters
    ----------
    shape : tuple of int
        Voxels along the axes of the file.
    affine : array of shape (4, 4)
        Voxel index to world mm (RAS+).

    Notes
    -----
    The sum over all voxels, modulo 2^64, of a mix of place and value: pieces may come in any order, and none
    is kept.
    """

    def __init__(self, shape: tuple[int, int, int], affine: NDArray[np.float64]) -> None:
        axes = nib.io_orientation(affine).astype(int)
        turned = [0, 0, 0]
        for size, (axis, _) in zip(shape, axes, strict=True):
            turned[axis] = size
        strides = np.cumprod([1, *turned[:2]])
        self._shape = tuple(map(int, turned))
        self._places = [
            strides[axis] * (np.arange(size)[::way])
            for size, (axis, way) in zip(shape, axes, strict=True)
        ]
        self._start, self._sum = 0, 0

    def add(self, values: NDArray[np.float32]) -> None:
        """Add the next intensities; what is not finite counts as 0, as in :func:`.volumes.load`."""
        values = np.where(np.isfinite(values), values, np.float32(0)) + np.float32(0)  # no -0
        bits = values.view(np.uint32).astype(np.uint64)
        mixed = (self._indices(len(values)) * _STEP) ^ (bits * _SECOND)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
        mixed ^= mixed >> np.uint64(31)
        self._sum = (self._sum + int(mixed.sum(dtype=np.uint64))) % 2**64
        self._start += len(values)

    def hexdigest(self) -> str:
        """Return the hash of all intensities so far, 16 hexadecimal digits."""
        return hashlib.sha256(f"{self._shape} {self._sum}".encode()).hexdigest()[:16]

    def _indices(self, count: int) -> NDArray[np.uint64]:
        """Return the indices, in the reoriented image, of the next voxels in file order."""
        along_x, along_y, along_z = self._places
        width, height = len(along_x), len(along_y)
        first = self._start // width
        lines = np.arange(first, -(-(self._start + count) // width))
        of_lines = along_y[lines % height] + along_z[lines // height]
        begin = self._start - first * width
        places = (of_lines[:, None] + along_x[None, :]).ravel()[begin : begin + count]
        return places.astype(np.uint64) + np.uint64(1)
