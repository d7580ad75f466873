"""Age and sex from DICOM files, as the table of people of the source that they become."""

import re
from collections.abc import Hashable, Iterable
from pathlib import Path

import pandas as pd

from curation.dicom.dicom_header import DicomHeader
from curation.dicom.pseudonyms import Pseudonyms
from curation.storage import files, text_tables

_NAME = "participants.tsv"
_UNITS = {"Y": 1.0, "": 1.0, "M": 12.0, "W": 52.18, "D": 365.25}


def put_people(folder: Path, headers: Iterable[DicomHeader], names: Pseudonyms) -> None:
    """Add people to the table of a source; who is in it already is brought up to date."""
    rows = _rows(folder)
    for header in headers:
        rows[names.person(header)] = {"age": _age(header), "sex": _sex(header)}
    _write(folder, rows)


def take_out(folder: Path, person: str) -> None:
    """Take a person out of the table of a source, where there is one."""
    if rows := _rows(folder):
        rows.pop(person, None)
        _write(folder, rows)


def _rows(folder: Path) -> dict[Hashable, dict[str, str]]:
    path = folder / _NAME
    if not path.exists():
        return {}
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    return table.set_index("participant_id").to_dict("index")


def _write(folder: Path, rows: dict[Hashable, dict[str, str]]) -> None:
    table = pd.DataFrame.from_dict(rows, "index", columns=["age", "sex"])
    table = table.rename_axis("participant_id").sort_index().reset_index()
    files.write_text(folder / _NAME, text_tables.csv(table, separator="\t", missing="n/a"))


def _sex(header: DicomHeader) -> str:
    said = header.text("PatientSex").upper()
    return said if said in ("M", "F") else "n/a"


def _age(header: DicomHeader) -> str:
    """Return the age at the scan in years, 90 for all from then on; ``n/a`` where it is not told."""
    years = _written_age(header.text("PatientAge"))
    if years is None:
        years = _between(header.text("PatientBirthDate"), header.text("StudyDate"))
    if years is None or not 0 <= years < 130:
        return "n/a"
    return f"{min(years, text_tables.OLDEST_YEARS):.4g}"


def _written_age(text: str) -> float | None:
    match = re.fullmatch(r"(\d{1,4})([YMWD]?)", text.upper())
    return float(match.group(1)) / _UNITS[match.group(2)] if match else None


def _between(birth: str, scan: str) -> float | None:
    """Return the time between two dates, years; a tenth of it is all that is kept."""
    dates = [pd.to_datetime(text, format="%Y%m%d", errors="coerce") for text in (birth, scan)]
    if any(pd.isna(date) for date in dates):
        return None
    return round((dates[1] - dates[0]).days / 365.25, 1)
