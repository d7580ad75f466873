"""Tables of other quality tools: read, their numbers told from the rest, formats known by their columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from curation.errors import SourceError
from curation.sources import allowed_roots, scan_finder, source
from curation.sources.scan_finder import PERSON_KEYS, SCAN_KEYS
from curation.storage import joined_columns, text_tables
from curation.storage.workspace import Workspace

#: What says of whom a row is.
KEYS = (*SCAN_KEYS, *PERSON_KEYS)
#: Columns that are no numbers of a scan's quality, whatever stands in them.
_NOT_JOINED = (*text_tables.ALIASES, *KEYS, "", "index")
#: Numbers whose commas can stand between thousands, and those whose comma can stand before decimals.
_THOUSANDS = r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?"
_DECIMALS = r"[+-]?(?:\d+,\d*|,\d+)(?:[eE][+-]?\d+)?"


@dataclass(frozen=True)
class KnownTable:
    """A format that is documented by its makers.

    Parameters
    ----------
    name : str
        Short, as the table is called where nobody names it.
    meaning : str
        What it is, for the screen.
    signature : tuple of str
        Columns by which it is known; all are there.
    worse, better : tuple of str
        Columns of which a higher value is worse, or better, besides those in ``words``.
    renamed : mapping of str to str
        How columns are called here, with their unit.
    words : mapping of str to mapping of str to float
        Columns of words -> the number that each word stands for, the better the higher.
    by : tuple of str
        Columns of which each value makes a column of its own, such as the task of a rating.
    """

    name: str
    meaning: str
    signature: tuple[str, ...]
    worse: tuple[str, ...] = ()
    better: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    by: tuple[str, ...] = ()


#: All of them. agitation: github.com/Neuro-iX/agitation; fsqc: github.com/Deep-MI/fsqc; QC-Studio:
#: github.com/nipoppy/qc-studio.
KNOWN: tuple[KnownTable, ...] = (
    KnownTable(
        "agitation",
        "agitation: mean head motion of a T1w in mm, predicted by a network (0 to 4)",
        ("subject_id", "session_id", "motion"),
        worse=("motion",),
        renamed={"motion": "motion_mm"},
    ),
    KnownTable(
        "fsqc",
        "fsqc: quality of FreeSurfer's or FastSurfer's results",
        ("subject", "wm_snr_orig", "gm_snr_orig"),
        worse=("lh_holes", "rh_holes", "lh_defects", "rh_defects", "topo_lh", "topo_rh"),
        better=(
            *("wm_snr_orig", "gm_snr_orig", "wm_snr_norm", "gm_snr_norm"),
            *("con_lh_snr", "con_rh_snr", "con_snr_lh", "con_snr_rh"),
        ),
    ),
    KnownTable(
        "qc-studio",
        "QC-Studio: ratings pass, uncertain and fail (2, 1 and 0; the mean of several raters)",
        ("qc_task", "participant_id", "rater_id", "final_qc"),
        words={"final_qc": {"pass": 2.0, "uncertain": 1.0, "fail": 0.0}},
        by=("qc_task",),
    ),
)


def of_columns(written: Iterable[str]) -> KnownTable | None:
    """Return the format that a table has, by the names of its columns; ``None`` where it is none of these."""
    names = {name.strip().lower() for name in written}
    return next((known for known in KNOWN if names.issuperset(known.signature)), None)


@dataclass(frozen=True)
class Table:
    """A table of another tool, read and not joined yet.

    Parameters
    ----------
    name : str
        How it is going to be called.
    known : KnownTable or None
        Its format, where it is one that is known.
    keys : pandas.DataFrame of str, N rows
        What says of whom each row is, columns of :data:`KEYS`.
    values : pandas.DataFrame of float, N rows
        Its numbers, by the names of its columns.
    ways : mapping of str to str
        Of each of them, what a higher value says, a key of :data:`curation.storage.joined_columns.WAYS`.
    left_out : tuple of str
        Columns that hold no numbers.
    unclear : tuple of str
        Columns that are left out as well, since the commas in their numbers can be read in two ways.
    """

    name: str
    known: KnownTable | None
    keys: pd.DataFrame = field(repr=False)
    values: pd.DataFrame = field(repr=False)
    ways: Mapping[str, str]
    left_out: tuple[str, ...]
    unclear: tuple[str, ...] = ()


def read_table(workspace: Workspace, path: str | Path, name: str | None = None) -> Table:
    """Read a table of another tool, without joining it.

    Parameters
    ----------
    workspace : Workspace
        Whose allowed roots bound it.
    path : path
        CSV or TSV, with a column of scans (``scan_id``, ``path``, ``bids_name``) or of people.
    name : str, optional
        How it is called; after its format or its file by default.

    Raises
    ------
    SourceError
        When it may not be read, is no table, names neither scans nor people, or holds no numbers.
    """
    path = source.absolute(path, allowed_roots.of(workspace))
    if not path.is_file():
        raise SourceError(f"There is no table at {path}. Check the path.")
    table = text_tables.read_table(path)
    known = of_columns(table.attrs["written"])
    keys = table[[column for column in KEYS if column in table]]
    if keys.empty or keys.isna().all(axis=None):
        raise SourceError(
            f"{path.name} names neither scans nor people. Expected is a column such as scan_id, path or "
            f"participant_id ({text_tables.columns_in_words(table.attrs['written'], KEYS)})."
        )
    values, ways, left_out, unclear = _numbers(table, known)
    if values.empty:
        others = scan_finder.some([*left_out, *unclear]) or "none"
        said = f"{path.name} has no column of numbers besides ids ({others})."
        raise SourceError(" ".join([said, *unclear_in_words(unclear)]))
    called = joined_columns.plain(name or (known.name if known else path.stem))
    return Table(called, known, keys, values, ways, tuple(left_out), tuple(unclear))


def unclear_in_words(columns: Sequence[str]) -> list[str]:
    """Say which columns are left out for the commas in their numbers, and what to do; nothing for none."""
    if not columns:
        return []
    return [
        "Left out, since a comma in their numbers may stand before decimals or between thousands: "
        f"{scan_finder.some(columns)}. Write them without thousands separators and with a decimal point."
    ]


# ---- columns -------------------------------------------------------------------------------------------


def _numbers(
    table: pd.DataFrame, known: KnownTable | None
) -> tuple[pd.DataFrame, dict[str, str], list[str], list[str]]:
    """Return the columns of numbers, what a higher value says, those without numbers and unclear ones."""
    if known and known.words:
        return *_of_words(table, known), [], []
    held, left, unclear = {}, [], []
    for column in table:
        if str(column).strip().lower() in _NOT_JOINED or str(column).startswith("Unnamed"):
            continue
        told = table[column].dropna()
        if told.empty or _as_numbers(told.str.replace(",", "", regex=False)).isna().any():
            left.append(str(column))
            continue
        read = _with_points(told, table.attrs["separator"])
        if read is None:
            unclear.append(str(column))
            continue
        numbers = _as_numbers(read)
        finite = numbers.where(np.isfinite(numbers))
        held[str(column)] = finite.reindex(table.index).astype("float64")
    ways = {column: _way_of(column, known) for column in held}
    return pd.DataFrame(held, table.index), ways, left, unclear


def _way_of(column: str, known: KnownTable | None) -> str:
    if known is None:
        return "told"
    return "worse" if column in known.worse else "better" if column in known.better else "told"


def _as_numbers(texts: pd.Series) -> pd.Series:
    return pd.to_numeric(texts, errors="coerce")


def _with_points(texts: pd.Series, separator: str) -> pd.Series | None:
    """Return numbers without thousands separators and with a decimal point.

    A whole column is read in one way. Between commas a comma is no decimal sign, and beside a decimal point
    neither; between semicolons it is one, as spreadsheets write where the comma is. Between tabs
    ``1,020`` can be either: ``None``, as where numbers fit neither way.
    """
    with_commas = texts[texts.str.contains(",", regex=False)]
    if with_commas.empty:
        return texts
    points = texts.str.contains(".", regex=False).any()
    decimal = separator != "," and not points and with_commas.str.fullmatch(_DECIMALS).all()
    grouped = with_commas.str.fullmatch(_THOUSANDS).all()
    if decimal and (separator == ";" or not grouped):
        return texts.str.replace(",", ".", regex=False)
    return texts.str.replace(",", "", regex=False) if grouped and not decimal else None


def _of_words(table: pd.DataFrame, known: KnownTable) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return a column for each kind of rating, its words as numbers."""
    lower = {str(column).strip().lower(): column for column in table}
    held = {}
    for column, words in known.words.items():
        numbers = table[lower[column]].str.strip().str.lower().map(words)
        kinds = table[[lower[name] for name in known.by]].fillna("").agg("_".join, axis=1)
        for kind in sorted(kinds.unique()):
            held["_".join(filter(None, (column, kind)))] = numbers.where(kinds == kind)
    values = pd.DataFrame(held, table.index).astype("float64").dropna(axis=1, how="all")
    return values, dict.fromkeys(map(str, values), "better")
