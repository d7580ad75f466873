"""Matrices along the axes smooth and resample as SciPy does."""

import numpy as np
import pytest
from scipy import ndimage

from curation.imaging import separable

SHAPE = (21, 34, 28)


@pytest.fixture(scope="module")
def data() -> np.ndarray:
    return np.random.default_rng(0).random(SHAPE, dtype=np.float32)


@pytest.mark.parametrize(("sigma", "every"), [(0.8, 1), (1.6, 2), (7.5, 1)])
def test_smoothing_is_scipys_gaussian(data: np.ndarray, sigma: float, every: int) -> None:
    found = separable.along_axes(data, [separable.smoothing(n, sigma, every) for n in SHAPE])
    expected = ndimage.gaussian_filter(data, sigma)[::every, ::every, ::every]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_stretching_is_scipys_zoom(data: np.ndarray) -> None:
    shape = (40, 67, 55)
    matrices = [separable.stretching(n, of) for n, of in zip(shape, SHAPE, strict=True)]
    expected = ndimage.zoom(data, np.array(shape) / SHAPE, order=1)
    np.testing.assert_allclose(separable.along_axes(data, matrices), expected, atol=1e-5)


@pytest.mark.parametrize("step", [(2.0, 1.5, 1.0), (0.66, 2.3, 1.1)])
def test_averaging_is_a_gaussian_read_linearly(
    data: np.ndarray, step: tuple[float, float, float]
) -> None:
    shape = tuple(int(n / s) for n, s in zip(SHAPE, step, strict=True))
    sizes = zip(shape, SHAPE, step, strict=True)
    found = separable.along_axes(data, [separable.averaging(*each) for each in sizes])
    sigma = [0.35 * s if s > 1.2 else 0.0 for s in step]
    smooth = ndimage.gaussian_filter(data, sigma, truncate=2.5)
    expected = ndimage.affine_transform(smooth, step, output_shape=shape, order=1, mode="nearest")
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_axis_without_a_matrix_stays(data: np.ndarray) -> None:
    assert np.array_equal(separable.along_axes(data, [None, None, None]), data)
