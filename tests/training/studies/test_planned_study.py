from dataclasses import replace
from pathlib import Path

import pytest

from curation.cohorts import frozen_cohort
from curation.errors import CohortError, DamagedError, StudyError
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import TierRule
from tests.helpers import workspace_trainable
from tests.helpers.replanned import replanned
from training.studies import planned_study
from training.studies.analysis_plan import AnalysisPlan


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    return workspace_trainable.make(workspace)


def _change(workspace: Workspace, scan_id: str, **values: object) -> None:
    scans = tables.read_scans(workspace)
    for name, value in values.items():
        scans.loc[scans["scan_id"] == scan_id, name] = value
    tables.write_scans(workspace, scans)
    scores = tables.read_scores(workspace)[["scan_id", "distortion_score"]]
    workspace_trainable.write_tables(workspace, scans.merge(scores, on="scan_id"))


def test_a_study_is_what_was_planned(ready: Workspace) -> None:
    planned = workspace_trainable.plan(ready, arms=["scratch", "A", "control-A"], seeds=[3, 5])
    loaded = planned_study.load(ready, planned.id)
    assert loaded == planned
    assert [arm.name for arm in loaded.arms] == ["scratch", "A", "control-A"]
    assert loaded.seeds == (3, 5)
    assert loaded.preset.finetune_epochs == 3
    assert loaded.simulated


def test_the_same_plan_is_the_same_study_and_any_change_another(ready: Workspace) -> None:
    first = workspace_trainable.plan(ready)
    assert workspace_trainable.plan(ready) == first
    others = [
        workspace_trainable.plan(ready, seeds=[0, 1]),
        workspace_trainable.plan(ready, folds=3),
        workspace_trainable.plan(ready, overrides={"finetune_epochs": 4}),
    ]
    assert len({study.id for study in (first, *others)}) == 4
    assert {study.id for study in planned_study.list_studies(ready)} == {
        s.id for s in (first, *others)
    }


def test_the_pool_has_no_fold_and_the_target_all_of_them(ready: Workspace) -> None:
    scans = workspace_trainable.plan(ready).scans()
    assert set(scans.loc[scans["role"] == "pool", "fold"]) == {-1}
    assert set(scans.loc[scans["role"] == "target", "fold"]) == {0, 1}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda scans: scans.drop(columns="role"), "lacks the column 'role'"),
        (lambda scans: scans[scans["role"] == "pool"], "no scan in it is of the target"),
        (lambda scans: scans.assign(age_years="old"), "'age_years' holds other values"),
        (lambda scans: scans.assign(subject_id=None), "lacks its name, person, role or fold"),
    ],
)
def test_scans_that_are_no_study_s_are_told_with_their_file(ready, damage, words: str) -> None:
    study = workspace_trainable.plan(ready)
    files.write_parquet(study.scans_path, damage(study.scans()))
    with pytest.raises(DamagedError, match=words) as caught:
        study.scans()
    assert str(study.scans_path) in str(caught.value)


def test_no_path_is_in_a_study(ready: Workspace) -> None:
    study = workspace_trainable.plan(ready)
    assert "path" not in study.scans()
    assert str(ready.root) not in study.header_path.read_text()


def test_a_control_can_stand_without_the_arm_it_matches(ready: Workspace) -> None:
    study = workspace_trainable.plan(ready, arms=["all", "control-A+B"])
    assert len(study.pretraining_scans("control-A+B", 0)) == 8
    assert len(study.pretraining_scans("all", 0)) == 12


def test_fewer_labels_mean_fewer_people_and_as_many_steps(ready: Workspace) -> None:
    study = workspace_trainable.plan(
        ready, arms=["A", "A-labels-50", "scratch", "scratch-labels-50"], seeds=[0, 1]
    )
    every, few = study.split("A", 0, 0), study.split("A-labels-50", 0, 0)
    assert set(few.train["subject_id"]) < set(every.train["subject_id"])
    assert len(few.train) == len(every.train) / 2
    assert few.steps == every.steps == 1
    assert few.test.equals(every.test)
    assert not set(few.test["subject_id"]) & set(every.train["subject_id"])
    assert few.train.equals(study.split("scratch-labels-50", 0, 0).train)
    draws = {tuple(study.split("A-labels-50", seed, 0).train["scan_id"]) for seed in range(9)}
    assert len(draws) > 1


def test_a_study_of_an_older_tierscope_is_still_read(ready: Workspace) -> None:
    study = workspace_trainable.plan(ready, arms=["scratch", "A", "control-A"])
    values = files.read_json(study.header_path)
    new = ("keep_percent", "method", "label_percent", "base")
    arms = [{k: v for k, v in arm.items() if k not in new} for arm in values["arms"]]
    old = planned_study.load(ready, replanned(study, schema=1, arms=arms))
    assert replace(old, id=study.id) == study


def test_a_field_of_a_newer_tierscope_is_told_by_its_name(ready: Workspace) -> None:
    study = workspace_trainable.plan(ready)
    preset = files.read_json(study.header_path)["preset"] | {"of_tomorrow": 1}
    newer = replanned(study, preset=preset)
    with pytest.raises(
        DamagedError, match="it has 'of_tomorrow', which this version does not know"
    ):
        planned_study.load(ready, newer)


@pytest.mark.parametrize("change", ["the margin", "an age"])
def test_a_plan_that_was_changed_afterwards_is_not_read(ready: Workspace, change: str) -> None:
    study = workspace_trainable.plan(ready, analysis=AnalysisPlan(("A", "scratch"), 0.7))
    assert planned_study.load(ready, study.id) == study
    if change == "the margin":
        header = files.read_json(study.header_path)
        header["analysis"]["margin_years"] = 60.0
        files.write_json(study.header_path, header)
    else:
        scans = study.scans()
        scans.loc[0, "age_years"] += 1
        files.write_parquet(study.scans_path, scans)
    with pytest.raises(DamagedError, match=r"scans\.parquet beside it, was changed after"):
        planned_study.load(ready, study.id)
    found, troubles = planned_study.read_studies(ready)
    assert found == [] and len(troubles) == 1


def test_pretraining_never_sees_the_target(ready: Workspace) -> None:
    study = workspace_trainable.plan(ready, arms=["A", "all", "control-A"])
    target = set(study.scans().query("role == 'target'")["scan_id"])
    for arm in study.arms:
        assert not target & set(study.pretraining_scans(arm.name, 0))


def test_a_person_of_the_target_in_the_pool_is_refused(ready: Workspace) -> None:
    _change(ready, "target_sub-13_T1w", subject_id="pool:sub-02")
    with pytest.raises(StudyError, match=r"1 person.*also in the pretraining pool.*target_sub-13"):
        workspace_trainable.plan(ready)


def test_a_file_of_the_target_in_the_pool_is_refused(ready: Workspace) -> None:
    same = tables.read_scans(ready).set_index("scan_id").loc["pool_sub-02_T1w"]
    _change(ready, "target_sub-13_T1w", sha256=same["sha256"], path=same["path"])
    with pytest.raises(StudyError, match="1 image is in the target"):
        workspace_trainable.plan(ready)


def test_a_file_that_changed_since_the_cohort_was_frozen_is_refused(ready: Workspace) -> None:
    path = Path(tables.read_scans(ready).set_index("scan_id").loc["pool_sub-02_T1w", "path"])
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(StudyError, match=r"pool_sub-02_T1w \(its file has other content now\)"):
        workspace_trainable.plan(ready)


def test_what_a_gate_holds_is_neither_pretrained_on_nor_judged(ready: Workspace) -> None:
    values = tables.read_scored_scans(ready)
    limit = values["distortion_score"].quantile(0.7)
    rule = TierRule(gates=(Gate("distortion_score", above=limit),))
    pool = frozen_cohort.freeze(ready, "gated", author="Ada", rule=rule)
    target = frozen_cohort.freeze(ready, "gated", author="Ada", rule=rule, role="target")
    assert pool.unusable
    assert target.unusable
    study = workspace_trainable.plan(ready, arms=["all"], cohort_id=pool.id, target_id=target.id)
    table = values.set_index("scan_id")["distortion_score"]
    assert len(study.scans()) == pool.size - pool.unusable + target.size - target.unusable
    assert (table.loc[study.scans()["scan_id"]] <= limit).all()
    assert len(study.pretraining_scans("all", 0)) == pool.size - pool.unusable


def test_a_scan_without_alignment_is_refused(ready: Workspace) -> None:
    part = ready.metrics_dir / "part-made.parquet"
    metrics = tables.read_metrics(ready)
    metrics.loc[metrics["scan_id"] == "pool_sub-03_T1w", "template_affine"] = None
    files.write_parquet(part, metrics)
    with pytest.raises(StudyError, match="pool_sub-03_T1w"):
        workspace_trainable.plan(ready)
    part.unlink()
    with pytest.raises(StudyError, match="Score the scans first"):
        workspace_trainable.plan(ready)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"preset": "huge"}, "no preset 'huge'"),
        ({"name": "  "}, "needs a name"),
        ({"seeds": []}, "Seeds are different numbers"),
        ({"seeds": [1, 1]}, "Seeds are different numbers"),
        ({"seeds": [-1]}, "Seeds are different numbers"),
        ({"seeds": [2**64]}, "below 2⁶³"),
        ({"folds": 1}, "2 folds or more"),
        ({"folds": 5}, "8 people to judge on; 5 folds need at least 10"),
        ({"arms": ["best"]}, "cannot carry the arm 'best'"),
        ({"arms": ["A", "A-labels-20"]}, "fewer than two people: 20 % of 4"),
    ],
)
def test_a_plan_that_cannot_work_is_refused_in_words(ready, changes: dict, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        workspace_trainable.plan(ready, **changes)
    assert planned_study.list_studies(ready) == []


def test_a_cohort_of_the_other_role_is_refused(ready: Workspace) -> None:
    study = workspace_trainable.plan(ready)
    with pytest.raises(StudyError, match="frozen as 'target' is needed"):
        workspace_trainable.plan(ready, target_id=study.cohort_id)
    with pytest.raises(CohortError, match="no cohort"):
        workspace_trainable.plan(ready, target_id="absent-1234")


@pytest.mark.parametrize("study_id", ["absent", "../x", ""])
def test_an_unknown_study_is_refused(ready: Workspace, study_id: str) -> None:
    workspace_trainable.plan(ready)
    with pytest.raises(StudyError):
        planned_study.load(ready, study_id)


def test_a_scan_that_came_from_a_table_is_not_trained_on(ready: Workspace) -> None:
    workspace_trainable.plan(ready)
    first = tables.read_scans(ready)["scan_id"].iloc[0]
    scans = tables.read_scans(ready)
    scans.loc[scans["scan_id"] == first, ["status", "path"]] = ["table", None]
    tables.write_scans(ready, scans)
    with pytest.raises(StudyError, match="from a table, without an image"):
        workspace_trainable.plan(ready, seeds=[7])
