"""Command ``world``: a simulated world with known truth, its cohorts, and a study in it."""

import argparse
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from curation.cli.framework import Command
from curation.cohorts.frozen_cohort import Cohort
from curation.simulation.artefacts import ARTEFACTS
from curation.storage.workspace import Workspace
from training.cli.studies import follow, print_status
from training.jobs import launch
from training.jobs.study_status import status
from training.studies import planned_study
from training.studies.analysis_plan import EXPLORATORY, AnalysisPlan
from training.studies.planned_study import Study
from training.world import planted, world_workspace
from training.world.dials import CONFOUNDERS, Dials

#: What a study in a world compares, unless told: without pretraining, the good scans, all, as many at random.
ARMS = ("scratch", "A", "all", "control-A")
SEEDS = (0, 1, 2, 3, 4)
FOLDS = 2
#: Difference that would matter, years.
MARGIN_YEARS = 1.0
_HELP = {
    "pool": "scans to pretrain on",
    "labels": "people with a known age that a fold learns from",
    "strength": "how far what people share moves a volume, against noise; 1 as it was tuned",
    "share": "share of the pool that is bad by its planted quality",
    "dose": "severity of the artefact of bad scans, 0 (as good as all others) to 1",
    "confounding": "how closely quality goes with it, 0 to 1",
    "batch_effect": "how much fainter one of the two sites shows the same tissue, 0 to 1",
    "seed": "of the people and their noise",
}


def plan(
    workspace: Workspace,
    *,
    name: str = "world",
    arms: Sequence[str] = ARMS,
    seeds: Sequence[int] = SEEDS,
    primary: tuple[str, str] | None = ("A", "all"),
    overrides: dict[str, Any] | None = None,
) -> Study:
    """Freeze the cohorts of a world and plan a study in it.

    Parameters
    ----------
    workspace : Workspace
        Of a world.
    name : str
        Of the study.
    arms, seeds : sequence
        What is compared, and how often it is trained.
    primary : tuple of str, optional
        The primary comparison, with a margin of :data:`MARGIN_YEARS`.
    overrides : dict, optional
        Changes of the preset.
    """
    pool, target = world_workspace.cohorts(workspace)
    return plan_on(
        workspace,
        pool,
        target,
        name=name,
        arms=arms,
        seeds=seeds,
        primary=primary,
        overrides=overrides,
    )


def plan_on(
    workspace: Workspace,
    pool: Cohort,
    target: Cohort,
    *,
    name: str = "world",
    arms: Sequence[str] = ARMS,
    seeds: Sequence[int] = SEEDS,
    primary: tuple[str, str] | None = ("A", "all"),
    overrides: dict[str, Any] | None = None,
) -> Study:
    """Plan a study on the cohorts of a world, in its workspace or one that they were lent to."""
    return planned_study.plan(
        workspace,
        name=name,
        cohort_id=pool.id,
        target_id=target.id,
        arms=list(arms),
        seeds=list(seeds),
        folds=FOLDS,
        preset=world_workspace.PRESET,
        overrides=overrides,
        analysis=AnalysisPlan(primary, MARGIN_YEARS) if primary else EXPLORATORY,
    )


def _add_options(command: argparse.ArgumentParser) -> None:
    usual = Dials()
    for field in fields(Dials):
        if field.name not in _HELP:
            continue
        value = getattr(usual, field.name)
        command.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(value),
            default=value,
            help=f"{_HELP[field.name]} (default: {value:g})",
        )
    command.add_argument(
        "--artefacts", nargs="+", default=list(usual.artefacts), choices=list(ARTEFACTS)
    )
    command.add_argument("--confounded", choices=CONFOUNDERS, default=usual.confounded)
    command.add_argument("--arms", nargs="+", default=list(ARMS), help="what is compared")
    command.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    command.add_argument("--plan-only", action="store_true", help="plan the study, do not start it")
    command.add_argument("--follow", action="store_true", help="show the study until it ends")


def _run(chosen: argparse.Namespace) -> int:
    """Make a world, and plan and start a study in it."""
    named = {field.name: getattr(chosen, field.name) for field in fields(Dials)}
    workspace = world_workspace.make(chosen.workspace, Dials().changed(named))
    known = planted.read(workspace)
    print(known.words if known else "")
    primary = ("A", "all") if {"A", "all"} <= set(chosen.arms) else None
    study = plan(workspace, arms=chosen.arms, seeds=chosen.seeds, primary=primary)
    if not chosen.plan_only and status(workspace, study.id).state == "planned":
        launch.launch(workspace, study.id)
    print_status(study.id, status(workspace, study.id))
    return follow(workspace, study.id) if chosen.follow else 0


WORLD_COMMAND = Command(
    "world", "make a simulated world with known truth, and a study in it", _run, _add_options
)
