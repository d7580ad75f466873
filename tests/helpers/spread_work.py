"""Work for several processes that meets a trouble; each of them imports this module, so it imports little."""

from pathlib import Path

import torch
from lightning_fabric import Fabric

from curation.errors import StudyError, TierscopeError
from training.tasks.stop_signal import Interruption, Stopped


class FromElsewhere(TierscopeError):
    """An error of ours that no module named ``curation.errors`` holds, as after a renaming."""


def work(fabric: Fabric, interruption: Interruption, micro_batches: int, folder: Path) -> None:
    """Run out of memory in one process until a batch is split into as many as the folder is called."""
    (folder / f"{fabric.global_rank}-of-{fabric.world_size}-in-{micro_batches}").touch()
    fabric.barrier()
    if folder.name == "hopeless":
        raise StudyError("The scans are of no use. Take others.")
    if folder.name == "renamed":
        raise FromElsewhere("The scans are of no use.\nTake others.")
    if folder.name == "stopped":
        raise Stopped
    if folder.name == "done":
        return
    if folder.name == "foreign":
        raise RuntimeError("curation.errors.StudyError: a text that only looks like ours")
    if fabric.global_rank == 1 and micro_batches < int(folder.name):
        raise torch.OutOfMemoryError("CUDA out of memory")
    fabric.barrier()
