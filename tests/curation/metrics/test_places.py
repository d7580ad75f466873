"""Places of metrics: what was planted at a known place is found there, and the metrics are as they were."""

from dataclasses import replace

import numpy as np
import pytest

from curation import metrics
from curation.imaging import volumes
from curation.imaging.masks import find_masks
from curation.imaging.volumes import Volume
from curation.metrics import METRICS, PLACES, FoundPlace, Scan
from curation.simulation import artefacts, phantom_t1w
from curation.simulation.phantom_t1w import SCANNERS, Person
from tests.helpers import phantom_heads

#: Of the simulated scanner: voxels of 2 mm.
EDGE_MM = phantom_t1w.SPACING_MM


@pytest.fixture(scope="module")
def clean() -> Volume:
    data, affine = phantom_t1w.scan(Person("sub-1", 30.0, "F", 7), SCANNERS["North"])
    return volumes.conform(Volume(data, affine, (EDGE_MM,) * 3, "RAS", "float32"))


@pytest.fixture(scope="module")
def head() -> Volume:
    """A coarse head, quick to look through."""
    data, affine = phantom_heads.head(0).astype(np.float32), phantom_heads.affine()
    return volumes.conform(Volume(data, affine, (4.0,) * 3, "RAS", "int16"))


def _found(volume: Volume, data: np.ndarray) -> dict[str, FoundPlace]:
    changed = replace(volume, data=np.ascontiguousarray(data, dtype=np.float32))
    return metrics.find_places(Scan(changed, find_masks(changed)))


def _voxel(volume: Volume, place: FoundPlace) -> np.ndarray:
    return np.linalg.inv(volume.affine)[:3] @ [*place.mm, 1.0]


def _at(volume: Volume, mm: tuple[float, float, float]) -> np.ndarray:
    """How far each voxel lies from a place of the world, in mm."""
    index = np.moveaxis(np.indices(volume.data.shape), 0, -1)
    world = index @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    return np.linalg.norm(world - mm, axis=-1)


# ---- slices and slabs ----------------------------------------------------------------------------


@pytest.mark.parametrize(("axis", "plane"), [(0, "sagittal"), (1, "coronal"), (2, "axial")])
def test_a_dark_slice_is_found_in_its_plane(clean: Volume, axis: int, plane: str) -> None:
    data, number = clean.data.copy(), (36, 64, 50)[axis]
    np.moveaxis(data, axis, 0)[number] *= 0.6
    place = _found(clean, data)["slice_dropout"]
    assert place.plane == plane
    assert _voxel(clean, place)[axis] == pytest.approx(number, abs=1)


def test_a_bright_scalp_does_not_lead_out_of_the_dark_part_of_a_slice(
    clean: Volume,
) -> None:
    data, distance = clean.data.copy(), find_masks(clean).signed_distance_mm
    data[62:, 64] *= 0.6
    data[:, 64][distance[:, 64] < 0] += 3000
    place = _found(clean, data)["slice_dropout"]
    x, y, _ = _voxel(clean, place)
    assert place.plane == "coronal" and y == pytest.approx(64, abs=1)
    assert x > 66  # amid the dark part, which is 20 wide


def test_a_dark_slab_is_found_in_its_middle(clean: Volume) -> None:
    data = clean.data.copy()
    data[:, 60:66] *= 0.6
    place = _found(clean, data)["slab_dropout"]
    assert place.plane == "coronal"
    assert _voxel(clean, place)[1] == pytest.approx(62.5, abs=2)


def test_where_a_part_of_a_slab_is_dark_the_cross_hair_goes_to_that_part(clean: Volume) -> None:
    data = clean.data.copy()
    data[60:, 60:66] *= 0.2
    place = _found(clean, data)["slab_dropout"]
    x, y, _ = _voxel(clean, place)
    assert x >= 58 and y == pytest.approx(62.5, abs=2)


def test_empty_slices_and_the_missing_part_are_the_lost_slab(clean: Volume) -> None:
    data = artefacts.apply("dropped_slab", clean.data, 0.5, 1)
    gone = np.flatnonzero(~data.any(axis=(0, 1)))
    found = _found(clean, data)
    middle = (gone[0] + gone[-1]) / 2
    assert found["empty_slices"].plane == "axial"
    for name in ("empty_slices", "brain_missing"):
        x, y, z = _voxel(clean, found[name])
        assert z == pytest.approx(middle, abs=2)
        assert 30 < x < 66 and 30 < y < 84  # amid the brain, not in the air beside it


def test_repeated_slices_are_found_amid_the_longest_run(clean: Volume) -> None:
    data = clean.data.copy()
    data[:, :, 51:55] = data[:, :, [50]]
    data[:, :, 61] = data[:, :, 60]
    place = _found(clean, data)["repeated_slices"]
    assert place.plane == "axial" and 51 <= _voxel(clean, place)[2] <= 54


# ---- parts ---------------------------------------------------------------------------------------


def test_a_missing_corner_is_found_in_it(clean: Volume) -> None:
    data = clean.data.copy()
    data[55:, 70:, 50:] = 0
    data[55:, 70:, 50:][::7] = 1e-3  # not an empty slice, and not the same everywhere
    place = _found(clean, data)["brain_missing"]
    x, y, z = _voxel(clean, place)
    assert not place.beyond
    assert x > 54 and y > 69 and z > 49


def test_what_is_missing_out_of_view_is_told_at_the_nearest_border(clean: Volume) -> None:
    top = 62
    found = _found(clean, clean.data[:, :, :top])
    assert _voxel(clean, found["brain_missing"])[2] == pytest.approx(top - 1)
    assert [name for name, place in found.items() if place.beyond] == ["brain_missing"]


def test_the_head_at_the_border_is_where_the_image_ends(clean: Volume) -> None:
    place = _found(clean, clean.data[:, :, :62])["border_signal"]
    assert _voxel(clean, place)[2] >= 58


def test_a_folded_head_is_found_where_it_lies_over_the_air(clean: Volume) -> None:
    data = artefacts.apply("wraparound", clean.data, 0.5, 0)
    x, y, z = np.rint(_voxel(clean, _found(clean, data)["folded_share"])).astype(int)
    assert data[x, y, z] > clean.data[x, y, z] + 30  # there was air
    assert min(y, data.shape[1] - 1 - y) < 25


@pytest.mark.parametrize(("axis", "name"), [(0, "x"), (1, "y")])
def test_a_ghost_is_found_where_it_is_brightest(clean: Volume, axis: int, name: str) -> None:
    moved = np.roll(clean.data, clean.data.shape[axis] // 2, axis)
    x, y, z = np.rint(
        _voxel(clean, _found(clean, clean.data + 0.1 * moved)[f"ghost_{name}"])
    ).astype(int)
    assert clean.data[x, y, z] < 20 < moved[x, y, z]


def test_a_shape_in_the_air_is_found(clean: Volume) -> None:
    away = _at(clean, (80.0, 30.0, 60.0))
    place = _found(clean, clean.data + 30 * (away < 12))["air_structure"]
    assert np.linalg.norm(np.subtract(place.mm, (80.0, 30.0, 60.0))) < 12


def test_a_cavity_is_found_in_its_middle(clean: Volume) -> None:
    middle = (28.0, -30.0, 26.0)
    hole = _at(clean, middle) < 17
    data = np.where(hole, SCANNERS["North"].csf * 0.5, clean.data)
    place = _found(clean, data)["cavity_volume"]
    assert np.linalg.norm(np.subtract(place.mm, middle)) < 8


def test_saturation_is_found_in_its_largest_part(clean: Volume) -> None:
    data, middle = clean.data.copy(), (-30.0, -20.0, 25.0)
    data[_at(clean, middle) < 12] = 1000
    data[_at(clean, (30.0, -20.0, 25.0)) < 6] = 1000
    place = _found(clean, data)["saturated_share"]
    assert np.linalg.norm(np.subtract(place.mm, middle)) < 4


# ---- brightness ----------------------------------------------------------------------------------


def test_shading_is_dark_where_it_was_made_dark(clean: Volume) -> None:
    x = np.linspace(-1, 1, clean.data.shape[0])[:, None, None]
    found = _found(clean, clean.data * np.exp(0.8 * x))
    for name in ("bias_range", "brightness_range", "left_right_difference"):
        assert found[name].mm[0] < -10, name
    mirrored = _found(clean, clean.data * np.exp(-0.8 * x))
    assert mirrored["left_right_difference"].mm[0] > 10


# ---- the metrics themselves ----------------------------------------------------------------------

#: What version 11 of the metrics measured before their parts were shared with places; whoever changes one of
#: these on purpose puts the new value here.
AS_BEFORE = {
    "brain_missing": 0.024609114777224828,
    "empty_slices": 0.030303030303030304,
    "repeated_slices": 0.012987012987012988,
    "slice_dropout": 0.043333274741279126,
    "slab_dropout": 0.3742467600974648,
    "border_signal": 0.0,
    "folded_share": 0.0,
    "air_structure": 0.0816471183874727,
    "ghost_x": 0.07097544703778023,
    "ghost_y": 0.0,
    "ghost_z": 0.0,
    "saturated_share": 0.08129575478545802,
    "bias_range": 0.1503924537450075,
    "brightness_range": 0.28303716182708705,
    "bias_steepness": 0.06406831741333008,
    "left_right_difference": 0.001239113393239677,
    "cavity_volume": 0.0,
}


def test_the_metrics_have_the_values_that_they_had_without_places(clean: Volume) -> None:
    data = clean.data + np.float32(0.1) * np.roll(clean.data, clean.data.shape[0] // 2, 0)
    data[:, 60:66] *= np.float32(0.6)
    data[:, :, 70:72] = 0
    data[:, :, 51] = data[:, :, 50]
    spoilt = replace(clean, data=np.minimum(data, np.float32(180)))
    values, _ = metrics.measure(spoilt, find_masks(spoilt), AS_BEFORE)
    assert set(AS_BEFORE) == set(PLACES)
    assert values == pytest.approx(AS_BEFORE, rel=1e-6, abs=1e-9)


# ---- all of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", artefacts.ARTEFACTS)
def test_every_place_is_inside_the_image(head: Volume, name: str) -> None:
    for place in _found(head, artefacts.apply(name, head.data, 1.0, 2)).values():
        voxel = _voxel(head, place)
        assert np.all(voxel > -1e-3) and np.all(voxel < np.array(head.data.shape) - 1 + 1e-3)


def test_what_cannot_be_measured_has_no_place(head: Volume) -> None:
    masks = replace(find_masks(head), absent={"air": "no air", "tissues": "no tissue"})
    found = metrics.find_places(Scan(head, masks))
    assert found and not any({"air", "tissues"} & METRICS[name].needs for name in found)


def test_a_place_is_of_a_metric_and_has_words() -> None:
    assert set(PLACES) <= set(METRICS)
    labels = [place.label for place in PLACES.values()]
    assert len(set(labels)) == len(labels) and all(len(label) < 40 for label in labels)
    without = {"noise", "blur"}
    assert not any(METRICS[name].family in without for name in PLACES)
