"""Each metric equals its closed form on arrays made for it, and says why where it cannot be measured."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage, stats

from curation import metrics
from curation.masks import Masks
from curation.metrics import METRICS, NEEDS, NotMeasurable, Scan
from curation.metrics.geometry import scales_and_shears
from curation.scores import SUBSCORES
from curation.template import template
from curation.volumes import Volume

SHAPE = (60, 64, 62)


def make(data: np.ndarray, **parts: object) -> Scan:
    """A scan on a 2 mm grid with the masks that are given, everything else plain."""
    shape = data.shape
    none, all_ = np.zeros(shape, dtype=bool), np.ones(shape, dtype=bool)
    volume = Volume(
        data.astype(np.float32), np.diag([2.0, 2, 2, 1]), (2.0, 2.0, 2.0), "RAS", "int16"
    )
    defaults = {
        "data": volume.data, "step": np.ones(3), "lit": all_, "head": all_, "brain": all_, "air": none,
        "csf": none, "gm": none, "wm": none, "shares": np.zeros((*shape, 3), np.float32),
        "log_field": np.zeros(shape, np.float32), "depth_mm": np.full(shape, 20.0, np.float32),
        "expected": np.zeros(shape, np.float32), "tissues": None, "grid_to_template": np.eye(4),
        "template_affine": np.eye(4), "similarity": 0.5, "absent": {},
    }  # fmt: skip
    return Scan(volume, Masks(**(defaults | parts)))  # type: ignore[arg-type]


def value(name: str, scan: Scan) -> float:
    return METRICS[name].function(scan)


@pytest.fixture(scope="module")
def tissues() -> Scan:
    """Thirds of fluid, grey and white matter with known noise, and a slab of air."""
    rng = np.random.default_rng(0)
    data, masks = np.zeros(SHAPE), {}
    for index, (name, mean, spread) in enumerate(
        [("csf", 30, 4), ("gm", 70, 5), ("wm", 100, 3), ("air", 8, 2)]
    ):
        mask = np.zeros(SHAPE, dtype=bool)
        mask[:, index * 16 : (index + 1) * 16] = True
        data[mask] = rng.normal(mean, spread, mask.sum())
        masks[name] = mask
    masks["head"] = ~masks["air"]
    return make(data, **masks)


# ---- the registry --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_described_for_the_screen(name: str) -> None:
    entry = METRICS[name]
    assert entry.name == name and name.isidentifier()
    assert entry.family in SUBSCORES
    assert entry.needs <= NEEDS
    for text in (entry.label, entry.formula, entry.meaning, entry.citation):
        assert text.strip()
    assert entry.meaning.endswith(".")
    assert len(entry.meaning) < 160


def test_every_family_has_a_metric() -> None:
    assert {entry.family for entry in METRICS.values()} == set(SUBSCORES)


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


def test_snr_family_is_its_closed_form(tissues: Scan) -> None:
    data, masks = tissues.volume.data, tissues.masks
    air = data[masks.air]
    deviation = 1.4826 * np.median(np.abs(air - np.median(air)))
    ratios, dietrich = [], []
    for name in ("csf", "gm", "wm"):
        values = data[getattr(masks, name)].astype(float)
        n = len(values)
        ratios.append(values.mean() / (values.std() * np.sqrt(n / (n - 1))))
        dietrich.append(0.6551 * values.mean() / deviation)
        assert value(f"snr_{name}", tissues) == pytest.approx(ratios[-1], rel=1e-5)
        assert value(f"snrd_{name}", tissues) == pytest.approx(dietrich[-1], rel=1e-5)
    assert value("snr_total", tissues) == pytest.approx(np.mean(ratios), rel=1e-5)
    assert value("snrd_total", tissues) == pytest.approx(np.mean(dietrich), rel=1e-5)


def test_fber_is_its_closed_form(tissues: Scan) -> None:
    data, masks = tissues.volume.data.astype(float), tissues.masks
    expected = np.median(data[masks.head] ** 2) / np.median(data[masks.air] ** 2)
    assert value("fber", tissues) == pytest.approx(expected, rel=1e-5)


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


def test_cjv_and_cnr_are_their_closed_forms(tissues: Scan) -> None:
    data, masks = tissues.volume.data.astype(float), tissues.masks
    wm, gm, air = data[masks.wm], data[masks.gm], data[masks.air]
    gap = abs(wm.mean() - gm.mean())
    assert value("cjv", tissues) == pytest.approx((wm.std() + gm.std()) / gap, rel=1e-4)
    mad = 1.4826 * np.median(np.abs(air - np.median(air)))
    spread = np.sqrt(mad**2 + wm.var() + gm.var())
    assert value("cnr", tissues) == pytest.approx(gap / spread, rel=1e-4)


def test_contrast_is_its_closed_form_and_needs_white_above_grey(tissues: Scan) -> None:
    assert value("wm_gm_contrast", tissues) == pytest.approx(2 * 30 / 170, rel=0.01)
    swapped = replace(tissues.masks, gm=tissues.masks.wm, wm=tissues.masks.gm)
    with pytest.raises(NotMeasurable, match="no T1-weighted image"):
        value("wm_gm_contrast", Scan(tissues.volume, swapped))


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
    scan = make(data, depth_mm=depth, air=depth < -26, wm=depth > 0)
    assert value(f"ghost_{name}", scan) == pytest.approx(0.07, rel=0.1)
    for other in set("xyz") - {name}:
        assert value(f"ghost_{other}", scan) < 0.02


def test_efc_of_an_even_image_is_its_largest_and_of_one_voxel_its_least() -> None:
    even = make(np.full((16, 16, 16), 9.0))
    n = 16**3
    assert value("efc", even) == pytest.approx(1.0, rel=1e-4)
    point = np.zeros((16, 16, 16))
    point[3, 4, 5] = 7.0
    assert value("efc", make(point)) == pytest.approx(0.0, abs=1e-6)
    two = point.copy()
    two[9, 9, 9] = 7.0
    share = 1 / np.sqrt(2)
    expected = -2 * share * np.log(share) / (np.sqrt(n) * np.log(np.sqrt(n)))
    assert value("efc", make(two)) == pytest.approx(expected, rel=1e-4)


def test_ripples_are_seen_through_noise() -> None:
    noise = np.random.default_rng(5).normal(100, 4, SHAPE)
    wave = 4 * np.sin(2 * np.pi * np.arange(SHAPE[1]) / 8)[:, None]
    still, moved = (make(d, wm=np.ones(SHAPE, bool)) for d in (noise, noise + wave))
    assert value("ripples", moved) > 3 * max(value("ripples", still), 0.005)


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
    scan = make(np.ones(SHAPE), log_field=field.astype(np.float32), wm=np.ones(SHAPE, bool))
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


# ---- incompleteness ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def brain() -> Scan:
    """The template itself as a scan, on its own grid."""
    maps = template(2)
    matrix = maps.affine @ np.diag([0.5, 0.5, 0.5, 1.0])
    wm = maps.wm > 0.9
    return make(
        maps.t1 * 100, depth_mm=maps.depth_mm, brain=maps.brain, wm=wm, gm=maps.gm > 0.9,
        grid_to_template=matrix, expected=maps.t1, air=maps.depth_mm < -26,
    )  # fmt: skip


def without(scan: Scan, gone: np.ndarray) -> Scan:
    data = np.where(gone, 0, scan.volume.data)
    lit = ~np.broadcast_to(gone.all(axis=(0, 1)), scan.masks.data.shape)
    return Scan(replace(scan.volume, data=data), replace(scan.masks, data=data, lit=np.array(lit)))


def test_a_whole_brain_misses_nothing(brain: Scan) -> None:
    for name in ("brain_missing", "empty_slices", "repeated_slices", "border_signal"):
        assert value(name, brain) == pytest.approx(0.0, abs=0.005), name


@pytest.mark.parametrize("height", [70, 85, 95])
def test_missing_brain_is_the_share_that_was_cut(brain: Scan, height: int) -> None:
    gone = np.zeros(brain.masks.data.shape, dtype=bool)
    gone[:, :, height:] = True
    deep = brain.masks.depth_mm > 4
    cut = without(brain, gone)
    assert value("brain_missing", cut) == pytest.approx((gone & deep).sum() / deep.sum(), abs=0.02)
    assert value("border_signal", cut) > 0.05


def test_cutting_the_array_is_the_same_as_emptying_it(brain: Scan) -> None:
    gone = np.zeros(brain.masks.data.shape, dtype=bool)
    gone[:, :, 90:] = True
    emptied = value("brain_missing", without(brain, gone))
    part = {
        name: getattr(brain.masks, name)[:, :, :90]
        for name in ("data", "lit", "depth_mm", "brain", "wm", "log_field")
    }
    volume = replace(brain.volume, data=brain.volume.data[:, :, :90])
    cropped = Scan(volume, replace(brain.masks, **part))
    assert value("brain_missing", cropped) == pytest.approx(emptied, abs=0.005)


def test_empty_and_repeated_and_dark_slices_are_told_apart(brain: Scan) -> None:
    data = brain.volume.data.copy()
    data[:, :, 70] = data[:, :, 69]
    data[:, :, 80] *= 0.4
    data[:, :, 60] = 0
    changed = Scan(replace(brain.volume, data=data), replace(brain.masks, data=data))
    inside = np.flatnonzero((brain.masks.depth_mm > 8).any(axis=(0, 1)))
    assert value("empty_slices", changed) == pytest.approx(1 / (inside[-1] - inside[0] + 1))
    assert 0 < value("repeated_slices", changed) < 0.03
    assert value("slice_dropout", changed) == pytest.approx(0.6, abs=0.03)
    assert value("slice_dropout", brain) < 0.25


def test_what_is_folded_over_is_seen_and_left_out_of_the_air(brain: Scan) -> None:
    data = brain.volume.data.copy()
    data[40:110, :10, 60:110] = 90.0
    folded = Scan(replace(brain.volume, data=data), replace(brain.masks, data=data))
    assert value("folded_share", brain) == 0
    assert value("folded_share", folded) > 0.005
    assert not folded.air[40:110, :10, 60:110].any()


# ---- geometry ------------------------------------------------------------------------------------


def test_scales_and_shears_are_taken_apart_again() -> None:
    angle = 0.3
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    upper = np.diag([1.1, 0.9, 1.3]) @ np.array([[1, 0.1, -0.05], [0, 1, 0.2], [0, 0, 1]])
    scales, shears = scales_and_shears(turn @ upper)
    assert scales == pytest.approx([1.1, 0.9, 1.3])
    assert shears == pytest.approx([0.1, -0.05, 0.2])


def test_the_template_agrees_with_itself_and_is_even(brain: Scan) -> None:
    assert value("template_agreement", brain) == pytest.approx(1.0, abs=0.01)
    assert value("mirror_agreement", brain) > 0.97


def test_a_bent_brain_agrees_less(brain: Scan) -> None:
    index = np.indices(brain.masks.data.shape, dtype=np.float32)
    index[1] += 5 * np.sin(index[0] / 15)
    data = ndimage.map_coordinates(brain.volume.data, index, order=1)
    bent = Scan(replace(brain.volume, data=data), replace(brain.masks, data=data))
    for name in ("template_agreement", "mirror_agreement"):
        assert value(name, bent) < value(name, brain) - 0.02


def test_anisotropy_and_missing_orientation_are_read_from_the_header() -> None:
    volume = Volume(
        np.zeros(SHAPE, np.float32), np.diag([0.8, 0.8, 4, 1]), (0.8, 0.8, 4.0), None, "int16"
    )
    scan = Scan(volume, make(np.zeros(SHAPE)).masks)
    assert value("voxel_anisotropy", scan) == pytest.approx(5.0)
    assert value("orientation_missing", scan) == 1.0
