"""Joined columns: numbers of other tools, one row a scan, beside what Tierscope measured itself.

The name of one says all that a rule needs: ``worse.agitation.motion_mm`` is the column ``motion_mm`` of the
table ``agitation``, of which a higher value is worse. So a rule can be read where the table is not.
"""

import re
from typing import NamedTuple

import pandas as pd

from curation.storage import files
from curation.storage.workspace_paths import WorkspacePaths

#: How the name of a column begins -> what a higher value says of a scan.
WAYS = {"worse": "a higher value is worse", "better": "a higher value is better", "told": "neither"}
_NAME = re.compile(rf"({'|'.join(WAYS)})\.([A-Za-z0-9_-]{{1,60}})\.([A-Za-z0-9_-]{{1,60}})")
REMEDY = "Move it away: it is made anew when a source is listed or a table is joined."


class JoinedName(NamedTuple):
    """The parts of a joined column's name: way, table and column."""

    way: str
    table: str
    column: str


def parts_of(name: str) -> JoinedName | None:
    """Return the parts of a joined column's name; ``None`` where it is another's.

    Examples
    --------
    >>> parts_of("worse.agitation.motion_mm")
    JoinedName(way='worse', table='agitation', column='motion_mm')
    >>> parts_of("distortion_score") is None
    True
    """
    match = _NAME.fullmatch(name)
    return JoinedName(*match.groups()) if match else None


def plain(text: str) -> str:
    """Return a text as a part of such a name: letters, digits, ``-`` and ``_``."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_-")[:60] or "column"


def read(paths: WorkspacePaths) -> pd.DataFrame | None:
    """Return ``scan_id`` and all joined columns, a row a scan that has any; ``None`` where there are none."""
    if not paths.joined_columns_path.exists():
        return None
    table = files.read_parquet(paths.joined_columns_path, REMEDY)
    return table if len(table.columns) > 1 else None


def add_to(paths: WorkspacePaths, scans: pd.DataFrame) -> pd.DataFrame:
    """Return a table of scans with the joined columns beside it; NaN where a scan has no value."""
    joined = read(paths)
    return scans if joined is None else scans.merge(joined, on="scan_id", how="left")
