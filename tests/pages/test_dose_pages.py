"""Distorted arms and random subsets on the pages: planned on Train, shown on Compare, told on Tiers."""

import shutil
from pathlib import Path

import pytest

from curation.storage.workspace import Workspace
from pages.ui.shell import state
from tests.helpers import workspace_full
from tests.helpers.page_words import words
from tests.helpers.workspace_full import FullWorkspace
from training.studies import arm_overlap
from training.studies.planned_study import Study

pytestmark = pytest.mark.usefixtures("few_draws")
DOSES = ["A~motion-0.25", "A~motion-0.5", "A~motion-1", "A+A~motion-0.5"]
HARM = [f"A~{name}-0.5" for name in ("noise", "blur", "bias", "shear")]
DRAWS = [f"A-share-50-draw-{draw}{way}" for draw in (1, 2) for way in ("", "-passes")]


@pytest.fixture(scope="module")
def dosed(full: FullWorkspace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Study]:
    """A workspace with a study of such arms, only to read."""
    folder = tmp_path_factory.mktemp("dosed") / "workspace"
    workspace = Workspace(Path(shutil.copytree(full.workspace.root, folder)))
    arms = ["scratch", "A", *DOSES, *HARM, *DRAWS]
    return workspace, workspace_full.add_distorted(workspace, arms)


def test_compare_shows_dose_ranking_and_size_with_their_tables(dosed, run) -> None:
    workspace, study = dosed
    page = run("compare", workspace, **{state.STUDY: study.id, state.COMPARE_PART: "dose"})
    said = words(page)
    assert not page.error and not page.exception
    assert len(page.get("plotly_chart")) == 3
    assert [each.value for each in page.subheader] == [
        "Dose and harm",
        "Which distortions matter to the model?",
        "More scans of the same quality",
    ]
    for told in (
        "Distorted by simulation",
        "Rank correlation of years lost over 5 distortions",
        "as a share of the variance between people",
        "take back part of shear",
    ):
        assert told in said, told


def test_a_study_without_such_arms_has_no_such_part(full, run) -> None:
    page = run("compare", full.workspace, **{state.STUDY: full.finished.id})
    assert "Dose and size" not in str(page.get("button_group"))


def test_tiers_tells_what_distortions_cost_and_scored(dosed, run) -> None:
    page = run("tiers", dosed[0])
    said = words(page)
    labels = [each.label for each in page.expander]
    assert "What distortions of such scores cost a model here" in labels
    assert "Study doses, scans of A" in said and "by these cut-offs" in said
    assert "distorted by simulation, against the scans as they are" in said


def test_train_offers_the_choices_of_a_design_and_says_what_is_wrong(full, run) -> None:
    page = run("train", full.workspace, **{state.DESIGN: "dose"})
    assert [box.label for box in page.selectbox if box.label in ("Artefact", "Scans of")] == [
        "Artefact",
        "Scans of",
    ]
    (arms,) = [each for each in page.multiselect if each.label.startswith("Arms: what")]
    assert arms.value == ["scratch", "A", "A~motion-0.25", "A~motion-0.5", "A~motion-0.75"]
    page = arms.set_value(["scratch", "A~motion-0.25"]).run()
    assert "compared with A, the same scans as they are" in words(page)
    (severities,) = [each for each in page.multiselect if each.label == "Severities"]
    assert "at least one severity" in words(severities.set_value([]).run())


@pytest.mark.parametrize("reference", ["scratch", "A", "control-A"])
def test_what_an_arm_and_its_control_share_stands_beside_their_comparison(full, run, reference):
    workspace, finished, _ = full
    chosen = {state.STUDY: finished.id, state.COMPARE_REFERENCE: reference}
    said = words(run("compare", workspace, **chosen))
    (one,) = arm_overlap.of_study(finished)
    assert said.count(one.words) == 1
