"""What every command line of Tierscope does on a terminal: progress, plain text, and a quiet end."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from tqdm import tqdm

#: Exit status of a command whose reader went away, as the shell gives it for SIGPIPE.
CLOSED = 141
#: Characters by which a text would steer the terminal, and how they are shown; lines and tabs stay.
_STEERING = {n: f"\\x{n:02x}" for n in (*range(32), *range(127, 160)) if chr(n) not in "\n\t"}


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


def plain(text: str) -> str:
    """Return a text, such as a file's name, with nothing in it that steers a terminal."""
    return text.translate(_STEERING)


class _Plain:
    """A stream that is written to in plain text."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(plain(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def quiet_when_closed() -> Iterator[None]:
    """Print plain text only, and end without a complaint when who reads it (``| head``) wants no more of it.

    Raises
    ------
    SystemExit
        With status 141.
    """
    with contextlib.redirect_stdout(_Plain(sys.stdout)):
        yield from _ended_quietly()


def _ended_quietly() -> Iterator[None]:
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # the interpreter flushes once more as it ends: then there must be somewhere to write to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(CLOSED) from None
