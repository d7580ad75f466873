"""A dashboard as a process of its own, every connection of which is traced."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from curation.storage.workspace import ENVIRONMENT_VARIABLE, Workspace
from pages.ui.shell import door_key
from tests.helpers.dashboard_nursery import Forked, Nursery
from tests.helpers.paths import ROOT

#: How long a start may take on a machine that others use.
_PATIENCE_S = 180
TRACED = Path(__file__).with_name("traced")


#: Where dashboards come from, instead of a start of their own each; set by tests that need many.
nursery: Nursery | None = None


def nursery_environment() -> dict[str, str]:
    """Return what a nursery of dashboards needs, so that each of them is traced."""
    return _traced(Path(os.devnull))


def _traced(trace: Path) -> dict[str, str]:
    places = filter(None, [str(TRACED), os.environ.get("PYTHONPATH")])
    return os.environ | {"PYTHONPATH": os.pathsep.join(places), "TIERSCOPE_TRACE": str(trace)}


class Dashboard:
    """A dashboard for as long as a ``with`` block lasts.

    Parameters
    ----------
    workspace : Workspace
        What it shows.
    log : Path
        What it prints. Beside it lies what it asked of other machines: see :attr:`asked_outside`.
    script : str
        What streamlit runs.
    options : sequence of str
        Further options of ``streamlit run``.
    key : str
        Of its door; off by default, so that its address alone opens it.
    """

    def __init__(
        self,
        workspace: Workspace,
        log: Path,
        script: str = "app.py",
        options: Sequence[str] = (),
        key: str = door_key.OFF,
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._workspace, self._log, self._script = workspace, log, script
        self.options = options
        self._key = key
        self._trace = log.with_suffix(".trace")
        self.process: subprocess.Popen[bytes] | Forked

    def __enter__(self) -> str:
        address = f"http://127.0.0.1:{self.port}"
        self.start()
        deadline = time.monotonic() + _PATIENCE_S
        while not _answers(f"{address}/_stcore/health"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"the dashboard did not start:\n{self._log.read_text()}")
            time.sleep(0.1)
        return address

    def start(self) -> None:
        """Start the process without waiting until it answers."""
        port = ["--server.port", str(self.port), "--server.headless", "true"]
        arguments = ["streamlit", "run", self._script, *port, *self.options]
        environment = _traced(self._trace) | {
            ENVIRONMENT_VARIABLE: str(self._workspace.root),
            door_key.ENVIRONMENT_VARIABLE: self._key,
        }
        if nursery:
            self.process = nursery.born(arguments, environment, self._log)
            return
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def printed(self) -> str:
        """What it has printed."""
        return self._log.read_text()

    @property
    def asked_outside(self) -> list[str]:
        """What it, and whatever it started, asked of other machines: one line each."""
        with contextlib.suppress(FileNotFoundError):
            return self._trace.read_text().splitlines()
        return []

    def kill(self) -> None:
        """Pull the plug: nothing can be tidied up."""
        self.process.kill()
        self.process.wait(20)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)
        if kind is None:
            assert self.asked_outside == [], self.asked_outside


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310 - ours
            return answer.status == 200
    except (urllib.error.URLError, TimeoutError):
        return False
