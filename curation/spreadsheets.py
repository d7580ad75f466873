"""Text cells that no spreadsheet takes for a formula: the one rule of every table that leaves.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@``, also in CSV and TSV, whoever wrote it
there. Such a text has ``'`` in front; a number has not. Reading takes exactly one off again.
"""

import operator
import re
from collections.abc import Callable

import pandas as pd

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
# tab and line breaks are passed over by spreadsheets; the wide signs are those of East Asian keyboards
_RUN = r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
_FORMULA, _GUARDED = re.compile(_RUN), re.compile(f"'(?={_RUN})")


def guarded(text: str) -> str:
    """Return a text as a cell; as it is where a spreadsheet takes it for text or for a number."""
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def unguarded(cell: str) -> str:
    """Return the text of which :func:`guarded` made a cell."""
    return cell[1:] if _GUARDED.match(cell) else cell


def guarded_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with every text in it, and every column's name, as a cell."""
    return table.rename(columns=_of_texts(guarded)).apply(_of_column, change=guarded)


def unguarded_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table of which :func:`guarded_table` made cells, once it was read back."""
    return table.rename(columns=_of_texts(unguarded)).apply(_of_column, change=unguarded)


def csv(table: pd.DataFrame, *, separator: str = ",", missing: str = "") -> str:
    """Return a table as a file for people: one line a row, in full precision, without the index."""
    return guarded_table(table).to_csv(
        sep=separator, index=False, na_rep=missing, lineterminator="\n"
    )


def _of_column(column: pd.Series, change: Callable[[str], str]) -> pd.Series:
    """Change the texts of a column; one without any that needs it stays as it is, kind and all."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column
    texts = isinstance(column.dtype, pd.StringDtype)
    if texts and not column.str.match(_RUN, na=False).any():  # soon said, of a million rows too
        return column
    before = column.tolist()
    after = [change(one) if isinstance(one, str) else one for one in before]
    if all(map(operator.is_, before, after)):
        return column
    kind = column.dtype if texts else object
    return pd.Series(after, index=column.index, name=column.name, dtype=kind)


def _of_texts(change: Callable[[str], str]) -> Callable[[object], object]:
    return lambda one: change(one) if isinstance(one, str) else one
