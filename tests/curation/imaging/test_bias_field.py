"""The N4 field: a known bias field is found, and what has none has none."""

import numpy as np
import pytest
from scipy import ndimage

from curation.imaging import bias_field
from curation.imaging.bias_field import n4_field
from curation.metrics import mriqc_definitions

SHAPE = (88, 96, 80)


@pytest.fixture(scope="module")
def brain() -> tuple[np.ndarray, np.ndarray]:
    """A ball of two tissues, folded like a cortex, with its mask."""
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij"))
    inside = (grid**2).sum(axis=0) < 0.8
    folds = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal(SHAPE), 3) > 0
    return np.where(inside, np.where(folds, 100.0, 70.0), 0.0).astype(np.float32), inside


@pytest.mark.parametrize("strength", [0.4, 0.8])
def test_a_shading_is_found_with_its_range(
    brain: tuple[np.ndarray, np.ndarray], strength: float
) -> None:
    data, inside = brain
    ramp = np.exp(strength * np.linspace(-1, 1, SHAPE[1]))[None, :, None].astype(np.float32)
    low, high = np.percentile(np.broadcast_to(ramp, SHAPE)[inside], [5, 95])
    plain, _ = mriqc_definitions.inu(n4_field(data, inside))
    spread, middle = mriqc_definitions.inu(n4_field(data * ramp, inside))
    assert plain < 0.1
    assert spread / middle == pytest.approx(high - low, rel=0.25)


def test_twice_the_same_gives_the_same_bytes(brain: tuple[np.ndarray, np.ndarray]) -> None:
    assert n4_field(*brain).tobytes() == n4_field(*brain).tobytes()


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_without_a_brain_or_without_contrast_there_is_no_field(value: float) -> None:
    data = np.full(SHAPE, value, dtype=np.float32)
    assert n4_field(data, np.zeros(SHAPE, dtype=bool)).size == 0
    assert n4_field(data, np.ones(SHAPE, dtype=bool)).size == 0


@pytest.mark.parametrize("strength", [0.0, 0.6])
def test_the_field_is_that_of_simpleitks_filter(
    brain: tuple[np.ndarray, np.ndarray], strength: float
) -> None:
    import SimpleITK as sitk

    data, inside = brain
    ramp = np.exp(strength * np.linspace(-1, 1, SHAPE[1]))[None, :, None].astype(np.float32)
    grain = np.random.default_rng(1).normal(1, 0.05, SHAPE).astype(np.float32)
    part, mask = bias_field.coarse_brain(data * ramp * grain, inside)
    image, of_mask = (
        sitk.GetImageFromArray(each.transpose(2, 1, 0)) for each in (part, mask.astype(np.uint8))
    )
    method = sitk.N4BiasFieldCorrectionImageFilter()
    method.SetNumberOfThreads(1)
    method.Execute(image, of_mask)
    theirs = sitk.GetArrayFromImage(method.GetLogBiasFieldAsImage(image)).transpose(2, 1, 0)[mask]
    np.testing.assert_allclose(bias_field.n4_log_field(part, mask), theirs, atol=5e-4)


def test_a_point_of_next_to_nothing_changes_nothing(brain: tuple[np.ndarray, np.ndarray]) -> None:
    data, inside = brain
    ramp = np.exp(0.6 * np.linspace(-1, 1, SHAPE[1]))[None, :, None].astype(np.float32)
    shaded = data * ramp
    dark = shaded.copy()
    dark[40:46, 45:51, 38:44] = 1e-30
    spread, _ = mriqc_definitions.inu(n4_field(shaded, inside))
    found, _ = mriqc_definitions.inu(n4_field(dark, inside))
    assert found == pytest.approx(spread, rel=0.1)
