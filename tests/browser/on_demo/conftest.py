"""A dashboard on a small demo workspace, made once for all tests of this folder."""

import os
from collections.abc import Iterator

import pytest

from curation.assessment import assess_workspace
from curation.simulation import demo_workspace as demo
from curation.storage.workspace import Workspace
from tests.helpers.dashboard import Dashboard
from training.jobs import launch
from training.studies.planned_study import list_studies


@pytest.fixture(scope="session")
def demo_workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A small demo: 8 people in the pool and 6 in the target, scored; its studies end with the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "POOL_SIZE", 8)
        patch.setattr(demo, "TARGET_SIZE", 6)
        workspace = demo.make_demo(tmp_path_factory.mktemp("demo") / "workspace")
    assess_workspace.assess(workspace, jobs=os.cpu_count() or 1)
    yield workspace
    for study in list_studies(workspace):
        launch.stop(workspace, study.id)


@pytest.fixture(scope="session")
def dashboard(demo_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard that runs on the demo workspace."""
    log = tmp_path_factory.mktemp("dashboard") / "log.txt"
    with Dashboard(demo_workspace, log) as address:
        yield address
