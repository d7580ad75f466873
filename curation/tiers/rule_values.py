"""Columns of a rule put beside a table of scans: tags, and metrics that the table lacks."""

from collections.abc import Iterable

import pandas as pd

from curation.decisions import scan_tags
from curation.storage import tables, tag_columns
from curation.storage.workspace import Workspace


def beside(workspace: Workspace, scans: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Return a table of scans with those of ``columns`` that it lacks.

    Parameters
    ----------
    workspace : Workspace
        Whose scans.
    scans : pandas.DataFrame, N rows
        With ``scan_id`` and ``sha256``; not written into.
    columns : iterable of str
        Such as ``rule.columns``. Of a tag 1 where a scan has it, else 0; of a metric as
        :func:`curation.storage.tables.with_metrics` says.
    """
    wanted = list(dict.fromkeys(columns))
    tagged = {name: tag for name in wanted if (tag := tag_columns.tag_of(name)) is not None}
    table = tables.with_metrics(workspace, scans, [name for name in wanted if name not in tagged])
    if not tagged:
        return table
    known = scan_tags.in_force(workspace)
    has = {name: scan_tags.values(known, tag, table["scan_id"]) for name, tag in tagged.items()}
    return table.assign(**has)
