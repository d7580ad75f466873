"""Checks of a study while it is planned: refusals of unfair or impossible ones, with remedies."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from curation.cohorts import cohort_draft, cohort_integrity, frozen_cohort
from curation.cohorts.frozen_cohort import Cohort
from curation.errors import StudyError
from curation.sources import image_modality
from curation.sources.duplicates import some
from curation.storage import tables
from curation.storage.files import slug
from curation.storage.workspace import Role, Workspace
from curation.wording import plural
from training.arms.study_arms import Arm
from training.settings.tuning import INNER_FOLDS, Tuning
from training.studies import pool_target_separation
from training.studies.pool_target_separation import Separation


def separated(
    workspace: Workspace, pool: Cohort, target: Cohort, outside: Sequence[Cohort]
) -> Separation:
    """Refuse cohorts of several kinds of images, or that share an image or a person."""
    refuse_mixed(pool, target, *outside)
    if told := half_a_world(workspace, (pool, target, *outside)):
        raise StudyError(told)
    found = pool_target_separation.check(workspace, pool, target)
    return replace(found, outside=apart_from_external(workspace, pool, target, outside))


def usable_cohorts(
    workspace: Workspace, pool_id: str, target_ids: Sequence[str]
) -> tuple[Cohort, ...]:
    """Load a pool and cohorts to be judged on, see :func:`usable_cohort`; the pool first."""
    targets = (usable_cohort(workspace, one, "target") for one in target_ids)
    return usable_cohort(workspace, pool_id, "pool"), *targets


def usable_cohort(workspace: Workspace, cohort_id: str, role: Role) -> Cohort:
    """Load a cohort frozen for a role, its files still what they were, without its unusable scans."""
    cohort = frozen_cohort.load(workspace, cohort_id)
    if cohort.role != role:
        raise StudyError(
            f"Cohort {cohort.id} is a {cohort.role} cohort; here one frozen as {role!r} is needed."
        )
    changed = cohort_integrity.changed_files(workspace, cohort)
    if len(changed):
        told = [f"{row.scan_id} ({row.reason})" for row in changed.itertuples()]
        raise StudyError(
            f"Cohort {cohort.id} has {plural(len(changed), 'scan')} gone or changed since it was frozen: "
            f"{some(told)}. Bring the files back, or ingest their source and freeze it again."
        )
    cohort = replace(cohort, scans=cohort_draft.included(cohort.scans))
    scans = tables.read_scans(workspace)
    listed = scans[scans["status"].isin(tables.LISTED)]
    listed = listed[listed["scan_id"].isin(cohort.scans["scan_id"])]
    if len(listed):
        raise StudyError(
            f"Cohort {cohort.id} has {plural(len(listed), 'scan')} listed by now and not scored: "
            f"{image_modality.counts_in_words(listed['modality'].value_counts().to_dict())}, such as "
            f"{some(listed['scan_id'].tolist())}. Freeze the cohort again."
        )
    without = set(scans.loc[scans["status"] == "table", "scan_id"]) & set(cohort.scans["scan_id"])
    if without:
        raise StudyError(
            f"Cohort {cohort.id} has {plural(len(without), 'scan')} from a table, without an image to train "
            f"on: {some(sorted(without))}. Freeze a cohort of the others: 'python -m curation freeze "
            "NAME --images-only'."
        )
    return cohort


def refuse_mixed(*cohorts: Cohort) -> None:
    """Refuse cohorts of several kinds of images, each by itself and all together."""
    every = pd.concat([one.scans for one in cohorts])
    named = {f"Cohort {one.id}": one.scans for one in cohorts}
    for whose, scans in (named | {"A study of these cohorts": every}).items():
        if problem := cohort_draft.mixed(scans, whose):
            raise StudyError(f"{problem} Then freeze the cohorts again.")


def half_a_world(workspace: Workspace, cohorts: Sequence[Cohort]) -> str:
    """Say that some cohorts are of the simulated world in a workspace, and others are not; else nothing."""
    scans = tables.read_scans(workspace)
    lent = set(scans.loc[scans["status"] == "world", "scan_id"])
    of_world = [one.id for one in cohorts if lent & set(one.scans["scan_id"])]
    others = [one.id for one in cohorts if one.id not in of_world]
    if not of_world or not others:
        return ""
    return (
        f"{' and '.join(of_world)} {'is' if len(of_world) == 1 else 'are'} of the simulated world in this "
        f"workspace, and {' and '.join(others)} {'is' if len(others) == 1 else 'are'} not: nothing can be "
        "learned from one for the other. Take both of the world, or neither."
    )


def apart_from_external(
    workspace: Workspace, pool: Cohort, target: Cohort, outside: Sequence[Cohort]
) -> dict[str, Separation]:
    """Return what external cohorts were compared by, by their ids.

    Raises
    ------
    StudyError
        When one shares an image or a person with what is learned from, or with another.
    """
    found = {}
    learned = replace(pool, scans=pd.concat([pool.scans, target.scans], ignore_index=True))
    for one in outside:
        try:
            found[one.id] = pool_target_separation.check(workspace, learned, one)
        except StudyError as error:
            raise StudyError(
                f"The external cohort {one.id}, against pool and target together: {error}"
            ) from error
    listed = pd.concat([one.scans["scan_id"] for one in outside]) if outside else pd.Series()
    if twice := listed[listed.duplicated()].tolist():
        raise StudyError(
            f"{plural(len(twice), 'scan is', 'scans are')} in two external cohorts: {some(twice)}. Name one "
            "of them."
        )
    return found


def refuse_too_few(target: Cohort, folds: int) -> None:
    """Refuse a target with fewer than two people a fold, or without ages."""
    if folds < 2:
        raise StudyError(f"A study needs 2 folds or more, not {folds}.")
    if told := too_few(target.scans["subject_id"].nunique(), folds):
        raise StudyError(told)
    if target.scans["age_years"].isna().any():
        raise StudyError(
            "Some scans of the target cohort have no age. Freeze it again as a target."
        )


def too_few(people: int, folds: int) -> str:
    """Say that a target's people are too few for a number of folds; nothing where they are enough."""
    if people >= 2 * folds:
        return ""
    return (
        f"The target cohort has {plural(people, 'person', 'people')} to judge on; {folds} folds need at "
        f"least {2 * folds}. Take fewer folds or a larger target cohort."
    )


def refuse_too_few_to_tune(target: Cohort, folds: int, tuning: Tuning | None) -> None:
    """Refuse an inner validation of fewer than two people, where there is to be one."""
    people = target.scans["subject_id"].nunique()
    training = people - -(-people // folds)
    if tuning and training < 2 * INNER_FOLDS:
        raise StudyError(
            f"Each fold leaves {plural(training, 'person', 'people')} to learn from; tuning on a third of "
            f"them needs at least {2 * INNER_FOLDS}. Plan the study without tuning, or with more folds "
            "or a larger target cohort."
        )


def refuse_same_folder(chosen: tuple[Arm, ...]) -> None:
    """Refuse arms whose names would be the same as file names."""
    folders = [slug(arm.name) for arm in chosen]
    if len(set(folders)) < len(folders):
        raise StudyError(
            f"The arms {', '.join(arm.name for arm in chosen)} would share a folder name. Rename "
            "the tiers with letters and digits, and freeze the cohort again."
        )


def alignments(workspace: Workspace, table: pd.DataFrame) -> list[list[float]]:
    """Return each scan's row-major 4 × 4 to the template, refusing scans that have none."""
    metrics = tables.read_metrics(workspace)
    if "template_affine" not in metrics:
        raise StudyError("No scan is aligned to the template yet. Score the scans first.")
    known = metrics.set_index("scan_id")
    found = known["template_affine"].reindex(table["scan_id"]).tolist()
    current = known["sha256"].reindex(table["scan_id"]).to_numpy() == table["sha256"].to_numpy()
    usable = [
        same and affine is not None and np.size(affine) == 16 and bool(np.all(np.isfinite(affine)))
        for same, affine in zip(current, found, strict=True)
    ]
    if not all(usable):
        bad = table["scan_id"][~np.array(usable)].tolist()
        raise StudyError(
            f"{len(bad)} of {len(table)} scans are not aligned to the template, or their file has "
            f"changed since: {some(bad)}. Score the scans again, then freeze the cohorts again."
        )
    return [np.asarray(affine, dtype=float).ravel().tolist() for affine in found]
