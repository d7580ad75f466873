"""DICOM folders: what is offered, what is refused, and what becomes of the images."""

import gzip
import json
import os
import resource
import sys
import tarfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from curation.__main__ import main
from curation.decisions import audit_trail
from curation.dicom import conversion, dicom_header, last_look, pseudonyms, series
from curation.dicom.series import Folder
from curation.errors import SourceError
from curation.sources import allowed_roots
from curation.sources.ingest import ingest
from curation.sources.pseudonyms import ENVIRONMENT_VARIABLE, key_of
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import dicom_files
from tests.helpers.dicom_files import AXIAL, OBLIQUE, SAGITTAL, write_series
from tests.helpers.paths import SHARED_DATA

_REAL = SHARED_DATA / "dicom" / "hanke_dicom_structural.tar.xz"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspace")


def look(folder: Path) -> Folder:
    return series.look(folder, pseudonyms.Pseudonyms(b"key"))


def only(folder: Path) -> series.Series:
    (one,) = look(folder).series
    return one


def images_of(workspace: Workspace) -> list[Path]:
    return sorted(workspace.converted_dir.glob("*/*.nii.gz"))


# ---- what is offered -------------------------------------------------------------------------------------


def test_a_series_is_described_by_what_its_headers_say(tmp_path) -> None:
    write_series(tmp_path / "deep" / "er", number=5)
    one = only(tmp_path)
    assert (one.number, one.description, one.kind, one.modality) == (
        5,
        "t1_mprage_sag",
        "T1w",
        "MR",
    )
    assert (one.matrix, one.images, one.marks) == ((20, 24, 16), 16, ())
    assert one.spacing_mm == pytest.approx((1.1, 0.9, 1.5))
    assert one.chosen and not one.refused
    assert series.Series.from_dict(json.loads(json.dumps(one.as_dict()))) == one


@pytest.mark.parametrize(
    ("mark", "given"),
    [
        ("localizer", {"description": "AAHead_Scout"}),
        ("localizer", {"description": "loc 3-plane"}),
        ("localizer", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}),
        ("derived", {"ImageType": ["DERIVED", "SECONDARY", "MPR"]}),
        ("derived", {"ImageType": ["ORIGINAL", "PRIMARY", "PROJECTION IMAGE"]}),
        ("few", {"data": dicom_files.voxels(3)}),
        ("other kind", {"description": "ep2d_diff_dti_64"}),
        ("not told", {"description": "sag 3D iso"}),
    ],
)
def test_what_is_no_image_of_a_head_is_marked_and_not_chosen_beforehand(
    tmp_path, workspace, mark, given
) -> None:
    write_series(tmp_path / "in", 1, **given)
    write_series(tmp_path / "in", 2)
    marked, plain = look(tmp_path / "in").series
    assert mark in marked.marks and not marked.chosen and not marked.refused
    assert series.MARKS[mark] in marked.why_not()
    assert [one.number for one in series.chosen_of([marked, plain], None)] == [2]
    assert series.chosen_of([marked, plain], [marked.id]) == [marked]


def test_planes_across_each_other_are_a_localizer(tmp_path) -> None:
    for number, way in enumerate((AXIAL, SAGITTAL)):
        for path in write_series(tmp_path / str(number), way=way, description="survey_x"):
            path.rename(path.with_name(f"{number}{path.name}"))
    assert "localizer" in only(tmp_path).marks


def test_a_series_of_several_volumes_is_not_chosen_beforehand(tmp_path) -> None:
    for run in ("a", "b"):
        write_series(tmp_path / run)
    one = only(tmp_path)
    assert (one.images, one.matrix[2]) == (32, 16) and "several" in one.marks


@pytest.mark.parametrize(
    ("mark", "given"),
    [
        ("burnt in", {"BurnedInAnnotation": "YES"}),
        ("capture", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}),
        ("modality", {"Modality": "CT"}),
    ],
)
def test_what_may_name_somebody_or_is_no_scan_is_refused_in_words(
    tmp_path, workspace, mark, given
) -> None:
    write_series(tmp_path / "in", **given)
    one = only(tmp_path / "in")
    assert one.refused
    ids = [found.id for found in last_look.look(workspace, tmp_path / "in").series]
    with pytest.raises(SourceError, match=f"Not taken in: .*{series.MARKS[mark]}"):
        conversion.take_in(workspace, tmp_path / "in", chosen=ids)
    assert not images_of(workspace) and not workspace.sources()


# ---- damage ----------------------------------------------------------------------------------------------


def test_a_file_that_is_cut_off_is_named_and_its_series_refused(tmp_path, workspace) -> None:
    files = write_series(tmp_path / "in")
    files[4].write_bytes(files[4].read_bytes()[:-100])
    one = only(tmp_path / "in")
    assert one.refused
    assert "file 5 of 16: it is cut off: 860 of 960 bytes of pixels are there" in one.why_not()
    assert look(tmp_path / "in").places == {"file 5 of 16": files[4].name}
    with pytest.raises(SourceError, match="file 5 of 16"):
        conversion.take_in(workspace, tmp_path / "in")


def test_a_slice_that_is_missing_in_between_is_counted_and_its_series_refused(tmp_path) -> None:
    files = write_series(tmp_path)
    files[4].unlink()
    files[9].write_bytes(files[9].read_bytes()[:300])
    found = look(tmp_path)
    assert "slices are missing; 2 of 16 are not there" in found.series[0].why_not()
    assert found.series[0].refused
    assert ["breaks off inside its header" in words for words in found.damaged] == [True]
    assert found.damaged[0].startswith("file 9 of 15: ")
    assert found.places == {"file 9 of 15": files[9].name}


@pytest.mark.parametrize(
    "content", [b"", b"no dicom at all", b"\0" * 128 + b"DICM" + b"\x08\0\x05"]
)
def test_what_is_called_dicom_and_is_none_is_named(tmp_path, content) -> None:
    write_series(tmp_path)
    (tmp_path / "odd.dcm").write_bytes(content)
    found = look(tmp_path)
    assert len(found.series) == 1 and found.damaged[0].startswith("file 17 of 17: ")
    assert found.places == {"file 17 of 17": "odd.dcm"}


@pytest.mark.parametrize("vr", [b"UI", b"LO"], ids=["of the study", "of a text"])
def test_an_element_of_no_known_kind_is_named_with_its_file(tmp_path, vr) -> None:
    first = write_series(tmp_path)[0]
    tag = {b"UI": b"\x20\0\x0d\0UI", b"LO": b"\x08\0\x3e\x10LO"}[vr]
    whole = first.read_bytes()
    assert tag in whole
    first.write_bytes(whole.replace(tag, tag[:4] + b"\x55\x80"))
    found = look(tmp_path)
    assert [words.startswith("file 1 of 16: its header is written") for words in found.damaged] == [
        True
    ]


def test_other_files_are_counted_and_a_folder_without_dicom_is_refused(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="There are no DICOM images in"):
        look(tmp_path)
    (tmp_path / "Export.ZIP").write_bytes(b"PK")
    with pytest.raises(SourceError, match=r"It holds an archive \(.zip\): unpack it"):
        look(tmp_path)
    write_series(tmp_path / "in")
    found = look(tmp_path)
    assert found.others == 3 and len(found.series) == 1


# ---- the images ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [AXIAL, SAGITTAL, OBLIQUE], ids=["axial", "sagittal", "oblique"])
def test_every_voxel_lies_where_the_dicom_says_and_keeps_its_value(
    tmp_path, workspace, way
) -> None:
    given = dicom_files.voxels()
    write_series(tmp_path / "in", data=given, way=way)
    conversion.take_in(workspace, tmp_path / "in")
    (path,) = images_of(workspace)
    image = nib.load(path)
    values = np.asarray(image.dataobj)
    assert sorted(values.ravel()) == sorted(given.ravel())
    row, column = np.array(way[:3]), np.array(way[3:])
    for k, j, i in ((0, 0, 0), (3, 5, 7), (15, 23, 19), (8, 0, 19)):
        # DICOM PS3.3 C.7.6.2.1.1: the first spacing is between rows; LPS, where NIfTI has RAS
        lps = dicom_files.origin_of(way, k, 1.5) + row * 1.1 * i + column * 0.9 * j
        place = np.argwhere(values == given[k, j, i])[0]
        ras = nib.affines.apply_affine(image.affine, place)
        np.testing.assert_allclose(ras, lps * (-1, -1, 1), atol=2e-3)


def test_the_window_of_the_scanner_comes_along(tmp_path, workspace) -> None:
    write_series(tmp_path / "in")
    conversion.take_in(workspace, tmp_path / "in")
    (path,) = images_of(workspace)
    header = nib.load(path).header
    assert (float(header["cal_min"]), float(header["cal_max"])) == (-50.0, 850.0)
    told = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
    assert (told["WindowCenter"], told["WindowWidth"]) == (400.0, 900.0)
    assert (told["RepetitionTime"], told["FlipAngle"]) == (2.3, 9)
    assert told["MagneticFieldStrength"] == 3
    assert set(told) <= {*conversion.KEPT, "Series", "Images", "WindowCenter", "WindowWidth"}


def test_the_images_are_a_source_and_the_folder_is_as_it_was(tmp_path, workspace) -> None:
    files = write_series(tmp_path / "in")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    done = conversion.take_in(workspace, tmp_path / "in", role="target")
    assert (done.made, done.before, done.failed) == (1, 0, ())
    scan = tables.read_scans(workspace).iloc[0]
    assert (scan["status"], scan["modality"], scan["role"]) == ("ok", "T1w", "target")
    assert (scan["manufacturer"], scan["field_strength_t"]) == ("Siemens Skyra", 3.0)
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    assert {path.parent for path in (tmp_path / "in").rglob("*")} == {tmp_path / "in"}
    assert not list(workspace.converted_dir.glob(".work-*"))


def test_what_is_there_is_not_made_again_and_more_folders_join_the_source(
    tmp_path, workspace
) -> None:
    write_series(tmp_path / "one")
    conversion.take_in(workspace, tmp_path / "one")
    (path,) = images_of(workspace)
    written = path.stat().st_mtime_ns
    again = conversion.take_in(workspace, tmp_path / "one")
    assert (again.made, again.before, path.stat().st_mtime_ns) == (0, 1, written)
    write_series(tmp_path / "two", study=2, data=dicom_files.voxels() + 1)
    conversion.take_in(workspace, tmp_path / "two")
    scans = tables.read_scans(workspace)
    assert (len(scans), scans["participant_id"].nunique(), scans["session_id"].nunique()) == (
        2,
        1,
        2,
    )


# ---- who it is -------------------------------------------------------------------------------------------


def _everything(workspace: Workspace) -> bytes:
    parts = []
    for path in workspace.root.rglob("*"):
        parts.append(path.relative_to(workspace.root).as_posix().encode())
        if path.is_file():
            held = path.read_bytes()
            parts.append(gzip.decompress(held) if path.name.endswith(".gz") else held)
    scans = tables.read_scans(workspace)
    return b"\n".join(
        [*parts, scans.to_csv().encode(), str(audit_trail.history(workspace)).encode()]
    )


def test_nothing_that_identifies_somebody_is_stored(tmp_path, workspace) -> None:
    folder = tmp_path / "Beeblebrox"
    write_series(folder, description="T1 mprage Zaphod 7781204")
    last_look.look(workspace, folder)
    assert b"Zaphod" not in workspace.dicom_series_path.read_bytes()
    conversion.take_in(workspace, folder)
    stored = _everything(workspace).lower()
    words = [word for text in dicom_files.SECRETS.values() for word in text.split("^")]
    assert [word for word in words if word.lower().encode() in stored] == []
    assert b"1.2.3.1" not in stored  # nor the examination's own number


def test_no_name_of_a_file_or_folder_is_stored_or_logged_and_a_terminal_names_them(
    tmp_path, workspace, monkeypatch, capsys
) -> None:
    person = tmp_path / "in" / "Mueller_Hans_19500312"
    files = write_series(person)
    files[4].write_bytes(files[4].read_bytes()[:-100])
    (person / "Mueller.dcm").write_bytes(b"")
    (tmp_path / "in" / "Mueller.zip").touch()
    words = ["dicom", str(tmp_path / "in"), "-w", str(workspace.root)]
    assert main([*words, "--list"]) == 0
    told = capsys.readouterr()
    assert "file 2 of 18: it is empty" in told.out and "file 7 of 18: it is cut off" in told.out
    assert "dicom FOLDER --list" in told.out
    assert main(words) == 2
    told = (*told, *capsys.readouterr())
    assert "Mueller" not in "".join(told)
    assert b"mueller" not in _everything(workspace).lower()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main([*words, "--list"]) == 0
    assert "file 2 of 18: Mueller_Hans_19500312/Mueller.dcm" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "Mueller.zip").touch()
    with pytest.raises(SourceError) as error:
        look(tmp_path / "empty")
    assert "Mueller" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("Li^Wu", "t1_mprage_Li flair lidar", "t1_mprage_… flair lidar"),
        ("Li^Wu", "LiMRT wuT1", "…MRT …T1"),
        ("Mueller^Hans", "MUELLERT1 hansmprage_sag", "…T1 …mprage_sag"),
        ("Lee^Kim", "t1_LeeT1w asleep", "t1_…T1w asleep"),
        ("", "t1 12.03.1950 1950-03-12 19500312 12/3/50 0.8x0.8", "t1 … … … … 0.8x0.8"),
        ("", "AAHead_Scout T1_MPRAGE 3D iso Kopf", "AAHead_Scout T1_MPRAGE 3D iso Kopf"),
    ],
)
def test_short_names_names_within_words_and_dates_are_left_out_of_a_description(
    tmp_path, name, text, kept
) -> None:
    write_series(tmp_path, description=text, PatientName=name)
    assert only(tmp_path).description == kept


def test_a_person_has_one_label_under_a_key_and_another_under_another(
    tmp_path, workspace, monkeypatch
) -> None:
    write_series(tmp_path / "in")
    write_series(tmp_path / "in", 4, study=2)
    write_series(tmp_path / "in", 5, study=3, PatientID="other")
    names = pseudonyms.of(workspace)
    one, again, other = sorted(series.look(tmp_path / "in", names).series, key=lambda s: s.number)
    assert one.person == again.person != other.person and one.visit != again.visit
    assert key_of(workspace).encode() not in _everything(workspace)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "another.key"))
    abroad = series.look(tmp_path / "in", pseudonyms.of(workspace)).series
    assert not {each.person for each in abroad} & {one.person, other.person}


def test_labels_are_the_same_in_a_workspace_that_comes_back_from_a_copy(
    tmp_path, workspace, capsys
) -> None:
    write_series(tmp_path / "in")
    (before,) = series.look(tmp_path / "in", pseudonyms.of(workspace)).series
    conversion.take_in(workspace, tmp_path / "in")
    assert main(["backup", str(tmp_path / "safe"), "-w", str(workspace.root)]) == 0
    folder = capsys.readouterr().out.partition(": ")[0]
    assert main(["restore", folder, "-w", str(tmp_path / "new")]) == 0
    there = Workspace.open(tmp_path / "new")
    (after,) = series.look(tmp_path / "in", pseudonyms.of(there)).series
    assert (after.person, after.visit, after.id) == (before.person, before.visit, before.id)


def test_people_are_called_as_a_table_says_that_is_not_kept(tmp_path, workspace) -> None:
    write_series(tmp_path / "in")
    (tmp_path / "key.csv").write_text("patient_id,participant_id\nMRN7781204,sub-A-07\n")
    conversion.take_in(workspace, tmp_path / "in", labels=tmp_path / "key.csv", ages=True)
    scan = tables.read_scans(workspace).iloc[0]
    assert (scan["participant_id"], scan["age_years"], scan["sex"]) == ("sub-A07", 79, "M")
    assert b"mrn7781204" not in _everything(workspace).lower()
    (tmp_path / "key.csv").write_text("who,called\n")
    with pytest.raises(SourceError, match="has no column patient_id and none participant_id"):
        pseudonyms.of(workspace, tmp_path / "key.csv")


@pytest.mark.parametrize(
    ("given", "age"),
    [
        ({"PatientAge": "006M"}, 0.5),
        ({"PatientAge": "095Y"}, 90),
        ({"PatientAge": None}, 79.6),
        ({"PatientAge": None, "PatientBirthDate": ""}, None),
        ({"PatientAge": "lots", "PatientBirthDate": "20300101"}, None),
    ],
)
def test_ages_are_years_and_no_older_than_ninety(tmp_path, workspace, given, age) -> None:
    write_series(tmp_path / "in", **given)
    conversion.take_in(workspace, tmp_path / "in", ages=True)
    found = tables.read_scans(workspace).iloc[0]["age_years"]
    assert np.isnan(found) if age is None else found == age


def test_each_examination_of_a_person_has_the_age_of_its_day(tmp_path, workspace) -> None:
    write_series(tmp_path / "in", PatientAge="040Y")
    late = dicom_files.voxels() + np.uint16(1)
    write_series(tmp_path / "in", 4, study=2, data=late, PatientAge="047Y")
    conversion.take_in(workspace, tmp_path / "in", ages=True)
    scans = tables.read_scans(workspace)
    assert scans["participant_id"].nunique() == 1 and scans["sex"].tolist() == ["M", "M"]
    age_of = dict(zip(scans["path"].str.extract("run-(...)")[0], scans["age_years"], strict=True))
    assert age_of == {"003": 40, "004": 47}


# ---- names of images, and whose they are -----------------------------------------------------------------


def _sums(workspace: Workspace) -> dict[str, int]:
    return {
        path.name: int(np.asarray(nib.load(path).dataobj, np.int64).sum())
        for path in images_of(workspace)
    }


def test_series_of_one_number_become_an_image_each_and_keep_their_names(
    tmp_path, workspace
) -> None:
    for number in (1, 2):
        data = dicom_files.voxels() + np.uint16(number)
        write_series(tmp_path / str(number), number, data=data, SeriesNumber=None)
    done = conversion.take_in(workspace, tmp_path)
    held = _sums(workspace)
    assert (done.made, len(held), len(set(held.values()))) == (2, 2, 2)
    assert sum(name.endswith("_run-000_T1w.nii.gz") and "_acq-" not in name for name in held) == 1
    again = conversion.take_in(workspace, tmp_path)
    assert (again.made, again.before, _sums(workspace)) == (0, 2, held)
    scans = tables.read_scans(workspace)
    assert scans["status"].tolist() == ["ok", "ok"] and set(scans["modality"]) == {"T1w"}
    assert (scans["participant_id"].nunique(), scans["session_id"].nunique()) == (1, 1)


def test_an_image_of_a_released_version_keeps_its_name_and_the_lost_series_comes_back(
    tmp_path, workspace
) -> None:
    write_series(tmp_path / "b", 2, data=dicom_files.voxels() + np.uint16(2), SeriesNumber=None)
    conversion.take_in(workspace, tmp_path / "b")
    (path,) = images_of(workspace)
    sidecar = path.with_name(path.name.replace(".nii.gz", ".json"))
    header = dicom_header.read(next((tmp_path / "b").iterdir()))
    told = json.loads(sidecar.read_text()) | {"Series": pseudonyms.of(workspace).series(header)}
    sidecar.write_text(json.dumps(told))  # as versions until 0.12 marked it
    written = path.stat().st_mtime_ns
    write_series(tmp_path / "a", 1, SeriesNumber=None)
    done = conversion.take_in(workspace, tmp_path)
    assert (done.made, done.before, path.stat().st_mtime_ns) == (1, 1, written)
    assert len(set(_sums(workspace).values())) == 2


@pytest.mark.parametrize("uid", ["1.2.3.99", None], ids=["shared", "none"])
def test_two_people_of_one_series_number_are_two_series(tmp_path, workspace, uid) -> None:
    for number, patient in enumerate(("one", "other"), start=1):
        write_series(
            tmp_path / patient,
            number,
            study=number,
            data=dicom_files.voxels() + np.uint16(number),
            PatientID=patient,
            SeriesInstanceUID=uid,
        )
    found = last_look.look(workspace, tmp_path).series
    assert len({one.person for one in found}) == len({one.id for one in found}) == 2
    assert all(one.chosen and one.images == 16 for one in found)
    done = conversion.take_in(workspace, tmp_path, chosen=[one.id for one in found])
    assert done.made == 2 and len(set(_sums(workspace).values())) == 2
    assert tables.read_scans(workspace)["participant_id"].nunique() == 2
    alone = conversion.take_in(workspace, tmp_path / "one")
    assert (alone.made, alone.before) == (0, 1)


def test_two_people_and_two_series_whose_short_labels_are_alike_are_told_apart(tmp_path) -> None:
    names = pseudonyms.Pseudonyms(b"key")
    for number, (patient, uid) in enumerate((("P43534", "1.2.16810"), ("P66042", "1.2.22376"))):
        folder = tmp_path / patient
        write_series(folder, number, study=number, PatientID=patient, SeriesInstanceUID=uid)
    headers = [dicom_header.read(next(folder.iterdir())) for folder in sorted(tmp_path.iterdir())]
    assert len({names.person(one)[: len("sub-") + 8] for one in headers}) == 1  # both 2ded2d74
    assert len({names.series(one) for one in headers}) == 1
    found = look(tmp_path).series
    assert len({one.person for one in found}) == len({one.id for one in found}) == 2
    assert all(one.images == 16 for one in found)


def test_people_keep_the_shorter_labels_of_earlier_versions(tmp_path, workspace) -> None:
    write_series(tmp_path / "in", PatientID="known")
    write_series(tmp_path / "in", 4, study=2, PatientID="new")
    known, new = sorted(last_look.look(workspace, tmp_path / "in").series, key=lambda s: s.number)
    held = workspace.converted_dir / "dicom"
    held.mkdir(parents=True)
    (held / f"{known.person[:12]}_{known.visit}_run-003_T1w.nii.gz").touch()
    again = sorted(last_look.look(workspace, tmp_path / "in").series, key=lambda s: s.number)
    assert [one.person for one in again] == [known.person[:12], new.person]
    assert len(new.person) == len(known.person) == len("sub-") + 12


def test_files_of_one_id_that_name_two_people_are_refused(tmp_path) -> None:
    write_series(tmp_path / "a", PatientName="Prefect^Ford")
    write_series(tmp_path / "b")
    one = only(tmp_path)
    assert one.refused and "several people" in one.why_not() and "Ford" not in one.why_not()


def test_a_series_that_becomes_images_of_one_name_is_refused(tmp_path, workspace) -> None:
    for folder, number in (("a", 3), ("b", 9)):  # of one series, whatever their numbers say
        write_series(tmp_path / "in" / folder, SeriesNumber=number)
    (one,) = last_look.look(workspace, tmp_path / "in").series
    with pytest.raises(SourceError, match=r"several images of it.*\(outa\)"):
        conversion.take_in(workspace, tmp_path / "in", chosen=[one.id])
    assert not images_of(workspace)


# ---- what may be read ------------------------------------------------------------------------------------


def test_a_folder_outside_of_the_allowed_roots_is_refused(tmp_path, workspace, monkeypatch) -> None:
    write_series(tmp_path / "archive" / "in")
    write_series(tmp_path / "data" / "in")
    (tmp_path / "data" / "in" / "link.dcm").symlink_to(
        next((tmp_path / "archive" / "in").iterdir())
    )
    monkeypatch.setenv(allowed_roots.ENVIRONMENT_VARIABLE, str(tmp_path / "data"))
    for refused in (conversion.take_in, last_look.look):
        with pytest.raises(SourceError, match="lies outside of the folders"):
            refused(workspace, tmp_path / "archive" / "in")
    found = last_look.look(workspace, tmp_path / "data" / "in")
    assert found.series[0].images == 16
    assert any("lie outside of what may be read" in note for note in found.notes)


def test_files_in_a_folder_that_is_linked_to_from_elsewhere_are_not_read(
    tmp_path, workspace, monkeypatch
) -> None:
    write_series(tmp_path / "private" / "deep", 9)
    write_series(tmp_path / "data" / "in")
    (tmp_path / "data" / "in" / "way").symlink_to(tmp_path / "private")
    monkeypatch.setenv(allowed_roots.ENVIRONMENT_VARIABLE, str(tmp_path / "data"))
    found = last_look.look(workspace, tmp_path / "data" / "in")
    assert [one.number for one in found.series] == [3]
    assert [note.split()[0] for note in found.notes if "lie outside" in note] == ["16"]
    conversion.take_in(workspace, tmp_path / "data" / "in")
    assert len(images_of(workspace)) == 1


def test_a_source_of_images_is_told_to_be_dicom(tmp_path, workspace) -> None:
    write_series(tmp_path / "in")
    with pytest.raises(SourceError, match=r"These are DICOM files \(16 found\).*curation dicom"):
        ingest(workspace, tmp_path / "in")


# ---- the command line, and real files --------------------------------------------------------------------


def test_the_command_lists_series_and_takes_in_those_that_are_named(tmp_path, capsys) -> None:
    write_series(tmp_path / "in", 1, description="scout", data=dicom_files.voxels(3))
    write_series(tmp_path / "in", 2)
    place = ["-w", str(tmp_path / "w")]
    assert main(["dicom", str(tmp_path / "in"), "--list", *place]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("  ") and "a localizer" in lines[0] and "20×24×3" in lines[0]
    assert lines[1].startswith("* ") and "1.1×0.9×1.5 mm" in lines[1]
    assert main(["dicom", str(tmp_path / "in"), "--series", "nonsense", *place]) == 2
    assert "There is no series nonsense" in capsys.readouterr().err
    assert main(["dicom", str(tmp_path / "in"), *place]) == 0
    said = capsys.readouterr().out
    assert "images made: 1, there already: 0" in said and "left out:" in said
    assert len(tables.read_scans(Workspace.open(tmp_path / "w"))) == 1


@pytest.mark.skipif(not _REAL.exists(), reason="the real DICOM files are not beside the checkout")
def test_a_real_series_becomes_the_image_that_its_files_hold(tmp_path, workspace) -> None:
    with tarfile.open(_REAL) as archive:
        for member in archive:
            number = int(member.name[-8:-4]) if member.name.endswith(".dcm") else 0
            if 160 <= number < 200:
                archive.extract(member, tmp_path / "in", filter="data")
    (one,) = last_look.look(workspace, tmp_path / "in").series
    assert (one.description, one.kind, one.matrix) == ("anat-T1w", "T1w", (274, 384, 40))
    assert one.marks == ("derived",)  # as its header says
    conversion.take_in(workspace, tmp_path / "in", chosen=[one.id])
    image = nib.load(images_of(workspace)[0])
    values = np.asarray(image.dataobj)
    for path in sorted((tmp_path / "in").rglob("*.dcm"))[::13]:
        header = pydicom.dcmread(path)
        position = np.array(header.ImagePositionPatient, float) * (-1, -1, 1)
        i, j, k = np.rint(nib.affines.apply_affine(np.linalg.inv(image.affine), position)).astype(
            int
        )
        flip = [slice(None, None, -1 if at else 1) for at in (i, j)]
        np.testing.assert_array_equal(values[:, :, k][tuple(flip)], header.pixel_array.T)
    assert b"Jane" not in _everything(workspace) and b"Hanke" not in _everything(workspace)


@pytest.mark.parametrize(
    "lies",
    [
        b"\x08\x00\x3e\x10UT\0\0" + (3 << 30).to_bytes(4, "little"),  # SeriesDescription of 3 GB
        b"\x08\x00\x3e\x10UT\0\0" + (0xFFFFFFFE).to_bytes(4, "little"),
    ],
)
def test_a_length_that_lies_costs_no_memory(lies: bytes, tmp_path: Path) -> None:
    (path, *_) = write_series(tmp_path, 1)
    raw = path.read_bytes()
    place = raw.index(b"\x08\x00\x3e\x10")
    path.write_bytes(raw[:place] + lies)
    os.truncate(path, 5 << 30)  # hollow
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises((dicom_header.Damaged, dicom_header.NoImage)):
        found = dicom_header.read(path)
        if found.problem:
            raise dicom_header.Damaged(found.problem)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_a_number_of_a_series_that_is_none_is_0(workspace, tmp_path: Path) -> None:
    for path in write_series(tmp_path / "in", 1):
        header = pydicom.dcmread(path)
        header["SeriesNumber"]._value = "nan"
        header.save_as(path)
    assert [one.number for one in last_look.look(workspace, tmp_path / "in").series] == [0]


def test_gigabytes_of_nothing_are_no_header(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.touch()
    os.truncate(path, 30 << 30)
    before = time.process_time()
    with pytest.raises(dicom_header.Damaged, match="no end"):
        dicom_header.read(path)
    assert time.process_time() - before < 20
