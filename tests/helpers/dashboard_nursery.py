"""A process that has read all libraries that pages want, and forks a dashboard whenever it is asked for one.

Each dashboard would read them for itself otherwise, for seconds of the processor. What is read before are
libraries and modules without a screen; the server and the pages are read by each dashboard, as by ``streamlit
run``, which ``tests/ui/shell`` starts as people do.
"""

import ast
import importlib
import importlib.util
import json
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.helpers.paths import ROOT


class Forked(psutil.Process):
    """A process that is no child of this one, asked as a child is."""

    def poll(self) -> int | None:
        """Return none while it lives."""
        return None if self.is_running() else -1


class Nursery:
    """The process, for as long as a ``with`` block lasts.

    Parameters
    ----------
    environment : dict of str to str
        Of it; each dashboard is given its own.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    def __enter__(self) -> "Nursery":
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def born(self, arguments: list[str], environment: dict[str, str], log: Path) -> Forked:
        """Return a process that is like ``python -m`` with these arguments."""
        assert self._process.stdin and self._process.stdout
        print(json.dumps([arguments, environment, str(log)]), file=self._process.stdin, flush=True)
        return Forked(int(self._process.stdout.readline()))

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)


def main() -> None:
    """Fork what is asked for, until nothing is asked any more."""
    _read()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those that end leave nothing behind
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            return _become(*json.loads(line))
        print(number, flush=True)
    return None


def _become(arguments: list[str], environment: dict[str, str], log: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    with Path(os.devnull).open() as nothing, Path(log).open("wb") as output:
        for ours, standard in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(ours.fileno(), standard)
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def _read() -> None:
    """Import the server, and what modules of ``pages`` import from elsewhere."""
    for name in ("streamlit.web.cli", "streamlit.web.bootstrap", "streamlit.starlette", "uvicorn"):
        importlib.import_module(name)
    for path in sorted((ROOT / "pages").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    importlib.import_module(alias.name)
            elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("pages"):
                _read_from(node)


def _read_from(node: ast.ImportFrom) -> None:
    package = importlib.import_module(node.module or "")
    for alias in node.names:
        name = f"{package.__name__}.{alias.name}"
        if hasattr(package, "__path__") and importlib.util.find_spec(name):
            importlib.import_module(name)


if __name__ == "__main__":
    main()
