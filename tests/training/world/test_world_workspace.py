import numpy as np
import pytest

from curation.errors import DamagedError, StudyError, TierscopeError, WorkspaceError
from curation.imaging import prepared_volume
from curation.references import reference_library
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from training.results import distortion_effects
from training.studies import planned_study, prepare_volumes
from training.world import people, planted, world_workspace
from training.world.anatomy import SHAPE, Anatomy
from training.world.dials import Dials
from training.world.planted import Planted

BRAIN = np.zeros(SHAPE, dtype=bool)
BRAIN[2:-2, 3:-3, 2:-2] = True
DIALS = Dials(pool=20, labels=8, share=0.5, dose=1.0, artefacts=("blur",))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared_volume, "template_brain", lambda preset: BRAIN)  # seconds


@pytest.fixture
def world(tmp_path) -> Workspace:
    return world_workspace.make(tmp_path / "world", DIALS, batch=4)


def test_the_grid_of_a_world_is_that_of_its_preset() -> None:
    preset = world_workspace.preset()
    assert (preset.shape, preset.spacing_mm) == (SHAPE, 10.0)


def test_a_world_is_frozen_planned_and_prepared_as_scans_of_people_are(world: Workspace) -> None:
    pool, target = world_workspace.cohorts(world)
    assert pool.counts == {"A": 10, "B": 0, "C": 10} or pool.counts == {"A": 10, "C": 10}
    assert pool.reference == "planted-1"
    assert target.size == 16
    study = planned_study.plan(
        world,
        name="world",
        cohort_id=pool.id,
        target_id=target.id,
        arms=["scratch", "A", "all", "control-A"],
        seeds=[0, 1],
        folds=2,
        preset=world_workspace.PRESET,
    )
    assert study.simulated
    scans = tables.read_scans(world)
    assert scans["simulated"].all()
    some = scans["scan_id"].tolist()[:3]
    paths = prepare_volumes.volume_paths(world, study, some)
    drawn = list(people.scans(people.pool(DIALS), DIALS, Anatomy(BRAIN)))
    for path, scan in zip(paths, drawn, strict=False):
        white = np.percentile(scan[BRAIN & (scan > 0)], 95)
        wanted = (np.clip(scan / white, 0, 1.5) - 0.5) / 0.25
        assert np.abs(np.load(path)[BRAIN] - wanted[BRAIN]).max() < 0.02


def test_what_was_planted_is_kept_and_said_in_words(world: Workspace) -> None:
    found = planted.read(world)
    assert found is not None
    assert found.dials == DIALS
    assert 0 < found.truth.best < found.truth.mean
    assert "10 of the 20 scans" in found.words
    assert "distorted: blur, at severity 1 of 1" in found.words
    assert "yet as good as all others" in Planted(Dials(), found.truth).words
    assert [words for words, _ in found.rows()] == list(planted.LINES.values())


def test_a_workspace_of_people_is_no_world(tmp_path) -> None:
    assert planted.read(Workspace.create(tmp_path / "plain")) is None


def test_a_damaged_record_of_a_world_is_named_with_what_to_do(world: Workspace) -> None:
    world.world_path.write_text("{")
    with pytest.raises(DamagedError, match="make the world again"):
        planted.read(world)


def test_a_world_is_made_once_and_another_needs_another_folder(world: Workspace) -> None:
    assert world_workspace.make(world.root, DIALS, batch=4) == world
    with pytest.raises(WorkspaceError, match="other dials"):
        world_workspace.make(world.root, DIALS.changed({"seed": 3}), batch=4)


def test_a_world_does_not_mix_with_scans_that_are_there(workspace: Workspace) -> None:
    from tests.helpers import workspace_trainable

    workspace_trainable.make(workspace, pool=2, target=2)
    with pytest.raises(WorkspaceError, match="folder of its own"):
        world_workspace.make(workspace.root, DIALS, batch=4)


def test_a_pool_smaller_than_a_batch_makes_nothing(tmp_path) -> None:
    with pytest.raises(StudyError, match="does not fill one batch"):
        world_workspace.make(tmp_path / "world", DIALS, batch=64)
    assert not (tmp_path / "world").exists()


def test_a_distorted_arm_in_a_world_is_measured_by_its_volumes_and_not_scored(world) -> None:
    pool, target = world_workspace.cohorts(world)
    study = planned_study.plan(
        world,
        name="dose",
        cohort_id=pool.id,
        target_id=target.id,
        arms=["A", "A~dropped_slab-0.5"],
        seeds=[0],
        folds=2,
        preset=world_workspace.PRESET,
    )
    prepare_volumes.prepare(world, study, jobs=1)
    distortion_effects.measure(world, study, jobs=1)
    found = distortion_effects.read(study)
    assert (found["volume_change"] > 0).all()
    assert found["score_distorted"].isna().all()


def test_planted_quality_is_never_replaced_by_a_score(world: Workspace) -> None:
    before = tables.read_scores(world)
    with pytest.raises(TierscopeError, match="planted, not measured"):
        reference_library.rescore(world)
    with pytest.raises(TierscopeError, match="planted, not measured"):
        reference_library.choose(world, "builtin-3")
    files.write_parquet(
        world.scores_path, before.assign(scoring_version=1)
    )  # of an earlier Tierscope
    assert not reference_library.bring_up_to_date(world)
    assert tables.read_scores(world)["distortion_score"].equals(before["distortion_score"])
