"""The map to the template climbs mutual information by its exact slope, and to its top."""

import numpy as np
import pytest
from scipy import ndimage

from curation.imaging import otsu_threshold
from curation.imaging import registration_refinement as refinement
from curation.imaging.registration_refinement import LEVELS, Scene

EDGE_MM = 2.0


@pytest.fixture(scope="module")
def scene() -> Scene:
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).random((60, 62, 64)), 2.5)
    data = (smooth - smooth.min()) / np.ptp(smooth)
    return Scene(data.astype(np.float32), np.ones(data.shape, dtype=bool), EDGE_MM, 0.9)


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    inside = np.random.default_rng(1).uniform(-40, 40, (3, 6000))
    return np.vstack([inside, np.ones(6000)])


def levels_at(scene: Scene, matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The scan's own levels where a map puts the points: there, that map is the answer."""
    values, _ = scene.values_and_slopes(matrix[:3] @ points / EDGE_MM)
    return np.clip(values * LEVELS, 0, LEVELS - 1).astype(np.int64)


def placed(*, turn: float = 0.0, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
    matrix = np.eye(4)
    rotation, _ = refinement._rotation(np.array([turn, -turn / 2, turn / 3]))
    matrix[:3, :3] = rotation * scale
    matrix[:3, 3] = np.array([60.0, 62.0, 64.0]) + shift
    return matrix


def test_the_slope_is_that_of_the_mutual_information(scene: Scene, points: np.ndarray) -> None:
    levels = levels_at(scene, placed(), points)
    change = placed(turn=0.02, shift=1.0)[:3]
    _, slope = refinement.mutual_information(change, scene, points, levels)
    for place in ((0, 0), (1, 3), (2, 1), (0, 3)):
        step = np.zeros((3, 4))
        step[place] = 1e-2 if place[1] == 3 else 2e-4
        high, low = (
            refinement.mutual_information(change + sign * step, scene, points, levels)[0]
            for sign in (1, -1)
        )
        assert slope[place] == pytest.approx((high - low) / (2 * step[place]), rel=0.1)


@pytest.mark.parametrize("similar", [True, False])
def test_a_map_that_was_moved_is_found_again(
    scene: Scene, points: np.ndarray, similar: bool
) -> None:
    answer = placed(turn=0.03, scale=1.02, shift=1.5)
    levels = levels_at(scene, answer, points)
    found = refinement.refine(placed(), scene, points, levels, similar=similar)
    apart = np.linalg.norm(((found - answer) @ points)[:3], axis=0)
    assert apart.mean() < 0.3


def test_a_similarity_stays_one(scene: Scene, points: np.ndarray) -> None:
    levels = levels_at(scene, placed(turn=0.03, scale=1.02), points)
    found = refinement.refine(placed(), scene, points, levels, similar=True)
    assert np.ptp(np.linalg.svd(found[:3, :3], compute_uv=False)) < 1e-6


def test_out_of_view_there_is_nothing_to_climb(scene: Scene, points: np.ndarray) -> None:
    far = placed(shift=500.0)
    value, slope = refinement.mutual_information(
        far[:3], scene, points, np.zeros(6000, dtype=np.int64)
    )
    assert value == 0 and not slope.any()
    assert np.allclose(refinement.refine(far, scene, points, np.zeros(6000, dtype=np.int64)), far)


def test_between_brightnesses_that_differ_by_rounding_alone_there_is_no_threshold() -> None:
    data = np.full((8, 8, 8), 1e9, np.float32)
    data[0] = np.nextafter(np.float32(1e9), np.float32(2e9))
    assert otsu_threshold.threshold(data) == 0
    assert otsu_threshold.threshold(np.zeros((8, 8, 8), np.float32)) == 0
