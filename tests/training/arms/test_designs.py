import re

import pytest

from curation.cohorts import frozen_cohort
from curation.errors import StudyError
from curation.simulation.artefacts import ARTEFACTS
from curation.storage.workspace import Workspace
from tests.helpers.workspace_scored import put_scans
from training.arms.designs import DESIGNS, Choices, best_tier
from training.arms.study_arms import choose


def _cohort(workspace: Workspace, scores: list[float]) -> frozen_cohort.Cohort:
    put_scans(workspace, [{"distortion_score": score} for score in scores])
    return frozen_cohort.freeze(workspace, "pool", author="Ada")


def test_the_usual_arms_of_each_design(workspace: Workspace) -> None:
    cohort = _cohort(workspace, [5, 30, 80])
    assert DESIGNS["tiers"].arms(cohort) == ["scratch", "A", "all", "control-A"]
    assert DESIGNS["sweep"].arms(cohort, Choices(percents=(20, 60))) == [
        "scratch",
        "all",
        "keep-60",
        "keep-20",
        "control-keep-60",
        "control-keep-20",
    ]
    assert DESIGNS["labels"].arms(cohort, Choices(percents=(25,))) == [
        "scratch",
        "A",
        "all",
        "scratch-labels-25",
        "A-labels-25",
        "all-labels-25",
    ]


def test_simpler_ways_are_frozen_features_random_ones_a_plain_network_and_tissues(
    workspace: Workspace,
) -> None:
    cohort = _cohort(workspace, [5, 30])
    expected = ["scratch", "all", "probe-all", "random", "cnn", "ridge"]
    assert DESIGNS["baselines"].arms(cohort) == expected


@pytest.mark.parametrize("scores", [[5, 30, 80], [30, 80], [5, 6]])
@pytest.mark.parametrize("design", DESIGNS.values(), ids=lambda design: design.name)
def test_every_design_is_a_study_that_the_cohort_can_carry(workspace, design, scores) -> None:
    cohort = _cohort(workspace, scores)
    if design.why_not(cohort):
        assert design.compares_tiers and scores == [5, 6]
        return
    names = design.arms(cohort)
    chosen = choose(cohort, names)
    assert [arm.name for arm in chosen] == names
    assert names[0] == "scratch"
    taken = (best_tier(cohort) or "all") if design.has("of") else "all"
    assert taken in names


def test_a_question_whose_arms_are_not_there_is_refused_with_what_can_be_asked(workspace) -> None:
    cohort = _cohort(workspace, [5, 6])
    with pytest.raises(StudyError, match="no tier is better") as refused:
        DESIGNS["tiers"].arms(cohort)
    told = str(refused.value)
    assert "2 scans in A, 0 scans in B, 0 scans in C" in told
    assert "It can carry scratch, all, keep-1 to keep-99" in told and "Move the cut-offs" in told
    assert DESIGNS["sweep"].why_not(cohort) == "" and "at least one" in DESIGNS["sweep"].why_not(
        cohort, Choices(percents=())
    )


def test_each_share_of_a_sweep_has_its_control(workspace: Workspace) -> None:
    cohort = _cohort(workspace, [5, 30, 80])
    arms = choose(cohort, DESIGNS["sweep"].arms(cohort))
    kept = [arm.name for arm in arms if arm.kind == "sweep"]
    assert kept == ["keep-80", "keep-60", "keep-40", "keep-20"]
    assert [arm.matches for arm in arms if arm.kind == "control"] == kept


def test_a_dose_is_the_clean_arm_and_the_same_arm_at_each_severity(workspace: Workspace) -> None:
    cohort = _cohort(workspace, [5, 30, 80])
    dose = Choices(artefact="cropped_fov", severities=(0.8, 0.2, 0.8))
    assert DESIGNS["dose"].arms(cohort, dose) == [
        "scratch",
        "A",
        "A~cropped_fov-0.2",
        "A~cropped_fov-0.8",
    ]
    of_all = DESIGNS["dose"].arms(cohort, Choices(severities=(1.0,), of="all"))
    assert of_all == ["scratch", "all", "all~motion-1"]


def test_harm_holds_every_artefact_of_the_registry(workspace: Workspace) -> None:
    cohort = _cohort(workspace, [5, 30, 80])
    arms = choose(cohort, DESIGNS["harm"].arms(cohort, Choices(severities=(0.4,))))
    distorted = [arm.distortion for arm in arms if arm.distortion]
    assert [one.artefact for one in distorted] == list(ARTEFACTS)
    assert {(one.severity, one.of) for one in distorted} == {(0.4, "A")}


def test_the_papers_question_is_asked_of_each_tier_of_all_together_and_of_planted_distortion(
    workspace: Workspace,
) -> None:
    cohort = _cohort(workspace, [5, 30, 80])
    names = DESIGNS["lost-in-distortion"].arms(cohort, Choices(severities=(0.5,)))
    assert names[:6] == ["scratch", "A", "B", "C", "A+B", "all"]
    assert names[6:10] == ["control-A", "control-B", "control-C", "control-A+B"]
    assert names[10:] == ["A~motion-0.5", "random", "ridge"]
    two = _cohort(workspace, [5, 30])
    assert DESIGNS["lost-in-distortion"].arms(two, Choices(severities=(0.5,)))[:4] == [
        *("scratch", "A", "B", "all")
    ]


def test_the_worst_stand_beside_the_best_and_as_many_others(workspace: Workspace) -> None:
    names = DESIGNS["worst"].arms(_cohort(workspace, [5, 30, 80]), Choices(percents=(30,)))
    assert names == ["scratch", "all", "A", "C", "keep-30", "worst-30", "not-keep-30"]


def test_scaling_draws_each_size_several_times_at_equal_steps_and_passes(workspace) -> None:
    cohort = _cohort(workspace, [5, 30, 80])
    names = DESIGNS["scaling"].arms(cohort, Choices(percents=(50, 25), of="A+B", draws=2))
    subsets = [arm.subset for arm in choose(cohort, names) if arm.subset]
    assert names[:2] == ["scratch", "A+B"]
    assert {(s.percent, s.draw, s.equal_passes) for s in subsets} == {
        (percent, draw, passes) for percent in (25, 50) for draw in (1, 2) for passes in (0, 1)
    }


@pytest.mark.parametrize(
    ("design", "choices", "told"),
    [
        ("dose", Choices(artefact="smudge"), "There is no artefact 'smudge'; there are noise"),
        ("dose", Choices(severities=(0.0,)), "above 0 and is at most 1"),
        ("harm", Choices(severities=(1.5,)), "1.5 came"),
        ("harm", Choices(severities=()), "at least one severity"),
        ("dose", Choices(of="D"), "'D' is no set of scans of cohort"),
        ("dose", Choices(of="A~motion-0.5"), "is no set of scans"),
        ("scaling", Choices(draws=0), "1 to 99 draws"),
        ("tiers", Choices(artefact="motion"), "'tiers' takes no artefact"),
        ("baselines", Choices(percents=(50,)), "takes no shares"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(workspace, design, choices, told) -> None:
    cohort = _cohort(workspace, [5, 30, 80])
    with pytest.raises(StudyError, match=re.escape(told)):
        DESIGNS[design].arms(cohort, choices)
