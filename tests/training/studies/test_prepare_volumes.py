from pathlib import Path

import numpy as np
import pytest

from curation.errors import StudyError, VolumeError
from curation.imaging import prepared_volume, volumes
from curation.imaging.masks import find_masks
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import pet_images, workspace_trainable
from training.settings.input_images import IMAGES
from training.settings.preset import Preset
from training.settings.presets import PRESETS
from training.studies import prepare_volumes

TINY = PRESETS["smoke"].changed(workspace_trainable.TINY)
SMOKE = PRESETS["smoke"]


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    return prepared_volume.template_brain(SMOKE)


def _ball(
    spacing_mm: float, centre_mm: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """A ball of 30 mm, brighter to the right, on a grid of 192 mm about the template's middle."""
    count = int(192 / spacing_mm)
    affine = np.diag([spacing_mm] * 3 + [1.0])
    affine[:3, 3] = np.array([0.0, -17.0, 5.0]) - spacing_mm * (count - 1) / 2
    places = np.moveaxis(np.indices((count,) * 3), 0, -1) * spacing_mm + affine[:3, 3]
    inside = np.linalg.norm(places - np.array(centre_mm), axis=-1) < 30
    return np.where(inside, 500 + places[..., 0], 100).astype(np.float32), affine


def test_the_grid_is_centred_on_the_brain_for_every_preset() -> None:
    for preset in PRESETS.values():
        affine = prepared_volume.grid_affine(preset)
        middle = affine @ np.r_[(np.array(preset.shape) - 1) / 2, 1]
        assert middle[:3] == pytest.approx((0, -17, 5))


def test_the_brain_lies_within_the_grid_and_is_symmetric(mask: np.ndarray) -> None:
    litres = mask.sum() * SMOKE.spacing_mm**3 / 1e6
    assert 1.6 < litres < 2.1  # the ICBM152 brain with its ventricles
    assert not mask[0].any()
    assert not mask[:, -1].any()
    assert (mask == mask[::-1]).mean() > 0.99


def test_aligned_volumes_land_at_the_same_place_whatever_grid_they_came_on(mask) -> None:
    centre = (10.0, -25.0, 15.0)
    ones = [
        prepared_volume.prepared_volume(*_ball(spacing, centre), np.eye(4), SMOKE, mask)
        for spacing in (2.0, 3.0)
    ]
    data, affine = _ball(2.0, centre)
    flipped = affine @ np.diag([-1.0, 1, 1, 1])
    flipped[:3, 3] += affine[:3, 0] * (data.shape[0] - 1)
    ones.append(prepared_volume.prepared_volume(data[::-1], flipped, np.eye(4), SMOKE, mask))
    weights = [np.clip(one.astype(float) + 1, 0, None) * mask for one in ones]
    voxel = [np.array([np.average(i, weights=w) for i in np.indices(w.shape)]) for w in weights]
    for found in voxel:
        position = prepared_volume.grid_affine(SMOKE) @ np.r_[found, 1]
        assert position[:3] == pytest.approx(centre, abs=1.0)
    assert np.array_equal(ones[0], ones[2])


def test_the_alignment_moves_the_scan_onto_the_template(mask) -> None:
    data, affine = _ball(2.0, (10.0, -25.0, 15.0))
    plain = prepared_volume.prepared_volume(data, affine, np.eye(4), SMOKE, mask)
    shift = np.eye(4)
    shift[:3, 3] = (12.0, -8.0, 4.0)
    moved = prepared_volume.prepared_volume(data, np.linalg.inv(shift) @ affine, shift, SMOKE, mask)
    assert np.abs(plain.astype(float) - moved).max() < 0.01


def test_brightness_and_what_lies_outside_the_brain_make_no_difference(mask) -> None:
    data, affine = _ball(4.0, (0.0, -17.0, 5.0))
    plain = prepared_volume.prepared_volume(data, affine, np.eye(4), SMOKE, mask)
    brighter = prepared_volume.prepared_volume(3 * data, affine, np.eye(4), SMOKE, mask)
    assert np.abs(plain.astype(float) - brighter).max() < 0.01
    stripped = data.copy()
    stripped[0], stripped[-1] = 0, 0
    other = prepared_volume.prepared_volume(stripped, affine, np.eye(4), SMOKE, mask)
    assert np.array_equal(plain, other)
    assert set(np.unique(plain[~mask])) == {prepared_volume.BACKGROUND}
    assert plain[mask].min() >= prepared_volume.BACKGROUND
    assert plain.max() <= (prepared_volume.CEILING - prepared_volume.OFFSET) / prepared_volume.SCALE


def test_a_head_that_is_not_where_the_brain_is_is_refused(mask) -> None:
    data, affine = _ball(4.0, (0.0, -17.0, 5.0))
    far = np.eye(4)
    far[0, 3] = 1000.0
    with pytest.raises(VolumeError, match="nothing of the head"):
        prepared_volume.prepared_volume(data, affine, far, SMOKE, mask)


def test_a_volume_is_named_by_all_that_it_depends_on() -> None:
    affine = np.eye(4).ravel()
    keys = {
        prepare_volumes.volume_key("a", affine, SMOKE),
        prepare_volumes.volume_key("b", affine, SMOKE),
        prepare_volumes.volume_key("a", affine + 0.001, SMOKE),
        prepare_volumes.volume_key("a", affine, SMOKE.changed({"spacing_mm": 3.0})),
        prepare_volumes.volume_key("a", affine, SMOKE.changed({"shape": (48, 48, 48)})),
    }
    assert len(keys) == 5
    same = SMOKE.changed({"pretrain_lr": 1.0})
    assert prepare_volumes.volume_key("a", affine, SMOKE) == prepare_volumes.volume_key(
        "a", affine, same
    )


def _cached(workspace: Workspace) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in workspace.cache_dir.glob("*.npy")}


def test_volumes_are_prepared_once_and_again_where_the_cache_was_emptied(workspace) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    told: list[tuple[int, int]] = []
    count = prepare_volumes.prepare(
        workspace, study, jobs=2, progress=lambda *now: told.append(now)
    )
    assert told[0] == (0, 20)
    assert told[-1] == (20, 20)
    first = _cached(workspace)
    assert len(first) == count + 1  # and the template's brain
    prepare_volumes.prepare(workspace, study, jobs=1)
    assert _cached(workspace) == first
    scan_ids = study.scans()["scan_id"].tolist()[:3]
    paths = prepare_volumes.volume_paths(workspace, study, scan_ids)
    content = np.load(paths[1])
    paths[1].unlink()
    assert np.array_equal(
        np.load(prepare_volumes.volume_paths(workspace, study, scan_ids)[1]), content
    )
    assert content.shape == TINY.shape


def test_a_scan_that_changed_or_went_is_named(workspace: Workspace) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    scans = tables.read_scans(workspace).set_index("scan_id")
    workspace_trainable.write_head(Path(scans.loc["pool_sub-02_T1w", "path"]), 90.0, seed=99)
    Path(scans.loc["pool_sub-03_T1w", "path"]).unlink()
    with pytest.raises(StudyError, match=r"2 of 20 .*") as caught:
        prepare_volumes.prepare(workspace, study, jobs=1)
    assert "pool_sub-02_T1w: the file has changed" in str(caught.value)
    assert "pool_sub-03_T1w" in str(caught.value)


def test_real_heads_stripped_and_whole_become_comparable(shared_data: Path, mask) -> None:
    def prepared(preset: Preset, path: Path) -> np.ndarray:
        volume = volumes.conform(volumes.load(path))
        affine = find_masks(volume).template_affine
        return prepared_volume.prepared_volume(volume.data, volume.affine, affine, preset, mask)

    folder = shared_data / "t1w_2mm"
    stripped = next(path for path in sorted(folder.rglob("*.nii.gz")) if "002748" in str(path))
    whole = sorted((shared_data / "ixi_2mm").rglob("*.nii.gz"))[0]
    one, other = (prepared(SMOKE, path)[mask].astype(float) for path in (stripped, whole))
    assert np.corrcoef(one, other)[0, 1] > 0.6
    assert abs(np.median(one) - np.median(other)) < 0.6


def test_a_pet_lies_where_its_t1w_has_the_same_place(mask) -> None:
    data, affine = _ball(2.0, (0.0, -17.0, 5.0))
    coarse, coarse_affine = _ball(4.0, (0.0, -17.0, 5.0))
    to_template = np.eye(4)
    to_template[:3, 3] = (6.0, 0.0, -6.0)
    place = np.linalg.inv(to_template)
    t1w = prepared_volume.prepared_volume(data, place @ affine, to_template, SMOKE, mask)
    pet = prepared_volume.prepared_volume(
        coarse, place @ coarse_affine, to_template, SMOKE, mask, "pet"
    )
    inside = [one[mask].astype(float) for one in (t1w, pet)]
    assert np.corrcoef(*inside)[0, 1] > 0.97


def test_a_pet_is_standardised_by_the_mean_of_the_whole_brain(mask) -> None:
    data, affine = _ball(4.0, (0.0, -17.0, 5.0))
    pet = prepared_volume.prepared_volume(data, affine, np.eye(4), SMOKE, mask, "pet")
    ratio = 2 * (pet[mask].astype(float) * prepared_volume.SCALE + prepared_volume.OFFSET)  # SUVR
    assert ratio[ratio < 2.9].size and ratio.max() <= 3
    even = np.full_like(data, 700.0)
    even[0] = 0
    flat = prepared_volume.prepared_volume(even, affine, np.eye(4), SMOKE, mask, "pet")
    assert flat[mask].astype(float) == pytest.approx(0.0)  # SUVR 1
    twice = prepared_volume.prepared_volume(2 * data, affine, np.eye(4), SMOKE, mask, "pet")
    assert np.array_equal(pet, twice)
    assert (pet[~mask] == prepared_volume.BACKGROUND).all()


def test_a_pet_that_was_not_co_registered_is_refused(mask) -> None:
    data, affine = _ball(4.0, (30.0, -17.0, 25.0))
    with pytest.raises(VolumeError, match=r"lies \d\d mm from the brain of its T1w; co-register"):
        prepared_volume.prepared_volume(data, affine, np.eye(4), SMOKE, mask, "pet")


def test_a_prepared_pet_is_named_by_itself_its_t1w_and_the_grid() -> None:
    affine = np.eye(4).ravel()
    keys = {
        prepare_volumes.volume_key("a", affine, SMOKE),
        prepare_volumes.volume_key("a", affine, SMOKE, "p"),
        prepare_volumes.volume_key("a", affine, SMOKE, "q"),
        prepare_volumes.volume_key("b", affine, SMOKE, "p"),
        prepare_volumes.volume_key("a", affine + 0.001, SMOKE, "p"),
        prepare_volumes.volume_key("a", affine, SMOKE.changed({"spacing_mm": 3.0}), "p"),
    }
    assert len(keys) == 6


@pytest.mark.parametrize(
    ("images", "arms", "count"),
    [
        ("T1w", ["scratch"], 20),
        ("pet", ["scratch"], 20),
        ("together", ["scratch"], 40),
        ("by-turns", ["scratch"], 32),
        ("pet", ["scratch", "ridge"], 28),
    ],
)
def test_what_a_study_looks_at_is_prepared_and_nothing_else(workspace, images, arms, count) -> None:
    overrides = dict(IMAGES[images].overrides)
    study = workspace_trainable.plan(pet_images.make(workspace), arms=arms, overrides=overrides)
    assert prepare_volumes.prepare(workspace, study, jobs=1) == count
    assert len(_cached(workspace)) == count + 1


def test_studies_share_what_they_prepare_and_a_pet_that_changed_is_named(workspace) -> None:
    pet_images.make(workspace)
    both = workspace_trainable.plan(workspace, overrides=dict(IMAGES["together"].overrides))
    prepare_volumes.prepare(workspace, both, jobs=1)
    before = _cached(workspace)
    for images in ("T1w", "pet", "by-turns"):
        other = workspace_trainable.plan(workspace, overrides=dict(IMAGES[images].overrides))
        prepare_volumes.prepare(workspace, other, jobs=1)
    assert _cached(workspace) == before
    first, second = prepare_volumes.sample_paths(workspace, both, ["pool_sub-02_T1w"])[0]
    assert first != second
    second.unlink()
    path = tables.read_scans(workspace).set_index("scan_id").loc["pool_sub-02_pet", "path"]
    pet_images.write(Path(path), 99.0, seed=99)
    with pytest.raises(StudyError, match="pool_sub-02_pet: the file has changed"):
        prepare_volumes.prepare(workspace, both, jobs=1)
