"""Many metrics of many scans as one array of numbers, read without a table of everything in between."""

import contextlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from curation import tables
from curation.workspace import Workspace

#: Columns that are read at a time.
_AT_ONCE = 8
_TRIES = 5


def read_matrix(
    workspace: Workspace, scans: pd.DataFrame, names: Sequence[str]
) -> NDArray[np.float32]:
    """Read metrics of some scans.

    Parameters
    ----------
    workspace : Workspace
        Whose metrics.
    scans : pandas.DataFrame, N rows
        With ``scan_id`` and ``sha256``.
    names : sequence of str, M entries
        Metrics; one that was never measured is NaN throughout.

    Returns
    -------
    numpy.ndarray of float32, shape (N, M)
        Column after column in memory; NaN where a metric could not be measured, or was measured on another
        file than the present one.
    """
    for _ in range(_TRIES):
        with contextlib.suppress(FileNotFoundError):  # gathered into one file while we read
            return _read(workspace, scans, names)
    return _read(workspace, scans, names)


def _read(workspace: Workspace, scans: pd.DataFrame, names: Sequence[str]) -> NDArray[np.float32]:
    matrix = np.full((len(scans), len(names)), np.nan, dtype=np.float32, order="F")
    keys = tables.read_part_columns(workspace, ["scan_id", "sha256"])
    if keys is None or not len(scans):
        return matrix
    here, rows = _places(keys, scans)
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        table = tables.read_part_columns(workspace, some)
        for place, name in enumerate(some, start):
            if table is not None and name in table.column_names:
                column = table[name].to_numpy().astype(np.float32)
                matrix[here, place] = column[rows]
    return matrix


def _places(keys: pa.Table, scans: pd.DataFrame) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which scans are measured, and in which row: the newest of each, of the present file."""
    ids = pd.Index(keys["scan_id"].to_numpy())
    newest = np.flatnonzero(~ids.duplicated(keep="last"))
    found = ids[newest].get_indexer(scans["scan_id"].to_numpy(dtype=object))
    here = np.flatnonzero(found >= 0)
    rows = newest[found[here]]
    same = keys["sha256"].to_numpy()[rows] == scans["sha256"].to_numpy(dtype=object)[here]
    return here[same], rows[same]
