"""Every process logs in one way, at the level that is asked for, and names nobody above DEBUG."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from curation import logs
from curation.assessment.assess_workspace import assess
from curation.errors import TierscopeError
from tests.helpers import phantom_heads
from tests.helpers.paths import ROOT

WRITES = (
    "import logging; from curation import logs; logs.configure({arguments}); "
    "log = logging.getLogger('training.jobs.worker'); [log.log(level, 'said') for level in (10, 20, 30)]; "
    "logging.getLogger('library').info('of a library')"
)


def _lines(arguments: str = "", **environment: str) -> list[str]:
    code = WRITES.format(arguments=arguments)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("arguments", "setting", "levels"),
    [
        ("", "", ["WARNING"]),
        ("'INFO'", "", ["INFO", "WARNING"]),
        ("", "info", ["INFO", "WARNING"]),
        ("'INFO'", "error", []),
        ("verbose=True", "error", ["DEBUG", "INFO", "WARNING"]),
    ],
)
def test_the_level_is_the_options_then_the_settings(
    arguments: str, setting: str, levels: list[str]
) -> None:
    lines = _lines(arguments, TIERSCOPE_LOG_LEVEL=setting)
    assert [line.split()[1] for line in lines] == levels


def test_a_record_has_its_time_in_utc_its_level_and_its_module() -> None:
    (line,) = _lines()
    time, level, name, words = line.split(" ", 3)
    assert time.endswith("Z") and len(time) == len("2026-01-31T12:00:00Z")
    assert (level, name, words) == ("WARNING", "training.jobs.worker:", "said")


def test_an_unknown_level_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.LEVEL_VARIABLE, "loud")
    with pytest.raises(TierscopeError, match=r"'LOUD'.*DEBUG, INFO, WARNING, ERROR"):
        logs.configure()


def test_a_scan_that_cannot_be_measured_is_named_at_debug_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(path: str, *_: object) -> None:
        raise RuntimeError(f"{path} is at fault")

    monkeypatch.setattr("curation.assessment.assess_workspace.assess_file", broken)
    caplog.set_level("DEBUG", "curation")
    workspace = phantom_heads.fill(tmp_path)
    assess(workspace, scan_ids=["s0"])
    formatter = logging.Formatter("%(message)s")
    naming = [r for r in caplog.records if "scan0" in formatter.format(r) or "s0" in r.getMessage()]
    assert {record.levelno for record in naming} == {logging.DEBUG}
    assert any(record.levelno == logging.ERROR for record in caplog.records)
