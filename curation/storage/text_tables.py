"""Text tables: columns recognised under their many names, and cells safe for spreadsheets.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@``, also in CSV and TSV, whoever wrote it
there. Such a text has ``'`` in front; a number has not. Reading takes exactly one off again. Every table that
leaves Tierscope follows this rule.
"""

import io
import operator
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as compute
from numpy.typing import NDArray

from curation.errors import SourceError
from curation.storage import files

#: Our name of a column -> the names under which tables carry it; case, spaces, dots and such do not count.
ALIASES: dict[str, str] = {
    "path": "path, file, filename, file path, image, image path, image file, nifti, nifti path, nifti file, "
    "scan path, scan file, t1 path, t1w path, t1 file, t1w file",
    "participant_id": "participant id, participant, subject, subject id, sub, sub id, subj, subj id, "
    "subject code, participant code, patient, patient id, mrid, ixi id, ptid, eid, src subject id, id",
    "person": "person, person id",
    "session_id": "session id, session, ses, visit, timepoint",
    "site": "site, site id, center, centre, scanner, scanner id",
    "age_years": "age years, age, age at scan, age in years, age at mri, scan age, "
    "patient age at first study",
    "sex": "sex, gender",
    "group": "group, diagnosis, dx, dx group",
    "modality": "modality, suffix, contrast",
}
UNKNOWN = ("", "n/a", "na", "nan", "none", "null", "unknown", "-", "?")

#: Ages from here on leave as this age, as rules for health data ask.
OLDEST_YEARS = 90
#: Tables of this world have a few hundred columns; a million take minutes, whatever is in them.
MOST_COLUMNS = 50_000
#: Names of columns that a message tells, at most.
_TOLD = 12
#: Words beside ``age`` that make it the age of something else, or no number of years.
_NO_AGE = re.compile(
    r"months?|mo|days?|weeks?|interview|onset|diagnosis|dx|death|group|range|bin|band|class|gestation(al)?|"
    r"menarche|first|gap|delta|predicted|squared|brain|mother|father|maternal|paternal"
)


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV or TSV file as text, its columns renamed to ours, its missing values ``None``.

    Returns
    -------
    pandas.DataFrame
        Columns of :data:`ALIASES` that were found, then all others under their own names. In ``attrs`` stand
        ``written``, the columns as the file names them, ``guessed``, a sentence on each that was guessed, and
        ``separator``, the sign between cells.

    Raises
    ------
    SourceError
        When the file is no text table, or two columns mean the same.
    """
    try:
        text = files.read_text(path, encoding="utf-8-sig")
        header = text.partition("\n")[0]
        separator = max("\t,;", key=header.count)
        if header.count(separator) > MOST_COLUMNS:
            raise SourceError(
                f"{path.name} has more than {MOST_COLUMNS:,} columns, which no table has that is read here."
            )
        table = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            dtype="str",
            keep_default_na=False,
        )
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise SourceError(
            f"{path.name} cannot be read as a table ({_why(error)}). Save it as CSV or TSV with one header "
            "row, in UTF-8."
        ) from error
    if not isinstance(
        table.index, pd.RangeIndex
    ):  # pandas takes what is too much for names of rows
        raise SourceError(
            f"{path.name} cannot be read as a table: its rows have more fields than its header has names. "
            "Save it with one header row that names every column."
        )
    written = tuple(map(str, table.columns))
    names, guessed = _our_names(written, path)
    # as one array, because tables of many columns take pandas a moment for each
    cells = [[_cell(text) for text in row] for row in table.to_numpy(object).tolist()]
    held = np.array(cells, object).reshape(table.shape)
    ours = [names.get(name, name) for name in written]
    table = pd.DataFrame(held, columns=ours, dtype=object)
    table.attrs = {"written": written, "guessed": guessed, "separator": separator}
    return table


def _why(error: ValueError) -> str:
    """Return why a file is no table, without any of what it holds."""
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)


def _cell(text: str | float) -> str | None:
    """Return the content of a cell, ``None`` where empty; a short row lacks its last cells."""
    said = text.strip() if isinstance(text, str) else ""
    return None if said.lower() in UNKNOWN else said


def _our_names(written: Iterable[str], path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return our name of each column that is understood, and a sentence on each that was guessed."""
    found: dict[str, list[str]] = {}
    for column in written:
        found.setdefault(_bare(column), []).append(column)
    names: dict[str, str] = {}
    for ours, aliases in ALIASES.items():
        alias = next((bare for bare in map(_bare, aliases.split(",")) if bare in found), None)
        if alias is None:
            continue
        if len(found[alias]) > 1:
            raise SourceError(
                f"{path.name} has two columns for {ours!r}: {' and '.join(found[alias])}. Rename one of "
                "them."
            )
        names[found[alias][0]] = ours
    ages = [column for column in written if column not in names and _is_age(column)]
    if "age_years" in names.values() or len(ages) != 1:
        return names, ()
    return names | {ages[0]: "age_years"}, (f"Ages are taken from the column {ages[0]!r}.",)


def columns_in_words(written: Iterable[object], known: Iterable[str] = ()) -> str:
    """Return which columns a table has, for a message on one that it lacks.

    Their names are told only of a table that has one of a known name: anything else may be no table at all,
    and what stands in its first line is not for whoever reads the message.

    Parameters
    ----------
    written : iterable
        Names of its columns.
    known : iterable of str
        Other names that it may have, besides those of :data:`ALIASES`.

    Examples
    --------
    >>> columns_in_words(["Age", "files"])
    'found: Age, files'
    >>> columns_in_words(["root:x:0:0"])
    'it has 1 column, of no name that is known'
    """
    names = [str(name) for name in written]
    understood = {_bare(alias) for aliases in ALIASES.values() for alias in aliases.split(",")}
    understood |= set(map(_bare, known))
    if any(_bare(name) in understood for name in names):
        more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
        return f"found: {', '.join(names[:_TOLD])}{more}"
    return f"it has {len(names)} column{'s' * (len(names) != 1)}, of no name that is known"


def without_people(table: pd.DataFrame, called: str) -> str:
    """Say of a table what it lacks to be one of people, or that it is a list of scans.

    Parameters
    ----------
    table : pandas.DataFrame
        As of :func:`read_table`.
    called : str
        Its file's name.
    """
    written = table.attrs["written"]
    if "path" not in table:
        found = columns_in_words(written)
        return f"{called} has no column of people. Name one 'participant_id' ({found})."
    paths = written[list(table.columns).index("path")]
    return (
        f"{called} is a table of scans, not of people: its column {paths!r} holds paths, none holds people. "
        "To list those scans with all that it says of them, give this table itself as the path, and no table "
        "of people. As a table of people it needs a column 'participant_id'."
    )


def is_called(column: str, ours: str) -> bool:
    """Return whether a column is one of :data:`ALIASES` by its name.

    Examples
    --------
    >>> is_called("Gender", "sex"), is_called("Age", "sex")
    (True, False)
    """
    return _bare(column) in map(_bare, ALIASES[ours].split(","))


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())


def _is_age(column: str) -> bool:
    words = re.findall(r"[a-z]+", column.lower())
    other = any(map(_NO_AGE.fullmatch, words)) or re.search(r"\d", column)
    return "age" in words and not other


#: Digits of numbers, and rows that are made text of at a time, in :func:`tab_separated`.
_SIX_DIGITS, _ROWS_AT_ONCE = "%.6g", 50_000
#: What a cell may hold for which it has to stand between quotation marks.
_QUOTED = '["\t\r\n]'
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
# tab and line breaks are passed over by spreadsheets; the wide signs are those of East Asian keyboards
_RUN = "'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
_FORMULA, _GUARDED = re.compile(_RUN), re.compile(f"'(?={_RUN})")


def guarded(text: str) -> str:
    """Return a text as a cell; as it is where a spreadsheet takes it for text or for a number.

    Examples
    --------
    >>> guarded("=SUM(A1)"), guarded("-1.5"), guarded("plain")
    ("'=SUM(A1)", '-1.5', 'plain')
    """
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def unguarded(cell: str) -> str:
    """Return the text of which :func:`guarded` made a cell.

    Examples
    --------
    >>> unguarded(guarded("=SUM(A1)"))
    '=SUM(A1)'
    """
    return cell[1:] if _GUARDED.match(cell) else cell


def guarded_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with every text in it, and every column's name, as a cell."""
    return table.rename(columns=_of_texts(guarded)).apply(_of_column, change=guarded)


def unguarded_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table of which :func:`guarded_table` made cells, once it was read back."""
    return table.rename(columns=_of_texts(unguarded)).apply(_of_column, change=unguarded)


def with_capped_ages(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose ages from :data:`OLDEST_YEARS` on are that age."""
    if "age_years" not in table:
        return table
    return table.assign(age_years=table["age_years"].clip(upper=OLDEST_YEARS))


def csv(table: pd.DataFrame, *, separator: str = ",", missing: str = "") -> str:
    """Return a table as a file for people: one line a row, in full precision, without the index.

    Ages are capped, see :func:`with_capped_ages`.
    """
    return guarded_table(with_capped_ages(table)).to_csv(
        sep=separator, index=False, na_rep=missing, lineterminator="\n"
    )


def tab_separated(table: pd.DataFrame, rows: NDArray[np.int64], missing: str = "n/a") -> str:
    """Return rows of a table as text: cells as of :func:`guarded_table`, numbers of six digits.

    To the byte what pandas writes, in little memory and a third of the time.

    Parameters
    ----------
    table : pandas.DataFrame
        Its index is left out.
    rows : array of int
        Positions of the rows, in the order in which they are written.
    missing : str
        Stands for what is missing.
    """
    how: dict[str, Any] = {
        "sep": "\t",
        "index": False,
        "na_rep": missing,
        "float_format": _SIX_DIGITS,
    }
    parts = [guarded_table(table.iloc[:0]).to_csv(lineterminator="\n", **how)]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = guarded_table(table.iloc[rows[start : start + _ROWS_AT_ONCE]])
        cells = [_plain_cells(column, missing) for _, column in part.items()]
        if any(column is None for column in cells):
            parts.append(part.to_csv(header=False, lineterminator="\n", **how))
        else:
            lines = compute.binary_join_element_wise(*cells, pa.scalar("\t", pa.large_string()))
            parts += ["\n".join(lines.to_pylist()), "\n"]
    return "".join(parts)


def _plain_cells(column: pd.Series, missing: str) -> pa.Array | None:
    """Return a column as cells; none where one has to stand between quotation marks, or for other kinds."""
    if column.dtype == np.float64:
        cells = [missing if value != value else _SIX_DIGITS % value for value in column.tolist()]
        return pa.array(cells, pa.large_string())
    if column.dtype == np.bool_:
        return pa.array(np.where(column, "True", "False").tolist(), pa.large_string())
    if not isinstance(column.dtype, pd.StringDtype):
        return None
    cells = pa.array(column, pa.large_string())
    quoted = compute.any(compute.match_substring_regex(cells, _QUOTED)).as_py()
    return None if quoted else cells.fill_null(missing)


def _of_column(column: pd.Series, change: Callable[[str], str]) -> pd.Series:
    """Change the texts of a column; one without any that needs it stays as it is, kind and all."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column
    texts = isinstance(column.dtype, pd.StringDtype)
    if texts:  # soon said, of a million rows too
        matches = compute.match_substring_regex(pa.array(column, pa.large_string()), f"^{_RUN}")
        if not compute.any(matches).as_py():
            return column
    before = column.tolist()
    after = [change(one) if isinstance(one, str) else one for one in before]
    if all(map(operator.is_, before, after)):
        return column
    kind = column.dtype if texts else object
    return pd.Series(after, index=column.index, name=column.name, dtype=kind)


def _of_texts(change: Callable[[str], str]) -> Callable[[object], object]:
    return lambda one: change(one) if isinstance(one, str) else one
