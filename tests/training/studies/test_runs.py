import os
import time

import pytest

from curation.errors import StudyError
from curation.storage import files
from tests.helpers import workspace_trainable
from training.studies import run_status, runs
from training.studies.planned_study import Study
from training.studies.run_status import RunState, Status, reset_failed, state_of


@pytest.fixture
def study(workspace) -> Study:
    return workspace_trainable.plan(workspace_trainable.make(workspace), seeds=[0, 1])


def test_an_arm_is_pretrained_once_a_seed_and_judged_on_every_fold(study: Study) -> None:
    found = runs.runs_of(study)
    assert [run.id for run in found if run.kind == "pretrain"] == [
        "pretrain_A_seed0",
        "pretrain_A_seed1",
    ]
    assert len([run for run in found if run.kind == "finetune"]) == 2 * 2 * 2
    assert len({run.id for run in found}) == len(found)


def test_what_a_run_starts_from(study: Study) -> None:
    pretraining = runs.pretraining_of(study, runs.find(study, "finetune_A_seed1_fold0"))
    assert pretraining is not None
    assert pretraining.id == "pretrain_A_seed1"
    assert runs.pretraining_of(study, runs.find(study, "finetune_scratch_seed0_fold0")) is None


def test_arms_that_differ_in_their_labels_alone_share_a_pretraining(workspace) -> None:
    study = workspace_trainable.plan(
        workspace_trainable.make(workspace),
        arms=["scratch", "A", "scratch-labels-50", "A-labels-50"],
    )
    found = runs.runs_of(study)
    assert [run.id for run in found if run.kind == "pretrain"] == ["pretrain_A_seed0"]
    few = runs.pretraining_of(study, runs.find(study, "finetune_A-labels-50_seed0_fold1"))
    assert few is not None and few.id == "pretrain_A_seed0"
    bare = runs.find(study, "finetune_scratch-labels-50_seed0_fold1")
    assert runs.pretraining_of(study, bare) is None


def test_names_mean_runs_and_whole_arms(study: Study) -> None:
    found = runs.named(study, ["A", "finetune_scratch_seed1_fold0"])
    assert len(found) == 2 + 4 + 1
    assert {run.arm for run in found if run.kind == "pretrain"} == {"A"}
    with pytest.raises(StudyError, match="no run and no arm 'B'; its arms: scratch, A"):
        runs.named(study, ["A", "B"])


def test_a_pretraining_that_begins_anew_takes_what_was_built_on_it_along(study: Study) -> None:
    for run in runs.runs_of(study):
        files.write_json(run.result_path, {})
        Status(run.status_path).write("finished", epoch=3)
    files.write_json(study.result_path, {})
    deleted = runs.delete_results(study, [runs.find(study, "pretrain_A_seed0")])
    assert {run.id for run in deleted} == {
        "pretrain_A_seed0",
        "finetune_A_seed0_fold0",
        "finetune_A_seed0_fold1",
    }
    states = {state.run_id: (state.state, state.epoch) for state in run_status.states(study)}
    assert {run for run, state in states.items() if state == ("waiting", 0)} == {
        run.id for run in deleted
    }
    assert not study.result_path.exists()


def test_what_failed_waits_for_another_try_where_it_was(study: Study) -> None:
    first, second = runs.runs_of(study)[:2]
    for run in (first, second):
        Status(run.status_path).write("failed", epoch=2, message="broken")
    reset_failed(study, [second.id])
    assert state_of(study, first).state == "failed"
    state = state_of(study, second)
    assert (state.state, state.epoch, state.message) == ("waiting", 2, "")


def test_an_unknown_run_is_refused(study: Study) -> None:
    with pytest.raises(StudyError, match="no run 'x'"):
        runs.find(study, "x")


def test_the_config_is_there_before_the_start_and_is_never_rewritten(study: Study) -> None:
    runs.write_configs(study)
    config = files.read_json(runs.find(study, "pretrain_A_seed0").config_path)
    assert config["scans"] == study.pretraining_scans("A", 0)
    assert config["preset"]["name"] == "smoke"
    path = runs.find(study, "finetune_A_seed0_fold0").config_path
    before = path.stat().st_mtime_ns
    runs.write_configs(study)
    assert path.stat().st_mtime_ns == before


def _state(study: Study, **status: object) -> RunState:
    run = runs.runs_of(study)[0]
    files.write_json(run.status_path, status)
    return state_of(study, run)


def test_nothing_on_disk_is_waiting(study: Study) -> None:
    assert {state.state for state in run_status.states(study)} == {"waiting"}


def test_running_is_only_what_runs(study: Study) -> None:
    status = Status(runs.runs_of(study)[0].status_path)
    status.write("running", epoch=1)
    assert state_of(study, runs.runs_of(study)[0]).state == "running"
    noted = files.read_json(status.path)
    gone = _state(study, **(noted | {"boot": "another/1", "started": time.time()}))
    assert gone.state == "stopped"
    assert "goes on from epoch 1" in gone.message


def test_on_another_machine_the_heartbeat_tells(study: Study) -> None:
    values = {"state": "running", "pid": os.getpid(), "started": 0.0, "host": "elsewhere"}
    assert _state(study, **values, heartbeat=time.time()).state == "running"
    assert _state(study, **values, heartbeat=time.time() - 3600).state == "stopped"


def test_a_run_elsewhere_that_makes_no_step_lives_while_it_tells_what_it_takes(
    study: Study,
) -> None:
    values = {"state": "running", "pid": os.getpid(), "started": 0.0, "host": "elsewhere"}
    run, long_ago = runs.runs_of(study)[0], time.time() - 3600
    files.write_json(run.usage_path, {"time": time.time(), "host": "elsewhere"})
    assert _state(study, **values, heartbeat=long_ago).state == "running"
    files.write_json(run.usage_path, {"time": time.time(), "host": "another"})
    assert _state(study, **values, heartbeat=long_ago).state == "stopped"


def test_a_result_means_finished_whatever_the_status_says(study: Study) -> None:
    run = runs.runs_of(study)[0]
    files.write_json(run.result_path, {})
    assert _state(study, state="running").state == "finished"


def test_earlier_values_are_kept_and_messages_are_not(study: Study) -> None:
    path = runs.runs_of(study)[0].status_path
    Status(path).write("failed", epoch=2, loss=0.5, message="broken")
    Status(path).write("running")
    state = state_of(study, runs.runs_of(study)[0])
    assert (state.epoch, state.loss, state.message) == (2, 0.5, "")


@pytest.mark.parametrize(
    "status",
    [
        {"epoch": "\x1b[2J"},
        {"state": "none"},
        {"message": []},
        {"seconds": "x"},
        {"loss": "0.5 or so"},
    ],
)
def test_a_status_of_other_values_is_a_failure_that_names_its_file(
    study: Study, status: dict
) -> None:
    told = _state(study, **({"state": "running"} | status))
    assert told.state == "failed" and "status.json" in told.message
