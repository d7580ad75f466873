"""A PostgreSQL server for tests and benchmarks: in a temporary folder, behind a socket, gone afterwards.

It needs Debian's package ``postgresql``, and ``psycopg``. PostgreSQL refuses to run as root: then the server
runs as the user ``postgres`` or ``nobody``.
"""

import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PLACES = "/usr/lib/postgresql"
_NUMBERS = itertools.count()


def missing() -> str | None:
    """Return what is missing to start a server, ``None`` where nothing is."""
    if _program("postgres") is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed (pip install 'psycopg[binary]')"
    return None


def _program(name: str) -> str | None:
    found = sorted(Path(_PLACES).glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    return str(found[-1]) if found else shutil.which(name)


@dataclass
class Server:
    """A server that runs.

    Parameters
    ----------
    folder : Path
        Its data and its socket.
    synced : bool
        Whether it waits for the disk; if not, all is lost with the machine, and nothing with the server.
    """

    folder: Path
    synced: bool = True
    process: subprocess.Popen | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [
            _program("postgres"),
            "-D",
            str(self.folder / "data"),
            "-k",
            str(self.folder),
            "-c",
            "listen_addresses=",
            "-c",
            "max_connections=80",
            "-c",
            "shared_buffers=32MB",
            *([] if self.synced else ["-c", "fsync=off"]),
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, **_user())
        for _ in range(1200):  # on a busy disk it takes its time
            with contextlib.suppress(Exception):
                self.run("SELECT 1")
                return
            time.sleep(0.1)
        raise RuntimeError((self.folder / "log").read_text())

    def stop(self, with_signal: int = signal.SIGINT) -> None:
        """Stop it; ``SIGKILL`` pulls the plug."""
        if self.process is not None:
            self.process.send_signal(with_signal)
            self.process.wait(30)
            self.process = None

    def run(self, statement: str) -> None:
        """Run one statement on the server's own database."""
        import psycopg

        with psycopg.connect(
            f"host={self.folder} user=tierscope dbname=postgres", autocommit=True
        ) as connection:
            connection.execute(statement)

    def new_url(self) -> str:
        """Make an empty database and return its URL."""
        name = f"decisions_{next(_NUMBERS)}"
        self.run(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://tierscope@/{name}?host={self.folder}"


def _user() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def server(*, synced: bool = True) -> Iterator[Server]:
    """Yield a server that runs; see :func:`missing` and :class:`Server`."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if given := _user():
            os.chown(folder, given["user"], given["group"])
        subprocess.run(
            [
                _program("initdb"),
                "-D",
                str(folder / "data"),
                "-U",
                "tierscope",
                "--auth=trust",
                "-E",
                "UTF8",
                "--no-locale",
                "--no-instructions",
                *([] if synced else ["--no-sync"]),
            ],
            check=True,
            capture_output=True,
            cwd="/",
            **given,
        )
        made = Server(folder, synced)
        made.start()
        try:
            yield made
        finally:
            made.stop(signal.SIGQUIT)  # at once: nothing is kept
    finally:
        shutil.rmtree(folder, ignore_errors=True)
