"""A person is one person in any source: named by a table, or said by somebody, never contradicted."""

import re
from pathlib import Path

import pandas as pd
import pytest

from curation.__main__ import main
from curation.decisions import person_decisions
from curation.decisions.audit_trail import history
from curation.decisions.person_decisions import PersonDecision, pair
from curation.errors import SourceError
from curation.sources import duplicates, who_is_who
from curation.sources.ingest import ingest
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers.nifti_images import make_bids, write_nifti

HEAD = "file,participant_id,person,session_id,age,sex"


def _source(folder: Path, rows: list[str], head: str = HEAD, separator: str = ",") -> Path:
    """Write a manifest and the images that it names."""
    folder.mkdir(parents=True)
    for seed, row in enumerate(rows):
        write_nifti(folder / row.split(",")[0], seed=sum(folder.name.encode()) + seed)
    table = folder / f"{folder.name}.{'csv' if separator == ',' else 'tsv'}"
    lines = [head, *rows]
    table.write_text("".join(line.replace(",", separator) + "\n" for line in lines))
    return table


def _who(workspace: Workspace) -> dict[str, str]:
    return tables.read_scans(workspace).set_index("scan_id")["subject_id"].to_dict()


@pytest.fixture
def two(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Two sources that count from 01: 01 fits by age and sex, 02 does not; 09 is 01 under another id."""
    ingest(workspace, _source(tmp_path / "one", ["a.nii,01,,,30,F", "b.nii,02,,,40,M"]))
    rows = ["c.nii,01,,,30.4,F", "d.nii,02,,,70,M", "e.nii,09,,,31,F"]
    ingest(workspace, _source(tmp_path / "two", rows), role="target")
    return workspace


@pytest.mark.parametrize("separator", [",", "\t"])
def test_a_column_of_persons_in_a_manifest_names_one_person_in_both_sources(
    workspace: Workspace, tmp_path: Path, separator: str
) -> None:
    ingest(workspace, _source(tmp_path / "one", ["a.nii,01,Ann,,30,F"], separator=separator))
    ingest(workspace, _source(tmp_path / "two", ["c.nii,77,Ann,,34,F"], separator=separator))
    assert set(_who(workspace).values()) == {"person=Ann"}


@pytest.mark.parametrize("separator", [",", "\t"])
def test_a_table_of_participants_names_persons_for_bids_and_folders(
    workspace: Workspace, tmp_path: Path, separator: str
) -> None:
    make_bids(tmp_path / "set", ["sub-01"])
    write_nifti(tmp_path / "loose" / "77_T1w.nii", seed=5)
    table = tmp_path / "people.csv"
    lines = ["participant_id,person,age", "sub-01,Ann,30", "77,Ann,34"]
    table.write_text("".join(line.replace(",", separator) + "\n" for line in lines))
    for folder in ("set", "loose"):
        ingest(workspace, tmp_path / folder, participants=table)
    assert set(_who(workspace).values()) == {"person=Ann"}


def test_a_person_of_two_sexes_is_refused_and_nothing_changes(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    ingest(workspace, _source(tmp_path / "one", ["a.nii,01,Ann,,30,F"]))
    before = tables.read_scans(workspace)
    wrong = _source(tmp_path / "two", ["c.nii,77,Ann,,30,M"])
    with pytest.raises(SourceError, match="Ann would be of two sexes: F as one:01, M as two:77"):
        ingest(workspace, wrong)
    pd.testing.assert_frame_equal(tables.read_scans(workspace), before)
    assert [source.name for source in workspace.sources()] == ["one"]
    assert main(["ingest", str(wrong), "-w", str(workspace.root)]) == 2
    assert "mend the table, then ingest again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            ["a.nii,01,Ann,,20,F", "b.nii,02,Ann,,71,F"],
            "51 years apart: 20 as one:01, 71 as one:02",
        ),
        (["a.nii,01,Ann,s1,20,F", "b.nii,01,Ann,s1,25,F"], "5 years apart at one session"),
    ],
)
def test_a_person_of_two_ages_at_once_is_refused(
    workspace: Workspace, tmp_path: Path, rows: list[str], said: str
) -> None:
    with pytest.raises(SourceError, match=said):
        ingest(workspace, _source(tmp_path / "one", rows))


def test_a_person_may_grow_older_between_sessions(workspace: Workspace, tmp_path: Path) -> None:
    rows = [
        "a.nii,01,Ann,s1,20,F",
        "b.nii,01,Ann,s2,45,F",
        "c.nii,02,Bo,s1,45,1",
        "d.nii,03,Bo,,46,",
    ]
    ingest(workspace, _source(tmp_path / "one", rows))
    assert len(tables.read_scans(workspace)) == 4


def test_equal_ids_with_fitting_age_and_sex_are_suggested_and_confirmed(
    two: Workspace, capsys: pytest.CaptureFixture
) -> None:
    (found,) = duplicates.undecided(two)
    assert found.fits == (pair("one:01", "two:01"),)
    assert found.others == (pair("one:02", "two:02"),)
    where = ["-w", str(two.root), "--author", "Ada"]
    assert main(["people", "--one-person-where-fitting", "two", "one", *where]) == 0
    said = capsys.readouterr().out
    assert "one person: one:01 and two:01" in said and "share 1 participant id (02)" in said
    who = _who(two)
    assert who["one_a"] == who["two_c"] != who["two_d"]
    told = history(two)[["who", "what", "subject", "detail"]]
    assert told[told["who"] == "Ada"].values.tolist() == [
        ["Ada", "one person", "one:01 and two:01", duplicates.FITTING]
    ]


def test_a_decision_outlives_listing_again_and_can_be_taken_back(
    two: Workspace, tmp_path: Path
) -> None:
    where = ["-w", str(two.root), "--author", "Ada"]
    before = _who(two)
    assert main(["people", "--one-person", "two:09", "one:01", *where]) == 0
    assert main(["people", "--one-person", "two:09", "two:01", *where]) == 0
    together = _who(two)
    assert together["one_a"] == together["two_c"] == together["two_e"]
    ingest(two, tmp_path / "two" / "two.csv")
    assert _who(two) == together
    assert main(["people", "--undecided", "two:09", "one:01", *where]) == 0
    apart = _who(two)
    assert apart["two_c"] == apart["two_e"] != apart["one_a"]
    assert main(["people", "--undecided", "two:09", "two:01", *where]) == 0
    assert _who(two) == before


def test_a_table_that_names_a_person_later_keeps_those_who_were_said_to_be_the_same(
    two: Workspace, tmp_path: Path
) -> None:
    who_is_who.decide(two, [PersonDecision(pair("one:01", "two:09"), True, "seen")], "Ada")
    table = tmp_path / "one" / "one.csv"
    table.write_text(table.read_text().replace("a.nii,01,,", "a.nii,01,Ann,"))
    ingest(two, table)
    assert {_who(two)[name] for name in ("one_a", "two_e")} == {"person=Ann"}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (["--one-person", "one:02", "two:01"], "They cannot be one person. .*of two sexes"),
        (["--one-person", "one:01"], "Name two participants as SOURCE:PARTICIPANT, not 1"),
        (["--one-person", "one:01", "one:01"], "one:01 came twice"),
        (["--two-people", "one:01", "two:33"], "no participant 'two:33'"),
        (["--one-person", "one:01", "two:01", "--author", " "], "Say who decides"),
        (["--one-person-where-fitting", "one", "none"], "share no undecided participant id"),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_not_stored(
    two: Workspace, capsys: pytest.CaptureFixture, said: list[str], words: str
) -> None:
    before = _who(two)
    assert main(["people", *said, "-w", str(two.root)]) == 2
    assert re.search(words, capsys.readouterr().err.replace("\n", " "))
    assert person_decisions.in_force(two) == {} and _who(two) == before


def test_two_who_were_said_to_be_different_are_not_one_through_a_third(two: Workspace) -> None:
    who_is_who.decide(two, [PersonDecision(pair("one:01", "two:09"), False, "seen")], "Ada")
    who_is_who.decide(two, [PersonDecision(pair("one:01", "two:01"), True, "seen")], "Ada")
    with pytest.raises(SourceError, match="one:01 and two:09 were said to be different people"):
        who_is_who.decide(two, [PersonDecision(pair("two:01", "two:09"), True, "seen")], "Ada")
    assert len(person_decisions.in_force(two)) == 2
