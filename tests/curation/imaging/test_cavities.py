"""Cavities are told from shadings and from furrows, on the template's own brain."""

import numpy as np
import pytest
from scipy import ndimage

from curation.imaging.cavities import find_cavities
from curation.imaging.template import template

CENTRE = np.array([-30.0, -20.0, 25.0])


@pytest.fixture(scope="module")
def parts() -> dict[str, np.ndarray]:
    """The template: where brain is, what its fluid is, and how far each point is from a place in it."""
    maps = template(2)
    index = np.indices(maps.t1.shape).reshape(3, -1)
    world = maps.affine[:3, :3] @ index + maps.affine[:3, 3:]
    away = np.sqrt(((world - CENTRE[:, None]) ** 2).sum(axis=0)).reshape(maps.t1.shape)
    brightness = 100 * (0.3 * maps.csf + 0.7 * maps.gm + 1.0 * maps.wm)
    return {
        "data": brightness.astype(np.float32),
        "inside": maps.signed_distance_mm > 0,
        "prior": maps.csf,
        "away": away,
        "along": world[1].reshape(maps.t1.shape),
    }


def found(parts: dict[str, np.ndarray], data: np.ndarray) -> float:
    """Return the volume in ml of the cavities of an image."""
    fluid = (data < 45).astype(np.float32)
    image = data.astype(np.float32)
    cavities = find_cavities(image, image, fluid, parts["prior"], parts["inside"])
    return float(cavities.sum()) * 8 / 1000


def test_a_healthy_brain_has_none(parts: dict[str, np.ndarray]) -> None:
    assert found(parts, parts["data"]) == 0


@pytest.mark.parametrize("radius_mm", [14, 25])
def test_a_ball_of_fluid_is_one_and_has_its_size_with_a_rim(
    parts: dict[str, np.ndarray], radius_mm: float
) -> None:
    ball = (parts["away"] < radius_mm) & parts["inside"]
    data = np.where(ball, 30.0, parts["data"])
    ml = ball.sum() * 8 / 1000
    assert ml * 0.8 < found(parts, data) < 2.2 * ml


def test_a_shading_however_strong_is_none(parts: dict[str, np.ndarray]) -> None:
    for strength in (0.5, 1.0, 2.0):
        shaded = parts["data"] * np.exp(strength * parts["along"] / 100)
        assert found(parts, shaded) == 0


def test_thin_furrows_and_small_holes_are_none(parts: dict[str, np.ndarray]) -> None:
    lines = ndimage.binary_dilation(np.abs(parts["along"] % 24 - 12) < 1.0) & parts["inside"]
    assert found(parts, np.where(lines, 30.0, parts["data"])) == 0
    assert found(parts, np.where(parts["away"] < 8, 30.0, parts["data"])) == 0
