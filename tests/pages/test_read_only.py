"""A workspace that may be read and not written: pages show it and say so, commands say why they cannot."""

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from pages.ui.shell.frame import PAGES, ROOT
from tests.helpers import workspace_full
from tests.helpers.page_reader import READING, WRITING

#: Without these rights even the superuser may not write where it is forbidden.
UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
#: How far a command is, told beside what it says.
PROGRESS = re.compile(r"looking: \d+ of \d+ scans$")
RATED = "made-pool_sub-01_T1w"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What a process saw that may not write, while another one had just written a rating."""
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("the superuser may write everywhere")
    workspace = workspace_full.make(tmp_path_factory.mktemp("read-only") / "workspace")
    study, _ = workspace_full.add_studies(workspace)
    with contextlib.closing(sqlite3.connect(workspace.database_path)) as writer:
        writer.execute(
            "SELECT * FROM ratings"
        )  # while it is open, what is new lies beside the file
        rating_log.add_rating(
            workspace,
            Rating(scan_id=RATED, rater="Ada", scale="pass-fail", value=1.0, comment="just now"),
        )
        names = {"COHORT": study.cohort_id, "STUDY": study.id, "IMAGES": str(workspace.root.parent)}
        return _look(workspace.root, names)


def _look(root: Path, names: dict[str, str]) -> dict[str, dict]:
    privileged = UNPRIVILEGED if os.geteuid() == 0 else ()
    with _closed(root):
        done = subprocess.run(
            [
                *privileged,
                sys.executable,
                "-m",
                "tests.helpers.page_reader",
                str(root),
                json.dumps(names),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def _closed(root: Path) -> Iterator[None]:
    """Take the right to write away from a folder and all that is in it."""
    modes = {path: path.stat().st_mode for path in (root, *root.rglob("*"))}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@pytest.mark.parametrize("name", list(PAGES))
def test_a_page_shows_what_may_be_read_and_says_that_it_is_no_more(seen, name: str) -> None:
    assert seen[name]["broken"] == []
    assert "<b>Read-only.</b>" in seen[name]["said"]


@pytest.mark.parametrize("line", READING)
def test_a_command_that_only_reads_runs(seen, line: str) -> None:
    complaints = [said for said in seen[line]["error"].splitlines() if not PROGRESS.match(said)]
    assert (seen[line]["status"], complaints) == (0, [])


def test_what_another_process_has_just_written_is_read(seen) -> None:
    assert "1 ratings" in seen["database"]["said"]


@pytest.mark.parametrize("line", WRITING)
def test_a_command_that_writes_says_why_it_cannot(seen, line: str) -> None:
    assert seen[line]["status"] == 2
    assert "may not read or write" in seen[line]["error"] or "read-only" in seen[line]["error"]
    assert "Traceback" not in seen[line]["error"]
