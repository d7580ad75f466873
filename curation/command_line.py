"""What both command lines are made of: commands as data, one parser of them, one way to end."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from curation import terminal
from curation.errors import TierscopeError, in_words
from curation.workspace import DEFAULT_ROOT, ENVIRONMENT_VARIABLE

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
    """Return the parser of some commands; what it parses has the command's ``run``."""
    made = argparse.ArgumentParser(prog=program, description=about)
    known = made.add_subparsers(required=True, metavar="COMMAND")
    for command in commands:
        one = known.add_parser(
            command.name, help=command.meaning, description=command.meaning, epilog=command.epilog
        )
        one.set_defaults(run=command.run)
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
        with terminal.quiet_when_closed():
            chosen = made.parse_args(arguments)
            return chosen.run(chosen)
    except (TierscopeError, OSError) as error:
        _log.debug("", exc_info=True)
        print(terminal.plain(f"error: {in_words(error)}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nInterrupted. {interrupted}")
        return 130
