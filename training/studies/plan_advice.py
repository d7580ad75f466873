"""What is doubtful about a plan: it can be run, but somebody should know before it is."""

from collections.abc import Sequence

from curation.cohorts import cohort_draft
from curation.cohorts.frozen_cohort import Cohort, CohortHeader
from curation.cohorts.matched_controls import matching_criteria
from curation.tiers.rule_versions import rule_difference
from training.studies import arm_overlap
from training.studies.arm_overlap import Overlap
from training.studies.study_arms import Arm


def doubts(
    pool: Cohort, target: CohortHeader, arms: Sequence[Arm], seeds: Sequence[int]
) -> list[str]:
    """Return what somebody should know of a plan, a sentence or two each.

    Parameters
    ----------
    pool : Cohort
        What is pretrained on.
    target : Cohort or CohortHeader
        What is judged on.
    arms : sequence of Arm
        What is compared.
    seeds : sequence of int
        One or more.

    Returns
    -------
    list of str
        That the two cohorts were cut by different rules; which arms hold more than half of the pool and so
        share most of their scans with their controls; what of site and age is not known.
    """
    told = [rule_difference(pool.rule, target.rule)]
    if told[0]:
        told[0] += " Freeze the target again by the rule of the pool, or read their tiers apart."
    scans = cohort_draft.included(pool.scans)
    shared = arm_overlap.planned(scans, arms, seeds)
    told.append(_sharing(shared))
    if shared:
        told.append(matching_criteria(scans).note)
    return [sentence for sentence in told if sentence]


def controls_said(pool: Cohort, arms: Sequence[Arm], seeds: Sequence[int]) -> str:
    """Say in what the controls of a plan are like their arms, and what they share; empty without any."""
    scans = cohort_draft.included(pool.scans)
    shared = arm_overlap.planned(scans, arms, seeds)
    if not shared:
        return ""
    counts = " ".join(one.words for one in shared)
    return f"Controls are of the same {matching_criteria(scans).words} as their arms, at random. {counts}"


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
