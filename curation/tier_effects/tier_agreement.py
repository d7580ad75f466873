"""Agreement of the tiers with the majority of raters."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.ratings import agreement, agreement_coefficients
from curation.ratings.agreement_coefficients import Figure, figure_of
from curation.ratings.scales import Scale
from curation.sessions import suggested_cutoff
from curation.tier_effects.standardised_differences import Codes
from curation.tier_effects.tier_balance import Floats

NOTHING = Figure(np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class AtCutoff:
    """Agreement of one cut-off with raters, were everything beyond it excluded.

    Parameters
    ----------
    better, worse : str
        The tiers between which it lies.
    kappa : Figure
        Cohen's kappa of keeping and excluding, with its interval.
    found, kept : float
        Share of the scans that people exclude which lie above it, and of those that they keep below it.
    """

    better: str
    worse: str
    kappa: Figure
    found: float
    kept: float


@dataclass(frozen=True)
class TierAgreement:
    """Agreement of tiers with raters.

    Parameters
    ----------
    scans : int
        Scans with a tier of which most raters, or who settled it, say whether to keep or exclude them.
    counts : pandas.DataFrame
        One row a tier, columns ``keep`` and ``exclude``.
    auc : Figure
        Chance that a scan which people exclude is in a worse tier than one that they keep; a tie counts half.
    cutoffs : tuple of AtCutoff
        Best tier first.
    levels : pandas.DataFrame or None
        One row a tier, one column a level of the scale that most ratings are on, best first: the middle
        rating of each scan.
    weighted_kappa : Figure
        Of ``levels``, where there are as many tiers as levels; else NaN.
    scale : str
        Name of that scale; empty without ratings.
    rated : int
        Scans with a tier and a rating: ``scans``, and those on which raters stand half and half.
    """

    scans: int
    counts: pd.DataFrame
    auc: Figure
    cutoffs: tuple[AtCutoff, ...]
    levels: pd.DataFrame | None
    weighted_kappa: Figure
    scale: str
    rated: int


def compare(
    codes: Codes,
    names: tuple[str, ...],
    scan_ids: pd.Index,
    given: pd.DataFrame,
    scales: list[Scale],
) -> TierAgreement:
    """Compare tiers with ratings.

    Parameters
    ----------
    codes : numpy.ndarray of int, shape (N,)
        Position in ``names``; ``len(names)``: not scored.
    names : tuple of str
        Tiers, best first.
    scan_ids : pandas.Index, shape (N,)
        Of the scans.
    given : pandas.DataFrame
        See :func:`curation.ratings.rating_log.list_ratings`.
    scales : list of Scale
        Scales that may be in use.
    """
    rated = suggested_cutoff.exclusion_labels(given)
    said = rated[rated["decided"]]
    table = _table(codes, scan_ids, said["scan_id"], said["excluded"].astype(int), len(names), 2)
    counts = pd.DataFrame(table, pd.Index(names, name="tier"), columns=["keep", "exclude"])
    scale, levels = _levels(codes, names, scan_ids, given, scales)
    weighted = NOTHING
    if levels is not None and levels.shape[0] == levels.shape[1]:
        weighted = agreement_coefficients.kappa_with_interval(levels.to_numpy())
    return TierAgreement(
        int(table.sum()),
        counts,
        auc_with_interval(table),
        _at_cutoffs(table, names),
        levels,
        weighted,
        scale,
        _count(codes, scan_ids, rated["scan_id"], len(names)),
    )


def _table(
    codes: Codes, scan_ids: pd.Index, rated: pd.Series, level: pd.Series, tiers: int, levels: int
) -> NDArray[np.int64]:
    """Count scans by tier and level; those that are not here, or not scored, are left out."""
    place = scan_ids.get_indexer(pd.Index(rated))
    there = place >= 0
    tier, given = codes[place[there]], level.to_numpy()[there]
    scored = tier < tiers
    flat = np.bincount(tier[scored] * levels + given[scored], minlength=tiers * levels)
    return flat.reshape(tiers, levels)


def _count(codes: Codes, scan_ids: pd.Index, rated: pd.Series, tiers: int) -> int:
    return int(_table(codes, scan_ids, rated, pd.Series(0, rated.index), tiers, 1).sum())


def _levels(
    codes: Codes,
    names: tuple[str, ...],
    scan_ids: pd.Index,
    given: pd.DataFrame,
    scales: list[Scale],
) -> tuple[str, pd.DataFrame | None]:
    used = [(agreement.opinions(given, scale), scale) for scale in scales]
    ratings, scale = max(used, key=lambda one: len(one[0]), default=(pd.DataFrame(), None))
    if scale is None or ratings.empty:
        return "", None
    # of an even number of ratings the worse middle one: who doubts, excludes
    middle = ratings.groupby("scan_id")["rank"].quantile(0.5, interpolation="higher").astype(int)
    words = list(scale.values.values())
    table = _table(codes, scan_ids, middle.index.to_series(), middle, len(names), len(words))
    return scale.name, pd.DataFrame(table, pd.Index(names, name="tier"), columns=words)


def _at_cutoffs(table: NDArray[np.int64], names: tuple[str, ...]) -> tuple[AtCutoff, ...]:
    found = []
    for cut in range(1, len(names)):
        below, above = table[:cut].sum(axis=0), table[cut:].sum(axis=0)
        with np.errstate(invalid="ignore"):
            kept, caught = np.array([below[0], above[1]]) / (below + above)
        # rows what the cut-off says, columns what people say
        kappa = agreement_coefficients.kappa_with_interval(np.array([below, above]))
        found.append(AtCutoff(names[cut - 1], names[cut], kappa, float(caught), float(kept)))
    return tuple(found)


def auc_with_interval(table: NDArray[np.int64]) -> Figure:
    """Return the area under the ROC curve of tiers against verdicts, with its bootstrap interval.

    Parameters
    ----------
    table : numpy.ndarray of int, shape (K, 2)
        Scans by tier, best first, and verdict: keep, exclude.

    Returns
    -------
    Figure
        0 to 1, 0.5 for chance; NaN where people keep, or exclude, all.
    """
    total = int(table.sum())
    if not total:
        return NOTHING
    rng = np.random.default_rng(agreement_coefficients.SEED)
    drawn = rng.multinomial(total, table.ravel() / total, agreement_coefficients.RESAMPLES)
    return figure_of(float(_auc(table[None])[0]), _auc(drawn.reshape(-1, *table.shape)), total)


def _auc(tables: NDArray[np.int64]) -> Floats:
    """Return the areas of tables, [B, K, 2] -> [B]: Mann and Whitney, ties counted half."""
    keep, bad = tables[..., 0].astype(float), tables[..., 1].astype(float)
    better = np.cumsum(keep, axis=1) - keep / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return (bad * better).sum(axis=1) / (keep.sum(axis=1) * bad.sum(axis=1))
