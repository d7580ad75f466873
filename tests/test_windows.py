"""Windows show tissue, or the air beneath it, whatever a few blazing voxels say."""

import numpy as np
import pytest

from pages.ui.windows import FIRST_WINDOW, WINDOWS


def sample() -> np.ndarray:
    rng = np.random.default_rng(0)
    air, tissue = np.abs(rng.normal(0, 5, 6000)), rng.normal(500, 60, 4000)
    return np.concatenate([air, tissue]).astype(np.float32)


def test_the_background_comes_first() -> None:
    assert next(iter(WINDOWS)) == FIRST_WINDOW == "Background"


def test_the_background_is_the_lowest_tenth_of_the_tissue() -> None:
    (black, white), (low, high) = (WINDOWS[w].limits(sample()) for w in ("Background", "Tissue"))
    assert black == low
    assert white - black == pytest.approx((high - low) / 10)


def test_a_few_blazing_voxels_change_nothing() -> None:
    plain, blazing = sample(), sample()
    blazing[:5] = 1e9
    for window in WINDOWS.values():
        assert window.limits(blazing)[1] == pytest.approx(window.limits(plain)[1], rel=0.05)
