"""Command-line options on the execution backend, experiment tracking, and following a study."""

import argparse
from dataclasses import asdict

from curation.assessment import snakemake_profiles
from curation.storage.workspace import Workspace
from training.jobs import execution_backend, mlflow_log
from training.jobs.execution_backend import Backend

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
)


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare the options on the execution backend, ``--mlflow`` and ``--follow``."""
    command.add_argument("--follow", action="store_true", help="show it until it ends")
    group = command.add_argument_group(
        "where it runs", "By default where it ran before, at first on this machine."
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
        "--mlflow",
        action="store_true",
        default=None,
        help="also log each finished run to MLflow, which is to be installed",
    )


def chosen_backend(
    workspace: Workspace, chosen: argparse.Namespace
) -> tuple[Backend | None, bool | None]:
    """Return and remember the backend and tracking that the arguments name; none stands for as before."""
    given = {name: getattr(chosen, name) for name in _FIELDS if getattr(chosen, name) is not None}
    slurm = chosen.slurm or given.keys() & {"partition", "account", "hours", "memory_gb", "gres"}
    kind = "profile" if chosen.profile else "slurm" if slurm else "here"
    if kind == "here" and not given and not chosen.here and not chosen.mlflow:
        return None, None
    kept = asdict(execution_backend.remembered_backend(workspace)) if kind == "slurm" else {}
    backend = Backend.from_dict(kept | given | {"kind": kind})
    tracked = bool(chosen.mlflow) or (kind == "slurm" and mlflow_log.remembered(workspace))
    execution_backend.refuse_unusable(backend)
    if tracked:
        mlflow_log.refuse_lacking()
    execution_backend.remember_backend(workspace, backend)
    mlflow_log.remember(workspace, tracked)
    return backend, tracked
