"""Masks sit where the template was put, on stripped, cropped and damaged heads; what is absent is said."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from curation.imaging import volumes
from curation.imaging.masks import Masks, find_masks, in_template
from curation.imaging.registered_grid import GRID_MM
from curation.imaging.template import template
from curation.imaging.volumes import Volume
from curation.simulation.artefacts import apply

CORNERS = np.array([[x, y, z, 1.0] for x in (-55, 55) for y in (-90, 60) for z in (-35, 65)]).T


def phantom(*, air: bool = True, turn: float = 0.1, size: float = 0.9) -> tuple[Volume, np.ndarray]:
    """The template's brain, turned and scaled, in air; and its map from world mm to template mm."""
    maps = template(2)
    skull = np.where((maps.signed_distance_mm < -4) & (maps.signed_distance_mm > -16), 0.5, 0.0)
    image = (maps.t1 + skull * air) * 400.0
    cosine, sine = np.cos(turn), np.sin(turn)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]]) / size
    matrix[:3, 3] = [3.0, -6.0, 4.0]
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = [-110.0, -140.0, -100.0]
    pull = np.linalg.inv(maps.affine) @ matrix @ affine
    data = ndimage.affine_transform(
        image, pull[:3, :3], pull[:3, 3], output_shape=(110, 130, 110), order=1
    ).astype(np.float32)
    if air:
        rng = np.random.default_rng(0)
        data = np.hypot(data + rng.normal(0, 6, data.shape), rng.normal(0, 6, data.shape))
    spacing = (2.0, 2.0, 2.0)
    return Volume(data.astype(np.float32), affine, spacing, "RAS", "float32"), matrix


@lru_cache(maxsize=8)
def found(kind: str) -> tuple[Volume, Masks, np.ndarray]:
    volume, matrix = phantom(air=kind != "stripped")
    if kind in {"cropped_fov", "dropped_slab", "noise", "bias", "shear"}:
        volume = replace(volume, data=apply(kind, volume.data, 0.5, seed=1))
    return volume, find_masks(volume), matrix


def misplacement_mm(masks: Masks, matrix: np.ndarray) -> float:
    """Return the mean distance of the brain's corners from where they were put."""
    there = np.linalg.inv(matrix) @ CORNERS
    here = np.linalg.inv(masks.template_affine) @ CORNERS
    return float(np.linalg.norm((there - here)[:3], axis=0).mean())


@pytest.mark.parametrize(
    ("kind", "limit_mm"),
    [
        ("whole", 1.5),
        ("stripped", 1.5),
        ("noise", 2.0),
        ("bias", 4.0),
        ("dropped_slab", 4.0),
        ("cropped_fov", 6.0),
    ],
)
def test_the_template_is_found_where_it_was_put(kind: str, limit_mm: float) -> None:
    _, masks, matrix = found(kind)
    assert misplacement_mm(masks, matrix) < limit_mm


def test_tissue_masks_hold_their_tissue() -> None:
    _, masks, _ = found("whole")
    for name, index in (("csf", 0), ("gm", 1), ("wm", 2)):
        mask = getattr(masks, name)
        assert mask.sum() > 300
        assert masks.tissue_probability[mask][:, index].mean() > 0.9
    assert masks.tissues is not None
    assert np.all(np.diff(masks.tissues.means) > 0)


def test_masks_keep_apart() -> None:
    _, masks, _ = found("whole")
    assert not np.any(masks.wm & masks.gm) and not np.any(masks.gm & masks.csf)
    assert not np.any(masks.air & masks.brain)
    assert np.mean(masks.head[masks.brain]) > 0.95


def test_air_holds_noise_only() -> None:
    volume, masks, _ = found("whole")
    assert masks.air.sum() > 10_000
    assert np.percentile(volume.data[masks.air], 99.9) < 40


def test_a_stripped_head_has_no_air_and_no_surroundings_and_says_so() -> None:
    _, masks, _ = found("stripped")
    assert "exactly zero" in masks.absent["air"]
    assert "only the brain is left" in masks.absent["outside"]
    assert not masks.air.any()


def test_a_field_laid_over_the_head_is_found() -> None:
    volume, _ = phantom()
    x = np.linspace(-1, 1, volume.data.shape[0])[:, None, None]
    shaded = replace(volume, data=(volume.data * np.exp(0.6 * x)).astype(np.float32))
    masks, plain = find_masks(shaded), found("whole")[1]
    inside = masks.brain & plain.brain & (masks.signed_distance_mm > 5)
    added = (masks.log_bias_field - plain.log_bias_field)[inside]
    truth = np.broadcast_to(0.6 * x, inside.shape)[inside]
    assert np.corrcoef(added, truth)[0, 1] > 0.98
    assert np.ptp(np.percentile(added, [5, 95])) == pytest.approx(
        np.ptp(np.percentile(truth, [5, 95])), rel=0.1
    )


def test_empty_slices_are_not_taken_for_image() -> None:
    volume, masks, _ = found("dropped_slab")
    gone = ~volume.data.any(axis=(0, 1))
    assert gone.sum() > 5
    assert not masks.valid_slices[:, :, gone].any()


def test_the_same_image_gives_the_same_bytes() -> None:
    volume, masks, _ = found("noise")
    again = find_masks(volume)
    for name in ("data", "air", "wm", "tissue_probability", "log_bias_field", "template_affine"):
        assert getattr(again, name).tobytes() == getattr(masks, name).tobytes(), name


def test_an_image_of_noise_alone_ends_well() -> None:
    noise = np.random.default_rng(2).random((40, 40, 40), dtype=np.float32)
    masks = find_masks(Volume(noise, np.diag([4.0, 4, 4, 1]), (4.0, 4.0, 4.0), None, "float32"))
    assert np.all(np.isfinite(masks.template_affine))


def test_a_smallest_image_ends_well() -> None:
    tiny = np.arange(512, dtype=np.float32).reshape(8, 8, 8)
    masks = find_masks(Volume(tiny, np.diag([1.0, 1, 1, 1]), (1.0, 1.0, 1.0), None, "float32"))
    assert "tissues" in masks.absent


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("ds000011/sub-03/anat/sub-03_T1w.nii.gz", {"face"}),
        ("ixi_2mm/IXI012-HH-1211-T1_ds.nii.gz", {"air"}),
        ("thick_slice_ms/patient01_study1_T1W.nii.gz", {"air"}),
        ("stripped_fullres/ds002748_sub-48_T1w.nii.gz", {"air", "outside"}),
        ("t1w_2mm/ds002748_sub-06_T1w_2mm.nii.gz", {"air", "outside"}),
    ],
)
def test_real_scans_are_found_and_say_what_they_lack(
    shared_data: Path, name: str, absent: set[str]
) -> None:
    volume = volumes.conform(volumes.load(shared_data / name))
    masks = find_masks(volume)
    assert set(masks.absent) == absent
    litres = {k: getattr(masks, k).sum() * GRID_MM**3 / 1e6 for k in ("gm", "wm", "brain")}
    assert 0.9 < litres["brain"] < 2.0
    assert 0.15 < litres["wm"] < 0.6
    scales = np.linalg.svd(masks.grid_to_template[:3, :3], compute_uv=False)
    assert scales.min() > 0.85 and scales.max() < 1.4


@pytest.mark.parametrize("every", [2, 3])
def test_empty_slices_are_no_removed_face(every: int) -> None:
    volume, _ = phantom()
    holed = volume.data.copy()
    holed[:, :, ::every] = 0
    assert "face" not in find_masks(replace(volume, data=holed)).absent


def test_a_removed_face_is_said_with_and_without_empty_slices() -> None:
    volume, whole, _ = found("whole")
    cut = volume.data.copy()
    places = [
        in_template(whole.template_affine @ volume.affine @ np.diag([0.5] * 3 + [1]), cut.shape, k)
        for k in range(3)
    ]
    cut[(places[1] > 45) & (places[2] < -20)] = 0
    assert "face" in find_masks(replace(volume, data=cut)).absent
    cut[:, :, ::3] = 0
    assert "face" in find_masks(replace(volume, data=cut)).absent
