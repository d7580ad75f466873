"""Places: where the jobs of a study run. On this machine, on Slurm, or wherever a Snakemake profile says.

The place is no part of the study: the same study comes to the same numbers on any machine of the same kind.
"""

import contextlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from curation.assessment import snakemake_profiles
from curation.errors import StudyError
from curation.storage import files
from curation.storage.workspace import Workspace
from training.jobs import mlflow_log
from training.studies.hardware import gpu_count
from training.studies.planned_study import Study
from training.studies.preset import Preset

BackendKind = Literal["here", "slurm", "profile"]
BACKENDS: dict[BackendKind, str] = {
    "here": "this machine",
    "slurm": "Slurm",
    "profile": "a Snakemake profile",
}
_NAME = re.compile(r"[A-Za-z0-9_.,-]*")
_GRES = re.compile(r"([A-Za-z0-9_]+(:[A-Za-z0-9_.]+)?(:[0-9]+[TGM]?)?)?")


@dataclass(frozen=True)
class Backend:
    """Where the jobs of a study run, and what is asked for each.

    Parameters
    ----------
    kind : {'here', 'slurm', 'profile'}
        This machine, Slurm, or what a Snakemake profile says.
    cores : int or None
        Here: processor cores to use, all by default. Elsewhere: cores of the job that prepares volumes.
    beside : bool
        Here: start at once beside a study that runs, instead of waiting for its end.
    partition, account : str
        Slurm's, where they are needed; Slurm's own defaults otherwise.
    hours, memory_gb : float
        Longest time and memory of one job. A run that needs longer goes on when the study is resumed.
    gres : str
        What else a training job needs, such as ``gpu:1`` or ``gpu:a100:1``.
    at_once : int
        Jobs that may wait or run at the same time.
    check_s : int
        Slurm is asked how its jobs are this long after the first was sent, then more and more rarely.
    profile : str
        Name of a Snakemake profile, see :mod:`curation.assessment.snakemake_profiles`.
    mlflow : bool
        Also log each finished run to MLflow, see :mod:`training.jobs.mlflow_log`.

    Raises
    ------
    StudyError
        When a value cannot be used.
    """

    kind: BackendKind = "here"
    cores: int | None = None
    beside: bool = False
    partition: str = ""
    account: str = ""
    hours: float = 24.0
    memory_gb: float = 16.0
    gres: str = ""
    at_once: int = 50
    check_s: int = 20
    profile: str = ""
    mlflow: bool = False

    def __post_init__(self) -> None:
        if self.kind not in BACKENDS:
            raise StudyError(f"A study runs on one of {', '.join(BACKENDS)}; not {self.kind!r}.")
        for name in ("partition", "account"):
            if not _NAME.fullmatch(getattr(self, name)):
                raise StudyError(f"{getattr(self, name)!r} is no name of a Slurm {name}.")
        if not _GRES.fullmatch(self.gres):
            raise StudyError(
                f"{self.gres!r} is no resource of Slurm's; write NAME, NAME:COUNT or NAME:TYPE:COUNT, "
                "such as gpu:1."
            )
        if not self.hours > 0 or not self.memory_gb > 0 or min(self.at_once, self.check_s) < 1:
            raise StudyError("Hours, memory and jobs at once are numbers above 0.")
        if self.cores is not None and self.cores < 1:
            raise StudyError("At least one processor core is needed.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Backend":
        """Build a place from what :func:`dataclasses.asdict` gave; what is not known is left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    @property
    def words(self) -> str:
        """Where it is, in words."""
        if self.kind == "slurm":
            return f"Slurm, partition {self.partition}" if self.partition else "Slurm"
        return f"the profile {self.profile}" if self.kind == "profile" else BACKENDS["here"]


_OF_SLURM = ("partition", "account", "hours", "memory_gb", "gres", "at_once")


def path_of(study: Study) -> Path:
    """Return the file that holds where a study was last started."""
    return study.folder / "workflow" / "place.json"


def backend_of(study: Study) -> Backend:
    """Return where a study was last started; here where it never was."""
    with contextlib.suppress(StudyError, TypeError):
        return Backend.from_dict(files.read_note(path_of(study)))
    return Backend()


def write_backend(study: Study, place: Backend) -> None:
    """Note where a study is started."""
    files.write_json(path_of(study), asdict(place))


def remembered_backend(workspace: Workspace) -> Backend:
    """Return the place that a study of this workspace was last planned for, Slurm's settings included."""
    with contextlib.suppress(StudyError, TypeError):
        return Backend.from_dict(files.read_note(workspace.place_path))
    return Backend()


def remember_backend(workspace: Workspace, place: Backend) -> None:
    """Keep a place as what is offered the next time; what is known of Slurm outlives a study here."""
    kept = place
    if place.kind != "slurm":
        earlier = remembered_backend(workspace)
        kept = replace(place, **{name: getattr(earlier, name) for name in _OF_SLURM})
    files.write_json(workspace.place_path, asdict(replace(kept, beside=False)))


def slots(place: Backend, preset: Preset) -> int:
    """Return how many runs go on at the same time at a place: as its GPUs, or else its cores, allow."""
    if place.kind != "here":
        return place.at_once
    cores = place.cores or os.cpu_count() or 1
    each = preset.devices if gpu_count() else preset.threads * preset.devices
    return max((gpu_count() or cores) // each, 1)


def refuse_unusable(place: Backend) -> None:
    """Refuse a place that this machine cannot reach, with what to do about it.

    Raises
    ------
    StudyError, ProfileError
        For want of a program, or of a profile of this name.
    """
    if place.kind == "profile":
        snakemake_profiles.folder(place.profile)
    if place.kind == "slurm" and (lacking := slurm_lacks()):
        raise StudyError(lacking)
    if place.mlflow and (lacking := mlflow_log.lacks()):
        raise StudyError(lacking)


def slurm_lacks() -> str | None:
    """Return what Slurm cannot be used for want of; none where it can."""
    if shutil.which("sbatch") is None:
        return (
            "There is no Slurm on this machine: the command sbatch is not found. Open Tierscope on a "
            "machine from which jobs can be submitted, such as the cluster's login node."
        )
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return (
            "Snakemake cannot speak to Slurm yet. Install its plugin with 'pip install -r "
            "requirements.txt' into the environment that Tierscope runs in."
        )
    return None


def job_prefix(study: Study) -> str:
    """Return what the names of a study's Slurm jobs begin with."""
    return f"tierscope-{files.short_hash(str(study.folder))}"


def snakemake_profile(study: Study, place: Backend) -> Path | None:
    """Return the folder of the profile that a study runs with, written anew for Slurm; none here.

    Raises
    ------
    ProfileError
        When no profile has the name that is noted, be it a path.
    """
    if place.kind == "here":
        return None
    if place.kind == "profile":
        return snakemake_profiles.folder(place.profile)
    folder = study.folder / "workflow" / "profile"
    # JSON is YAML
    files.write_text(folder / "config.yaml", json.dumps(_for_slurm(study, place), indent=2) + "\n")
    return folder


def _for_slurm(study: Study, place: Backend) -> dict[str, Any]:
    resources: dict[str, Any] = {
        "mem_mb": round(place.memory_gb * 1000),
        "runtime": max(1, round(place.hours * 60)),
    }
    if place.partition:
        resources["slurm_partition"] = place.partition
    if place.account:
        resources["slurm_account"] = place.account
    profile: dict[str, Any] = {
        "executor": "slurm",
        "jobs": place.at_once,
        "latency-wait": 60,
        "default-resources": resources,
        "slurm-jobname-prefix": job_prefix(study),
        "slurm-logdir": str(study.folder / "workflow" / "slurm-logs"),
        "slurm-pass-command-as-script": True,
        "slurm-init-seconds-before-status-checks": place.check_s,
        "slurm-status-command": _status_command(),
        "slurm-requeue": True,
    }
    if place.gres:
        profile["set-resources"] = {rule: {"gres": place.gres} for rule in ("pretrain", "finetune")}
    return profile


def _status_command() -> str:
    """Return the command that tells how jobs are: without accounting, ``sacct`` never answers."""
    try:
        said = subprocess.run(
            ["scontrol", "show", "config"], capture_output=True, text=True, timeout=30
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "sacct"
    kind = re.search(r"^AccountingStorageType\s*=\s*(\S+)", said, re.MULTILINE)
    return "squeue" if kind and kind[1] in ("accounting_storage/none", "(null)") else "sacct"
