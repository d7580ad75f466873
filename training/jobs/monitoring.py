"""Monitoring of a training in a thread of its process: resource usage, and TensorBoard's event files.

The thread reads every few seconds what the run itself writes; so the training does not depend on it, and
whatever goes wrong here ends nothing but itself.
"""

import contextlib
import json
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import psutil
from tensorboardX import SummaryWriter

from curation.storage import files, json_lines
from training.settings import hardware
from training.studies.runs import Run

INTERVAL_S = 5.0
#: In every line of ``metrics.jsonl``, but no quantity of its own.
_NO_SCALARS = ("epoch", "step", "time", "seconds")


@contextlib.contextmanager
def monitored(run: Run) -> Iterator[None]:
    """Monitor a run while the block trains it."""
    monitor = _Monitor(run)
    monitor.start()
    try:
        yield
    finally:
        monitor.ended.set()
        monitor.join()


def usage() -> dict[str, Any]:
    """Return the resource usage of this process and of those that it has now, such as one a GPU.

    Returns
    -------
    dict
        ``time`` · ``host`` · ``memory_mb`` of all of them · ``gpus``, each a :class:`.Gpu`.
    """
    own = psutil.Process()
    memory = 0
    ids = set()
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            memory += process.memory_info().rss
            ids.add(process.pid)
    return {
        "time": time.time(),
        "host": socket.gethostname(),
        "memory_mb": round(memory / 2**20),
        "gpus": [asdict(gpu) for gpu in hardware.used_by(ids)],
    }


class Events:
    """TensorBoard's files of a run, in its folder, made from ``metrics.jsonl``.

    They are written anew on every start, so that they hold each epoch once, however often a run was
    interrupted.

    Parameters
    ----------
    run : Run
        Its folder is there.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._writer: SummaryWriter | None = None
        self._forget()

    def _forget(self) -> None:
        if self._writer:
            self._writer.close()
        self._writer = None
        self._written: dict[int, dict[str, Any]] = {}
        for old in self._run.folder.glob("events.out.tfevents.*"):
            old.unlink()

    def update(self) -> None:
        """Write the epochs that are new since the last time."""
        lines = {line["epoch"]: line for line in json_lines.read(self._run.metrics_path)}
        if any(lines.get(epoch) != line for epoch, line in self._written.items()):
            self._forget()  # an epoch after the checkpoint of a run that was killed, done again
        new = [line for epoch, line in lines.items() if self._written.get(epoch) != line]
        if new and self._writer is None:
            self._writer = SummaryWriter(str(self._run.folder))
            self._writer.add_text("settings", _settings(files.read_json(self._run.config_path)))
        for line in new if self._writer else []:
            self._write(line)
        self._written = lines

    def close(self) -> None:
        """Write what is new and close the files."""
        self.update()
        if self._writer:
            self._writer.close()

    def _write(self, line: dict[str, Any]) -> None:
        assert self._writer is not None  # noqa: S101 - for mypy
        for name, value in line.items():
            if name not in _NO_SCALARS and isinstance(value, (int, float)):
                self._writer.add_scalar(name, value, line.get("step"), walltime=line.get("time"))
        self._writer.flush()


def _settings(config: dict[str, Any] | None) -> str:
    """Return the settings of a run as a table of Markdown, the names of its scans left out."""
    flat: dict[str, Any] = {}
    for name, value in (config or {}).items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": one for inner, one in value.items()}
        elif not isinstance(value, list):
            flat[name] = value
    rows = "".join(f"| {name} | {json.dumps(value)} |\n" for name, value in flat.items())
    return f"| setting | value |\n|---|---|\n{rows}"


class _Monitor(threading.Thread):
    def __init__(self, run: Run) -> None:
        super().__init__(name="monitoring", daemon=True)
        self.watched, self.ended = run, threading.Event()

    def run(self) -> None:
        try:
            events = Events(self.watched)
            while not self.ended.wait(INTERVAL_S):
                files.write_json(self.watched.usage_path, usage())
                events.update()
            events.close()
        except Exception:  # noqa: BLE001 - the edge of the thread: a full disk, say; the training goes on
            traceback.print_exc()
