"""Command ``power``: what designs would find, before any is planned."""

import argparse
from functools import partial

import pandas as pd

from curation.cli.framework import Command
from curation.errors import StudyError
from curation.storage.workspace import Workspace
from training.held_out import stored_predictions
from training.judging.outcome import AGE, Outcome
from training.results import design_power, power_planner
from training.results.power_planner import PEOPLE, SEEDS, Question
from training.settings.presets import default_preset
from training.studies import planned_study
from training.studies.analysis_plan import MARGIN_YEARS


def _add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--people", type=int, nargs="+", default=list(PEOPLE), help="of the target cohort"
    )
    command.add_argument(
        "--seeds", type=int, nargs="+", default=list(SEEDS), help="trainings of each arm"
    )
    command.add_argument("--folds", type=int, default=5, help="of the target cohort (default 5)")
    command.add_argument(
        "--margin", type=float, metavar="SIZE", help="difference that would matter"
    )
    command.add_argument("--one-sided", action="store_true", help="ask only: better, or not worse")
    command.add_argument(
        "--own-control", action="store_true", help="of an arm with its own control"
    )
    command.add_argument(
        "--outcome", default=AGE.name, help="age, or what a finished study predicts"
    )
    command.add_argument(
        "--difference", type=float, metavar="SIZE", help="say how many people it needs to be found"
    )
    command.add_argument(
        "--target", default="", help="id of a target cohort: its studies tell first"
    )
    command.add_argument("--preset", default=default_preset().name, help="so do those of a preset")


def _run(chosen: argparse.Namespace) -> int:
    asked = _question(chosen)
    table = power_planner.table(asked, chosen.people, chosen.seeds)
    print(f"A true difference, {asked.outcome.unit_words}, that four of five studies find:\n")
    print(_printed(table, asked.outcome))
    if rising := power_planner.rising_words(table):
        print(f"\n{rising}")
    if chosen.difference is not None:
        print(f"\n{power_planner.needed_words(asked, chosen.difference, chosen.seeds)}")
    print(f"\n{power_planner.assumed_words(asked)}")
    return 0


def _question(chosen: argparse.Namespace) -> Question:
    """Return what is asked, with the spread of this workspace's finished studies."""
    workspace = Workspace.open(chosen.workspace)
    studies = planned_study.list_studies(workspace)
    named = [one.outcome for one in studies if one.outcome.name == chosen.outcome]
    outcome = AGE if chosen.outcome == AGE.name else next(iter(named), None)
    spread = (
        design_power.assumed(
            studies,
            partial(stored_predictions.read, workspace),
            target_id=chosen.target,
            preset=chosen.preset,
            outcome=outcome,
            own_control=chosen.own_control,
        )
        if outcome
        else None
    )
    if outcome is None or spread is None:
        raise StudyError(
            f"No study that predicts {chosen.outcome!r} is finished here, by which to tell how far "
            "differences spread. Run a small one of two seeds first."
        )
    margin = chosen.margin if chosen.margin is not None else _margin(outcome)
    return Question(spread, margin, chosen.folds, chosen.one_sided, outcome)


def _margin(outcome: Outcome) -> float:
    return MARGIN_YEARS if outcome.is_age else float("nan")


def _printed(table: pd.DataFrame, outcome: Outcome) -> str:
    """Return the table as text: a line for each number of people, a column for each number of seeds."""
    wide = table.pivot(index=["people", "learned_from"], columns="seeds", values="detectable")
    head = ["people", "learned from", *(f"{count} seeds" for count in wide.columns)]
    lines = ["  ".join(f"{name:>12}" for name in head)]
    for (people, learned_from), row in wide.iterrows():
        cells = [f"{people}", f"{learned_from}", *(outcome.number(value) for value in row)]
        lines.append("  ".join(f"{cell:>12}" for cell in cells))
    return "\n".join(lines)


POWER_COMMAND = Command(
    "power",
    "say what designs of several sizes would find, before any is planned",
    _run,
    _add_options,
)
