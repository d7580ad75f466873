"""A dashboard on a small demo workspace, made once for all tests of this folder."""

from collections.abc import Iterator

import pytest

from curation.storage.workspace import Workspace
from tests.helpers import demo_scored
from tests.helpers.dashboard import Dashboard
from training.jobs import launch
from training.studies.planned_study import list_studies


@pytest.fixture(scope="package")
def demo_workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A small demo: 8 people in the pool and 6 in the target, scored; its studies end with the tests."""
    workspace = demo_scored.make(tmp_path_factory.mktemp("demo") / "workspace")
    yield workspace
    for study in list_studies(workspace):
        launch.stop(workspace, study.id)


@pytest.fixture(scope="package")
def dashboard(demo_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard that runs on the demo workspace."""
    log = tmp_path_factory.mktemp("dashboard") / "log.txt"
    with Dashboard(demo_workspace, log) as address:
        yield address
