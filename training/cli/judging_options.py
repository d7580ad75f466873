"""Options of ``launch`` on how a study judges: outcome, folds, repeats, external cohorts."""

import argparse

from curation.cohorts import cohort_draft, frozen_cohort
from curation.errors import StudyError
from curation.scoring.comparison_groups import site_summary
from curation.storage.workspace import Workspace
from curation.wording import plural
from training.judging.judging import BY_AGE, FOLDS_BY, Asked
from training.studies.planned_study import Study


def add(command: argparse.ArgumentParser) -> None:
    """Declare the options."""
    group = command.add_argument_group("what arms are judged on")
    group.add_argument(
        "--outcome",
        default=BY_AGE.outcome,
        metavar="COLUMN",
        help="age (default), sex, or any column of the target's table of people that is a number or has two "
        "values; two values are judged by the AUC",
    )
    group.add_argument(
        "--folds-by",
        choices=list(FOLDS_BY),
        default=BY_AGE.folds_by,
        help="; ".join(f"{name}: {meaning}" for name, meaning in FOLDS_BY.items()),
    )
    group.add_argument(
        "--repeats",
        type=int,
        default=BY_AGE.repeats,
        help="cut the same people into folds so often, each time anew (default: once)",
    )
    group.add_argument(
        "--external",
        nargs="+",
        default=[],
        metavar="ID",
        help="frozen target cohorts that the fine-tuned models are judged on besides, learning nothing from "
        "them",
    )


def asked(chosen: argparse.Namespace) -> Asked:
    """Return what the arguments ask for."""
    return Asked(chosen.outcome, chosen.folds_by, chosen.repeats, tuple(chosen.external))


def refuse_late(chosen: argparse.Namespace) -> None:
    """Refuse to judge a study that is planned already on anything else."""
    if asked(chosen) != BY_AGE:
        raise StudyError(
            f"{chosen.study} is planned already, and is judged on what it was planned with. To judge on "
            "something else, plan a study of its own: give --cohort, --target and --arms or --design."
        )


def notes(workspace: Workspace, study: Study) -> list[str]:
    """Return what is worth saying of a plan: who is left out, and what stands in for sites."""
    target = study.scans().query("role == 'target'")
    frozen = cohort_draft.included(frozen_cohort.load(workspace, study.target_id).scans)
    told = []
    if lost := len(frozen) - len(target):
        told.append(f"{plural(lost, 'scan')} without a known {study.outcome.name} are left out.")
    if study.judging.folds_by == "site" and (note := site_summary(target).note):
        told.append(note)
    return told
