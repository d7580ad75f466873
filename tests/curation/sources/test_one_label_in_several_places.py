"""One label of BIDS under several prefixes or folders is several people; nobody contradicts themselves."""

from pathlib import Path

import pytest

from curation.errors import SourceError
from curation.sources import source_summary
from curation.sources.ingest import ingest
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers.nifti_images import write_nifti

APART = {"all:ds000011_sub-01", "all:ds002748_sub-01", "all:sub-02"}
#: Of two data sets that count from one.
ROWS = (
    "ds000011_sub-01_T1w_2mm.nii.gz,21,M",
    "ds002748_sub-01_T1w_2mm.nii.gz,52,F",
    "ds002748_sub-02_T1w_2mm.nii.gz,47,F",
)


def _folder(folder: Path, names: tuple[str, ...]) -> Path:
    for seed, name in enumerate(names):
        write_nifti(folder / name, seed=seed)
    return folder


def _manifest(folder: Path, rows: tuple[str, ...], head: str = "file,age,sex") -> Path:
    _folder(folder, tuple(row.split(",")[0] for row in rows if not row.startswith(",")))
    table = folder / "all.csv"
    table.write_text("\n".join((head, *rows)) + "\n")
    return table


def _people(workspace: Workspace) -> set[str]:
    return set(tables.read_scans(workspace)["subject_id"])


def test_one_label_under_two_prefixes_of_a_manifest_is_two_people(
    workspace: Workspace, tmp_path: Path
) -> None:
    summary = ingest(workspace, _manifest(tmp_path / "all", ROWS))
    assert _people(workspace) == APART
    (said,) = [note for note in summary.notes if "prefixes" in note]
    assert "sub-01 as ds000011_sub-01, ds002748_sub-01" in said and "'participant_id'" in said


def test_one_label_under_two_prefixes_or_two_folders_of_a_folder_is_two_people(
    workspace: Workspace, tmp_path: Path
) -> None:
    ingest(workspace, _folder(tmp_path / "all", tuple(row.split(",")[0] for row in ROWS)))
    assert _people(workspace) == APART
    names = ("oslo/sub-01/anat/sub-01_T1w.nii", "bern/sub-01/anat/sub-01_T1w.nii")
    ingest(workspace, _folder(tmp_path / "sites", names))
    assert _people(workspace) == APART | {"sites:oslo_sub-01", "sites:bern_sub-01"}


@pytest.mark.parametrize(
    "names",
    [
        ("anat/sub-01_T1w.nii", "pet/sub-01_pet.nii"),
        ("T1w/sub-01.nii", "FLAIR/sub-01.nii"),
        ("baseline/sub-01_T1w.nii", "follow-up/sub-01_T1w.nii"),
        ("visit_1/sub-01_T1w.nii", "visit_2/sub-01_T1w.nii"),
    ],
)
def test_kinds_of_image_and_visits_part_nobody(
    workspace: Workspace, tmp_path: Path, names: tuple[str, ...]
) -> None:
    ingest(workspace, _folder(tmp_path / "all", names))
    assert _people(workspace) == {"all:sub-01"}


def test_visits_whose_rows_contradict_each_other_are_two_people(
    workspace: Workspace, tmp_path: Path
) -> None:
    rows = ("w1/sub-01_T1w.nii,21,M", "w2/sub-01_T1w.nii,22,F")
    ingest(workspace, _manifest(tmp_path / "all", rows))
    assert _people(workspace) == {"all:w1_sub-01", "all:w2_sub-01"}


def test_who_was_listed_before_stays_who_they_are_where_nothing_contradicts(
    workspace: Workspace, tmp_path: Path
) -> None:
    rows = ("a_sub-01_T1w.nii,21,M", "b_sub-01_T1w.nii,21.5,M")
    table = _manifest(tmp_path / "all", rows)
    ingest(workspace, table)
    before = tables.read_scans(workspace)
    older = before.assign(participant_id="sub-01", subject_id="all:sub-01")
    tables.write_scans(workspace, older)  # as versions up to 0.15.0 listed them
    ingest(workspace, table)
    assert _people(workspace) == {"all:sub-01"}
    _manifest(tmp_path / "all", (*rows, "c_sub-01_T1w.nii,60,F"))
    ingest(workspace, table)
    assert _people(workspace) == {"all:sub-01", "all:c_sub-01"}
    assert set(before["scan_id"]) < set(tables.read_scans(workspace)["scan_id"])


def test_who_was_made_of_two_people_by_an_earlier_version_is_told_apart(
    workspace: Workspace, tmp_path: Path
) -> None:
    table = _manifest(tmp_path / "all", ROWS)
    ingest(workspace, table)
    scans = tables.read_scans(workspace)
    last = scans["participant_id"].str[-6:]
    tables.write_scans(workspace, scans.assign(participant_id=last, subject_id="all:" + last))
    assert len(_people(workspace)) == 2
    ingest(workspace, table)
    assert _people(workspace) == APART
    assert list(tables.read_scans(workspace)["scan_id"]) == list(scans["scan_id"])
    (tmp_path / "all" / "all.csv").write_text("file,age,sex\n" + ROWS[0] + "\n")
    ingest(workspace, table)
    assert "all:ds000011_sub-01" in _people(workspace), "also where the other one is gone"


def test_people_under_pseudonyms_are_told_apart_and_stay(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIERSCOPE_PSEUDONYM_KEY", str(tmp_path / "key"))
    table = _manifest(tmp_path / "all", ROWS)
    summary = ingest(workspace, table, hide_names=True)
    who = _people(workspace)
    assert len(who) == 3 and not any("ds0" in note for note in summary.notes)
    ingest(workspace, table)
    assert _people(workspace) == who


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            ("a.nii,30,F,p1,", "b.nii,30,M,p1,"),
            "p1 would be of two sexes: F as all:p1, M as all:p1",
        ),
        (("a.nii,30,F,p1,s1", "b.nii,34,F,p1,s1"), "4 years apart at one session"),
    ],
)
def test_a_person_whose_own_rows_contradict_each_other_is_refused_with_what_to_do(
    workspace: Workspace, tmp_path: Path, rows: tuple[str, ...], said: str
) -> None:
    table = _manifest(tmp_path / "all", rows, "file,age,sex,subject,visit")
    with pytest.raises(SourceError, match=said) as refused:
        ingest(workspace, table)
    assert "'participant_id'" in str(refused.value) and "'session_id'" in str(refused.value)
    assert not workspace.sources()


@pytest.mark.parametrize("told", [True, False])
def test_a_person_may_have_visits_of_their_own_ages(
    workspace: Workspace, tmp_path: Path, told: bool
) -> None:
    rows = (
        ("a.nii,30,F,p1,s1", "b.nii,34,F,p1,s2") if told else ("a.nii,30,F,p1,", "b.nii,34,F,p1,")
    )
    summary = ingest(workspace, _manifest(tmp_path / "all", rows, "file,age,sex,subject,visit"))
    assert _people(workspace) == {"all:p1"}
    said = " ".join(source_summary.lines(workspace, summary))
    assert ("1 person has scans at ages more than 1 year apart" in said) is not told


def test_a_row_without_a_path_is_a_row_with_its_reason(
    workspace: Workspace, tmp_path: Path
) -> None:
    rows = ("a.nii,30,F,p1,", ",31,F,p2,", ",,,,", ",32,M,,")
    table = _manifest(tmp_path / "all", rows, "file,age,sex,subject,visit")
    for _ in range(2):
        scans = ingest(workspace, table).scans.set_index("participant_id")
        assert list(scans["status"].loc[["p1", "p2", "row-5"]]) == ["ok", "missing", "missing"]
        assert len(scans) == 3 and scans["age_years"]["p2"] == 31
        assert scans["reason"]["p2"] == "listed as a participant, but no image file (row 3)"
