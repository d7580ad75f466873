"""Scoring of all scans of a workspace, parallel and resumable.

Each scan becomes one row of metrics, written whole or not at all, so that an interrupted run goes on
where it stopped and the numbers do not depend on how many workers, batches or machines there were.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from curation import logs
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.assessment import faces_and_pictures, metric_shards, pending, prepared_distance
from curation.assessment.assess_scan import (
    ENDED,
    OUR_ERROR,
    assess_file,
    empty_row,
)
from curation.assessment.pending import Batch, ScoringState
from curation.references import reference_library
from curation.sources import near_duplicates, scan_vectors
from curation.storage import files, processes
from curation.storage.workspace import Workspace

log = logging.getLogger(__name__)

#: Scores are gathered anew while scans are measured, so that the screen shows them grow: at most this
#: often (seconds), and for at most this share of the time.
_GATHER_EVERY_S, _GATHER_SHARE = 10.0, 0.05


@dataclass(frozen=True)
class AssessmentSummary:
    """Result of one call of :func:`assess`.

    Parameters
    ----------
    assessed, skipped, failed : int
        Scans measured now, measured before, and those that could not be measured now.
    seconds : float
        Wall-clock time.
    failed_before : int
        Those of the skipped that could not be measured before, and were not tried again.
    """

    assessed: int
    skipped: int
    failed: int
    seconds: float
    failed_before: int = 0


@guarded(Action.SCORE)
def assess(
    workspace: Workspace,
    *,
    jobs: int = 1,
    scan_ids: Iterable[str] | None = None,
    again: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> AssessmentSummary:
    """Measure and score the readable scans that are not yet, or whose file has changed.

    What failed for a reason of the moment (no access, no memory, ...) is tried again.

    Parameters
    ----------
    workspace : Workspace
        Its ``scans`` table says what there is.
    jobs : int
        Worker processes.
    scan_ids : iterable of str, optional
        Only these.
    again : bool
        Try everything again that could not be measured, also where the reason lies in the file.
    progress : callable, optional
        Called as ``progress(done, total)`` after each scan, and once at the start.

    Returns
    -------
    Summary
    """
    started = time.monotonic()
    named = None if scan_ids is None else set(scan_ids)
    standing = pending.scoring_state(workspace, again=again)
    if named is not None:
        standing = standing.only(lambda ids: ids.isin(named))
    failed = _measure(workspace, standing.due, jobs, progress, gather_meanwhile=True)
    finish(workspace, jobs=jobs)
    return _summary(standing, failed, time.monotonic() - started)


@guarded(Action.SCORE)
def assess_batch(
    workspace: Workspace,
    batch: Batch,
    *,
    jobs: int = 1,
    again: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> AssessmentSummary:
    """Measure the scans of one batch that are due, and nothing else; :func:`gather` does the rest.

    Batches may run at the same time on any number of machines that see the workspace: each writes the
    shards of its own scans only.

    Parameters
    ----------
    workspace, jobs, again, progress
        As for :func:`assess`.
    batch : Batch
        Which share of the scans.

    Returns
    -------
    Summary
        Of this batch alone.
    """
    started = time.monotonic()
    standing = pending.scoring_state(workspace, again=again).only(batch.holds)
    failed = _measure(workspace, standing.due, jobs, progress)
    return _summary(standing, failed, time.monotonic() - started)


def gather(workspace: Workspace) -> None:
    """Put the shards of all batches into one file and write the scores."""
    workspace.sweep()
    with files.lock(workspace.metrics_lock_path):
        metric_shards.compact(workspace)
        reference_library.rescore(workspace)


def finish(workspace: Workspace, *, jobs: int = 1) -> None:
    """Do what comes after all scans were measured: :func:`gather`, then compare them with each other."""
    gather(workspace)
    faces_and_pictures.make_missing(workspace, jobs=jobs)
    near_duplicates.search(workspace, jobs=jobs)
    prepared_distance.update(workspace, jobs=jobs)


def due_scans(workspace: Workspace, *, again: bool = False) -> pd.DataFrame:
    """Return the rows of the scans table that :func:`assess` would measure now."""
    return pending.scoring_state(workspace, again=again).due


# ---- all scans -------------------------------------------------------------------------------------


def _summary(standing: ScoringState, failed: int, seconds: float) -> AssessmentSummary:
    tried, before = int(standing.is_due.sum()), int((standing.failed & ~standing.is_due).sum())
    log.info("%d scans tried, %d of them failed, in %.0f s", tried, failed, seconds)
    return AssessmentSummary(tried - failed, len(standing.scans) - tried, failed, seconds, before)


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


class _Task(NamedTuple):
    """One scan for a worker: the arguments of :func:`assess_file`, and the shard to write."""

    path: Path
    scan_id: str
    sha256: str
    preview_path: Path
    modality: str | None
    vector_paths: dict[str, Path]
    whole_head: bool
    shard_path: Path


def _measured(workspace: Workspace, due: pd.DataFrame, jobs: int) -> Iterator[str | None]:
    """Measure scans, write each one's shard, and yield its failure (or ``None``) as it ends.

    Their order is one that no list has, so that the first scores are a fair sample of all.
    """
    whole_head = workspace.images().whole_heads
    tasks = [
        _Task(
            Path(row.path),
            row.scan_id,
            row.sha256,
            workspace.preview_path(row.scan_id),
            row.modality if isinstance(row.modality, str) else None,
            {
                name: scan_vectors.path(workspace, kind, row.sha256)
                for name, kind in scan_vectors.KINDS.items()
            },
            whole_head,
            metric_shards.shard_path(workspace, row.scan_id),
        )
        for row in sorted(due.itertuples(), key=lambda row: files.short_hash(row.scan_id))
    ]
    if jobs <= 1 or len(tasks) <= 1:
        yield from map(_assess_to_shard, tasks)
        return
    done = 0
    try:
        with _workers(min(jobs, len(tasks))) as pool:
            for failure in pool.map(_assess_to_shard, tasks):
                done += 1
                yield failure
    except BrokenProcessPool:
        log.warning("a worker was ended from outside; the scans that are left go one by one")
        yield from map(_assess_apart, tasks[done:])


def _workers(count: int) -> ProcessPoolExecutor:
    return processes.workers(count, begin=logs.configure)


def _assess_apart(task: _Task) -> str | None:
    """Measure one scan in a process of its own, so that a scan that ends its process is found out."""
    try:
        with _workers(1) as pool:
            return pool.submit(_assess_to_shard, task).result()
    except BrokenProcessPool:
        return _write_failure(task, ENDED)


def _assess_to_shard(task: _Task) -> str | None:
    try:
        row = assess_file(*task[:-1])
    except Exception as error:  # the worker's outermost edge: one scan must not end the batch
        log.error("a scan could not be measured: %s", type(error).__name__)
        log.debug("scan %s", task.scan_id, exc_info=True)
        return _write_failure(task, f"{OUR_ERROR}{error!r}")
    metric_shards.write(task.shard_path, pd.DataFrame([row]))
    return row["failure"]


def _write_failure(task: _Task, failure: str) -> str:
    row = empty_row(task.scan_id, task.sha256) | {"failure": failure}
    metric_shards.write(task.shard_path, pd.DataFrame([row]))
    return failure
