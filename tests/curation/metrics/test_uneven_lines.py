"""Lines of k-space read weaker than their neighbours, or in another place, are found; even ones are even."""

import numpy as np
import pytest
from scipy import fft, ndimage

from curation.errors import NotMeasurable
from curation.imaging.template import template
from tests.helpers.scan_of_arrays import make, value

AXES = [0, 1, 2]


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    """The template as an image, with a little grain."""
    grain = np.random.default_rng(0).normal(0, 1.5, template(2).t1.shape)
    return np.abs(100 * template(2).t1 + grain).astype(np.float32)


@pytest.fixture(scope="module")
def near(head: np.ndarray) -> np.ndarray:
    """The same, cut off close to the brain."""
    brain = template(2).t1 > 0.05
    box = tuple(slice(max(0, int(w.min()) - 6), int(w.max()) + 7) for w in np.nonzero(brain))
    return head[box]


def weakened(data: np.ndarray, axis: int, by: float, every: int = 9) -> np.ndarray:
    lines = fft.fft(data, axis=axis)
    along = np.moveaxis(lines, axis, 0)
    along[::every] *= 1 - by
    along[::-every] *= 1 - by
    return np.abs(fft.ifft(lines, axis=axis)).astype(np.float32)


def test_an_even_head_is_even_and_grain_or_shading_change_nothing(head: np.ndarray) -> None:
    noise = np.random.default_rng(1).normal(0, 10, head.shape)
    ramp = np.linspace(0.6, 1.4, head.shape[1])[:, None]
    for data in (head, np.abs(head + noise), head * ramp, 7 * head):
        assert value("uneven_lines", make(data)) < 0.02


@pytest.mark.parametrize("axis", AXES)
def test_weaker_lines_are_found_along_each_axis_and_more_is_more(
    head: np.ndarray, axis: int
) -> None:
    found = [value("uneven_lines", make(weakened(head, axis, by))) for by in (0.3, 0.5, 0.7)]
    assert 0.05 < found[0] < found[1] < found[2]


def test_an_image_that_was_interpolated_or_blurred_is_not_uneven(head: np.ndarray) -> None:
    lines = fft.fftshift(fft.fft(head, axis=1), axes=1)
    more = fft.ifftshift(np.pad(lines, ((0, 0), (40, 40), (0, 0))), axes=1)
    filled = np.abs(fft.ifft(more, axis=1)).astype(np.float32)
    wide = ndimage.zoom(head, (1, 1, 1.5), order=3)
    for data in (wide, filled, np.round(filled), ndimage.gaussian_filter(head, 1.5)):
        assert value("uneven_lines", make(data)) < 0.05


def test_too_few_voxels_have_no_lines_to_compare() -> None:
    with pytest.raises(NotMeasurable):
        value("uneven_lines", make(np.ones((20, 64, 64))))


def moved_while_read(data: np.ndarray, axis: int, voxels: float) -> np.ndarray:
    """Read the outer part of k-space after the head has moved across the lines, by splines."""
    across = [0.0, 0.0, 0.0]
    across[(axis + 1) % 3] = voxels
    before, after = (
        fft.fft(each, axis=axis) for each in (data, ndimage.shift(data, across, order=3))
    )
    along = [1, 1, 1]
    along[axis] = -1
    late = np.abs(fft.fftfreq(data.shape[axis])).reshape(along) > 0.1
    return np.abs(fft.ifft(np.where(late, after, before), axis=axis)).astype(np.float32)


@pytest.mark.parametrize("axis", AXES)
def test_a_head_that_moved_between_two_lines_is_found_along_each_axis_and_more_is_more(
    near: np.ndarray, axis: int
) -> None:
    found = [value("broken_lines", make(moved_while_read(near, axis, by))) for by in (0, 0.6, 1)]
    assert found[0] < 0.01 < found[1] < found[2]


def test_grain_shading_and_an_interpolated_image_are_no_break(
    near: np.ndarray,
) -> None:
    noise = np.random.default_rng(1).normal(0, 10, near.shape)
    ramp = np.linspace(0.6, 1.4, near.shape[1])[:, None]
    wide = ndimage.zoom(near, (1, 1, 1.5), order=3)
    for data in (near, np.abs(near + noise), near * ramp, wide):
        assert value("broken_lines", make(data)) < 0.03
