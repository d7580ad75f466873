"""Experiment tracking: finished runs in MLflow, which is optional, on this machine.

Whether a study's runs are tracked is noted beside its execution backend, under the key ``mlflow``.
"""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from curation.errors import StudyError
from curation.storage import files, json_lines
from curation.storage.workspace import Workspace
from training.studies.planned_study import Study
from training.studies.runs import Run

URI_VARIABLE = "MLFLOW_TRACKING_URI"
_TAG, _KEY = "tierscope.run", "mlflow"
_HERE = ("127.0.0.1", "localhost", "::1")
_BATCH = 500
#: In every line of ``metrics.jsonl``, but no metric.
_NO_METRICS = ("epoch", "step", "time")


def lacks() -> str | None:
    """Return why MLflow cannot be used, and what to do; none where it can."""
    if importlib.util.find_spec("mlflow") is None or importlib.util.find_spec("alembic") is None:
        return (
            "MLflow is not installed. Install 'mlflow-skinny' and 'alembic' with pip into the "
            "environment that Tierscope runs in, or go on without it."
        )
    return None


def refuse_lacking() -> None:
    """Refuse to track runs where MLflow is not installed.

    Raises
    ------
    StudyError
        With what to do about it.
    """
    if lacking := lacks():
        raise StudyError(lacking)


def is_tracked(study: Study) -> bool:
    """Tell whether the runs of a study go to MLflow once they are finished."""
    return bool(files.read_note(study.backend_path).get(_KEY))


def track(study: Study, tracked: bool) -> None:
    """Note whether the runs of a study go to MLflow."""
    files.write_json(study.backend_path, files.read_note(study.backend_path) | {_KEY: tracked})


def remembered(workspace: Workspace) -> bool:
    """Tell whether the study last started in a workspace was tracked."""
    return bool(files.read_note(workspace.place_path).get(_KEY))


def remember(workspace: Workspace, tracked: bool) -> None:
    """Keep whether a study is tracked, to be offered the next time."""
    files.write_json(workspace.place_path, files.read_note(workspace.place_path) | {_KEY: tracked})


def tracking_uri(workspace: Workspace) -> str:
    """Return where MLflow keeps its runs: ``MLFLOW_TRACKING_URI``, or a database in the workspace.

    Raises
    ------
    StudyError
        When the variable names another machine: Tierscope sends nothing anywhere.
    """
    uri = os.environ.get(URI_VARIABLE, "")
    if not uri:
        return f"sqlite:///{(_folder(workspace) / 'mlflow.db').absolute()}"
    parts = urlsplit(uri)
    served_here = parts.scheme in ("http", "https") and parts.hostname in _HERE
    if not served_here and parts.scheme not in ("sqlite", "file") and uri[0] not in "/.":
        raise StudyError(
            f"{URI_VARIABLE} is {uri!r}, which may be another machine; Tierscope sends nothing there. "
            "Name a server of this machine (http://127.0.0.1:5000) or a file (sqlite:///…), or unset it."
        )
    return uri


def log(workspace: Workspace, study: Study, run: Run) -> bool:
    """Log a finished run: its settings, every epoch's numbers, its configuration and result.

    The study is the experiment. A run that was logged before is replaced.

    Returns
    -------
    bool
        False where the run is not finished: nothing is logged then.

    Raises
    ------
    StudyError
        When MLflow is not installed, or would be on another machine.
    """
    refuse_lacking()
    if not run.result_path.exists():
        return False
    uri = tracking_uri(workspace)
    # its tables are made on first use, which processes must not do at once
    with files.lock(_folder(workspace) / "lock"):
        _log(_client(uri), _experiment_folder(workspace, uri, study), study, run)
    return True


def _client(uri: str) -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before it is imported
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _log(client: Any, artifacts: str | None, study: Study, run: Run) -> None:
    from mlflow.entities import Metric, Param, RunTag

    known = client.get_experiment_by_name(study.id)
    experiment = known.experiment_id if known else client.create_experiment(study.id, artifacts)
    for earlier in client.search_runs([experiment], f"tags.`{_TAG}` = '{run.id}'"):
        client.delete_run(earlier.info.run_id)
    made = client.create_run(experiment, run_name=run.id, tags={_TAG: run.id}).info.run_id
    params = [Param(name, str(value)) for name, value in _params(study, run).items()]
    tags = [RunTag("simulated", str(study.simulated)), RunTag("target", study.target_id)]
    client.log_batch(made, params=params, tags=tags)
    metrics = [Metric(*values) for values in _metrics(run)]
    for start in range(0, len(metrics), _BATCH):
        client.log_batch(made, metrics=metrics[start : start + _BATCH])
    for path in (run.config_path, run.result_path):
        client.log_artifact(made, str(path))
    client.set_terminated(made)


def _params(study: Study, run: Run) -> dict[str, Any]:
    arm = study.arm(run.arm)
    return {
        "kind": run.kind,
        "arm": run.arm,
        "seed": run.seed,
        "fold": run.fold,
        "method": arm.method,
        "label_percent": arm.label_percent,
        "cohort": study.cohort_id,
        **study.preset.as_dict(),
    }


def _metrics(run: Run) -> Iterator[tuple[str, float, int, int]]:
    """Yield name, value, milliseconds since 1970 and step of every number."""
    lines = {line["epoch"]: line for line in json_lines.read(run.metrics_path)}
    for line in lines.values():
        at = int(1000 * line.get("time", 0))
        for name, value in line.items():
            if name not in _NO_METRICS and isinstance(value, (int, float)):
                yield name, float(value), at, int(line.get("step", line["epoch"]))


def _folder(workspace: Workspace) -> Path:
    return workspace.exports_dir / "mlflow"


def _experiment_folder(workspace: Workspace, uri: str, study: Study) -> str | None:
    """Return where files of an experiment are kept; a server decides that itself."""
    if urlsplit(uri).scheme in ("http", "https"):
        return None
    return (_folder(workspace) / "artifacts" / study.id).absolute().as_uri()
