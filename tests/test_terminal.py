"""Output that nobody reads any more ends a command quietly."""

import subprocess
import sys
from pathlib import Path

import pytest

from curation.terminal import CLOSED

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("arguments", [["describe-metrics"], ["--help"]])
def test_a_reader_that_went_away_is_no_error(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "curation", *arguments]
    child = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout and child.stderr
    child.stdout.close()
    complaint = child.stderr.read()
    child.stderr.close()
    assert child.wait() in {
        0,
        CLOSED,
    }  # argparse itself swallows the error where nothing is buffered
    assert complaint == ""
