"""Scoring all scans of a workspace: parallel, resumable, one file a scan until the end.

Each scan becomes one row of metrics, written whole or not at all, so that an interrupted run goes on
where it stopped and the numbers do not depend on how many workers, batches or machines there were.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from curation import files, parts, references, tables
from curation.batches import Batch
from curation.measurement import GONE, assess_file, empty_row
from curation.metrics import up_to_date
from curation.workspace import Workspace

log = logging.getLogger(__name__)

#: Scores are gathered anew while scans are measured, so that the screen shows them grow: at most this
#: often (seconds), and for at most this share of the time.
_GATHER_EVERY_S, _GATHER_SHARE = 10.0, 0.05


@dataclass(frozen=True)
class Summary:
    """What one call of :func:`assess` did.

    Parameters
    ----------
    assessed, skipped, failed : int
        Scans measured now, measured before, and those that could not be measured.
    seconds : float
        Wall-clock time.
    """

    assessed: int
    skipped: int
    failed: int
    seconds: float


@dataclass(frozen=True)
class Progress:
    """How far the scoring of a workspace is.

    Parameters
    ----------
    done, total, failed : int
        Scans with a row of metrics (failed ones among them), readable scans, and failed ones.
    """

    done: int
    total: int
    failed: int


def assess(
    workspace: Workspace,
    *,
    jobs: int = 1,
    scan_ids: Iterable[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Measure and score the readable scans that are not yet, or whose file has changed.

    Parameters
    ----------
    workspace : Workspace
        Its ``scans`` table says what there is.
    jobs : int
        Worker processes.
    scan_ids : iterable of str, optional
        Only these.
    progress : callable, optional
        Called as ``progress(done, total)`` after each scan, and once at the start.

    Returns
    -------
    Summary
    """
    started = time.monotonic()
    named = None if scan_ids is None else set(scan_ids)
    scans, due = _scans_and_due(workspace)
    if named is not None:
        scans, due = (table[table["scan_id"].isin(named)] for table in (scans, due))
    failed = _measure(workspace, due, jobs, progress, gather_meanwhile=True)
    gather(workspace)
    return Summary(len(due) - failed, len(scans) - len(due), failed, time.monotonic() - started)


def assess_batch(
    workspace: Workspace,
    batch: Batch,
    *,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Measure the scans of one batch that are due, and nothing else; :func:`gather` does the rest.

    Batches may run at the same time on any number of machines that see the workspace: each writes the
    parts of its own scans only.

    Parameters
    ----------
    workspace, jobs, progress
        As for :func:`assess`.
    batch : Batch
        Which share of the scans.

    Returns
    -------
    Summary
        Of this batch alone.
    """
    started = time.monotonic()
    scans, due = (table[batch.holds(table["scan_id"])] for table in _scans_and_due(workspace))
    failed = _measure(workspace, due, jobs, progress)
    return Summary(len(due) - failed, len(scans) - len(due), failed, time.monotonic() - started)


def gather(workspace: Workspace) -> None:
    """Put the parts of all batches into one file and write the scores."""
    with files.lock(workspace.metrics_dir / ".lock"):
        parts.compact(workspace)
        references.rescore(workspace)


def due_scans(workspace: Workspace) -> pd.DataFrame:
    """Return the rows of ``scans`` that are yet to be measured, or whose file has changed."""
    return _scans_and_due(workspace)[1]


def progress_of(workspace: Workspace) -> Progress:
    """Return how far the scoring is, from the tables alone."""
    scans, metrics = _readable(workspace), tables.read_metrics(workspace)
    done = _is_current(scans, metrics)
    failed = scans[done]["scan_id"].isin(_failures(metrics))
    return Progress(int(done.sum()), len(scans), int(failed.sum()))


def failures(workspace: Workspace, scan_ids: pd.Series) -> int:
    """Return how many of these scans could not be measured."""
    return int(scan_ids.isin(_failures(tables.read_metrics(workspace))).sum())


def _failures(metrics: pd.DataFrame) -> pd.Series:
    """Return the ids of the scans that could not be measured."""
    if "failure" not in metrics:
        return pd.Series(dtype="str")
    return metrics[metrics["failure"].notna()]["scan_id"]


# ---- all scans -------------------------------------------------------------------------------------


def _scans_and_due(workspace: Workspace) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the readable scans, and those of them that are to be measured."""
    scans, metrics = _readable(workspace), tables.read_metrics(workspace)
    return scans, scans[~_is_current(scans, metrics) | _is_back(scans, metrics)]


def _readable(workspace: Workspace) -> pd.DataFrame:
    scans = tables.read_scans(workspace)
    return scans[scans["status"] == "ok"]


def _is_current(scans: pd.DataFrame, metrics: pd.DataFrame) -> pd.Series:
    """Tell which scans have metrics of this very file and this version."""
    if metrics.empty:
        return pd.Series(False, index=scans.index)
    known = metrics[up_to_date(metrics)].set_index("scan_id")["sha256"]
    return scans["scan_id"].map(known) == scans["sha256"]


def _is_back(scans: pd.DataFrame, metrics: pd.DataFrame) -> pd.Series:
    """Tell which scans were gone when they were measured and are there again."""
    gone = metrics[metrics["failure"] == GONE]["scan_id"] if "failure" in metrics else ()
    back = [
        scan_id
        for scan_id, path in scans[scans["scan_id"].isin(gone)][["scan_id", "path"]].to_numpy()
        if Path(path).exists()
    ]
    return scans["scan_id"].isin(back)


def _measure(
    workspace: Workspace,
    due: pd.DataFrame,
    jobs: int,
    progress: Callable[[int, int], None] | None,
    *,
    gather_meanwhile: bool = False,
) -> int:
    """Measure the scans that are due and return how many of them could not be."""
    failed, next_gather = 0, time.monotonic() + _GATHER_EVERY_S
    if progress:
        progress(0, len(due))
    for done, failure in enumerate(_measured(workspace, due, jobs), start=1):
        failed += failure is not None
        if gather_meanwhile and time.monotonic() > next_gather and done < len(due):
            before = time.monotonic()
            gather(workspace)
            took_s = time.monotonic() - before
            next_gather = before + max(_GATHER_EVERY_S, took_s / _GATHER_SHARE)
        if progress:
            progress(done, len(due))
    return failed


#: What a worker needs to know of one scan: see :func:`assess_file`; the last is the part to write.
_Task = tuple[Path, str, str, Path, str | None, Path]


def _measured(workspace: Workspace, due: pd.DataFrame, jobs: int) -> Iterator[str | None]:
    """Measure scans, write each one's part, and yield its failure (or ``None``) as it ends."""
    tasks: list[_Task] = [
        (Path(row.path), row.scan_id, row.sha256, workspace.preview_path(row.scan_id),
         row.modality if isinstance(row.modality, str) else None,
         parts.path_of(workspace, row.scan_id))
        for row in due.itertuples()
    ]  # fmt: skip
    if jobs <= 1 or len(tasks) <= 1:
        yield from map(_assess_to_part, tasks)
        return
    done = 0
    try:
        with _workers(min(jobs, len(tasks))) as pool:
            for failure in pool.map(_assess_to_part, tasks):
                done += 1
                yield failure
    except BrokenProcessPool:
        log.warning("a worker was ended from outside; the scans that are left go one by one")
        yield from map(_assess_apart, tasks[done:])


def _workers(count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))


def _assess_apart(task: _Task) -> str | None:
    """Measure one scan in a process of its own, so that a scan that ends its process is found out."""
    try:
        with _workers(1) as pool:
            return pool.submit(_assess_to_part, task).result()
    except BrokenProcessPool:
        return _write_failure(
            task, "the process that measured it was ended by the system: perhaps for want of memory"
        )


def _assess_to_part(task: _Task) -> str | None:
    path, scan_id, sha256, preview_path, modality, part = task
    try:
        row = assess_file(path, scan_id, sha256, preview_path, modality)
    except Exception as error:  # the worker's outermost edge: one scan must not end the batch
        log.exception("%s could not be measured", scan_id)
        return _write_failure(task, f"an error inside Tierscope: {error!r}")
    parts.write(part, pd.DataFrame([row]))
    return row["failure"]


def _write_failure(task: _Task, failure: str) -> str:
    row = empty_row(task[1], task[2]) | {"failure": failure}
    parts.write(task[-1], pd.DataFrame([row]))
    return failure
