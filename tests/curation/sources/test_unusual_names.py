"""Whatever a file or a person is called, it is a row of its own, and keeps its id."""

import os
import time
from pathlib import Path

import pandas as pd
import pytest

from curation.cli import sources
from curation.cli.framework import parser, run
from curation.errors import SourceError
from curation.interchange import mriqc_import
from curation.sources.ingest import ingest
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import rated_table
from tests.helpers.nifti_images import make_bids, write_nifti

NAMES = ("张伟", "李娜", "Müller", "Möller", "Mäller", "Mu\u0308ller", "राम", "a b", "a-b", "a (b)")


def _write(folder: Path, names: tuple[str, ...]) -> Path:
    for seed, name in enumerate(names):
        write_nifti(folder / f"{name}.nii.gz", (8, 8, 8), seed=seed)
    return folder


def test_names_in_any_script_are_scans_of_their_own(workspace: Workspace, tmp_path: Path) -> None:
    scans = ingest(workspace, _write(tmp_path / "loose", NAMES)).scans
    assert scans["status"].tolist() == ["ok"] * len(NAMES)
    assert scans["participant_id"].nunique() == scans["scan_id"].nunique() == len(NAMES)
    for scan_id in scans["scan_id"]:
        assert workspace.preview_path(scan_id).parent == workspace.previews_dir
    assert ingest(workspace, tmp_path / "loose").added == 0


def test_an_id_depends_on_its_own_name_alone(tmp_path: Path) -> None:
    ids = []
    for number, names in enumerate((NAMES, NAMES[::-1], NAMES[3:])):
        workspace = Workspace.create(tmp_path / f"workspace{number}")
        folder = _write(tmp_path / str(number) / "loose", names)
        scans = ingest(workspace, folder).scans
        ids.append(dict(zip(scans["participant_id"], scans["scan_id"], strict=True)))
    assert ids[0] == ids[1] == {**ids[0], **ids[2]}


def test_plain_names_have_the_ids_they_always_had(workspace: Workspace, tmp_path: Path) -> None:
    long = "x" * 100
    _write(tmp_path / "loose", ("sub-01_T1w", "deep/er/IXI012-HH.1", long))
    assert ingest(workspace, tmp_path / "loose").scans["scan_id"].tolist() == [
        "loose_deep_er_IXI012-HH.1",
        "loose_sub-01_T1w",
        f"loose_{'x' * 55}-940d8f9d",
    ]


def test_a_folder_and_an_underscore_are_not_mixed_up(workspace: Workspace, tmp_path: Path) -> None:
    scans = ingest(workspace, _write(tmp_path / "loose", ("a/b_c", "a_b/c", "a_b_c"))).scans
    assert scans["status"].tolist() == ["ok"] * 3
    assert "loose_a_b_c" in set(scans["scan_id"])


def test_a_known_scan_keeps_its_id_even_where_a_new_one_would_be_named_otherwise(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = _write(tmp_path / "loose", ("a b",))
    ingest(workspace, folder)
    scans = tables.read_scans(workspace)
    tables.write_scans(workspace, scans.assign(scan_id="loose_a-b"))  # as it was named before
    _write(tmp_path / "loose", ("a-b", "a_b"))
    again = ingest(workspace, folder)
    ids = again.scans.set_index(again.scans["path"].map(lambda path: Path(path).name))["scan_id"]
    assert ids["a b.nii.gz"] == "loose_a-b" != ids["a-b.nii.gz"]
    assert (again.added, ids.nunique()) == (2, 3)


def test_a_copy_that_was_no_copy_is_one_no_more(workspace: Workspace, tmp_path: Path) -> None:
    folder = _write(tmp_path / "loose", ("张伟", "李娜"))
    ingest(workspace, folder)
    scans = tables.read_scans(workspace)
    scans["scan_id"] = ["loose", "loose-copy2"]
    scans.loc[1, ["status", "reason"]] = ["duplicate", "has the same id as …, which is used"]
    tables.write_scans(workspace, scans)
    again = ingest(workspace, folder).scans
    assert again["status"].tolist() == ["ok", "ok"]
    assert set(again["participant_id"]) == {"张伟", "李娜"}


def test_the_machines_path_is_in_no_id(workspace: Workspace, tmp_path: Path) -> None:
    where = tmp_path / "home" / "alice"
    names = ("s1/anat/T1", "s2/anat/T1", "s3/anat/other", "s1/anat/T1w")
    _write(where, names)
    (tmp_path / "list.csv").write_text(
        "path\n" + "".join(f"{where / name}.nii.gz\n" for name in names) + f"{where}/s9/gone.nii\n"
    )
    scans = ingest(workspace, tmp_path / "list.csv").scans
    assert scans["scan_id"].tolist() == [
        "list_T1w",
        "list_gone",
        "list_other",
        "list_s1_anat_T1",
        "list_s2_anat_T1",
    ]
    assert scans["participant_id"].nunique() == 5


def test_a_scan_that_was_named_by_the_machines_path_keeps_its_id(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = write_nifti(tmp_path / "a.nii.gz")
    (tmp_path / "list.csv").write_text(f"path\n{path}\n")
    ingest(workspace, tmp_path / "list.csv")
    tables.write_scans(workspace, tables.read_scans(workspace).assign(scan_id="list__tmp_a"))
    write_nifti(tmp_path / "b.nii.gz", seed=1)
    with (tmp_path / "list.csv").open("a") as table:
        table.write(f"{tmp_path}/b.nii.gz\n")
    assert ingest(workspace, tmp_path / "list.csv").scans["scan_id"].tolist() == [
        "list__tmp_a",
        "list_b",
    ]


# ---- what is no text -------------------------------------------------------------------------


def test_a_name_that_is_not_utf8_is_a_row_that_says_so(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = _write(tmp_path / "loose", ("good",))
    inside = os.fsencode(folder) + b"/Universit\xe4t"
    os.mkdir(inside)  # noqa: PTH102
    for name in (b"/caf\xe9.nii.gz", b"/caf\xe8.nii.gz"):
        Path(os.fsdecode(inside + name)).write_bytes((folder / "good.nii.gz").read_bytes())
    summary = ingest(workspace, folder)
    scans = summary.scans.set_index("status")
    assert scans["path"]["ok"].endswith("good.nii.gz")
    assert len(summary.problems) == 2 and summary.problems["scan_id"].is_unique
    assert all("not UTF-8" in reason for reason in summary.problems["reason"])
    assert all(r"Universit\xe4t/caf\xe" in path for path in summary.problems["path"])
    assert ingest(workspace, folder).added == 0


def test_a_bids_name_that_is_not_utf8_is_a_row_too(workspace: Workspace, tmp_path: Path) -> None:
    root = make_bids(tmp_path / "set", ["sub-01"])
    folder = os.fsencode(root) + b"/sub-J\xf6rg/anat"
    os.makedirs(folder)  # noqa: PTH103
    Path(os.fsdecode(folder + b"/sub-J\xf6rg_T1w.nii.gz")).write_bytes(b"x")
    scans = ingest(workspace, root).scans
    assert scans.set_index("status")["participant_id"].to_dict() == {
        "ok": "sub-01",
        "unreadable": r"sub-J\xf6rg",
    }


def test_a_source_whose_own_path_is_not_utf8_is_refused_in_words(
    workspace: Workspace, tmp_path: Path, capsys
) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    _write(root, ("a",))
    with pytest.raises(SourceError, match=r"caf\\xe9.*not UTF-8"):
        ingest(workspace, root)
    made = parser("python -m curation", None, [sources.INGEST_COMMAND])
    assert run(made, ["ingest", str(root), "-w", str(workspace.root)], "") == 2
    assert workspace.sources() == []


@pytest.mark.parametrize("path", ["~nosuchuser/x.nii", "~/nothing/x.nii", "a\0b.nii", "x" * 5000])
def test_a_path_that_leads_nowhere_is_a_row(
    workspace: Workspace, tmp_path: Path, path: str
) -> None:
    write_nifti(tmp_path / "a.nii.gz")
    (tmp_path / "list.csv").write_text(f"path,age\na.nii.gz,20\n{path},30\n")
    scans = ingest(workspace, tmp_path / "list.csv").scans
    assert (scans["status"] == "ok").tolist().count(True) == 1
    assert scans.loc[scans["status"] != "ok", "reason"].notna().all()
    assert scans["age_years"].tolist() in ([20, 30], [30, 20])


def test_a_users_home_that_is_nobodys_is_said_to_be_not_there(workspace: Workspace) -> None:
    with pytest.raises(SourceError, match=r"no folder or file at .*nosuchuser"):
        ingest(workspace, "~nosuchuser/images")


def test_text_that_no_file_can_hold_does_not_lose_mriqcs_other_results(
    workspace: Workspace, tmp_path: Path
) -> None:
    for number, person in enumerate((r"\ud800", r"\udfff", "01")):
        (tmp_path / f"sub-{number}_T1w.json").write_text(
            f'{{"cjv": 0.4, "bids_meta": {{"subject_id": "{person}", "modality": "T1w"}}}}'
        )
    (tmp_path / os.fsdecode(b"caf\xe9_T1w.json")).write_text('{"cjv": 0.4}')
    scans = mriqc_import.import_table(workspace, tmp_path, name="json").scans
    assert scans["status"].tolist() == ["table"] * 4
    assert scans["scan_id"].is_unique and scans["subject_id"].nunique() == 4


def test_mriqcs_people_in_any_script_are_not_taken_for_each_other(
    workspace: Workspace, tmp_path: Path
) -> None:
    table = rated_table.table(3).assign(
        bids_name=["sub-张伟_T1w", "sub-李娜_T1w", "sub-Müller_T1w"]
    )
    path = rated_table.write(tmp_path / "group_T1w.tsv", table)
    scans = mriqc_import.import_table(workspace, path).scans
    assert scans["status"].tolist() == ["table"] * 3
    assert set(scans["participant_id"]) == {"sub-张伟", "sub-李娜", "sub-Müller"}
    assert mriqc_import.import_table(workspace, path).added == 0


# ---- whose scan it is ------------------------------------------------------------------------


def test_a_bids_label_is_read_whole(workspace: Workspace, tmp_path: Path) -> None:
    people = ["sub-Müller", "sub-Möller", "sub-ADNI-002", "sub-ADNI-003"]
    table = "participant_id\tage\n" + "".join(
        f"{name}\t{30 + i}\n" for i, name in enumerate(people)
    )
    scans = ingest(workspace, make_bids(tmp_path / "set", people, table)).scans
    assert scans.set_index("participant_id")["age_years"].to_dict() == {
        name: 30.0 + i for i, name in enumerate(people)
    }


def test_people_are_told_by_their_folders_where_the_files_are_all_called_alike(
    workspace: Workspace, tmp_path: Path
) -> None:
    _write(tmp_path / "loose", ("sub-01/T1", "sub-02/T1", "ann/T1", "bob/T1", "M/T1", "Mü/T1"))
    (tmp_path / "loose" / "participants.tsv").write_text("participant_id\tage\nann\t30\nM\t40\n")
    scans = ingest(workspace, tmp_path / "loose").scans.set_index("participant_id")
    assert set(scans.index) == {"sub-01", "sub-02", "ann", "bob_T1", "M", "Mü_T1"}
    assert scans["age_years"].dropna().to_dict() == {"ann": 30, "M": 40}


def test_joining_many_people_to_many_files_takes_no_hours(
    workspace: Workspace, tmp_path: Path
) -> None:
    count = 2000
    ids = [f"IXI{number:06d}-HH" for number in range(count)]
    table = tmp_path / "people.csv"
    pd.DataFrame({"MRID": ids, "age": 30}).to_csv(table, index=False)
    (tmp_path / "loose").mkdir()
    for name in ids[:40]:
        (tmp_path / "loose" / f"{name}_T1.nii.gz").write_bytes(b"no image")
    started = time.process_time()
    scans = ingest(workspace, tmp_path / "loose", participants=table).scans
    assert time.process_time() - started < 2  # 7 s when every person was looked for in every name
    assert (scans["age_years"] == 30).all()
