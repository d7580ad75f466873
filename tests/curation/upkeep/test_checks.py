"""The check of a workspace: nothing is found in a sound one, each damage is, and what can be is repaired."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from curation.__main__ import main
from curation.cohorts import frozen_cohort
from curation.decisions import database
from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.upkeep.checks import check
from tests.helpers import workspace_full


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with scans, scores, ratings, cohorts and a finished study; only to copy."""
    workspace = workspace_full.make(tmp_path_factory.mktemp("model") / "w")
    workspace_full.add_finished(workspace, "finished")
    database.close()
    return workspace


@pytest.fixture
def ours(model: Workspace, tmp_path: Path) -> Workspace:
    workspace = Workspace(Path(shutil.copytree(model.root, tmp_path / "w")))
    workspace.root.chmod(0o700)
    return workspace


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def nonsense(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x00\xff{ nonsense")


def old(path: Path) -> None:
    path.touch()
    os.utime(path, (0, time.time() - 100_000))


#: What is done to the workspace, and whether it can be repaired.
DAMAGES: dict[str, tuple[Callable[[Workspace], object], str, bool]] = {
    "scans": (lambda w: cut(w.scans_path), "scans.parquet", False),
    "metrics": (
        lambda w: cut(w.metrics_dir / "part-made.parquet"),
        "assess' measures its scans again",
        False,
    ),
    "scores": (lambda w: cut(w.scores_path), "scores.parquet", True),
    "database": (lambda w: nonsense(w.database_path), "decisions.sqlite", False),
    "lost database": (lambda w: w.database_path.unlink(), "decisions.sqlite", False),
    "cohort": (lambda w: cut(next(w.cohorts_dir.glob("*.json"))), ".json", False),
    "list": (
        lambda w: next(w.cohorts_dir.glob("pool*.tsv")).write_text("changed"),
        "changed after it was frozen",
        False,
    ),
    "a list alone": (lambda w: (w.cohorts_dir / "x.tsv").touch(), "broken off", True),
    "study": (lambda w: cut(next(w.studies_dir.glob("*/study.json"))), "study.json", False),
    "run": (lambda w: cut(next(w.studies_dir.rglob("result.json"))), "result.json", False),
    "task": (lambda w: nonsense(w.tasks_dir / "assess.json"), "assess.json", True),
    "pairs": (lambda w: nonsense(w.near_duplicates_path), "pairs.parquet", True),
    "open to all": (lambda w: w.root.chmod(0o755), "every account", True),
    "half a file": (lambda w: old(w.root / ".scans.parquet.ab12.tmp"), "half-written", True),
    "source": (
        lambda w: w.put_source(replace(w.sources()[0], path="/nowhere/at/all")),
        "nothing at /nowhere/at/all",
        False,
    ),
}


def said(workspace: Workspace, capsys: pytest.CaptureFixture, *words: str) -> tuple[int, str]:
    database.close()
    status = main(["check", *words, "--workspace", str(workspace.root)])
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    return status, told.out


def test_nothing_is_found_in_a_sound_workspace_and_nothing_is_changed(ours, capsys) -> None:
    before = {path: path.read_bytes() for path in ours.root.rglob("*") if path.is_file()}
    assert said(ours, capsys, "--repair") == (0, "nothing is wrong\n")
    assert all(path.read_bytes() == held for path, held in before.items())


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_found_with_what_to_do_and_repaired_where_it_can_be(
    name, ours, capsys
) -> None:
    spoil, words, repairable = DAMAGES[name]
    spoil(ours)
    status, told = said(ours, capsys)
    assert status == 1 and words in told
    assert ("check --repair" in told) is repairable
    status, told = said(ours, capsys, "--repair")
    assert (status, "repaired: " in told) == ((0, True) if repairable else (1, False))
    assert said(ours, capsys)[0] == (0 if repairable else 1)


def test_a_changed_image_and_a_lost_one_are_named(ours, capsys) -> None:
    scans = tables.read_scans(ours)
    first, second = scans.loc[scans["status"] == "ok", "scan_id"].head(2)
    scans.loc[scans["scan_id"] == first, "path"] = "/nowhere.nii"
    scans.loc[scans["scan_id"] == second, ["bytes", "path"]] = [1.0, str(ours.settings_path)]
    tables.write_scans(ours, scans)
    status, told = said(ours, capsys)
    assert status == 1
    assert f"scan {first}: its file is gone" in told
    assert f"scan {second}: its file has other content now" in told


def test_a_cohort_without_its_line_in_the_history_gets_it(ours) -> None:
    header = frozen_cohort.list_cohorts(ours)[0]
    database.close()
    with sqlite3.connect(ours.database_path) as raw:
        raw.execute("DELETE FROM audit WHERE subject = ?", (header.id,))
    raw.close()
    assert not frozen_cohort.is_noted(ours, header)
    assert [found.where for found in check(ours, repair=True)[1]] == [f"cohort {header.id}"]
    assert frozen_cohort.is_noted(ours, header)
