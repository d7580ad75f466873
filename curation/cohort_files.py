"""Whether the files behind a frozen cohort are still those that it was frozen with."""

from pathlib import Path

import pandas as pd

from curation import cohort_lists, files, tables
from curation.cohorts import Cohort
from curation.ingest import Progress
from curation.workspace import Workspace


def changed(workspace: Workspace, cohort: Cohort, progress: Progress | None = None) -> pd.DataFrame:
    """Look at the files of a cohort's scans.

    Parameters
    ----------
    workspace : Workspace
        Knows where the files are.
    cohort : Cohort
        Frozen; its unusable scans are not looked at.
    progress : callable, optional
        Called with (files looked at, files in all).

    Returns
    -------
    pandas.DataFrame
        ``scan_id, path, reason`` of the scans that are no longer what they were, in the cohort's order.
        Scans that came from a table have no file; of them the table is compared.

    Notes
    -----
    A file of the size and time that it was listed with is taken to be the same. Any other is read, and is the
    same where its SHA-256 is.
    """
    scans = cohort_lists.included(cohort.scans)
    listed = tables.read_scans(workspace).set_index("scan_id")
    rows = []
    for number, (scan_id, sha256) in enumerate(
        zip(scans["scan_id"], scans["sha256"], strict=True), start=1
    ):
        row = listed.loc[scan_id] if scan_id in listed.index else None
        reason = "it is no longer in the workspace" if row is None else _reason(row, sha256)
        if reason:
            rows.append((scan_id, None if row is None else row["path"], reason))
        if progress:
            progress(number, len(scans))
    return pd.DataFrame(rows, columns=["scan_id", "path", "reason"])


def _reason(row: pd.Series, sha256: str) -> str | None:
    """Return why a scan is no longer what it was."""
    if row["sha256"] != sha256:
        return "it was listed again since, with other content"
    if row["status"] == "table":
        return None
    path = Path(row["path"])
    try:
        stat = path.stat()
        if stat.st_size == row["bytes"] and stat.st_mtime == row["modified"]:
            return None
        return None if files.sha256_of(path) == sha256 else "its file has other content now"
    except FileNotFoundError:
        return "its file is gone"
    except OSError as error:
        return f"its file cannot be read ({error.strerror})"
