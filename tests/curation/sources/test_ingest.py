"""Ingest: every scan becomes a row, readable or not, and nothing else is lost."""

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from curation.assessment import assess_workspace
from curation.errors import SourceError
from curation.sources.ingest import ingest
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers.nifti_images import make_bids, write_nifti


def _by_name(workspace: Workspace) -> pd.DataFrame:
    scans = tables.read_scans(workspace)
    return scans.set_index(scans["path"].map(lambda path: Path(path or "").name))


def test_a_bids_data_set_is_joined_with_its_people(workspace: Workspace, tmp_path: Path) -> None:
    people = (
        "participant_id\tage\tsex\tgroup\tsite\nsub-01\t34\tF\tcontrol\tX\nsub-02\t89+\tM\tn/a\tX\n"
    )
    summary = ingest(workspace, make_bids(tmp_path / "set", ["sub-01", "sub-02"], people))
    assert summary.source.kind == "bids"
    assert summary.added == 2
    first, second = summary.scans.to_dict("records")
    assert (first["scan_id"], first["subject_id"]) == ("set_sub-01_T1w", "set:sub-01")
    assert (first["age_years"], first["sex"], first["group"], first["site"]) == (
        34.0,
        "F",
        "control",
        "X",
    )
    assert (list(first["shape"]), list(first["spacing_mm"])) == ([16, 18, 14], [2.0, 2.0, 2.0])
    assert (first["orientation"], first["modality"], first["status"]) == ("RAS", "T1w", "ok")
    assert second["age_years"] == 89.0
    assert "top-coded" in second["note"]


def test_people_without_a_scan_are_listed_as_missing(workspace: Workspace, tmp_path: Path) -> None:
    people = "participant_id\tage\nsub-01\t34\nsub-02\t35\n03\t36\n"
    summary = ingest(workspace, make_bids(tmp_path / "set", ["sub-01"], people))
    assert summary.scans["status"].value_counts().to_dict() == {"missing": 2, "ok": 1}
    assert set(summary.problems["participant_id"]) == {"sub-02", "sub-03"}


def test_ingesting_twice_adds_nothing_twice(workspace: Workspace, tmp_path: Path) -> None:
    root = make_bids(tmp_path / "set", ["sub-01", "sub-02"])
    ingest(workspace, root)
    before = tables.read_scans(workspace)
    assert ingest(workspace, root).added == 0
    pd.testing.assert_frame_equal(tables.read_scans(workspace), before)
    assert len(workspace.sources()) == 1


def test_a_changed_file_gets_its_new_hash_and_a_gone_one_stays_listed(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = make_bids(tmp_path / "set", ["sub-01", "sub-02"])
    before = ingest(workspace, root).scans["sha256"].tolist()
    write_nifti(root / "sub-01" / "anat" / "sub-01_T1w.nii.gz", (9, 9, 9), seed=5)
    shutil.rmtree(root / "sub-02")
    after = ingest(workspace, root).scans
    assert after["status"].tolist() == ["ok", "missing"]
    assert after["sha256"][0] != before[0]


def test_two_sources_make_one_workspace(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, make_bids(tmp_path / "pool", ["sub-01"]))
    ingest(workspace, make_bids(tmp_path / "external", ["sub-01"]), role="target")
    scans = tables.read_scans(workspace)
    assert scans["role"].tolist() == ["target", "pool"]
    assert scans["scan_id"].is_unique
    assert scans["subject_id"].is_unique


def test_a_name_taken_by_another_folder_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, make_bids(tmp_path / "a" / "set", ["sub-01"]))
    with pytest.raises(SourceError, match="another short name"):
        ingest(workspace, make_bids(tmp_path / "b" / "set", ["sub-01"]))


def test_nothing_is_written_among_the_raw_data(workspace: Workspace, tmp_path: Path) -> None:
    root = make_bids(tmp_path / "set", ["sub-01"], "participant_id\nsub-01\n")
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    ingest(workspace, root)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


# ---- folders and manifests -------------------------------------------------------------------


def test_a_loose_folder_takes_people_by_the_beginning_of_file_names(
    workspace: Workspace, tmp_path: Path
) -> None:
    for name in ("IXI012-HH-1211-T1_ds", "IXI0123-HH-9-T2", "scan"):
        write_nifti(tmp_path / "loose" / f"{name}.nii.gz", seed=len(name))
    table = tmp_path / "people.csv"
    table.write_text("MRID,Age,Sex\nIXI012-HH-1211,38.78,M\nIXI012,1,M\n")
    ingest(workspace, tmp_path / "loose", participants=table)
    scans = _by_name(workspace)
    assert scans["age_years"].dropna().to_dict() == {"IXI012-HH-1211-T1_ds.nii.gz": 38.78}
    assert scans["modality"].to_dict() == {
        "IXI012-HH-1211-T1_ds.nii.gz": "T1w",
        "IXI0123-HH-9-T2.nii.gz": "T2w",
        "scan.nii.gz": "T1w",
    }
    assert "taken as T1w" in scans.loc["scan.nii.gz", "note"]


def test_a_manifest_gives_what_its_columns_say_and_names_those_it_does_not_know(
    workspace: Workspace, tmp_path: Path
) -> None:
    write_nifti(tmp_path / "images" / "a.nii.gz")
    write_nifti(tmp_path / "images" / "b.nii", seed=1)
    manifest = tmp_path / "list.csv"
    manifest.write_text(
        "file,subject,session,site,age,sex,diagnosis,modality,shoe_size\n"
        'images/a.nii.gz,007,1,X,"34,5",female,hc,T2w,43\n'
        "images/b.nii,008,2,Y,n/a,m,,,44\n"
    )
    summary = ingest(workspace, manifest)
    assert summary.ignored_columns == ("shoe_size",)
    first, second = summary.scans.to_dict("records")
    assert (first["participant_id"], first["session_id"], first["age_years"]) == ("007", "1", 34.5)
    assert (first["sex"], first["group"], first["modality"]) == ("F", "hc", "T2w")
    assert np.isnan(second["age_years"])
    assert second["status"] == "ok"


def test_a_manifest_line_without_its_file_is_a_row(workspace: Workspace, tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii.gz")
    (tmp_path / "list.tsv").write_text("path\tage\na.nii.gz\t20\ngone.nii.gz\t30\n")
    scans = ingest(workspace, tmp_path / "list.tsv").scans.set_index("scan_id")
    assert scans["status"].to_dict() == {"list_a": "ok", "list_gone": "missing"}
    assert scans.loc["list_gone", "reason"] == "no such file"


def test_two_files_with_one_id_keep_the_first_and_name_the_second(
    workspace: Workspace, tmp_path: Path
) -> None:
    write_nifti(tmp_path / "loose" / "x.nii")
    write_nifti(tmp_path / "loose" / "x.nii.gz", seed=1)
    scans = ingest(workspace, tmp_path / "loose").scans
    assert scans["status"].tolist() == ["ok", "duplicate"]
    assert scans["scan_id"].is_unique
    assert "same id as x.nii" in scans["reason"][1]
    assert ingest(workspace, tmp_path / "loose").added == 0


def test_long_names_stay_apart(workspace: Workspace, tmp_path: Path) -> None:
    for seed, tail in enumerate(("one", "two")):
        write_nifti(tmp_path / "loose" / f"{'x' * 100}-{tail}.nii.gz", seed=seed)
    scans = ingest(workspace, tmp_path / "loose").scans
    assert scans["status"].tolist() == ["ok", "ok"]
    assert scans["scan_id"].is_unique
    for scan_id in scans["scan_id"]:
        assert workspace.preview_path(scan_id).parent == workspace.previews_dir


def test_only_files_that_match_the_pattern_are_taken(workspace: Workspace, tmp_path: Path) -> None:
    for name in ("a_T1", "b_T1", "b_T2"):
        write_nifti(tmp_path / "loose" / f"{name}.nii.gz", seed=len(name))
    assert len(ingest(workspace, tmp_path / "loose", include="b_*").scans) == 2


# ---- bad input -------------------------------------------------------------------------------


def _bad(folder: Path) -> dict[str, str]:
    """Write broken files; return a word of the reason that each must get."""
    folder.mkdir()
    (folder / "text.nii.gz").write_text("these are my notes")
    whole = write_nifti(folder / "whole.nii.gz", (40, 40, 40)).read_bytes()
    (folder / "truncated.nii.gz").write_bytes(whole[: len(whole) // 2])
    flat = write_nifti(folder / "flat.nii", (40, 40, 40), seed=1).read_bytes()
    (folder / "short.nii").write_bytes(flat[: len(flat) // 2])
    (folder / "empty.nii.gz").write_bytes(b"")
    write_nifti(folder / "series.nii.gz", (8, 8, 8, 5))
    nib.save(nib.Nifti1Image(np.zeros((8, 8, 8), np.complex64), np.eye(4)), folder / "waves.nii.gz")
    (folder / "nowhere.nii.gz").symlink_to(folder / "annexed")
    return {
        "text.nii.gz": "NIfTI",
        "truncated.nii.gz": "cut off",
        "short.nii": "cut off",
        "empty.nii.gz": "",
        "series.nii.gz": "5 volumes",
        "waves.nii.gz": "complex",
        "nowhere.nii.gz": "link",
    }


def test_every_broken_file_is_a_row_with_a_reason_and_the_others_are_kept(
    workspace: Workspace, tmp_path: Path
) -> None:
    words = _bad(tmp_path / "mixed")
    ingest(workspace, tmp_path / "mixed")
    scans = _by_name(workspace)
    assert set(scans.index[scans["status"] == "ok"]) == {"whole.nii.gz", "flat.nii"}
    for name, word in words.items():
        assert scans.loc[name, "status"] in {"unreadable", "missing"}, name
        assert scans.loc[name, "reason"], name
        assert word.lower() in scans.loc[name, "reason"].lower(), scans.loc[name, "reason"]


def test_a_scan_with_nan_voxels_is_still_listed(workspace: Workspace, tmp_path: Path) -> None:
    data = np.random.default_rng(0).random((12, 12, 12), np.float32)
    data[3] = np.nan
    (tmp_path / "loose").mkdir()
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "loose" / "holes.nii.gz")
    assert ingest(workspace, tmp_path / "loose").scans["status"].tolist() == ["ok"]


def test_a_header_without_orientation_is_noted(workspace: Workspace, tmp_path: Path) -> None:
    data = np.arange(12**3, dtype=np.int16).reshape(12, 12, 12)
    image = nib.Nifti1Image(data, None)
    image.header.set_qform(None, code=0)
    image.header.set_sform(None, code=0)
    (tmp_path / "loose").mkdir()
    nib.save(image, tmp_path / "loose" / "lost.nii.gz")
    scans = ingest(workspace, tmp_path / "loose").scans
    assert scans["orientation"].isna().all()
    assert "no orientation" in scans["note"][0]


@pytest.mark.parametrize("make", ["empty", "absent", "image", "no_paths", "dicom"])
def test_a_source_without_scans_is_refused_and_leaves_no_trace(
    workspace: Workspace, tmp_path: Path, make: str
) -> None:
    path = tmp_path / "source"
    if make in {"empty", "dicom"}:
        path.mkdir()
    if make == "dicom":
        (path / "IM0001.dcm").write_bytes(b"\0" * 128 + b"DICM")
    if make == "image":
        path = write_nifti(tmp_path / "one.nii.gz")
    if make == "no_paths":
        path = tmp_path / "list.csv"
        path.write_text("age,sex\n20,F\n")
    with pytest.raises(SourceError):
        ingest(workspace, path)
    assert workspace.sources() == []
    assert tables.read_scans(workspace).empty


# ---- real scans ------------------------------------------------------------------------------


def test_ds000011_lists_8_scans_and_6_people_without_one(
    workspace: Workspace, shared_data: Path
) -> None:
    scans = ingest(workspace, shared_data / "ds000011").scans
    assert scans["status"].value_counts().to_dict() == {"ok": 8, "missing": 6}
    found = scans[scans["status"] == "ok"]
    assert found["age_years"].between(19, 37).all()
    assert set(found["orientation"]) == {"LAS"}


def test_ixi_is_read_with_its_own_table_of_people(workspace: Workspace, shared_data: Path) -> None:
    folder = shared_data / "ixi_2mm"
    scans = ingest(workspace, folder, participants=folder / "IXI_demog_n10.csv").scans
    assert scans["status"].tolist() == ["ok"] * 10
    assert scans["age_years"].between(23, 52).all()
    assert set(scans["orientation"]) == {"PSR"}


def test_the_72_people_of_ds002748_are_taken_from_the_manifest(
    workspace: Workspace, shared_data: Path
) -> None:
    manifest = shared_data / "t1w_2mm" / "manifest.csv"
    summary = ingest(workspace, manifest, name="ds002748", role="target", include="ds002748_*")
    assert (summary.scans["status"] == "ok").sum() == 72
    assert summary.scans["subject_id"].nunique() == 72
    assert summary.scans["age_years"].notna().all()


def test_a_pet_is_listed_beside_its_t1w_and_is_neither_scored_nor_a_problem(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = make_bids(tmp_path / "set", ["sub-01"])
    write_nifti(root / "sub-01" / "pet" / "sub-01_trc-18FFDG_pet.nii.gz", seed=9)
    (root / "sub-02" / "pet").mkdir(parents=True)
    (root / "sub-02" / "pet" / "sub-02_pet.nii.gz").write_bytes(b"no image")
    summary = ingest(workspace, root)
    assert summary.scans.set_index("scan_id")["status"].to_dict() == {
        "set_sub-01_T1w": "ok",
        "set_sub-01_trc-18FFDG_pet": "pet",
        "set_sub-02_pet": "unreadable",
    }
    assert set(summary.problems["scan_id"]) == {"set_sub-02_pet"}
    assert set(assess_workspace.due_scans(workspace)["scan_id"]) == {"set_sub-01_T1w"}
    pd.testing.assert_frame_equal(ingest(workspace, root).scans, summary.scans)


@pytest.mark.parametrize("written", ["PET", "pet"])
def test_a_manifest_may_spell_pet_as_it_likes(
    workspace: Workspace, tmp_path: Path, written: str
) -> None:
    write_nifti(tmp_path / "a.nii.gz")
    (tmp_path / "list.csv").write_text(f"path,modality\na.nii.gz,{written}\n")
    scan = ingest(workspace, tmp_path / "list.csv").scans.iloc[0]
    assert (scan["status"], scan["modality"]) == ("pet", "pet")


def test_a_source_that_moved_keeps_its_scans_where_it_is_named_from_its_new_place(
    workspace: Workspace, tmp_path: Path
) -> None:
    ingest(workspace, make_bids(tmp_path / "set", ["sub-01", "sub-02"]))
    before = tables.read_scans(workspace)
    with pytest.raises(SourceError, match="another short name"):
        ingest(workspace, make_bids(tmp_path / "other", ["sub-01"]), name="set")
    moved = tmp_path / "elsewhere" / "set"
    moved.parent.mkdir()
    (tmp_path / "set").rename(moved)
    with pytest.raises(SourceError, match=r"where nothing is any more.*its short name too \(set\)"):
        ingest(workspace, moved)
    assert ingest(workspace, moved, name="set").added == 0
    after = tables.read_scans(workspace)
    assert after["scan_id"].tolist() == before["scan_id"].tolist()
    assert after["path"].str.startswith(str(moved)).all()
    assert workspace.sources()[0].path == str(moved)


def test_one_bids_name_takes_no_loosely_named_image_out_of_the_list(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = tmp_path / "set"
    for number in (1, 2):
        write_nifti(root / f"sub-00{number}" / "T1.nii.gz", seed=number)
    write_nifti(root / "sub-003" / "anat" / "sub-003_t1.nii.gz", seed=3)
    before = ingest(workspace, root).scans.set_index("scan_id")
    assert before["status"].tolist() == ["ok"] * 3
    write_nifti(root / "sub-003" / "sub-003_T1w.nii.gz", seed=4)
    write_nifti(root / "sub-003" / "func" / "sub-003_task-rest_bold.nii.gz", seed=5)
    write_nifti(root / "sub-003" / "anat" / "sub-003_mask.nii.gz", seed=6)
    done = ingest(workspace, root)
    after = done.scans.set_index("scan_id")
    assert set(before.index) < set(after.index) and after["status"].tolist() == ["ok"] * 4
    assert before["participant_id"].equals(after["participant_id"].reindex(before.index))
    assert ["3 of these are listed" in done.notes[0], "1 in folders anat" in done.notes[1]] == [
        True
    ] * 2
    assert ingest(workspace, root).scans["scan_id"].tolist() == done.scans["scan_id"].tolist()
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    missing = ingest(workspace, root).scans.query("status == 'missing'")
    assert set(missing["scan_id"]) == set(before.index)
    assert missing["reason"].str.contains("its file is there").all()
