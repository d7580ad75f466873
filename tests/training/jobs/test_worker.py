import errno

import pytest

from curation.errors import StudyError
from curation.storage import files
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.jobs import worker
from training.studies import runs
from training.studies.planned_study import Study
from training.studies.run_status import state_of
from training.tasks import pretrain
from training.tasks.stop_signal import Interruption


@pytest.fixture
def planned(workspace: Workspace) -> tuple[Workspace, Study]:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    runs.write_configs(study)
    return workspace, study


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (StudyError("Say so."), "Say so."),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full"),
        (MemoryError(), "memory is used up"),
        (RuntimeError("CUDA out of memory. Tried"), "memory is used up"),
        (KeyError("x"), "unexpected error"),
    ],
)
def test_whatever_happens_is_said_in_words(
    planned, monkeypatch: pytest.MonkeyPatch, caplog, error: Exception, words: str
) -> None:
    workspace, study = planned

    def fail(job: object) -> None:
        raise error

    monkeypatch.setitem(worker._JOBS, "pretrain", fail)
    monkeypatch.setattr(worker, "Interruption", lambda: None)
    run = ["--run", "pretrain_A_seed0"]
    code = worker.main(["pretrain", "--workspace", str(workspace.root), "--study", study.id, *run])
    assert code == 1
    state = state_of(study, runs.find(study, "pretrain_A_seed0"))
    assert state.state == "failed"
    assert words in state.message
    assert "Traceback" in caplog.text


def test_a_run_that_is_finished_is_not_begun_again(planned, monkeypatch, caplog) -> None:
    workspace, study = planned
    monkeypatch.setattr(worker, "Interruption", lambda: None)
    run = runs.find(study, "pretrain_A_seed0")
    files.write_json(run.result_path, {"steps": 3})
    run.metrics_path.write_text('{"epoch": 1}\n')
    monkeypatch.setitem(worker._JOBS, "pretrain", lambda job: run.metrics_path.unlink())
    asked = ["pretrain", "--workspace", str(workspace.root), "--study", study.id, "--run", run.id]
    assert worker.main(asked) == 0
    assert run.metrics_path.exists()
    assert "'retry --anew' does it once more" in caplog.text


def test_a_run_is_trained_by_one_process_at_a_time(planned, monkeypatch, caplog) -> None:
    workspace, study = planned
    monkeypatch.setattr(worker, "Interruption", lambda: None)
    run = runs.find(study, "pretrain_A_seed0")
    arguments = ["--workspace", str(workspace.root), "--study", study.id, "--run", run.id]
    with files.lock(run.folder / "lock"):
        assert worker.main(["pretrain", *arguments]) == 2
    assert "already at work" in caplog.text
    assert state_of(study, run).state == "waiting"


def test_a_target_scan_smuggled_into_a_pretraining_is_refused(planned) -> None:
    workspace, study = planned
    run = runs.find(study, "pretrain_A_seed0")
    config = files.read_json(run.config_path)
    for smuggled in ("target_sub-13_T1w", "nobody"):
        files.write_json(run.config_path, config | {"scans": [*config["scans"], smuggled]})
        with pytest.raises(StudyError, match="target cohort, or of none"):
            pretrain.pretrain(workspace, study, run, Interruption())
