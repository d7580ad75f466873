"""Checkpoints: whole or absent on disk, read without running code from them, with the position of a run."""

from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from curation.errors import StudyError
from curation.storage import files


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
    """Write tensors, numbers and texts, whole or not at all."""
    with files.replacing(path) as temporary:
        torch.save(state, temporary)


def load(path: Path) -> dict[str, Any] | None:
    """Read a checkpoint onto the CPU.

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
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, UnpicklingError) as error:
        raise StudyError(
            f"The checkpoint {path} is damaged and cannot be read. Delete it, then resume: the run "
            "starts again from its beginning."
        ) from error
