"""How well people agree on what they see: between raters, and of a rater with himself."""

import pandas as pd

from curation.ratings import ROLES, current
from curation.scales import Scale


def opinions(ratings: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """Return one rating per rater and scan: the newest that stands, hidden repeats and verdicts left out.

    Parameters
    ----------
    ratings : pandas.DataFrame
        See :func:`curation.ratings.list_ratings`.
    scale : Scale
        Only ratings on this scale are compared.
    """
    standing = current(ratings)
    first = standing[
        (standing["scale"] == scale.name) & (standing["role"] == ROLES[0]) & ~standing["repeat"]
    ]
    return first.drop_duplicates(["rater", "scan_id"], keep="last").reset_index(drop=True)


def contested(ratings: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """Return the scans on which raters disagree, the worst dispute first.

    Returns
    -------
    pandas.DataFrame
        ``scan_id``, ``raters``, ``excluded`` (how many of them exclude it), ``spread`` (levels between the
        best and the worst rating), ``said`` (who said what). Scans that some keep and some exclude come
        first, then the wider spread, then the scan's id.
    """
    order = {level: rank for rank, level in enumerate(scale.values)}
    given = opinions(ratings, scale)
    given = given.assign(
        rank=given["level"].map(order).astype("float64"),
        words=[f"{who}: {said}" for who, said in zip(given["rater"], given["label"], strict=True)],
    )
    by_scan = given.groupby("scan_id")
    table = pd.DataFrame(
        {
            "raters": by_scan.size(),
            "excluded": by_scan["excluded"].sum().astype("int64"),
            "spread": (by_scan["rank"].max() - by_scan["rank"].min()).astype("int64"),
            "said": by_scan["words"].agg(", ".join),
        }
    ).reset_index()
    table = table[table["spread"] > 0]
    split = table["excluded"].between(1, table["raters"] - 1)
    return (
        table.assign(split=split)
        .sort_values(["split", "spread", "scan_id"], ascending=[False, False, True])
        .drop(columns="split")
        .reset_index(drop=True)
    )
