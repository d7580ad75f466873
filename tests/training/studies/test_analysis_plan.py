import json
from dataclasses import replace

import pytest

from curation.errors import StudyError
from tests.helpers import workspace_trainable
from training.arms.random_subset import Subset
from training.arms.study_arms import Arm
from training.studies import analysis_plan, planned_study
from training.studies.analysis_plan import EXPLORATORY, AnalysisPlan

SCRATCH = Arm("scratch", "", "scratch")
A = Arm("A", "", "tiers", ("A",))
ALL = Arm("all", "", "tiers", ("A", "B"))
CONTROL = Arm("control-A", "", "control", ("A", "B"), "A")
KEEP = Arm("keep-80", "", "sweep", ("A", "B"), keep_percent=80)
APART = replace(CONTROL, name="not-A", apart=True)


def _labels(arm: Arm) -> Arm:
    return replace(arm, name=f"{arm.name}-labels-25", label_percent=25, base=arm.name)


def _probe(arm: Arm) -> Arm:
    return replace(arm, name=f"probe-{arm.name}", method="probe", base=arm.name)


@pytest.mark.parametrize(
    ("arms", "pair"),
    [
        ((SCRATCH, A, ALL, CONTROL), ("A", "all")),
        ((SCRATCH, A, CONTROL), ("A", "control-A")),
        ((SCRATCH, A, CONTROL, _probe(CONTROL)), ("A", "control-A")),
        ((SCRATCH, A, CONTROL, _labels(CONTROL)), ("A", "control-A")),
        ((SCRATCH, A, CONTROL, APART), ("A", "control-A")),
        ((SCRATCH, ALL, KEEP), ("keep-80", "all")),
        ((SCRATCH, ALL), ("all", "scratch")),
        ((SCRATCH, A), ("A", "scratch")),
        ((SCRATCH,), None),
        ((A,), None),
        ((), None),
    ],
)
def test_what_is_proposed_is_the_question_that_the_arms_ask(arms, pair) -> None:
    assert analysis_plan.proposed(arms) == pair


def test_a_control_is_of_the_arm_that_is_trained_as_it_is() -> None:
    others = [train(arm) for train in (_probe, _labels) for arm in (CONTROL, A)]
    found = analysis_plan.with_controls([SCRATCH, A, ALL, CONTROL, APART, *others])
    assert [(arm.name, control.name) for arm, control in found] == [
        ("A", "control-A"),
        ("A", "not-A"),
        ("probe-A", "probe-control-A"),
        ("A-labels-25", "control-A-labels-25"),
    ]
    assert analysis_plan.with_controls([A, _probe(CONTROL), _labels(CONTROL)]) == []


def test_a_control_that_takes_more_steps_than_its_arm_is_none() -> None:
    part = Arm("A-share-25-draw-1", "", "subset", ("A",), subset=Subset("A", 25, 1))
    control = replace(CONTROL, name=f"control-{part.name}", matches=part.name)
    fewer = replace(part, subset=replace(part.subset, equal_passes=True))
    assert analysis_plan.with_controls([part, control]) == [(part, control)]
    assert analysis_plan.with_controls([fewer, control]) == []


@pytest.mark.parametrize("margin", [-0.7, 0.0, float("nan"), float("inf")])
def test_a_margin_that_is_no_difference_is_refused(margin) -> None:
    with pytest.raises(StudyError, match="above 0 years"):
        AnalysisPlan(("A", "all"), margin).refuse_unfit((A, ALL))


def test_an_arm_that_is_not_there_or_stands_twice_is_refused_by_name() -> None:
    with pytest.raises(StudyError, match="'keep-80', which is no arm of this study: A, all"):
        AnalysisPlan(("keep-80", "all")).refuse_unfit((A, ALL))
    with pytest.raises(StudyError, match="'A' with itself"):
        AnalysisPlan(("A", "A")).refuse_unfit((A, ALL))


@pytest.mark.parametrize("plan", [AnalysisPlan(None, 0.5), AnalysisPlan(one_sided=True)])
def test_a_margin_or_side_of_nothing_is_refused(plan) -> None:
    with pytest.raises(StudyError, match="name its two arms"):
        plan.refuse_unfit((A, ALL))


def test_it_is_written_down_and_read_back(workspace) -> None:
    study = workspace_trainable.plan(
        workspace_trainable.make(workspace),
        arms=["scratch", "A", "all"],
        analysis=AnalysisPlan(("A", "all"), 0.5, one_sided=True),
    )
    assert study.analysis == AnalysisPlan(("A", "all"), 0.5, one_sided=True)
    assert planned_study.load(workspace, study.id).analysis == study.analysis
    stored = json.loads(study.header_path.read_text())["analysis"]
    assert stored == {"primary": ["A", "all"], "margin_years": 0.5, "one_sided": True}


def test_another_analysis_is_another_study_and_none_leaves_the_id_as_it_was(workspace) -> None:
    workspace_trainable.make(workspace)
    plain = workspace_trainable.plan(workspace)
    assert "analysis" not in json.loads(plain.header_path.read_text())
    assert workspace_trainable.plan(workspace, analysis=EXPLORATORY).id == plain.id
    declared = workspace_trainable.plan(workspace, analysis=AnalysisPlan(("A", "scratch")))
    assert declared.id != plain.id


def test_an_analysis_that_the_arms_cannot_carry_leaves_nothing_behind(workspace) -> None:
    workspace_trainable.make(workspace)
    with pytest.raises(StudyError, match="no arm of this study"):
        workspace_trainable.plan(workspace, analysis=AnalysisPlan(("A", "all")))
    assert planned_study.list_studies(workspace) == []
