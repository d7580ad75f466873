"""What every command line of Tierscope does on a terminal: progress, and a quiet end."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator

from tqdm import tqdm

#: Exit status of a command whose reader went away, as the shell gives it for SIGPIPE.
CLOSED = 141


class bar:
    """A progress bar on the terminal, plain lines in a log."""

    def __init__(self, verb: str, unit: str = "scan") -> None:
        self._bar = tqdm(desc=verb, unit=unit, disable=None)

    def __enter__(self) -> Callable[[int, int], None]:
        return self._show

    def _show(self, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def __exit__(self, *_: object) -> None:
        self._bar.close()


@contextlib.contextmanager
def quiet_when_closed() -> Iterator[None]:
    """End without a complaint when who reads the output (``| head``) wants no more of it.

    Raises
    ------
    SystemExit
        With status 141.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # the interpreter flushes once more as it ends: then there must be somewhere to write to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(CLOSED) from None
