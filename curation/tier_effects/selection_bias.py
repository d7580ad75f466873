"""Selection bias of a cut-off: selection by age, site or group beyond quality. Defined in docs/tiers.md.

Each cut-off parts the scored scans into the better and the worse. Their difference in age, in site and in
group is compared with the difference that quality alone would bring about, and with random cuts of the same
size.
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
    categorical_smd,
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
    return CategoricalCodes(levels, tuple(f"tenth {number + 1}" for number in range(RANK_LEVELS)))


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
    return CategoricalCodes(
        levels.astype(np.int64), tuple(f"rated {n}" for n in range(RATING_LEVELS))
    )


def levels_of_quality(
    scores: Floats, site: CategoricalCodes, said: Floats
) -> tuple[CategoricalCodes, str, str]:
    """Return the levels of quality, where they come from, and why.

    Parameters
    ----------
    scores, site
        See :func:`ranks_within_site`.
    said : numpy.ndarray, shape (N,)
        Ratings, see :func:`rated_quality`; NaN where a scan has none.

    Returns
    -------
    levels : CategoricalCodes
        Of N scans.
    source : {'ratings', 'ranks'}
        What they come from.
    reason : str
        A sentence.
    """
    rated = said[np.isfinite(said) & np.isfinite(scores)]
    worst = int((rated > 0.5).sum())
    share = len(rated) / max(int(np.isfinite(scores).sum()), 1)
    if (
        len(rated) >= ENOUGH_RATED
        and min(worst, len(rated) - worst) >= ENOUGH_OF_EACH
        and share >= ENOUGH_SHARE
    ):
        reason = f"Quality is what people say of the {len(rated):,} scans that are rated."
        return by_ratings(said), RATINGS, reason
    reason = (
        "Quality is a scan's place among those of its own site, by score: "
        f"{plural(len(rated), 'scan is', 'scans are')} rated, and {ENOUGH_RATED} and half of all are needed "
        "to use ratings instead."
    )
    return ranks_within_site(scores, site), RANKS, reason


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
    most : tuple of str, float and float, optional
        The site (or group) that the cut-off treats most unlike the others: its name, the share of its scans
        above the cut-off, and that of all scans.
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
    most: tuple[str, float, float] | None = None

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
        Of scans with levels of quality; only scans of known quality count.

    Returns
    -------
    list of Selection
        Three for each cut-off, from the best tier on; those that cannot be told are left out, such as where
        fewer than :data:`FEWEST` scans lie on one side.
    """
    size = len(tally.names)
    above = np.tri(size - 1, size, dtype=bool) ^ True
    if not tally.quality_levels:
        return []
    found: list[Selection] = []
    told_by = {"age": _by_age(tally, above)} | {
        name: _by_category(tally, above, name) for name in ("site", "group")
    }
    for cut, (better, worse) in enumerate(zip(tally.names[:-1], tally.names[1:], strict=True)):
        for trait in TRAITS:
            told = told_by[trait][cut]
            if np.isfinite(told["seen"]) or told["seen"] == np.inf:
                found.append(Selection(better, worse, trait, **told))
    return found


def smaller_sides(tally: Tally, trait: Trait) -> list[int]:
    """Return, for each cut-off, how many scans of known quality and trait lie on its smaller side."""
    if trait == "age":
        held = tally.age_counts[:-1, :-1].sum(axis=1)
    else:
        size = len(tally.traits.categories[trait].names)
        cells = tally.cells.by(("quality", tally.quality_levels + 1), (trait, size + 1))
        held = cells[:-1, :-1, :-1].sum(axis=(1, 2))
    above = np.cumsum(held)[:-1]
    return np.minimum(above, held.sum() - above).tolist()


def _by_age(tally: Tally, above: NDArray[np.bool_]) -> list[dict[str, Any]]:
    n, total, squares = (
        array[:-1, :-1] for array in (tally.age_counts, tally.age_sum, tally.age_squares)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        level_mean = np.nan_to_num(total.sum(axis=0) / n.sum(axis=0))  # [V]
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
    return [
        {"seen": seen, "explained": explained, "null_quantile": bound, "years": apart}
        for seen, explained, bound, apart in zip(
            *(
                one.tolist()
                for one in (years / spread, (level_1 - level_2) / spread, null_quantiles, years)
            ),
            strict=True,
        )
    ]


def _by_category(tally: Tally, above: NDArray[np.bool_], category: str) -> list[dict[str, Any]]:
    names = tally.traits.categories[category].names
    counts = tally.cells.by(("quality", tally.quality_levels + 1), (category, len(names) + 1))
    counts = counts[:-1, :-1, :-1]  # [K, V, L]
    by_level, by_site = counts.sum(axis=2), counts.sum(axis=1)
    mix = counts.sum(axis=0) / np.maximum(by_level.sum(axis=0), 1)[:, None]  # [V, L]
    inside, outside = above @ by_site, ~above @ by_site
    explained = categorical_smd((above @ by_level) @ mix, (~above @ by_level) @ mix)
    fewest = np.minimum(inside.sum(axis=1), outside.sum(axis=1))
    seen = np.where(fewest >= FEWEST, categorical_smd(inside, outside), np.nan)
    levels = int((by_site.sum(axis=0) > 0).sum())
    n1, n2 = (tally.people_in(one.sum(axis=1)) for one in (inside, outside))
    null_quantiles = null_smd(n1, n2, levels - 1)
    return [
        {
            "seen": float(seen[cut]),
            "explained": float(explained[cut]),
            "null_quantile": float(null_quantiles[cut]),
            "share_by_trait": between(inside[cut], outside[cut]),
            "share_by_quality": between((above @ by_level)[cut], (~above @ by_level)[cut]),
            "most": _most(inside[cut], outside[cut], names),
        }
        for cut in range(len(above))
    ]


def between(inside: NDArray[Any], outside: NDArray[Any]) -> float:
    """Return the share of the variance of being inside that lies between levels.

    The square of Cramér's V of a table of two rows, which is the correlation ratio, corrected for the number
    of levels: ``1 - (1 - V²) (n - 1) / (n - L)``.

    Parameters
    ----------
    inside, outside : numpy.ndarray, shape (L,)
        Scans by level.

    Returns
    -------
    float
        0 to 1; NaN where nobody, or everybody, is inside.
    """
    size = (inside + outside)[(inside + outside) > 0]
    n, held = size.sum(), inside[(inside + outside) > 0]
    if not 0 < held.sum() < n or n <= len(size):
        return float("nan")
    share = held.sum() / n
    square = float((size * (held / size - share) ** 2).sum() / (n * share * (1 - share)))
    return float(max(1 - (1 - square) * (n - 1) / (n - len(size)), 0.0))


def _most(
    inside: NDArray[Any], outside: NDArray[Any], names: tuple[str, ...]
) -> tuple[str, float, float] | None:
    """Return the site whose share inside stands out most, in standard errors of a random cut."""
    size = inside + outside
    if not size.sum() or not names:
        return None
    share = inside.sum() / size.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.abs(inside - size * share) / np.sqrt(np.where(size > 0, size, np.nan))
    place = int(np.nanargmax(apart))
    return names[place], float(inside[place] / size[place]), float(share)
