"""Hostile files read in processes of bounded memory and time, with everything that went wrong."""

import contextlib
import io
import logging
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from curation.errors import TierscopeError
from tests.fuzz import sound
from tests.fuzz.formats import FORMATS

#: A file that takes more time of the processor hangs, seconds; one that waits, so many times as long.
LIMIT_S, _WAITING = 20.0, 10
#: So much later the process is ended that does not hear that, seconds.
_DEAF_S = 15.0
#: What a process may take besides what it has when it begins.
MEMORY_BYTES = 2 << 30
#: A process reads so many files before a new one takes its place.
_CHUNK = 40

Case = tuple[str, int]


class _Hang(BaseException):
    """The limit of time is over; nothing but the run itself may take it for an error of its own."""


@dataclass
class Outcome:
    """What came of a run.

    Parameters
    ----------
    read : int
        Files.
    crashes, hangs : list of str
        Format and number of each, with what happened.
    peak_bytes : int
        The most memory that a process held beyond what it began with.
    slowest_s : float
        The most time of the processor that a file took.
    refused : dict of str to int
        How many of each format ended with an error in words.
    """

    read: int = 0
    crashes: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    peak_bytes: int = 0
    slowest_s: float = 0.0
    slowest: str = ""
    refused: Counter[str] = field(default_factory=Counter)


def cases(count: int) -> list[Case]:
    """Return so many cases, spread over the formats by their shares."""
    whole = sum(one.share for one in FORMATS.values())
    found = [
        (name, number)
        for name, one in FORMATS.items()
        for number in range(max(1, round(count * one.share / whole)))
    ]
    return sorted(found, key=lambda case: random.Random(repr(case)).random())


def read_one(name: str, number: int, folder: Path, seed: str = "") -> str:
    """Make a case and read it; return ``""``, ``"refused"``, or what went wrong, in a line.

    Raises
    ------
    _Hang
        Where a limit was set and is over.
    """
    case = folder / "case"
    shutil.rmtree(case, ignore_errors=True)
    case.mkdir(parents=True)
    rng = random.Random(f"{seed}/{name}/{number}")
    FORMATS[name].make(case, rng)
    said = io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(said),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            FORMATS[name].reader(number)(case)
    except (TierscopeError, OSError) as error:
        return "refused" if str(error) else f"an error without words: {error!r}"
    except Exception as error:  # noqa: BLE001 - every other error is what is looked for
        return _where(error)
    if "Traceback" in said.getvalue():
        return said.getvalue().strip().splitlines()[-1]
    return "refused" if "error: " in said.getvalue() else ""


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        one
        for one in frames
        if "/tests/" not in one.filename and "/site-packages/" not in one.filename
    ]
    place = (ours or list(frames))[-1]
    line = " ".join(str(error).split())[:160]
    return f"{type(error).__name__}: {line} (at {Path(place.filename).name}:{place.lineno} {place.name})"


def _over(*_: object) -> None:
    raise _Hang


def _work(todo: list[Case], seed: str, told: Connection, limit_s: float) -> None:
    """Read cases one after the other and tell of each before and after."""
    for heard in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(heard, _over)
    os.environ["HOME"] = tempfile.mkdtemp()
    own = _mapped_bytes() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (own, own))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)
    began_with = _resident_bytes()  # of the process that it was forked from
    with tempfile.TemporaryDirectory() as folder:
        for case in todo:
            told.send(("begins", case))
            before = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, limit_s)
            signal.setitimer(signal.ITIMER_REAL, limit_s * _WAITING)
            try:
                said = read_one(*case, Path(folder), seed)
            except _Hang:
                said = "hangs"
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
                signal.setitimer(signal.ITIMER_REAL, 0)
            peak = max(
                resource.getrusage(who).ru_maxrss
                for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            )
            more = max(0, peak * 1024 - began_with)
            told.send(("ended", case, said, time.process_time() - before, more))
    told.close()


def _mapped_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def run(
    todo: Iterable[Case], *, jobs: int = 1, seed: str = "", limit_s: float = LIMIT_S
) -> Outcome:
    """Read cases in processes of their own.

    Parameters
    ----------
    todo : iterable of (format, number)
        See :func:`cases`.
    jobs : int
        Processes at once.
    seed : str
        Another one makes other files.
    limit_s : float
        How much time of the processor one may take.
    """
    sound.make_all()
    left = list(todo)
    outcome, workers = Outcome(), {}
    while left or workers:
        while left and len(workers) < jobs:
            chunk, left = left[:_CHUNK], left[_CHUNK:]
            worker = _Worker(chunk, seed, limit_s)
            workers[worker.told] = worker
        for told in wait(list(workers), timeout=1.0):
            workers[told].hear(outcome)
        for told, worker in list(workers.items()):
            if worker.ended(outcome):
                del workers[told]
                left = worker.left + left
    return outcome


class _Worker:
    """A process that reads some cases."""

    def __init__(self, todo: list[Case], seed: str, limit_s: float) -> None:
        context = multiprocessing.get_context("fork")
        self.told, theirs = context.Pipe(duplex=False)
        self.left, self._case, self._began = list(todo), None, time.monotonic()
        self._limit_s = limit_s * _WAITING + _DEAF_S
        self._process = context.Process(target=_work, args=(todo, seed, theirs, limit_s))
        self._process.start()
        theirs.close()
        self._closed = False

    def hear(self, outcome: Outcome) -> None:
        """Take in what it tells."""
        try:
            kind, case, *rest = self.told.recv()
        except EOFError:
            self._closed = True
            return
        self._began = time.monotonic()
        if kind == "begins":
            self._case = case
            self.left.remove(case)
            return
        self._case = None
        _note(outcome, case, *rest)

    def ended(self, outcome: Outcome) -> bool:
        """Return whether it is through, dead or was ended because it does not answer."""
        deaf = self._case is not None and time.monotonic() - self._began > self._limit_s
        if deaf:
            self._process.kill()
        if not deaf and not self._closed:
            return False
        self._process.join()
        if self._case is not None:
            said = "hangs" if deaf else f"the process died (status {self._process.exitcode})"
            _note(outcome, self._case, said, self._limit_s, 0)
        self.told.close()
        return True


def _note(outcome: Outcome, case: Case, said: str, seconds: float, peak: int) -> None:
    outcome.read += 1
    outcome.peak_bytes = max(outcome.peak_bytes, peak)
    if seconds > outcome.slowest_s:
        outcome.slowest_s, outcome.slowest = seconds, f"{case[0]} {case[1]}"
    if said == "refused":
        outcome.refused[case[0]] += 1
    elif said == "hangs":
        outcome.hangs.append(f"{case[0]} {case[1]}")
        print(f"HANGS {case[0]} {case[1]}", file=sys.stderr, flush=True)
    elif said:
        outcome.crashes.append(f"{case[0]} {case[1]}: {said}")
        print(f"CRASH {case[0]} {case[1]}: {said}", file=sys.stderr, flush=True)


def grouped(lines: list[str]) -> Iterator[str]:
    """Say what went wrong once for each place, with how often and the first case."""
    kinds: dict[str, list[str]] = {}
    for line in sorted(lines):
        case, _, what = line.partition(": ")
        place = what.rpartition("(at ")[2] or what
        kinds.setdefault(f"{case.rpartition(' ')[0]} | {place}", []).append(line)
    for found in sorted(kinds.values(), key=len, reverse=True):
        yield f"{len(found)} times, first {found[0]}"


def summary(outcome: Outcome) -> dict[str, Any]:
    """Return the numbers of a run."""
    return {
        "fuzzed": outcome.read,
        "crashes": len(outcome.crashes),
        "hangs": len(outcome.hangs),
        "peak_gb": round(outcome.peak_bytes / 1e9, 3),
        "slowest_s": round(outcome.slowest_s, 1),
        "refused_share": round(sum(outcome.refused.values()) / max(1, outcome.read), 3),
        "first_crashes": list(grouped(outcome.crashes))[:20],
        "first_hangs": outcome.hangs[:20],
    }
