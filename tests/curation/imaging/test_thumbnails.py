"""Thumbnails show three planes in true proportions, radiological convention."""

from pathlib import Path

import numpy as np
from PIL import Image

from curation.imaging.template import template
from curation.imaging.thumbnails import TILE, preview, write_preview
from curation.imaging.volumes import Volume


def volume_of(data: np.ndarray, spacing_mm: tuple[float, float, float] = (2.0, 2.0, 2.0)) -> Volume:
    return Volume(
        data.astype(np.float32), np.diag([*spacing_mm, 1.0]), spacing_mm, "RAS", "float32"
    )


def centre_of(tile: np.ndarray) -> tuple[float, float]:
    down, across = np.nonzero(tile > 128)
    return float(down.mean()) / TILE, float(across.mean()) / TILE


def test_nose_points_left_crown_up_and_the_patients_right_is_on_the_left() -> None:
    data = np.zeros((40, 40, 40))
    data[28:34, 30:36, 25:39] = 1.0  # to the right, in front, above
    drawn = preview(volume_of(data), centre=np.array([30, 32, 30]))
    sagittal, coronal, axial = np.split(drawn, 3, axis=1)
    assert centre_of(sagittal)[1] < 0.4  # nose to the left
    assert centre_of(sagittal)[0] < 0.4  # crown up
    assert centre_of(coronal)[1] < 0.4  # right on the left
    assert centre_of(coronal)[0] < 0.4
    assert centre_of(axial)[1] < 0.4
    assert centre_of(axial)[0] < 0.4  # nose up


def test_thick_slices_are_drawn_in_true_proportions() -> None:
    data = np.ones((60, 60, 20))
    data[0, 0, 0] = 0
    drawn = preview(volume_of(data, (1.0, 1.0, 3.0)))
    for tile in np.split(drawn, 3, axis=1):
        bright = tile > 128
        assert abs(bright.any(axis=0).sum() - bright.any(axis=1).sum()) <= 2


def test_a_centre_outside_the_image_is_drawn_at_its_edge() -> None:
    drawn = preview(volume_of(np.random.default_rng(0).random((20, 20, 20))), np.array([99, -9, 5]))
    assert drawn.shape == (TILE, 3 * TILE)


def test_the_file_is_a_png_of_the_preview(tmp_path: Path) -> None:
    volume = volume_of(np.random.default_rng(1).random((20, 24, 28)))
    write_preview(tmp_path / "deep" / "a.png", volume)
    with Image.open(tmp_path / "deep" / "a.png") as image:
        assert np.array_equal(np.asarray(image), preview(volume))


def test_a_bright_scalp_that_is_not_drawn_does_not_darken_the_brain() -> None:
    maps = template(4)
    skull = (maps.signed_distance_mm < -6) & (maps.signed_distance_mm > -18)
    drawn = []
    for fat in (0.6, 5.0):
        data = (400 * (maps.t1 + fat * skull)).astype(np.float32)
        volume = Volume(data, maps.affine, (4.0, 4.0, 4.0), "RAS", "int16")
        drawn.append(preview(volume, None, np.eye(4)))
    assert np.percentile(drawn[1], 99) > 0.8 * np.percentile(drawn[0], 99) > 100
