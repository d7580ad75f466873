"""Fixtures that every test may use."""

import sys
from pathlib import Path

import pytest

from curation.workspace import Workspace

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


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


@pytest.fixture(autouse=True)
def _same_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back ``__main__``: AppTest leaves its page there, and spawned workers would run it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
