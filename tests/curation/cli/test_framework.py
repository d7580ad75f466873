"""Commands as data: every command has its line in the help, and ends as commands do."""

import argparse
import errno
import os

import pytest

from curation.__main__ import COMMANDS as CURATION
from curation.cli import framework
from curation.cli.framework import Command
from curation.errors import WorkspaceError
from training.__main__ import COMMANDS as TRAINING


def ended(run, *arguments: str) -> int:
    made = framework.parser("python -m x", "About.", [Command("do", "do it", run)])
    return framework.run(made, ["do", *arguments], "Go on later.")


@pytest.mark.parametrize("commands", [CURATION, TRAINING])
def test_every_command_is_there_once_and_says_what_it_is_for(commands, capsys) -> None:
    names = [command.name for command in commands]
    assert len(set(names)) == len(names)
    made = framework.parser("python -m x", None, commands)
    for command in commands:
        with pytest.raises(SystemExit, match="0"):
            made.parse_args([command.name, "--help"])
        words = " ".join(capsys.readouterr().out.split())
        assert " ".join((command.meaning % ()).split()) in words
        assert ("--workspace" in words) is command.on_workspace


def test_a_command_runs_with_its_arguments_and_its_status_is_returned() -> None:
    seen: list[argparse.Namespace] = []
    assert ended(lambda chosen: seen.append(chosen) or 3, "--workspace", "here") == 3
    assert seen[0].workspace.name == "here"


def test_an_error_of_ours_is_one_sentence(capsys) -> None:
    def fail(_: argparse.Namespace) -> int:
        raise WorkspaceError("There is none.")

    assert ended(fail) == 2
    assert capsys.readouterr().err == "error: There is none.\n"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "may not"),
        (errno.EACCES, "may not"),
        (errno.EIO, "disk can be reached"),
    ],
)
def test_an_error_of_the_system_is_in_words_with_the_path(number, words, capsys) -> None:
    def fail(_: argparse.Namespace) -> int:
        raise OSError(number, os.strerror(number), "/data/scans.parquet")

    assert ended(fail) == 2
    said = capsys.readouterr().err
    assert words in said and "/data/scans.parquet" in said and said.startswith("error: ")


def test_an_error_in_the_program_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        ended(lambda _: 1 // 0)


def test_after_an_interruption_the_way_on_is_said(capsys) -> None:
    def interrupt(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    assert ended(interrupt) == 130
    assert capsys.readouterr().out == "\nInterrupted. Go on later.\n"
