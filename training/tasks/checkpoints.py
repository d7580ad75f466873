"""Checkpoints: whole or absent on disk, read without running code from them, with the position of a run."""

import errno
import logging
import struct
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from curation.errors import StudyError
from curation.storage import files
from training.models import networks

_log = logging.getLogger(__name__)
#: What torch says of an archive whose parts are not what they say they are.
_DAMAGE = (
    *(RuntimeError, EOFError, UnpicklingError, ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, AssertionError, MemoryError, struct.error),
)


@dataclass
class TrainingProgress:
    """Position of a run, stored in its checkpoint beside weights and optimiser."""

    step: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0
    last: dict[str, float] = field(default_factory=dict)
    micro_batches: int = 1
    sums: list[float] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        """Return the values as they are stored: ``micro_batches`` under their first name, ``parts``."""
        values = dict(vars(self))
        return values | {"parts": values.pop("micro_batches")}

    @classmethod
    def from_state(cls, state: dict[str, Any], *, micro_batches: int) -> "TrainingProgress":
        """Read stored values, with that many micro-batches at least."""
        values = dict(state)
        return cls(micro_batches=max(micro_batches, values.pop("parts", 1)), **values)


def save(path: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers and texts, whole or not at all.

    Raises
    ------
    OSError
        When the disk does not take them.
    """
    with files.replacing(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:
            # torch complains of its own archive, which is half written, after the disk refused
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def load(
    path: Path, remedy: str = "Delete it, then resume: the run starts again from its beginning."
) -> dict[str, Any] | None:
    """Read a checkpoint onto the CPU.

    Parameters
    ----------
    path : Path
        The file.
    remedy : str
        What to do where it is damaged.

    Returns
    -------
    dict or None
        ``None`` where there is no file.

    Raises
    ------
    StudyError
        When the file is damaged or holds anything but tensors and plain values.
    """
    if not path.exists():
        return None
    damaged = StudyError(f"The checkpoint {path} is damaged and cannot be read. {remedy}")
    try:
        with files.open_file(path) as file:
            held = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        if error.errno != errno.EINVAL:  # torch seeks where the archive says, wherever that is
            raise
        raise damaged from error
    except _DAMAGE as error:
        raise damaged from error
    if not isinstance(held, dict):
        raise damaged
    return held


def load_weights(
    module: nn.Module,
    weights: dict[str, Tensor],
    path: Path,
    remedy: str = "Move that file away, then resume: what is missing is trained again.",
) -> None:
    """Load weights into a network that they are of.

    Parameters
    ----------
    module : nn.Module
        What they are loaded into.
    weights : dict of str to Tensor
        By name.
    path : Path
        Where they were read from, for the words of an error.
    remedy : str
        What to do where they are of another network.

    Raises
    ------
    StudyError
        When they are of another network: of another backbone, of other sizes, or of none that is known.
    """
    expected = module.state_dict()
    shapes = {name: tuple(value.shape) for name, value in expected.items()}
    if {name: tuple(getattr(value, "shape", ())) for name, value in weights.items()} != shapes:
        there, here = (_of_backbone(names) for names in (weights, shapes))
        which = (
            f"{there}, and this run trains {here}" if there != here else f"{here} of other sizes"
        )
        raise StudyError(
            f"The weights in {path} are those of another network: of {which}. They were put there from "
            f"another study. {remedy}"
        )
    module.load_state_dict(weights)


def _of_backbone(names: Iterable[str]) -> str:
    backbone = networks.told_by(names)
    return f"the backbone {backbone}" if backbone else "a network without a pretrained encoder"


class Writer:
    """Writes the checkpoints of a run beside its training, which waits only for a copy in memory.

    One is written at a time, and the next waits for it. As a context it waits for the last one at its end.

    Parameters
    ----------
    path : Path
        The checkpoint.
    epoch : int
        Finished epochs of the checkpoint that is there, 0 where there is none.
    """

    def __init__(self, path: Path, epoch: int) -> None:
        self._path = path
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._pending: Future[None] | None = None
        #: Finished epochs of the checkpoint that lies whole on the disk.
        self.saved_epoch = epoch

    def write(self, state: dict[str, Any], epoch: int) -> None:
        """Copy a state as it is now, and begin to write it.

        Parameters
        ----------
        state : dict
            Tensors on any device, numbers and texts, nested in dicts and lists.
        epoch : int
            Finished epochs.

        Raises
        ------
        OSError
            When the one before could not be written, on a full disk say.
        """
        self.wait()
        self._pending = self._pool.submit(self._write, _copied(state), epoch)

    def wait(self) -> None:
        """Wait until what was begun is written.

        Raises
        ------
        OSError
            When it cannot be.
        """
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def _write(self, state: dict[str, Any], epoch: int) -> None:
        save(self._path, state)
        self.saved_epoch = epoch

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.wait()
        except (OSError, RuntimeError) as unwritten:
            if error is None:
                raise
            _log.error("the checkpoint was not written either: %s", unwritten)
        finally:
            self._pool.shutdown()


def _copied(value: Any) -> Any:
    """Return a state in the CPU's memory that further training does not change."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {name: _copied(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copied(one) for one in value)
    return value
