"""Balance of covariates between tiers: counts, people, ages, sexes, sites, and their differences.

Everything independent of the cut-offs is computed once (:func:`prepare`). A moved cut-off then costs a few
passes over the scans (:meth:`Traits.tally`), and everything else is sums of the few numbers that these leave.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.scoring.comparison_groups import sites_of
from curation.tier_effects.standardised_differences import (
    SEXES,
    CategoricalCodes,
    Codes,
    categorical_codes,
    categorical_smd,
    continuous_smd,
    moments,
    null_smd,
    sexes,
)
from curation.tiers.rule_checks import UNSCORED

Floats = NDArray[np.float64]

#: What is compared between tiers besides age, each a column of the scans table; ``image`` is how it was
#: prepared, see :func:`curation.tier_effects.tier_images.kinds_of`.
CATEGORIES = ("sex", "site", "group", "modality", "image")
UNKNOWN = "not known"


@dataclass(frozen=True)
class Traits:
    """Traits of N scans, prepared for many cut-offs by :func:`prepare`.

    Parameters
    ----------
    age_years : numpy.ndarray, shape (N,)
        NaN where not known.
    person : CategoricalCodes
        Whose scan it is.
    categories : dict of str to CategoricalCodes
        One entry for each of :data:`CATEGORIES`.
    quality : CategoricalCodes
        A level of quality that does not come from the cut-offs, see
        :mod:`curation.tier_effects.selection_bias`.
    """

    age_years: Floats
    person: CategoricalCodes
    categories: dict[str, CategoricalCodes]
    quality: CategoricalCodes

    def with_quality(self, quality: CategoricalCodes) -> "Traits":
        """Return the same scans with other levels of quality."""
        return replace(self, quality=quality)

    @cached_property
    def _age_centre(self) -> float:
        known = self.age_years[np.isfinite(self.age_years)]
        return float(known.mean()) if known.size else 0.0

    @cached_property
    def _age(self) -> tuple[Floats, Floats]:
        """Distance from the mean age and its square, 0 where not known: they add nothing to a sum."""
        apart = np.nan_to_num(self.age_years - self._age_centre, nan=0.0)
        return apart, apart**2

    @cached_property
    def _columns(self) -> list[tuple[str, Codes, int]]:
        """Return name, codes and number of codes of all that is counted."""
        known = np.isfinite(self.age_years).astype(np.int64)
        held = {**self.categories, "quality": self.quality}
        named = [(name, one.codes, len(one.names) + 1) for name, one in held.items()]
        return [("age known", known, 2), *named]

    @cached_property
    def _cells(self) -> tuple[Codes, dict[str, Codes]]:
        """Return the cell of each scan, and the traits of each cell, alike for all of its scans."""
        cell: Codes = np.zeros(len(self.age_years), dtype=np.int64)
        parts: dict[str, Codes] = {}
        for name, codes, size in self._columns:
            cell, kinds = pd.factorize(cell * size + codes)
            before, now = np.divmod(kinds, size)
            parts = {key: column[before] for key, column in parts.items()} | {name: now}
        return cell, parts

    def tally(self, codes: Codes, names: tuple[str, ...]) -> "Tally":
        """Count the scans of each tier.

        Parameters
        ----------
        codes : numpy.ndarray of int, shape (N,)
            Position in ``names``; ``len(names)``: not scored.
        names : tuple of str, K entries
            Tiers, best first.
        """
        rows, (cell, parts) = len(names) + 1, self._cells
        size = len(next(iter(parts.values())))
        found = np.bincount(codes * size + cell, minlength=rows * size).reshape(rows, size)
        levels = len(self.quality.names) + 1
        place = codes * levels + self.quality.codes
        size = rows * levels
        sums = [np.bincount(place, held, size).astype(np.float64) for held in self._age]
        age, squares = (one.reshape(rows, levels) for one in sums)
        people = len(self.person.names) + 1
        seen = np.zeros(rows * people, dtype=bool)
        seen[codes * people + self.person.codes] = True
        persons = seen.reshape(rows, people).sum(axis=1)
        return Tally(names, self, _Cells(found, parts), persons, age, squares)


def prepare(scans: pd.DataFrame) -> Traits:
    """Prepare the scans of a table for :meth:`Traits.tally`.

    Parameters
    ----------
    scans : pandas.DataFrame, N rows
        With ``age_years subject_id`` and :data:`CATEGORIES`; ``source`` stands in for an unknown ``site``,
        and tells whose codes of sex are read together. Without ``image`` that is not known.
    """
    read: dict[str, CategoricalCodes] = {
        "sex": sexes(scans["sex"], scans.get("source")),
        "site": categorical_codes(sites_of(scans)),
    }
    held_of = scans if "image" in scans else scans.assign(image=None)
    held = {
        name: read[name] if name in read else categorical_codes(held_of[name])
        for name in CATEGORIES
    }
    ages = scans["age_years"].to_numpy(dtype=float)
    nothing = CategoricalCodes(np.zeros(len(scans), dtype=np.int64), ())
    return Traits(ages, categorical_codes(scans["subject_id"]), held, nothing)


@dataclass(frozen=True)
class _Cells:
    """Counts of scans by tier and cell, shape (K + 1, C), and the traits of the cells."""

    found: NDArray[np.int64]
    parts: dict[str, Codes]

    def by(self, *columns: tuple[str, int]) -> NDArray[np.int64]:
        """Return counts by tier and by each of some columns, given with their numbers of codes."""
        flat = np.zeros(self.found.shape[1], dtype=np.int64)
        for name, size in columns:
            flat = flat * size + self.parts[name]
        sizes = [size for _, size in columns]
        counted = np.zeros((len(self.found), int(np.prod(sizes))), dtype=np.int64)
        np.add.at(counted.T, flat, self.found.T)
        return counted.reshape(len(self.found), *sizes)


@dataclass(frozen=True)
class Tally:
    """Sums over the scans of each tier: K rows, and a last one for scans without a score.

    Parameters
    ----------
    names : tuple of str, K entries
        Tiers, best first.
    traits : Traits
        What was counted.
    cells : object
        Counts of scans that are alike in everything.
    people : numpy.ndarray of int, shape (K + 1,)
        Different people.
    age_sum, age_squares : numpy.ndarray, shape (K + 1, V + 1)
        Sums of the distance from the mean age (years) and of its square, by level of quality.
    """

    names: tuple[str, ...]
    traits: Traits
    cells: _Cells
    people: NDArray[np.int64]
    age_sum: Floats
    age_squares: Floats

    @cached_property
    def scans(self) -> NDArray[np.int64]:
        """Number of scans, shape (K + 1,)."""
        return self.cells.found.sum(axis=1)

    @cached_property
    def quality_levels(self) -> int:
        """Number of levels of quality, V."""
        return len(self.traits.quality.names)

    def counts(self, category: str) -> NDArray[np.int64]:
        """Return scans by tier and by one of :data:`CATEGORIES`, shape (K + 1, L + 1); last: not known."""
        return self.cells.by((category, len(self.traits.categories[category].names) + 1))

    @cached_property
    def age_counts(self) -> NDArray[np.int64]:
        """Scans of known age by level of quality, shape (K + 1, V + 1)."""
        return self.cells.by(("quality", self.quality_levels + 1), ("age known", 2))[:, :, 1]

    def table(self) -> pd.DataFrame:
        """Describe each tier.

        Returns
        -------
        pandas.DataFrame
            One row a tier: ``tier scans share people age_known age_mean_years age_sd_years female``;
            ``share`` is of all scans, ``female`` of those whose sex is known, both 0 to 1; NaN where there is
            nothing to say. ``not scored`` comes last and only where there are some.
        """
        mean, variance = moments(
            self.age_counts.sum(axis=1), self.age_sum.sum(axis=1), self.age_squares.sum(axis=1)
        )
        table = pd.DataFrame(
            {
                "tier": [*self.names, UNSCORED],
                "scans": self.scans,
                "share": self.scans / max(int(self.scans.sum()), 1),
                "people": self.people,
                "age_known": self.age_counts.sum(axis=1),
                "age_mean_years": mean + self.traits._age_centre,
                "age_sd_years": np.sqrt(variance),
                "female": self._female(),
            }
        )
        return table if self.scans[-1] else table.iloc[:-1]

    @property
    def unread_sexes(self) -> tuple[str, ...]:
        """Codes of sex that are not understood, where the share of women is not known for them."""
        names = self.traits.categories["sex"].names
        return () if names == SEXES else names

    def _female(self) -> Floats:
        """Return the share of women of each tier; NaN where codes of sex are not understood."""
        if self.traits.categories["sex"].names != SEXES:
            return np.full(len(self.scans), np.nan)
        sexes = self.counts("sex")[:, :2]
        with np.errstate(invalid="ignore"):
            return sexes[:, 0] / sexes.sum(axis=1)

    def shares(self, category: str) -> pd.DataFrame:
        """Return how the scans of each level of a category fall into the tiers.

        Returns
        -------
        pandas.DataFrame
            One row a level (``not known`` last, where there are some), one column a tier with its number of
            scans, ``scans`` in all; ``not scored`` only where there are some.
        """
        names = [*self.traits.categories[category].names, UNKNOWN]
        columns = [*self.names, UNSCORED]
        table = pd.DataFrame(
            self.counts(category).T, index=pd.Index(names, name=category), columns=columns
        )
        table["scans"] = table.sum(axis=1)
        table = table if self.scans[-1] else table.drop(columns=UNSCORED)
        return table if table["scans"].iloc[-1] else table.iloc[:-1]

    def differences(self) -> pd.DataFrame:
        """Compare each tier with the rest of the scored scans.

        Returns
        -------
        pandas.DataFrame
            One row a tier and trait: ``tier trait smd null_quantile``. ``smd`` is the standardised mean
            difference, with its sign for age (negative: the tier is younger) and without for categories;
            95 in 100 random tiers of that size stay below ``null_quantile``. NaN where nothing can be
            compared.
        """
        size, members = len(self.names), np.eye(len(self.names), dtype=bool)
        found = {"age": self.age_difference(members)}
        found |= {name: self.category_difference(name, members) for name in CATEGORIES}
        return pd.DataFrame(
            {
                "tier": np.tile(np.array(self.names, dtype=object), len(found)),
                "trait": np.repeat(np.array(list(found), dtype=object), size),
                "smd": np.concatenate([smd for smd, _ in found.values()]),
                "null_quantile": np.concatenate([quantile for _, quantile in found.values()]),
            }
        )

    def age_difference(self, members: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Return the standardised difference in age of groups of tiers from the rest, with its null quantile.

        Parameters
        ----------
        members : numpy.ndarray of bool, shape (G, K)
            Which tiers make up a group.
        """
        n, total, squares = (
            array[:-1].sum(axis=1) for array in (self.age_counts, self.age_sum, self.age_squares)
        )
        (n1, s1, q1), (n2, s2, q2) = (
            [groups @ sums for sums in (n, total, squares)] for groups in (members, ~members)
        )
        smd = continuous_smd(moments(n1, s1, q1), moments(n2, s2, q2))
        return smd, null_smd(self.people_in(n1), self.people_in(n2), 1)

    def category_difference(
        self, category: str, members: NDArray[np.bool_]
    ) -> tuple[Floats, Floats]:
        """Return the standardised difference in a category of tiers from the rest, with its null quantile.

        Parameters
        ----------
        category : str
            One of :data:`CATEGORIES`.
        members : numpy.ndarray of bool, shape (G, K)
            Which tiers make up a group.
        """
        counts = self.counts(category)[:-1, :-1]
        inside, outside = members @ counts, ~members @ counts
        levels = int((counts.sum(axis=0) > 0).sum())
        n1, n2 = (self.people_in(one.sum(axis=1)) for one in (inside, outside))
        return categorical_smd(inside, outside), null_smd(n1, n2, levels - 1)

    def people_in(self, scans: NDArray[Any]) -> Floats:
        """Return about how many people some scans are of: two scans of one person count as one."""
        all_people = len(self.traits.person.names)
        return scans * min(all_people / max(len(self.traits.age_years), 1), 1.0)
