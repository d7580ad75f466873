"""Cost probe of a planned study: what a few steps of each kind of its runs took on a machine, as numbers.

Measured by :mod:`training.tasks.probe`, kept in the study's folder, no part of its plan.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curation.storage import files
from training.studies.study_folder import StudyFolder

#: Steps of each kind of run.
STEPS = 20


@dataclass(frozen=True)
class Seconds:
    """Time of a piece of work.

    Parameters
    ----------
    wall : float
        By the clock, on a machine as busy as it was.
    processor : float
        Of all its threads on processors, which other work on the machine changes little.

    Examples
    --------
    >>> Seconds(2.0, 3.0) + 2 * Seconds(0.5, 1.0)
    Seconds(wall=3.0, processor=5.0)
    """

    wall: float = 0.0
    processor: float = 0.0

    def __add__(self, other: "Seconds") -> "Seconds":
        return Seconds(self.wall + other.wall, self.processor + other.processor)

    def __mul__(self, times: float) -> "Seconds":
        return Seconds(self.wall * times, self.processor * times)

    __rmul__ = __mul__

    def less(self, other: "Seconds") -> "Seconds":
        """Return what is left, 0 at least."""
        return Seconds(max(self.wall - other.wall, 0.0), max(self.processor - other.processor, 0.0))


@dataclass(frozen=True)
class RunParts:
    """Parts of a run, each measured once.

    Parameters
    ----------
    begin, end : Seconds
        Before its first step, and after its last.
    step : Seconds
        One step of the optimiser.
    volume : Seconds
        Looking at one volume without learning from it.
    site : Seconds
        Of the site probe, a person.
    model_bytes : int
        Of the weights that are kept.
    epoch : Seconds
        Of a pretraining: looking at held-out people after an epoch.
    """

    begin: Seconds
    end: Seconds = Seconds()
    step: Seconds = Seconds()
    volume: Seconds = Seconds()
    site: Seconds = Seconds()
    model_bytes: int = 0
    epoch: Seconds = Seconds()


@dataclass(frozen=True)
class CostProbe:
    """What was measured.

    Parameters
    ----------
    when, host, device : str
        ISO 8601 in UTC; name of the machine; ``cpu``, or the GPU's name.
    cores : int
        Processor cores of the machine.
    load : float
        Processes that wanted a core, on average over the last minute.
    start : Seconds
        A process until torch and all else is imported.
    prepared : Seconds or None
        Preparing one volume; none where no volume was missing.
    runs : dict of str to RunParts
        ``pretrain``, and the methods of fine-tuning that the study's arms have.
    memory_mb : float
        Most memory that the process held.
    gpu_memory_gib : float or None
        Most memory taken on the GPU.
    """

    when: str
    host: str
    device: str
    cores: int
    load: float
    start: Seconds
    prepared: Seconds | None
    runs: Mapping[str, RunParts]
    memory_mb: float
    gpu_memory_gib: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "CostProbe":
        """Read what :meth:`as_dict` gave."""
        runs = {name: _parts(parts) for name, parts in values["runs"].items()}
        prepared = values["prepared"] and Seconds(**values["prepared"])
        given = {"start": Seconds(**values["start"]), "prepared": prepared, "runs": runs}
        return cls(**dict(values) | given)


def _parts(values: Mapping[str, Any]) -> RunParts:
    times = {name: Seconds(**value) for name, value in values.items() if isinstance(value, Mapping)}
    return RunParts(**times, model_bytes=values["model_bytes"])


def probe_dir(study: StudyFolder) -> Path:
    """Return the folder of a study's probe, with its ``status.json`` and ``log.txt``."""
    return study.job_dir("probe")


def read(study: StudyFolder) -> CostProbe | None:
    """Return what was measured of a study; none where it was not, or is no longer readable."""
    noted = files.read_note(probe_dir(study) / "result.json")
    try:
        return CostProbe.from_dict(noted) if noted else None
    except (KeyError, TypeError):  # of another version: it is measured anew
        return None


def write(study: StudyFolder, measured: CostProbe) -> None:
    """Keep what was measured."""
    files.write_json(probe_dir(study) / "result.json", measured.as_dict())


def busy(measured: CostProbe) -> bool:
    """Tell whether other work slowed the machine down while it was measured."""
    return measured.load > max(measured.cores or os.cpu_count() or 1, 1)
