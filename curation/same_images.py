"""The same image twice in a workspace: one is used, the others are rows that name it."""

from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from curation import modalities

#: How the reason begins of a file that is named as another one, and of one that holds the same image.
SAME_NAME, SAME_IMAGE = "has the same id as", "the same image as"
_OTHER_PERSON = ", under the id of another person"


def same_name(used: Path | None, own: Path | None) -> str:
    """Return why a scan is not used whose id another one of its source has."""
    if used is not None and used == own:
        return f"{SAME_NAME} another line for the same file; the first one is used"
    return f"{SAME_NAME} {used.name if used else 'another'}, which is used; rename or remove one"


def mark(scans: pd.DataFrame, in_use: Collection[str], asked: Mapping[str, str]) -> pd.DataFrame:
    """Let one scan be used of those that hold the same image and have the same role.

    The one that was in use before stays. Of several that come at once it is one with a known age, if there is
    one, then the one with the shortest id, then the first by the alphabet: the order of the files does not
    count. PETs are left alone: one may go with the T1w of several sessions.

    Parameters
    ----------
    scans : pandas.DataFrame
        All scans of a workspace; not written into.
    in_use : collection of str
        Ids of the scans that were in use before.
    asked : mapping of str to str
        What each source has scored, by its name.

    Returns
    -------
    pandas.DataFrame
        With ``status`` and ``reason`` as they have to be. A scan that was left out for another one is used
        again where that one is gone.
    """
    scans = _as_if_single(scans.reset_index(drop=True), asked)
    there = scans[scans["status"].isin(("ok", "other")) & scans["image_hash"].notna()]
    order = there.assign(
        _listed=there["status"] != "ok",
        _new=~there["scan_id"].isin(in_use),
        _ageless=there["age_years"].isna(),
        _length=there["scan_id"].str.len(),
    ).sort_values(["_listed", "_new", "_ageless", "_length", "scan_id"])
    used = order.groupby(["role", "image_hash"], sort=False)["scan_id"].transform("first")
    again = order[used != order["scan_id"]].index
    whose = scans.set_index("scan_id")["subject_id"]
    for index in again:
        other = whose[used[index]] != scans.at[index, "subject_id"]
        scans.loc[index, ["status", "reason"]] = [
            "duplicate",
            f"{SAME_IMAGE} {used[index]}, which is used{_OTHER_PERSON * other}; one of them can be removed",
        ]
    return scans


def _as_if_single(scans: pd.DataFrame, asked: Mapping[str, str]) -> pd.DataFrame:
    """Give scans that were left out for another one the status that they have by themselves."""
    for index in scans.index[scans["reason"].fillna("").str.startswith(SAME_IMAGE)]:
        row = scans.loc[index]
        status = modalities.status_of(row["modality"], asked.get(row["source"], modalities.SCORED))
        scans.loc[index, ["status", "reason"]] = [status, None]
    return scans
