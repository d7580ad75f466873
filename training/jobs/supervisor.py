"""Supervisor process of a study: waits in the queue, runs Snakemake, and writes the outcome.

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
from training.jobs import execution_backend, slurm, study_queue, warm_start
from training.jobs.execution_backend import Backend
from training.settings.hardware import gpu_count
from training.studies import planned_study, runs
from training.studies.planned_study import Study
from training.tasks.stop_signal import Stopped

_log = logging.getLogger(__name__)

SNAKEFILE = Path(__file__).parent / "Snakefile"
#: Intervals of the supervisor's heartbeat, and of its looking for a request to stop, seconds.
HEARTBEAT_S, POLL_S = 10.0, 0.5
#: How long jobs on a cluster may take to save and end themselves, seconds.
CLUSTER_GRACE_S = 60.0


def command(
    workspace: Workspace,
    study: Study,
    backend: Backend,
    targets: list[str],
    template: Path | None = None,
) -> list[str]:
    """Return the Snakemake command of a study; its lock is :func:`main`'s, the template a warm start's."""
    here = backend.kind == "here"
    cores = backend.cores or (os.cpu_count() or 1 if here else 4)
    slots = execution_backend.slots(backend, study.preset) if here else 0
    profile = execution_backend.snakemake_profile(study, backend)
    where = ["--profile", str(profile)] if profile else ["--cores", str(cores)]
    if here:
        where += ["--resources", f"gpu={gpu_count()}"]
    return snakemake_profiles.command(
        SNAKEFILE,
        study.workflow_dir,
        config=[
            "--config",
            f"workspace={workspace.root}",
            f"study={study.id}",
            f"cores={cores}",
            f"slots={slots}",
            f"gpus={gpu_count() if here else 0}",
            *([f"template={template}"] if template else []),
            *([f"stage={backend.stage}"] if backend.stage else []),
        ],
        where=where,
        quiet=["host", "progress", "reason"],
        targets=targets,
    )


def job_template(
    workspace: Workspace, study: Study, backend: Backend
) -> contextlib.AbstractContextManager[Path | None]:
    """Return the template that jobs are forked from, none elsewhere than here or where there are GPUs."""
    if backend.kind != "here" or gpu_count() or sys.platform != "linux":
        return contextlib.nullcontext()
    return warm_start.template(["--workspace", str(workspace.root), "--study", study.id])


def main(arguments: list[str] | None = None) -> int:
    """Hold the study's lock, wait in the queue, run Snakemake to its end, write the outcome."""
    parser = argparse.ArgumentParser(prog="python -m training.jobs.supervisor", description=__doc__)
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--study", required=True)
    chosen = parser.parse_args(arguments)
    logs.configure("INFO")
    workspace = Workspace.open(chosen.workspace)
    study = planned_study.load(workspace, chosen.study)
    busy = StudyError(f"Study {study.id} is already running.")
    with files.lock(study.supervisor_lock_path, busy):
        return _Supervisor(workspace, study).run()


class _Supervisor:
    """One study from its start to its end or stop."""

    def __init__(self, workspace: Workspace, study: Study) -> None:
        self.workspace, self.study = workspace, study
        self.backend = execution_backend.backend_of(study)
        self.stopped, self._beat_at = False, 0.0
        self._template = job_template(workspace, study, self.backend)
        study.stop_path.unlink(missing_ok=True)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it

    def run(self) -> int:
        returncode = 0
        with contextlib.suppress(Stopped), self._slot(), self._template as self.template:
            returncode = self._run_all()
        _log.info("study %s ends with %d%s", self.study.id, returncode, ", stopped" * self.stopped)
        outcome = {"returncode": returncode, "stopped": self.stopped, "ended": time.time()}
        try:
            files.write_json(self.study.outcome_path, outcome)
        except OSError as error:  # a full disk: the log has to do
            _log.error("the outcome could not be written: %s", error)
        return returncode

    def _slot(self) -> contextlib.AbstractContextManager[None]:
        if self.backend.kind != "here" or self.backend.beside:
            return contextlib.nullcontext()
        return study_queue.queue_slot(self.workspace, self.study, check=self._check)

    def _run_all(self) -> int:
        """Do the runs selected, then those selected meanwhile, then the summary where all are finished."""
        returncode = self._run(_take_targets(self.study))
        self._check()
        while self.study.selected_runs_path.exists():
            returncode = self._run(_take_targets(self.study))
            self._check()
        complete = all(run.result_path.exists() for run in runs.runs_of(self.study))
        if complete and not self.study.result_path.exists():
            return self._run([])
        return returncode

    def _run(self, targets: list[str]) -> int:
        child = subprocess.Popen(
            command(self.workspace, self.study, self.backend, targets, self.template),
            stdin=subprocess.DEVNULL,
        )
        while child.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(POLL_S)
            self._beat()
            if self.study.stop_path.exists():
                self._stop(signal.SIGTERM, None)
            if self.stopped and self.backend.kind != "here":
                self._withdraw(child)
        return child.returncode

    def _withdraw(self, child: subprocess.Popen) -> None:
        """Cancel the jobs on the cluster; each saves its state first. Nothing is waited for afterwards."""
        child.send_signal(signal.SIGINT)  # Snakemake then withdraws its jobs
        if self.backend.kind == "slurm":
            slurm.cancel(self.study, grace_s=CLUSTER_GRACE_S)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(CLUSTER_GRACE_S if self.backend.kind == "profile" else POLL_S)
        child.kill()
        child.wait()

    def _check(self) -> None:
        self._beat()
        if self.study.stop_path.exists():
            self._stop(signal.SIGTERM, None)
        if self.stopped:
            raise Stopped

    def _beat(self) -> None:
        if time.monotonic() - self._beat_at > HEARTBEAT_S:
            self._beat_at = time.monotonic()
            with contextlib.suppress(OSError):  # a full disk
                self.study.heartbeat_path.touch()

    def _stop(self, number: int, frame: object) -> None:
        """Hand SIGTERM on to the whole group, once, and remember it."""
        if not self.stopped:
            self.stopped = True
            os.killpg(os.getpgrp(), signal.SIGTERM)


def _take_targets(study: Study) -> list[str]:
    """Return the results to make, of the runs that were selected; none for all that are left."""
    names = files.read_json(study.selected_runs_path)
    study.selected_runs_path.unlink(missing_ok=True)
    ids = {run.id for run in runs.runs_of(study)}
    return [f"../runs/{name}/result.json" for name in names or [] if name in ids]


if __name__ == "__main__":
    sys.exit(main())
