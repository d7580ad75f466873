"""Stability of tiers: scans so near to a cut-off that another rater might have put them on its other side.

One rater's standard deviation, in points of the score: the standard error of measurement of classical test
theory, ``SD sqrt(1 - r)``, with the spread of the scores of the scans and the reliability r of a single
rating (the intraclass correlation ICC(1,1) of Shrout and Fleiss 1979, doi:10.1037/0033-2909.86.2.420).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.ratings import agreement, rating_log
from curation.ratings.rating_record import RATING_ROLES
from curation.ratings.scales import Scale
from curation.tier_effects.tier_balance import Floats

#: Fewer scans with two ratings do not tell a reliability.
ENOUGH_TWICE = 20
#: ICC(1,1) of the three raters of ABIDE on three levels, over 1,101 scans that two or three of them rated.
ABIDE_RELIABILITY = 0.29


@dataclass(frozen=True)
class RaterSpread:
    """How far one rater's opinion spreads, in points of the score.

    Parameters
    ----------
    points : float
        One standard deviation.
    reliability : float
        Of a single rating, at most 1; 0 or less: no better than chance.
    scans : int
        How many scans with two ratings or more tell it; 0 where ABIDE's raters stand in.
    reason : str
        Where it comes from, a sentence.
    """

    points: float
    reliability: float
    scans: int
    reason: str


def intraclass(scans: NDArray[np.integer], values: Floats) -> tuple[float, int]:
    """Return the reliability of a single rating, ICC(1,1), and from how many scans.

    One-way analysis of variance: ``(MSB - MSW) / (MSB + (k - 1) MSW)``, with k the mean number of ratings a
    scan, corrected where these differ (Shrout and Fleiss 1979; Searle 1971).

    Parameters
    ----------
    scans : numpy.ndarray of int, shape (R,)
        Which scan a rating is of.
    values : numpy.ndarray, shape (R,)
        The ratings. Scans with one rating do not count.

    Returns
    -------
    reliability : float
        At most 1; NaN below two scans, or where all ratings are the same.
    number : int
        Scans with two ratings or more.
    """
    _, place = np.unique(scans, return_inverse=True)
    keep = np.bincount(place)[place] > 1
    _, place = np.unique(scans[keep], return_inverse=True)
    given = values[keep]
    size = np.bincount(place)
    n, total = len(size), len(given)
    if n < 2:
        return float("nan"), n
    means = np.bincount(place, given) / size
    within = float(((given - means[place]) ** 2).sum()) / (total - n)
    among = float((size * (means - given.mean()) ** 2).sum()) / (n - 1)
    k = (total - (size**2).sum() / total) / (n - 1)
    below = among + (k - 1) * within
    return (float((among - within) / below) if below > 0 else float("nan")), n


def rater_spread(
    given: pd.DataFrame, scales: Iterable[Scale], scores: Sequence[float] | Floats
) -> RaterSpread:
    """Return one rater's standard deviation in points of the score.

    Parameters
    ----------
    given : pandas.DataFrame
        See :func:`curation.ratings.rating_log.list_ratings`.
    scales : iterable of Scale
        The one with the most scans rated twice is used.
    scores : array-like, shape (N,)
        Scores of all scans that are cut; NaN are left out.

    Returns
    -------
    RaterSpread
        From scans that several people rated; else from repeats by one; else, below 20 of either, as
        reliable as the raters of ABIDE. ``points`` is NaN below two scores.
    """
    values = np.asarray(scores, dtype=float)
    values = values[np.isfinite(values)]
    spread = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    scales = list(scales)
    for found, what in (
        (_several_raters(given, scales), "scans that two people or more rated"),
        (_repeats(given, scales), "scans that one person rated twice"),
    ):
        reliability, scans = max(found, key=lambda one: one[1], default=(np.nan, 0))
        if scans >= ENOUGH_TWICE and np.isfinite(reliability):
            reason = (
                f"From {scans:,} {what}: a single rating has a reliability of {reliability:.2f}."
            )
            return RaterSpread(_points(spread, reliability), reliability, scans, reason)
    reason = (
        f"Fewer than {ENOUGH_TWICE} scans are rated twice here, so the raters of ABIDE stand in: their "
        f"single rating has a reliability of {ABIDE_RELIABILITY:.2f}."
    )
    return RaterSpread(_points(spread, ABIDE_RELIABILITY), ABIDE_RELIABILITY, 0, reason)


def _points(spread: float, reliability: float) -> float:
    return spread * float(np.sqrt(1 - max(reliability, 0.0)))


def _several_raters(given: pd.DataFrame, scales: list[Scale]) -> list[tuple[float, int]]:
    tables = (agreement.opinions(given, scale) for scale in scales)
    return [_of(table) for table in tables if len(table)]


def _repeats(given: pd.DataFrame, scales: list[Scale]) -> list[tuple[float, int]]:
    """Compare people with themselves: a rater's ratings of one scan in one session."""
    standing = rating_log.current(given)
    found = []
    for scale in scales:
        places = {level: place for place, level in enumerate(scale.values)}
        own = standing[(standing["scale"] == scale.name) & (standing["role"] == RATING_ROLES[0])]
        own = own.assign(
            rank=own["level"].map(places), scan_id=own["rater"] + "\n" + own["scan_id"]
        )
        found += [_of(own)] if len(own) else []
    return found


def _of(table: pd.DataFrame) -> tuple[float, int]:
    codes, _ = pd.factorize(table["scan_id"])
    return intraclass(codes, table["rank"].to_numpy(dtype=float))


def near(values: Floats, edges: Sequence[float | Floats], points: float) -> Floats:
    """Return how far each scan's value is from its nearest cut-off, NaN for those farther than ``points``.

    Parameters
    ----------
    values : numpy.ndarray, shape (N,)
        What is cut; NaN stays NaN.
    edges : sequence of float or of numpy.ndarray of shape (N,)
        The cut-offs, in any order; an array where scans have cut-offs of their own.
    points : float
        How far counts as near.

    Returns
    -------
    numpy.ndarray, shape (N,)
        Value less cut-off, so negative below it.
    """
    nearest = np.full(len(values), np.nan)
    for edge in edges:
        apart = values - edge
        with np.errstate(invalid="ignore"):
            closer = (np.abs(apart) <= points) & ~(np.abs(nearest) <= np.abs(apart))
        nearest[closer] = apart[closer]
    return nearest


def counts_near(values: Floats, edges: Sequence[float | Floats], points: float) -> list[int]:
    """Return how many scans lie within ``points`` of each cut-off, and last of any of them."""
    inside = [np.abs(values - edge) <= points for edge in edges]
    any_of = int(np.logical_or.reduce(inside).sum()) if inside else 0
    return [*(int(one.sum()) for one in inside), any_of]
