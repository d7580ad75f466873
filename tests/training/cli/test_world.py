from pathlib import Path

import numpy as np
import pytest

from curation.imaging import prepared_volume
from curation.storage.workspace import Workspace
from training.__main__ import main
from training.jobs.study_status import status
from training.studies import planned_study
from training.world.anatomy import SHAPE


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    brain = np.zeros(SHAPE, dtype=bool)
    brain[2:-2, 3:-3, 2:-2] = True
    monkeypatch.setattr(prepared_volume, "template_brain", lambda preset: brain)  # seconds


def test_a_world_and_its_study_are_made_by_one_command(tmp_path: Path, capsys) -> None:
    where = str(tmp_path / "world")
    asked = ["--pool", "64", "--labels", "8", "--dose", "1", "--seeds", "0", "1", "--plan-only"]
    assert main(["world", "-w", where, *asked]) == 0
    assert "Everything here is simulated. 42 of the 64 scans" in capsys.readouterr().out
    workspace = Workspace.open(where)
    (study,) = planned_study.list_studies(workspace)
    assert [arm.name for arm in study.arms] == ["scratch", "A", "all", "control-A"]
    assert study.analysis.primary == ("A", "all")
    assert status(workspace, study.id).state == "planned"
    assert main(["world", "-w", where, *asked]) == 0  # again: the same world and study
    assert len(planned_study.list_studies(workspace)) == 1


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["--labels", "0"], "without labels there is nothing to fine-tune on"),
        (["--dose", "2"], "between 0 and 1, not 2"),
        (["--pool", "20"], "does not fill one batch"),
    ],
)
def test_a_world_that_cannot_be_is_refused_in_words_and_nothing_is_made(
    tmp_path: Path, capsys, asked: list[str], words: str
) -> None:
    where = tmp_path / "world"
    assert main(["world", "-w", str(where), *asked, "--plan-only"]) == 2
    assert words in capsys.readouterr().err
    assert not where.exists()
