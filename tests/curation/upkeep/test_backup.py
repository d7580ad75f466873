"""A backup holds a workspace as of one moment while it is used, and only a whole one is put back."""

import datetime
import json
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from curation.__main__ import main
from curation.decisions import audit_trail, database
from curation.decisions.database_identity import URL_VARIABLE
from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.storage import files, sharing
from curation.storage.workspace import Workspace
from curation.upkeep import backup
from curation.upkeep.checks import check
from tests.helpers import rating_writer, workspace_full


def rate(workspace: Workspace, number: int, rater: str = "Ada") -> None:
    rating = Rating(scan_id=f"made_{number:05d}", rater=rater, scale="pass-fail", value=1.0)
    rating_log.add_rating(workspace, rating)


@pytest.fixture
def ours(tmp_path: Path) -> Workspace:
    workspace = rating_writer.workspace_of(tmp_path / "lab", 200)
    rate(workspace, 0)
    (workspace.cache_dir).mkdir()
    (workspace.cache_dir / "volume.npy").touch()
    return workspace


def content(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith((".", "decisions.sqlite"))
    }


def test_a_whole_workspace_with_studies_comes_back(tmp_path, capsys) -> None:
    workspace = workspace_full.make(tmp_path / "lab")
    workspace_full.add_finished(workspace, "finished")
    workspace.root.chmod(0o700)
    assert main(["backup", str(tmp_path / "safe"), "--workspace", str(workspace.root)]) == 0
    folder = capsys.readouterr().out.partition(": ")[0]
    assert main(["restore", folder, "--workspace", str(tmp_path / "new")]) == 0
    assert content(tmp_path / "new") == content(workspace.root)
    there = Workspace.open(tmp_path / "new")
    assert check(there) == ([], [])
    assert there.root.stat().st_mode & 0o777 == 0o700


def test_what_was_confirmed_before_is_in_a_copy_that_is_made_while_people_rate(
    ours, tmp_path
) -> None:
    confirmed: list[int] = []
    stop = threading.Event()

    def work() -> None:
        for number in range(1, 200):
            if stop.is_set():
                return
            rate(ours, number)
            confirmed.append(number)

    writer = threading.Thread(target=work)
    writer.start()
    while len(confirmed) < 5:
        stop.wait(0.01)
    before = len(confirmed) + 1
    made = backup.back_up(ours, tmp_path / "safe")
    after = len(confirmed) + 2
    stop.set()
    writer.join()
    backup.restore(made.folder, tmp_path / "new")
    there = Workspace.open(tmp_path / "new")
    assert before <= len(rating_log.list_ratings(there)) <= after
    found = check(there)[0]  # these scans are listed without images
    assert all(one.where.startswith("scan ") for one in found), found


def test_what_can_be_made_again_and_what_is_half_written_stays_out(ours, tmp_path) -> None:
    (ours.root / ".scans.parquet.ab12.tmp").touch()
    made = backup.back_up(ours, tmp_path / "safe")
    names = {path.name for path in made.folder.rglob("*") if path.is_file()}
    assert {"workspace.toml", "scans.parquet", "decisions.sqlite", "decisions.json"} <= names
    assert not names & {"volume.npy", ".scans.parquet.ab12.tmp"}
    assert made.folder.stat().st_mode & 0o777 == 0o700


def change(folder: Path) -> None:
    (folder / "scans.parquet").write_bytes(b"other")


def lose(folder: Path) -> None:
    (folder / "decisions.sqlite").unlink()


def strip(folder: Path) -> None:
    (folder / backup.MANIFEST).unlink()


def lead_out(folder: Path) -> None:
    held = json.loads((folder / backup.MANIFEST).read_text())
    held["files"]["../../lab/workspace.toml"] = held["files"]["workspace.toml"]
    files.write_json(folder / backup.MANIFEST, held)


def garble(folder: Path) -> None:
    files.write_json(folder / backup.MANIFEST, {"files": {"workspace.toml": 3}})


def name_nothing(folder: Path) -> None:
    files.write_json(folder / backup.MANIFEST, {"files": {"a\0b": ["x", 1]}})


def claim_no_size(folder: Path) -> None:
    files.write_text(folder / backup.MANIFEST, '{"files": {"workspace.toml": ["x", 1e999]}}')


@pytest.mark.parametrize(
    "spoil", [change, lose, strip, lead_out, garble, name_nothing, claim_no_size]
)
def test_a_copy_that_is_not_whole_is_refused_and_nothing_is_changed(
    ours, tmp_path, spoil, capsys
) -> None:
    made = backup.back_up(ours, tmp_path / "safe")
    spoil(made.folder)
    before = content(ours.root)
    words = ["restore", str(made.folder), "--workspace"]
    assert main([*words, str(tmp_path / "new")]) == 2
    assert main([*words, str(ours.root), "--replace"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert content(ours.root) == before and not (tmp_path / "new").exists()


def test_a_workspace_that_is_there_is_kept_and_its_users_go_on_in_the_restored_one(
    ours, tmp_path, capsys
) -> None:
    made = backup.back_up(ours, tmp_path / "safe")
    rate(ours, 1)
    words = ["restore", str(made.folder), "--workspace", str(ours.root)]
    assert main(words) == 2 and "--replace" in capsys.readouterr().err
    assert main([*words, "--replace"]) == 0
    assert len(rating_log.list_ratings(ours)) == 1
    rate(ours, 2, "Ben")
    assert rating_log.list_ratings(ours)["rater"].tolist() == ["Ada", "Ben"]
    (kept,) = tmp_path.glob("lab.before-*")
    database.close()
    assert len(rating_log.list_ratings(Workspace.open(kept))) == 2


def test_each_workspace_restored_over_is_kept_however_quickly_they_follow(
    ours, tmp_path, monkeypatch
) -> None:
    noon = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC)
    stopped = SimpleNamespace(UTC=datetime.UTC, datetime=SimpleNamespace(now=lambda _: noon))
    made = backup.back_up(ours, tmp_path / "safe")
    monkeypatch.setattr(backup, "datetime", stopped)
    kept = [backup.restore(made.folder, ours.root, replace=True).before for _ in range(3)]
    assert len(set(kept)) == 3 and all(Workspace.open(path) for path in kept)


def test_the_noted_link_is_one_of_the_copied_decisions_whatever_comes_while_files_are_copied(
    ours, tmp_path, monkeypatch
) -> None:
    real = backup.copied

    def slow(path: Path, target: Path) -> tuple[str, int]:
        rate(ours, len(rating_log.list_ratings(ours)))
        return real(path, target)

    monkeypatch.setattr(backup, "copied", slow)
    made = backup.back_up(ours, tmp_path / "safe")
    monkeypatch.undo()
    link = json.loads((made.folder / backup.MANIFEST).read_text())["audit"]
    backup.restore(made.folder, tmp_path / "new")
    words = ["audit", "--expect", link, "--workspace", str(tmp_path / "new")]
    assert main(words) == 0


GIVEN, TAKEN = '[people]\nada = "curator"\nben = "rater"\n', '[people]\nada = "curator"\n'


@pytest.mark.parametrize(
    ("now", "after", "said"),
    [(TAKEN, TAKEN, "is the one that was there"), (None, GIVEN, "look whether somebody")],
)
def test_whoever_was_taken_out_since_the_copy_stays_out(
    ours, tmp_path, capsys, now, after, said
) -> None:
    ours.access_path.write_text(GIVEN)
    made = backup.back_up(ours, tmp_path / "safe")
    ours.access_path.unlink()
    if now is not None:
        ours.access_path.write_text(now)
        ours.access_path.chmod(0o640)
    words = ["restore", str(made.folder), "--workspace", str(ours.root), "--replace"]
    assert main(words) == 0 and said in capsys.readouterr().out
    assert ours.access_path.read_text() == after
    if now is not None:
        assert ours.access_path.stat().st_mode & 0o777 == 0o640
    line = audit_trail.history(ours).iloc[0]
    assert line["what"] == "workspace restored" and "access" in line["detail"]


def test_a_list_of_who_may_come_in_that_cannot_be_read_stops_the_restore(
    ours, tmp_path, capsys, monkeypatch
) -> None:
    ours.access_path.write_text(GIVEN)
    made = backup.back_up(ours, tmp_path / "safe")
    before = content(ours.root)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(shutil, "copy2", refuse)
    words = ["restore", str(made.folder), "--workspace", str(ours.root), "--replace"]
    assert main(words) == 2 and "cannot be read by this account" in capsys.readouterr().err
    assert content(ours.root) == before


def test_a_restore_is_noted_on_a_server_and_one_that_is_not_to_be_had_is_said(
    tmp_path, postgres_url, monkeypatch, capsys
) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "lab", 5)
    rate(workspace, 0)
    made = backup.back_up(workspace, tmp_path / "safe")
    assert made.on_server
    words = ["restore", str(made.folder), "--workspace", str(workspace.root), "--replace"]
    assert main(words) == 0 and "no line" not in capsys.readouterr().out
    assert audit_trail.history(workspace).iloc[0]["what"] == "workspace restored"
    monkeypatch.delenv(URL_VARIABLE)
    assert (
        main([*words[:3], str(tmp_path / "new")]) == 0
        and "The audit has no line on this" in capsys.readouterr().out
    )


def test_a_lost_database_comes_back_from_a_copy(ours, tmp_path) -> None:
    made = backup.back_up(ours, tmp_path / "safe")
    ours.database_path.unlink()
    backup.restore(made.folder, ours.root, replace=True)
    assert len(rating_log.list_ratings(ours)) == 1


def test_a_shared_workspace_is_shared_again(ours, tmp_path) -> None:
    made = backup.back_up(ours, tmp_path / "safe")
    sharing.share(ours, ours.root.group())
    backup.restore(made.folder, ours.root, replace=True)
    assert sharing.is_shared(ours.root)
    assert ours.scans_path.stat().st_mode & 0o777 == 0o660


def test_a_copy_is_not_put_into_what_it_is_of(ours, tmp_path, capsys) -> None:
    for into in (ours.root / "safe", Path(shutil.copytree(ours.root, tmp_path / "x")) / ".."):
        status = main(["backup", str(into), "--workspace", str(ours.root)])
        assert status == (2 if into.parent == ours.root else 0)
    assert "lies in the workspace" in capsys.readouterr().err
