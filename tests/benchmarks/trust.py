"""Hostile files, kills, many at once, ranks and packets: ``python -m tests.benchmarks.trust`` prints JSON.

``fuzzed`` files of all kinds, each read through the product's own door, with ``crashes``, ``hangs`` and
``peak_gb`` of a process (:mod:`tests.fuzz`). ``kills`` of processes that write, with what they had
``confirmed``, what of it is ``lost``, and the ``findings`` of ``check`` (:mod:`tests.benchmarks.kills`).
``users`` signed in by a proxy's header, each a tab over the websocket protocol, some of whom rate on Review
while the others step through scans: ``ratings`` saved, ``p95_rating_s`` from pressing *Save* until the page
stands again, ``errors`` (of pages and connections), ``ratings_lost`` (saved on the page and not in the
database). ``roles_cells_wrong``: of ``roles_cells`` (functions that take an action, each as each rank).
``outbound_packets``: connections of the server, and of what it started, to anywhere but this machine.
``rss_after_ratio``: the server's memory after ``sessions`` more tabs came and went, to that before them.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from curation.access.actions import Rank
from curation.ratings import rating_log
from pages.ui.entrance.gate import KEY_HEADER
from tests.benchmarks import kills
from tests.fuzz import run as fuzz
from tests.helpers import guard_table, page_socket, workspace_full
from tests.helpers.dashboard import Dashboard

KEY = "k" * 32
ACCESS = '[login]\nby = "header"\n[people]\nrater = ["*"]\n'
#: Seconds between two doings of one user, at most twice this.
PAUSE_S = 8.0


def _headers(name: str) -> dict[str, str]:
    return {KEY_HEADER: KEY, "X-Forwarded-Email": name}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def http_error_303(self, req, fp, code, msg, headers):  # type: ignore[no-untyped-def]
        return fp


def _cookie(port: int, name: str) -> str:
    """Sign somebody in and return the cookie."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/sign-in/go", headers=_headers(name) | {"Accept": "text/html"}
    )
    with urllib.request.build_opener(_NoRedirect).open(asked, timeout=60) as answer:
        return answer.headers["Set-Cookie"].split(";")[0]


async def _user(port: int, name: str, rates: bool, until: float, found: dict[str, Any]) -> None:
    rng = random.Random(name)
    cookie = await asyncio.to_thread(_cookie, port, name)
    try:
        async with page_socket.opened(port, "review", _headers(name) | {"Cookie": cookie}) as tab:
            while time.monotonic() < until:
                await asyncio.sleep(rng.uniform(0, 2 * PAUSE_S))
                if rates:
                    await tab.run("accept")
                    began = time.perf_counter()
                    await tab.run("Save")
                    found["rating_s"].append(time.perf_counter() - began)
                else:
                    await tab.run("Next" if rng.random() < 0.7 else "Previous")
            found["errors"] += [f"{name}: {each}" for each in tab.errors]
    except (OSError, TimeoutError, KeyError) as error:
        found["errors"].append(f"{name}: {error!r}")


async def _users(port: int, users: int, raters: int, seconds: float) -> dict[str, Any]:
    found: dict[str, Any] = {"rating_s": [], "errors": []}
    until = time.monotonic() + seconds
    await asyncio.gather(
        *(
            _user(port, f"user{place:02d}@lab.example", place < raters, until, found)
            for place in range(users)
        )
    )
    return found


async def _come_and_go(port: int, sessions: int) -> None:
    name = "passing@lab.example"
    headers = _headers(name) | {"Cookie": await asyncio.to_thread(_cookie, port, name)}
    for _ in range(sessions):
        async with page_socket.opened(port, "review", headers):
            pass


def many(folder: Path, users: int, raters: int, seconds: float, sessions: int) -> dict[str, Any]:
    """Measure a server with many users, and what is left of their memory."""
    workspace = workspace_full.make(folder / "workspace")
    workspace.access_path.write_text(ACCESS)
    workspace.access_path.chmod(0o600)
    dashboard = Dashboard(workspace, folder / "log.txt", key=KEY)
    with dashboard:
        found = asyncio.run(_users(dashboard.port, users, raters, seconds))
        server = psutil.Process(dashboard.process.pid)
        before = server.memory_info().rss
        asyncio.run(_come_and_go(dashboard.port, sessions))
        after = server.memory_info().rss
    took = found["rating_s"]
    stored = len(rating_log.list_ratings(workspace))
    return {
        "users": users,
        "raters": raters,
        "seconds": seconds,
        "ratings": len(took),
        "ratings_lost": len(took) - stored,
        "p50_rating_s": statistics.median(took) if took else None,
        "p95_rating_s": statistics.quantiles(took, n=20)[-1] if len(took) > 1 else None,
        "errors": len(found["errors"]),
        "first_errors": found["errors"][:3],
        "sessions": sessions,
        "rss_mb": round(before / 1e6),
        "rss_after_ratio": after / before,
        "outbound_packets": len(dashboard.asked_outside),
    }


def _apart(measure: Callable[..., dict[str, Any]], *given: object) -> dict[str, Any]:
    """Measure in a process of its own: one that read thousands of files pauses to collect what they left."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, *given).result()


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--raters", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--fuzzed", type=int, default=20_000)
    parser.add_argument("--sessions", type=int, default=200)
    asked = parser.parse_args(arguments)
    functions = guard_table.guarded()
    cells = len(Rank) * sum(map(len, functions.values())) + sum(map(len, functions.values()))
    with tempfile.TemporaryDirectory() as folder:
        outcome = fuzz.run(fuzz.cases(asked.fuzzed), jobs=os.cpu_count() or 1)
        found = fuzz.summary(outcome)
        found |= kills.everything(Path(folder) / "kills", asked.kills)
        found |= _apart(
            many, Path(folder), asked.users, asked.raters, asked.seconds, asked.sessions
        )
    return found | {
        "roles_cells": cells,
        "roles_cells_wrong": len(guard_table.wrong_cells(functions)),
    }


if __name__ == "__main__":
    print(json.dumps(main()))
