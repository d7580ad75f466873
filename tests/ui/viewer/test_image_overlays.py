"""Overlays lie where they belong: planted ghosts and dark slices are found in their position."""

from pathlib import Path

import numpy as np
import pytest

from curation.imaging.volumes import Volume, conform, load
from curation.simulation import artefacts
from pages.ui.review import overlay_panel
from pages.ui.viewer import image_overlays
from pages.ui.viewer.image_overlays import CHOICES, LAYERS, OverlayFinder, OverlayMasks
from tests.helpers import phantom_heads


@pytest.fixture(scope="module")
def head() -> Volume:
    data, affine = phantom_heads.head(0).astype(np.float32), phantom_heads.affine()
    return conform(Volume(data, affine, (4.0, 4.0, 4.0), "RAS", "int16"))


@pytest.fixture(scope="module")
def found(head: Volume) -> OverlayMasks:
    return image_overlays.find_overlays(head)


def test_brain_and_air_do_not_meet_and_lie_where_the_image_says(
    head: Volume, found: OverlayMasks
) -> None:
    assert set(found.masks) == set(LAYERS)
    assert not (found.masks["brain"] & found.masks["air"]).any()
    where = np.argwhere(found.masks["brain"]) @ found.affine[:3, :3].T + found.affine[:3, 3]
    back = np.linalg.inv(head.affine)
    voxels = np.rint(where @ back[:3, :3].T + back[:3, 3]).astype(int)
    inside = head.data[tuple(np.clip(voxels, 0, np.array(head.data.shape) - 1).T)]
    assert np.median(inside) > 3 * np.median(head.data)


def test_dark_slices_show_where_they_are_and_nowhere_else(
    head: Volume, found: OverlayMasks
) -> None:
    middle = head.data.shape[2] // 2
    data = head.data.copy()
    data[:, :, middle : middle + 2] *= 0.5
    spoilt = image_overlays.find_overlays(
        Volume(data, head.affine, head.spacing_mm, "RAS", "float32")
    )
    assert spoilt.shares["missing"] > found.shares["missing"]
    new = spoilt.masks["missing"] & ~found.masks["missing"]
    at = np.argwhere(new)[:, 2] * 2.0 / head.spacing_mm[2]
    assert np.abs(np.median(at) - middle) <= 2


def test_ghosts_show_as_structure_in_the_air(shared_data: Path) -> None:
    scan = conform(load(shared_data / "t1w_2mm" / "ds000011_sub-03_T1w_2mm.nii.gz"))
    data = artefacts.apply("ghosting", scan.data, 0.5, 0)
    ghosted = image_overlays.find_overlays(
        Volume(data, scan.affine, scan.spacing_mm, "RAS", "float32")
    )
    assert (
        ghosted.shares["structure"] > image_overlays.find_overlays(scan).shares["structure"] + 0.02
    )


def test_a_scan_is_looked_through_once_and_few_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_overlays, "_KEPT", 2)
    looked: list[str] = []

    def look(path: Path) -> OverlayMasks:
        looked.append(path.name)
        return OverlayMasks(np.eye(4), {}, {}, None)

    finder = OverlayFinder(look)
    for name in ("a", "a", "b", "c", "a"):
        finder.ask(tmp_path / name).result(5)
    assert looked == ["a", "b", "c", "a"]


def test_the_legend_says_each_colour_and_what_has_no_place(found: OverlayMasks) -> None:
    said = overlay_panel.legend(found, list(CHOICES["Artefact voxels"]))
    for key in CHOICES["Artefact voxels"]:
        assert LAYERS[key].colour in said
        assert LAYERS[key].label in said
    assert "cannot be outlined" in said
    assert "no place" not in overlay_panel.legend(found, ["brain"])


def test_without_air_the_legend_says_so() -> None:
    empty = {key: np.zeros((2, 2, 2), bool) for key in LAYERS}
    bare = OverlayMasks(
        np.eye(4), empty, dict.fromkeys(("structure", "folded", "missing"), 0.0), "cut"
    )
    said = overlay_panel.legend(bare, ["air", "structure", "missing"])
    assert said.count("not measurable (cut)") == 2
    assert "none found" in said


def test_nothing_is_laid_over_an_image_before_it_is_found() -> None:
    assert overlay_panel.overlays(None, ["brain"]) == []


def test_places_are_found_in_the_same_pass(head: Volume) -> None:
    data = head.data.copy()
    middle = head.data.shape[2] // 2
    data[:, :, middle] = 0
    found = image_overlays.find_overlays(
        Volume(data, head.affine, head.spacing_mm, "RAS", "float32")
    )
    place = found.places["empty_slices"]
    assert place.plane == "axial"
    assert (np.linalg.inv(head.affine) @ [*place.mm, 1])[2] == pytest.approx(middle, abs=0.5)


def test_what_is_opened_last_is_looked_through_unasked_and_nothing_that_was_passed_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_overlays, "_PAUSE_S", 0.2)
    looked: list[str] = []

    def look(path: Path) -> OverlayMasks:
        looked.append(path.name)
        return OverlayMasks(np.eye(4), {}, {}, None)

    finder = OverlayFinder(look)
    finder.prepare(tmp_path / "first")
    finder._ahead.submit(int).result(5)
    for name in ("a", "b", "c", "c"):
        finder.prepare(tmp_path / name)
    finder._ahead.submit(int).result(5)
    finder.ask(tmp_path / "c").result(5)
    assert looked == ["first", "c"]
