"""Hostile images: NIfTI, DICOM, numpy's arrays and torch's archives, changed field by field."""

import gzip
import io
import json
import random
import struct
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import torch

from tests.fuzz import changes
from tests.helpers import dicom_files

#: Where a field of the header begins, and what it holds.
_FIELDS = {
    "sizeof_hdr": (0, "i"),
    "dim": (40, "h"),
    "intent_code": (68, "h"),
    "datatype": (70, "h"),
    "bitpix": (72, "h"),
    "pixdim": (76, "f"),
    "vox_offset": (108, "f"),
    "scl_slope": (112, "f"),
    "scl_inter": (116, "f"),
    "units": (123, "b"),
    "cal_max": (124, "f"),
    "qform_code": (252, "h"),
    "sform_code": (254, "h"),
    "quatern": (256, "f"),
    "srow": (280, "f"),
    "magic": (344, "b"),
    "extension": (348, "b"),
    "extension size": (352, "i"),
}
_COUNTS = {"dim": 8, "pixdim": 8, "quatern": 6, "srow": 12, "magic": 4, "extension": 4}
_WHOLE = (-32768, -1, 0, 1, 2, 3, 7, 8, 16, 64, 255, 512, 1000, 32767)
_REAL = (float("nan"), float("inf"), float("-inf"), 0.0, -1.0, 1e-40, 1e38, 352.5, 1e9, 100.0, 2.0)


@cache
def sound_image() -> bytes:
    """Return a small image as a NIfTI file."""
    data = np.random.default_rng(1).integers(0, 1000, (16, 18, 14)).astype(np.int16)
    return nib.Nifti1Image(data, np.diag([8.0, 8.0, 8.0, 1.0])).to_bytes()


@cache
def _sound_second_kind() -> bytes:
    data = np.random.default_rng(2).random((16, 16, 16), np.float32)
    return nib.Nifti2Image(data, np.diag([8.0, 8.0, 8.0, 1.0])).to_bytes()


def nifti(rng: random.Random) -> bytes:
    """Return a NIfTI file of which fields, voxels or packing are not as they should be."""
    held = bytearray(_sound_second_kind() if rng.random() < 0.1 else sound_image())
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        name = rng.choice(list(_FIELDS))
        place, kind = _FIELDS[name]
        place += rng.randrange(_COUNTS.get(name, 1)) * struct.calcsize(kind)
        value = rng.choice(_REAL) if kind == "f" else rng.choice(_WHOLE)
        value = value if kind != "b" else value % 128
        struct.pack_into(rng.choice("<<<>") + kind, held, place, value)
    data = bytes(held) if rng.random() < 0.7 else changes.of_bytes(bytes(held), rng)
    return data if rng.random() < 0.25 else _packed(data, rng)


def _packed(data: bytes, rng: random.Random) -> bytes:
    packed = gzip.compress(data, rng.choice((0, 1, 9)))
    how = rng.randrange(12)
    if how == 0:
        return packed[: rng.randrange(len(packed))]
    if how == 1:
        return changes.of_bytes(packed, rng)
    if how == 2:
        return packed[:-8] + rng.randbytes(8)
    if how == 3:
        half = rng.randrange(len(data) or 1)
        return gzip.compress(data[:half]) + gzip.compress(data[half:])
    if how == 4:
        return packed + rng.randbytes(100)
    if how == 5:
        return packed + gzip.compress(b"") * rng.choice((1, 20_000))
    if how == 6 and rng.random() < 0.2:
        return packed[:-8] + gzip.compress(bytes(1 << 20), 9) * rng.choice((10, 1000))
    if how == 7 and rng.random() < 0.2:
        return packed + gzip.compress(bytes(1 << 20), 9) * rng.choice((10, 1000))
    return packed if how != 8 else gzip.compress(packed)


# ---- DICOM -------------------------------------------------------------------------------------------


@cache
def _sound_dicom() -> tuple[bytes, ...]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        data = dicom_files.voxels(13, 8, 8)
        return tuple(
            path.read_bytes() for path in dicom_files.write_series(Path(folder), data=data)
        )


_WORDS = (
    *(
        "",
        "\\",
        "1e999",
        "nan",
        "-1",
        "99999999999999999999",
        "a" * 200,
        "1.2.3\0",
        "1\\2\\3\\4\\5\\6\\7",
    ),
    *(
        "0\\0\\0\\0\\0\\0",
        "nan\\nan\\nan",
        "1e300\\1e300",
        "../../../x",
        "\x1b$B",
        "T1\nT2",
        "é",
        "0.0",
        "0",
    ),
)
_ELEMENTS = (
    *(
        "Rows",
        "Columns",
        "NumberOfFrames",
        "SamplesPerPixel",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
    ),
    *(
        "PixelSpacing",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "SliceThickness",
        "ImageType",
    ),
    *(
        "SeriesInstanceUID",
        "StudyInstanceUID",
        "SOPInstanceUID",
        "SOPClassUID",
        "PatientID",
        "PatientName",
    ),
    *(
        "PatientAge",
        "PatientSex",
        "SeriesNumber",
        "InstanceNumber",
        "SeriesDescription",
        "Modality",
    ),
    *(
        "SpecificCharacterSet",
        "PatientBirthDate",
        "StudyDate",
        "StudyTime",
        "AcquisitionTime",
        "EchoTime",
    ),
    *("MagneticFieldStrength", "WindowCenter", "WindowWidth", "BurnedInAnnotation", "ProtocolName"),
)
_SETS = (
    "ISO_IR 100",
    "ISO 2022 IR 87",
    "ISO_IR 192",
    "GB18030",
    "nonsense",
    "",
    "\\ISO 2022 IR 149",
)


def dicom(folder: Path, rng: random.Random) -> None:
    """Write a series of DICOM of which one file or all have elements that are not as they should be."""
    slices = list(_sound_dicom()[: rng.choice((1, 3, 13, 13))])
    everywhere, seed = rng.random() < 0.4, rng.random()
    chosen = rng.randrange(len(slices))
    for number, data in enumerate(slices):
        if everywhere or number == chosen:
            data = _other_dicom(data, random.Random(seed))
        (folder / f"im{number:03d}.dcm").write_bytes(data)


def _other_dicom(data: bytes, rng: random.Random) -> bytes:
    how = rng.randrange(6)
    if how < 2:
        return changes.of_bytes(data, rng)
    if how == 2:
        return data[: rng.randrange(len(data))]
    if how == 3:
        return _with_raw_element(data, rng)
    values = pydicom.dcmread(io.BytesIO(data))
    for _ in range(rng.choice((1, 2, 5))):
        name = rng.choice(_ELEMENTS)
        element = values.data_element(name) if name in values else None
        if element is None:
            values.SpecificCharacterSet = rng.choice(_SETS)
            continue
        if element.VR in ("US", "SS"):
            element.value = rng.choice((0, 1, 65535, 7, [1, 2]))
        else:
            element._value = rng.choice(_WORDS)  # as it is, unlike what pydicom would let pass
    written = io.BytesIO()
    try:
        pydicom.dcmwrite(written, values)
    except Exception:  # noqa: BLE001 - what cannot be written this way is changed byte by byte
        return changes.of_bytes(data, rng)
    return written.getvalue()


def _with_raw_element(data: bytes, rng: random.Random) -> bytes:
    """Put an element of an odd length or kind somewhere: sequences without end, lengths that lie."""
    place = data.find(struct.pack("<HH", 0x0008, 0x0060))  # Modality
    tag = struct.pack(
        "<HH", rng.choice((0x0008, 0x0009, 0x7FE0, 0xFFFE)), rng.choice((0x61, 0x1111))
    )
    kind = rng.choice((b"SQ", b"UN", b"OB", b"UT", b"LO", b"??", b"\0\0"))
    length = rng.choice((0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, 0, 1, len(data)))
    item = struct.pack("<HHI", 0xFFFE, 0xE000, rng.choice((0xFFFFFFFF, 8, 2**31)))
    body = (tag + kind + b"\0\0" + struct.pack("<I", length) + item) * rng.choice((1, 1, 500, 3000))
    return data[:place] + body + data[place:]


# ---- arrays and weights -------------------------------------------------------------------------------


def array(rng: random.Random, sound: bytes) -> bytes:
    """Return a numpy file whose header or content is another."""
    if rng.random() < 0.5:
        return changes.of_bytes(sound, rng)
    told = {
        "descr": rng.choice(
            ("<f4", "<f8", "|O", "<c16", ">i2", "|S5", "<M8[s]", [("a", "<f4")], "x")
        ),
        "fortran_order": rng.choice((False, True, None)),
        "shape": rng.choice(
            ((), (0,), (3,), (10**12,), (2**40, 2**40), (-1,), (1, 2, 3), "x", (1.5,))
        ),
    }
    header = (str(told) + " " * 64).encode()
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + rng.randbytes(64)


class _Call:
    """What a pickle runs when it is loaded by who trusts it."""

    def __reduce__(self) -> Any:
        return print, ("a pickle was run",)


def checkpoint(rng: random.Random, sound: bytes) -> bytes:
    """Return a torch file that is cut, lies about itself, holds other things, or would run something."""
    how = rng.randrange(6)
    if how < 2:
        return changes.of_bytes(sound, rng)
    written = io.BytesIO()
    if how == 2:
        held: Any = rng.choice(
            (None, 3, [], {}, {"model": 3}, {"step": "x"}, {"a": torch.zeros(3)}, _Call())
        )
        torch.save(held, written)
        return written.getvalue()
    if how == 3:
        return _safetensors(rng)
    with zipfile.ZipFile(io.BytesIO(sound)) as before, zipfile.ZipFile(written, "w") as after:
        for name in before.namelist():
            data = before.read(name)
            if rng.random() < 0.3:
                data = changes.of_bytes(data, rng)
            if rng.random() > 0.1:
                after.writestr(name if rng.random() > 0.05 else f"../{name}", data)
    return written.getvalue()


def _safetensors(rng: random.Random) -> bytes:
    told = {"a": {"dtype": rng.choice(("F32", "X")), "shape": [2**62], "data_offsets": [0, 2**62]}}
    header = json.dumps(told).encode()
    length = rng.choice((len(header), 2**63 - 1, 0, 2**31))
    return struct.pack("<Q", length) + header + bytes(16)
