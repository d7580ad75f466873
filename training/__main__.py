"""Command line of the training side: ``python -m training COMMAND --workspace W``."""

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from curation import cohorts, terminal
from curation.errors import StudyError, TierscopeError
from curation.workspace import DEFAULT_ROOT, ENVIRONMENT_VARIABLE, Workspace
from training import (
    demo_study,
    export_command,
    launch,
    mlflow_log,
    places,
    preset_changes,
    reconstruct_command,
    report_command,
    runs,
)
from training import study as studies
from training.config import PRESETS, default_preset
from training.designs import DESIGNS
from training.launch import StudyStatus
from training.places import Place

_EPILOG = "A study is planned from --cohort, --target and --arms or --design, or named by its id."


def main(arguments: list[str] | None = None) -> int:
    """Run one command; an error of ours is one sentence and exit status 2."""
    chosen = _parser().parse_args(arguments)
    try:
        with terminal.quiet_when_closed():
            return chosen.run(chosen)
    except TierscopeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted. A study that was started goes on; stop it with 'stop'.")
        return 130


def _launch(chosen: argparse.Namespace) -> int:
    workspace = Workspace.open(chosen.workspace)
    study_id = chosen.study or _plan(workspace, chosen)
    _show(study_id, launch.launch(workspace, study_id, place=_place(workspace, chosen)))
    return _follow(workspace, study_id) if chosen.follow else 0


def _plan(workspace: Workspace, chosen: argparse.Namespace) -> str:
    if not (chosen.cohort and chosen.target and (chosen.arms or chosen.design)):
        raise StudyError(
            "Name a planned study, or give --cohort, --target and --arms (or --design) to plan a new one."
        )
    arms = chosen.arms or DESIGNS[chosen.design].arms(
        cohorts.load(workspace, chosen.cohort), chosen.percents
    )
    study = studies.plan(
        workspace, name=chosen.name, cohort_id=chosen.cohort, target_id=chosen.target,
        arms=arms, seeds=chosen.seeds, folds=chosen.folds, preset=chosen.preset,
        overrides=preset_changes.parse(PRESETS[chosen.preset], chosen.changes),
    )  # fmt: skip
    return study.id


def _status(chosen: argparse.Namespace) -> int:
    workspace = Workspace.open(chosen.workspace)
    ids = [chosen.study] if chosen.study else [s.id for s in studies.list_studies(workspace)]
    if not ids:
        print("No study is planned yet.")
    for study_id in ids:
        _show(study_id, launch.status(workspace, study_id), runs=bool(chosen.study))
    return _follow(workspace, chosen.study) if chosen.follow and chosen.study else 0


def _stop(chosen: argparse.Namespace) -> int:
    workspace = Workspace.open(chosen.workspace)
    study_id = chosen.study or _only(workspace, "running", "queued")
    _show(study_id, launch.stop(workspace, study_id))
    return 0


def _resume(chosen: argparse.Namespace) -> int:
    workspace = Workspace.open(chosen.workspace)
    study_id = chosen.study or _only(workspace, "stopped", "failed")
    _show(study_id, launch.resume(workspace, study_id, place=_place(workspace, chosen)))
    return _follow(workspace, study_id) if chosen.follow else 0


def _retry(chosen: argparse.Namespace) -> int:
    workspace = Workspace.open(chosen.workspace)
    place = _place(workspace, chosen)
    done = launch.retry(workspace, chosen.study, chosen.names, anew=chosen.anew, place=place)
    _show(chosen.study, done)
    return _follow(workspace, chosen.study) if chosen.follow else 0


def _mlflow(chosen: argparse.Namespace) -> int:
    workspace = Workspace.open(chosen.workspace)
    study = studies.load(workspace, chosen.study)
    logged = sum(mlflow_log.log(workspace, study, run) for run in runs.runs_of(study))
    print(f"{logged} finished runs are in MLflow, {mlflow_log.tracking_uri(workspace)}")
    return 0


def _place(workspace: Workspace, chosen: argparse.Namespace) -> Place | None:
    """Return the place that the arguments name, to be offered the next time; none where they name none."""
    given = {name: getattr(chosen, name) for name in _PLACE if getattr(chosen, name) is not None}
    slurm = chosen.slurm or given.keys() & {"partition", "account", "hours", "memory_gb", "gres"}
    kind = "profile" if chosen.profile else "slurm" if slurm else "here"
    if kind == "here" and not given and not chosen.here:
        return None
    kept = asdict(places.remembered(workspace)) if kind == "slurm" else {}
    place = Place.from_dict(kept | given | {"kind": kind})
    places.refuse_unusable(place)
    places.remember(workspace, place)
    return place


_PLACE = (
    "cores", "beside", "partition", "account", "hours", "memory_gb", "gres", "at_once", "profile",
    "mlflow",
)  # fmt: skip


def _demo_study(chosen: argparse.Namespace) -> int:
    workspace = Workspace.open(chosen.workspace)
    if chosen.detach:
        demo_study.start(workspace)
        print("The demo's scans are being scored; its study starts by itself afterwards.")
        return 0
    study_id = demo_study.run(workspace)
    _show(study_id, launch.status(workspace, study_id))
    return _follow(workspace, study_id) if chosen.follow else 0


# ---- showing -------------------------------------------------------------------------------------


def _show(study_id: str, status: StudyStatus, *, runs: bool = False) -> None:
    left = "" if status.eta_s is None else f", about {_minutes(status.eta_s)} left"
    print(
        f"{study_id}: {status.state}, {status.fraction:.0%}, "
        f"{status.done} of {status.total} runs finished{left}"
    )
    if status.message:
        print(f"  {status.message}")
    for run in status.runs if runs else []:
        numbers = [f"loss {run.loss:.3f}"] if run.loss is not None else []
        if run.age_mae_years is not None:
            numbers.append(f"age error {run.age_mae_years:.2f} years")
        text = ", ".join(numbers + [run.message] * bool(run.message))
        print(f"  {run.state:9} {run.epoch:4}/{run.epochs} epochs  {run.run_id:36} {text}")


def _follow(workspace: Workspace, study_id: str) -> int:
    while (status := launch.status(workspace, study_id)).going:
        time.sleep(2)
        _show(study_id, status)
    _show(study_id, status, runs=True)
    return 0 if status.state == "finished" else 1


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _only(workspace: Workspace, *wanted: str) -> str:
    found = [
        study.id
        for study in studies.list_studies(workspace)
        if launch.status(workspace, study.id).state in wanted
    ]
    if len(found) != 1:
        listed = ", ".join(found) or "none"
        raise StudyError(f"Name the study: {' or '.join(wanted)} at present: {listed}.")
    return found[0]


# ---- arguments -----------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = _command(commands, "launch", _launch, "start a study in the background")
    command.epilog = _EPILOG
    command.add_argument("study", nargs="?", help="id of a planned study")
    command.add_argument("--name", default="study", help="name of a new study")
    command.add_argument("--cohort", help="id of the frozen pretraining pool")
    command.add_argument("--target", help="id of the frozen target cohort")
    command.add_argument("--arms", nargs="+", help="e.g. scratch A all control-A all-labels-25")
    command.add_argument(
        "--design", choices=list(DESIGNS),
        help="instead of --arms: " + "; ".join(f"{d.name}: {d.question}" for d in DESIGNS.values()),
    )  # fmt: skip
    command.add_argument(
        "--percents", nargs="+", type=_share, help="shares of a design, percent, e.g. 80 60 40 20"
    )
    command.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    command.add_argument("--folds", type=int, default=5)
    command.add_argument(
        "--preset", choices=list(PRESETS), default=default_preset().name,
        help="; ".join(f"{preset.name}: {preset.label}" for preset in PRESETS.values()),
    )  # fmt: skip
    command.add_argument(
        "--set", nargs="+", dest="changes", default=[], metavar="NAME=VALUE",
        help="change fields of the preset, e.g. pretrain_epochs=100 pretrain_lr=1e-4",
    )  # fmt: skip
    _running(command)

    command = _command(commands, "status", _status, "show where studies stand")
    command.add_argument("study", nargs="?", help="one study, with its runs")
    command.add_argument("--follow", action="store_true", help="show it until it ends")

    command = _command(commands, "stop", _stop, "stop a running study; nothing finished is lost")
    command.add_argument("study", nargs="?")

    command = _command(commands, "resume", _resume, "go on with a stopped or failed study")
    command.add_argument("study", nargs="?")
    _running(command)

    command = _command(commands, "retry", _retry, "do single arms or runs of a study again")
    command.add_argument("study")
    command.add_argument("names", nargs="+", help="names of arms, ids of runs (see 'status STUDY')")
    command.add_argument(
        "--anew", action="store_true",
        help="from the beginning, also what is finished, with all that builds on it",
    )  # fmt: skip
    _running(command)

    command = _command(commands, "mlflow", _mlflow, "log a study's finished runs to MLflow")
    command.add_argument("study")

    command = _command(
        commands, "demo-study", _demo_study, "score the demo's scans and start its study"
    )
    command.add_argument("--detach", action="store_true", help="do all of it in the background")
    command.add_argument("--follow", action="store_true", help="show the study until it ends")

    export_command.add_options(
        _command(commands, "export", export_command.run, export_command.MEANING)
    )
    reconstruct_command.add_options(
        _command(commands, "reconstruct", reconstruct_command.run, reconstruct_command.MEANING)
    )
    report_command.add_options(
        _command(commands, "report", report_command.run, report_command.MEANING)
    )
    return parser


def _share(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 99:
        raise argparse.ArgumentTypeError(f"a share lies between 1 and 99 %, not {text!r}")
    return int(text)


def _command(commands: Any, name: str, run: Callable, meaning: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=meaning, description=meaning)
    command.set_defaults(run=run)
    command.add_argument(
        "--workspace", "-w", type=Path,
        default=Path(os.environ.get(ENVIRONMENT_VARIABLE, DEFAULT_ROOT)),
        help=f"its folder (default: ${ENVIRONMENT_VARIABLE} or ./{DEFAULT_ROOT})",
    )  # fmt: skip
    return command


def _running(command: argparse.ArgumentParser) -> None:
    command.add_argument("--follow", action="store_true", help="show it until it ends")
    place = command.add_argument_group(
        "where it runs", "By default where it ran before, at first on this machine."
    )
    place.add_argument("--here", action="store_true", help="on this machine")
    place.add_argument("--cores", type=int, help="processor cores to use (default: all)")
    place.add_argument(
        "--beside", action="store_true", default=None,
        help="start at once beside a study that runs, instead of waiting for its end",
    )  # fmt: skip
    place.add_argument(
        "--slurm", action="store_true", help="on Slurm; what was given before is kept"
    )
    place.add_argument("--partition", help="of Slurm")
    place.add_argument("--account", help="of Slurm")
    place.add_argument("--hours", type=float, help="longest time of one job (default: 24)")
    place.add_argument("--memory-gb", type=float, help="memory of one job (default: 16)")
    place.add_argument("--gres", help="what a training job needs, such as gpu:1")
    place.add_argument("--at-once", type=int, help="jobs that wait or run at once (default: 50)")
    place.add_argument("--profile", help="folder of a Snakemake profile of your own")
    place.add_argument(
        "--mlflow", action="store_true", default=None,
        help="also log each finished run to MLflow, which is to be installed",
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
