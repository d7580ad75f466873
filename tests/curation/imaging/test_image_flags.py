"""What kind of image a scan is: recognised on real scans, and on the same scans changed on purpose."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from curation.imaging import volumes
from curation.imaging.image_flags import FLAGS, recognise
from curation.imaging.masks import Masks, find_masks
from curation.imaging.volumes import Volume
from curation.simulation import phantom_t1w
from curation.simulation.phantom_t1w import SCANNERS, Person


@pytest.fixture(scope="module")
def whole() -> tuple[Volume, Masks]:
    """A simulated whole head of 2 mm in 16 bits, and its masks."""
    data, affine = phantom_t1w.scan(Person("sub-1", 40.0, "F", 7), SCANNERS["North"])
    spacing = tuple(float(edge) for edge in np.linalg.norm(affine[:3, :3], axis=0))
    volume = volumes.conform(Volume(data.astype(np.float32), affine, spacing, "RAS", "int16"))  # type: ignore[arg-type]
    return volume, find_masks(volume)


def test_every_flag_is_described_for_the_screen() -> None:
    for key, flag in FLAGS.items():
        assert flag.key == key and flag.label
        assert flag.meaning.endswith(".") and flag.consequence.endswith(".")


def test_a_whole_head_has_no_flag_but_its_voxels(whole: tuple[Volume, Masks]) -> None:
    assert set(recognise(*whole)) <= {"low_resolution"}


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"orientation": None}, "no_orientation"),
        ({"dtype": "uint8"}, "rescaled_8bit"),
        ({"dtype": "float32", "data": np.zeros((4, 4, 4), np.float32)}, "rescaled_8bit"),
        ({"spacing_mm": (0.9, 0.9, 3.0)}, "thick_slices"),
        ({"spacing_mm": (2.0, 2.0, 2.0)}, "low_resolution"),
    ],
)
def test_what_the_header_says_is_recognised(
    whole: tuple[Volume, Masks], change: dict[str, object], flag: str
) -> None:
    volume, masks = whole
    assert flag in recognise(replace(volume, **change), masks)  # type: ignore[arg-type]


def test_another_modality_is_recognised_by_name(whole: tuple[Volume, Masks]) -> None:
    assert "T2w" in recognise(*whole, "T2w")["not_t1w"]
    assert "not_t1w" not in recognise(*whole, "T1w")


def test_another_contrast_is_recognised_by_brightness(whole: tuple[Volume, Masks]) -> None:
    volume, _ = whole
    top = float(np.percentile(volume.data, 99.5))
    turned = np.where(volume.data > 0.25 * top, np.maximum(1.3 * top - volume.data, 0), volume.data)
    other = replace(volume, data=turned.astype(np.float32))
    found = find_masks(other)
    assert "not_t1w" in recognise(other, found)
    assert "said to be T1w" in recognise(other, found, "T1w")["name_contradicted"]
    assert "name_contradicted" not in recognise(other, found, "T2w")


def test_an_image_whose_fluid_is_bright_contradicts_the_name_t1w(
    whole: tuple[Volume, Masks],
) -> None:
    volume, masks = whole
    assert "name_contradicted" not in recognise(volume, masks, "T1w")
    white = float(np.median(masks.data[masks.wm]))
    fluid = (masks.signed_distance_mm > -4) & (masks.data > 0.02 * white)
    bright = np.where(fluid & (masks.data < 0.45 * white), 1.4 * white, masks.data)
    other = replace(
        volume, data=bright.astype(np.float32)
    )  # a contrast that is made, at 2 mm as the grid
    found = recognise(other, find_masks(other), "T1w-ce")["name_contradicted"]
    assert found == (
        "it is said to be T1w-ce, but fluid is brighter than white matter: this is no T1-weighted image"
    )


def test_a_t1w_under_another_name_contradicts_it(whole: tuple[Volume, Masks]) -> None:
    for name in ("T2w", "FLAIR", "PDw"):
        assert "white matter is the brightest" in recognise(*whole, name)["name_contradicted"]


def test_a_cut_field_of_view_is_recognised_and_says_how_much(whole: tuple[Volume, Masks]) -> None:
    volume, masks = whole
    inside = np.flatnonzero((masks.signed_distance_mm > 0).any(axis=(0, 1)))
    top = int((inside[0] + 0.7 * (inside[-1] - inside[0])) * masks.step[2])
    cut = replace(volume, data=np.ascontiguousarray(volume.data[:, :, :top]))
    assert "%" in recognise(cut, find_masks(cut))["field_of_view_cut"]


def test_an_image_that_ends_at_the_vertex_is_flagged_with_the_place(
    whole: tuple[Volume, Masks],
) -> None:
    volume, masks = whole
    top = int(np.flatnonzero((masks.signed_distance_mm > 0).any(axis=(0, 1)))[-1])
    last = round(float(top * masks.step[2]))
    cut = replace(volume, data=np.ascontiguousarray(volume.data[:, :, : last - 1]))
    said = recognise(cut, find_masks(cut))["field_of_view_cut"]
    assert said.endswith("the image ends inside the brain at the top")
    close = replace(volume, data=np.ascontiguousarray(volume.data[:, :, : last + 4]))
    assert "field_of_view_cut" not in recognise(close, find_masks(close))


def test_an_emptied_background_is_no_air(whole: tuple[Volume, Masks]) -> None:
    volume, _ = whole
    keep = np.where(volume.data < 0.1 * float(np.percentile(volume.data, 99)), 0, volume.data)
    emptied = replace(volume, data=keep.astype(np.float32))
    assert "no_air" in recognise(emptied, find_masks(emptied))


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("ds000011/sub-05/anat/sub-05_T1w.nii.gz", {"defaced"}),
        ("ixi_2mm/IXI013-HH-1212-T1_ds.nii.gz", {"no_air", "rescaled_8bit", "low_resolution"}),
        ("stripped_fullres/ds002748_sub-48_T1w.nii.gz", {"skull_stripped", "no_air"}),
        ("t1w_2mm/ds000011_sub-01_T1w_2mm.nii.gz", {"defaced", "rescaled_8bit", "low_resolution"}),
    ],
)
def test_real_scans_are_what_their_source_says(
    shared_data: Path, name: str, flags: set[str]
) -> None:
    volume = volumes.conform(volumes.load(shared_data / name))
    assert set(recognise(volume, find_masks(volume), "T1w")) == flags


def test_thick_slices_of_a_clinic_are_recognised(shared_data: Path) -> None:
    volume = volumes.conform(
        volumes.load(shared_data / "thick_slice_ms/patient12_study1_T1W.nii.gz")
    )
    assert {"thick_slices", "no_air"} <= set(recognise(volume, find_masks(volume), "T1w"))


@pytest.mark.parametrize(
    "name", ["ixi_2mm/IXI013-HH-1212-T1_ds.nii.gz", "t1w_2mm/ds000011_sub-02_T1w_2mm.nii.gz"]
)
def test_a_real_head_with_the_contrast_turned_over_contradicts_its_name(
    shared_data: Path, name: str
) -> None:
    volume = volumes.conform(volumes.load(shared_data / name))
    top = float(np.percentile(volume.data, 99.5))
    turned = np.where(volume.data > 0.15 * top, np.maximum(1.2 * top - volume.data, 0), volume.data)
    other = replace(volume, data=turned.astype(np.float32))  # made: as dark as it was bright
    found = recognise(other, find_masks(other), "T1w")
    assert {"not_t1w", "name_contradicted"} <= set(found)
    assert "name_contradicted" not in recognise(other, find_masks(other), "T2w")
