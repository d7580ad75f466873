"""Studies whose arms distort scans, stay apart or draw subsets: what is prepared, what is refused."""

from pathlib import Path

import numpy as np
import pytest

from curation.errors import StudyError
from curation.imaging import prepared_vector, prepared_volume, volumes
from curation.simulation import artefacts
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.arms.distortion import Distortion
from training.results import distortion_effects
from training.settings import volume_grid
from training.studies import arm_overlap, planned_study, prepare_volumes, runs
from training.studies.planned_study import Study

ARMS = ["A", "A~blur-0.5", "A~blur-1", "A+A~blur-1", "all"]


@pytest.fixture(autouse=True)
def none_is_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    """An assessment takes seconds; only one test needs one."""
    monkeypatch.setattr(distortion_effects, "SCORED", 0)


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    return workspace_trainable.make(workspace)


@pytest.fixture
def study(ready: Workspace) -> Study:
    return workspace_trainable.plan(ready, arms=ARMS)


def test_a_scan_is_distorted_as_it_was_read_and_aligned_as_it_is(ready, study) -> None:
    scan = study.pool().iloc[0]
    path = Path(tables.read_scans(ready).set_index("scan_id").loc[scan["scan_id"], "path"])
    before = files.sha256_of(path)
    arm = study.arm("A~blur-1")
    (made,) = prepare_volumes.volume_paths(
        ready, study, [scan["scan_id"]], distortion=arm.distortion
    )
    volume = volumes.conform(volumes.load(path))
    expected = prepared_volume.prepared_volume(
        artefacts.apply("blur", volume.data, 1.0, int(scan["distortion_seed"])),
        volume.affine,
        np.array(scan["template_affine"]).reshape(4, 4),
        study.preset,
        volume_grid.brain_mask(ready, study.preset),
    )
    assert np.array_equal(np.load(made), expected)
    assert files.sha256_of(path) == before
    (clean,) = prepare_volumes.volume_paths(ready, study, [scan["scan_id"]])
    assert clean != made and not np.array_equal(np.load(clean), expected)


def test_arms_train_on_the_same_people_as_they_are_distorted_or_both(ready, study) -> None:
    prepare_volumes.prepare(ready, study, jobs=1)
    scans = {arm: study.pretraining_scans(arm, 0) for arm in ARMS}
    assert scans["A"] == scans["A~blur-1"] == scans["A+A~blur-1"]
    paths = {arm: prepare_volumes.pretraining_paths(ready, study, arm, scans[arm]) for arm in ARMS}
    assert paths["A+A~blur-1"] == paths["A"] + paths["A~blur-1"]
    assert not {str(p) for p in paths["A"]} & {str(p) for p in paths["A~blur-1"]}
    # 12 of the pool, 8 of the target, and 4 of A at two severities; not once more for 'A+A'
    assert len(list(ready.cache_dir.glob("*.npy"))) == 20 + 2 * 4 + 1


def test_the_name_in_the_cache_holds_artefact_severity_and_seed() -> None:
    affine = np.eye(4).ravel()
    preset = workspace_trainable.TINY_PRESET
    of = ("", "blur/0.5/1", "blur/0.6/1", "blur/0.5/2", "noise/0.5/1")
    keys = {prepare_volumes.volume_key("a", affine, preset, None, distorted) for distorted in of}
    assert len(keys) == 5 and prepare_volumes.volume_key("a", affine, preset) in keys


def test_seeds_are_kept_with_the_study_and_only_where_scans_are_distorted(ready, study) -> None:
    assert study.scans()["distortion_seed"].is_unique
    assert "distortion_seed" not in workspace_trainable.plan(ready, arms=["A", "all"]).scans()
    assert planned_study.load(ready, study.id).arms == study.arms
    other = workspace_trainable.plan(ready, arms=["A", "A~noise-0.5"]).scans()
    assert other["distortion_seed"].tolist() == study.scans()["distortion_seed"].tolist()


def test_more_of_a_distortion_changes_the_volume_more_and_is_measured_once(ready, study) -> None:
    prepare_volumes.prepare(ready, study, jobs=1)
    distortion_effects.measure(ready, study, jobs=1)
    found = distortion_effects.read(study)
    assert len(found) == 2 * 4 and set(found["artefact"]) == {"blur"}
    mean = found.groupby("severity")["volume_change"].mean()
    assert 0 < mean[0.5] < mean[1.0]
    assert found["score_distorted"].isna().all()
    written = study.distortion_effects_path.stat().st_mtime_ns
    distortion_effects.measure(ready, study, jobs=1)
    assert study.distortion_effects_path.stat().st_mtime_ns == written


@pytest.mark.parametrize("distorted", [False, True])
def test_a_volume_that_was_cut_off_is_named_with_what_to_do(ready, study, distorted) -> None:
    prepare_volumes.prepare(ready, study, jobs=1)
    done = study.arm("A~blur-1").distortion if distorted else None
    scan, *_ = study.pretraining_scans("A", 0)
    (path,) = prepare_volumes.volume_paths(ready, study, [scan], distortion=done)
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(StudyError, match=rf"{path.name}.*Delete this file and resume"):
        distortion_effects.measure(ready, study, jobs=1)
    assert not study.distortion_effects_path.exists()
    path.unlink()
    prepare_volumes.prepare(ready, study, jobs=1)
    distortion_effects.measure(ready, study, jobs=1)
    assert len(distortion_effects.read(study)) == 2 * 4


def test_a_mask_that_was_cut_off_is_named_with_what_to_do(ready: Workspace, study: Study) -> None:
    path = volume_grid.mask_path(ready, study.preset)
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(StudyError, match=rf"{path.name}.*Delete this file and resume"):
        volume_grid.brain_mask(ready, study.preset)


def test_a_few_distorted_scans_are_assessed_like_any_other(ready, monkeypatch) -> None:
    monkeypatch.setattr(distortion_effects, "SCORED", 1)
    study = workspace_trainable.plan(ready, arms=["A", "A~blur-1"])
    prepare_volumes.prepare(ready, study, jobs=1)
    distortion_effects.measure(ready, study, jobs=1)
    found = distortion_effects.read(study)
    (scored,) = found.dropna(subset=["score_distorted"]).itertuples()
    assert len(found) == 4 and scored.score_clean == 10 < scored.score_distorted <= 100


def test_the_change_of_a_volume_is_a_share_of_the_variance_between_people(ready, study) -> None:
    prepare_volumes.prepare(ready, study, jobs=1)
    mask = volume_grid.brain_mask(ready, study.preset)
    pool = study.pool().sort_values("scan_id")["scan_id"].tolist()
    brains = [np.load(p)[mask] for p in prepare_volumes.volume_paths(ready, study, pool)]
    between = np.var(np.array(brains, dtype=float), axis=0, ddof=1).mean()
    assert distortion_effects.variance_between(ready, study) == pytest.approx(between)
    distortion_effects.measure(ready, study, jobs=1)
    row = distortion_effects.read(study).iloc[0]
    done = Distortion("blur", row["severity"], "A")
    clean, made = (
        np.load(prepare_volumes.volume_paths(ready, study, [row["scan_id"]], distortion=d)[0])[mask]
        for d in (None, done)
    )
    change = np.square(made.astype(float) - clean.astype(float)).mean() / between
    assert row["volume_change"] == pytest.approx(change)


def test_the_distance_of_a_distorted_volume_is_from_the_clean_ones_and_absent_for_few_people(
    ready: Workspace, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_volumes.prepare(ready, study, jobs=1)
    distortion_effects.measure(ready, study, jobs=1)
    found = distortion_effects.read(study)
    mean = found.groupby("severity")[["distance_clean", "distance_distorted"]].mean()
    assert mean.loc[0.5, "distance_clean"] == mean.loc[1.0, "distance_clean"] > 0
    assert mean["distance_distorted"].notna().all()
    study.distortion_effects_path.unlink()
    monkeypatch.setattr(prepared_vector, "MIN_PEOPLE", len(study.pool()) + 1)
    distortion_effects.measure(ready, study, jobs=1)
    assert distortion_effects.read(study)["distance_distorted"].isna().all()


def test_equal_passes_are_fewer_steps_and_are_written_into_the_run(ready: Workspace) -> None:
    study = workspace_trainable.plan(
        ready, arms=["all", "all-share-50-draw-1", "all-share-50-draw-1-passes"]
    )
    runs.write_configs(study)
    steps = {
        run.arm: files.read_json(run.config_path)["preset"]["pretrain_steps"]
        for run in runs.runs_of(study)
        if run.kind == "pretrain"
    }
    assert steps == {"all": 4, "all-share-50-draw-1": 4, "all-share-50-draw-1-passes": 2}


def test_a_control_apart_shares_no_scan_and_says_so(ready: Workspace) -> None:
    study = workspace_trainable.plan(ready, arms=["A", "not-A"], seeds=[0, 1])
    (one,) = arm_overlap.of_study(study)
    assert one.shared == (0, 0) and one.words.startswith("0 of 4 scans of A are also in not-A.")
    assert "For all 4 of not-A there is no choice" in one.words


@pytest.mark.parametrize(
    ("arms", "told"),
    [
        (["A+B", "not-A+B"], "not-A.B cannot be drawn"),
        (["A", "A-share-10-draw-1"], "one person; it needs 2 people"),
        (["A~blur-0.5"], "compared with A"),
    ],
)
def test_what_the_pool_does_not_allow_is_refused_when_planned(ready, arms, told) -> None:
    with pytest.raises(StudyError, match=told):
        workspace_trainable.plan(ready, arms=arms)
    assert not planned_study.list_studies(ready)


@pytest.mark.parametrize(
    "images",
    [{"modalities": ("pet",)}, {"modalities": ("T1w", "pet")}],
)
def test_pet_is_not_distorted(ready: Workspace, images: dict) -> None:
    with pytest.raises(StudyError, match="artefacts are simulated for T1w alone"):
        workspace_trainable.plan(ready, arms=["A", "A~blur-0.5"], overrides=images)
