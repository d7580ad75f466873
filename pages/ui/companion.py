"""The scan that another is held against: the least distorted one of the same site and modality."""

import pandas as pd

from curation.groups import sites_of
from pages.ui import text


def reference_scan(scan: pd.Series, usable: pd.DataFrame) -> pd.Series | None:
    """Return the scan of the lowest distortion score among those of the same site and modality.

    Parameters
    ----------
    scan : pandas.Series
        The scan that is looked at; never its own reference.
    usable : pandas.DataFrame
        The scans to choose from, with ``distortion_score``; see :func:`curation.groups.sites_of` for where
        they were made.

    Returns
    -------
    pandas.Series or None
        ``None`` where there is no other scored scan with an image.
    """
    site = sites_of(scan.to_frame().T).iloc[0]
    alike = usable[
        (usable["status"] == "ok")
        & (usable["scan_id"] != scan["scan_id"])
        & usable["distortion_score"].notna()
        & (sites_of(usable) == site)
        & (usable["modality"].fillna("") == (scan["modality"] or ""))
    ]
    if alike.empty:
        return None
    return alike.sort_values(["distortion_score", "scan_id"], kind="stable").iloc[0]


def named(reference: pd.Series) -> tuple[str, str]:
    """Say what a reference scan is, in a short line and a second one."""
    where = sites_of(reference.to_frame().T).iloc[0]
    score = text.score(float(reference["distortion_score"]))
    return f"Reference: score {score}, lowest of {where}", reference["scan_id"]
