"""The commands on MRIQC's tables say what came of them, and what is wrong in one sentence."""

from pathlib import Path

import pytest

from curation.__main__ import main
from curation.ratings import rating_log
from curation.scoring.score_reference import read_reference
from curation.storage.workspace import Workspace
from tests.helpers import rated_table


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return rated_table.write(tmp_path / "group_T1w.tsv", rated_table.table())


def test_the_command_says_what_came_of_it(tmp_path: Path, path: Path, capsys) -> None:
    table = rated_table.table(30).assign(shoe_size=1)
    rated_table.write(path, table)
    assert main(["import-mriqc", str(path), "--workspace", str(tmp_path / "w")]) == 0
    said = capsys.readouterr().out
    assert "30 table; 30 new scans, 30 new ratings" in said
    assert "left out: shoe_size" in said
    assert (
        main(["import-mriqc", str(tmp_path / "gone.tsv"), "--workspace", str(tmp_path / "w")]) == 2
    )
    assert capsys.readouterr().err.startswith("error: There is no table")


def test_who_rated_can_be_said_on_the_command_line(tmp_path: Path, path: Path, capsys) -> None:
    command = ["import-mriqc", str(path), "--workspace", str(tmp_path / "w"), "--raters"]
    assert main([*command, "rater_1"]) == 2
    assert "takes COLUMN=NAME" in capsys.readouterr().err
    assert main([*command, "rater_1=Ada B."]) == 0
    given = rating_log.list_ratings(Workspace.open(tmp_path / "w"))
    assert set(given["rater"]) == {"Ada B."}


def test_fitting_experts_writes_a_readable_file_and_prints_its_evidence(
    tmp_path, path, capsys
) -> None:
    out = tmp_path / "mine.json"
    assert main(["fit-experts", str(path), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "experts-2: The chance that people exclude the scan" in said
    assert "rater_1 of group_T1w.tsv: AUC 0." in said and "held out by site" in said
    assert "order: rank correlation with the mean grades -0." in said
    model = read_reference(out).model
    assert model is not None and model.metrics == ("cjv",)
    assert main(["fit-experts", str(tmp_path / "gone.csv"), "--out", str(out)]) == 2
