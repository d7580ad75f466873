"""Output that nobody reads any more ends a command quietly, and what is printed steers no terminal."""

import subprocess
import sys
from pathlib import Path

import pytest

from curation import __main__ as curation_main
from curation import terminal
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


def test_what_a_table_or_an_error_holds_steers_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steering = "\x1b[31m\x9b2J\x07"
    table = tmp_path / "scans.csv"
    table.write_text(f"path,{steering}\nnowhere.nii,1\n")
    for source in (table, tmp_path / f"{steering}.csv"):
        curation_main.main(["ingest", str(source), "--workspace", str(tmp_path / "w")])
    said = capsys.readouterr()
    assert not any(letter in said.out + said.err for letter in "\x1b\x9b\x07")
    assert "\\x1b[31m\\x9b2J\\x07" in said.out
    assert "\\x1b[31m\\x9b2J\\x07.csv" in said.err


def test_lines_tabs_and_letters_stay_as_they_are() -> None:
    assert terminal.plain("a\tb\nMüller 张伟 – 3 %") == "a\tb\nMüller 张伟 – 3 %"
