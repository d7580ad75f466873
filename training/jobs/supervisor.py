"""The process that holds a study while it runs: waits for its turn, runs Snakemake, notes how it ended.

Started by :mod:`training.jobs.launch` as leader of its own process group. Not meant to be started by hand.
"""

import argparse
import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from curation import logs
from curation.assessment import snakemake_profiles
from curation.errors import StudyError
from curation.storage import files
from curation.storage.workspace import Workspace
from training.jobs import execution_backend, slurm, study_queue
from training.jobs.execution_backend import Backend
from training.studies import planned_study, runs
from training.studies.hardware import gpu_count
from training.studies.planned_study import Study
from training.tasks.stop_signal import Stopped

_log = logging.getLogger(__name__)

SNAKEFILE = Path(__file__).parent / "Snakefile"
#: The leader says that it lives this often, and looks this often whether it is to stop, seconds.
HEARTBEAT_S, POLL_S = 10.0, 0.5
#: How long jobs on a cluster may take to save and end themselves, seconds.
CLUSTER_GRACE_S = 60.0


def outcome_path(study: Study) -> Path:
    """Return the file that says how the workflow ended: ``returncode, stopped, ended``."""
    return study.folder / "workflow" / "outcome.json"


def heartbeat_path(study: Study) -> Path:
    """Return the file whose time says when the leader last lived, for other machines."""
    return study.folder / "workflow" / "heartbeat"


def stop_path(study: Study) -> Path:
    """Return the file that asks the leader to stop, on whichever machine it is."""
    return study.folder / "workflow" / "stop"


def chosen_path(study: Study) -> Path:
    """Return the file that names the runs to do next; without it, all that are left."""
    return study.folder / "workflow" / "chosen.json"


def command(workspace: Workspace, study: Study, place: Backend, targets: list[str]) -> list[str]:
    """Return the Snakemake command of a study.

    Every output is written whole or not at all, and a run's folder says where it is, so Snakemake's own
    marks of incomplete files and its lock are not used; the lock is :func:`main`'s.
    """
    here = place.kind == "here"
    cores = place.cores or (os.cpu_count() or 1 if here else 4)
    slots = execution_backend.slots(place, study.preset) if here else 0
    profile = execution_backend.snakemake_profile(study, place)
    where = ["--profile", str(profile)] if profile else ["--cores", str(cores)]
    if here:
        where += ["--resources", f"gpu={gpu_count()}"]
    return [
        sys.executable,
        "-m",
        "snakemake",
        *targets,
        "--snakefile",
        str(SNAKEFILE),
        "--directory",
        str(study.folder / "workflow"),
        "--config",
        f"workspace={workspace.root}",
        f"study={study.id}",
        f"cores={cores}",
        f"slots={slots}",
        f"gpus={gpu_count() if here else 0}",
        "--keep-going",
        "--nolock",
        "--ignore-incomplete",
        "--drop-metadata",
        "--rerun-triggers",
        "mtime",
        "--scheduler",
        "greedy",
        "--runtime-source-cache-path",
        str(study.folder / "workflow" / "cache"),
        "--nocolor",
        "--quiet",
        "host",
        "progress",
        "reason",
        *snakemake_profiles.NO_OTHER,
        *where,
    ]


def main(arguments: list[str] | None = None) -> int:
    """Hold the study's lock, wait for its turn, run Snakemake to its end, write the outcome."""
    parser = argparse.ArgumentParser(prog="python -m training.jobs.supervisor", description=__doc__)
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--study", required=True)
    chosen = parser.parse_args(arguments)
    logs.configure("INFO")
    workspace = Workspace.open(chosen.workspace)
    study = planned_study.load(workspace, chosen.study)
    busy = StudyError(f"Study {study.id} is already running.")
    with files.lock(study.folder / "workflow" / "lock", busy):
        return _Leader(workspace, study).lead()


class _Leader:
    """One study from its start to its end or stop."""

    def __init__(self, workspace: Workspace, study: Study) -> None:
        self.workspace, self.study, self.place = (
            workspace,
            study,
            execution_backend.backend_of(study),
        )
        self.stopped, self._beat_at = False, 0.0
        stop_path(study).unlink(missing_ok=True)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it

    def lead(self) -> int:
        returncode = 0
        with contextlib.suppress(Stopped), self._turn():
            returncode = self._run_all()
        _log.info("study %s ends with %d%s", self.study.id, returncode, ", stopped" * self.stopped)
        outcome = {"returncode": returncode, "stopped": self.stopped, "ended": time.time()}
        try:
            files.write_json(outcome_path(self.study), outcome)
        except OSError as error:  # a full disk: the log has to do
            _log.error("the outcome could not be written: %s", error)
        return returncode

    def _turn(self) -> contextlib.AbstractContextManager[None]:
        if self.place.kind != "here" or self.place.beside:
            return contextlib.nullcontext()
        return study_queue.wait_for_turn(self.workspace, self.study, check=self._check)

    def _run_all(self) -> int:
        """Run what was chosen, then what was asked for meanwhile, then the summary where all is there."""
        returncode = self._run(_take_targets(self.study))
        self._check()
        while chosen_path(self.study).exists():
            returncode = self._run(_take_targets(self.study))
            self._check()
        there = all(run.result_path.exists() for run in runs.runs_of(self.study))
        if there and not self.study.result_path.exists():
            return self._run([])
        return returncode

    def _run(self, targets: list[str]) -> int:
        child = subprocess.Popen(
            command(self.workspace, self.study, self.place, targets), stdin=subprocess.DEVNULL
        )
        while child.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(POLL_S)
            self._beat()
            if stop_path(self.study).exists():
                self._stop(signal.SIGTERM, None)
            if self.stopped and self.place.kind != "here":
                self._withdraw(child)
        return child.returncode

    def _withdraw(self, child: subprocess.Popen) -> None:
        """Take the jobs back from the cluster; each saves where it is. Then nothing is waited for."""
        child.send_signal(signal.SIGINT)  # Snakemake then withdraws its jobs
        if self.place.kind == "slurm":
            slurm.cancel(self.study, grace_s=CLUSTER_GRACE_S)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(CLUSTER_GRACE_S if self.place.kind == "profile" else POLL_S)
        child.kill()
        child.wait()

    def _check(self) -> None:
        self._beat()
        if stop_path(self.study).exists():
            self._stop(signal.SIGTERM, None)
        if self.stopped:
            raise Stopped

    def _beat(self) -> None:
        if time.monotonic() - self._beat_at > HEARTBEAT_S:
            self._beat_at = time.monotonic()
            with contextlib.suppress(OSError):  # a full disk
                heartbeat_path(self.study).touch()

    def _stop(self, number: int, frame: object) -> None:
        """Hand SIGTERM on to the whole group, once, and remember it."""
        if not self.stopped:
            self.stopped = True
            os.killpg(os.getpgrp(), signal.SIGTERM)


def _take_targets(study: Study) -> list[str]:
    """Return the results to make, of the runs that were chosen; none for all that is left."""
    names = files.read_json(chosen_path(study))
    chosen_path(study).unlink(missing_ok=True)
    known = {run.id for run in runs.runs_of(study)}
    return [f"../runs/{name}/result.json" for name in names or [] if name in known]


if __name__ == "__main__":
    sys.exit(main())
