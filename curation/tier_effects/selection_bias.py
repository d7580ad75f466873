"""Selection bias of a cut-off: selection by age, site or group beyond quality. Defined in docs/tiers.md.

Each cut-off parts the scored scans into the better and the worse. Their difference in age, in site and in
group is compared with the difference that quality alone would bring about, and with random cuts of the same
size. Every scan in a tier counts whose age (site, group) is known, whatever tells its quality.
Quality comes from ratings, where enough scans are rated, and else from a scan's rank within its own site.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.ratings import agreement
from curation.ratings.scales import Scale
from curation.tier_effects.standardised_differences import (
    NOTABLE,
    CategoricalCodes,
    between,
    categorical_smd,
    from_own_kind,
    null_smd,
)
from curation.tier_effects.tier_balance import Floats, Tally
from curation.wording import plural

Trait = Literal["age", "site", "group"]
#: ``group`` is what a table of people calls so: a diagnosis, or the arm of a study.
TRAITS: tuple[Trait, ...] = ("age", "site", "group")

#: This much of a notable difference has to be unexplained.
UNEXPLAINED = 0.1
#: Fewer scans on one side of a cut-off tell nothing: what random cuts give is known of large groups.
FEWEST = 5
RANK_LEVELS, RATING_LEVELS = 10, 5
#: Ratings tell quality if so many scans are rated, so many of them bad and as many good, and this share.
ENOUGH_RATED, ENOUGH_OF_EACH, ENOUGH_SHARE = 50, 5, 0.5

RATINGS, RANKS = "ratings", "ranks"
_RATED = tuple(f"rated {level}" for level in range(RATING_LEVELS))
_RANKED = tuple(f"tenth {level + 1}" for level in range(RANK_LEVELS))


# ---- levels of quality -----------------------------------------------------------------------------


def ranks_within_site(scores: Floats, site: CategoricalCodes) -> CategoricalCodes:
    """Return the decile of each scan's score within its own site; unknown without a score.

    Parameters
    ----------
    scores : numpy.ndarray, shape (N,)
        Higher is worse; NaN where there is none. Equal scores share a tenth.
    site : CategoricalCodes
        Scans without a site count as one site.
    """
    scored = np.flatnonzero(np.isfinite(scores))
    where, values = site.codes[scored], scores[scored]
    order = np.lexsort((values, where))
    place, at = np.empty(len(scored)), where[order]
    size = np.bincount(where, minlength=len(site.names) + 1)
    place[order] = np.arange(len(scored)) - (np.cumsum(size) - size)[at]
    first = np.r_[True, (np.diff(values[order]) != 0) | (np.diff(at) != 0)][: len(scored)]
    groups = np.cumsum(first) - 1
    middle = (np.bincount(groups, place[order]) / np.bincount(groups))[groups] + 0.5
    levels = np.full(len(scores), RANK_LEVELS, dtype=np.int64)
    levels[scored[order]] = np.minimum(RANK_LEVELS * middle / size[at], RANK_LEVELS - 1).astype(int)
    return CategoricalCodes(levels, _RANKED)


def rated_quality(ratings: pd.DataFrame, scales: Sequence[Scale]) -> pd.Series:
    """Return the mean rating of each rated scan, by its id: 0 where all say the best, 1 the worst.

    The mean over raters of the place of the level on its scale; scales of any length count alike.
    """
    given = [agreement.opinions(ratings, scale) for scale in scales]
    places = [
        one.assign(place=one["rank"] / (len(scale.values) - 1))
        for one, scale in zip(given, scales, strict=True)
        if len(one)
    ]
    if not places:
        return pd.Series(dtype=float)
    return pd.concat(places).groupby("scan_id")["place"].mean()


def by_ratings(quality: Floats) -> CategoricalCodes:
    """Return mean ratings (0 best to 1 worst, NaN: not rated) as five levels."""
    known = np.isfinite(quality)
    levels = np.where(known, np.rint(np.nan_to_num(quality) * (RATING_LEVELS - 1)), RATING_LEVELS)
    return CategoricalCodes(levels.astype(np.int64), _RATED)


def levels_of_quality(
    scores: Floats, site: CategoricalCodes, said: Floats
) -> tuple[CategoricalCodes, str, str]:
    """Return the levels of quality, where they come from, and why.

    Where ratings tell it, that of a scan that nobody rated is its place by score within its site.

    Parameters
    ----------
    scores, site
        See :func:`ranks_within_site`.
    said : numpy.ndarray, shape (N,)
        Ratings, see :func:`rated_quality`; NaN where a scan has none.

    Returns
    -------
    levels : CategoricalCodes
        Of N scans; not known of one with neither rating nor score.
    source : {'ratings', 'ranks'}
        What they come from, where there are ratings.
    reason : str
        Why ratings do not tell it, a sentence; empty where they do.
    """
    rated = said[np.isfinite(said) & np.isfinite(scores)]
    worst = int((rated > 0.5).sum())
    share = len(rated) / max(int(np.isfinite(scores).sum()), 1)
    ranks = ranks_within_site(scores, site)
    if (
        len(rated) >= ENOUGH_RATED
        and min(worst, len(rated) - worst) >= ENOUGH_OF_EACH
        and share >= ENOUGH_SHARE
    ):
        codes = np.where(np.isfinite(said), by_ratings(said).codes, ranks.codes + RATING_LEVELS)
        return CategoricalCodes(codes, (*_RATED, *_RANKED)), RATINGS, ""
    reason = (
        "Quality is a scan's place among those of its own site, by score: "
        f"{plural(len(rated), 'scan is', 'scans are')} rated, and {ENOUGH_RATED} and half of all are needed "
        "to use ratings instead."
    )
    return ranks, RANKS, reason


@dataclass(frozen=True)
class Basis:
    """How many scans in tiers have their quality from ratings, from ranks within their site, from neither."""

    rated: int
    ranked: int
    unknown: int


def basis(tally: Tally) -> Basis:
    """Count the scans in tiers by what tells their quality."""
    counts = tally.cells.by(("quality", tally.quality_levels + 1))[:-1].sum(axis=0)
    return Basis(*np.bincount(_kinds(tally), counts, 3).astype(int).tolist())


def _kinds(tally: Tally) -> NDArray[np.int64]:
    """Return what each level of quality comes from, the unknown one last: 0 ratings, 1 ranks, 2 neither."""
    return np.array([*(int(name in _RANKED) for name in tally.traits.quality.names), 2])


# ---- what a cut-off selects ------------------------------------------------------------------------


@dataclass(frozen=True)
class Selection:
    """Selection by one cut-off besides quality.

    Parameters
    ----------
    better, worse : str
        The tiers between which it lies.
    trait : {'age', 'site', 'group'}
        The trait compared between the scans above and below the cut-off.
    seen : float
        Standardised mean difference; for age negative where the worse scans are those of younger people.
    explained : float
        The same, were a scan's tier a matter of its quality and chance alone.
    null_quantile : float
        Difference that 95 of 100 random cuts of this size stay below.
    years : float
        Difference of mean age in years, worse less better; NaN for sites and groups.
    share_by_trait, share_by_quality : float
        Share of the variance of being above the cut-off that lies between sites (or groups), and between
        levels of quality; 0 to 1, corrected for the number of levels; NaN for age.
    most : tuple of str, int and int, optional
        The site (or group) that the cut-off treats most unlike the others: its name, how many of its scans
        lie above the cut-off, and how many it has.
    above, counted, tiered : int
        Scans of known trait above the cut-off and on both sides, and all scans that have a tier.
    """

    better: str
    worse: str
    trait: Trait
    seen: float
    explained: float
    null_quantile: float
    years: float = np.nan
    share_by_trait: float = np.nan
    share_by_quality: float = np.nan
    most: tuple[str, int, int] | None = None
    above: int = 0
    counted: int = 0
    tiered: int = 0

    @property
    def unexplained(self) -> float:
        """The part of the difference that quality does not explain, 0 or more."""
        return max(abs(self.seen) - max(np.sign(self.seen) * self.explained, 0.0), 0.0)

    @property
    def warns(self) -> bool:
        """Whether it selects more than quality would explain, and more than chance."""
        beyond = max(UNEXPLAINED, self.null_quantile if np.isfinite(self.null_quantile) else np.inf)
        return bool(abs(self.seen) >= NOTABLE and self.unexplained > beyond)

    @property
    def differs(self) -> bool:
        """Whether the two sides differ notably, whatever explains it; in categories, more than by chance.

        For ages chance is no excuse: scans of other ages stay so. Of many sites it makes much.
        """
        beyond = (
            self.null_quantile if self.trait != "age" and np.isfinite(self.null_quantile) else 0.0
        )
        return bool(abs(self.seen) >= max(NOTABLE, beyond))


def strongest(found: Sequence[Selection], trait: Trait) -> Selection | None:
    """Return the cut-off whose sides differ most in a trait; ``None`` where there is none."""
    of_trait = [one for one in found if one.trait == trait]
    return max(of_trait, key=lambda one: abs(one.seen), default=None)


def selections(tally: Tally) -> list[Selection]:
    """Return the selection by age, site and group of each cut-off of a rule.

    Parameters
    ----------
    tally : Tally
        Of scans with levels of quality.

    Returns
    -------
    list of Selection
        Three for each cut-off, from the best tier on; those that cannot be told are left out, such as where
        fewer than :data:`FEWEST` scans lie on one side.

    Notes
    -----
    Scans that people rated, scans that are ranked within their site and scans of unknown quality are three
    kinds, and each is held against its own mean: that another source was rated explains no difference.
    """
    size = len(tally.names)
    above = np.tri(size - 1, size, dtype=bool) ^ True
    if not tally.quality_levels:
        return []
    found, tiered = list[Selection](), int(tally.scans[:-1].sum())
    told_by = {"age": _by_age(tally, above)} | {
        name: _by_category(tally, above, name) for name in ("site", "group")
    }
    for cut, (better, worse) in enumerate(zip(tally.names[:-1], tally.names[1:], strict=True)):
        for trait in TRAITS:
            told = told_by[trait][cut]
            if np.isfinite(told["seen"]) or told["seen"] == np.inf:
                found.append(Selection(better, worse, trait, tiered=tiered, **told))
    return found


def smaller_sides(tally: Tally, trait: Trait) -> list[int]:
    """Return, for each cut-off, how many scans of known trait lie on its smaller side."""
    held = (tally.age_counts if trait == "age" else tally.counts(trait)[:, :-1])[:-1].sum(axis=1)
    above = np.cumsum(held)[:-1]
    return np.minimum(above, held.sum() - above).tolist()


def _by_age(tally: Tally, above: NDArray[np.bool_]) -> list[dict[str, Any]]:
    n, total, squares = (
        array[:-1] for array in (tally.age_counts, tally.age_sum, tally.age_squares)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        level_mean = from_own_kind(total.sum(axis=0)[:, None], n.sum(axis=0), _kinds(tally))[:, 0]
        sides = []
        for members in (above, ~above):
            count, summed, squared = (members @ one.sum(axis=1) for one in (n, total, squares))
            mean = summed / count
            variance = (squared - summed * mean) / (count - 1)
            sides.append((count, mean, variance, (members @ n) @ level_mean / count))
        (n1, mean_1, variance_1, level_1), (n2, mean_2, variance_2, level_2) = sides
        spread = np.sqrt((variance_1 + variance_2) / 2)
        spread = np.where((spread > 0) & (np.minimum(n1, n2) >= FEWEST), spread, np.nan)
    null_quantiles = null_smd(tally.people_in(n1), tally.people_in(n2), 1)
    years = mean_1 - mean_2
    seen, explained = years / spread, (level_1 - level_2) / spread
    return [
        {
            "seen": float(seen[cut]),
            "explained": float(explained[cut]),
            "null_quantile": float(null_quantiles[cut]),
            "years": float(years[cut]),
            "above": int(n1[cut]),
            "counted": int(n1[cut] + n2[cut]),
        }
        for cut in range(len(above))
    ]


def _by_category(tally: Tally, above: NDArray[np.bool_], category: str) -> list[dict[str, Any]]:
    names, kinds = tally.traits.categories[category].names, _kinds(tally)
    counts = tally.cells.by(("quality", tally.quality_levels + 1), (category, len(names) + 1))
    counts = counts[:-1, :, :-1]  # [K, V, L]
    by_level, by_site = counts.sum(axis=2), counts.sum(axis=1)
    inside, outside = above @ by_site, ~above @ by_site
    n_inside, n_outside = (one.sum(axis=1) for one in (inside, outside))
    apart = from_own_kind(counts.sum(axis=0), by_level.sum(axis=0), kinds)  # [V, L]
    mix = by_site.sum(axis=0) / max(int(counts.sum()), 1)
    expected = [
        np.maximum(members @ by_level @ apart / np.maximum(size, 1)[:, None] + mix, 0.0)
        for members, size in ((above, n_inside), (~above, n_outside))
    ]
    fewest = np.minimum(n_inside, n_outside)
    seen = np.where(fewest >= FEWEST, categorical_smd(inside, outside), np.nan)
    explained = categorical_smd(*expected)
    levels = int((by_site.sum(axis=0) > 0).sum())
    null_quantiles = null_smd(tally.people_in(n_inside), tally.people_in(n_outside), levels - 1)
    return [
        {
            "seen": float(seen[cut]),
            "explained": float(explained[cut]),
            "null_quantile": float(null_quantiles[cut]),
            "share_by_trait": between(inside[cut], outside[cut]),
            "share_by_quality": between((above @ by_level)[cut], (~above @ by_level)[cut], kinds),
            "most": _most(inside[cut], outside[cut], names),
            "above": int(n_inside[cut]),
            "counted": int(n_inside[cut] + n_outside[cut]),
        }
        for cut in range(len(above))
    ]


def _most(
    inside: NDArray[Any], outside: NDArray[Any], names: tuple[str, ...]
) -> tuple[str, int, int] | None:
    """Return the site whose share inside stands out most, in standard errors of a random cut."""
    size = inside + outside
    if not size.sum() or not names:
        return None
    share = inside.sum() / size.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.abs(inside - size * share) / np.sqrt(np.where(size > 0, size, np.nan))
    place = int(np.nanargmax(apart))
    return names[place], int(inside[place]), int(size[place])
