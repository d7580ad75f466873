"""What tables say of people: columns under their many names, ages and sexes under their many spellings."""

import io
import math
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from curation.errors import SourceError

#: Our name of a column -> the names under which tables carry it, compared in lower case.
ALIASES: dict[str, tuple[str, ...]] = {
    "path": ("path", "file", "filename", "file_path", "filepath", "image", "image_path", "nifti"),
    "participant_id": (
        "participant_id", "participant", "subject", "subject_id", "sub", "patient", "patient_id",
        "mrid", "ixi_id", "id",
    ),
    "session_id": ("session_id", "session", "ses", "visit", "timepoint"),
    "site": ("site", "site_id", "center", "centre", "scanner", "scanner_id"),
    "age_years": ("age_years", "age", "age_at_scan", "ageatscan", "patient_age_at_first_study"),
    "sex": ("sex", "gender"),
    "group": ("group", "diagnosis", "dx", "dx_group"),
    "modality": ("modality", "suffix", "contrast"),
}  # fmt: skip

UNKNOWN = ("", "n/a", "na", "nan", "none", "null", "unknown", "-", "?")
OLDEST_YEARS = 125
_TOP_CODED = re.compile(r"(?:>=?\s*|≥\s*)?(\d+(?:\.\d+)?)\s*(\+)?")


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV or TSV file as text, its columns renamed to ours, its missing values ``None``.

    Returns
    -------
    pandas.DataFrame
        Columns of :data:`ALIASES` that were found, then all others under their own names.

    Raises
    ------
    SourceError
        When the file is no text table, or two columns mean the same.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        header = text.partition("\n")[0]
        table = pd.read_csv(
            io.StringIO(text),
            sep=max("\t,;", key=header.count),
            dtype="str",
            keep_default_na=False,
        )
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise SourceError(
            f"{path.name} cannot be read as a table ({error}). Save it as CSV or TSV with one header "
            "row, in UTF-8."
        ) from error
    if not isinstance(
        table.index, pd.RangeIndex
    ):  # pandas takes what is too much for names of rows
        raise SourceError(
            f"{path.name} cannot be read as a table: its rows have more fields than its header has names. "
            "Save it with one header row that names every column."
        )
    table = table.rename(columns=_our_names(list(table.columns), path))
    table = table.map(str.strip).astype(object)
    return table.mask(table.map(str.lower).isin(UNKNOWN), None)


def _our_names(columns: list[str], path: Path) -> dict[str, str]:
    lowered = {column.strip().lower(): column for column in columns}
    names: dict[str, str] = {}
    for ours, aliases in ALIASES.items():
        found = [
            lowered[alias] for alias in aliases if alias in lowered and lowered[alias] not in names
        ]
        if found:
            names[found[0]] = ours
    clashing = [name for name in columns if name not in names and name in names.values()]
    if clashing:
        raise SourceError(f"{path.name} has two columns for {clashing[0]!r}; rename one of them.")
    return names


def age_in_years(text: str | None) -> tuple[float, str | None]:
    """Read an age.

    Parameters
    ----------
    text : str or None
        Such as ``'34'``, ``'34,5'`` (decimal comma), ``'89+'`` (top-coded) or ``None``.

    Returns
    -------
    age_years : float
        NaN where unknown, unreadable or not between 0 and 125 years.
    note : str or None
        What was taken differently than written.
    """
    if text is None:
        return math.nan, None
    match = _TOP_CODED.fullmatch(text.strip().replace(",", "."))
    if not match or not 0 <= float(match[1]) <= OLDEST_YEARS:
        return math.nan, f"age {text!r} is not a number of years; taken as unknown"
    if match[0] != match[1]:
        return float(match[1]), f"age {text!r} is top-coded; taken as {float(match[1]):g}"
    return float(match[1]), None


def sex(text: str | None) -> str | None:
    """Return ``M`` or ``F`` for their spellings, other values as they are."""
    if text is None:
        return None
    return {"male": "M", "m": "M", "female": "F", "f": "F"}.get(text.lower(), text)


def participants(path: Path) -> pd.DataFrame:
    """Read a table of people, such as ``participants.tsv``; no file is no people.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``participant_id`` (text, as written), one row a person (the first, where repeated).

    Raises
    ------
    SourceError
        When the table names no people.
    """
    if not path.exists():
        return pd.DataFrame(index=pd.Index([], name="participant_id"))
    table = read_table(path)
    if "participant_id" not in table:
        raise SourceError(
            f"{path.name} has no column of people. Name one 'participant_id' (found: "
            f"{', '.join(table.columns)})."
        )
    return table.dropna(subset=["participant_id"]).drop_duplicates("participant_id").set_index(
        "participant_id"
    )  # fmt: skip


def describe(row: Mapping[str, str | None]) -> dict[str, object]:
    """Turn one row's texts into ``age_years``, ``sex``, ``group``, ``site`` and a ``note``."""
    age_years, note = age_in_years(row.get("age_years"))
    return {
        "age_years": age_years,
        "sex": sex(row.get("sex")),
        "group": row.get("group"),
        "site": row.get("site"),
        "note": note,
    }
