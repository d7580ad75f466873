"""Studies judged otherwise than by age in one partition of people: planned, refused, run and read."""

import numpy as np
import pytest

from curation.cohorts import frozen_cohort
from curation.errors import StudyError
from curation.storage import files, json_lines, tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_judged
from training.held_out import stored_predictions
from training.held_out.predictions import BASELINE
from training.judging.judging import Judging
from training.results import comparisons, external_test, study_summary
from training.studies import planned_study, runs
from training.studies.planned_study import Study
from training.tasks import finetune
from training.tasks.stop_signal import Interruption


@pytest.fixture
def judged(workspace: Workspace) -> Workspace:
    return workspace_judged.make(workspace)


def _run(workspace: Workspace, study: Study) -> None:
    runs.write_configs(study)
    for run in runs.runs_of(study):
        finetune.finetune(workspace, study, run, Interruption())


# ---- plans ---------------------------------------------------------------------------------------


def test_a_study_of_age_is_stored_as_it_always_was(judged: Workspace) -> None:
    study = workspace_judged.plan(judged)
    assert study.judging == Judging()
    assert "judging" not in files.read_json(study.header_path)
    assert not {"outcome", "cohort", "fold_1"} & set(study.scans().columns)


def test_what_a_study_is_judged_on_is_kept_with_it_and_names_it(judged: Workspace) -> None:
    study = workspace_judged.plan(judged, outcome="sex", repeats=2)
    assert study.id != workspace_judged.plan(judged).id
    assert planned_study.load(judged, study.id) == study
    assert study.outcome.two_valued and study.judging.repeats == 2
    values = study.scans().query("role == 'target'")["outcome"]
    (judged.root / "target-source" / "participants.tsv").unlink()
    assert (
        planned_study.load(judged, study.id).scans()["outcome"].dropna().tolist() == values.tolist()
    )


def test_folds_are_alike_in_what_is_predicted(judged: Workspace) -> None:
    target = workspace_judged.plan(judged, outcome="diagnosis", folds=3).scans()
    assert target.groupby("fold")["outcome"].mean().drop(-1).tolist() == pytest.approx([0.5] * 3)


def test_people_without_a_value_are_left_out(judged: Workspace) -> None:
    study = workspace_judged.plan(judged, outcome="gap")
    assert len(study.scans().query("role == 'target'")) == workspace_judged.TARGET - 1


def test_folds_by_site_hold_whole_sites(judged: Workspace) -> None:
    target = workspace_judged.plan(judged, folds_by="site").scans().query("role == 'target'")
    assert target.groupby("site")["fold"].nunique().tolist() == [1, 1]
    assert set(target["fold"]) == {0, 1}


def test_every_partition_holds_everybody_once_and_cuts_anew(judged: Workspace) -> None:
    study = workspace_judged.plan(judged, repeats=3)
    target = study.scans().query("role == 'target'")
    folds = target[["fold", "fold_1", "fold_2"]].to_numpy()
    assert [sorted(set(column)) for column in folds.T] == [[0, 1], [2, 3], [4, 5]]
    assert not np.array_equal(folds[:, 0], folds[:, 1] - 2)
    train, test, _ = study.split("scratch", 0, 3)
    assert set(test["scan_id"]) == set(target.loc[target["fold_1"] == 3, "scan_id"])
    assert not set(train["subject_id"]) & set(test["subject_id"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outcome": "left"}, "Each fold needs 2 people or more of each value of left.*3 in all"),
        ({"folds_by": "site", "folds": 3}, "has 2 sites, fewer than 3 folds. Take 2 folds"),
        ({"folds_by": "site", "repeats": 2}, "Folds by site are not repeated"),
        ({"folds_by": "month"}, "Folds are by person or site, not by 'month'"),
        ({"repeats": 0}, "Repeats are 1 to 20, not 0"),
        (
            {"outcome": "sex", "arms": ["scratch", "scratch-labels-20"], "seeds": [*range(20)]},
            "would learn from people of one value of sex alone",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused_and_nothing_is_written(
    judged: Workspace, changes: dict, words: str
) -> None:
    with pytest.raises(StudyError, match=words):
        workspace_judged.plan(judged, **changes)
    assert not planned_study.list_studies(judged)


def test_one_site_alone_cannot_be_left_out(judged: Workspace) -> None:
    scans = tables.read_scans(judged)
    tables.write_scans(judged, scans.assign(site=None))  # their source stands in for it
    with pytest.raises(StudyError, match=r"of one site \(source target\): no site can be left out"):
        workspace_judged.plan(judged, folds_by="site")


@pytest.mark.parametrize(
    ("elsewhere", "arms", "words"),
    [
        (
            1,
            ["scratch"],
            "Fold 1 leaves 1 person to learn from; at least 2 are needed. .* by person",
        ),
        (4, ["scratch", "scratch-labels-25"], "scratch-labels-25 .* two people: 25 % of 4"),
    ],
)
def test_sites_that_leave_too_few_to_learn_from_are_refused_and_nothing_is_written(
    judged: Workspace, elsewhere: int, arms: list[str], words: str
) -> None:
    scans = tables.read_scans(judged)
    sites = np.where(np.arange(len(scans)) < len(scans) - elsewhere, "North", "South")
    tables.write_scans(judged, scans.assign(site=sites))
    with pytest.raises(StudyError, match=words):
        workspace_judged.plan(judged, folds_by="site", arms=arms)
    assert not planned_study.list_studies(judged)
    workspace_judged.plan(judged, arms=arms)  # by person


# ---- runs ----------------------------------------------------------------------------------------


def test_two_values_are_learned_and_judged_by_their_auc(judged: Workspace) -> None:
    """Diagnosis follows the size of the dark middle here: people with it are the older ones."""
    study = workspace_judged.plan(judged, outcome="old", overrides=_QUICK)
    _run(judged, study)
    held_out = stored_predictions.read(judged, study)
    final = study_summary.summarise(held_out).set_index("arm")
    assert final.loc["scratch", "age_mae_years"] > 0.9
    assert not final.loc["scratch", "ci_high"] > 1  # of an AUC of exactly 1 there is no interval
    assert final.loc[BASELINE, "age_mae_years"] == pytest.approx(0.5)
    found = comparisons.compare_all(held_out, "scratch").mean_age.iloc[0]
    assert found["difference_years"] < -0.4  # a loss: 1 − AUC
    assert "AUC, " in found["words"] and "above 0 favours no pretraining" in found["words"]
    line = json_lines.read(runs.runs_of(study)[0].metrics_path)[-1]
    assert 0 <= line["held_out"] <= 1 and "age_mae_years" not in line


_QUICK = {"finetune_epochs": 15, "finetune_lr": 3e-3, "hidden": 48, "shift_voxels": 0}


def test_partitions_are_averaged_person_by_person(judged: Workspace) -> None:
    study = workspace_judged.plan(judged, repeats=2)
    _run(judged, study)
    held_out = stored_predictions.read(judged, study)
    assert held_out.finished("scratch") and held_out.finished_runs("scratch") == 4
    first, second = (np.abs(part.by_person[0, 0] - held_out.truth) for part in held_out.partitions)
    everybody = np.arange(workspace_judged.TARGET)
    losses = held_out.losses([0], np.arange(1), everybody)
    assert losses[0, 0] == pytest.approx((first + second) / 2)
    final = study_summary.summarise(held_out).set_index("arm")
    assert final.loc["scratch", "n_subjects"] == workspace_judged.TARGET


def test_an_external_cohort_is_predicted_by_the_model_of_every_fold(judged: Workspace) -> None:
    other = workspace_judged.second_target(judged)
    study = workspace_judged.plan(judged, outcome="sex", external=(other,))
    _run(judged, study)
    (held_out,) = external_test.read(study).values()
    assert len(held_out.people) == 6 and len(held_out.partitions) == study.folds
    assert held_out.finished("scratch")
    assert np.isfinite(held_out.partitions[1].by_person[0]).all()
    assert set(held_out.people["subject_id"]).isdisjoint(
        study.scans().query("role == 'target'")["subject_id"]
    )
    assert study_summary.summarise(held_out)["n_subjects"].tolist() == [6, 6]


@pytest.mark.parametrize("outcome", ["age", "sex"])
def test_until_the_first_fold_is_finished_an_external_cohort_has_no_figures(
    judged: Workspace, outcome: str
) -> None:
    other = workspace_judged.second_target(judged)
    study = workspace_judged.plan(judged, outcome=outcome, external=(other,))
    runs.write_configs(study)
    first, last = sorted(runs.runs_of(study), key=lambda run: run.fold or 0)
    finetune.finetune(judged, study, last, Interruption())
    assert external_test.summary(study, "scratch").empty
    finetune.finetune(judged, study, first, Interruption())
    assert external_test.summary(study, "scratch")["n_runs"].max() == 2


def test_an_external_cohort_that_shares_people_with_the_target_is_refused(
    judged: Workspace,
) -> None:
    target = workspace_judged.target(judged)
    same = frozen_cohort.freeze(judged, "again", author="Ada", role="target")
    with pytest.raises(StudyError, match=f"external cohort {same.id}, against pool and target"):
        workspace_judged.plan(judged, external=(same.id,))
    with pytest.raises(StudyError, match="is the target"):
        workspace_judged.plan(judged, external=(target.id,))
