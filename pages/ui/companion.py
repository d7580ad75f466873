"""The scan that another is held against: the least distorted one of the same site and modality."""

import pandas as pd

from pages.ui import text


def reference_scan(scan: pd.Series, usable: pd.DataFrame) -> pd.Series | None:
    """Return the scan of the lowest distortion score among those of the same site and modality.

    Parameters
    ----------
    scan : pandas.Series
        The scan that is looked at; never its own reference.
    usable : pandas.DataFrame
        The scans to choose from, with ``distortion_score``. Where no site is known, those of the same
        source are of one site.

    Returns
    -------
    pandas.Series or None
        ``None`` where there is no other scored scan with an image.
    """
    place = "site" if isinstance(scan["site"], str) and scan["site"] else "source"
    alike = usable[
        (usable["status"] == "ok")
        & (usable["scan_id"] != scan["scan_id"])
        & usable["distortion_score"].notna()
        & (usable[place] == scan[place])
        & (usable["modality"].fillna("") == (scan["modality"] or ""))
    ]
    if alike.empty:
        return None
    return alike.sort_values(["distortion_score", "scan_id"], kind="stable").iloc[0]


def named(reference: pd.Series) -> tuple[str, str]:
    """Say what a reference scan is, in a short line and a second one."""
    site = reference["site"]
    where = site if isinstance(site, str) and site else reference["source"]
    score = text.score(float(reference["distortion_score"]))
    return f"Reference: score {score}, lowest of {where}", reference["scan_id"]
