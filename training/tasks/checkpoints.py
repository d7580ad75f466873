"""Checkpoints: whole or absent on disk, and read without ever running what they hold."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from curation.errors import StudyError
from curation.storage import files


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
