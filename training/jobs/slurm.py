"""Slurm: the Snakemake profile of a study on it, and a study's jobs there, found by their names.

Jobs are found whether or not the Snakemake that submitted them still runs.
"""

import getpass
import importlib.util
import re
import shutil
import subprocess
import time
from typing import Any

from curation.storage import files
from training.studies.planned_study import Study

_POLL_S = 0.5
_TIMEOUT_S = 60


def jobs_of(study: Study) -> list[str]:
    """Return the ids of a study's pending and running jobs; none where there is no Slurm."""
    if shutil.which("squeue") is None:
        return []
    listed = _call("squeue", "--noheader", "--user", getpass.getuser(), "--format=%i %j")
    jobs = (line.split(maxsplit=1) for line in listed.splitlines())
    return [job[0] for job in jobs if len(job) == 2 and job[1].startswith(job_prefix(study))]


def cancel(study: Study, *, grace_s: float) -> None:
    """Cancel a study's jobs and wait until they are gone: Slurm asks politely first, as its KillWait says."""
    deadline = time.monotonic() + grace_s
    cancelled: set[str] = set()
    while jobs := jobs_of(study):
        new = set(jobs) - cancelled
        if new:
            _call("scancel", *sorted(new))
            cancelled |= new
        if time.monotonic() > deadline:
            return
        time.sleep(_POLL_S)


def _call(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


# ---- submission -------------------------------------------------------------------------------------


def lacks() -> str | None:
    """Return why Slurm cannot be used, and what to do; none where it can."""
    if shutil.which("sbatch") is None:
        return (
            "There is no Slurm on this machine: the command sbatch is not found. Open Tierscope on a "
            "machine from which jobs can be submitted, such as the cluster's login node."
        )
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return (
            "Snakemake cannot speak to Slurm yet. Install its plugin with 'pip install -r "
            "requirements.txt' into the environment that Tierscope runs in."
        )
    return None


def job_prefix(study: Study) -> str:
    """Return the prefix of the names of a study's Slurm jobs."""
    return f"tierscope-{files.short_hash(str(study.folder))}"


def profile(
    study: Study,
    *,
    memory_gb: float,
    hours: float,
    partition: str,
    account: str,
    gres: str,
    at_once: int,
    check_s: int,
) -> dict[str, Any]:
    """Return the Snakemake profile of a study on Slurm; the parameters are those of a"""
    resources: dict[str, Any] = {
        "mem_mb": round(memory_gb * 1000),
        "runtime": max(1, round(hours * 60)),
    }
    if partition:
        resources["slurm_partition"] = partition
    if account:
        resources["slurm_account"] = account
    found: dict[str, Any] = {
        "executor": "slurm",
        "jobs": at_once,
        "latency-wait": 60,
        "default-resources": resources,
        "slurm-jobname-prefix": job_prefix(study),
        "slurm-logdir": str(study.slurm_logs_dir),
        "slurm-pass-command-as-script": True,
        "slurm-init-seconds-before-status-checks": check_s,
        "slurm-status-command": _status_command(),
        "slurm-requeue": True,
    }
    if gres:
        found["set-resources"] = {rule: {"gres": gres} for rule in ("pretrain", "finetune")}
    return found


def _status_command() -> str:
    """Return the command that queries the state of jobs: without accounting, ``sacct`` never answers."""
    try:
        config = subprocess.run(
            ["scontrol", "show", "config"], capture_output=True, text=True, timeout=30
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "sacct"
    kind = re.search(r"^AccountingStorageType\s*=\s*(\S+)", config, re.MULTILINE)
    return "squeue" if kind and kind[1] in ("accounting_storage/none", "(null)") else "sacct"
