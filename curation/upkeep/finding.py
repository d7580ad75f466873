"""What a check of a workspace finds: where, what is wrong, what to do, and whether it can be repaired."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: What a damaged file is called that was moved out of the way.
_ASIDE = ".damaged"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Parameters
    ----------
    where : str
        The file, source, cohort or scan.
    what : str
        What is wrong, a sentence without a full stop.
    remedy : str
        What to do, in sentences.
    repair : callable, optional
        Mends it without losing anything that cannot be made again; none where only a person can.
    """

    where: str
    what: str
    remedy: str
    repair: Callable[[], object] | None = None

    @property
    def words(self) -> str:
        return f"{self.where}: {self.what}. {self.remedy}"


def set_aside(path: Path) -> None:
    """Move a damaged file out of the way; it is kept under another name."""
    target = path.with_name(f"{path.name}{_ASIDE}")
    number = 2
    while target.exists():
        target, number = path.with_name(f"{path.name}{_ASIDE}{number}"), number + 1
    with contextlib.suppress(FileNotFoundError):  # somebody was faster
        path.rename(target)
