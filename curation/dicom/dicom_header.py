"""Headers of DICOM files: what is read of each, and what is wrong with one that is damaged.

Of what identifies somebody, only ids are read, to tell people apart; :mod:`curation.dicom.pseudonyms` makes
labels of them, and neither they nor names nor dates are stored.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError

from curation.errors import SourceError
from curation.storage import files

pydicom.config.settings.reading_validation_mode = (
    pydicom.config.IGNORE
)  # odd values are a scanner's affair

#: No element that is looked at is larger; a length that lies is passed over.
_LARGEST_BYTES = 1 << 20
#: A header has some thousand elements, each read in two pieces; one of many frames a hundred times as many.
_MOST_READS = 1_000_000
_MAGIC_AT, _MAGIC = 128, b"DICM"
#: Files of such names are DICOM also where they lack the four letters.
_SUFFIXES = (".dcm", ".ima", ".dicom")
#: DICOM modalities that are read here: MR, and PET.
READ = ("MR", "PT")
_DIRECTORY = "1.2.840.10008.1.3.10"
#: What the frames of a multi-frame image share, and what is each one's own.
_FRAME_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
#: All that is read of a header.
_TAGS = (
    *("SOPClassUID", "Modality", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber"),
    *("PatientID", "IssuerOfPatientID", "PatientName", "PatientSex", "PatientAge"),
    *("PatientBirthDate", "StudyDate", "SeriesDescription", "ProtocolName", "ImageType"),
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "PixelSpacing"),
    *("SliceThickness", "SpacingBetweenSlices", "ImagePositionPatient", "ImageOrientationPatient"),
    *("BurnedInAnnotation", "ContrastBolusAgent", "WindowCenter", "WindowWidth"),
    *_FRAME_GROUPS,
)


class NoImage(Exception):
    """A DICOM file that holds no image: a report, a directory, a presentation state."""


class Damaged(Exception):
    """A DICOM file that cannot be used; the message is the reason, in plain words."""


@dataclass(frozen=True)
class DicomHeader:
    """What is read of one file.

    Parameters
    ----------
    path : Path
        The file.
    values : pydicom.dataset.FileDataset
        Elements of :data:`_TAGS` that it has.
    problem : str or None
        Why the image in it cannot be used, though it is known what it would be.
    place : str
        What it is called in messages: its name may be somebody's.
    """

    path: Path
    values: FileDataset
    problem: str | None = None
    place: str = "a file"

    def text(self, name: str) -> str:
        """Return an element as one line of text; empty where there is none."""
        return " ".join(str(self.values.get(name) or "").split())

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of an element, in capitals."""
        found = self.values.get(name)
        several = found if isinstance(found, pydicom.multival.MultiValue) else [found]
        return tuple(str(one).strip().upper() for one in several if one)

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return the numbers of an element, of its shared or first frame where it is multi-frame."""
        found = self.values.get(name)
        if found is None:
            found = _of_frames(self.values, name)
        several = found if isinstance(found, pydicom.multival.MultiValue) else [found]
        try:
            return tuple(float(one) for one in several if one is not None)
        except (TypeError, ValueError):  # no number, whatever the standard says
            return ()


def _of_frames(values: FileDataset, name: str) -> Any:
    """Return an element of a multi-frame image from the groups that all frames share, or the first's."""
    for group in _FRAME_GROUPS:
        for frame in (values.get(group) or [])[:1]:
            for part in frame:
                inner = part.value[:1] if part.VR == "SQ" else ()
                if found := next((one[name].value for one in inner if name in one), None):
                    return found
    return None


def whole(values: FileDataset, name: str, usual: int = 0) -> int:
    """Return an element that is a whole number; ``usual`` where it is none."""
    try:
        return int(values.get(name) or usual)
    except (TypeError, ValueError, OverflowError):
        return usual


def is_dicom(path: Path) -> bool:
    """Return whether a file is, or is called, DICOM.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    with files.open_file(path) as file:
        return _has_magic(file) or path.name.lower().endswith(_SUFFIXES)


def _has_magic(file: IO[bytes]) -> bool:
    start = file.read(_MAGIC_AT + len(_MAGIC))
    file.seek(0)
    return start[_MAGIC_AT:] == _MAGIC


def read(path: Path) -> DicomHeader:
    """Read the header of a DICOM file, and see whether its pixels are all there.

    Raises
    ------
    NoImage
        When it is DICOM and no image.
    Damaged
        When it is empty, no DICOM is in it, or its header breaks off.
    """
    try:
        with files.open_file(path) as file:
            values = _read(path, file)
            return DicomHeader(path, values, _cut_off(values, path.stat().st_size - file.tell()))
    except OSError as error:
        raise Damaged(f"it cannot be read ({error.strerror or error})") from error


def _read(path: Path, file: IO[bytes]) -> FileDataset:
    if not path.stat().st_size:
        raise Damaged("it is empty")
    forced = not _has_magic(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is odd and can be read all the same
            values = pydicom.dcmread(
                _Bounded(file),
                stop_before_pixels=True,
                force=forced,
                specific_tags=list(_TAGS),
                defer_size=_LARGEST_BYTES,
            )
            _leave_out_large(values)
        _decode(values)
    except (InvalidDicomError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise Damaged("no DICOM is in it, or it breaks off inside its header") from error
    except (NotImplementedError, RecursionError, OverflowError, TypeError, MemoryError) as error:
        raise Damaged("its header is written in a way that cannot be read") from error
    if values.file_meta.get("MediaStorageSOPClassUID") == _DIRECTORY:
        raise NoImage
    if not values.get("SOPClassUID") and not values.get("SeriesInstanceUID"):
        raise Damaged("no DICOM is in it, or it breaks off inside its header")
    if values.get("Modality") not in READ and not values.get("Rows"):
        raise NoImage
    return values


class _Bounded:
    """A file of which a bounded number of pieces is read: gigabytes of nothing are no header."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._left = file, _MOST_READS

    def read(self, size: int = -1) -> bytes:
        self._left -= 1
        if not self._left:
            raise Damaged("its header has no end")
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _leave_out_large(values: FileDataset) -> None:
    """Forget elements that were passed over as too large, which would be read where they are asked for."""
    for tag in list(values.keys()):
        held = values.get_item(tag, keep_deferred=True)
        if isinstance(held, RawDataElement) and held.value is None and held.length > _LARGEST_BYTES:
            del values[tag]


def _decode(values: FileDataset) -> None:
    """Decode all that is asked for later, so that what cannot be is found while the file is read."""
    for name in _TAGS:
        values.get(name)
    for name in ("MediaStorageSOPClassUID", "TransferSyntaxUID"):
        values.file_meta.get(name)
    for group in _FRAME_GROUPS:
        for frame in (values.get(group) or [])[:1]:
            frame.walk(lambda *_: None)


def _cut_off(values: FileDataset, left: int) -> str | None:
    """Return in words that pixels are fewer than a header says; packed ones are seen when unpacked."""
    rows, columns = (whole(values, name) for name in ("Rows", "Columns"))
    if not rows or not columns or left <= 0:
        return "it breaks off before its pixels"
    syntax = values.file_meta.get("TransferSyntaxUID")
    known = syntax is not None and syntax.is_transfer_syntax
    if known and syntax.is_compressed:
        return None
    left -= 12 if known and not syntax.is_implicit_VR else 8  # tag and length of the pixels
    frames, samples = (whole(values, name, 1) for name in ("NumberOfFrames", "SamplesPerPixel"))
    wanted = rows * columns * frames * samples * whole(values, "BitsAllocated", 16) // 8
    if left >= wanted:
        return None
    return f"it is cut off: {left:,} of {wanted:,} bytes of pixels are there"


#: Ends of the names of archives, as exports of a hospital's system often come.
_PACKED = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".7z", ".rar")


def refuse_none(found: int, folder: Path) -> None:
    """Refuse a folder without any DICOM.

    Raises
    ------
    SourceError
        With what to name instead.
    """
    if found:
        return
    names = [path.name.lower() for path in folder.iterdir()]
    packed = [end for end in _PACKED if any(name.endswith(end) for name in names)]
    raise SourceError(
        f"There are no DICOM images in {folder}. Name the folder in which they lie; images that are "
        "NIfTI already are added as they are (ingest)."
        + (
            f" It holds an archive ({packed[0]}): unpack it, and name what was in it."
            if packed
            else ""
        )
    )
