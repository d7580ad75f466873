"""Background processes that outlive the page or shell that started them, and leases on slots.

A task is a JSON state file: command, process, start and progress. A process is taken for alive only if its
id, its start *and* the machine's boot match and it is no zombie, because ids are reused, clocks are set and
machines start anew. A lease gives a process one of a few slots (GPUs, cores) as long as it lives.
"""

import contextlib
import math
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from itertools import islice
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

import psutil

from curation.errors import BusyError
from curation.storage import files

_START_TOLERANCE_S = 2.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

#: Children of this process that may still run; polled so that none stays a zombie.
_children: list[subprocess.Popen] = []


@dataclass(frozen=True)
class Process:
    """One process, distinguished from later ones of the same id.

    Parameters
    ----------
    pid : int
        Process id; of a task that :func:`start` began also the id of the group that it leads.
    started : float
        Creation time in seconds since the epoch, as the operating system gives it.
    boot : str
        Which boot of the machine it belongs to, and how many ticks after it the process began. Neither
        changes when the clock is set. Empty where the system does not say it.
    """

    pid: int
    started: float
    boot: str = ""

    @classmethod
    def of(cls, pid: int) -> "Process":
        """Describe a running process by its id."""
        return cls(pid, psutil.Process(pid).create_time(), _boot(pid))

    @classmethod
    def noted(cls, values: Mapping[str, Any]) -> "Process":
        """Build a process from its note: ``pid``, ``started`` and, where known, ``boot``."""
        return cls(values["pid"], values["started"], values.get("boot", ""))

    def alive(self) -> bool:
        """Return whether this very process still runs (a zombie does not)."""
        try:
            process = psutil.Process(self.pid)
            if self.boot and (now := _boot(self.pid)):
                same = now == self.boot
            else:
                same = abs(process.create_time() - self.started) < _START_TOLERANCE_S
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def _boot(pid: int) -> str:
    try:
        # the command stands in brackets and may hold anything; the start is the 20th field after them
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        return f"{_BOOT_ID.read_text().strip()}/{ticks}"
    except (OSError, IndexError):
        return ""


def start(
    command: Sequence[str], *, log: Path, state: Path, environment: Mapping[str, str] | None = None
) -> Process:
    """Start ``command`` in a process group of its own and note it in ``state``.

    Parameters
    ----------
    command : sequence of str
        Program and arguments; no shell reads them.
    log : Path
        File that the output is appended to.
    state : Path
        JSON file that :func:`running` and :func:`stop` read.
    environment : mapping, optional
        Variables set on top of the current ones.

    Returns
    -------
    Process
        The leader of the new group.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
    _reap()
    _children.append(child)
    process = Process.of(child.pid)
    files.write_json(state, {"command": list(command), **note_of(process, state)})
    return process


def note_of(process: Process, state: Path) -> dict[str, Any]:
    """Return what ``state`` is to hold of a process: where it runs, and in what folder it is noted."""
    return {"host": socket.gethostname(), "folder": str(state.parent.absolute()), **asdict(process)}


def read_note(state: Path) -> dict[str, Any]:
    """Return the note of a process in ``state`` (``pid``, ``started``, ``host`` and more); empty where none.

    A state that cannot be read notes nothing: whoever starts the task again writes it anew.
    """
    noted = {"host": socket.gethostname()} | files.read_note(state)
    return noted if names_a_process(noted) and not is_copied(noted, state) else {}


def is_copied(noted: Mapping[str, Any], state: Path) -> bool:
    """Tell whether a note was copied here, with its workspace: its process works where it was written."""
    with contextlib.suppress(OSError, ValueError):  # a folder that is gone was moved here
        return not Path(str(noted.get("folder", state.parent))).samefile(state.parent)
    return False


def names_a_process(noted: Mapping[str, Any]) -> bool:
    """Return whether a note has what :meth:`Process.noted` takes, of the kinds that it takes."""
    pid, started = noted.get("pid"), noted.get("started", math.nan)
    return (
        type(pid) is int
        and 0 < pid < 2**31
        and type(started) in (int, float)
        and abs(started) < math.inf
        and isinstance(noted.get("host", ""), str)
        and isinstance(noted.get("boot", ""), str)
    )


def running(state: Path) -> Process | None:
    """Return the process noted in ``state`` if it is still alive, on this machine."""
    noted = read_note(state)
    if not noted or noted["host"] != socket.gethostname():
        return None
    process = Process.noted(noted)
    if process.alive():
        return process
    _reap()
    return None


@contextlib.contextmanager
def noted(state: Path) -> Iterator[None]:
    """Note this process in ``state`` while the block runs, so that pages see a task from a terminal too.

    Where another live process is noted, that one stays.
    """
    if running(state) is not None:
        yield
        return
    files.write_json(state, {"command": sys.orig_argv, **note_of(Process.of(os.getpid()), state)})
    try:
        yield
    finally:
        state.unlink(missing_ok=True)


def stop(
    process: Process, *, grace_s: float = 10.0, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """End a process and those it started: politely first, by force after ``grace_s`` seconds.

    Parameters
    ----------
    process : Process
        Which one; nothing happens where it has ended.
    grace_s : float
        How long it may take to end by itself.
    meanwhile : callable
        Called again and again while it is waited for.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not process.alive():
            break
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            _signal(process.pid, number)
        deadline = time.monotonic() + grace_s
        while process.alive() and time.monotonic() < deadline:
            _reap()
            meanwhile()
            time.sleep(0.05)


def _signal(pid: int, number: int) -> None:
    """Signal a process and its children; the whole group only where the process leads it."""
    if os.getpgid(pid) == pid:
        os.killpg(pid, number)
        return
    for one in (*psutil.Process(pid).children(recursive=True), psutil.Process(pid)):
        with contextlib.suppress(psutil.NoSuchProcess):
            one.send_signal(number)


def _reap() -> None:
    """Collect the exit status of children that ended."""
    _children[:] = [child for child in _children if child.poll() is None]


_POLL_S = 0.2


@contextlib.contextmanager
def lease(places: Sequence[Path], *, check: Callable[[], None]) -> Iterator[int]:
    """Hold the first free slot, waiting for one.

    Parameters
    ----------
    places : sequence of Path
        One lock file a place; a process that dies lets go of its place.
    check : callable
        Called again and again while waiting; what it raises ends the waiting.

    Yields
    ------
    int
        Which place.
    """
    with contextlib.ExitStack() as held:
        yield _first_free(places, held, check)


def _first_free(
    places: Sequence[Path], held: contextlib.ExitStack, check: Callable[[], None]
) -> int:
    taken = BusyError("Every place is taken.")
    while True:
        for index, path in enumerate(places):
            with contextlib.suppress(BusyError):
                held.enter_context(files.lock(path, taken))
                return index
        check()
        time.sleep(_POLL_S)


# ---- many at once --------------------------------------------------------------------------------

#: Tasks that wait or are worked on, a process.
_WAITING = 4

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


def workers(
    count: int, *, begin: Callable[[], None] | None = None, spawned: bool = True
) -> ProcessPoolExecutor:
    """Return a pool of processes that end with this one, however it ends.

    Parameters
    ----------
    count : int
        Processes, 1 or more.
    begin : callable, optional
        A function of a module, called first in each.
    spawned : bool
        False for forks of this process, which hold what it holds.
    """
    context = multiprocessing.get_context("spawn" if spawned else "fork")
    return ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(begin,))


def _begin(begin: Callable[[], None] | None) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if begin is not None:
        begin()


def _end_with(parent: BaseProcess) -> None:
    """End a worker whose parent was killed: nobody else would tell it, and it would wait for ever."""
    parent.join()
    os._exit(1)


def peak_memory_mb() -> int:
    """Return the most memory that this process has held, MB; without /proc, or the one that it came from."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):  # the kernel's ru_maxrss is also of whoever started it
                return round(int(line.split()[1]) / 1024)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def in_parallel(
    work: Callable[[_Task], _Result], tasks: Iterable[_Task], jobs: int
) -> Iterator[_Result]:
    """Yield what ``work`` returns of each task, as they come; what the caller raises cancels the rest.

    A few tasks a process are taken at a time, so that ever so many may be made as they are needed.

    Parameters
    ----------
    work : callable
        A function of a module, done in child processes.
    tasks : iterable
        Its arguments.
    jobs : int
        Processes at once, 1 or more.
    """
    pool, coming = workers(jobs, begin=_end_when_told, spawned=False), iter(tasks)
    try:
        pending: set[Future[_Result]] = set()
        while True:
            for task in islice(coming, _WAITING * jobs - len(pending)):
                pending.add(pool.submit(work, task))
            if not pending:
                return
            finished, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _end_when_told() -> None:
    """In a child: a polite stop of the group ends it at once."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
