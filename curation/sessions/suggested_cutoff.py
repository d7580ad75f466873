"""Suggestion of a cut-off of the distortion score from ratings, with its evidence.

A scan is excluded where its score reaches the cut-off, as in :mod:`curation.tiers.tier_rule`. The cut-off
suggested is the one with the least expected cost, where a missed bad scan costs a multiple of a wrongly
excluded good one.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from curation.errors import RatingError
from curation.ratings import agreement, agreement_coefficients, rating_log
from curation.ratings.scales import all_scales
from curation.references import reference_library
from curation.storage import tables
from curation.storage.workspace import Workspace

MIN_SCANS, ENOUGH_SCANS = 20, 50
#: With fewer scans of one label, a cut-off hangs on single scans.
ENOUGH_OF_EACH = 5
RESAMPLES = 1000
MAX_COST_RATIO = 100.0

#: Between the references in the evidence.
_BETWEEN = ", "

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Suggestion:
    """A suggested cut-off with its evidence.

    Parameters
    ----------
    cutoff, low, high : float
        Points of the score, with the bootstrap 95 % interval.
    sensitivity, specificity : float
        Share of the bad scans that it excludes, and of the good ones that it keeps.
    n, excluded : int
        Scans with a label, and how many of them are to be excluded.
    auc, auc_low, auc_high : float
        Area under the ROC curve with its interval.
    kappa : float
        Agreement of score and labels at the cut-off, exclude against keep.
    ceiling_kappa : float or None
        The same between raters: no score agrees with people better than people do. ``None`` with
        fewer than :data:`~curation.ratings.agreement_coefficients.MIN_FOR_INTERVAL` pairs of ratings of one
        scan.
    cost_ratio : float
        How many good scans one missed bad scan is worth.
    seed : int
        Of the bootstrap.
    warnings : tuple of str
        Reasons for doubt, in sentences.
    evidence : dict
        Origin of the ratings.
    """

    cutoff: float
    low: float
    high: float
    sensitivity: float
    specificity: float
    n: int
    excluded: int
    auc: float
    auc_low: float
    auc_high: float
    kappa: float
    ceiling_kappa: float | None
    cost_ratio: float
    seed: int
    warnings: tuple[str, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def references(self) -> list[str]:
        """Ids of the references of the scores that it is a cut-off of; none where it does not say."""
        return [one for one in str(self.evidence.get("reference", "")).split(_BETWEEN) if one]


def roc(scores: ArrayLike, excluded: ArrayLike) -> pd.DataFrame:
    """Return the ROC curve of a score.

    Parameters
    ----------
    scores : array-like, shape (N,)
        Higher is worse.
    excluded : array-like of bool, shape (N,)
        The raters' labels; both must occur.

    Returns
    -------
    pandas.DataFrame
        ``cutoff`` (falling, one between each two scores, and one beyond each end, within 0 to 100),
        ``sensitivity`` and ``specificity``, and ``missed`` and ``wrongly_excluded`` (counts).

    Examples
    --------
    >>> roc([10, 20, 80], [False, False, True])[["cutoff", "missed", "wrongly_excluded"]]
       cutoff  missed  wrongly_excluded
    0    90.0       1                 0
    1    50.0       0                 0
    2    15.0       0                 1
    3     5.0       0                 2
    """
    values, bad = np.asarray(scores, dtype=np.float64), np.asarray(excluded, dtype=bool)
    cutoffs, missed, wrong = _errors(values, bad)
    return pd.DataFrame(
        {
            "cutoff": cutoffs,
            "sensitivity": 1 - missed / bad.sum(),
            "specificity": 1 - wrong / (~bad).sum(),
            "missed": missed,
            "wrongly_excluded": wrong,
        }
    )


def _errors(values: Floats, bad: NDArray[np.bool_]) -> tuple[Floats, NDArray, NDArray]:
    """Return cut-offs between the scores, highest first, and the errors that each makes.

    Written out since it runs 2,000 times a suggestion: scikit-learn's ``roc_curve`` and ``roc_auc_score``
    give the same numbers, see the tests, in thirty times as long.
    """
    levels, place = np.unique(values, return_inverse=True)
    size = len(levels)
    bads = np.bincount(place, bad, size)[::-1].cumsum()
    goods = np.bincount(place, ~bad, size)[::-1].cumsum()
    between = (levels[1:] + levels[:-1]) / 2
    missed = bad.sum() - np.concatenate([[0], bads])
    return (
        np.concatenate([np.atleast_1d((levels[-1] + 100) / 2), between[::-1], levels[:1] / 2]),
        missed.astype(int),
        np.concatenate([[0], goods]).astype(int),
    )


def _cheapest(values: Floats, bad: NDArray[np.bool_], cost_ratio: float) -> tuple[float, int, int]:
    """Return the cut-off of least cost (of equal ones that lie together, the middle) and its errors."""
    cutoffs, missed, wrong = _errors(values, bad)
    cost = cost_ratio * missed + wrong
    best = np.flatnonzero(cost <= cost.min() + 1e-9)
    chosen = best[(len(best) - 1) // 2]
    return float(cutoffs[chosen]), int(missed[chosen]), int(wrong[chosen])


def _auc(values: Floats, bad: NDArray[np.bool_]) -> float:
    """Return the probability that a bad scan scores higher than a good one, ties counted half."""
    _, missed, wrong = _errors(values, bad)
    found = bad.sum() - missed
    return float(np.trapezoid(found, wrong) / (bad.sum() * (~bad).sum()))


def suggest(
    scores: ArrayLike,
    excluded: ArrayLike,
    cost_ratio: float = 1.0,
    seed: int = 0,
    *,
    ceiling_kappa: float | None = None,
    evidence: dict[str, Any] | None = None,
) -> Suggestion:
    """Find the cut-off with the least expected cost.

    Parameters
    ----------
    scores : array-like, shape (N,)
        Distortion scores, 0 to 100, of scans that people judged.
    excluded : array-like of bool, shape (N,)
        Their labels.
    cost_ratio : float
        Cost of a missed bad scan over that of a wrongly excluded good one, 0.01 to 100.
    seed : int
        Of the bootstrap over scans, 1,000 draws.
    ceiling_kappa, evidence
        Kept with the suggestion.

    Raises
    ------
    RatingError
        Below 20 scans, with one label only, with costs that make no sense, or where no cut-off is cheaper
        than keeping or excluding every scan.
    """
    values, bad = np.asarray(scores, dtype=np.float64), np.asarray(excluded, dtype=bool)
    _check(len(values), int(bad.sum()), cost_ratio)
    cutoff, missed, wrong = _cheapest(values, bad, cost_ratio)
    if missed == bad.sum() or wrong == (~bad).sum():
        raise RatingError(_none_is_better(missed > 0, _auc(values, bad)))
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(RESAMPLES):
        rows = rng.integers(len(values), size=len(values))
        if 0 < bad[rows].sum() < len(rows):
            drawn = _cheapest(values[rows], bad[rows], cost_ratio)[0]
            draws.append((drawn, _auc(values[rows], bad[rows])))
    (low, auc_low), (high, auc_high) = np.quantile(draws, [0.025, 0.975], axis=0).tolist()
    found, kept = int(bad.sum()) - missed, int((~bad).sum()) - wrong
    return Suggestion(
        cutoff,
        low,
        high,
        found / int(bad.sum()),
        kept / int((~bad).sum()),
        len(values),
        int(bad.sum()),
        _auc(values, bad),
        auc_low,
        auc_high,
        float(agreement_coefficients.kappa([[kept, wrong], [missed, found]])),
        ceiling_kappa,
        float(cost_ratio),
        seed,
        _warnings(len(values), int(bad.sum()), auc_low),
        evidence or {},
    )


def _check(scans: int, excluded: int, cost_ratio: float) -> None:
    if scans < MIN_SCANS:
        raise RatingError(
            f"A cut-off needs {MIN_SCANS} rated scans with a score; there are {scans}. Rate "
            f"{MIN_SCANS - scans} more, the doubtful and the bad ones too."
        )
    if excluded in (0, scans):
        said, other = ("exclude", "keep") if excluded else ("keep", "exclude")
        raise RatingError(
            f"On all {scans} rated scans most raters say {said}. A cut-off needs both: rate scans "
            f"until at least {ENOUGH_OF_EACH} more say {other}."
        )
    if not 1 / MAX_COST_RATIO <= cost_ratio <= MAX_COST_RATIO:
        raise RatingError(
            f"A missed bad scan costs {1 / MAX_COST_RATIO:g} to {MAX_COST_RATIO:g} times a good scan that "
            f"is excluded; {cost_ratio:g} came."
        )


def _none_is_better(all_kept: bool, auc: float) -> str:
    done = "keeping every scan" if all_kept else "excluding every scan"
    other = "a bad scan kept" if all_kept else "a good scan thrown away"
    return (
        f"No cut-off costs less here than {done}: a bad scan scores higher than a good one in "
        f"{100 * auc:.0f} of 100 pairs, and 50 would be chance. Say that {other} is worse, if it is; or the "
        "score does not see what the raters see: sort these scans by hand on Review."
    )


def _warnings(scans: int, excluded: int, auc_low: float) -> tuple[str, ...]:
    told = []
    if auc_low <= 0.5:
        told.append(
            "The score tells these bad scans from the good ones no better than chance may do."
        )
    if scans < ENOUGH_SCANS:
        told.append(
            f"Only {scans} scans are rated: rate {ENOUGH_SCANS - scans} more before you rely on it."
        )
    for number, said in ((excluded, "exclude"), (scans - excluded, "keep")):
        if number < ENOUGH_OF_EACH:
            told.append(
                f"On only {number} rated scans most raters say {said}: single scans decide."
            )
    return tuple(told)


def exclusion_labels(given: pd.DataFrame) -> pd.DataFrame:
    """Return the joint label of all raters of each scan.

    Parameters
    ----------
    given : pandas.DataFrame
        See :func:`curation.ratings.rating_log.list_ratings`, in its order.

    Returns
    -------
    pandas.DataFrame
        ``scan_id``, ``raters``, ``excluded`` (bool) and ``decided``: by an adjudicator, else by
        most of the raters; not decided where as many keep it as exclude it. Repeats do not count.
    """
    standing = rating_log.current(given)
    newest = standing[~standing["repeat"]].drop_duplicates(
        ["rater", "scan_id", "role"], keep="last"
    )
    judge = newest["role"] == "adjudicator"
    last_word = (
        newest[judge].drop_duplicates("scan_id", keep="last").set_index("scan_id")["excluded"]
    )
    shares = newest[~judge].groupby("scan_id")["excluded"].agg(["size", "mean"])
    shares = shares.reindex(shares.index.union(last_word.index))
    said = shares["mean"].where(~shares.index.isin(last_word.index), last_word.astype("float64"))
    return pd.DataFrame(
        {
            "scan_id": shares.index,
            "raters": shares["size"].fillna(0).astype("int64").to_numpy(),
            "excluded": (said > 0.5).to_numpy(),
            "decided": (said != 0.5).to_numpy(),
        }
    )


def from_ratings(workspace: Workspace, cost_ratio: float = 1.0, seed: int = 0) -> Suggestion:
    """Suggest a cut-off from all ratings of scored scans that count; see :func:`suggest`.

    Those of a session that is running do not (:func:`curation.ratings.rating_log.counted`).
    """
    given = rating_log.counted(rating_log.list_ratings(workspace))
    scored = tables.read_scored_scans(workspace)
    scored = scored[scored["distortion_score"].notna()]
    said = exclusion_labels(given).merge(scored, on="scan_id")
    used = said[said["decided"]]
    behind = given[given["scan_id"].isin(used["scan_id"])]
    evidence = {
        "raters": sorted(behind["rater"].unique()),
        "ratings": len(behind),
        "blinded_ratings": int(behind["blinded"].sum()),
        "undecided_scans": int((~said["decided"]).sum()),
        "reference": _BETWEEN.join(references_of(scored)),
        "ratings_until": rating_log.newest(workspace),
    }
    found = suggest(
        used["distortion_score"],
        used["excluded"],
        cost_ratio,
        seed,
        ceiling_kappa=agreement.ceiling(given, all_scales(workspace)),
        evidence=evidence,
    )
    if reference_library.active(workspace).kind == "learned":
        return replace(found, warnings=(*found.warnings, _CIRCULAR))
    return found


def references_of(scored: pd.DataFrame) -> list[str]:
    """Return the ids of the references that scans were scored by."""
    return sorted(scored["reference"].dropna().unique()) if "reference" in scored else []


_CIRCULAR = (
    "The score was itself learned from ratings: as far as these are the same ones, it looks better here than "
    "it is on other scans."
)
