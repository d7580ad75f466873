"""DICOM series made for tests: small, readable, and full of what identifies somebody."""

import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

#: Texts that must not be found anywhere in what is made of the files.
SECRETS = {
    "PatientName": "Beeblebrox^Zaphod",
    "PatientID": "MRN7781204",
    "PatientBirthDate": "19420317",
    "OtherPatientIDs": "OLDID5519",
    "PatientAddress": "Trillian Street 42",
    "PatientComments": "cousin of Ford",
    "AccessionNumber": "ACC90125",
    "InstitutionName": "Magrathea Hospital",
    "InstitutionalDepartmentName": "Slartibartfast Ward",
    "StationName": "HEARTOFGOLD1",
    "DeviceSerialNumber": "SER445566",
    "ReferringPhysicianName": "Halfrunt^Gag",
    "OperatorsName": "Marvin^Paranoid",
    "StudyDescription": "Head of Zaphod",
    "StudyDate": "20211105",
    "SeriesDate": "20211106",
    "AcquisitionDate": "20211107",
    "StudyTime": "112233",
    "AcquisitionTime": "141516",
    "ImageComments": "looks like Ford",
}
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
OBLIQUE = (0.98, 0.199, 0.0, -0.199, 0.98, 0.0)


def voxels(slices: int = 16, rows: int = 24, columns: int = 20) -> NDArray[np.uint16]:
    """Return an image in which every voxel tells where it is, shape (slices, rows, columns)."""
    k, j, i = np.indices((slices, rows, columns))
    return (1 + i + 32 * j + 1024 * k).astype(np.uint16)


def write_series(
    folder: Path,
    number: int = 3,
    *,
    data: NDArray[np.uint16] | None = None,
    way: tuple[float, ...] = AXIAL,
    description: str = "t1_mprage_sag",
    study: int = 1,
    apart_mm: float = 1.5,
    **elements: Any,
) -> list[Path]:
    """Write a series, a file a slice, and return the files from the first slice to the last.

    Parameters
    ----------
    folder : Path
        Is made.
    number, study : int
        Of the series and of the examination.
    data : numpy.ndarray, shape (slices, rows, columns)
        :func:`voxels` by default.
    way : tuple of float
        ``ImageOrientationPatient``.
    description : str
        ``SeriesDescription``.
    apart_mm : float
        Distance between slices.
    **elements
        Further elements of every file, by keyword; ``None`` leaves one out.
    """
    data = voxels() if data is None else data
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for place, pixels in enumerate(data):
        header = _header(number, study, description, way, pixels)
        header.ImagePositionPatient = [float(f"{x:.6f}") for x in origin_of(way, place, apart_mm)]
        header.InstanceNumber = place + 1
        header.SpacingBetweenSlices = header.SliceThickness = apart_mm
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = UID(
            f"1.2.3.{study}.{number}.{place + 1}"
        )
        for name, value in elements.items():
            if value is None and name in header:
                delattr(header, name)
            elif value is not None:
                setattr(header, name, value)
        path = folder / f"im{number:02d}_{place:04d}.dcm"
        header.save_as(path, enforce_file_format=True)
        written.append(path)
    return written


def origin_of(way: tuple[float, ...], place: int, apart_mm: float) -> NDArray[np.float64]:
    """Return where the first voxel of a slice lies, in DICOM's coordinates, mm."""
    normal = np.cross(way[:3], way[3:])
    return np.array([-12.0, -30.0, 7.0]) + place * apart_mm * normal


def _header(
    number: int, study: int, description: str, way: tuple[float, ...], pixels: NDArray[np.uint16]
) -> Dataset:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = MRImageStorage
    for name, value in SECRETS.items():
        setattr(header, name, value)
    header.PatientSex, header.PatientAge = "M", "079Y"
    header.Modality, header.Manufacturer, header.ManufacturerModelName = "MR", "SIEMENS", "Skyra"
    header.MagneticFieldStrength, header.RepetitionTime, header.EchoTime = 3, 2300, 2.98
    header.InversionTime, header.FlipAngle, header.MRAcquisitionType = 900, 9, "3D"
    header.ScanningSequence, header.SequenceName = "GR", "*tfl3d1_16ns"
    header.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "NORM"]
    header.SeriesDescription = header.ProtocolName = description
    header.StudyInstanceUID, header.SeriesInstanceUID = f"1.2.3.{study}", f"1.2.3.{study}.{number}"
    header.FrameOfReferenceUID = f"1.2.3.{study}.9999"
    header.SeriesNumber, header.AcquisitionNumber = number, 1
    header.PatientPosition, header.ImageOrientationPatient = "HFS", list(way)
    header.PixelSpacing = [0.9, 1.1]
    header.Rows, header.Columns = pixels.shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit, header.PixelRepresentation = 15, 0
    header.WindowCenter, header.WindowWidth = 400, 900
    header.PixelData = pixels.tobytes()
    header.ContentDate = datetime.date(2021, 11, 8).strftime("%Y%m%d")
    return header
