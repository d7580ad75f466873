"""Jobs of a study on Slurm, found by their names: also those whose Snakemake is gone."""

import getpass
import shutil
import subprocess
import time

from training.jobs.execution_backend import job_prefix
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
