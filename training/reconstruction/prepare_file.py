"""One new scan made into what an exported encoder expects, by the description beside its weights alone."""

import gzip
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from curation.assessment.assess_scan import MIN_SIMILARITY
from curation.errors import StudyError, VolumeError
from curation.imaging import prepared_volume, volumes
from curation.imaging.masks import find_masks
from curation.storage import files, typed_paths
from training.results.doubtful_alignments import DOUBTFUL_NATS

_IMAGE, _ARRAY = (".nii", ".nii.gz"), ".npy"
_OTHER = (
    "Take the encoder.json or model.json that 'python -m training export' wrote beside the weights."
)


@dataclass(frozen=True)
class ExpectedVolumes:
    """What a network expects of volumes, by its ``encoder.json``.

    Parameters
    ----------
    modalities : tuple of str
        Its channels, ``T1w`` and ``pet``.
    shape : tuple of int
        In voxels.
    spacing_mm : float
        Voxel edge.
    """

    modalities: tuple[str, ...]
    shape: tuple[int, int, int]
    spacing_mm: float


@dataclass(frozen=True)
class Prepared:
    """A scan as the network sees it.

    Parameters
    ----------
    volume : array of float32, shape (channels, X, Y, Z)
        Intensities as the network expects them.
    affine : array of shape (4, 4)
        Voxel to MNI mm.
    similarity : float
        Mutual information of scan and template, nats.
    notes : tuple of str
        What has to be known of it, in sentences.
    """

    volume: NDArray[np.float32] = field(repr=False)
    affine: NDArray[np.float64] = field(repr=False)
    similarity: float
    notes: tuple[str, ...] = ()


def read_expected(path: Path) -> ExpectedVolumes:
    """Read what a network expects.

    Raises
    ------
    StudyError
        When the file is no description of an encoder, or of one of another preparation than this version's.
    """
    about: Any = files.read_json(path, _OTHER)
    if about is None:
        raise StudyError(f"There is no file at {path}. {_OTHER}")
    try:
        told = about["volumes"]
        x, y, z = map(int, told["shape"])
        expected = ExpectedVolumes(
            tuple(map(str, told["modalities"])), (x, y, z), float(told["spacing_mm"])
        )
        affine = np.array(told["affine"], float)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise StudyError(
            f"{path} does not say what its network expects of volumes. {_OTHER}"
        ) from error
    if not set(expected.modalities) <= {"T1w", "pet"} or min(expected.shape) < 1:
        raise StudyError(f"{path} asks for images that are not prepared here. {_OTHER}")
    same_grid = affine.shape == (4, 4) and np.allclose(
        affine, prepared_volume.grid_affine(expected)
    )
    way = told.get("preparation", prepared_volume.VERSION)  # which 0.13 and before did not say
    if not same_grid or way != prepared_volume.VERSION:
        raise StudyError(
            f"{path} asks for volumes that are prepared otherwise than by this version. Use the Tierscope "
            f"that wrote it ({about.get('version', 'of which version, it does not say')})."
        )
    return expected


def prepare(image: Path, expected: ExpectedVolumes, pet: Path | None = None) -> Prepared:
    """Align a T1w with the template, and resample, mask and standardise it, and its PET, as in a study.

    Parameters
    ----------
    image : Path
        The T1w, NIfTI. It is also needed for a network that sees PET alone, which lies in its space.
    expected : ExpectedVolumes
        Of :func:`read_expected`.
    pet : Path, optional
        The PET, co-registered to the T1w.

    Raises
    ------
    StudyError
        When a PET is missing, or is not asked for.
    VolumeError
        When an image cannot be read, or no brain is found in it.
    """
    if ("pet" in expected.modalities) != (pet is not None):
        seen = " and ".join(expected.modalities)
        wanted = "give the PET, too (--pet)" if pet is None else "leave the PET out"
        raise StudyError(f"This network sees {seen}: {wanted}.")
    t1w = _loaded(image)
    with threadpool_limits(1):  # the order of sums, so their last bits, would depend on the cores
        masks = find_masks(volumes.conform(t1w))
    if masks.similarity < MIN_SIMILARITY:
        raise VolumeError(
            f"{image}: no brain could be found: nothing in this image agrees with one"
        )
    brain = prepared_volume.template_brain(expected)
    loaded = {"T1w": t1w, **({"pet": _loaded(pet)} if pet else {})}
    made = [
        prepared_volume.prepared_volume(
            loaded[one].data, loaded[one].affine, masks.template_affine, expected, brain, one
        )
        for one in expected.modalities
    ]
    notes = (
        (
            f"It agrees with the template by {masks.similarity:.2f} nats only, where under "
            f"{DOUBTFUL_NATS:g} is doubtful: look at the result.",
        )
        if masks.similarity < DOUBTFUL_NATS
        else ()
    )
    affine = prepared_volume.grid_affine(expected)
    return Prepared(np.stack(made).astype(np.float32), affine, float(masks.similarity), notes)


def _loaded(path: Path) -> volumes.Volume:
    """Read an image; one that cannot be read is named."""
    try:
        return volumes.load(path)
    except VolumeError as error:
        raise VolumeError(
            f"{path}: {error}. Name a T1w or PET as NIfTI that can be read."
        ) from error


def refuse_target(to: Path, expected: ExpectedVolumes, read: Iterable[Path]) -> None:
    """Refuse a file to write, before anything is made.

    Raises
    ------
    StudyError
        When the name ends otherwise, a NIfTI would need channels, or a scan would be written over.
    """
    if any(typed_paths.resolved(to) == typed_paths.resolved(path) for path in read):
        raise StudyError(f"{to} is the scan itself, which is only read. Name another file.")
    if not to.name.endswith((_ARRAY, *_IMAGE)):
        raise StudyError(f"{to.name} has to end in .npy, .nii or .nii.gz.")
    if len(expected.modalities) > 1 and not to.name.endswith(_ARRAY):
        raise StudyError(
            "A network of several images needs its channels: name a file that ends in .npy."
        )


def write(prepared: Prepared, to: Path) -> None:
    """Write a prepared scan: ``.npy`` with its channels, or ``.nii.gz`` of a single one."""
    with files.replacing(to) as temporary:
        if to.name.endswith(_ARRAY):
            with temporary.open("wb") as file:
                np.save(file, prepared.volume)
            return
        drawn = nib.Nifti1Image(prepared.volume[0], prepared.affine)
        drawn.header.set_xyzt_units("mm")
        plain = drawn.to_bytes()
        packed = gzip.compress(plain, mtime=0) if to.name.endswith(".gz") else plain
        temporary.write_bytes(packed)
