"""Checks of a plan's arms against the scans of its pool: too few people, controls apart, distorted images."""

from collections.abc import Sequence

import pandas as pd

from curation.cohorts import cohort_draft
from curation.cohorts.frozen_cohort import Cohort
from curation.errors import StudyError
from training.arms import arm_scans
from training.arms.study_arms import Arm

#: People that an encoder is pretrained on, at least.
FEWEST_PEOPLE = 2


def refuse(pool: Cohort, arms: Sequence[Arm], images: str = "") -> None:
    """Refuse arms that the scans of a pool, or the images that are looked at, do not allow.

    Raises
    ------
    StudyError
        With the first of :func:`problems`.
    """
    for problem in problems(pool, arms, images):
        raise StudyError(problem)


def problems(pool: Cohort, arms: Sequence[Arm], images: str = "") -> list[str]:
    """Return why arms cannot be pretrained, with what to do; empty where all can.

    Parameters
    ----------
    pool : Cohort
        Pretraining pool.
    arms : sequence of Arm
        Of a plan.
    images : str
        What is looked at, where it is not T1w alone.
    """
    scans = cohort_draft.included(pool.scans)
    own = [arm for arm in arms if arm.encoder == arm.name]
    found = [arm_scans.shortage(arm, scans) or _too_few(arm, scans) for arm in own]
    found.append(_not_t1w(own, images))
    return [problem for problem in found if problem]


def _too_few(arm: Arm, scans: pd.DataFrame) -> str:
    matched = arm_scans.matched_arm(arm) if arm.matches else None
    chosen = scans["scan_id"].isin(arm_scans.scans_of(arm, scans, matched=matched))
    people = scans.loc[chosen, "subject_id"].nunique()
    if people >= FEWEST_PEOPLE:
        return ""
    held = "nobody" if people == 0 else "one person"
    return (
        f"The arm {arm.name} would be pretrained on {held}; it needs {FEWEST_PEOPLE} people or more. Take a "
        "larger share or other tiers, or leave it out."
    )


def _not_t1w(arms: Sequence[Arm], images: str) -> str:
    distorted = [arm.name for arm in arms if arm.distortion]
    if not distorted or not images:
        return ""
    return (
        f"The arms {', '.join(distorted)} distort scans, and artefacts are simulated for T1w alone; this "
        f"study looks at {images}. Plan it with the images T1w, or leave these arms out."
    )
