"""Framework of both command lines: commands as data, their parser, output on a terminal, exit codes."""

import argparse
import contextlib
import logging
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from curation import logs, wording
from curation.errors import OPTION, TierscopeError, in_words
from curation.storage import sharing
from curation.storage.workspace import DEFAULT_ROOT, ENVIRONMENT_VARIABLE

#: Exit status of a command whose reader went away, as the shell gives it for SIGPIPE.
CLOSED = 141
#: Characters by which a text would steer the terminal, and how they are shown; lines and tabs stay.
_STEERING = {n: f"\\x{n:02x}" for n in (*range(32), *range(127, 160)) if chr(n) not in "\n\t"}
#: A log gets a line of progress so often, seconds.
LINE_EVERY_S = 10.0


class bar:
    """A progress bar on a terminal; where the output goes to a file, a plain line every some seconds.

    Parameters
    ----------
    verb : str
        What is being done.
    unit : str
        What is counted, in the singular.
    """

    def __init__(self, verb: str, unit: str = "scan") -> None:
        self._shown: _Bar | _Lines
        self._shown = _Bar(verb, unit) if sys.stderr.isatty() else _Lines(verb, unit)

    def __enter__(self) -> Callable[[int, int], None]:
        return self._shown.show

    def __exit__(self, *_: object) -> None:
        self._shown.close()


class _Bar:
    def __init__(self, verb: str, unit: str) -> None:
        self._bar = tqdm(desc=verb, unit=unit)

    def show(self, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        self._bar.close()


class _Lines:
    def __init__(self, verb: str, unit: str) -> None:
        self._verb, self._unit = verb, unit
        self._began: tuple[float, int] | None = None
        self._told = -math.inf

    def show(self, done: int, total: int) -> None:
        now = time.monotonic()
        if not total or (done < total and now - self._told < LINE_EVERY_S):
            return
        self._told = now
        if self._began is None:
            self._began = (now, done)
        began, before = self._began
        left = ""
        if before < done < total:
            left_s = (now - began) / (done - before) * (total - done)
            left = f", about {wording.duration(left_s)} left"
        unit = self._unit if total == 1 else f"{self._unit}s"
        print(f"{self._verb}: {done:,} of {total:,} {unit}{left}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing is left open."""


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
    """Print plain text only, and end quietly when the reader closes the pipe (``| head``).

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


_log = logging.getLogger(__name__)


def _no_options(_: argparse.ArgumentParser) -> None:
    """Declare nothing."""


@dataclass(frozen=True)
class Command:
    """One command of a command line.

    Parameters
    ----------
    name : str
        As it is typed.
    meaning : str
        What it is for, in one line.
    run : callable
        Does what the parsed arguments ask and returns the exit status.
    options : callable
        Declares its arguments on its parser.
    on_workspace : bool
        Whether it takes ``--workspace``.
    epilog : str, optional
        What its help says last.
    """

    name: str
    meaning: str
    run: Callable[[argparse.Namespace], int]
    options: Callable[[argparse.ArgumentParser], None] = _no_options
    on_workspace: bool = True
    epilog: str | None = None


def parser(program: str, about: str | None, commands: Iterable[Command]) -> argparse.ArgumentParser:
    """Return the parser of some commands; its result carries the command's ``run``."""
    made = argparse.ArgumentParser(prog=program, description=about)
    known = made.add_subparsers(required=True, metavar="COMMAND")
    for command in commands:
        one = known.add_parser(
            command.name, help=command.meaning, description=command.meaning, epilog=command.epilog
        )
        one.set_defaults(run=command.run)
        one.add_argument(
            "--verbose", action="store_true", help="log everything that is done to standard error"
        )
        if command.on_workspace:
            _add_workspace(one)
        command.options(one)
    return made


def _add_workspace(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--workspace",
        "-w",
        type=Path,
        default=Path(os.environ.get(ENVIRONMENT_VARIABLE, DEFAULT_ROOT)),
        help=f"its folder (default: ${ENVIRONMENT_VARIABLE} or ./{DEFAULT_ROOT})",
    )


def run(made: argparse.ArgumentParser, arguments: list[str] | None, interrupted: str) -> int:
    """Run one command and return its exit status; an error of ours or of the system is in words, and 2.

    Parameters
    ----------
    made : argparse.ArgumentParser
        Of :func:`parser`.
    arguments : list of str, optional
        Those of this process by default.
    interrupted : str
        What is said after Ctrl-C, which ends with 130.
    """
    try:
        with quiet_when_closed():
            chosen = made.parse_args(arguments)
            logs.configure(verbose=chosen.verbose)
            if "workspace" in chosen:
                sharing.follow(chosen.workspace.expanduser())
            return chosen.run(chosen)
    except (TierscopeError, OSError) as error:
        _log.debug("the command ended with an error", exc_info=True)
        print(plain(f"error: {in_words(error)}"), file=sys.stderr)
        if isinstance(error, TierscopeError) and error.option:
            print(plain(f"{OPTION}{error.option}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nInterrupted. {interrupted}")
        return 130
