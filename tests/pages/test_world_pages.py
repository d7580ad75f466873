"""Pages on a simulated world with known truth: what was planted is a click away, and no page stumbles."""

import shutil

import numpy as np
import pytest

from curation.cohorts import frozen_cohort
from curation.errors import StudyError
from curation.imaging import prepared_volume
from curation.storage import tables
from curation.storage.workspace import Workspace
from pages.ui.shell import cache, state
from tests.helpers import workspace_judged
from tests.helpers.page_words import checked, words
from training.cli import world as world_command
from training.held_out import stored_predictions
from training.studies import planned_study
from training.studies.planned_study import Study
from training.world import planted, world_workspace
from training.world.anatomy import SHAPE
from training.world.dials import Dials

pytestmark = pytest.mark.usefixtures("few_draws")

POOL, TARGET = "Pretraining pool", "Target cohort"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Study]:
    """A world with a study whose predictions are made up."""
    brain = np.zeros(SHAPE, dtype=bool)
    brain[2:-2, 3:-3, 2:-2] = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared_volume, "template_brain", lambda preset: brain)  # seconds
        root = tmp_path_factory.mktemp("world") / "world"
        dials = Dials(pool=24, labels=12, share=0.5, dose=1.0)
        workspace = world_workspace.make(root, dials, batch=8)
    study = world_command.plan(workspace, seeds=[0, 1])
    workspace_judged.plant(study)
    return workspace, study


@pytest.mark.parametrize(
    "key", ["cohort", "sheet", "review", "explore", "tiers", "train", "compare"]
)
def test_every_page_shows_a_world(made, run, key: str) -> None:
    page = run(key, made[0])
    assert not page.error
    assert not page.exception


def test_compare_tells_what_was_planted_and_what_is_true(made, run) -> None:
    workspace, study = made
    page = run("compare", workspace, **{state.STUDY: study.id})
    assert "Planted: distorted scans harm. What is true here" in [
        one.label for one in page.expander
    ]
    said = words(page)
    assert "12 of the 24 scans to pretrain on are bad by their planted quality" in said
    known = planted.read(workspace)
    assert known is not None
    for told, years in known.rows():
        assert told in said
        assert f"{years:.2f}" in said


def test_other_workspaces_have_no_such_panel(full, run) -> None:
    page = run("compare", full.workspace, **{state.STUDY: full.finished.id})
    assert "planted" not in words(page)


def test_the_study_declares_what_it_is_to_decide_and_is_simulated(made) -> None:
    workspace, study = made
    assert study.simulated
    assert study.analysis.primary == ("A", "all")
    assert stored_predictions.read(workspace, study).there


def test_a_lent_world_is_not_said_to_be_scored_otherwise_than_the_people_here(
    made, full, tmp_path
) -> None:
    shutil.copytree(full.workspace.root, tmp_path / "people")
    people = Workspace.open(tmp_path / "people")
    cohorts = world_workspace.lend(made[0], people)
    assert tables.read_scores(people)["reference"].notna().any()
    assert all(cache.outdated(people, cohort.id) == () for cohort in cohorts)


def test_a_pool_of_people_is_judged_on_people_though_a_world_is_lent(
    made, full, tmp_path, run
) -> None:
    shutil.copytree(full.workspace.root, tmp_path / "people")
    people = Workspace.open(tmp_path / "people")
    pool_of_world, target_of_world = world_workspace.lend(made[0], people)
    pool = frozen_cohort.freeze(people, "newer", author="tests")
    page = run("train", people)
    first, second = (one for one in page.selectbox if one.label in (POOL, TARGET))
    assert first.value.id == pool.id and not planted.has(people, second.value.id)
    assert "of the simulated world in this workspace" not in words(page)
    of_world = next(one for one in first.options if pool_of_world.id in one)
    checked(first.select(of_world).run())
    chosen = next(one for one in page.selectbox if one.label == TARGET)
    assert chosen.value.id == target_of_world.id


def test_half_a_world_is_refused_and_said_to_be_before_a_study_begins(made, full, tmp_path) -> None:
    shutil.copytree(full.workspace.root, tmp_path / "people")
    people = Workspace.open(tmp_path / "people")
    _, target_of_world = world_workspace.lend(made[0], people)
    with pytest.raises(StudyError, match="is not: nothing can be learned"):
        planned_study.plan(
            people,
            name="half",
            cohort_id=full.finished.cohort_id,
            target_id=target_of_world.id,
            arms=["scratch", "A"],
            seeds=[0],
            folds=2,
            preset="smoke",
        )
