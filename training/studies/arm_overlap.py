"""How many scans an arm and its random control have in common: the more, the harder to tell apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from curation.cohorts.matched_controls import MatchingCriteria, matching_criteria
from training.studies import study_arms
from training.studies.planned_study import CONTROL_SEED, Study
from training.studies.study_arms import Arm


@dataclass(frozen=True)
class Overlap:
    """What an arm shares with its control.

    Parameters
    ----------
    arm, control : str
        Names of both.
    scans : int
        Size of either.
    pool : int
        Scans that the control is drawn from.
    shared : tuple of int
        Scans that are in both, one number a seed.
    """

    arm: str
    control: str
    scans: int
    pool: int
    shared: tuple[int, ...]

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
        """The same as a sentence."""
        return f"{self.count} scans of {self.arm} are also in {self.control}."


def planned(
    pool: pd.DataFrame, arms: Sequence[Arm], seeds: Sequence[int], control_seed: int = CONTROL_SEED
) -> list[Overlap]:
    """Return what each control among some arms will share with the arm that it matches.

    Parameters
    ----------
    pool : pandas.DataFrame
        As :func:`training.studies.study_arms.scans_of` takes it.
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
        matched = study_arms.matched_arm(arm)
        own = set(study_arms.scans_of(matched, pool))
        drawn = [
            study_arms.scans_of(arm, pool, matched=matched, seed=control_seed + seed)
            for seed in seeds
        ]
        shared = tuple(len(own.intersection(sample)) for sample in drawn)
        among = int(pool["tier"].isin(arm.tiers).sum())
        found.append(Overlap(matched.name, arm.name, len(own), among, shared))
    return found


def of_study(study: Study) -> list[Overlap]:
    """Return what each control of a study shares with the arm that it matches."""
    return planned(study.pool(), study.arms, study.seeds, study.control_seed)


def controls_matched_on(study: Study) -> MatchingCriteria | None:
    """Tell in what the controls of a study are like their arms; none where it has no control."""
    if not any(arm.kind == "control" for arm in study.arms):
        return None
    return matching_criteria(study.pool())
