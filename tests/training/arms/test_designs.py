import pytest

from curation.cohorts import frozen_cohort
from curation.errors import StudyError
from curation.storage.workspace import Workspace
from tests.helpers.workspace_scored import put_scans
from training.arms.designs import DESIGNS
from training.arms.study_arms import choose


def _cohort(workspace: Workspace, scores: list[float]) -> frozen_cohort.Cohort:
    put_scans(workspace, [{"distortion_score": score} for score in scores])
    return frozen_cohort.freeze(workspace, "pool", author="Ada")


def test_the_usual_arms_of_each_design(workspace: Workspace) -> None:
    cohort = _cohort(workspace, [5, 30, 80])
    assert DESIGNS["tiers"].arms(cohort) == ["scratch", "A", "all", "control-A"]
    assert DESIGNS["sweep"].arms(cohort, [20, 60]) == [
        "scratch",
        "all",
        "keep-60",
        "keep-20",
        "control-keep-60",
        "control-keep-20",
    ]
    assert DESIGNS["labels"].arms(cohort, [25]) == [
        "scratch",
        "A",
        "all",
        "scratch-labels-25",
        "A-labels-25",
        "all-labels-25",
    ]


@pytest.mark.parametrize("scores", [[5, 30, 80], [30, 80], [5, 6]])
@pytest.mark.parametrize("design", DESIGNS.values(), ids=lambda design: design.name)
def test_every_design_is_a_study_that_the_cohort_can_carry(workspace, design, scores) -> None:
    cohort = _cohort(workspace, scores)
    if design.why_not(cohort):
        assert (design.name, scores) == ("tiers", [5, 6])
        return
    names = design.arms(cohort)
    chosen = choose(cohort, names)
    assert [arm.name for arm in chosen] == names
    assert names[0] == "scratch" and "all" in names


def test_a_question_whose_arms_are_not_there_is_refused_with_what_can_be_asked(workspace) -> None:
    cohort = _cohort(workspace, [5, 6])
    with pytest.raises(StudyError, match="no tier is better") as refused:
        DESIGNS["tiers"].arms(cohort)
    told = str(refused.value)
    assert "2 scans in A, 0 scans in B, 0 scans in C" in told
    assert "It can carry scratch, all, keep-1 to keep-99" in told and "Move the cut-offs" in told
    assert DESIGNS["sweep"].why_not(cohort) == "" and "at least one" in DESIGNS["sweep"].why_not(
        cohort, []
    )


def test_each_share_of_a_sweep_has_its_control(workspace: Workspace) -> None:
    cohort = _cohort(workspace, [5, 30, 80])
    arms = choose(cohort, DESIGNS["sweep"].arms(cohort))
    kept = [arm.name for arm in arms if arm.kind == "sweep"]
    assert kept == ["keep-80", "keep-60", "keep-40", "keep-20"]
    assert [arm.matches for arm in arms if arm.kind == "control"] == kept
