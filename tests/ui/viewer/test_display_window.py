"""Windows show tissue, or the air beneath it, whatever a few blazing voxels say."""

import numpy as np
import pytest

from pages.ui.viewer.display_window import (
    AIR_WINDOW,
    FIRST_WINDOW,
    WINDOWS,
    coarse_head,
    middle_of_head,
    solid,
)

NOWHERE = np.empty(0, np.float32)


def sample() -> np.ndarray:
    rng = np.random.default_rng(0)
    air, tissue = np.abs(rng.normal(0, 5, 6000)), rng.normal(500, 60, 4000)
    return np.concatenate([air, tissue]).astype(np.float32)


def test_tissue_comes_first_and_the_air_is_the_other() -> None:
    assert list(WINDOWS) == [FIRST_WINDOW, AIR_WINDOW] == ["Tissue", "Background"]


def test_in_3d_the_air_is_left_out_and_the_head_is_not() -> None:
    (black, white), (_, tissue_white) = (
        solid(sample()),
        WINDOWS[FIRST_WINDOW].limits(sample(), NOWHERE),
    )
    assert (sample()[:6000] > black).mean() < 0.001  # what would stand around the head as fog
    assert (sample()[6000:] > black).mean() > 0.999
    assert white == tissue_white


def test_in_3d_a_stripped_head_keeps_all_its_tissue() -> None:
    rng = np.random.default_rng(1)
    stripped = np.concatenate([np.zeros(6000), rng.normal(500, 60, 4000)]).astype(np.float32)
    assert 0 <= solid(stripped)[0] < stripped[6000:].min()


@pytest.mark.parametrize("value", [0.0, -3.0, 7.0])
def test_in_3d_an_image_of_nothing_has_a_window(value: float) -> None:
    black, white = solid(np.full(1000, value, np.float32))
    assert np.isfinite([black, white]).all() and black <= white


def test_the_background_is_the_lowest_tenth_of_the_tissue() -> None:
    (black, white), (low, high) = (
        WINDOWS[w].limits(sample(), NOWHERE) for w in ("Background", "Tissue")
    )
    assert black == low
    assert white - black == pytest.approx((high - low) / 10)


def test_a_few_blazing_voxels_change_nothing() -> None:
    plain, blazing = sample(), sample()
    blazing[:5] = 1e9
    for window in WINDOWS.values():
        white, usual = (window.limits(seen, NOWHERE)[1] for seen in (blazing, plain))
        assert white == pytest.approx(usual, rel=0.05)


def _head(brain: float, fat: float) -> np.ndarray:
    """A head in air, off the middle of its image: a ball of brain in a thin shell of fat."""
    rng = np.random.default_rng(2)
    x, y, z = np.mgrid[:60, :64, :20]
    far = np.sqrt((x - 34) ** 2 + (y - 28) ** 2 + (3 * (z - 9)) ** 2)
    image = np.where(far < 22, brain, np.where(far < 26, fat, 5.0))
    return (image * rng.normal(1, 0.05, image.shape)).astype(np.float32)


@pytest.mark.parametrize(("fat", "at_most"), [(1000.0, 1.5), (420.0, 1.5), (100.0, 1.3)])
def test_the_brain_is_bright_however_bright_the_fat_around_it(fat: float, at_most: float) -> None:
    image = _head(400.0, fat)
    white = WINDOWS[FIRST_WINDOW].limits(image.ravel(), middle_of_head(*coarse_head(image)))[1]
    assert 400 < white < at_most * 400


def test_fat_no_brighter_than_the_brain_leaves_the_window_as_it_is() -> None:
    image = _head(400.0, 420.0)
    tissue = WINDOWS[FIRST_WINDOW]
    with_middle = tissue.limits(image.ravel(), middle_of_head(*coarse_head(image)))
    assert with_middle == tissue.limits(image.ravel(), NOWHERE)


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_an_image_of_nothing_has_no_middle(value: float) -> None:
    assert middle_of_head(*coarse_head(np.full((4, 5, 6), value, np.float32))).size == 0
