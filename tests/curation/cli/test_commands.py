"""The command line: one sentence on what is wrong, and nothing lost."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from curation.__main__ import main
from curation.decisions import person_decisions
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers.nifti_images import make_bids, write_nifti


def test_ingest_makes_the_workspace_and_says_what_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    people = "participant_id\tage\nsub-01\t89+\nsub-02\t30\n"
    source = make_bids(tmp_path / "set", ["sub-01"], people)
    (source / "sub-03" / "anat").mkdir(parents=True)
    (source / "sub-03" / "anat" / "sub-03_T1w.nii.gz").write_text("notes")
    assert main(["ingest", str(source), "--workspace", str(tmp_path / "w")]) == 0
    said = capsys.readouterr().out
    assert "1 ok" in said
    assert "missing: set_sub-02_missing: listed as a participant, but no image file" in said
    assert "unreadable: set_sub-03_T1w" in said
    assert "top-coded" in said
    assert len(tables.read_scans(Workspace.open(tmp_path / "w"))) == 3


def test_unknown_columns_of_a_manifest_are_named(tmp_path: Path, capsys) -> None:
    write_nifti(tmp_path / "a.nii.gz")
    (tmp_path / "list.csv").write_text("path,shoe_size\na.nii.gz,43\n")
    assert main(["ingest", str(tmp_path / "list.csv"), "-w", str(tmp_path / "w")]) == 0
    assert "left out: shoe_size" in capsys.readouterr().out


def test_a_full_disk_is_said_with_the_file_and_leaves_no_litter(
    tmp_path, capsys, monkeypatch
) -> None:
    def is_full(_number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    write_nifti(tmp_path / "set" / "a_T1w.nii.gz")
    workspace = Workspace.create(tmp_path / "w")
    person_decisions.in_force(workspace)  # the database is there, as it is from the first page on
    monkeypatch.setattr(os, "fsync", is_full)
    assert main(["ingest", str(tmp_path / "set"), "-w", str(workspace.root)]) == 2
    said = capsys.readouterr().err
    assert "The disk is full" in said and str(workspace.scans_path) in said
    assert not list(workspace.root.glob(".*.tmp"))


@pytest.mark.parametrize("command", [["ingest", "nowhere"], ["assess"]])
def test_an_error_is_one_sentence_without_a_traceback(tmp_path: Path, capsys, command) -> None:
    assert main([*command, "--workspace", str(tmp_path / "w")]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: There is no ")
    assert "Traceback" not in said.err


def test_listing_again_names_each_source_that_is_gone_in_its_last_line(
    tmp_path: Path, capsys
) -> None:
    for name in ("gone", "here"):
        make_bids(tmp_path / name, ["sub-01"])
        assert main(["ingest", str(tmp_path / name), "-w", str(tmp_path / "w")]) == 0
    shutil.rmtree(tmp_path / "gone")
    assert main(["ingest", "--again", "-w", str(tmp_path / "w")]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: 1 of 2 sources could not be listed. gone: there is nothing at")
    assert f"{tmp_path / 'gone'}" in last and "bring it back" in last
    assert main(["check", "-w", str(tmp_path / "w")]) == 1
    said = capsys.readouterr().out
    assert "Its whole source is gone: see 'source gone' above." in said
    assert "ingest --again" not in said
