"""Decisions on a disk that several machines see are written without SQLite's log, elsewhere with it."""

import contextlib
import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from curation.__main__ import main
from curation.decisions import database, database_connection
from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.storage import shared_disk
from curation.storage.workspace import Workspace
from tests.helpers import rating_writer


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch):
    """Pretend that a folder is mounted from a network disk of some kind."""

    def mount(folder: Path, kind: str) -> None:
        here = psutil.disk_partitions(all=True)
        table = [*here, SimpleNamespace(mountpoint=str(folder.resolve()), fstype=kind)]
        monkeypatch.setattr(psutil, "disk_partitions", lambda all=False: table)

    return mount


def journal(workspace: Workspace) -> str:
    with contextlib.closing(sqlite3.connect(workspace.database_path)) as raw:
        return raw.execute("PRAGMA journal_mode").fetchone()[0]


def rate(workspace: Workspace, number: int) -> None:
    rating = Rating(scan_id=f"made_{number:05d}", rater="Ada", scale="pass-fail", value=1.0)
    rating_log.add_rating(workspace, rating)


@pytest.mark.parametrize(
    ("kind", "found"), [("nfs4", "nfs4"), ("cifs", "cifs"), ("lustre", "lustre"), ("ext4", None)]
)
def test_the_innermost_mount_says_what_a_path_lies_on(tmp_path, mounted, kind, found) -> None:
    mounted(tmp_path / "share", kind)
    assert shared_disk.network_kind(tmp_path / "share" / "new" / "w") == found
    assert shared_disk.network_kind(tmp_path / "shared") is None


def test_on_a_network_disk_there_is_no_log_and_nothing_is_lost(tmp_path, mounted, capsys) -> None:
    mounted(tmp_path / "share", "nfs4")
    workspace = rating_writer.workspace_of(tmp_path / "share" / "w", 20)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: rate(workspace, number), range(20)))
    assert journal(workspace) == "delete"
    assert rating_log.list_ratings(workspace)["scan_id"].nunique() == 20
    assert not list(workspace.root.glob("decisions.sqlite-*"))
    assert main(["database", "--workspace", str(workspace.root)]) == 0
    assert "several machines see (nfs4)" in capsys.readouterr().out


def test_a_workspace_that_was_moved_changes_its_way_and_back(tmp_path, mounted) -> None:
    before = rating_writer.workspace_of(tmp_path / "w", 3)
    rate(before, 0)
    assert journal(before) == "wal"
    database.close()
    mounted(tmp_path / "share", "nfs4")
    (tmp_path / "share").mkdir()
    shutil.move(before.root, tmp_path / "share" / "w")
    there = Workspace.open(tmp_path / "share" / "w")
    rate(there, 1)
    assert journal(there) == "delete"
    database.close()
    shutil.move(there.root, tmp_path / "w")
    rate(before, 2)
    assert journal(before) == "wal" and len(rating_log.list_ratings(before)) == 3


def test_who_may_only_look_there_waits_for_a_writer_and_sees_nothing_half(
    tmp_path, mounted, monkeypatch
) -> None:
    mounted(tmp_path / "share", "nfs4")
    workspace = rating_writer.workspace_of(tmp_path / "share" / "w", 3)
    rate(workspace, 0)
    database.close()
    monkeypatch.setattr(database_connection, "may_write", lambda path: False)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    monkeypatch.setattr(database_connection, "PATIENCE_MS", 50)
    with contextlib.closing(sqlite3.connect(workspace.database_path)) as writer:
        assert len(rating_log.list_ratings(workspace)) == 1
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Exception, match="locked"):
            rating_log.list_ratings(workspace)
        writer.rollback()
    assert len(rating_log.list_ratings(workspace)) == 1
