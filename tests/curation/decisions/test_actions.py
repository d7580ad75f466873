"""What is done to a workspace leaves a line in its audit: what, to what, by whom, on which machine."""

import getpass
import json
import os
import socket
from pathlib import Path

import pytest

from curation.__main__ import main
from curation.access import acting
from curation.decisions import audit_trail
from curation.references import reference_library
from curation.storage.workspace import Workspace
from tests.helpers import workspace_full
from tests.helpers.nifti_images import write_nifti


def told(workspace: Workspace, what: str) -> list[tuple[str, str, str]]:
    rows = audit_trail.history(workspace)
    rows = rows[rows["what"] == what]
    return list(rows[["who", "subject", "detail"]].itertuples(index=False, name=None))


def test_each_action_leaves_a_line_with_who_and_where(tmp_path: Path) -> None:
    workspace = workspace_full.make(tmp_path / "w")
    words = ["--workspace", str(workspace.root)]
    scan = write_nifti(tmp_path / "data" / "a_T1w.nii.gz")
    (tmp_path / "rates.tsv").write_text(
        "scan_id\trater\tscale\tvalue\nmade-pool_sub-01_T1w\tDr House\tpass-fail\t1\n"
    )
    assert main(["ingest", str(scan.parent), *words]) == 0
    assert main(["ingest", str(scan.parent), "--role", "target", *words]) == 0
    assert main(["import-ratings", str(tmp_path / "rates.tsv"), *words]) == 0
    assert main(["export-ratings", *words]) == 0
    assert main(["freeze", "pool", "--author", "Ada", *words]) == 0
    (cohort,) = (path.stem for path in workspace.cohorts_dir.glob("*.json"))
    assert main(["export-cohort", cohort, *words]) == 0
    reference = reference_library.choose(workspace, "experts-2").id
    for what, subject in (
        ("source added", "data"),
        ("source listed", "data"),
        ("ratings imported", "rates.tsv"),
        ("ratings exported", "ratings.tsv"),
        ("cohort exported", cohort),
        ("reference chosen", reference),
    ):
        ((who, of, detail),) = told(workspace, what)
        assert (who, of) == (getpass.getuser(), subject)
        assert f"machine: {socket.gethostname()}" in detail
    assert "before: role pool; after: role target" in told(workspace, "source listed")[0][2]
    assert f"after: {reference}" in told(workspace, "reference chosen")[0][2]


def test_who_imported_is_told_beside_whom_the_file_names(tmp_path: Path, capsys) -> None:
    workspace = workspace_full.make(tmp_path / "w")
    table = tmp_path / "rates.tsv"
    table.write_text("scan_id\trater\tscale\tvalue\nmade-pool_sub-01_T1w\tDr House\tpass-fail\t1\n")
    words = ["--workspace", str(workspace.root)]
    for _ in range(2):  # what is there already is no action
        assert main(["import-ratings", str(table), *words]) == 0
    ((who, _, _),) = told(workspace, "ratings imported")
    assert who == getpass.getuser() != "Dr House"
    capsys.readouterr()
    assert main(["audit", "--lines", *words]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["kind"]: line["who"] for line in lines} == {"ratings": "Dr House", "audit": who}


def test_an_account_without_a_name_is_told_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert acting.account() == f"account {os.getuid()}"
