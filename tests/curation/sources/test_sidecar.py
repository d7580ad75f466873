"""The JSON beside an image tells its kind where the name does not, and contradictions are said."""

import json
import math
from pathlib import Path

import pytest

from curation.sources import allowed_roots, sidecar
from curation.sources.ingest import ingest
from curation.storage.workspace import Workspace
from tests.helpers.nifti_images import write_nifti


@pytest.mark.parametrize(
    ("name", "values", "kind", "note"),
    [
        (None, {"SeriesDescription": "t2_tse_tra"}, "T2w", "told by its sidecar: T2w"),
        (None, {"ProtocolName": "3D FLAIR sag"}, "FLAIR", "told by its sidecar"),
        (None, {"SeriesDescription": "localizer"}, None, None),
        ("T1w", {"SeriesDescription": "MPRAGE_sag"}, "T1w", None),
        ("T1w", {"ContrastBolusIngredient": "GADOLINIUM"}, "T1w-ce", "agent (GADOLINIUM)"),
        ("T1w", {"ContrastBolusAgent": "NONE"}, "T1w", None),
        ("T1w", {"SeriesDescription": "T1_mprage_post_gd"}, "T1w-ce", "contrast agent"),
        (
            "T1w",
            {"SeriesDescription": "t2_flair_sag"},
            "T1w",
            "says T1w, its sidecar FLAIR: look",
        ),
        ("T1w", {"EchoTime": 0.09}, "T1w", "echo time of 0.09 s"),
        ("T1w", {"EchoTime": 0.003}, "T1w", None),
        ("T2w", {"EchoTime": 0.09}, "T2w", None),
        ("UNIT1", {"SeriesDescription": "t1_mp2rage_sag_UNI_Images"}, "UNIT1", None),
        ("pet", {"SeriesDescription": "T1 MPRAGE"}, "pet", None),
        ("T1w", {"EchoTime": "long", "SeriesDescription": 7}, "T1w", None),
    ],
)
def test_name_and_sidecar_together_tell_the_kind(
    tmp_path: Path, name: str | None, values: dict, kind: str | None, note: str | None
) -> None:
    image = tmp_path / "scan.nii.gz"
    image.with_name("scan.json").write_text(json.dumps(values))
    found = sidecar.told(image, name)
    assert found.modality == kind
    assert found.note is None if note is None else note in (found.note or "")


@pytest.mark.parametrize("text", ["", "[1, 2]", "{", "\x00", "x" * (2 << 20), "[" * 100_000])
def test_what_is_no_sidecar_is_as_if_it_were_not_there(tmp_path: Path, text: str) -> None:
    (tmp_path / "scan.json").write_text(text)
    assert sidecar.told(tmp_path / "scan.nii", "T1w") == ("T1w", None)
    assert sidecar.read(tmp_path / "other.nii") == {}


def test_a_source_lists_what_its_sidecars_tell(workspace: Workspace, tmp_path: Path) -> None:
    for number, values in enumerate(
        (
            {"SeriesDescription": "AX T2 FLAIR"},
            {"ContrastBolusAgent": "Gadovist"},
            {"EchoTime": 0.1},
        )
    ):
        write_nifti(tmp_path / "set" / f"scan{number}{'_T1w' * (number > 0)}.nii", seed=number)
        beside = tmp_path / "set" / f"scan{number}{'_T1w' * (number > 0)}.json"
        beside.write_text(json.dumps(values))
    scans = ingest(workspace, tmp_path / "set").scans
    assert scans["modality"].tolist() == ["FLAIR", "T1w-ce", "T1w"]
    assert scans["status"].tolist() == ["other", "other", "ok"]
    assert "look at it" in scans["note"].iloc[2]


# ---- the scanner ---------------------------------------------------------------------------------


def _written(folder: Path, **values: object) -> Path:
    path = folder / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    write_nifti(path)
    (path.parent / "sub-01_T1w.json").write_text(json.dumps(values))
    return path


def test_scanner_and_field_strength_come_from_the_sidecar(tmp_path: Path) -> None:
    path = _written(
        tmp_path,
        Manufacturer="Siemens",
        ManufacturersModelName="Prisma_fit",
        MagneticFieldStrength=2.89,
    )
    assert sidecar.scanner(path, tmp_path) == ("Siemens Prisma_fit", 2.89)


def test_a_file_above_holds_for_all_below_and_the_nearest_wins(tmp_path: Path) -> None:
    path = _written(tmp_path, Manufacturer="GE")
    above = {"Manufacturer": "Philips", "MagneticFieldStrength": 1.5}
    (tmp_path / "T1w.json").write_text(json.dumps(above))
    assert sidecar.scanner(path, tmp_path) == ("GE", 1.5)
    nobody = sidecar.scanner(path, tmp_path / "sub-01")
    assert nobody.manufacturer == "GE" and math.isnan(nobody.field_strength_t)


def test_a_sidecar_that_links_out_of_what_may_be_read_is_as_if_it_were_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, outside = tmp_path / "data", tmp_path / "outside.json"
    data.mkdir()
    outside.write_text(json.dumps({"Manufacturer": "Secret", "SeriesDescription": "FLAIR"}))
    head, inside = data / "head.nii.gz", data / "other.nii.gz"
    (data / "head.json").symlink_to(outside)
    (data / "kept.json").write_text(json.dumps({"Manufacturer": "Ours"}))
    (data / "other.json").symlink_to(data / "kept.json")  # as git-annex has all its files
    assert (
        sidecar.scanner(head, data).manufacturer == "Secret"
    )  # without the setting all may be read
    monkeypatch.setenv(allowed_roots.ENVIRONMENT_VARIABLE, str(data))
    assert sidecar.scanner(head, data).manufacturer is None
    assert sidecar.told(head, None).modality is None
    assert sidecar.scanner(inside, data).manufacturer == "Ours"


def test_the_acquisition_is_told_in_the_units_of_the_console(tmp_path: Path) -> None:
    head, anat = tmp_path / "sub-1" / "anat" / "sub-1_T1w.nii.gz", tmp_path / "sub-1" / "anat"
    anat.mkdir(parents=True)
    assert sidecar.acquisition(head, tmp_path) == []
    shared = {"RepetitionTime": 2.3, "InversionTime": 0.9, "FlipAngle": 9, "EchoTime": "slow"}
    (tmp_path / "T1w.json").write_text(json.dumps(shared))
    own = {"EchoTime": 0.00298, "ProtocolName": "MPRAGE  sag", "SequenceName": 3}
    (anat / "sub-1_T1w.json").write_text(json.dumps(own))
    told = ["MPRAGE sag", "TR 2300 ms", "TE 2.98 ms", "TI 900 ms", "flip angle 9°"]
    assert sidecar.acquisition(head, tmp_path) == told
    (anat / "sub-1_T1w.json").write_text(json.dumps({"EchoTime": True, "RepetitionTime": -1}))
    assert sidecar.acquisition(head, tmp_path) == ["TI 900 ms", "flip angle 9°"]


@pytest.mark.parametrize("field", ["3", True, None, 30000, -1, [3]])
def test_what_is_no_field_strength_is_not_known(tmp_path: Path, field: object) -> None:
    path = _written(tmp_path, Manufacturer=7, MagneticFieldStrength=field)
    found = sidecar.scanner(path, tmp_path)
    assert found.manufacturer is None and math.isnan(found.field_strength_t)


def test_the_table_of_scans_keeps_the_scanner_also_of_files_read_before(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = _written(tmp_path / "set", Manufacturer="Philips", MagneticFieldStrength=3)
    first = ingest(workspace, tmp_path / "set").scans.iloc[0]
    assert (first["manufacturer"], first["field_strength_t"]) == ("Philips", 3)
    path.with_name("sub-01_T1w.json").write_text(json.dumps({"MagneticFieldStrength": 1.5}))
    again = ingest(workspace, tmp_path / "set").scans.iloc[0]
    assert again["field_strength_t"] == 1.5
    assert again["manufacturer"] is None or again["manufacturer"] != again["manufacturer"]


def test_half_a_character_in_a_sidecar_does_not_lose_the_source(workspace, tmp_path) -> None:
    image = write_nifti(tmp_path / "in" / "sub-01_T1w.nii.gz")
    beside = image.with_name("sub-01_T1w.json")
    beside.write_text('{"Manufacturer": "GE \\ud800", "ContrastBolusAgent": "\\udfff"}')
    (row,) = ingest(workspace, tmp_path / "in").scans.to_dict("records")
    assert row["manufacturer"].startswith("GE ") and row["modality"] == "T1w-ce"
