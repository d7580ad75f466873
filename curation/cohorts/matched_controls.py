"""Matched random controls: samples of the size, ages and sites of a group of scans, as cohorts of their own.

Where no site is known, the source stands in for it (:mod:`curation.scoring.comparison_groups`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.cohorts import cohort_draft, flow_chart, frozen_cohort
from curation.cohorts.frozen_cohort import Cohort
from curation.errors import CohortError
from curation.scoring.comparison_groups import SiteSummary, site_summary, sites_of
from curation.storage.workspace import Workspace

_AGE_BANDS = 3
#: What is matched of ages, in words.
AGE_BANDS = "age tertiles"
#: What else is matched where it is known: column of the scans, and what it is called.
TRAITS = {"sex": "sexes", "group": "groups"}


@dataclass(frozen=True)
class MatchingCriteria:
    """Criteria by which a sample matches its group.

    Parameters
    ----------
    places : curation.scoring.comparison_groups.SiteSummary
        What stands for sites.
    ages : bool
        Whether any age is known.
    traits : tuple of str
        Those of :data:`TRAITS` of which anything is known.
    """

    places: SiteSummary
    ages: bool
    traits: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The criteria in words, such as ``size, sites and age tertiles``."""
        *first, last = [
            "size",
            *filter(None, [self.places.words]),
            *[AGE_BANDS] * self.ages,
            *(TRAITS[name] for name in self.traits),
        ]
        return f"{', '.join(first)} and {last}" if first else last

    @property
    def note(self) -> str:
        """Return a sentence on missing values; empty where there are none."""
        no_age = "" if self.ages else "No age is known."
        return " ".join(filter(None, [self.places.note, no_age]))


def matching_criteria(scans: pd.DataFrame) -> MatchingCriteria:
    """Return the covariates on which :func:`sample_control` matches these scans."""
    return MatchingCriteria(
        site_summary(scans), bool(scans["age_years"].notna().any()), known_traits(scans)
    )


def known_traits(scans: pd.DataFrame) -> tuple[str, ...]:
    """Return which of :data:`TRAITS` are known of any of these scans."""
    return tuple(name for name in TRAITS if name in scans and scans[name].notna().any())


def sample_control(
    scans: pd.DataFrame, members: NDArray[np.bool_], seed: int, *, apart: bool = False
) -> list[str]:
    """Draw, without replacement, a sample that matches some of the scans.

    Parameters
    ----------
    scans : pandas.DataFrame, N rows
        ``scan_id``, ``site``, ``age_years`` and ``source``: all that is drawn from, the group itself
        included; :data:`TRAITS` where they count. Studies planned before these or the source counted lack
        their columns, and keep their draw.
    members : numpy.ndarray of bool, shape (N,)
        The group.
    seed : int
        0 or more. The same seed draws the same sample, in whatever order the scans come.
    apart : bool
        Draw from those that are not in the group.

    Returns
    -------
    list of str
        ``scan_id``, sorted: as many of each site, sex, group and third of the age range (of ``scans``) as the
        group has. Scans of which one of these is not known form strata of their own.

    Raises
    ------
    CohortError
        When it is drawn apart and the others do not have as many, see :func:`lacking_apart`.
    """
    (drawn,) = sample_controls(scans, members, [seed], apart=apart)
    return drawn


def sample_controls(
    scans: pd.DataFrame, members: NDArray[np.bool_], seeds: Sequence[int], *, apart: bool = False
) -> list[list[str]]:
    """Draw a sample for each of some seeds, each as :func:`sample_control` draws it."""
    if apart and (lacking := lacking_apart(scans, members)):
        raise CohortError(f"The scans outside of the group are too few: {'; '.join(lacking)}.")
    order = np.argsort(scans["scan_id"].to_numpy(dtype=object), kind="stable")
    scans, members = scans.iloc[order], np.asarray(members)[order]
    strata = _strata(scans)
    wanted = strata[members].value_counts().sort_index()
    ids = scans["scan_id"].to_numpy(dtype=object)
    offered = [ids[(strata == stratum).to_numpy() & ~(members & apart)] for stratum in wanted.index]
    samples = []
    for seed in seeds:
        rng = np.random.default_rng([seed, len(scans)])
        chosen: list[str] = []
        for candidates, count in zip(offered, wanted, strict=True):
            chosen += rng.choice(candidates, size=int(count), replace=False).tolist()
        samples.append(sorted(chosen))
    return samples


def lacking_apart(scans: pd.DataFrame, members: NDArray[np.bool_]) -> list[str]:
    """Return the strata of a group of which the other scans do not have as many, in words.

    Parameters
    ----------
    scans, members
        As :func:`sample_control` takes them.

    Returns
    -------
    list of str
        Such as ``North, ages 18 to 31: 7 wanted, 2 there``; empty where a sample can be drawn apart.
    """
    members = np.asarray(members)
    strata = _strata(scans)
    wanted, there = (strata[which].value_counts() for which in (members, ~members))
    short = wanted[wanted > there.reindex(wanted.index, fill_value=0)]
    return [
        f"{_stratum_words(scans[strata == stratum])}: {count} wanted, {there.get(stratum, 0)} there"
        for stratum, count in short.sort_index().items()
    ]


def without_choice(scans: pd.DataFrame, members: NDArray[np.bool_], *, apart: bool = False) -> int:
    """Return how many scans are in every sample, because no others like them could be drawn.

    Parameters
    ----------
    scans, members, apart
        As :func:`sample_control` takes them.
    """
    members = np.asarray(members)
    strata = _strata(scans)
    wanted = strata[members].value_counts()
    offered = strata[~members | (not apart)].value_counts().reindex(wanted.index, fill_value=0)
    return int(wanted[offered <= wanted].sum())


def _stratum_words(scans: pd.DataFrame) -> str:
    where, ages = sites_of(scans).iloc[0], scans["age_years"]
    site = "site not known" if pd.isna(where) else str(where)
    no_age = ages.isna().all()
    age = "age not known" if no_age else f"ages {ages.min():.0f} to {ages.max():.0f}"
    first = scans[list(known_traits(scans))].iloc[0]
    return ", ".join([site, age, *(f"{name} {value}" for name, value in first.dropna().items())])


def _strata(scans: pd.DataFrame) -> pd.Series:
    """Return a label a scan: its site, or its source instead, its third of the ages, sex and group."""
    where = sites_of(scans)
    site = where.where(where.notna(), "?").astype(str)
    edges = scans["age_years"].quantile(np.arange(1, _AGE_BANDS) / _AGE_BANDS).to_numpy()
    band = np.searchsorted(edges, scans["age_years"].to_numpy(dtype=float))
    known = scans["age_years"].notna().to_numpy()
    label = site + "/" + pd.Series(np.where(known, band.astype(str), "?"), scans.index)
    for trait in known_traits(scans):
        label += "/" + scans[trait].where(scans[trait].notna(), "?").astype(str)
    return label


@guarded(Action.FREEZE, author="author")
def draw_control(
    workspace: Workspace,
    cohort_id: str,
    tiers: tuple[str, ...],
    *,
    seed: int,
    author: str,
    name: str = "",
) -> Cohort:
    """Freeze a random sample of a cohort that matches some of its tiers, see :func:`sample_control`.

    Parameters
    ----------
    workspace : Workspace
        Where the cohort is and the control will be.
    cohort_id : str
        What is drawn from; its unusable scans are not.
    tiers : tuple of str
        Tiers of the cohort that the control matches; it is drawn from all tiers, these included.
    seed : int
        0 or more; kept with the control. The same seed draws the same control.
    author : str
        Who decides.
    name : str
        ``control-TIERS-of-COHORT-seed-SEED`` by default.

    Returns
    -------
    Cohort
        Its ``drawn`` says from which cohort, for which tiers and with which seed.

    Raises
    ------
    CohortError
        When there is no such cohort or tier, its tiers have nobody or are all there is, or the seed makes no
        sense.
    """
    source = frozen_cohort.load(workspace, cohort_id)
    pool = cohort_draft.included(source.scans)
    members = pool["tier"].isin(tiers).to_numpy()
    _check(source, tiers, seed, int(members.sum()), len(pool))
    drawn = pool[pool["scan_id"].isin(sample_control(pool, members, seed))]
    found, ids = drawn["tier"].value_counts(), set(drawn["scan_id"])
    return frozen_cohort.store(
        workspace,
        cohort_draft.to_tsv(drawn, source.rule),
        name=name.strip() or f"control-{'-'.join(tiers)}-of-{source.name}-seed-{seed}",
        author=author,
        rule=source.rule,
        role=source.role,
        reference=source.reference,
        counts={tier: int(found.get(tier, 0)) for tier in source.rule.names},
        images_only=source.images_only,
        sources=source.sources,
        flow=flow_chart.flow_of_draw(
            f"Cohort {source.id}, in tiers", pool, drawn, source.rule.names
        ),
        drawn={"cohort": source.id, "tiers": list(tiers), "seed": seed},
        by_hand=source.by_hand and tuple(one for one in source.by_hand if one.scan_id in ids),
    )


def _check(cohort: Cohort, tiers: tuple[str, ...], seed: int, members: int, size: int) -> None:
    unknown = [tier for tier in tiers if tier not in cohort.rule.names]
    if not tiers or unknown:
        raise CohortError(
            f"A control matches tiers of its cohort, {', '.join(cohort.rule.names)}; "
            f"{', '.join(unknown) or 'none'} came."
        )
    if seed < 0:
        raise CohortError(f"A seed is a whole number of 0 or more, not {seed}.")
    if not 0 < members < size:
        what = "have nobody" if not members else "are all there is, so there is nothing to draw"
        raise CohortError(f"The tiers {', '.join(tiers)} of cohort {cohort.id} {what}.")
