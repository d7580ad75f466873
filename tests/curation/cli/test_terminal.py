"""A command says how far it is, steers no terminal, and ends quietly when nobody reads its words."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from curation import __main__ as curation_main
from curation.cli import framework
from curation.cli.framework import CLOSED
from tests.helpers.paths import ROOT


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
    assert framework.plain("a\tb\nMüller 张伟 – 3 %") == "a\tb\nMüller 张伟 – 3 %"


# ---- how far it is ---------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that shows its last number."""
    times = [1000.0]
    monkeypatch.setattr(framework.time, "monotonic", lambda: times[-1])
    return times


def _lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    said = capsys.readouterr()
    assert said.out == ""
    return said.err.splitlines()


def test_a_log_gets_a_line_at_once_then_every_some_seconds_and_at_the_end(clock, capsys) -> None:
    with framework.bar("scoring") as progress:
        progress(0, 400)
        assert _lines(capsys) == ["scoring: 0 of 400 scans"]
        for done in range(1, 100):
            clock.append(clock[-1] + 3)
            progress(done, 400)
        lines = _lines(capsys)
        assert lines[0] == "scoring: 4 of 400 scans, about 20 min left"
        assert len(lines) == 24
        progress(400, 400)
    assert _lines(capsys) == ["scoring: 400 of 400 scans"]


def test_what_was_done_before_is_not_counted_into_the_pace(clock, capsys) -> None:
    with framework.bar("reading", unit="file") as progress:
        progress(900, 1000)
        clock.append(clock[-1] + 60)
        progress(901, 1000)
    assert _lines(capsys)[1] == "reading: 901 of 1,000 files, about 1 h 39 min left"


def test_nothing_to_do_is_not_told_as_progress(capsys) -> None:
    with framework.bar("scoring") as progress:
        progress(0, 0)
    assert _lines(capsys) == []


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    screen.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", screen)
    with framework.bar("scoring") as progress:
        progress(0, 4)
        progress(4, 4)
    assert "100%" in screen.getvalue() and "\r" in screen.getvalue()
