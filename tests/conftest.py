"""Fixtures that every test may use."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

# before anything loads numpy or torch: on work this small threads only wait for each other, and on a busy
# machine twenty times as long as the work takes
os.environ.setdefault("OMP_NUM_THREADS", "1")

from curation.assessment.assess_workspace import AssessmentSummary, assess
from curation.decisions import database
from curation.decisions.database_identity import URL_VARIABLE
from curation.sources import pseudonyms
from curation.storage.workspace import Workspace
from tests.helpers import phantom_heads, postgres
from tests.helpers.paths import SHARED_DATA

#: Folders whose tests run in one process, for what they share.
TOGETHER = ("tests/browser/on_demo", "tests/browser", "tests/curation/assessment")
#: A file of these that is in a process of its own: it shares a browser with the others, no workspace.
APART = ("tests/browser/test_what_niivue_draws.py",)
#: Files that take longest, begun first so that no process is left with one of them at the end.
LONG = (
    "tests/browser/on_demo",
    *APART,
    "tests/training/jobs",
    "tests/browser",
    "tests/curation/assessment",
    "tests/test_old_workspace.py",
    "tests/curation/sources",
    "tests/training/tasks",
    "tests/curation/imaging",
)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a file, or of a folder of :data:`TOGETHER`, in one process."""
    from xdist.scheduler import LoadScopeScheduling

    class Files(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            folders = () if file in APART else TOGETHER
            return next((folder for folder in folders if file.startswith(f"{folder}/")), file)

    config.option.loadscopereorder = False  # else what has few tests, however long, comes last
    return Files(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=_turn)  # a stable sort: the order within files stays


def _turn(item: pytest.Item) -> int:
    return next((n for n, start in enumerate(LONG) if item.nodeid.startswith(start)), len(LONG))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace.create(tmp_path / "workspace")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans; tests that want it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real scans at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, AssessmentSummary, list]:
    """Heads measured by one process in one go, and the progress that it told; only to read."""
    workspace, seen = phantom_heads.fill(tmp_path_factory.mktemp("measured")), []
    summary = assess(workspace, progress=lambda done, total: seen.append((done, total)))
    return workspace, summary, seen


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server."""
    if why := postgres.missing():
        pytest.skip(why)
    with postgres.server(synced=False) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: postgres.Server, monkeypatch) -> Iterator[str]:
    """The URL of an empty database on it, in the environment."""
    made = postgres_server.new_url()
    monkeypatch.setenv(URL_VARIABLE, made)
    yield made
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request) -> str | None:
    """The URL of an empty database; ``None`` for SQLite in the workspace."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture(scope="session", autouse=True)
def _key_of_pseudonyms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A key of the tests' own: none is made in, or taken from, the home of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("key") / "pseudonym.key"
        patch.setenv(pseudonyms.ENVIRONMENT_VARIABLE, str(place))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_disks() -> Iterator[None]:
    """Leave what is written to the system's cache: only a power cut would tell, and none comes in a test."""
    sa.event.listen(sa.Pool, "checkout", _unsynchronised)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield
    sa.event.remove(sa.Pool, "checkout", _unsynchronised)


def _unsynchronised(raw: Any, *_: object) -> None:
    if isinstance(raw, sqlite3.Connection):
        raw.execute("PRAGMA synchronous=OFF")


@pytest.fixture(autouse=True)
def _same_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back ``__main__``: AppTest leaves its page there, and spawned workers would run it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
