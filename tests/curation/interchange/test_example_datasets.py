"""Real examples come in with metrics, sites and ratings, and without running anything of their package."""

import importlib.util
import sys
from pathlib import Path

import pytest

from curation.__main__ import main
from curation.errors import SourceError
from curation.interchange import example_datasets
from curation.ratings import rating_log
from curation.storage import tables
from curation.storage.workspace import Source, Workspace
from tests.helpers.paths import ROOT


@pytest.mark.parametrize(
    ("name", "scans", "sites", "raters"), [("abide", 1101, 17, 3), ("ds030", 265, 2, 1)]
)
def test_an_example_is_all_there_scored_and_rated(
    workspace: Workspace, name: str, scans: int, sites: int, raters: int
) -> None:
    summary = example_datasets.import_example(workspace, name)
    table = tables.read_scored_scans(workspace)
    assert len(table) == scans == summary.added
    assert set(table["status"]) == {"table"}
    assert table["site"].nunique() == sites
    assert table["distortion_score"].notna().all()
    assert table["age_years"].isna().all()
    label = example_datasets.EXAMPLES[name].label
    given = rating_log.list_ratings(workspace)
    assert set(given["rater"]) == {f"{label} rater_{number + 1}" for number in range(raters)}
    assert set(given["value"]) == {-1.0, 0.0, 1.0}
    assert example_datasets.of_source(workspace.sources()[0]) == example_datasets.EXAMPLES[name]
    assert f"{scans:,} real" in example_datasets.EXAMPLES[name].meaning
    assert "mriqc_learn" not in sys.modules


def test_the_command_joins_ages_and_says_what_it_took_in(tmp_path: Path, capsys) -> None:
    people = tmp_path / "participants.tsv"
    people.write_text("participant_id\tage\n50002\t16.77\n50003\t24.5\n")
    root = tmp_path / "w"
    command = ["example", "abide", "-w", str(root), "--participants", str(people)]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "1101 table; 1101 new scans, 2301 new ratings" in said
    assert "non-commercial research" in said
    ages = tables.read_scans(Workspace.open(root)).set_index("participant_id")["age_years"].dropna()
    assert ages.to_dict() == {"50002": 16.77, "50003": 24.5}


def test_without_the_package_the_command_that_installs_it_is_named(workspace, monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not example_datasets.is_installed()
    with pytest.raises(SourceError, match=r"Install it with 'pip install mriqc-learn==0\.0\.3'"):
        example_datasets.import_example(workspace, "abide")
    with pytest.raises(SourceError, match="no example 'oasis'"):
        example_datasets.import_example(workspace, "oasis")


def test_a_source_of_the_same_name_is_no_example() -> None:
    assert example_datasets.of_source(Source("abide", "/data/abide.tsv", "mriqc")) is None
    assert (
        example_datasets.of_source(Source("mine", "/x/mriqc_learn/datasets/abide.tsv", "mriqc"))
        is None
    )


def test_the_pinned_version_is_the_one_that_is_named() -> None:
    root = ROOT
    assert f"mriqc-learn=={example_datasets.VERSION}\n" in (root / "requirements.txt").read_text()
