"""Workspaces made by every released version, archived in ``tests/fixtures/versions``: they open, and go on.

Each holds four simulated heads of a pool and two of a target at 4 mm (one noisy), a table of MRIQC with 24
more scans, three ratings, a reference made from its scans, both cohorts, and from 0.2 on an override and a
session with an undo, from 0.3 on a saved rule and a list. The heads are the same for all.
"""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from curation.cohorts import frozen_cohort
from curation.decisions import audit_trail, database, database_identity, earlier_version
from curation.errors import WorkspaceError
from curation.ratings import rating_log
from curation.references import reference_library
from curation.sessions import saved_lists, session_log
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides, rule_versions
from curation.upkeep import backup, checks, forgetting
from tests.helpers.earlier_workspaces import POOL, VERSIONS, made_by, since
from tests.helpers.paths import ROOT

#: Ratings that a version's own code had stored, by rater.
RATINGS = {"Ada": 2, "Bob": 1, "Cleo": 1}


@pytest.fixture(params=VERSIONS)
def version(request) -> str:
    return request.param


@pytest.fixture
def root(version: str, tmp_path: Path) -> Path:
    return made_by(version, tmp_path)


def _rows(path: Path) -> dict[str, list]:
    """Return every row of every table of a database, without a line of Tierscope."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as raw:
        names = [row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return {
            name: sorted(raw.execute(f'SELECT * FROM "{name}"').fetchall(), key=str)  # noqa: S608
            for name in names
        }


def test_every_released_version_has_its_workspace() -> None:
    released = [
        line.split()[1]
        for line in (ROOT / "CHANGELOG.md").read_text().splitlines()
        if line.startswith("## 0.")
    ]
    # the newest is this one
    assert sorted(one.removesuffix(".0") for one in released[1:]) == sorted(
        one.removesuffix(".0") for one in VERSIONS
    )


def test_what_people_decided_is_there_and_can_be_taken_back(version: str, root: Path) -> None:
    workspace = Workspace.open(root)
    expected = {who: n for who, n in RATINGS.items() if who != "Cleo" or since(version, "0.2")}
    assert rating_log.list_ratings(workspace)["rater"].value_counts().to_dict() == expected
    if since(version, "0.2"):
        assert overrides.list_overrides(workspace)["tier"].tolist() == ["C"]
        before = session_log.load(workspace, 1)
        assert (before.done, before.total, before.plan.rater) == (1, 5, "Cleo")
        assert session_log.undo(workspace, 1).done == 0
    if since(version, "0.3"):
        assert [rule.name for rule in rule_versions.list_rules(workspace)] == ["strict"]
        assert [one.name for one in saved_lists.list_lists(workspace)] == ["odd ones"]
    kept = rating_log.list_ratings(workspace)
    number = int(kept.loc[kept["rater"] == "Bob", "id"].item())
    rating_log.withdraw(workspace, number, "Bob")
    assert "Bob" not in set(rating_log.list_ratings(workspace)["rater"])
    with database.engine(workspace).connect() as connection:
        assert audit_trail.verify(connection) == []


def test_its_cohorts_are_read_whole_and_its_reference_judges(root: Path) -> None:
    workspace = Workspace.open(root)
    headers = {one.role: one for one in frozen_cohort.list_cohorts(workspace)}
    assert set(headers) == {"pool", "target"}
    pool = frozen_cohort.load(workspace, headers["pool"].id)
    assert set(POOL) <= set(pool.scans["scan_id"]) and pool.rule.cutoffs == (45.0, 60.0)
    assert frozen_cohort.load(workspace, headers["target"].id).scans.shape[0] == 2
    assert reference_library.active(workspace).kind == "cohort"


def test_nothing_is_wrong_with_it_but_who_may_look_in(version: str, root: Path) -> None:
    if version == VERSIONS[0]:
        found = _check(root)
        assert "every account of this machine may look in" in found.stdout, found.stderr
    left, _ = checks.check(Workspace.open(root), repair=True)
    assert [(one.where, one.what) for one in left] == []
    assert root.stat().st_mode & 0o777 == 0o750  # open to all accounts before


def _check(root: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "curation", "check", "--workspace", str(root)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)


# ---- the copy before anything is added ---------------------------------------------------------------


def _copies(root: Path) -> list[Path]:
    return sorted((root / "earlier-versions").glob("before-*"))


def test_it_is_copied_once_before_anything_is_added(
    version: str, root: Path, tmp_path: Path
) -> None:
    rows = _rows(root / "decisions.sqlite")
    content = {
        path.relative_to(root): path.read_bytes()
        for path in [*root.glob("*.parquet"), *root.glob("*/*.*"), root / "workspace.toml"]
    }
    workspace = Workspace.open(root)
    assert len(rating_log.list_ratings(workspace))
    database.close()
    rating_log.list_ratings(workspace)
    if since(version, "0.10"):  # it has all tables of today, so that nothing is added
        assert _copies(root) == []
        return
    (copy,) = _copies(root)
    assert _rows(copy / "decisions.sqlite") == rows
    assert {name: (copy / name).read_bytes() for name in content} == content
    backup.restore(copy, tmp_path / "again")
    assert _rows(tmp_path / "again" / "decisions.sqlite") != {}
    again = Workspace.open(tmp_path / "again")
    assert len(rating_log.list_ratings(again)) == len(rating_log.list_ratings(workspace))


def test_one_that_only_this_version_wrote_is_not_copied(workspace: Workspace) -> None:
    rating_log.list_ratings(workspace)
    database.close()
    rating_log.list_ratings(workspace)
    assert not workspace.earlier_dir.exists()


def test_without_room_for_the_copy_nothing_is_changed(tmp_path: Path, monkeypatch) -> None:
    root = made_by("0.2", tmp_path)
    rows = _rows(root / "decisions.sqlite")
    real = earlier_version.hashed_copies.copied

    def full(path: Path, target: Path) -> tuple[str, int]:
        if path.name == "scores.parquet":
            raise OSError(28, "No space left on device", str(target))
        return real(path, target)

    monkeypatch.setattr(earlier_version.hashed_copies, "copied", full)
    workspace = Workspace.open(root)
    with pytest.raises(WorkspaceError, match="Nothing was changed"):
        rating_log.list_ratings(workspace)
    assert _rows(root / "decisions.sqlite") == rows
    assert list((root / "earlier-versions").iterdir()) == []
    monkeypatch.undo()
    assert len(rating_log.list_ratings(workspace))


@pytest.mark.parametrize("step", [1, 7, 19])
def test_a_failure_at_any_statement_loses_nothing(tmp_path: Path, monkeypatch, step: int) -> None:
    root = made_by("0.1", tmp_path)
    before = _rows(root / "decisions.sqlite")
    _fail_at(monkeypatch, step)
    workspace = Workspace.open(root)
    with pytest.raises(RuntimeError, match="power"):
        rating_log.list_ratings(workspace)
    after = _rows(root / "decisions.sqlite")
    assert after == before  # the transaction is whole or nothing
    assert len(_copies(root)) == 1
    monkeypatch.undo()
    database.close()
    _goes_on(workspace, before)


def _fail_at(monkeypatch, step: int) -> None:
    """Let the ``step``-th statement that adds something fail."""
    seen = 0

    def count(_connection, _cursor, text: str, *_rest) -> None:
        nonlocal seen
        seen += text.split()[0].upper() in ("CREATE", "INSERT")
        if seen == step:
            raise RuntimeError("power cut")

    real = database.database_connection.to_database

    def watched(*given, **options):
        made = real(*given, **options)
        database.sa.event.listen(made, "before_cursor_execute", count)
        return made

    monkeypatch.setattr(database.database_connection, "to_database", watched)


def _goes_on(workspace: Workspace, before: dict[str, list]) -> None:
    rating_log.list_ratings(workspace)
    now = _rows(workspace.database_path)
    assert {name: now[name] for name in before} == before
    with database.engine(workspace).connect() as connection:
        assert audit_trail.verify(connection) == []


def test_a_failure_after_the_tables_were_added_loses_nothing(tmp_path: Path, monkeypatch) -> None:
    root = made_by("0.3", tmp_path)
    before = _rows(root / "decisions.sqlite")
    real = database_identity.write

    def failing(workspace: Workspace, note) -> None:
        if note.made:
            raise OSError(5, "Input/output error")
        real(workspace, note)

    monkeypatch.setattr(database_identity, "write", failing)
    workspace = Workspace.open(root)
    with pytest.raises(OSError, match="Input"):
        rating_log.list_ratings(workspace)
    monkeypatch.undo()
    _goes_on(workspace, before)


_KILLED = """
import os, signal, sys
import sqlalchemy as sa
from curation.decisions import database
from curation.ratings import rating_log
from curation.storage.workspace import Workspace

real, left = database.database_connection.to_database, [int(sys.argv[2])]

def watched(*given, **options):
    made = real(*given, **options)
    @sa.event.listens_for(made, "after_cursor_execute")
    def count(_connection, _cursor, text, *_rest):
        left[0] -= text.split()[0].upper() in ("CREATE", "INSERT")
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return made

database.database_connection.to_database = watched
rating_log.list_ratings(Workspace.open(sys.argv[1]))
"""


@pytest.mark.parametrize("step", [1, 9, 23])
def test_a_kill_in_the_middle_loses_nothing(tmp_path: Path, step: int) -> None:
    root = made_by("0.1", tmp_path)
    before = _rows(root / "decisions.sqlite")
    command = [sys.executable, "-c", _KILLED, str(root), str(step)]
    assert subprocess.run(command, cwd=ROOT, timeout=120).returncode == -9
    _goes_on(Workspace.open(root), before)


def test_who_is_forgotten_is_in_no_copy_either(tmp_path: Path) -> None:
    root = made_by("0.3", tmp_path)
    workspace = Workspace.open(root)
    scans = tables.read_scans(workspace)
    person = str(scans.set_index("scan_id").loc[POOL[0], "subject_id"])
    rating_log.list_ratings(workspace)
    assert _copies(root)
    forgetting.forget(workspace, person, "asked for it")
    assert _copies(root) == []
    assert files.read_json(workspace.database_note_path)
