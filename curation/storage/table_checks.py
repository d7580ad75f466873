"""Checks of tables as they come from disk: the columns that are counted on are there, and of their kind."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from curation.errors import DamagedError


def refuse_odd(
    path: Path, table: pd.DataFrame, kinds: Mapping[str, str], remedy: str, *, key: str = ""
) -> pd.DataFrame:
    """Return a table whose columns are as expected.

    Parameters
    ----------
    path : Path
        Where it came from.
    table : pandas.DataFrame
        As it was read.
    kinds : mapping of str to str
        Columns that it has to have -> what they hold: ``'str'``, ``'float64'``, ``'bool'`` or ``'object'``
        (anything). Without any value a column is of every kind.
    remedy : str
        What to do where it is otherwise.
    key : str
        A column in which no value comes twice, or is missing.

    Raises
    ------
    DamagedError
        Naming the column.
    """
    for name, kind in kinds.items():
        if name not in table:
            raise DamagedError(path, f"it lacks the column {name!r}", remedy)
        if not _fits(table[name], kind):
            raise DamagedError(
                path, f"its column {name!r} holds other values than it should", remedy
            )
    if key and not (table[key].is_unique and table[key].notna().all()):
        raise DamagedError(path, f"a value of {key!r} is in it twice, or is missing", remedy)
    return table


def _fits(column: pd.Series, kind: str) -> bool:
    types = pd.api.types
    if kind == "object" or not len(column):
        return True
    if kind == "bool":
        return bool(types.is_bool_dtype(column.dtype))
    if kind == "float64":
        fits = types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column.dtype)
    else:
        known = isinstance(column.dtype, pd.CategoricalDtype) or types.is_string_dtype(column.dtype)
        fits = known or types.is_object_dtype(column.dtype)
    return bool(fits) or bool(column.isna().all())
