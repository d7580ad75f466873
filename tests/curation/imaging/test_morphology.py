"""Masks are dilated, eroded and filled as SciPy does it."""

import numpy as np
import pytest
from scipy import ndimage

from curation.imaging import morphology


@pytest.fixture(scope="module", params=[0.05, 0.5, 0.9, 0.0, 1.0])
def mask(request: pytest.FixtureRequest) -> np.ndarray:
    return np.random.default_rng(0).random((17, 22, 19)) < request.param


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (morphology.dilated, ndimage.binary_dilation),
        (morphology.eroded, ndimage.binary_erosion),
        (morphology.opened, ndimage.binary_opening),
        (morphology.closed, ndimage.binary_closing),
    ],
)
def test_each_step_is_scipys(mask: np.ndarray, times: int, ours, theirs) -> None:
    before = mask.copy()
    assert np.array_equal(ours(mask, times), theirs(mask, iterations=times))
    assert np.array_equal(mask, before)


def test_holes_and_neighbourhoods_are_scipys(mask: np.ndarray) -> None:
    assert np.array_equal(morphology.filled(mask), ndimage.binary_fill_holes(mask))
    assert np.array_equal(
        morphology.neighbourhood(mask), ndimage.binary_dilation(mask, np.ones((3, 3, 3)))
    )


def test_the_largest_part_is_kept_and_nothing_of_nothing() -> None:
    mask = np.zeros((9, 9, 9), dtype=bool)
    assert not morphology.largest(mask).any()
    mask[:2, :2, :2] = True
    mask[5:, 5:, 5:] = True
    assert np.argwhere(morphology.largest(mask)).min() == 5


def test_a_box_holds_its_mask_and_stops_at_the_border() -> None:
    mask = np.zeros((9, 8, 7), dtype=bool)
    assert mask[morphology.box_around(mask)].size == 0
    mask[2:4, 0:3, 6] = True
    assert morphology.box_around(mask) == (slice(2, 4), slice(0, 3), slice(6, 7))
    assert mask[morphology.box_around(mask, 2)].shape == (6, 5, 3)
    assert mask[morphology.box_around(mask, 2)].sum() == mask.sum()


def test_the_middle_is_deepest_in_the_largest_part_and_of_several_the_most_central() -> None:
    mask = np.zeros((20, 20, 20), bool)
    mask[2:4, 2:4, 2:4] = True
    mask[10:15, 8:17, 8:17] = True
    assert morphology.middle(mask).tolist() == [12, 12, 12]
    runs = np.zeros(30, bool)
    runs[[1, 14, 28]] = True
    assert morphology.middle(runs).tolist() == [14]
    ring = np.hypot(*np.ogrid[-10:11, -10:11])
    x, y = morphology.middle((ring > 6) & (ring < 10)).astype(int)
    assert 6 < ring[x, y] < 10  # a centre of gravity would lie outside
    assert morphology.middle(np.zeros((3, 3), bool)) is None


def test_the_extreme_is_looked_for_where_the_mask_holds() -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    assert morphology.extreme(values, values < 7).tolist() == [0, 1, 2]
    assert morphology.extreme(values, values > 99) is None
