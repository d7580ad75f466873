"""Options of ``launch`` on the analysis: primary comparison, margin, sides; and the power of the design."""

import argparse
from functools import partial

from curation.errors import StudyError
from curation.storage.workspace import Workspace
from training.held_out import stored_predictions
from training.results import design_power
from training.studies import analysis_plan, planned_study
from training.studies.analysis_plan import EXPLORATORY, MARGIN_YEARS, AnalysisPlan
from training.studies.planned_study import Study


def add_analysis_options(command: argparse.ArgumentParser) -> None:
    """Declare the options on the analysis."""
    group = command.add_argument_group(
        "what is concluded",
        "Declared before anything is seen. All other comparisons are exploratory, all of them where no "
        "primary one is named.",
    )
    group.add_argument(
        "--primary",
        nargs=2,
        metavar=("ARM", "REFERENCE"),
        help="the one confirmatory comparison, e.g. --primary A all",
    )
    group.add_argument(
        "--margin",
        type=float,
        metavar="SIZE",
        help=f"difference that would matter: what lies within it is equivalent (of age {MARGIN_YEARS:g} "
        "years where none is stated; of another outcome to be stated, in its unit or as an AUC)",
    )
    group.add_argument(
        "--one-sided",
        action="store_true",
        help="ask only whether the arm is better, or not worse by the margin",
    )


def refuse_late(chosen: argparse.Namespace) -> None:
    """Refuse to declare anything for a study that is planned already."""
    if chosen_analysis(chosen) != EXPLORATORY:
        raise StudyError(
            f"{chosen.study} is planned already, and keeps the analysis that it was planned with. To declare "
            "another, plan a study of its own: give --cohort, --target and --arms or --design."
        )


def chosen_analysis(chosen: argparse.Namespace) -> AnalysisPlan:
    """Return the analysis that the arguments declare."""
    primary = tuple(chosen.primary) if chosen.primary else None
    return AnalysisPlan(primary, chosen.margin, one_sided=chosen.one_sided)


def said(workspace: Workspace, study: Study) -> str:
    """Describe the analysis of a planned study, and what its design can show."""
    power = design_power.of_study(
        study, planned_study.list_studies(workspace), partial(stored_predictions.read, workspace)
    )
    return f"{study.analysis.words or _undeclared(study)} {power}"


def _undeclared(study: Study) -> str:
    """Return what it means to declare nothing, with what could be declared."""
    pair = analysis_plan.proposed(study.arms)
    margin = "" if study.outcome.is_age else " --margin SIZE"
    how = f" '--primary {pair[0]} {pair[1]}{margin}' would declare one." if pair else ""
    return f"No primary comparison is declared: all of them will be exploratory.{how}"
