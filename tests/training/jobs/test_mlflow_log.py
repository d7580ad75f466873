"""Runs in MLflow. What needs MLflow itself is skipped where it is not installed: it is optional."""

import importlib.util

import pytest

from curation.errors import StudyError
from curation.storage import files, json_lines
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.__main__ import main
from training.jobs import execution_backend, launch, mlflow_log
from training.jobs.execution_backend import Backend
from training.studies import runs
from training.studies.planned_study import Study


@pytest.fixture
def study(workspace: Workspace) -> Study:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    runs.write_configs(study)
    run = runs.runs_of(study)[0]
    for epoch, loss in ((1, 0.5), (2, 9.0), (2, 0.25)):  # the second was repeated
        line = {"epoch": epoch, "step": 4 * epoch, "loss": loss, "time": 1e9 + epoch}
        json_lines.append(run.metrics_path, line)
    files.write_json(run.result_path, {"loss": 0.25})
    return study


def test_where_it_is_not_installed_it_is_said_before_anything_starts(
    study, workspace, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(StudyError, match="MLflow is not installed"):
        launch.launch(workspace, study.id, mlflow=True)
    assert main(["mlflow", "--workspace", str(workspace.root), study.id]) == 2
    assert "pip" in capsys.readouterr().err


def test_tracking_and_backend_share_a_file_and_neither_forgets_the_other(study, workspace) -> None:
    files.write_json(study.backend_path, {"kind": "here", "cores": 2, "mlflow": True})  # as before
    assert mlflow_log.is_tracked(study)
    assert execution_backend.backend_of(study) == Backend(cores=2)
    execution_backend.write_backend(study, Backend(cores=3))
    assert mlflow_log.is_tracked(study)
    mlflow_log.track(study, False)
    assert not mlflow_log.is_tracked(study)
    assert execution_backend.backend_of(study) == Backend(cores=3)
    mlflow_log.remember(workspace, True)
    execution_backend.remember_backend(workspace, Backend(cores=4))
    assert mlflow_log.remembered(workspace)
    assert execution_backend.remembered_backend(workspace) == Backend(cores=4)


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1:5000", "http://localhost:5000", "sqlite:////tmp/x.db", "file:///tmp/x"],
)
def test_a_store_of_this_machine_is_taken(workspace, monkeypatch, uri: str) -> None:
    monkeypatch.setenv(mlflow_log.URI_VARIABLE, uri)
    assert mlflow_log.tracking_uri(workspace) == uri


@pytest.mark.parametrize(
    "uri", ["https://mlflow.example.org", "databricks", "databricks://x", "postgresql://h/db"]
)
def test_another_machine_is_refused(workspace, monkeypatch, uri: str) -> None:
    monkeypatch.setenv(mlflow_log.URI_VARIABLE, uri)
    with pytest.raises(StudyError, match="sends nothing there"):
        mlflow_log.tracking_uri(workspace)


def test_without_a_word_it_is_a_database_in_the_workspace(workspace, monkeypatch) -> None:
    monkeypatch.delenv(mlflow_log.URI_VARIABLE, raising=False)
    assert str(workspace.exports_dir) in mlflow_log.tracking_uri(workspace)


@pytest.mark.filterwarnings("ignore")
def test_a_finished_run_is_logged_once_with_every_epoch(workspace, study, monkeypatch) -> None:
    pytest.importorskip("mlflow", reason="MLflow is optional and not installed")
    monkeypatch.delenv(mlflow_log.URI_VARIABLE, raising=False)
    finished, waiting = runs.runs_of(study)[:2]
    assert mlflow_log.log(workspace, study, waiting) is False
    for _ in range(2):
        assert mlflow_log.log(workspace, study, finished) is True
    client = mlflow_log._client(mlflow_log.tracking_uri(workspace))
    experiment = client.get_experiment_by_name(study.id)
    (logged,) = client.search_runs([experiment.experiment_id])
    assert logged.data.params["arm"] == "A"
    assert logged.data.params["pretrain_epochs"] == "3"
    history = client.get_metric_history(logged.info.run_id, "loss")
    assert [(m.step, m.value, m.timestamp) for m in history] == [
        (4, 0.5, 1000000001000),
        (8, 0.25, 1000000002000),
    ]
    names = {artifact.path for artifact in client.list_artifacts(logged.info.run_id)}
    assert names == {"config.json", "result.json"}
