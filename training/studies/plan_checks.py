"""Checks of a plan in their order: those of cohorts and arms, then those of the folds as they were dealt."""

from collections.abc import Sequence

import pandas as pd

from curation.cohorts.frozen_cohort import Cohort
from curation.errors import StudyError
from curation.wording import plural
from training.arms import arm_checks
from training.arms.study_arms import Arm
from training.judging import judged_scans, judging, splits
from training.judging.judging import Asked, Judging
from training.settings import input_images
from training.settings.preset import Preset
from training.settings.presets import PRESETS
from training.settings.tuning import INNER_FOLDS, Tuning
from training.studies import harmonised_arms, study_checks

#: Networks are built from seeds below this.
_SEEDS = 2**63


def refuse_settings(
    name: str, preset: str, seeds: Sequence[int], asked: Asked, target_id: str
) -> None:
    """Refuse a plan without a name, of no preset, with seeds that are none, or that cannot be judged."""
    if preset not in PRESETS:
        raise StudyError(f"There is no preset {preset!r}; there are {', '.join(PRESETS)}.")
    if not name.strip():
        raise StudyError("A study needs a name.")
    if not seeds or len(set(seeds)) < len(seeds) or not 0 <= min(seeds) <= max(seeds) < _SEEDS:
        raise StudyError(
            f"Seeds are different numbers of 0 or more, and below 2⁶³; these are {list(seeds)}."
        )
    judging.refuse(asked, target_id)


def refuse_unfit(
    pool: Cohort,
    target: Cohort,
    chosen: tuple[Arm, ...],
    preset: Preset,
    folds: int,
    tuning: Tuning | None,
) -> None:
    """Refuse cohorts, arms and a preset that make no fair study together.

    Raises
    ------
    StudyError
        Too few people for the folds or for tuning; an arm without scans or with fewer than two people, one
        whose control cannot be drawn, or that distorts PET.
    """
    study_checks.refuse_too_few(target, folds)
    study_checks.refuse_same_folder(chosen)
    arm_checks.refuse(pool, chosen, input_images.other_than_t1w(preset))
    study_checks.refuse_too_few_to_tune(target, folds, tuning)


def refuse_unfit_folds(
    scans: pd.DataFrame,
    judged: Judging,
    chosen: Sequence[Arm],
    seeds: Sequence[int],
    folds: int,
    tuning: Tuning | None,
    *,
    seed: int,
) -> None:
    """Refuse folds as they were dealt that leave an arm, or tuning, nothing to learn from.

    Parameters
    ----------
    scans : pandas.DataFrame
        Of the study, with their folds in every partition.
    judged : Judging
        How they are judged.
    chosen, seeds, folds, tuning
        Of the study.
    seed : int
        Of the folds.

    Raises
    ------
    StudyError
        Fewer than two people, one value alone of a two-valued outcome, a site that cannot be harmonised, or
        no inner validation.
    """
    _refuse_too_few_learned(scans, judged, chosen, folds)
    _refuse_one_value_learned(scans, judged, chosen, seeds, folds, seed)
    harmonised_arms.refuse(scans, judged, chosen)
    if tuning:
        _refuse_no_inner_validation(scans, judged, folds, seed)


def _refuse_too_few_learned(
    scans: pd.DataFrame, judged: Judging, chosen: Sequence[Arm], folds: int
) -> None:
    """Refuse folds, or an arm's share of the labels in them, of fewer than two people to learn from."""
    target = scans[scans["role"] == "target"]
    for fold in range(folds * judged.repeats):
        training = target[judged_scans.fold_of(target, fold // folds) != fold]
        people = training["subject_id"].nunique()
        if people < 2:
            raise StudyError(
                f"Fold {fold + 1} leaves {plural(people, 'person', 'people')} to learn from; at least 2 are "
                "needed. Take folds by person, or a target cohort with more people at other sites."
            )
        for arm in chosen:
            if round(people * arm.label_percent / 100) < 2:
                raise StudyError(
                    f"The arm {arm.name} would learn from fewer than two people: {arm.label_percent} % of "
                    f"{people}. Take a larger share or a larger target cohort."
                )


def _refuse_one_value_learned(
    scans: pd.DataFrame,
    judged: Judging,
    chosen: Sequence[Arm],
    seeds: Sequence[int],
    folds: int,
    split_seed: int,
) -> None:
    """Refuse an arm whose share of the labels would hold one value alone of a two-valued outcome."""
    if not judged.outcome.two_valued:
        return
    target = scans[scans["role"] == "target"].reset_index(drop=True)
    draws = [(seed, fold) for seed in seeds for fold in range(folds * judged.repeats)]
    for arm in (arm for arm in chosen if arm.label_percent < 100):
        for seed, fold in draws:
            training = target[judged_scans.fold_of(target, fold // folds) != fold]
            labelled = splits.labelled(
                training, percent=arm.label_percent, seed=(split_seed, seed, fold)
            )
            if labelled[judged.outcome.column].nunique() < 2:
                raise StudyError(
                    f"The arm {arm.name} would learn from people of one value of {judged.outcome.name} "
                    f"alone (seed {seed}, fold {fold + 1}). Take a larger share of the labels."
                )


def _refuse_no_inner_validation(
    scans: pd.DataFrame, judged: Judging, folds: int, seed: int
) -> None:
    """Refuse tuning where the training people of a fold cannot be cut in two by the same kind of folds."""
    target = scans[scans["role"] == "target"].reset_index(drop=True)
    for fold in range(folds * judged.repeats):
        training = target[judged_scans.fold_of(target, fold // folds) != fold]
        where = f"Tuning cannot validate within fold {fold + 1}"
        try:
            parts = judged_scans.inner(training, judged, folds=INNER_FOLDS, seed=seed + fold)
        except StudyError as error:
            raise StudyError(
                f"{where}, whose training people are of too few sites: leaving one more out leaves none. "
                "Plan the study without tuning, or take folds by person."
            ) from error
        for part in parts:
            people = part.drop_duplicates("subject_id")
            values = people[judged.outcome.column].nunique()
            if len(people) < 2 or (judged.outcome.two_valued and values < 2):
                lacks = "two people" if len(people) < 2 else f"both values of {judged.outcome.name}"
                raise StudyError(
                    f"{where}: a part of its training people lacks {lacks}. Plan the study without tuning, "
                    "or with fewer folds or a larger target cohort."
                )
