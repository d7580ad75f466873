"""Windows show tissue, or the air beneath it, whatever a few blazing voxels say."""

import numpy as np
import pytest

from pages.ui.viewer.display_window import AIR_WINDOW, FIRST_WINDOW, WINDOWS, solid


def sample() -> np.ndarray:
    rng = np.random.default_rng(0)
    air, tissue = np.abs(rng.normal(0, 5, 6000)), rng.normal(500, 60, 4000)
    return np.concatenate([air, tissue]).astype(np.float32)


def test_tissue_comes_first_and_the_air_is_the_other() -> None:
    assert list(WINDOWS) == [FIRST_WINDOW, AIR_WINDOW] == ["Tissue", "Background"]


def test_in_3d_the_air_is_left_out_and_the_head_is_not() -> None:
    (black, white), (_, tissue_white) = solid(sample()), WINDOWS[FIRST_WINDOW].limits(sample())
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
    (black, white), (low, high) = (WINDOWS[w].limits(sample()) for w in ("Background", "Tissue"))
    assert black == low
    assert white - black == pytest.approx((high - low) / 10)


def test_a_few_blazing_voxels_change_nothing() -> None:
    plain, blazing = sample(), sample()
    blazing[:5] = 1e9
    for window in WINDOWS.values():
        assert window.limits(blazing)[1] == pytest.approx(window.limits(plain)[1], rel=0.05)
