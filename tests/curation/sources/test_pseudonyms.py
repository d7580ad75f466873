"""Pseudonyms: no name of a file or person is left in what the workspace holds, and they come out again."""

import json
import shutil
from pathlib import Path

import nibabel as nib
import pandas as pd
import pytest

from curation.__main__ import main
from curation.assessment.assess_workspace import assess
from curation.cohorts import cohort_export, frozen_cohort
from curation.errors import SourceError
from curation.interchange import mriqc_import
from curation.sources import allowed_roots, joined_tables, other_tables, pseudonyms
from curation.sources.ingest import ingest
from curation.storage import folder_walk, tables
from curation.storage.workspace import Workspace
from curation.tiers.tier_rule import DEFAULT_RULE
from tests.helpers import nifti_images, phantom_heads

NAMES = ("Mueller", "Schmidt", "19431224")


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "apart" / "pseudonym.key"
    monkeypatch.setenv(pseudonyms.ENVIRONMENT_VARIABLE, str(path))
    return path


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """A data set whose names tell who it is and when they were born."""
    folder = tmp_path / "share"
    for number, name in enumerate(NAMES[:2]):
        at = folder / f"sub-{name}19431224/ses-19431224/anat"
        at.mkdir(parents=True)
        path = at / f"sub-{name}19431224_ses-19431224_T1w.nii.gz"
        nib.save(nib.Nifti1Image(phantom_heads.head(number), phantom_heads.affine()), path)
        (at / f"sub-{name}19431224_ses-19431224_T1w.json").write_text(
            '{"Manufacturer": "Siemens", "MagneticFieldStrength": 3}'
        )
    (folder / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.8.0"}')
    (folder / "participants.tsv").write_text(
        "participant_id\tage\tsex\n"
        + "".join(f"sub-{name}19431224\t{50 + n}\tF\n" for n, name in enumerate(NAMES[:2]))
    )
    return folder


def _told(workspace: Workspace) -> str:
    """Return everything that files of a workspace are called and hold."""
    told = []
    for path in workspace.root.rglob("*"):
        told.append(str(path.relative_to(workspace.root)))
        if path.suffix == ".parquet":
            told.append(pd.read_parquet(path).to_csv())
        elif path.is_file() and not path.is_symlink():
            told.append(path.read_bytes().decode("latin-1"))
    return "\n".join(told)


def test_no_name_is_left_in_the_workspace_and_all_else_is_read(
    workspace: Workspace, share: Path, key: Path
) -> None:
    ingest(workspace, share, hide_names=True)
    scans = tables.read_scans(workspace)
    assert scans["status"].tolist() == ["ok", "ok"]
    assert sorted(scans["age_years"]) == [50, 51]
    assert set(scans["manufacturer"]) == {"Siemens"}
    assert scans["participant_id"].nunique() == 2
    assess(workspace)
    frozen = frozen_cohort.freeze(workspace, "pool", author="ada", rule=DEFAULT_RULE)
    for kind in cohort_export.EXPORT_FORMATS:
        cohort_export.export(workspace, frozen, kind)
    told = _told(workspace)
    assert not [name for name in NAMES if name in told]
    assert key.stat().st_mode & 0o077 == 0
    assert key.read_text() not in told


def test_the_same_key_gives_the_same_pseudonyms_and_another_key_is_refused(
    workspace: Workspace, share: Path, key: Path, tmp_path: Path
) -> None:
    before = ingest(workspace, share, hide_names=True).scans["scan_id"].tolist()
    assert ingest(workspace, share).scans["scan_id"].tolist() == before
    other = Workspace.create(tmp_path / "other")
    assert ingest(other, share, hide_names=True).scans["scan_id"].tolist() == before
    shutil.move(share, tmp_path / "moved")
    renamed = Workspace.create(tmp_path / "renamed")
    summary = ingest(renamed, tmp_path / "moved", name="share", hide_names=True)
    assert summary.scans["scan_id"].tolist() == before
    key.write_text("k" * 64)
    with pytest.raises(SourceError, match="another key"):
        ingest(renamed, tmp_path / "moved", name="share")


def test_a_source_keeps_what_it_was_listed_with(
    workspace: Workspace, share: Path, key: Path
) -> None:
    ingest(workspace, share)
    with pytest.raises(SourceError, match="under another short name"):
        ingest(workspace, share, hide_names=True)
    assert ingest(workspace, share, name="hidden", hide_names=True).source.pseudonyms


def test_a_key_that_lies_in_the_workspace_or_is_open_or_none_is_refused(
    workspace: Workspace, share: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key.parent.mkdir()
    key.write_text("k" * 64)
    key.chmod(0o644)
    with pytest.raises(SourceError, match="chmod 600"):
        ingest(workspace, share, hide_names=True)
    key.chmod(0o600)
    key.write_text("short")
    with pytest.raises(SourceError, match="holds no key"):
        ingest(workspace, share, hide_names=True)
    monkeypatch.setenv(pseudonyms.ENVIRONMENT_VARIABLE, str(workspace.root / "key"))
    with pytest.raises(SourceError, match="lie in the workspace"):
        ingest(workspace, share, hide_names=True)
    assert workspace.sources() == []


def test_a_file_that_moved_is_found_again_by_its_pseudonym(
    workspace: Workspace, tmp_path: Path, key: Path
) -> None:
    folder = tmp_path / "loose"
    folder.mkdir()
    phantom = folder / "Mueller_T1w.nii"
    nifti_images.write_nifti(phantom)
    ingest(workspace, folder, hide_names=True)
    link = Path(tables.read_scans(workspace)["path"].iloc[0])
    assert link.is_symlink() and link.readlink() == phantom
    link.unlink()
    ingest(workspace, folder)
    assert link.readlink() == phantom


@pytest.fixture
def told_apart(share: Path) -> Path:
    """The share with all that notes name: people on one side alone, odd names, tables that cannot be read."""
    for path in ("Schmidt_T1.nii.gz", "sub-Mueller19431224/ses-19431224/anat/Schmidt_T1w.nii.gz"):
        nifti_images.write_nifti(share / path)
    (share / "sub-Mueller19431224" / "sub-Mueller19431224_sessions.tsv").write_text("")
    (share / "participants.tsv").write_text(
        "participant_id\tage\nsub-Mueller19431224\t24.12.1943, Mueller\n"
        "sub-Schmidt19431224\t40\nsub-Schmidt19431224\t44\nsub-Schmidt_Maria\t40\n"
    )
    return share


@pytest.mark.parametrize("declared", [True, False])
def test_what_is_said_of_a_source_with_hidden_names_names_nobody(
    workspace: Workspace, told_apart: Path, key: Path, declared: bool, capsys: pytest.CaptureFixture
) -> None:
    if not declared:
        (told_apart / "dataset_description.json").unlink()
    people = told_apart.parent / "people.csv"
    people.write_text("participant_id,age\nSchmidt19431224,40\nSchmidt_Maria,41\n")
    for table in ([], ["--participants", str(people)]):
        words = ["ingest", str(told_apart), "--pseudonyms", *table]
        assert main([*words, "--workspace", str(workspace.root)]) == 0
        told = "".join(capsys.readouterr())
        assert told.count("note: ") > 1
        assert [name for name in NAMES if name in told] == []
    assert not [name for name in NAMES if name in _told(workspace)]
    mueller = pseudonyms.person(key.read_text(), "Mueller19431224")
    assert f"It has no row for {mueller}" in told and "its rows for nobody: 1." in told


def test_an_error_about_a_source_with_hidden_names_does_not_tell_its_folders(
    workspace: Workspace, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "set" / "Mueller"
    folder.mkdir(parents=True)
    closed = folder_walk.Contents([], [], [folder_walk.Closed(folder, "Permission denied")])
    monkeypatch.setattr(folder_walk, "walk", lambda *_: closed)
    with pytest.raises(SourceError, match="could not be entered") as hidden:
        ingest(workspace, tmp_path / "set", hide_names=True)
    assert "Mueller" not in str(hidden.value)
    with pytest.raises(SourceError, match="Mueller"):
        ingest(workspace, tmp_path / "set")


def test_a_table_that_is_joined_to_hidden_names_counts_the_ids_that_it_does_not_find(
    workspace: Workspace, share: Path, key: Path
) -> None:
    ingest(workspace, share, hide_names=True)
    known = tables.read_scans(workspace)["scan_id"].iloc[0]
    path = share.parent / "motion.csv"
    path.write_text(f"scan_id,motion\n{known},1\nMueller,2\n")
    (note,) = joined_tables.join(workspace, other_tables.read_table(workspace, path)).notes()
    assert note.startswith("1 of its ids is not known here. ")
    path.write_text("scan_id,motion\nMueller,2\n")
    with pytest.raises(SourceError, match="None of the 1 ids of motion is known") as error:
        joined_tables.join(workspace, other_tables.read_table(workspace, path))
    assert "Mueller" not in str(error.value)


def _mriqc_of(share: Path) -> Path:
    """Return a table of MRIQC and a damaged JSON file about the same people as the share, in a folder."""
    folder = share.parent / "mriqc"
    folder.mkdir()
    for name in NAMES[:2]:
        scan = f"sub-{name}19431224_ses-19431224_T1w"
        meta = {"subject_id": f"{name}19431224", "session_id": "19431224", "modality": "T1w"}
        told = {"bids_meta": meta, "cjv": 0.4, "efc": 0.5, "snr_total": 11.0}
        (folder / f"{scan}.json").write_text(json.dumps(told))
    (folder / "sub-Mueller19431224_run-2_T1w.json").write_text("{damaged")
    return folder


def test_a_table_of_mriqc_gets_the_pseudonyms_that_the_images_have(
    workspace: Workspace, share: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _mriqc_of(share)
    ingest(workspace, share, hide_names=True)
    people = share.parent / "people.csv"
    people.write_text("participant_id,age\nSchmidt,40\n")
    monkeypatch.setenv(allowed_roots.ENVIRONMENT_VARIABLE, f"{folder}:{people}")
    (folder / "Mueller.json").symlink_to(share / "dataset_description.json")
    first = mriqc_import.import_table(workspace, folder, name="table", participants=people)
    assert first.source.pseudonyms and "A file or folder is not read" in " ".join(first.notes)
    assert not [name for name in NAMES if name in " ".join(first.notes)]
    scans = tables.read_scans(workspace)
    whose = scans[scans["status"] != "unreadable"].groupby("source")["participant_id"].agg(set)
    assert whose["share"] == whose["table"] and len(whose["table"]) == 2
    assert scans.loc[scans["source"] == "table", "status"].value_counts().to_dict() == {
        "table": 2,
        "unreadable": 1,
    }
    assert not [name for name in NAMES if name in _told(workspace)]
    again = mriqc_import.import_table(workspace, folder, name="table")
    assert again.added == 0 and set(again.scans["scan_id"]) == set(first.scans["scan_id"])


def test_a_table_of_mriqc_keeps_its_names_where_nobody_asked(
    workspace: Workspace, share: Path, key: Path
) -> None:
    folder = _mriqc_of(share)
    listed = mriqc_import.import_table(workspace, folder, name="table")
    assert not listed.source.pseudonyms and not key.exists()
    assert any(NAMES[0] in one for one in listed.scans["scan_id"])
    with pytest.raises(SourceError, match="never"):
        mriqc_import.import_table(workspace, folder, name="table", hide_names=True)
    hidden = mriqc_import.import_table(workspace, folder, name="hidden", hide_names=True)
    assert not any(name in one for one in hidden.scans["scan_id"] for name in NAMES)


@pytest.mark.parametrize("links", ["there", "gone, as after a restore"])
def test_a_scan_keeps_its_pseudonym_when_a_table_says_later_whose_it_is(
    workspace: Workspace, key: Path, tmp_path: Path, links: str
) -> None:
    for number in (7, 8):
        image = nifti_images.write_nifti(tmp_path / "set" / f"00{number}_T1.nii.gz", seed=number)
    before = ingest(workspace, tmp_path / "set", hide_names=True).scans
    if links != "there":
        shutil.rmtree(workspace.links_dir)
    people = tmp_path / "people.csv"
    people.write_text("participant_id,age\n007,40\n008,50\n")
    for _ in range(2):
        after = ingest(workspace, tmp_path / "set", participants=people).scans
        assert after["status"].tolist() == ["ok", "ok"]
        assert sorted(after["scan_id"]) == sorted(before["scan_id"])
        assert sorted(after["age_years"]) == [40, 50]
    assert not set(after["participant_id"]) & set(before["participant_id"])
    image.with_name("008_T1.json").write_text('{"SeriesDescription": "t1 with contrast agent gd"}')
    told = ingest(workspace, tmp_path / "set").scans
    assert sorted(told["scan_id"]) == sorted(before["scan_id"])
