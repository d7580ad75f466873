"""The command ``reconstruct``: reconstructions of one scan, or reconstruction errors of every scan."""

import argparse

from curation.cli import framework
from curation.cli.framework import Command
from curation.errors import StudyError
from curation.storage.workspace import Workspace
from training.reconstruction import reconstruction_files
from training.studies import planned_study, runs
from training.studies.planned_study import Study
from training.studies.runs import Run


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument("study", help="id of a study")
    parser.add_argument(
        "--run", dest="run_id", help="id of a finished pretraining (default: the first)"
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--scan", help="id of a scan: write its maps")
    what.add_argument(
        "--errors",
        action="store_true",
        help="measure every scan, and offer the error as a number that tiers can be cut on",
    )


def run(chosen: argparse.Namespace) -> int:
    """Write the maps of one scan, or measure the errors of all."""
    from training.reconstruction import reconstruct  # torch only where it is needed

    workspace = Workspace.open(chosen.workspace)
    study = planned_study.load(workspace, chosen.study)
    model = _run(study, chosen.run_id)
    if chosen.scan:
        made = reconstruct.maps(workspace, study, model, chosen.scan)
        for image, maps in made.maps_of.items():
            for name, path in maps.items():
                print(f"{image} {name}: {path}")
        error = made.facts["reconstruction_error"]
        print(f"reconstruction error {error:.4g}{_seen(made.facts['pretrained_on'])}")
        return 0
    with framework.bar("looking") as progress:
        table = reconstruct.errors(workspace, study, model, progress)
    failed = int(table["reconstruction_error"].isna().sum())
    print(
        f"{len(table) - failed} scans measured by {model.id}, {failed} could not be; "
        f"{int(table['pretrained_on'].sum())} are of people that it was trained on"
    )
    return 0


def _run(study: Study, run_id: str | None) -> Run:
    if run_id:
        return runs.find(study, run_id)
    found = reconstruction_files.finished_pretrainings(study)
    if not found:
        raise StudyError(
            f"No pretraining of study {study.id} is finished yet. Wait for one, or resume it."
        )
    return found[0]


def _seen(pretrained_on: bool) -> str:
    return " (of a person that the model was trained on)" if pretrained_on else ""


COMMAND = Command(
    "reconstruct",
    "look at scans through a pretrained model: maps of one, or an error for each",
    run,
    add_options,
)
