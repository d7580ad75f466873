"""Leases: one of a few places (GPUs, slots of the processor) for a process, as long as it lives."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from curation import files
from curation.errors import BusyError

_POLL_S = 0.2


@contextlib.contextmanager
def lease(places: Sequence[Path], *, check: Callable[[], None]) -> Iterator[int]:
    """Hold the first place that is free, waiting for one.

    Parameters
    ----------
    places : sequence of Path
        One lock file a place; a process that dies lets go of its place.
    check : callable
        Called again and again while waiting; what it raises ends the waiting.

    Yields
    ------
    int
        Which place.
    """
    taken = BusyError("Every place is taken.")
    with contextlib.ExitStack() as held:
        yield _first_free(places, held, taken, check)


def _first_free(
    places: Sequence[Path],
    held: contextlib.ExitStack,
    taken: BusyError,
    check: Callable[[], None],
) -> int:
    while True:
        for index, path in enumerate(places):
            with contextlib.suppress(BusyError):
                held.enter_context(files.lock(path, taken))
                return index
        check()
        time.sleep(_POLL_S)
