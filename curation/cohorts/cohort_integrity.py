"""Integrity of frozen cohorts: scans whose file or listing differs from what was frozen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from curation.cohorts import cohort_draft
from curation.cohorts.frozen_cohort import Cohort, CohortHeader
from curation.sources.ingest import ProgressCallback
from curation.storage import files, tables
from curation.storage.workspace import Workspace


def changed_files(
    workspace: Workspace, cohort: Cohort, progress: ProgressCallback | None = None
) -> pd.DataFrame:
    """Compare the files of a cohort's scans with what was frozen.

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
    return changed_scan_files(workspace, cohort_draft.included(cohort.scans), progress)


def changed_scan_files(
    workspace: Workspace, scans: pd.DataFrame, progress: ProgressCallback | None = None
) -> pd.DataFrame:
    """Compare the files of any scans, kept with ``scan_id`` and ``sha256``, as :func:`changed_files` does."""
    scans = scans[["scan_id", "sha256"]]
    listed = tables.read_scans(workspace)[
        ["scan_id", "sha256", "path", "status", "bytes", "modified"]
    ]
    both = scans.merge(listed, on="scan_id", how="left", suffixes=("", "_listed"))
    found = []
    for number, row in enumerate(both.itertuples(index=False), start=1):
        if reason := _reason(row):
            found.append((row.scan_id, row.path, reason))
        if progress:
            progress(number, len(both))
    return pd.DataFrame(found, columns=["scan_id", "path", "reason"])


def changed_listing(workspace: Workspace, cohort: Cohort) -> pd.DataFrame:
    """Return the rows of a cohort whose scan is gone from the workspace's table or has other content there.

    Only the table is compared; the files themselves are looked at by :func:`changed_files`.
    """
    listed = tables.read_scans(workspace).set_index("scan_id")["sha256"]
    present = cohort.scans["scan_id"].map(listed)
    return cohort.scans[present != cohort.scans["sha256"]]


def outdated(header: CohortHeader, now: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a cohort's scans are scored with otherwise now than when it was frozen, in words.

    ``now`` is of :func:`made_with`, for which only tables are read: scans are compared by
    :func:`changed_listing` and :func:`changed_files`, tiers by :func:`curation.cohorts.cohort_diff.compare`.
    A cohort that does not say what it was made with is not said to be outdated. A control has the tiers of
    the cohort that it was drawn from, and may hold scans of only some of that one's references.
    """
    then, held = {"reference": header.reference, **header.versions}, now.get("reference", "")
    if header.drawn and held and set(held.split(", ")) < set(header.reference.split(", ")):
        then["reference"] = held
    return tuple(
        f"{label} {then[name]}, now {by}{now[name]}"
        for name, (label, by) in _MADE_WITH.items()
        if then.get(name) and now.get(name) and then[name] != now[name]
    )


#: What a list is made with -> in words.
_MADE_WITH = {
    "reference": ("scored by", "by "),
    "scoring_version": ("scoring version", ""),
    "metrics_version": ("metrics version", ""),
}


def makers(workspace: Workspace) -> pd.DataFrame:
    """Return what the score of each scored scan is made with at present.

    Returns
    -------
    pandas.DataFrame
        ``scan_id`` and those of ``reference scoring_version metrics_version`` that are known.
    """
    scans = tables.read_scored_scans(workspace, {"reference"})
    scored = scans.loc[scans["distortion_score"].notna()]
    told = scored[[name for name in ("scan_id", "reference") if name in scored]]
    if (version := tables.scoring_version(workspace)) is not None:
        told = told.assign(scoring_version=version)
    measured = tables.read_metrics(workspace, ("metrics_version",))
    if "metrics_version" in measured:
        measured = measured[["scan_id", "metrics_version"]]
        told = told.merge(measured, on="scan_id", how="left")
    return told


def made_with(makers: pd.DataFrame, scans: pd.DataFrame) -> dict[str, str]:
    """Return what the scores of some scans are made with, by :func:`makers` of their workspace."""
    mine = tables.rows_of(makers, scans["scan_id"])
    return {
        name: ", ".join(sorted(map(str, mine[name].dropna().unique())))
        for name in _MADE_WITH
        if name in mine
    }


def _reason(row: Any) -> str | None:
    """Return the difference of a scan from the frozen one, ``None`` where there is none."""
    if not isinstance(row.status, str):
        return "it is no longer in the workspace"
    if row.sha256 != row.sha256_listed:
        return "it was listed again since, with other content"
    if row.status == "table":
        return None
    path = Path(row.path)
    try:
        stat = path.stat()
        if stat.st_size == row.bytes and stat.st_mtime == row.modified:
            return None
        return None if files.sha256_of(path) == row.sha256 else "its file has other content now"
    except FileNotFoundError:
        return "its file is gone"
    except OSError as error:
        return f"its file cannot be read ({error.strerror})"
