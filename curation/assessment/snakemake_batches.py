"""Scoring in batches by Snakemake: on the cores of this machine, or on a cluster by a profile.

Snakemake's own state, the logs and the plan lie in the workspace (:attr:`Workspace.batches_dir`). The plan
names only batches with something left to do, so that a call after an interruption does what is left.
"""

import math
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from curation.assessment import assess_workspace, pending, snakemake_profiles
from curation.errors import TierscopeError
from curation.storage import files
from curation.storage.workspace import Workspace

WORKFLOW = Path(__file__).parent / "assess.smk"
#: What is asked of a cluster for one scan at a time: memory, and time that no scan should need.
MEMORY_MB, MINUTES_A_SCAN, MINUTES_TO_START = 2000, 0.5, 10
#: How long Snakemake may take to end its jobs when it is interrupted, seconds.
_GRACE_S = 30.0


@dataclass(frozen=True)
class BatchesSummary:
    """Result of scoring in batches.

    Parameters
    ----------
    measured, failed, left : int
        Scans measured now, those of them that could not be measured, and those still to be measured.
    logs : tuple of Path
        Logs of the batches that did not end well.
    """

    measured: int
    failed: int
    left: int
    logs: tuple[Path, ...] = ()

    @property
    def complete(self) -> bool:
        """Return whether nothing is left to be measured, and every batch ended well."""
        return self.left == 0 and not self.logs

    def __str__(self) -> str:
        said = f"{self.measured} measured, {self.failed} could not be measured, {self.left} left"
        if self.complete:
            return said
        logs = "".join(f"\n  {log}" for log in self.logs)
        return f"{said}; run the same command to go on" + (logs and f". Logs:{logs}")


def run(
    workspace: Workspace,
    count: int,
    *,
    jobs: int = 1,
    cores: int | None = None,
    profile: str | None = None,
    again: bool = False,
) -> BatchesSummary:
    """Measure all scans that are due in batches, wait for them, and gather the scores.

    Parameters
    ----------
    workspace : Workspace
        On a disk that every machine sees under the same path.
    count : int
        How many batches the scans are shared among.
    jobs : int
        Processes in each batch.
    cores : int, optional
        Cores for all batches together on this machine; all by default. A profile says it itself.
    profile : str, optional
        Name of a Snakemake profile that says where the jobs run, see
        :mod:`curation.assessment.snakemake_profiles`.
    again : bool
        As of :func:`curation.assessment.assess_workspace.assess`.

    Returns
    -------
    Outcome

    Raises
    ------
    TierscopeError
        When the workspace is being scored in batches already, or no profile has this name.
    """
    if count < 1 or jobs < 1:
        raise TierscopeError("At least one batch and one process a batch are needed.")
    if profile is not None:
        snakemake_profiles.folder(profile)  # refused before anything is written
    busy = TierscopeError(f"{workspace.root} is being scored in batches already.")
    with files.lock(workspace.batches_lock_path, busy):
        before = assess_workspace.due_scans(workspace, again=again)["scan_id"]
        due = _plan(workspace, before, count, jobs, _slots(cores, jobs, profile), again)
        ended_well = not due or _run(_command(workspace, cores, profile)) == 0
        if not due or not ended_well:
            assess_workspace.finish(workspace)
    left = pending.scoring_state(workspace).unknown["scan_id"]
    done = before[~before.isin(left)]
    unfinished = [k for k in due if not workspace.batch_done_path(k).exists()]
    logs = [log for k in unfinished if (log := workspace.batch_log_path(k)).exists()]
    return BatchesSummary(len(done), pending.failures(workspace, done), len(left), tuple(logs))


def _plan(
    workspace: Workspace, scan_ids: pd.Series, count: int, jobs: int, slots: int, again: bool
) -> list[int]:
    """Write the plan for the workflow, remove marks of earlier calls, and return the batches to run."""
    folder = workspace.batches_dir
    for old in (*folder.glob("*.done"), *folder.glob("*.log")):
        old.unlink()
    sizes = pending.batch_numbers(scan_ids, count).value_counts()
    due = sorted(int(number) for number in sizes.index)
    longest = int(sizes.max()) if due else 0
    plan = {
        "workspace": str(workspace.root),
        "batches": count,
        "due": due,
        "jobs": jobs,
        "slots": slots,
        "mem_mb": MEMORY_MB,
        "again": again,
        "minutes": MINUTES_TO_START + math.ceil(MINUTES_A_SCAN * longest / jobs),
    }
    files.write_json(workspace.batches_plan_path, plan)
    return due


def _slots(cores: int | None, jobs: int, profile: str | None) -> int:
    """Return how many batches this machine runs at once; 0 where a profile sees to it."""
    return 0 if profile else max((cores or os.cpu_count() or 1) // jobs, 1)


def _command(workspace: Workspace, cores: int | None, profile: str | None) -> list[str]:
    """Return the Snakemake command of the plan of a workspace."""
    where = ["--profile", str(snakemake_profiles.folder(profile))] if profile else []
    if cores or not profile:
        where += ["--cores", str(cores or os.cpu_count() or 1)]
    return snakemake_profiles.command(
        WORKFLOW,
        workspace.batches_dir,
        config=["--configfile", str(workspace.batches_plan_path)],
        where=where,
        quiet=["host", "reason", "rules"],
    )


def _run(command: list[str]) -> int:
    """Run Snakemake to its end; an interruption is handed on to it and all its jobs."""
    # set before the start, since a job of a shell's background would inherit that it is to ignore it
    handled = (signal.SIGINT, signal.SIGTERM)
    usual = [signal.signal(number, signal.default_int_handler) for number in handled]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        return child.wait()
    except KeyboardInterrupt:
        os.killpg(child.pid, signal.SIGINT)
        try:
            child.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGTERM)
            child.wait()
        raise
    finally:
        for number, handler in zip(handled, usual, strict=True):
            signal.signal(number, handler)
