"""Each metric equals its closed form on arrays made for it, and says why where it cannot be measured."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage, stats

from curation import metrics
from curation.imaging import volumes
from curation.imaging.masks import find_masks
from curation.imaging.volumes import Volume
from curation.metrics import METRICS, NEEDS, Scan
from curation.metrics.registry import FAMILIES, PREPARED
from curation.simulation import phantom_t1w
from curation.simulation.phantom_t1w import SCANNERS, Person
from tests.helpers import scan_of_arrays
from tests.helpers.scan_of_arrays import SHAPE, make, value


@pytest.fixture(scope="module")
def tissues() -> Scan:
    return scan_of_arrays.thirds()


# ---- the registry --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_described_for_the_screen(name: str) -> None:
    entry = METRICS[name]
    assert entry.name == name and name.isidentifier()
    assert entry.family in (*FAMILIES, PREPARED)
    assert entry.needs <= NEEDS
    for text in (entry.label, entry.formula, entry.meaning, entry.citation):
        assert text.strip()
    assert entry.meaning.endswith(".")
    assert len(entry.meaning) < 160


def test_every_family_has_a_metric() -> None:
    assert {entry.family for entry in METRICS.values()} == {*FAMILIES, PREPARED}


def test_what_a_scan_lacks_is_nan_with_its_reason(tissues: Scan) -> None:
    masks = replace(tissues.masks, absent={"air": "no air", "tissues": "no tissue"})
    values, reasons = metrics.measure(tissues.volume, masks)
    assert set(values) == set(METRICS)
    for name, entry in METRICS.items():
        if "air" in entry.needs:
            assert math.isnan(values[name]) and reasons[name] == "no air"
        elif "tissues" in entry.needs:
            assert math.isnan(values[name]) and reasons[name] == "no tissue"
    assert {name for name, v in values.items() if math.isnan(v)} == set(reasons)


def test_a_formula_without_a_finite_value_is_not_measurable() -> None:
    one_tissue = make(np.full(SHAPE, 5.0), wm=np.ones(SHAPE, bool), gm=np.ones(SHAPE, bool))
    values, reasons = metrics.measure(one_tissue.volume, one_tissue.masks)
    assert math.isnan(values["cjv"]) and reasons["cjv"]


# ---- noise ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [1.0, 5.0, 20.0])
def test_grain_is_the_noise_whatever_the_slope_under_it(sigma: float) -> None:
    slope = 100 + np.arange(SHAPE[0])[:, None, None] * 0.5
    noise = np.random.default_rng(1).normal(0, sigma, SHAPE)
    scan = make(slope + noise, wm=np.ones(SHAPE, bool))
    assert value("noise_wm", scan) == pytest.approx(sigma / scan.wm_mean, rel=0.03)


def test_a_wave_has_its_amplitude_and_noise_has_none() -> None:
    noise = np.random.default_rng(2).normal(100, 10, SHAPE)
    x, y = np.arange(SHAPE[0])[:, None, None], np.arange(SHAPE[1])[:, None]
    wave = 6 * np.cos(2 * np.pi * (0.2 * x + 0.25 * y))
    assert value("wave_amplitude", make(noise)) < 0.01
    scan = make(noise + wave)
    assert value("wave_amplitude", scan) == pytest.approx(6 / scan.wm_mean, rel=0.1)


# ---- contrast ------------------------------------------------------------------------------------


def test_contrast_is_its_closed_form(tissues: Scan) -> None:
    assert value("wm_gm_contrast", tissues) == pytest.approx(2 * 30 / 170, rel=0.01)


def test_noise_makes_no_contrast() -> None:
    """It did where the surest points of a tissue were averaged: noise chooses which these are."""
    data, affine = phantom_t1w.scan(Person("sub-1", 40.0, "F", 7), SCANNERS["North"])
    white = float(np.percentile(data, 98))
    rng, found = np.random.default_rng(4), []
    for noise in (0.0, 0.08 * white):
        grain = rng.normal(0, 1, (2, *data.shape)) * noise
        made = np.hypot(data + grain[0], grain[1]).astype(np.float32)
        volume = volumes.conform(Volume(made, affine, (2.0, 2.0, 2.0), "RAS", "float32"))
        found.append(value("wm_gm_contrast", Scan(volume, find_masks(volume))))
    assert found[1] < 1.03 * found[0]


def test_what_needs_white_above_grey_matter_says_so(tissues: Scan) -> None:
    other = replace(tissues.masks, absent={"t1w": "no T1-weighted image"})
    values, reasons = metrics.measure(tissues.volume, other)
    for name in ("wm_gm_contrast", "template_agreement"):
        assert math.isnan(values[name]) and reasons[name] == "no T1-weighted image"


def test_saturated_share_counts_what_was_cut_off() -> None:
    data = np.random.default_rng(3).uniform(0, 100, SHAPE)
    assert value("saturated_share", make(np.minimum(data, 80))) == pytest.approx(0.2, abs=0.01)


def test_grey_levels_counts_steps() -> None:
    data = np.random.default_rng(3).integers(0, 20, SHAPE)
    assert 17 <= value("grey_levels", make(data)) <= 20


# ---- motion --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [1.0, 6.0])
@pytest.mark.parametrize(("axis", "name"), [(0, "x"), (1, "y"), (2, "z")])
def test_a_ghost_has_its_amplitude_whatever_the_noise(axis: int, name: str, sigma: float) -> None:
    depth = np.full(SHAPE, -40.0, np.float32)
    depth[20:40, 22:42, 21:41] = 20.0
    signal = np.where(depth > 0, 100.0, 0.0)
    index: list[slice | int] = [slice(20, 40), slice(22, 42), slice(21, 41)]
    index[axis] = slice(None)
    ghost = np.zeros(SHAPE)
    ghost[tuple(index)] = 7.0
    signal = np.where(depth > 0, signal, ghost)
    rng = np.random.default_rng(4)
    data = np.hypot(signal + rng.normal(0, sigma, SHAPE), rng.normal(0, sigma, SHAPE))
    scan = make(data, signed_distance_mm=depth, air=depth < -26, wm=depth > 0)
    assert value(f"ghost_{name}", scan) == pytest.approx(0.07, rel=0.1)
    for other in set("xyz") - {name}:
        assert value(f"ghost_{other}", scan) < 0.02


def test_ripples_are_seen_through_noise() -> None:
    noise = np.random.default_rng(5).normal(100, 4, SHAPE)
    wave = 4 * np.sin(2 * np.pi * np.arange(SHAPE[1]) / 8)[:, None]
    still, moved = (make(d, wm=np.ones(SHAPE, bool)) for d in (noise, noise + wave))
    assert value("ripples", moved) > 3 * max(value("ripples", still), 0.005)


def test_grain_that_is_alike_in_neighbours_is_no_ripple() -> None:
    # as where k-space is filled with zeros to a finer grid, or smoothed by a filter
    grain = np.random.default_rng(6).normal(0, 4, SHAPE)
    kept = np.abs(np.fft.fftfreq(SHAPE[0])) <= 0.33
    filled = np.fft.ifft(np.fft.fft(grain, axis=0) * kept[:, None, None], axis=0).real
    smooth = ndimage.convolve1d(grain, [0.25, 0.5, 0.25], axis=1)
    for data in (grain, filled, smooth):
        assert value("ripples", make(100 + data, wm=np.ones(SHAPE, bool))) < 0.008


def test_ripples_are_measured_where_both_sides_are_white_on_fine_voxels_too() -> None:
    # Voxels of 0.7 mm on the grid of 2 mm: four of them are a point and 0.4.
    white = np.zeros(SHAPE, bool)
    white[10:50, 10:54, 10:52] = True
    step = np.full(3, 2 / 0.7)
    shape = [round(n * each) for n, each in zip(SHAPE, step, strict=True)]
    inside = ndimage.zoom(white.astype(np.float32), np.array(shape) / SHAPE, order=1) > 0.5
    data = np.where(inside, 100.0, 60.0) + np.random.default_rng(7).normal(0, 2, shape)
    scan = make(np.ones(SHAPE), wm=white, step=step)
    fine = replace(scan.volume, data=data.astype(np.float32), spacing_mm=(0.7, 0.7, 0.7))
    assert METRICS["ripples"].function(Scan(fine, scan.masks)) < 0.006


# ---- blur ----------------------------------------------------------------------------------------


def stripes(sigma_voxels: float, noise: float) -> Scan:
    """Wide stripes along each axis in turn would do; one set of oblique-free steps along x is enough."""
    x = (np.arange(90) // 15 % 2).astype(float)
    blurred = ndimage.gaussian_filter1d(x, sigma_voxels) if sigma_voxels else x
    data = 50 + 100 * np.broadcast_to(blurred[:, None, None], (90, 60, 60))
    data = data + np.random.default_rng(6).normal(0, noise, data.shape)
    return make(data)


@pytest.mark.parametrize("noise", [1.0, 10.0])
@pytest.mark.parametrize("sigma", [1.0, 1.5])
def test_edge_width_is_that_of_the_blur_whatever_the_noise(sigma: float, noise: float) -> None:
    normal = stats.norm(scale=sigma)
    # The edge lies between two voxels: one step spans ±0.5 voxels about it, the whole ±2.5.
    expected = (normal.cdf(2.5) - normal.cdf(-2.5)) / (normal.cdf(0.5) - normal.cdf(-0.5))
    assert value("edge_width_x", stripes(sigma, noise)) == pytest.approx(expected, rel=0.12)


def test_a_sharp_edge_is_one_voxel_wide() -> None:
    assert value("edge_width_x", stripes(0, 1.0)) == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize("kept", [0.4, 0.6, 0.8])
def test_filled_k_space_is_the_share_that_was_kept(kept: float) -> None:
    grain = np.random.default_rng(7).normal(100, 5, (80, 80, 80))
    grain += 40 * ndimage.gaussian_filter(np.random.default_rng(8).normal(0, 9, grain.shape), 2)
    spectrum = np.fft.rfft(grain, axis=1)
    spectrum[:, round(kept * spectrum.shape[1]) :] = 0
    cut = np.fft.irfft(spectrum, n=80, axis=1)
    assert value("resolution_share", make(grain)) == pytest.approx(1.0)
    assert value("resolution_share", make(cut)) == pytest.approx(kept, abs=0.06)


# ---- inhomogeneity -------------------------------------------------------------------------------


def test_bias_range_is_that_of_the_field() -> None:
    field = np.broadcast_to(np.linspace(-0.5, 0.5, SHAPE[0])[:, None, None], SHAPE)
    scan = make(np.ones(SHAPE), log_bias_field=field.astype(np.float32), wm=np.ones(SHAPE, bool))
    assert value("bias_range", scan) == pytest.approx(0.9, rel=0.03)
    per_cm = 1.0 / ((SHAPE[0] - 1) * 0.2)
    assert value("bias_steepness", scan) == pytest.approx(per_cm, rel=0.01)


def test_left_right_difference_is_its_logarithm() -> None:
    data = np.full(SHAPE, 100.0)
    data[30:] = 150.0
    matrix = np.eye(4)
    matrix[0, 3] = -60.0
    scan = make(data, wm=np.ones(SHAPE, bool), grid_to_template=matrix)
    assert value("left_right_difference", scan) == pytest.approx(np.log(1.5), rel=1e-5)
