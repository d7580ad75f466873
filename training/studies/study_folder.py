"""Paths of a study: every file and folder under ``studies/ID``, spelled here and nowhere else.

The workflow's own paths are relative to :attr:`StudyFolder.workflow_dir`, see ``training/jobs/Snakefile``.
"""

from dataclasses import dataclass, field
from pathlib import Path

HEADER = "study.json"
#: Its scans.
SCANS = "scans.parquet"
TICKET = "workflow/ticket.json"


@dataclass(frozen=True, kw_only=True)
class StudyFolder:
    """Folder of a study.

    Parameters
    ----------
    folder : Path
        ``studies/ID`` of a workspace.
    """

    folder: Path = field(compare=False)

    # ---- the plan and its results

    @property
    def header_path(self) -> Path:
        """Every choice of the plan."""
        return self.folder / HEADER

    @property
    def scans_path(self) -> Path:
        return self.folder / SCANS

    @property
    def runs_dir(self) -> Path:
        return self.folder / "runs"

    @property
    def result_path(self) -> Path:
        """The summary, there once every run is finished."""
        return self.folder / "result.json"

    @property
    def tuning_path(self) -> Path:
        """What the tuning chose, there once every run of a tuned study is finished."""
        return self.folder / "tuning.json"

    @property
    def work_path(self) -> Path:
        """The processor time of each job that ended, a line each: ``job run processor_s``."""
        return self.folder / "work.jsonl"

    @property
    def reconstructions_dir(self) -> Path:
        return self.folder / "reconstructions"

    @property
    def reports_dir(self) -> Path:
        return self.folder / "reports"

    @property
    def distortion_effects_path(self) -> Path:
        """What the distortions of its arms do to volumes and score; there once volumes are prepared."""
        return self.folder / "distortions.parquet"

    # ---- jobs that are no run

    def job_dir(self, job: str) -> Path:
        """Return the folder of ``prepare`` or ``summary``."""
        return self.folder / job

    @property
    def preparation_status_path(self) -> Path:
        return self.job_dir("prepare") / "status.json"

    @property
    def preparation_result_path(self) -> Path:
        return self.job_dir("prepare") / "result.json"

    # ---- the supervisor

    @property
    def launch_lock_path(self) -> Path:
        """Held while somebody starts or stops the study."""
        return self.folder / "launch.lock"

    @property
    def supervisor_path(self) -> Path:
        """The process that supervises the study."""
        return self.folder / "workflow.json"

    @property
    def supervisor_log_path(self) -> Path:
        return self.folder / "workflow.log"

    @property
    def workflow_dir(self) -> Path:
        """Working directory of Snakemake."""
        return self.folder / "workflow"

    @property
    def supervisor_lock_path(self) -> Path:
        """Held by the supervisor while it lives."""
        return self.workflow_dir / "lock"

    @property
    def outcome_path(self) -> Path:
        """How the workflow ended: ``returncode, stopped, ended``."""
        return self.workflow_dir / "outcome.json"

    @property
    def heartbeat_path(self) -> Path:
        """Its time says when the supervisor last lived, for other machines."""
        return self.workflow_dir / "heartbeat"

    @property
    def stop_path(self) -> Path:
        """Asks the supervisor to stop, on whichever machine it is."""
        return self.workflow_dir / "stop"

    @property
    def selected_runs_path(self) -> Path:
        """Ids of the runs to do next; without it, all that are left."""
        return self.workflow_dir / "chosen.json"

    @property
    def ticket_path(self) -> Path:
        """There while the study waits in the queue."""
        return self.folder / TICKET

    @property
    def slots_dir(self) -> Path:
        """Locks of the jobs that may run at once on this machine."""
        return self.workflow_dir / "slots"

    # ---- the execution backend

    @property
    def backend_path(self) -> Path:
        """Execution backend, and whether runs go to MLflow."""
        return self.workflow_dir / "place.json"

    @property
    def snakemake_profile_dir(self) -> Path:
        """Profile written for Slurm."""
        return self.workflow_dir / "profile"

    @property
    def slurm_logs_dir(self) -> Path:
        return self.workflow_dir / "slurm-logs"
