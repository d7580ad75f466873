"""A database that is gone, empty or another's is never silently taken for the workspace's own."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from curation.__main__ import main
from curation.decisions import database
from curation.decisions.database_identity import URL_VARIABLE
from curation.errors import RatingError, WorkspaceError
from curation.interchange import rating_export
from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.sessions import session_log
from curation.sessions.session_plan import SessionPlan
from curation.storage.workspace import Workspace
from tests.helpers import rating_writer


@pytest.fixture
def rated(tmp_path: Path) -> Workspace:
    """Three ratings in the workspace's own SQLite file, all exported."""
    return _rated(tmp_path / "rated")


def _rated(root: Path, count: int = 3) -> Workspace:
    workspace = rating_writer.workspace_of(root, 5)
    _rate(workspace, count)
    rating_export.export_ratings(workspace)
    return workspace


def _rate(workspace: Workspace, count: int) -> None:
    for number in range(count):
        rating_log.add_rating(
            workspace,
            Rating(scan_id=f"made_{number:05d}", rater="Ada", scale="pass-fail", value=1.0),
        )


def _exported(workspace: Workspace) -> int:
    lines = (workspace.derivatives_dir / rating_export.RATINGS).read_text().splitlines()
    return len(lines) - 1


def _database(*options: str, workspace: Workspace) -> int:
    return main(["database", "--workspace", str(workspace.root), *options])


@pytest.mark.usefixtures("url")
def test_a_new_workspace_opens_by_itself_and_knows_its_database_from_then_on(tmp_path) -> None:
    workspace = _rated(tmp_path / "new")
    database.close()
    assert len(rating_log.list_ratings(workspace)) == 3


def _remove(path: Path) -> None:
    path.unlink()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _of_no_workspace(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE thesis (page INTEGER)")
    other.close()


def _overwrite(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def _cut(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2 + 100])


@pytest.mark.parametrize("lose", [_remove, _empty, _of_no_workspace, _overwrite, _cut])
def test_a_lost_database_stops_everything_until_it_is_put_back(rated, lose, capsys) -> None:
    copy = shutil.copy(rated.database_path, rated.root / "copy.sqlite")
    lose(rated.database_path)
    left = rated.database_path.read_bytes() if rated.database_path.exists() else None
    for _ in range(2):  # while it was open, and opened anew
        for use in (rating_log.list_ratings, rating_log.newest, lambda w: _rate(w, 1)):
            with pytest.raises(WorkspaceError, match=r"(?is)decisions\.sqlite.*put back a copy"):
                use(rated)
        database.close()
    assert main(["export-ratings", "--workspace", str(rated.root)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "Traceback" not in said
    assert _exported(rated) == 3
    now = rated.database_path.read_bytes() if rated.database_path.exists() else None
    assert now == left  # nothing was made or written in its place
    shutil.copy(copy, rated.database_path)
    assert len(rating_log.list_ratings(rated)) == 3


def test_a_database_of_another_workspace_is_refused_until_somebody_takes_it(
    rated, tmp_path, capsys
):
    other = _rated(tmp_path / "other", count=1)
    shutil.copy(other.database_path, rated.database_path)
    with pytest.raises(WorkspaceError, match="is not the one of this workspace"):
        rating_log.list_ratings(rated)
    assert _database(workspace=rated) == 2
    assert _database("--adopt", workspace=rated) == 0
    assert "1 ratings" in capsys.readouterr().out
    assert len(rating_log.list_ratings(rated)) == 1
    with pytest.raises(RatingError, match=r"3 ratings, now 1.*--force"):
        rating_export.export_ratings(rated)


def test_what_is_lost_for_good_can_be_begun_anew(rated: Workspace) -> None:
    rated.database_path.unlink()
    assert _database("--adopt", workspace=rated) == 0
    assert len(rating_log.list_ratings(rated)) == 0
    export = ["export-ratings", "--workspace", str(rated.root)]
    assert main(export) == 2 and _exported(rated) == 3
    assert main(["import-ratings", str(rated.derivatives_dir), "-w", str(rated.root)]) == 0
    assert len(rating_log.list_ratings(rated)) == 3
    assert main(export) == 0


def test_fewer_ratings_are_exported_over_more_only_when_asked(rated: Workspace) -> None:
    rated.database_path.unlink()
    _database("--adopt", workspace=rated)
    assert main(["export-ratings", "--force", "--workspace", str(rated.root)]) == 0
    assert _exported(rated) == 0


def test_sessions_are_not_exported_over_more_either(tmp_path: Path) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "w", 5)
    session_log.start(workspace, SessionPlan("one", "Ada", "pass-fail", size=3))
    rating_export.export_ratings(workspace)
    workspace.database_path.unlink()
    _database("--adopt", workspace=workspace)
    with pytest.raises(RatingError, match="1 sessions"):
        rating_export.export_ratings(workspace)


def test_a_workspace_from_before_there_was_an_id_opens_and_has_one_from_then_on(rated) -> None:
    _forget_the_id(rated)
    assert len(rating_log.list_ratings(rated)) == 3
    rated.database_path.unlink()
    with pytest.raises(WorkspaceError, match="Put back a copy"):
        rating_log.list_ratings(rated)


def _forget_the_id(workspace: Workspace) -> None:
    """Make it what an earlier version would have left."""
    database.close()
    workspace.database_note_path.unlink()
    with sqlite3.connect(workspace.database_path) as old:
        old.execute("DROP TABLE identity")
    old.close()


# ---- PostgreSQL ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("postgres_url")
def test_two_workspaces_do_not_share_a_database_by_mistake(tmp_path: Path, capsys) -> None:
    first = rating_writer.workspace_of(tmp_path / "first", 5)
    assert len(rating_log.list_ratings(first)) == 0  # tied, although it is still empty
    second = rating_writer.workspace_of(tmp_path / "second", 5)
    with pytest.raises(WorkspaceError, match="another workspace"):
        rating_log.list_ratings(second)
    assert _database("--adopt", workspace=second) == 0
    assert len(rating_log.list_ratings(second)) == 0


def test_a_workspace_whose_decisions_lie_in_postgresql_is_not_opened_without_it(
    tmp_path: Path, postgres_url: str, monkeypatch
) -> None:
    workspace = _rated(tmp_path / "w")
    monkeypatch.delenv(URL_VARIABLE)
    with pytest.raises(WorkspaceError, match="Set TIERSCOPE_DATABASE_URL"):
        rating_log.list_ratings(workspace)
    assert not workspace.database_path.exists()
    monkeypatch.setenv(URL_VARIABLE, postgres_url)
    assert len(rating_log.list_ratings(workspace)) == 3


def test_decisions_in_the_workspace_are_not_left_behind_for_an_empty_server(
    rated: Workspace, postgres_url: str
) -> None:
    with pytest.raises(WorkspaceError, match=r"lie in .*decisions\.sqlite"):
        rating_log.list_ratings(rated)
    assert _database("--adopt", workspace=rated) == 0
    assert len(rating_log.list_ratings(rated)) == 0


# ---- odd paths -------------------------------------------------------------------------------------

ODD = ["what?mode=memory", "per%20cent", "hash#tag", "ü & 'quote'"]


@pytest.mark.parametrize("name", ODD)
def test_decisions_lie_in_the_workspace_whatever_its_path(tmp_path: Path, name: str) -> None:
    workspace = _rated(tmp_path / name)
    assert workspace.database_path.is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_decisions_that_an_earlier_version_put_beside_the_workspace_are_pointed_out(
    tmp_path,
) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "lab?1", 5)
    beside = tmp_path / "lab"
    shutil.copy(_rated(tmp_path / "other").database_path, beside)
    with pytest.raises(WorkspaceError, match="Copy that file") as error:
        rating_log.list_ratings(workspace)
    assert str(beside) in str(error.value) and not workspace.database_path.exists()
    shutil.copy(beside, workspace.database_path)
    assert len(rating_log.list_ratings(workspace)) == 3
