"""BIDS tables (TSV with a JSON data dictionary) and the folder of BIDS derivatives.

Cells are separated by tabs, without quotes; ``n/a`` is missing. A backslash, tab, line break, and a text that
reads ``n/a``, are written with a backslash; a text that a spreadsheet would run has ``'`` in front. Any text
comes back as it was.
"""

import datetime
import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from curation import __version__
from curation.errors import RatingError
from curation.storage import files, text_tables
from curation.storage.workspace import Workspace

MISSING = "n/a"
#: Years in which a moment may lie.
_YEARS = range(1900, 2200)
#: So far the clocks of two machines may be apart.
_AHEAD = datetime.timedelta(days=1)
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_PLAIN = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r", "/": "/"}


@dataclass(frozen=True)
class CellFormat:
    """How a value is written and read.

    Parameters
    ----------
    label : str
        What is expected, in words.
    write, read : callable
        Value -> text and back; neither sees a missing value. ``read`` raises ``ValueError``.
    """

    label: str
    write: Callable[[Any], str]
    read: Callable[[str], Any]


def _escape(text: str) -> str:
    escaped = "".join(_ESCAPES.get(letter, letter) for letter in text)
    return "n\\/a" if escaped == MISSING else text_tables.guarded(escaped)


def _unescape(text: str) -> str:
    escaped = text_tables.unguarded(text)
    return re.sub(r"\\(.)", lambda found: _PLAIN.get(found[1], found[0]), escaped)


def _number(text: str) -> float:
    value = float(text.replace(",", ".") if text.count(",") == 1 else text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _truth(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _moment(text: str) -> datetime.datetime:
    found = datetime.datetime.fromisoformat(text)
    if found.tzinfo is None:
        found = found.replace(tzinfo=datetime.UTC)
    if (
        found.year not in _YEARS
    ):  # a slip, and at the ends of the calendar zones are no numbers any more
        raise ValueError(text)
    if found > datetime.datetime.now(datetime.UTC) + _AHEAD:  # it would be the newest for ever
        raise ValueError(text)
    return found.astimezone(datetime.UTC)


def _integer(text: str) -> int:
    value = int(text)
    if abs(value) >= 2**31:  # more than databases hold
        raise ValueError(text)
    return value


TEXT = CellFormat("text", lambda value: _escape(str(value)), _unescape)
NUMBER = CellFormat("a number", lambda value: repr(float(value)), _number)
INTEGER = CellFormat("a whole number", lambda value: str(int(value)), _integer)
TRUTH = CellFormat("true or false", lambda value: str(bool(value)).lower(), _truth)
MOMENT = CellFormat(
    "a moment that has been, such as 2026-11-24T09:30:00+00:00",
    lambda value: value.isoformat(),
    _moment,
)
KEYS = CellFormat("keys with commas between", ",".join, lambda text: tuple(text.split(",")))
JSON = CellFormat(
    "JSON",
    lambda value: _escape(json.dumps(value, ensure_ascii=False)),
    lambda text: files.parse_json(_unescape(text)),
)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name, description : str
        As the data dictionary has them.
    kind : CellFormat
        What it holds.
    required : bool
        Whether a table that is read must have it, filled.
    units : str
        Where it has a unit.
    """

    name: str
    description: str
    kind: CellFormat = TEXT
    required: bool = False
    units: str = ""


def dictionary(columns: Iterable[Column]) -> dict[str, dict[str, Any]]:
    """Return the data dictionary of a table."""
    return {
        column.name: {"Description": column.description}
        | ({"Units": column.units} if column.units else {})
        for column in columns
    }


def write(path: Path, columns: Sequence[Column], rows: Iterable[dict[str, Any]]) -> None:
    """Write a table; a value that is absent, ``None``, NaN or an empty tuple is missing."""
    lines = ["\t".join(column.name for column in columns)]
    for row in rows:
        values = ((column.kind, row.get(column.name)) for column in columns)
        lines.append("\t".join(MISSING if _absent(v) else kind.write(v) for kind, v in values))
    files.write_text(path, "\n".join(lines) + "\n")


def _absent(value: Any) -> bool:
    return value is None or value == () or value == "" or value != value


def read(path: Path, columns: Sequence[Column]) -> list[tuple[int, dict[str, Any]]]:
    """Read a table.

    Parameters
    ----------
    path : Path
        The file; columns may be in any order, and others are left out.
    columns : sequence of Column
        What is looked for.

    Returns
    -------
    list of (int, dict)
        Number of the line, and its values; a missing value is absent.

    Raises
    ------
    RatingError
        Naming the file, the line and what is wrong with it.
    """
    try:
        text = files.read_text(path, encoding="utf-8-sig")
    except FileNotFoundError:
        raise RatingError(f"There is no table at {path}. Check the path.") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise RatingError(
            f"{path.name}, line {line}: this is not UTF-8 text. Save it as UTF-8."
        ) from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    header = lines[0].split("\t")
    _check_header(path, header, columns)
    known = {column.name: column for column in columns}
    return [
        (number, _row(f"{path.name}, line {number}", header, line.split("\t"), known))
        for number, line in enumerate(lines[1:], start=2)
        if line.strip()
    ]


def _check_header(path: Path, header: list[str], columns: Sequence[Column]) -> None:
    lacking = [column.name for column in columns if column.required and column.name not in header]
    if lacking:
        raise RatingError(
            f"{path.name}, line 1: the column {lacking[0]} is not there "
            f"({text_tables.columns_in_words(header, [column.name for column in columns])}). Columns are "
            "separated by tabs."
        )
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise RatingError(f"{path.name}, line 1: the column {twice!r} is there twice. Remove one.")


def _row(
    where: str, header: list[str], cells: list[str], known: dict[str, Column]
) -> dict[str, Any]:
    if len(cells) != len(header):
        raise RatingError(
            f"{where}: {len(cells)} cells where the header has {len(header)}. A tab or a line break is "
            "missing, or one is too many."
        )
    found = {}
    for name, cell in zip(header, cells, strict=True):
        column = known.get(name)
        if column is None:
            continue
        if cell not in (MISSING, ""):
            found[name] = _value(where, column, cell)
        elif column.required:
            raise RatingError(f"{where}: {name} is empty, and every rating needs it.")
    return found


def _value(where: str, column: Column, cell: str) -> Any:
    try:
        return column.kind.read(cell)
    except (ValueError, KeyError):
        raise RatingError(
            f"{where}: {column.name} holds {cell[:60]!r}; expected is {column.kind.label}."
        ) from None


DESCRIPTION = "dataset_description.json"


def derivatives_folder(workspace: Workspace) -> Path:
    """Return the folder, with the description that makes it a BIDS data set; it can be copied as it is."""
    path = workspace.derivatives_dir
    files.write_json(
        path / DESCRIPTION,
        {
            "Name": "Quality of scans by Tierscope",
            "BIDSVersion": "1.10.0",
            "DatasetType": "derivative",
            "GeneratedBy": [
                {
                    "Name": "Tierscope",
                    "Version": __version__,
                    "Description": "Ratings of image quality by people, appended and never changed; "
                    "cohorts frozen with their rule.",
                }
            ],
        },
    )
    return path


def bids_names(scans: pd.DataFrame) -> pd.DataFrame:
    """Return ``source``, ``participant_id`` and ``bids_name`` (file name without ending) by ``scan_id``."""
    stems = [
        str(scan_id).removeprefix(f"{source}_")
        if pd.isna(path)
        else Path(path).name.removesuffix(".gz").removesuffix(".nii")
        for scan_id, source, path in zip(
            scans["scan_id"], scans["source"], scans["path"], strict=True
        )
    ]
    table = scans[["scan_id", "source", "participant_id"]].assign(bids_name=stems)
    return table.set_index("scan_id")
