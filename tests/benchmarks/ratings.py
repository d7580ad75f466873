"""Twenty raters writing at once: 10,000 ratings on SQLite and on PostgreSQL, none lost, none doubled.

``python -m tests.benchmarks.ratings`` prints one JSON object: of both databases together ``ratings_lost``
(confirmed but not stored), ``ratings_doubled`` and ``store_ms`` (one rater alone, 95th percentile, the slower
of the two), and the figures of each one.
"""

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from curation.decisions import database
from curation.decisions.database_identity import URL_VARIABLE
from curation.ratings import rating_log
from tests.helpers import postgres, rating_writer

RATERS, EACH, ALONE = 20, 500, 200


def figures() -> dict[str, Any]:
    """Write the ratings and count them; see the module.

    Returns
    -------
    dict
        ``postgresql`` is the reason in words where there is no server to start.
    """
    found: dict[str, Any] = {"sqlite": _on(None)}
    why = postgres.missing()
    if why:
        return found["sqlite"] | found | {"postgresql": why}
    with postgres.server() as server:
        found["postgresql"] = _on(server.new_url())
    both = list(found.values())
    return {
        "ratings_lost": sum(one["ratings_lost"] for one in both),
        "ratings_doubled": sum(one["ratings_doubled"] for one in both),
        "store_ms": max(one["store_ms"] for one in both),
    } | found


def _on(url: str | None) -> dict[str, float]:
    """Measure one database; it is named by the environment, here and in the raters' processes."""
    before = os.environ.pop(URL_VARIABLE, None)
    if url:
        os.environ[URL_VARIABLE] = url
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _measure(Path(folder) / "workspace", url)
    finally:
        os.environ.pop(URL_VARIABLE, None)
        if before is not None:
            os.environ[URL_VARIABLE] = before


def _measure(root: Path, url: str | None) -> dict[str, float]:
    workspace = rating_writer.workspace_of(root, EACH)
    alone = [line[3] for line in rating_writer.rate(str(root), "alone", ALONE, url)]
    start = time.perf_counter()
    confirmed = rating_writer.rate_together(workspace, RATERS, EACH, url)
    taken = time.perf_counter() - start
    kept = rating_log.list_ratings(workspace, withdrawn=True).query("rater != 'alone'")
    stored = dict(
        zip(zip(kept["session_id"], kept["position"], strict=True), kept["id"], strict=True)
    )
    lost = sum(stored.get((session, place)) != number for session, place, number, _ in confirmed)
    if url:
        database.engine(workspace).dispose()
    return {
        "ratings": len(kept),
        "ratings_lost": lost,
        "ratings_doubled": len(kept) - len(stored),
        "store_ms": round(1000 * float(np.quantile(alone, 0.95)), 1),
        "store_ms_of_twenty": round(1000 * float(np.quantile([c[3] for c in confirmed], 0.95)), 1),
        "slowest_store_ms_of_twenty": round(1000 * max(c[3] for c in confirmed), 1),
        "seconds": round(taken, 1),
    }


if __name__ == "__main__":
    print(json.dumps(figures()))
