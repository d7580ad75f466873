"""Agreement of raters: between raters, and of each rater with himself."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from curation.ratings.agreement_coefficients import (
    MIN_FOR_INTERVAL,
    Figure,
    Level,
    alpha_of_counts,
    kappa_with_interval,
)
from curation.ratings.rating_log import current
from curation.ratings.rating_record import RATING_ROLES
from curation.ratings.scales import Scale

# ---- who said what ---------------------------------------------------------------------------------


def opinions(ratings: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """Return one rating per rater and scan: the newest that stands, without hidden repeats and adjudications.

    Parameters
    ----------
    ratings : pandas.DataFrame
        See :func:`curation.ratings.rating_log.list_ratings`, in its order.
    scale : Scale
        Only ratings on this scale are compared.

    Returns
    -------
    pandas.DataFrame
        The columns of ``ratings``, and ``rank``: the place of the level on the scale, 0 for the best.
    """
    standing = current(ratings)
    first = standing[
        (standing["scale"] == scale.name)
        & (standing["role"] == RATING_ROLES[0])
        & ~standing["repeat"]
    ]
    newest = first.drop_duplicates(["rater", "scan_id"], keep="last").reset_index(drop=True)
    return newest.assign(rank=_ranks(newest, scale))


def _ranks(ratings: pd.DataFrame, scale: Scale) -> pd.Series:
    places = {level: place for place, level in enumerate(scale.values)}
    return ratings["level"].map(places).astype("int64")


def contested(ratings: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """Return the scans on which raters disagree, the worst dispute first.

    Returns
    -------
    pandas.DataFrame
        ``scan_id``, ``raters``, ``excluded`` (how many of them exclude it), ``spread`` (levels between the
        best and the worst rating), ``said`` (who said what). Scans that some keep and some exclude come
        first, then the wider spread, then the scan's id.
    """
    given = opinions(ratings, scale)
    words = [f"{who}: {said}" for who, said in zip(given["rater"], given["label"], strict=True)]
    by_scan = given.assign(words=words).groupby("scan_id")
    table = pd.DataFrame(
        {
            "raters": by_scan.size(),
            "excluded": by_scan["excluded"].sum().astype("int64"),
            "spread": by_scan["rank"].max() - by_scan["rank"].min(),
            "said": by_scan["words"].agg(", ".join),
        }
    ).reset_index()
    table = table[table["spread"] > 0]
    split = table["excluded"].between(1, table["raters"] - 1)
    order = ["split", "spread", "scan_id"]
    worst_first = table.assign(split=split).sort_values(order, ascending=[False, False, True])
    return worst_first.drop(columns="split").reset_index(drop=True)


def adjudication_queue(ratings: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """Return the contested scans without an adjudication, with the columns of :func:`contested`.

    An adjudication (:func:`curation.ratings.rating_log.adjudicate`) ends the dispute on every scale.
    """
    standing = current(ratings)
    settled = standing.loc[standing["role"] == "adjudicator", "scan_id"]
    disputed = contested(ratings, scale)
    return disputed[~disputed["scan_id"].isin(settled)].reset_index(drop=True)


# ---- two people -----------------------------------------------------------------------------------


def _counts(first: ArrayLike, second: ArrayLike, size: int) -> NDArray[np.int64]:
    table = np.zeros((size, size), dtype=np.int64)
    np.add.at(table, (np.asarray(first, dtype=int), np.asarray(second, dtype=int)), 1)
    return table


def _compared(counts: NDArray[np.int64]) -> dict[str, float]:
    """Return the agreement of two raters from the table of counts of their levels, best first."""
    keep = counts[:-1, :-1].sum(), counts[:-1, -1].sum()
    fail = counts[-1, :-1].sum(), counts[-1, -1]
    weighted = kappa_with_interval(counts)
    failed = kappa_with_interval(np.array([keep, fail]))
    total = int(counts.sum())
    return {
        "n": total,
        "same": float(np.trace(counts) / total) if total else np.nan,
        **dict(zip(("weighted_kappa", "low", "high"), weighted, strict=True)),
        **dict(zip(("fail_kappa", "fail_low", "fail_high"), failed, strict=True)),
    }


_FIGURES = [
    "n",
    "same",
    "weighted_kappa",
    "low",
    "high",
    "fail_kappa",
    "fail_low",
    "fail_high",
]


def pairs(ratings: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """Compare each two raters on the scans that both rated.

    Returns
    -------
    pandas.DataFrame
        ``rater_1``, ``rater_2``, ``n`` (scans in common), ``same`` (share rated the same),
        ``weighted_kappa`` with ``low`` and ``high``, and ``fail_kappa`` (worst level against the rest) with
        ``fail_low`` and ``fail_high``. Weights are by the square of the distance between levels. Intervals
        are NaN below ten scans. Pairs without a scan in common are left out.
    """
    wide = _wide(ratings, scale)
    rows = []
    for index, first in enumerate(wide.columns):
        for second in wide.columns[index + 1 :]:
            both = wide[[first, second]].dropna()
            if len(both):
                counts = _counts(both[first], both[second], len(scale.values))
                rows.append({"rater_1": first, "rater_2": second} | _compared(counts))
    return pd.DataFrame(rows, columns=["rater_1", "rater_2", *_FIGURES])


def _wide(ratings: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """Return ranks, one row a scan and one column a rater, NaN where a scan was not rated."""
    given = opinions(ratings, scale)
    return given.pivot(index="scan_id", columns="rater", values="rank").astype("float64")


def intra(ratings: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """Compare each rater's hidden repeats with the first time.

    Returns
    -------
    pandas.DataFrame
        ``rater`` and the figures of :func:`pairs`; ``n`` counts repeats.
    """
    standing = current(ratings)
    given = standing[standing["scale"] == scale.name]
    given = given.assign(rank=_ranks(given, scale))
    keys = ["rater", "scan_id", "session_id"]
    first, again = given[~given["repeat"]], given[given["repeat"]]
    both = first.merge(again, on=keys, suffixes=("", "_again"))
    rows = [
        {"rater": rater} | _compared(_counts(table["rank"], table["rank_again"], len(scale.values)))
        for rater, table in both.groupby("rater")
    ]
    return pd.DataFrame(rows, columns=["rater", *_FIGURES])


def confusion(ratings: pd.DataFrame, scale: Scale, first: str, second: str) -> pd.DataFrame:
    """Cross-tabulate two raters' levels of the same scans: rows the first, columns the second, best first."""
    words = list(scale.values.values())
    both = _wide(ratings, scale).reindex(columns=[first, second]).dropna()
    counts = _counts(both[first], both[second], len(words))
    index, columns = pd.Index(words, name=first), pd.Index(words, name=second)
    return pd.DataFrame(counts, index, columns)


# ---- all of them -----------------------------------------------------------------------------------


def alpha(ratings: pd.DataFrame, scale: Scale, level: Level = "ordinal") -> Figure:
    """Return Krippendorff's alpha over all raters, scans that not everybody rated included.

    Parameters
    ----------
    ratings, scale
        See :func:`opinions`.
    level : {'nominal', 'ordinal', 'interval'}
        See :func:`curation.ratings.agreement_coefficients.alpha_of_counts`.
    """
    given = opinions(ratings, scale)
    scans = given["scan_id"].astype("category").cat.codes.to_numpy()
    counts = np.zeros((given["scan_id"].nunique(), len(scale.values)))
    np.add.at(counts, (scans, given["rank"].to_numpy()), 1)
    return alpha_of_counts(counts, list(scale.values), level)


def ceiling(ratings: pd.DataFrame, scales: Mapping[str, Scale]) -> float | None:
    """Return the raters' kappa, exclude against keep: the mean over pairs, weighted by scans in common.

    Parameters
    ----------
    ratings : pandas.DataFrame
        See :func:`opinions`.
    scales : mapping of str to Scale
        Ratings on others are left out.

    Returns
    -------
    float or None
        ``None`` with fewer pairs of ratings of one scan than an interval takes.
    """
    used = [scales[name] for name in ratings["scale"].unique() if name in scales]
    compared = [pairs(ratings, scale).dropna(subset="fail_kappa") for scale in used]
    rows = [row for table in compared for row in table.itertuples()]
    kappas, weights = [row.fail_kappa for row in rows], [row.n for row in rows]
    return float(np.average(kappas, weights=weights)) if sum(weights) >= MIN_FOR_INTERVAL else None
