"""One pretraining over several machines: each process was started by torchrun or by Slurm's srun.

They are one DDP group, as the processes that :func:`training.tasks.devices.launch_ddp` starts on one
machine, and compute the same. The first one writes the run's files; each leaves a note where it fails, since
the others see only that it is gone.
"""

import logging
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import (
    ClusterEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)
from lightning_fabric.strategies import DDPStrategy

from curation.errors import StudyError, TierscopeError
from curation.storage import files
from curation.storage.workspace import Workspace
from training.settings.launch_variables import Launched
from training.settings.preset import Preset
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.tasks import devices, pretrain
from training.tasks.stop_signal import Interruption, Stopped

_log = logging.getLogger(__name__)

#: How long a process waits for the others: longer than anything that one of them does alone.
PATIENCE = timedelta(minutes=10)
#: How long the note of another process that has just failed is waited for, s.
_NOTE_S = 3.0
_ENVIRONMENTS: dict[str, type[ClusterEnvironment]] = {
    "torchrun": TorchElasticEnvironment,
    "slurm": SLURMEnvironment,
}


def pretrain_together(
    launched: Launched, workspace: Workspace, study: Study, run: Run, interruption: Interruption
) -> None:
    """Do this process's part of a pretraining, see :func:`join`."""
    preset, *_ = given = pretrain.given_to(workspace, study, run)
    join(launched, preset, interruption, run.folder, pretrain.train, *given)


def join(
    launched: Launched,
    preset: Preset,
    interruption: Interruption,
    folder: Path,
    work: Callable[..., None],
    *given: object,
) -> None:
    """Do this process's part of a piece of work that several machines share.

    Parameters
    ----------
    launched : Launched
        Which process this is.
    preset : Preset
        Gives how many there have to be (``devices``).
    interruption : Interruption
        A stop of one stops all.
    folder : Path
        Of the run, on a disk that all machines see: notes of failures lie there.
    work, given
        As of :func:`training.tasks.devices.launch_ddp`.

    Raises
    ------
    StudyError
        When there are too many processes or too few; or, in words, when another one failed, was killed or
        cannot be reached. What was saved last is there, and the work goes on from it when all begin again.
    """
    if launched.world != preset.devices:
        raise StudyError(
            f"This pretraining was launched in {launched.world} processes, and its study spreads it over "
            f"{preset.devices}. Launch as many, or plan the study with --set devices={launched.world}."
        )
    devices.set_determinism(preset)
    notes = folder / "processes"
    own, parts = notes / f"{launched.rank}.json", _parts(notes)
    fabric = _fabric(launched, preset)
    try:
        fabric.launch()
        own.unlink(missing_ok=True)  # all have read them: none comes here before the others
        work(fabric, interruption, parts, *given)
    except Stopped:
        raise
    except Exception as error:
        _note(own, launched, error, parts)
        if not _others_fault(error):
            raise
        raise StudyError(_of_others(notes, launched)) from error


def _fabric(launched: Launched, preset: Preset) -> Fabric:
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    return Fabric(
        accelerator=kind,
        devices=launched.local,
        num_nodes=launched.nodes,
        strategy=DDPStrategy(timeout=PATIENCE),
        precision=devices.precision(preset, kind),
        plugins=_ENVIRONMENTS[launched.by](),
    )


def _others_fault(error: Exception) -> bool:
    """Tell whether an error says that another process is gone."""
    lost = isinstance(error, torch.distributed.DistError)
    return lost or (isinstance(error, RuntimeError) and "gloo" in str(error))


def _note(path: Path, launched: Launched, error: Exception, parts: int) -> None:
    failure = {
        "host": socket.gethostname(),
        "others": _others_fault(error),
        "message": str(error)
        if isinstance(error, TierscopeError)
        else f"{type(error).__name__}: {error}",
        "out_of_memory": devices.out_of_memory(error),
        "micro_batches": parts,
    }
    try:
        path.parent.mkdir(exist_ok=True)
        files.write_json(path, failure)
    except OSError as unwritten:  # a full disk: the traceback has to do
        _log.error("process %d could not leave a note: %s", launched.rank, unwritten)


def _of_others(notes: Path, launched: Launched) -> str:
    """Return what is known of the process that is gone."""
    deadline = time.monotonic() + _NOTE_S
    while not (failed := _failures(notes)) and time.monotonic() < deadline:
        time.sleep(0.1)
    if not failed:
        why = "It was killed, or its machine cannot be reached."
    else:
        (rank, first), *_ = failed.items()
        why = f"Process {rank} on {first['host']} says: {first['message']}"
    return (
        f"Another of the {launched.world} processes of this pretraining is gone. {why} Nothing that was "
        "saved is lost: start all of them again, and they go on from there."
    )


def _failures(notes: Path) -> dict[int, dict[str, Any]]:
    """Return what processes noted of themselves, by their numbers; not of others."""
    found = {
        int(path.stem): files.read_note(path)
        for path in notes.glob("*.json")
        if path.stem.isdecimal()
    }
    return {rank: note for rank, note in sorted(found.items()) if note and not note.get("others")}


def _parts(notes: Path) -> int:
    """Return into how many micro-batches to split: twice as many where memory ran out the last time."""
    ran_out = [note for note in _failures(notes).values() if note.get("out_of_memory")]
    return max((2 * int(note.get("micro_batches", 1)) for note in ran_out), default=1)
