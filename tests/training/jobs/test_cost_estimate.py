import pytest

from curation.storage import files
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.jobs import cost_estimate
from training.jobs.study_status import START_S
from training.settings.presets import PRESETS
from training.settings.tuning import Tuning
from training.studies import runs
from training.studies.planned_study import Study

SECONDS = {"pretrain": 100.0, "finetune": 10.0}


@pytest.fixture
def study(workspace: Workspace) -> Study:
    return workspace_trainable.plan(
        workspace_trainable.make(workspace), arms=["scratch", "A", "all", "all-labels-50"]
    )


def test_an_encoder_that_arms_share_is_paid_once_a_seed(study: Study) -> None:
    cost = cost_estimate.estimate(
        study.arms, seeds=3, folds=2, preset=study.preset, scans=20, seconds=SECONDS
    )
    assert (cost.pretrainings, cost.finetunings, cost.runs) == (6, 24, 30)
    assert cost.work_s == 6 * (100 + START_S) + 24 * (10 + START_S)
    assert cost.disk_bytes == 20 * 20 * 24 * 20 * 2


def test_trials_of_a_tuning_are_paid_and_fine_tunings_for_the_longest(study: Study) -> None:
    tuning = Tuning(rates=(0.3, 1.0, 3.0), lengths=(1.0, 2.0))
    cost = cost_estimate.estimate(
        study.arms, seeds=3, folds=2, preset=study.preset, scans=20, seconds=SECONDS, tuning=tuning
    )
    # two kinds of arms in two folds, 6 trials each: two thirds of the people, 1.5 times as long on average
    assert (cost.trials, cost.runs) == (24, 54)
    expected = 6 * (100 + START_S) + 24 * (10 + START_S) + 24 * (20 + START_S)
    assert cost.work_s == pytest.approx(expected)


def test_no_number_of_places_makes_a_study_shorter_than_a_run_and_what_follows_it(study) -> None:
    cost = cost_estimate.estimate(
        study.arms, seeds=3, folds=2, preset=study.preset, scans=20, seconds=SECONDS
    )
    assert cost.span_s(1) == cost.work_s
    assert cost.span_s(2) == cost.work_s / 2
    assert cost.span_s(10_000) == 100 + 10 + 2 * START_S


def test_what_was_never_run_has_no_time(study: Study, workspace: Workspace) -> None:
    assert cost_estimate.seconds_a_run(workspace, study.preset) == {}
    cost = cost_estimate.estimate(
        study.arms, seeds=1, folds=2, preset=study.preset, scans=20, seconds={"finetune": 1.0}
    )
    assert cost.work_s is cost.span_s(2) is None
    scratch = cost_estimate.estimate(
        study.arms[:1], seeds=1, folds=2, preset=study.preset, scans=20, seconds={"finetune": 1.0}
    )
    assert scratch.work_s == 2 * (1 + START_S)


def test_earlier_runs_of_the_same_preset_tell_the_time_and_no_others(study, workspace) -> None:
    for number, run in enumerate(runs.runs_of(study)):
        if number in (0, 1):
            files.write_json(
                run.status_path, {"state": "stopped", "epoch": 1, "seconds": 2.0 + number}
            )
    assert cost_estimate.seconds_a_run(workspace, study.preset) == {"pretrain": 2.5 * 3}
    assert cost_estimate.seconds_a_run(workspace, PRESETS["smoke"]) == {}


def test_distorted_scans_need_room_and_subsets_at_equal_passes_less_time(study, workspace) -> None:
    arms = ["A", "A~blur-0.5", "A+A~blur-0.5", "A-share-50-draw-1", "A-share-50-draw-1-passes"]
    planned = workspace_trainable.plan(workspace, arms=arms)
    cost = cost_estimate.estimate(
        planned.arms, seeds=1, folds=2, preset=study.preset, scans=20, pool=12, seconds=SECONDS
    )
    assert cost.disk_bytes == (20 + 12) * 20 * 24 * 20 * 2  # one artefact at one severity
    assert cost.pretrainings == 5
    assert cost.work_s == 4.5 * (100 + START_S) + 10 * (10 + START_S)
