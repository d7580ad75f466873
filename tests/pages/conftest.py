"""Workspaces for the tests of pages, and a way to run a page on one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from curation.workspace import ENVIRONMENT_VARIABLE, Workspace
from pages.ui.frame import PAGES, ROOT
from tests import made_workspace
from tests.pages.said import checked
from training.study import Study


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Study, Study]:
    """A full workspace that tests only read."""
    workspace = made_workspace.make(tmp_path_factory.mktemp("made") / "workspace")
    return workspace, *made_workspace.add_studies(workspace)


@pytest.fixture
def own(tmp_path: Path) -> Workspace:
    """A full workspace without studies, for one test alone."""
    return made_workspace.make(tmp_path / "own")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Run a page (or ``app``) on a workspace."""

    def start(name: str, workspace: Workspace | Path, **session: object) -> AppTest:
        root = workspace.root if isinstance(workspace, Workspace) else workspace
        monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(root))
        path = ROOT / ("app.py" if name == "app" else PAGES[name].path)
        page = AppTest.from_file(path, default_timeout=30)
        for key, value in session.items():
            page.session_state[key] = value
        return checked(page.run())

    return start
