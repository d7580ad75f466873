"""Workspaces for the tests of pages, and a way to run a page on one."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest, local_script_runner

from curation.decisions import database
from curation.ratings.rating_record import Opinion
from curation.sessions import session_log, unblinding
from curation.storage import tables
from curation.storage.workspace import ENVIRONMENT_VARIABLE, Workspace
from pages.ui.shell import door
from pages.ui.shell.frame import PAGES, ROOT
from pages.ui.viewer import image_overlays
from tests.helpers import workspace_full
from tests.helpers.page_words import checked
from tests.helpers.rating_sessions import started
from tests.helpers.workspace_full import FullWorkspace
from training.results import design_power
from training.studies.planned_study import Study


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> FullWorkspace:
    """A full workspace with studies that tests only read."""
    workspace = workspace_full.make(tmp_path_factory.mktemp("full") / "workspace")
    return FullWorkspace(workspace, *workspace_full.add_studies(workspace))


@pytest.fixture
def ours(full: FullWorkspace, tmp_path: Path) -> FullWorkspace:
    """A copy of the full workspace, which a test may spoil; images are those of the original."""
    root = Path(shutil.copytree(full.workspace.root, tmp_path / "workspace"))
    workspace = Workspace(root)
    return FullWorkspace(workspace, _moved(full.finished, workspace), _moved(full.half, workspace))


def _moved(study: Study, workspace: Workspace) -> Study:
    return replace(study, folder=workspace.study_dir(study.id))


@pytest.fixture
def own(tmp_path: Path) -> Workspace:
    """A full workspace without studies, for one test alone."""
    return workspace_full.make(tmp_path / "own")


@pytest.fixture(autouse=True)
def _through_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages be drawn without a server, as if they were served through the door."""
    monkeypatch.setattr(door, "_built", True)


@pytest.fixture(autouse=True)
def _nothing_is_looked_through_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the machine to the pages: masks of a scan are found where a test asks for them."""
    monkeypatch.setattr(image_overlays, "prepare_overlays", lambda path: None)


@pytest.fixture(scope="session", autouse=True)
def _packages_looked_at_once() -> Iterator[None]:
    """Look for Streamlit components in the installed packages once: each page would, for 0.2 s."""
    with pytest.MonkeyPatch.context() as patch:
        once = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _pages_compiled_once() -> Iterator[None]:
    """Compile each page once: AppTest would at each run, for 0.03 s."""
    with pytest.MonkeyPatch.context() as patch:
        kept = local_script_runner.ScriptCache()
        patch.setattr(local_script_runner, "ScriptCache", lambda: kept)
        yield


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


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Train simulate a tenth of the studies for what a design finds: half a second less a run."""
    monkeypatch.setattr(design_power, "_DRAWS", 400)


@pytest.fixture(scope="module")
def _runs() -> dict[str, AppTest]:
    return {}


@pytest.fixture
def once(
    full: FullWorkspace, run: Callable[..., AppTest], _runs: dict[str, AppTest]
) -> Callable[..., AppTest]:
    """Run a page on the full workspace once for all tests of a file that only look at it."""

    def look(name: str, **session: object) -> AppTest:
        key = repr((name, sorted(session.items())))
        if key not in _runs:
            _runs[key] = run(name, full.workspace, **session)
        return _runs[key]

    return look


@pytest.fixture
def rated(_rated_models: tuple[Workspace, Workspace], tmp_path: Path) -> Workspace:
    """Three raters who mostly go by the score, with their sessions ended."""
    return _copied(_rated_models[1], tmp_path)


@pytest.fixture
def rated_blind(_rated_models: tuple[Workspace, Workspace], tmp_path: Path) -> Workspace:
    """Three raters who mostly go by the score, of whom nobody has seen what was hidden.

    The third disagrees now and then.
    """
    return _copied(_rated_models[0], tmp_path)


def _copied(model: Workspace, folder: Path) -> Workspace:
    """Return a copy, which a test may spoil; images are those of the model."""
    return Workspace(Path(shutil.copytree(model.root, folder / "own")))


@pytest.fixture(scope="session")
def _rated_models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Workspace]:
    """The models of ``rated_blind`` and ``rated``, made once: three times fifty ratings take seconds."""
    folder = tmp_path_factory.mktemp("rated")
    blind = workspace_full.make(folder / "blind")
    _rate_thrice(blind)
    database.close()  # all of it is in the file that is copied
    ended = Workspace(Path(shutil.copytree(blind.root, folder / "ended")))
    for number in session_log.list_sessions(ended)["id"]:
        unblinding.unblind(ended, session_log.load(ended, number))
    database.close()
    return blind, ended


def _rate_thrice(workspace: Workspace) -> None:
    scores = tables.read_scored_scans(workspace).set_index("scan_id")["distortion_score"]
    rng, first = np.random.default_rng(0), None
    for who, noise in (("Ada", 3), ("Bob", 10), ("Cleo", 25)):
        choice = "all" if first is None else f"session:{first}"
        session = started(workspace, rater=who, choice=choice, repeats_share=0.3, size=38)
        first = first or session.id
        for item in session.items:
            seen = scores[item.scan_id] + rng.normal(0, noise)
            value = 1.0 if seen < 30 else 0.0 if seen < 60 else -1.0
            session_log.save(workspace, session.id, item.position, Opinion(value, seconds=20))
