"""What lies in a folder that cannot be entered is not passed over without a word."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from curation.errors import SourceError
from curation.interchange import mriqc_import
from curation.sources.ingest import ingest
from curation.storage import folder_walk, tables
from curation.storage.workspace import Workspace
from tests.helpers.nifti_images import make_bids, write_nifti

Close = Callable[..., None]


@pytest.fixture
def close(monkeypatch: pytest.MonkeyPatch) -> Close:
    """Close folders, and open all others again; the superuser, who may run this, could enter any."""
    scandir = os.scandir

    def shut(*closed: Path) -> None:
        def refusing(path: str | Path) -> object:
            if Path(path) in closed:
                raise PermissionError(13, "Permission denied", str(path))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refusing)

    return shut


def test_a_closed_folder_is_a_row_and_an_open_one_none(
    workspace: Workspace, tmp_path: Path, close: Close
) -> None:
    root = tmp_path / "loose"
    for seed, name in enumerate(("a", "shut/b", "shut/deep/c")):
        write_nifti(root / f"{name}.nii.gz", seed=seed)
    close(root / "shut")
    summary = ingest(workspace, root)
    assert summary.scans["status"].tolist() == ["ok", "unreadable"]
    row = summary.problems.iloc[0]
    assert row["path"] == str(root / "shut")
    assert "could not be entered (Permission denied)" in row["reason"]
    assert "give this account the right" in row["reason"]
    close()
    again = ingest(workspace, root).scans
    assert again["status"].tolist() == ["ok"] * 3
    assert not again["path"].eq(str(root / "shut")).any()


def test_scans_in_a_folder_that_was_closed_since_are_not_said_to_be_gone(
    workspace: Workspace, tmp_path: Path, close: Close
) -> None:
    root = tmp_path / "loose"
    for seed, name in enumerate(("a", "shut/b", "shut/deep/c", "shutter")):
        write_nifti(root / f"{name}.nii.gz", seed=seed)
    before = ingest(workspace, root).scans
    (root / "shutter.nii.gz").unlink()
    close(root / "shut")
    scans = ingest(workspace, root).scans.set_index("scan_id")
    told = scans.loc[["loose_shut_b", "loose_shut_deep_c"]]
    assert set(told["status"]) == {"unreadable"}
    assert told["reason"].str.contains("could not be entered").all()
    assert scans.loc["loose_shutter", "status"] == "missing"
    close()
    after = ingest(workspace, root).scans
    still = [table[table["scan_id"] != "loose_shutter"] for table in (after, before)]
    pd.testing.assert_frame_equal(*still)


@pytest.mark.parametrize("shut", ["sub-02", "sub-02/anat"])
def test_a_participant_behind_a_closed_folder_is_not_said_to_have_no_image(
    workspace: Workspace, tmp_path: Path, close: Close, shut: str
) -> None:
    people = "participant_id\tage\nsub-01\t30\nsub-02\t40\nsub-03\t50\n"
    root = make_bids(tmp_path / "set", ["sub-01", "sub-02"], people)
    close(root / shut)
    scans = ingest(workspace, root).scans.set_index("participant_id")
    assert scans["status"].to_dict() == {
        "sub-01": "ok",
        "sub-02": "unreadable",
        "sub-03": "missing",
    }
    assert scans.loc["sub-02", "path"] == str(root / shut)
    assert scans.loc["sub-03", "reason"] == "listed as a participant, but no image file"


def test_where_anybody_may_be_in_a_closed_folder_nobody_is_said_to_have_no_image(
    workspace: Workspace, tmp_path: Path, close: Close
) -> None:
    root = make_bids(tmp_path / "set", ["sub-01"], "participant_id\nsub-01\nsub-02\n")
    (root / "more").mkdir()
    close(root / "more")
    scans = ingest(workspace, root).scans.set_index("participant_id")
    assert "1 folder could not be entered" in scans.loc["sub-02", "reason"]


def test_a_source_that_is_closed_itself_is_refused_and_nothing_changes(
    workspace: Workspace, tmp_path: Path, close: Close
) -> None:
    root = make_bids(tmp_path / "set", ["sub-01"])
    before = ingest(workspace, root).scans
    close(root)
    with pytest.raises(SourceError, match=r"could not be entered \(Permission denied\)"):
        ingest(workspace, root)
    assert tables.read_scans(workspace).equals(before)


def test_mriqcs_closed_folders_are_named(
    workspace: Workspace, tmp_path: Path, close: Close
) -> None:
    for name in ("sub-01", "sub-02"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}_T1w.json").write_text('{"cjv": 0.4, "bids_meta": {}}')
    close(tmp_path / "sub-02")
    summary = mriqc_import.import_table(workspace, tmp_path, name="json")
    assert len(summary.scans) == 1
    assert "sub-02 could not be entered (Permission denied)" in summary.notes[0]


def test_folders_behind_links_are_entered_once_and_loops_end(tmp_path: Path) -> None:
    write_nifti(tmp_path / "archive" / "sub-02" / "b.nii.gz")
    root = tmp_path / "root"
    write_nifti(root / "sub-01" / "a.nii.gz")
    (root / "sub-02").symlink_to(tmp_path / "archive" / "sub-02")
    (root / "again").symlink_to(root / "sub-01")
    (root / "sub-01" / "up").symlink_to(root)
    (tmp_path / "archive" / "sub-02" / "all").symlink_to(tmp_path)
    found = folder_walk.walk(root)
    assert [path.relative_to(root).as_posix() for path in found.files] == [
        "sub-01/a.nii.gz",
        "sub-02/b.nii.gz",
    ]
