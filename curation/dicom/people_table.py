"""Age and sex from DICOM files, as the table of people of the source that they become."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from curation.dicom.dicom_header import DicomHeader
from curation.dicom.pseudonyms import Pseudonyms
from curation.storage import files, text_tables

_NAME = "participants.tsv"
_NO_VISIT = "n/a"
_UNITS = {"Y": 1.0, "": 1.0, "M": 12.0, "W": 52.18, "D": 365.25}


def put_people(folder: Path, headers: Iterable[DicomHeader], names: Pseudonyms) -> None:
    """Add people to the table of a source, a row an examination; those in it are brought up to date."""
    rows = _rows(folder)
    for header in headers:
        visit = names.person(header), names.visit(header)
        rows[visit] = {"age": _age(header), "sex": _sex(header)}
    _write(folder, rows)


def take_out(folder: Path, person: str) -> None:
    """Take a person out of the table of a source, where there is one."""
    if rows := _rows(folder):
        _write(folder, {key: row for key, row in rows.items() if key[0] != person})


def _rows(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Return the rows by person and examination, which tables of versions until 0.12 do not name."""
    path = folder / _NAME
    if not path.exists():
        return {}
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    return {
        (row["participant_id"], row.get("session_id", _NO_VISIT)): {
            "age": row["age"],
            "sex": row["sex"],
        }
        for row in table.to_dict("records")
    }


def _write(folder: Path, rows: Mapping[tuple[str, str], Mapping[str, str]]) -> None:
    table = pd.DataFrame(
        [(*key, row["age"], row["sex"]) for key, row in sorted(rows.items())],
        columns=["participant_id", "session_id", "age", "sex"],
    )
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
