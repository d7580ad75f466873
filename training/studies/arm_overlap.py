"""Overlap of the scans of an arm and its random control, and doubts about a plan.

The larger the overlap, the smaller the difference that can be seen. A plan with doubts can be run; somebody
should know of them before it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from curation.cohorts import cohort_diff, cohort_draft
from curation.cohorts.frozen_cohort import Cohort, CohortHeader
from curation.cohorts.matched_controls import MatchingCriteria, matching_criteria
from curation.tiers.rule_versions import same_tiers
from training.arms import arm_checks, arm_scans
from training.arms.study_arms import Arm
from training.studies.planned_study import CONTROL_SEED, Study


@dataclass(frozen=True)
class Overlap:
    """Scans that an arm shares with its control.

    Parameters
    ----------
    arm, control : str
        Names of both.
    scans : int
        Size of either.
    pool : int
        Scans that the control is sampled from.
    shared : tuple of int
        Scans that are in both, one number a seed.
    fixed : int
        Scans of the control that every draw holds, for want of others like them.
    """

    arm: str
    control: str
    scans: int
    pool: int
    shared: tuple[int, ...]
    fixed: int

    @property
    def most(self) -> bool:
        """Whether the arm holds more than half of the pool, so that its control has to share with it."""
        return 2 * self.scans > self.pool

    @property
    def count(self) -> str:
        """How many are in both: ``5 of 14`` or, where seeds differ, ``3 to 6 of 14``."""
        low, high = min(self.shared), max(self.shared)
        return f"{low:,}{f' to {high:,}' if high > low else ''} of {self.scans:,}"

    @property
    def words(self) -> str:
        """The same in a sentence, and of how many there was no choice in another."""
        some = "all" if self.fixed == self.scans else f"{self.fixed:,} of the"
        fixed = (
            f" For {some} {self.scans:,} of {self.control} there is no choice: no others of their kind are "
            "there to be drawn."
        )
        return f"{self.count} scans of {self.arm} are also in {self.control}.{fixed * (self.fixed > 0)}"


def planned(
    pool: pd.DataFrame, arms: Sequence[Arm], seeds: Sequence[int], control_seed: int = CONTROL_SEED
) -> list[Overlap]:
    """Return the overlap of each control among some arms with the arm that it matches.

    Parameters
    ----------
    pool : pandas.DataFrame
        As :func:`training.arms.arm_scans.scans_of` takes it.
    arms : sequence of Arm
        Of a study.
    seeds : sequence of int
        One or more.
    control_seed : int
        Of the study.
    """
    found = []
    for arm in arms:
        if arm.kind != "control" or arm.base is not None:
            continue
        matched = arm_scans.matched_arm(arm)
        own = set(arm_scans.scans_of(matched, pool))
        drawn = arm_scans.draws_of(arm, pool, matched, [control_seed + seed for seed in seeds])
        shared = tuple(len(own.intersection(sample)) for sample in drawn)
        among = int(pool["tier"].isin(arm.tiers).sum())
        fixed = arm_scans.without_choice(arm, pool, matched)
        found.append(Overlap(matched.name, arm.name, len(own), among, shared, fixed))
    return found


def of_study(study: Study) -> list[Overlap]:
    """Return the overlap of each control of a study with the arm that it matches."""
    return planned(study.pool(), study.arms, study.seeds, study.control_seed)


def controls_matched_on(study: Study) -> MatchingCriteria | None:
    """Return the factors that the controls of a study are matched on; none where it has no control."""
    if not any(arm.kind == "control" for arm in study.arms):
        return None
    return matching_criteria(study.pool())


def doubts(
    pool: Cohort, target: CohortHeader, arms: Sequence[Arm], seeds: Sequence[int]
) -> list[str]:
    """Return the doubts about a plan, a sentence or two each.

    Parameters
    ----------
    pool : Cohort
        Pretraining pool.
    target : Cohort or CohortHeader
        Target cohort.
    arms : sequence of Arm
        Arms of the plan.
    seeds : sequence of int
        One or more.

    Returns
    -------
    list of str
        That the two cohorts were cut by different rules; which arms hold more than half of the pool and so
        share most of their scans with their controls; what of site and age is not known; which arms the
        pool does not allow.
    """
    told = [cohort_diff.letters_differ(pool, target)]
    if not same_tiers(pool.rule, target.rule):
        told[0] += " Freeze the target again by the rule of the pool, or read their tiers apart."
    told += arm_checks.problems(pool, arms)
    scans = cohort_draft.included(pool.scans)
    shared = planned(scans, _drawable(arms, scans), seeds)
    told.append(_sharing(shared))
    if shared:
        told.append(matching_criteria(scans).note)
    return [sentence for sentence in told if sentence]


def controls_said(pool: Cohort, arms: Sequence[Arm], seeds: Sequence[int]) -> str:
    """Describe the matching of controls to arms, and their overlap, in words; empty without any."""
    scans = cohort_draft.included(pool.scans)
    shared = planned(scans, _drawable(arms, scans), seeds)
    if not shared:
        return ""
    counts = " ".join(one.words for one in shared)
    return f"Controls are of the same {matching_criteria(scans).words} as their arms, at random. {counts}"


def _drawable(arms: Sequence[Arm], scans: pd.DataFrame) -> list[Arm]:
    return [arm for arm in arms if not arm_scans.shortage(arm, scans)]


def _sharing(shared: Sequence[Overlap]) -> str:
    """Warn of arms that are so large that their controls are mostly the same scans."""
    large = [one for one in shared if one.most]
    if not large:
        return ""
    names = ", ".join(f"{one.arm} ({one.scans:,} of {one.pool:,})" for one in large)
    each = "its control shares" if len(large) == 1 else "each control shares"
    hold = "holds" if len(large) == 1 else "hold"
    return (
        f"{names} {hold} more than half of the pool: {each} most of the same scans, so that a difference can "
        "hardly be seen."
    )
