"""Studies as people meet them: launched, watched, stopped, killed, resumed. Real processes throughout."""

import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from curation.errors import StudyError
from curation.storage import files, processes
from curation.storage.workspace import Workspace
from tests.helpers import workspace_finished, workspace_trainable
from tests.helpers.launched_studies import ended, results, study_processes, under_way, wait
from training.__main__ import main
from training.jobs import launch, study_status
from training.results import error_curves, study_summary
from training.settings.tuning import Tuning
from training.studies import run_status, runs
from training.studies.planned_study import Study

#: Long enough that it cannot end between a look at it and what is done to it.
LONG = {"pretrain_epochs": 100}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Study]:
    """A study that ran through without interruption, in a folder with an awkward name."""
    folder = tmp_path_factory.mktemp("with space {and} braces")
    workspace = workspace_trainable.make(Workspace.create(folder / "w"))
    study = workspace_trainable.plan(workspace, overrides=LONG)
    assert study_status.status(workspace, study.id).state == "planned"
    assert launch.launch(workspace, study.id).state == "running"
    with pytest.raises(StudyError, match="already running"):
        launch.launch(workspace, study.id)
    status = wait(workspace, study, ended)
    assert status.state == "finished", study.supervisor_log_path.read_text()
    return workspace, study


def test_a_study_runs_from_scans_to_errors(finished: tuple[Workspace, Study]) -> None:
    workspace, study = finished
    status = study_status.status(workspace, study.id)
    assert (status.done, status.total, status.fraction, status.eta_s) == (5, 5, 1.0, None)
    errors = study_summary.final_errors(workspace, study.id).set_index("arm")
    assert errors.index.tolist() == ["scratch", "A", "predict-the-mean"]
    assert errors["n_subjects"].tolist() == [8, 8, 8]
    assert set(error_curves.age_error_curves(workspace, study.id)["epoch"]) == {1, 2, 3}
    assert len(error_curves.pretrain_curves(workspace, study.id)) == LONG["pretrain_epochs"]
    assert files.read_json(study.result_path)["final_errors"][0]["arm"] == "scratch"


@pytest.mark.soak  # each of its tasks is tested in tests/training/tasks/test_tuned_finetune.py
def test_a_tuned_study_tries_first_and_is_fine_tuned_by_what_was_chosen(
    workspace: Workspace,
) -> None:
    workspace_trainable.make(workspace, target=12)
    study = workspace_trainable.plan(
        workspace, arms=["scratch"], tuning=Tuning(rates=(1.0,), lengths=(2.0,))
    )
    launch.launch(workspace, study.id)
    status = wait(workspace, study, ended)
    assert status.state == "finished", study.supervisor_log_path.read_text()
    assert [(run.kind, run.epoch, run.epochs) for run in status.runs] == [
        ("tune", 6, 6),
        ("tune", 6, 6),
        ("finetune", 6, 6),
        ("finetune", 6, 6),
    ]
    chosen = files.read_json(study.tuning_path)
    assert [(one["kind"], one["fold"], one["epochs"]) for one in chosen] == [
        ("scratch", 0, 6),
        ("scratch", 1, 6),
    ]
    errors = study_summary.final_errors(workspace, study.id).set_index("arm")
    assert errors.loc["scratch", "n_runs"] == 2  # trials are no results


def test_every_arm_gets_the_same_steps_and_the_same_people(finished) -> None:
    _, study = finished
    results = {run: files.read_json(run.result_path) for run in runs.runs_of(study)}
    finetunings = [result for run, result in results.items() if run.kind == "finetune"]
    assert len({result["steps"] for result in finetunings}) == 1
    people: dict[tuple, set] = {}
    for result in finetunings:
        tested = {row["subject_id"] for row in result["predictions"]}
        assert people.setdefault((result["seed"], result["fold"]), tested) == tested
    assert not people[0, 0] & people[0, 1]


def test_a_finished_study_is_left_as_it_is(finished) -> None:
    workspace, study = finished
    before = study.result_path.stat().st_mtime_ns
    assert launch.launch(workspace, study.id).state == "finished"
    assert launch.stop(workspace, study.id).state == "finished"
    assert study.result_path.stat().st_mtime_ns == before
    assert not study_processes(study)


def test_a_study_stopped_resumed_killed_and_resumed_comes_to_the_same_numbers(
    finished: tuple[Workspace, Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = workspace_trainable.make(Workspace.create(tmp_path / "w"))
    study = workspace_trainable.plan(workspace, arms=["A"], overrides=LONG)

    launch.launch(workspace, study.id, cores=2)
    wait(workspace, study, under_way)
    told: list[tuple[str, bool]] = []
    status = launch.stop(
        workspace, study.id, tell=lambda words: told.append((words, bool(study_processes(study))))
    )
    assert status.state == "stopped"
    assert "saves where it is" in told[0][0] and told[0][1]  # said before anything is waited for
    assert "Resume" in status.message
    assert not study_processes(study)
    assert launch.stop(workspace, study.id).state == "stopped"

    launch.resume(workspace, study.id)
    wait(workspace, study, under_way)
    with monkeypatch.context() as patch:  # all of it dies while it is read
        patch.setattr(processes, "running", partial(_killed_before, study, processes.running))
        status = study_status.status(workspace, study.id)
    assert not study_processes(study)
    for now in (status, study_status.status(workspace, study.id)):
        assert now.state == "stopped"
        assert not [run for run in now.runs if run.state == "running"]

    launch.retry(workspace, study.id, ["pretrain_A_seed0"])  # what was killed
    status = wait(workspace, study, ended)
    assert (status.state, status.done) == ("stopped", 1), status.message
    assert [run.state for run in status.runs] == ["finished", "waiting", "waiting"]
    workspace_finished.train(workspace, study)  # its fine-tunings, in this process
    assert study_status.status(workspace, study.id).state == "finished"
    uninterrupted = results(finished[1])
    assert results(study) == {key: uninterrupted[key] for key in results(study)}


def _killed_before(study: Study, looks: Callable[[Path], object], path: Path) -> object:
    for process in study_processes(study):
        with contextlib.suppress(psutil.NoSuchProcess):  # one may end with another
            process.kill()
            process.wait(10)
    return looks(path)


def test_a_stop_names_the_runs_that_it_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = workspace_trainable.make(Workspace.create(tmp_path / "w"))
    study = workspace_trainable.plan(workspace)
    told: list[str] = []
    clock = iter([0.0, 3.0, 6.0, 7.0, 12.0])
    monkeypatch.setattr(launch.time, "monotonic", lambda: next(clock))
    waiting = launch._Waiting(study, told.append)
    busy = [run for run in run_status.states(study) if run.kind == "pretrain"][:1]
    monkeypatch.setattr(launch, "states", lambda _: [replace(r, state="running") for r in busy])
    for _ in range(3):
        waiting()
    assert told == [f"Waiting for {busy[0].run_id} …"]
    busy.clear()
    waiting()
    assert told[1] == "Waiting for its processes to end …"


def test_when_only_the_leader_is_killed_stop_ends_the_rest(tmp_path: Path) -> None:
    workspace = workspace_trainable.make(Workspace.create(tmp_path / "w"))
    study = workspace_trainable.plan(workspace, overrides={"pretrain_epochs": 10_000})
    launch.launch(workspace, study.id)
    wait(workspace, study, lambda status: any(run.state == "running" for run in status.runs))
    leader = processes.running(study.supervisor_path)
    assert leader is not None
    os.kill(leader.pid, signal.SIGKILL)
    os.waitpid(leader.pid, 0)
    assert (
        study_status.status(workspace, study.id).state == "running"
    )  # and so it is: its runs go on
    assert launch.stop(workspace, study.id).state == "stopped"
    assert not study_processes(study)


def test_a_run_that_fails_says_why_and_the_others_go_on_as_do_those_that_are_asked_for_meanwhile(
    tmp_path: Path,
) -> None:
    workspace = workspace_trainable.make(Workspace.create(tmp_path / "w"))
    study = workspace_trainable.plan(workspace, overrides={"pretrain_lr": 1e30, "clip_norm": 1e30})
    launch.retry(workspace, study.id, ["A", "finetune_scratch_seed0_fold0"])
    status = launch.retry(workspace, study.id, ["finetune_scratch_seed0_fold1"])
    assert status.state == "running"
    with pytest.raises(StudyError, match="cannot begin anew"):
        launch.retry(workspace, study.id, ["scratch"], anew=True)
    status = wait(workspace, study, ended)
    assert {run.run_id: run.state for run in status.runs} == {
        "pretrain_A_seed0": "failed",
        "finetune_A_seed0_fold0": "waiting",
        "finetune_A_seed0_fold1": "waiting",
        "finetune_scratch_seed0_fold0": "finished",
        "finetune_scratch_seed0_fold1": "finished",
    }
    assert status.state == "failed"
    assert "pretrain A, seed 0" in status.message
    assert "no longer a number" in status.message
    log = runs.find(study, "pretrain_A_seed0").log_path.read_text()
    assert "Traceback" in log
    with pytest.raises(StudyError, match="Everything of scratch is finished"):
        launch.retry(workspace, study.id, ["scratch"])


def test_what_cannot_be_started_deletes_nothing(tmp_path: Path, monkeypatch) -> None:
    workspace = workspace_trainable.make(Workspace.create(tmp_path / "w"))
    study = workspace_trainable.plan(workspace, arms=["scratch", "A"])
    for run in runs.runs_of(study):
        files.write_json(run.result_path, {"run": run.id})
    files.write_json(study.result_path, {"study": study.id})

    def refuse(backend: object) -> None:
        raise StudyError("There is no sbatch here.")

    monkeypatch.setattr(launch.execution_backend, "refuse_unusable", refuse)
    with pytest.raises(StudyError, match="no sbatch"):
        launch.retry(workspace, study.id, ["A"], anew=True)
    assert all(run.result_path.exists() for run in runs.runs_of(study))
    assert study.result_path.exists()


def test_what_was_built_on_a_pretraining_is_deleted_before_it(tmp_path: Path, monkeypatch) -> None:
    workspace = workspace_trainable.make(Workspace.create(tmp_path / "w"))
    study = workspace_trainable.plan(workspace, arms=["scratch", "A"])
    gone: list[Path] = []
    monkeypatch.setattr(Path, "unlink", lambda path, missing_ok=False: gone.append(path))
    chosen = runs.delete_results(study, [runs.find(study, "pretrain_A_seed0")])
    assert chosen[0].kind == "pretrain" and {run.arm for run in chosen} == {"A"}
    results = [path.parent.name for path in gone if path.name == chosen[0].result_path.name]
    assert results[-1] == "pretrain_A_seed0"


def test_a_scan_that_went_away_fails_the_study_in_words(tmp_path: Path) -> None:
    workspace = workspace_trainable.make(Workspace.create(tmp_path / "w"))
    study = workspace_trainable.plan(workspace)
    next((workspace.root / "images").glob("sub-00*")).unlink()
    launch.launch(workspace, study.id)
    status = wait(workspace, study, ended)
    assert status.state == "failed"
    assert "pool_sub-00_T1w" in status.message


def test_the_command_line_says_where_a_study_stands(finished, capsys) -> None:
    workspace, study = finished
    assert main(["status", "--workspace", str(workspace.root), study.id]) == 0
    shown = capsys.readouterr().out
    assert f"{study.id}: finished, 100%, 5 of 5 runs finished" in shown
    assert "finetune_scratch_seed0_fold1" in shown
    assert main(["stop", "--workspace", str(workspace.root)]) == 2
    assert "Name the study" in capsys.readouterr().err
    assert main(["launch", "--workspace", str(workspace.root)]) == 2
    assert "--cohort, --target and --arms" in capsys.readouterr().err
