"""The process that holds a study while it runs: starts Snakemake, waits, and notes how it ended.

Started by :mod:`training.launch` as leader of its own process group. Not meant to be started by hand.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from curation import files
from curation.errors import StudyError
from curation.workspace import Workspace
from training import study as studies
from training.config import gpu_count
from training.study import Study

SNAKEFILE = Path(__file__).parent / "Snakefile"


def outcome_path(study: Study) -> Path:
    """Return the file that says how the workflow ended: ``returncode, stopped, ended``."""
    return study.folder / "workflow" / "outcome.json"


def command(workspace: Workspace, study: Study, cores: int) -> list[str]:
    """Return the Snakemake command of a study.

    Every output is written whole or not at all, and a run's folder says where it is, so Snakemake's own
    marks of incomplete files and its lock are not used; the lock is :func:`main`'s.
    """
    return [
        sys.executable, "-m", "snakemake",
        "--snakefile", str(SNAKEFILE),
        "--directory", str(study.folder / "workflow"),
        "--cores", str(cores),
        "--resources", f"gpu={gpu_count()}",
        "--config", f"workspace={workspace.root}", f"study={study.id}",
        "--keep-going", "--nolock", "--ignore-incomplete", "--drop-metadata",
        "--rerun-triggers", "mtime",
        "--scheduler", "greedy",
        "--runtime-source-cache-path", str(study.folder / "workflow" / "cache"),
        "--nocolor", "--quiet", "host", "progress", "reason",
    ]  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Hold the study's lock, run Snakemake to its end, write the outcome."""
    parser = argparse.ArgumentParser(prog="python -m training.workflow", description=__doc__)
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--study", required=True)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args(arguments)
    workspace = Workspace.open(chosen.workspace)
    study = studies.load(workspace, chosen.study)
    busy = StudyError(f"Study {study.id} is already running.")
    with files.lock(study.folder / "workflow" / "lock", busy):
        stopped = _StopForGroup()
        child = subprocess.Popen(command(workspace, study, chosen.cores), stdin=subprocess.DEVNULL)
        returncode = child.wait()
        files.write_json(
            outcome_path(study),
            {"returncode": returncode, "stopped": stopped.requested, "ended": time.time()},
        )
    return returncode


class _StopForGroup:
    """Hands SIGTERM on to the whole group, once, and remembers it."""

    def __init__(self) -> None:
        self.requested = False
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, number: int, frame: object) -> None:
        if not self.requested:
            self.requested = True
            os.killpg(os.getpgrp(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
