"""Raters as processes: for tests and the benchmark of writing at once, and of dying in the middle."""

import multiprocessing
import os
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple, TextIO

import pandas as pd

from curation.decisions.database_identity import URL_VARIABLE
from curation.ratings.rating_record import Opinion
from curation.sessions import session_log
from curation.sessions.session_plan import SessionPlan
from curation.storage import tables
from curation.storage.workspace import Workspace


def workspace_of(root: Path, scans: int) -> Workspace:
    """Make a workspace that lists so many scans, without images."""
    workspace = Workspace.create(root)
    ids = [f"made_{number:05d}" for number in range(scans)]
    tables.write_scans(workspace, pd.DataFrame({"scan_id": ids, "status": "ok", "simulated": True}))
    return workspace


def rate(root: str, rater: str, number: int, url: str | None) -> list[tuple[int, int, int, float]]:
    """Rate a session of one's own to its end, every seventh rating sent twice.

    Returns
    -------
    list of (session, position, rating, seconds)
        What was confirmed, and how long it took.
    """
    _use(url)
    workspace = Workspace(Path(root))
    plan = SessionPlan("at once", rater, "mriqc-4", size=number, repeats_share=0.0, seed=1)
    session = session_log.start(workspace, plan)
    confirmed = []
    for item in session.items:
        for _ in range(2 if item.position % 7 == 0 else 1):
            before = time.perf_counter()
            rating = session_log.save(
                workspace,
                session.id,
                item.position,
                Opinion(
                    float(1 + item.position % 4),
                    artefacts=["inu"],
                    comment="ratings of a made rater",
                    seconds=3.5,
                    shown={"blinded": True, "views": ["background", "three planes"]},
                ),
            )
            taken = time.perf_counter() - before
            confirmed.append((session.id, item.position, rating, taken))
    return confirmed


def rate_together(
    workspace: Workspace, raters: int, number: int, url: str | None = None
) -> list[tuple[int, int, int, float]]:
    """Let so many raters write at once, each a process; return everything that was confirmed."""
    with _context().Pool(raters) as pool:
        given = [(str(workspace.root), f"rater {i:02d}", number, url) for i in range(raters)]
        found: Sequence[list] = pool.starmap(rate, given, chunksize=1)
    return [line for lines in found for line in lines]


class Writer(NamedTuple):
    """A process that rates a session, and what it says: a line a rating that was confirmed to it."""

    process: BaseProcess
    said: TextIO

    def rest(self) -> str:
        """Return what it still says until it ends."""
        with self.said:
            told = self.said.read()
        self.process.join()
        return told


def start(workspace: Workspace, session_id: int, url: str | None = None) -> Writer:
    """Have a session rated to its end, or until somebody kills the process."""
    context = _context()
    heard, told = context.Pipe(duplex=False)
    given = (str(workspace.root), session_id, url, told)
    process = context.Process(target=_rate_and_say, args=given)
    process.start()
    told.close()
    with heard:
        return Writer(process, os.fdopen(os.dup(heard.fileno())))


def _rate_and_say(root: str, session_id: int, url: str | None, told: Connection) -> None:
    _use(url)
    said = os.fdopen(os.dup(told.fileno()), "w")
    workspace = Workspace(Path(root))
    session = session_log.load(workspace, session_id)
    while not session.finished:
        place = session.position
        rating = session_log.save(
            workspace, session.id, place, Opinion(2.0, comment=f"at {place}", seconds=1.0)
        )
        print(place, rating, file=said, flush=True)
        session = session_log.load(workspace, session.id)


def _context() -> ForkServerContext:
    """Return how processes are made: forks of one that has imported what they need."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["curation.sessions.session_log"])
    return context


def _use(url: str | None) -> None:
    """Use a database, whichever the process that this one was forked from was to use."""
    os.environ.pop(URL_VARIABLE, None)
    if url:
        os.environ[URL_VARIABLE] = url
