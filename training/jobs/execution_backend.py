"""Execution backends of a study's jobs: this machine, Slurm, or a Snakemake profile.

The backend is no part of the study: the same study comes to the same numbers on any machine of the same kind.
"""

import contextlib
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from curation.assessment import snakemake_profiles
from curation.errors import StudyError
from curation.storage import files
from curation.storage.workspace import Workspace
from training.jobs import slurm
from training.settings.hardware import gpu_count
from training.settings.preset import Preset
from training.studies.planned_study import Study

BackendKind = Literal["here", "slurm", "profile"]
BACKENDS: dict[BackendKind, str] = {
    "here": "this machine",
    "slurm": "Slurm",
    "profile": "a Snakemake profile",
}
#: The fields of a backend that only Slurm knows; they are remembered while another backend is in use.
_OF_SLURM = ("partition", "account", "hours", "memory_gb", "gres", "at_once")
_NAME = re.compile(r"[A-Za-z0-9_.,-]*")
_GRES = re.compile(r"([A-Za-z0-9_]+(:[A-Za-z0-9_.]+)?(:[0-9]+[TGM]?)?)?")


@dataclass(frozen=True)
class Backend:
    """Execution backend, with the resources that each job requests.

    Parameters
    ----------
    kind : {'here', 'slurm', 'profile'}
        This machine, Slurm, or what a Snakemake profile says.
    cores : int or None
        Here: processor cores to use, all by default. Elsewhere: cores of the job that prepares volumes.
    beside : bool
        Here: start at once beside a study that runs, instead of waiting in the queue.
    partition, account : str
        Slurm's, where they are needed; Slurm's own defaults otherwise.
    hours, memory_gb : float
        Longest time and memory of one job. A run that needs longer goes on when the study is resumed.
    gres : str
        Generic resource of Slurm that a training job requests, such as ``gpu:1`` or ``gpu:a100:1``.
    at_once : int
        Jobs that may wait or run at the same time.
    check_s : int
        Seconds from the first submission to the first query of Slurm for the state of its jobs; the
        interval grows from there.
    profile : str
        Name of a Snakemake profile, see :mod:`curation.assessment.snakemake_profiles`.
    stage : str
        Folder on a disk of each machine that prepared volumes are copied to, see
        :mod:`training.tasks.staging`; none by default.

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
    stage: str = ""

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
        amounts = (self.hours, self.memory_gb)
        if not all(0 < one < math.inf for one in amounts) or min(self.at_once, self.check_s) < 1:
            raise StudyError("Hours, memory and jobs at once are numbers above 0.")
        if self.cores is not None and self.cores < 1:
            raise StudyError("At least one processor core is needed.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Backend":
        """Build a backend from what :func:`dataclasses.asdict` gave; other keys are left out."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names})

    @property
    def words(self) -> str:
        """Its name on the screen."""
        if self.kind == "slurm":
            return f"Slurm, partition {self.partition}" if self.partition else "Slurm"
        return f"the profile {self.profile}" if self.kind == "profile" else BACKENDS["here"]


def backend_of(study: Study) -> Backend:
    """Return the backend that a study was last started on; this machine where it never was."""
    with contextlib.suppress(StudyError, TypeError):
        return Backend.from_dict(files.read_note(study.backend_path))
    return Backend()


def write_backend(study: Study, backend: Backend) -> None:
    """Note the backend that a study is started on; what else the note holds is kept."""
    files.write_json(study.backend_path, files.read_note(study.backend_path) | asdict(backend))


def remembered_backend(workspace: Workspace) -> Backend:
    """Return the backend that a study of this workspace was last started on, with Slurm's settings."""
    with contextlib.suppress(StudyError, TypeError):
        return Backend.from_dict(files.read_note(workspace.place_path))
    return Backend()


def remember_backend(workspace: Workspace, backend: Backend) -> None:
    """Keep a backend to be offered the next time; Slurm's settings outlive a study on this machine."""
    if backend.kind != "slurm":
        earlier = remembered_backend(workspace)
        backend = replace(backend, **{name: getattr(earlier, name) for name in _OF_SLURM})
    note = files.read_note(workspace.place_path)
    files.write_json(workspace.place_path, note | asdict(replace(backend, beside=False)))


def slots(backend: Backend, preset: Preset) -> int:
    """Return how many runs go on at the same time on a backend: as its GPUs, or else its cores, allow."""
    if backend.kind != "here":
        return backend.at_once
    cores = backend.cores or os.cpu_count() or 1
    each = preset.devices if gpu_count() else preset.threads * preset.devices
    return max((gpu_count() or cores) // each, 1)


def refuse_unusable(backend: Backend) -> None:
    """Refuse a backend that this machine cannot reach, with what to do about it.

    Raises
    ------
    StudyError, ProfileError
        For want of a program, or of a profile of this name.
    """
    if backend.kind == "profile":
        snakemake_profiles.folder(backend.profile)
    if backend.kind == "slurm" and (lacking := slurm.lacks()):
        raise StudyError(lacking)


def snakemake_profile(study: Study, backend: Backend) -> Path | None:
    """Return the folder of the profile that a study runs with, written anew for Slurm; none here.

    Raises
    ------
    ProfileError
        When no profile has the name that is noted, be it a path.
    """
    if backend.kind == "here":
        return None
    if backend.kind == "profile":
        return snakemake_profiles.folder(backend.profile)
    folder = study.snakemake_profile_dir
    requested = {name: getattr(backend, name) for name in _OF_SLURM}
    profile = slurm.profile(study, check_s=backend.check_s, **requested)
    files.write_text(folder / "config.yaml", json.dumps(profile, indent=2) + "\n")  # JSON is YAML
    return folder
