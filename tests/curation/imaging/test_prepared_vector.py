"""Vectors of prepared volumes: the same for one scan however it lies, and their distance to many others."""

import numpy as np
import pytest

from curation.imaging import prepared_template, prepared_vector, prepared_volume
from curation.imaging.nifti_header import edges_mm
from curation.imaging.prepared_vector import MIN_PEOPLE, middle_of
from curation.imaging.registered_grid import volume_on_grid
from curation.imaging.template import template
from curation.imaging.volumes import Volume, conform
from training.settings.presets import PRESETS

STILL, MOVED = np.eye(4), np.eye(4)
MOVED[:3, 3] = (6.0, -4.0, 10.0)


def _volume(data: np.ndarray, affine: np.ndarray) -> Volume:
    return Volume(data.astype(np.float32), affine, edges_mm(affine), "RAS", "float32")


def _vector(data: np.ndarray, moved: np.ndarray = STILL) -> np.ndarray:
    volume = conform(_volume(data, np.linalg.inv(moved) @ template(2).affine))
    vector = prepared_vector.prepared_vector(volume_on_grid(volume), moved)
    assert vector is not None
    return vector


def test_scans_are_judged_on_the_grid_of_a_preset() -> None:
    grid, preset = prepared_template.GRID, PRESETS["laptop"]
    assert (grid.spacing_mm, grid.shape) == (preset.spacing_mm, preset.shape)


def test_a_scan_has_one_vector_wherever_it_lies_and_however_bright_it_is() -> None:
    head = 400 * template(2).t1
    vector = _vector(head)
    assert len(vector) == prepared_template.layers().every_other.sum()
    assert np.abs(_vector(3 * head, MOVED).astype(int) - vector).max() <= 1


def test_a_vector_holds_the_prepared_volume_in_255_steps() -> None:
    grid, maps = prepared_template.GRID, prepared_template.layers()
    head = volume_on_grid(_volume(400 * template(2).t1, template(2).affine))
    standard = prepared_volume.prepared_volume(
        head.data, head.affine, np.eye(4), grid, maps.brain
    ).astype(float)
    relative = standard[maps.every_other] * prepared_volume.SCALE + prepared_volume.OFFSET
    vector = prepared_vector.prepared_vector(head, np.eye(4))
    assert vector == pytest.approx(255 * relative / prepared_volume.CEILING, abs=0.6)


def test_without_signal_in_the_brain_there_is_no_vector() -> None:
    nothing = volume_on_grid(_volume(np.zeros((40, 40, 40)), np.diag([4.0, 4.0, 4.0, 1.0])))
    assert prepared_vector.prepared_vector(nothing, np.eye(4)) is None


def test_the_distance_is_in_spreads_between_people_and_a_hole_is_not_infinitely_far() -> None:
    rng = np.random.default_rng(0)
    people = rng.normal(120, 10, (200, 4000))
    middle = middle_of(list(people))
    assert middle is not None and middle.people == 200
    usual = [middle.distance(one) for one in rng.normal(120, 10, (20, 4000))]
    assert np.mean(usual) == pytest.approx(1, abs=0.05)
    noisy = [middle.distance(one) for one in rng.normal(120, 20, (20, 4000))]
    assert np.mean(noisy) == pytest.approx(2, abs=0.15)
    assert middle.distance(np.zeros(4000)) == pytest.approx(5)


def test_a_few_bad_scans_move_the_middle_little() -> None:
    rng = np.random.default_rng(1)
    good = rng.normal(120, 10, (80, 1000))
    mixed = middle_of([*good, *rng.normal(60, 60, (20, 1000))])
    alone = middle_of(list(good))
    assert alone is not None and mixed is not None
    assert np.abs(mixed.centre - alone.centre).mean() < 5
    assert np.median(mixed.spread / alone.spread) < 1.6


def test_of_fewer_than_ten_people_nothing_is_told() -> None:
    vectors = [np.full(5, 100.0)] * MIN_PEOPLE
    assert middle_of(vectors[1:]) is None
    alike = middle_of(vectors)
    assert alike is not None and alike.distance(vectors[0]) == 0
