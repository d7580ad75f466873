"""Options of the commands that start a study: where it runs, and whether to watch it."""

import argparse
from dataclasses import asdict

from curation.assessment import snakemake_profiles
from curation.storage.workspace import Workspace
from training.jobs import execution_backend
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
    "mlflow",
)


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare the options on where a study runs, and ``--follow``."""
    command.add_argument("--follow", action="store_true", help="show it until it ends")
    place = command.add_argument_group(
        "where it runs", "By default where it ran before, at first on this machine."
    )
    place.add_argument("--here", action="store_true", help="on this machine")
    place.add_argument("--cores", type=int, help="processor cores to use (default: all)")
    place.add_argument(
        "--beside",
        action="store_true",
        default=None,
        help="start at once beside a study that runs, instead of waiting for its end",
    )
    place.add_argument(
        "--slurm", action="store_true", help="on Slurm; what was given before is kept"
    )
    place.add_argument("--partition", help="of Slurm")
    place.add_argument("--account", help="of Slurm")
    place.add_argument("--hours", type=float, help="longest time of one job (default: 24)")
    place.add_argument("--memory-gb", type=float, help="memory of one job (default: 16)")
    place.add_argument("--gres", help="what a training job needs, such as gpu:1")
    place.add_argument("--at-once", type=int, help="jobs that wait or run at once (default: 50)")
    place.add_argument(
        "--profile", help=f"a Snakemake profile named in {snakemake_profiles.ENVIRONMENT_VARIABLE}"
    )
    place.add_argument(
        "--mlflow",
        action="store_true",
        default=None,
        help="also log each finished run to MLflow, which is to be installed",
    )


def chosen_place(workspace: Workspace, chosen: argparse.Namespace) -> Backend | None:
    """Return the place that the arguments name, to be offered the next time; none where they name none."""
    given = {name: getattr(chosen, name) for name in _FIELDS if getattr(chosen, name) is not None}
    slurm = chosen.slurm or given.keys() & {"partition", "account", "hours", "memory_gb", "gres"}
    kind = "profile" if chosen.profile else "slurm" if slurm else "here"
    if kind == "here" and not given and not chosen.here:
        return None
    kept = asdict(execution_backend.remembered_backend(workspace)) if kind == "slurm" else {}
    place = Backend.from_dict(kept | given | {"kind": kind})
    execution_backend.refuse_unusable(place)
    execution_backend.remember_backend(workspace, place)
    return place
