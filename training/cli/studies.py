"""Commands on studies: ``status``, ``stop``, ``resume``, ``retry`` and ``mlflow``.

Command-line options on the execution backend, experiment tracking, and following a study.
"""

import argparse
import time
from collections.abc import Collection
from dataclasses import asdict
from functools import partial

from curation import wording
from curation.assessment import snakemake_profiles
from curation.cli.framework import Command
from curation.errors import StudyError, in_words
from curation.storage.workspace import Workspace
from training.held_out import stored_predictions
from training.jobs import execution_backend, launch, mlflow_log, study_status
from training.jobs.execution_backend import Backend, BackendKind
from training.jobs.study_status import StudyStatus, status
from training.judging.outcome import AGE, Outcome
from training.results import primary_comparison
from training.studies import planned_study, runs

_FIELDS = (
    "cores",
    "beside",
    "partition",
    "account",
    "hours",
    "memory_gb",
    "gres",
    "at_once",
    "profile",
    "stage",
)
#: The options that are meant for Slurm, also where it is not named.
_SLURMS_OWN = {"partition", "account", "hours", "memory_gb", "gres"}


def add_backend_options(command: argparse.ArgumentParser) -> None:
    """Declare the options on the execution backend, ``--mlflow`` and ``--follow``."""
    command.add_argument("--follow", action="store_true", help="show it until it ends")
    group = command.add_argument_group(
        "where it runs",
        "By default where it ran before, at first on this machine; --cores, --beside, --at-once, --stage and "
        "--mlflow alone leave it there.",
    )
    group.add_argument("--here", action="store_true", help="on this machine")
    group.add_argument("--cores", type=int, help="processor cores to use (default: all)")
    group.add_argument(
        "--beside",
        action="store_true",
        default=None,
        help="start at once beside a study that runs, instead of waiting for its end",
    )
    group.add_argument(
        "--slurm", action="store_true", help="on Slurm; what was given before is kept"
    )
    group.add_argument("--partition", help="of Slurm")
    group.add_argument("--account", help="of Slurm")
    group.add_argument("--hours", type=float, help="longest time of one job (default: 24)")
    group.add_argument("--memory-gb", type=float, help="memory of one job (default: 16)")
    group.add_argument("--gres", help="what a training job needs, such as gpu:1")
    group.add_argument("--at-once", type=int, help="jobs that wait or run at once (default: 50)")
    group.add_argument(
        "--profile", help=f"a Snakemake profile named in {snakemake_profiles.ENVIRONMENT_VARIABLE}"
    )
    group.add_argument(
        "--stage",
        metavar="FOLDER",
        help="copy prepared volumes to this folder on a disk of each machine that trains, such as "
        "'/scratch/$USER/volumes' ('': do not); variables are those of the machine that trains, and one that "
        "is not set there is refused",
    )
    group.add_argument(
        "--mlflow",
        action="store_true",
        default=None,
        help="also log each finished run to MLflow, which is to be installed",
    )


def chosen_backend(
    workspace: Workspace, chosen: argparse.Namespace, study_id: str
) -> tuple[Backend | None, bool | None]:
    """Return and remember the backend and tracking that the arguments name; none stands for as before.

    Options that do not say where a study runs leave it where it ran before.
    """
    given = {name: getattr(chosen, name) for name in _FIELDS if getattr(chosen, name) is not None}
    kind = _kind(chosen, given)
    if kind is None and not given and not chosen.mlflow:
        return None, None
    study = planned_study.load(workspace, study_id)
    before, remembered = (
        execution_backend.backend_of(study),
        execution_backend.remembered_backend(workspace),
    )
    same_kind = [one for one in (before, remembered) if one.kind == (kind or before.kind)]
    kept = [] if kind == "here" else same_kind or [remembered] * (kind == "slurm")
    values = asdict(kept[0]) if kept else {}
    backend = Backend.from_dict(values | given | {"kind": kind or before.kind})
    tracked = (
        bool(chosen.mlflow)
        or (kind != "here" and mlflow_log.is_tracked(study))
        or (kind == "slurm" and mlflow_log.remembered(workspace))
    )
    execution_backend.refuse_unusable(backend)
    if tracked:
        mlflow_log.refuse_lacking()
    execution_backend.remember_backend(workspace, backend)
    mlflow_log.remember(workspace, tracked)
    return backend, tracked


def _kind(chosen: argparse.Namespace, given: Collection[str]) -> BackendKind | None:
    """Return which kind of backend the arguments name; none where they name none."""
    if chosen.profile:
        return "profile"
    if chosen.slurm or _SLURMS_OWN & set(given):
        return "slurm"
    return "here" if chosen.here else None


def print_status(
    study_id: str, status: StudyStatus, *, runs: bool = False, outcome: Outcome = AGE
) -> None:
    """Print the status of a study, and that of each of its runs, judged by its outcome."""
    left = "" if status.eta_s is None else f", about {wording.duration(status.eta_s)} left"
    print(
        f"{study_id}: {status.state}, {status.fraction:.0%}, "
        f"{status.done} of {status.total} runs finished{left}"
    )
    if status.message:
        print(f"  {status.message}")
    for run in status.runs if runs else []:
        numbers = [f"loss {run.loss:.3f}"] if run.loss is not None else []
        if run.age_mae_years is not None:
            what = "" if outcome.two_valued else f"{outcome.measure} "
            numbers.append(f"{what}{outcome.measured(run.age_mae_years)}")
        text = ", ".join(numbers + [run.message] * bool(run.message))
        print(f"  {run.state:9} {run.epoch:4}/{run.epochs} epochs  {run.run_id:36} {text}")


def follow(workspace: Workspace, study_id: str) -> int:
    """Print the status of a study until it ends; return 0 where it finished, else 1."""
    while (status := study_status.status(workspace, study_id)).going:
        time.sleep(2)
        print_status(study_id, status)
    outcome = planned_study.load(workspace, study_id).outcome
    print_status(study_id, status, runs=True, outcome=outcome)
    if status.state == "finished":
        _answer(workspace, study_id)
    return 0 if status.state == "finished" else 1


def _answer(workspace: Workspace, study_id: str) -> None:
    """Print the conclusion of a finished study, as the pages say it."""
    study = planned_study.load(workspace, study_id)
    held_out = stored_predictions.read(workspace, study)
    said = primary_comparison.conclusion_of(held_out, study.analysis)
    if said.headline:
        print("  " + f"{study.analysis.words} {said.headline}".strip())
    for line in said.beside:
        print(f"  {line}")


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
    add_backend_options(command)


def add_retry_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``retry``."""
    command.add_argument("study")
    command.add_argument("names", nargs="+", help="names of arms, ids of runs (see 'status STUDY')")
    command.add_argument(
        "--anew",
        action="store_true",
        help="from the beginning, also what is finished, with all that builds on it",
    )
    add_backend_options(command)


def add_mlflow_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``mlflow``."""
    command.add_argument("study")


def run_status(chosen: argparse.Namespace) -> int:
    """Print the status of one study, or of all."""
    workspace = Workspace.open(chosen.workspace)
    planned, troubles = planned_study.read_studies(workspace)
    ids = [chosen.study] if chosen.study else [study.id for study in planned]
    if not ids and not troubles:
        print("No study is planned yet.")
    for trouble in troubles if not chosen.study else []:
        print(in_words(trouble))
    for study_id in ids:
        outcome = planned_study.load(workspace, study_id).outcome if chosen.study else AGE
        now = status(workspace, study_id)
        print_status(study_id, now, runs=bool(chosen.study), outcome=outcome)
        if chosen.study and now.state == "finished" and not chosen.follow:
            _answer(workspace, study_id)
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
    backend, mlflow = chosen_backend(workspace, chosen, study_id)
    print_status(study_id, launch.resume(workspace, study_id, backend=backend, mlflow=mlflow))
    return follow(workspace, study_id) if chosen.follow else 0


def run_retry(chosen: argparse.Namespace) -> int:
    """Do single arms or runs again."""
    workspace = Workspace.open(chosen.workspace)
    backend, mlflow = chosen_backend(workspace, chosen, chosen.study)
    done = launch.retry(
        workspace, chosen.study, chosen.names, anew=chosen.anew, backend=backend, mlflow=mlflow
    )
    print_status(chosen.study, done)
    return follow(workspace, chosen.study) if chosen.follow else 0


def run_mlflow(chosen: argparse.Namespace) -> int:
    """Log the finished runs of a study."""
    workspace = Workspace.open(chosen.workspace)
    study = planned_study.load(workspace, chosen.study)
    logged = sum(mlflow_log.log(workspace, study, run) for run in runs.runs_of(study))
    print(f"{logged} finished runs are in MLflow, {mlflow_log.tracking_uri(workspace)}")
    return 0


def _only(workspace: Workspace, *wanted: str) -> str:
    found = [
        study.id
        for study in planned_study.list_studies(workspace)
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
)
