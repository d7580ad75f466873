"""Commands on studies: ``status``, ``stop``, ``resume``, ``retry``, ``mlflow`` and ``demo-study``."""

import argparse
from functools import partial

from curation.command_line import Command
from curation.errors import StudyError, in_words
from curation.workspace import Workspace
from training import demo_study, launch, mlflow_log, place_options, runs
from training import study as studies
from training.follow import follow, print_status
from training.place_options import chosen_place
from training.standing import status


def add_status_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``status``."""
    command.add_argument("study", nargs="?", help="one study, with its runs")
    command.add_argument("--follow", action="store_true", help="show it until it ends")


def add_stop_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``stop``."""
    command.add_argument("study", nargs="?")


def add_resume_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``resume``."""
    command.add_argument("study", nargs="?")
    place_options.add_options(command)


def add_retry_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``retry``."""
    command.add_argument("study")
    command.add_argument("names", nargs="+", help="names of arms, ids of runs (see 'status STUDY')")
    command.add_argument(
        "--anew",
        action="store_true",
        help="from the beginning, also what is finished, with all that builds on it",
    )
    place_options.add_options(command)


def add_mlflow_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``mlflow``."""
    command.add_argument("study")


def add_demo_study_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``demo-study``."""
    command.add_argument("--detach", action="store_true", help="do all of it in the background")
    command.add_argument("--follow", action="store_true", help="show the study until it ends")


def run_status(chosen: argparse.Namespace) -> int:
    """Say where one study stands, or all."""
    workspace = Workspace.open(chosen.workspace)
    planned, troubles = studies.read_studies(workspace)
    ids = [chosen.study] if chosen.study else [study.id for study in planned]
    if not ids and not troubles:
        print("No study is planned yet.")
    for trouble in troubles if not chosen.study else []:
        print(in_words(trouble))
    for study_id in ids:
        print_status(study_id, status(workspace, study_id), runs=bool(chosen.study))
    return follow(workspace, chosen.study) if chosen.follow and chosen.study else 0


def run_stop(chosen: argparse.Namespace) -> int:
    """Stop a study."""
    workspace = Workspace.open(chosen.workspace)
    study_id = chosen.study or _only(workspace, "running", "queued")
    print_status(study_id, launch.stop(workspace, study_id, tell=partial(print, flush=True)))
    return 0


def run_resume(chosen: argparse.Namespace) -> int:
    """Go on with a study."""
    workspace = Workspace.open(chosen.workspace)
    study_id = chosen.study or _only(workspace, "stopped", "failed")
    print_status(
        study_id, launch.resume(workspace, study_id, place=chosen_place(workspace, chosen))
    )
    return follow(workspace, study_id) if chosen.follow else 0


def run_retry(chosen: argparse.Namespace) -> int:
    """Do single arms or runs again."""
    workspace = Workspace.open(chosen.workspace)
    place = chosen_place(workspace, chosen)
    done = launch.retry(workspace, chosen.study, chosen.names, anew=chosen.anew, place=place)
    print_status(chosen.study, done)
    return follow(workspace, chosen.study) if chosen.follow else 0


def run_mlflow(chosen: argparse.Namespace) -> int:
    """Log the finished runs of a study."""
    workspace = Workspace.open(chosen.workspace)
    study = studies.load(workspace, chosen.study)
    logged = sum(mlflow_log.log(workspace, study, run) for run in runs.runs_of(study))
    print(f"{logged} finished runs are in MLflow, {mlflow_log.tracking_uri(workspace)}")
    return 0


def run_demo_study(chosen: argparse.Namespace) -> int:
    """Score the demo's scans and start its study, here or in the background."""
    workspace = Workspace.open(chosen.workspace)
    if chosen.detach:
        demo_study.start_demo_study(workspace)
        print("The demo's scans are being scored; its study starts by itself afterwards.")
        return 0
    study_id = demo_study.train_demo_study(workspace)
    print_status(study_id, status(workspace, study_id))
    return follow(workspace, study_id) if chosen.follow else 0


def _only(workspace: Workspace, *wanted: str) -> str:
    found = [
        study.id
        for study in studies.list_studies(workspace)
        if status(workspace, study.id).state in wanted
    ]
    if len(found) != 1:
        listed = ", ".join(found) or "none"
        raise StudyError(f"Name the study: {' or '.join(wanted)} at present: {listed}.")
    return found[0]


COMMANDS = (
    Command("status", "show where studies stand", run_status, add_status_options),
    Command("stop", "stop a running study; nothing finished is lost", run_stop, add_stop_options),
    Command("resume", "go on with a stopped or failed study", run_resume, add_resume_options),
    Command("retry", "do single arms or runs of a study again", run_retry, add_retry_options),
    Command("mlflow", "log a study's finished runs to MLflow", run_mlflow, add_mlflow_options),
    Command(
        "demo-study",
        "score the demo's scans and start its study",
        run_demo_study,
        add_demo_study_options,
    ),
)
