"""What is missing and what is bent: closed forms on the template's brain and on made arrays."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from curation.imaging.template import template
from curation.imaging.tissue_segmentation import POWERS, Tissues
from curation.imaging.volumes import Volume
from curation.metrics import Scan
from curation.metrics.geometry import scales_and_shears
from tests.helpers.scan_of_arrays import SHAPE, make, value

_MAPS = ("data", "valid_slices", "signed_distance_mm", "brain", "wm")


def test_a_dark_slab_is_found_and_a_dark_border_is_not() -> None:
    anatomy = np.linspace(0.5, 1.0, SHAPE[2]) * np.ones(SHAPE)
    assert value("slab_dropout", make(100 * anatomy, template_intensity=anatomy)) == pytest.approx(
        0, abs=1e-6
    )
    inner, outer = 100 * anatomy, 100 * anatomy
    inner[:, :, 28:36] *= 0.6
    outer[:, :, :8] *= 0.6
    assert value("slab_dropout", make(inner, template_intensity=anatomy)) == pytest.approx(
        0.4, abs=0.01
    )
    assert value("slab_dropout", make(outer, template_intensity=anatomy)) < 0.05


@pytest.mark.parametrize("dark", [[30], [30, 31], [30, 31, 32], [20, 40], [1]])
def test_slices_darker_than_those_on_both_sides_are_found(dark: list[int]) -> None:
    data = 100 + np.random.default_rng(0).random(SHAPE)
    data[:, :, dark] *= 0.6
    assert value("slice_dropout", make(data)) == pytest.approx(0.4, abs=1e-3)


def test_a_brain_that_darkens_towards_its_end_has_no_dark_slice() -> None:
    ends = np.minimum(np.arange(SHAPE[2]), np.arange(SHAPE[2])[::-1])
    grain = np.random.default_rng(0).normal(1, 0.01, SHAPE)
    anatomy = 100 * np.minimum(0.4 + 0.1 * ends, 1.0) * grain
    assert value("slice_dropout", make(anatomy)) < 1e-3


@pytest.mark.parametrize("degrees", [0.0, 20.0, 90.0])
def test_head_turn_is_the_angle_of_the_affine(degrees: float) -> None:
    angle = np.radians(degrees)
    turned = np.eye(4)
    turned[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    scan = make(np.ones(SHAPE), template_affine=turned @ np.diag([1.2, 1.1, 1.15, 1.0]))
    assert value("head_turn", scan) == pytest.approx(degrees, abs=2.0)


# ---- incompleteness ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def brain() -> Scan:
    """The template itself as a scan, on its own grid."""
    maps = template(2)
    matrix = maps.affine @ np.diag([0.5, 0.5, 0.5, 1.0])
    wm, priors = maps.wm > 0.9, np.stack([maps.csf, maps.gm, maps.wm], axis=-1)
    means = [100 * float(maps.t1[part > 0.9].mean()) for part in (maps.csf, maps.gm, maps.wm)]
    return make(
        maps.t1 * 100,
        signed_distance_mm=maps.signed_distance_mm,
        brain=maps.brain,
        wm=wm,
        gm=maps.gm > 0.9,
        grid_to_template=matrix,
        template_intensity=maps.t1,
        tissue_priors=priors,
        tissues=Tissues(np.array(means), np.full(3, 5.0), np.zeros(len(POWERS))),
        air=maps.signed_distance_mm < -26,
    )


def without(scan: Scan, gone: np.ndarray) -> Scan:
    data = np.where(gone, 0, scan.volume.data)
    lit = ~np.broadcast_to(gone.all(axis=(0, 1)), scan.masks.data.shape)
    return Scan(
        replace(scan.volume, data=data), replace(scan.masks, data=data, valid_slices=np.array(lit))
    )


def test_a_whole_brain_misses_nothing(brain: Scan) -> None:
    for name in ("brain_missing", "empty_slices", "repeated_slices", "border_signal"):
        assert value(name, brain) == pytest.approx(0.0, abs=0.005), name


@pytest.mark.parametrize("height", [70, 85, 95])
def test_missing_brain_is_the_share_that_was_cut(brain: Scan, height: int) -> None:
    gone = np.zeros(brain.masks.data.shape, dtype=bool)
    gone[:, :, height:] = True
    deep = brain.masks.signed_distance_mm > 4
    cut = without(brain, gone)
    assert value("brain_missing", cut) == pytest.approx((gone & deep).sum() / deep.sum(), abs=0.02)
    assert value("border_signal", cut) > 0.05


def test_cutting_the_array_is_the_same_as_emptying_it(brain: Scan) -> None:
    gone = np.zeros(brain.masks.data.shape, dtype=bool)
    gone[:, :, 90:] = True
    emptied = value("brain_missing", without(brain, gone))
    part = {
        name: getattr(brain.masks, name)[:, :, :90]
        for name in [*_MAPS, "cavities", "tissue_priors", "log_bias_field"]
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
    inside = np.flatnonzero((brain.masks.signed_distance_mm > 8).any(axis=(0, 1)))
    assert value("empty_slices", changed) == pytest.approx(1 / (inside[-1] - inside[0] + 1))
    assert 0 < value("repeated_slices", changed) < 0.03
    assert value("slice_dropout", changed) == pytest.approx(0.6, abs=0.03)
    assert value("slice_dropout", brain) < 0.1


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
