from pathlib import Path

import pytest

from curation.__main__ import main
from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_full


def test_ratings_leave_and_come_back_by_command(tmp_path: Path, capsys) -> None:
    made = workspace_full.make(tmp_path / "workspace")
    scans = tables.read_scans(made)
    for scan_id in scans["scan_id"][:3]:
        rating_log.add_rating(
            made, Rating(scan_id=scan_id, rater="Ada", scale="mriqc-4", value=1.0)
        )
    assert main(["export-ratings", "--workspace", str(made.root)]) == 0
    assert str(made.derivatives_dir) in capsys.readouterr().out
    other = Workspace.create(tmp_path / "other")
    tables.write_scans(other, scans[scans["scan_id"] != scans["scan_id"][0]])
    command = ["import-ratings", str(made.derivatives_dir), "--workspace", str(other.root)]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert "ratings added: 2, there already: 0" in told
    assert "does not have these scans" in told and scans["scan_id"][0] in told
    assert main(command) == 0
    assert "ratings added: 0, there already: 2" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["nowhere.tsv", "nowhere.json"])
def test_a_file_that_is_not_there_is_one_sentence(workspace: Workspace, capsys, name: str) -> None:
    assert main(["import-ratings", name, "--workspace", str(workspace.root)]) == 2
    assert capsys.readouterr().err.startswith("error: There is no")
