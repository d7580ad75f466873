"""One job of a study, as its own process: ``python -m training.jobs.worker JOB --workspace W --study ID``.

Whatever happens in here, the run's ``status.json`` says so in words for people, and ``log.txt`` keeps the
traceback. Started by the Snakefile.
"""

import argparse
import contextlib
import logging
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from curation import __version__, logs
from curation.decisions import database
from curation.errors import StudyError, TierscopeError, in_words
from curation.storage import files, json_lines
from curation.storage.processes import lease
from curation.storage.workspace import Workspace
from training.jobs import mlflow_log
from training.results import distortion_effects, study_summary, tuning_choices
from training.settings.launch_variables import launched
from training.studies import cost_probe, planned_study, prepare_volumes, run_status, runs
from training.studies.planned_study import Study
from training.studies.run_status import State, Status
from training.studies.runs import Run
from training.tasks.stop_signal import Interruption, Stopped

_log = logging.getLogger(__name__)

#: Exit status of a job that was asked to stop, as the shell gives it for SIGTERM.
STOPPED = 143


def main(arguments: list[str] | None = None) -> int:
    """Do one job, alone in its folder."""
    logs.configure("INFO")
    chosen = _parser().parse_args(arguments)
    interruption = Interruption()
    study = planned_study.load(Workspace.open(chosen.workspace), chosen.study)
    folder = runs.find(study, chosen.run).folder if chosen.run else study.job_dir(chosen.job)
    _log.info("%s %s begins", chosen.job, chosen.run or "")
    busy = StudyError(f"Another process is already at work in {folder}.")
    try:
        lock, status = _own_files(folder, chosen.job)
        with _slot(study, chosen.slots, interruption), files.lock(lock, busy):
            if chosen.run and runs.find(study, chosen.run).result_path.exists():
                _log.info("it is finished already; 'retry --anew' does it once more")
                return 0
            done = _guarded(_Job(chosen, study, Status(status), interruption))
            _note_work(study, chosen)
            return done
    except Stopped:
        return STOPPED  # while it waited for a slot: nothing to report
    except TierscopeError as error:
        _log.error("%s", error)
        return 2


def _own_files(folder: Path, job: str) -> tuple[Path, Path]:
    """Return lock and status file of this process; of several that share a job the first's are the job's.

    Raises
    ------
    StudyError
        When several were launched of a job that is not shared.
    """
    several = launched()
    if several is None or (several.rank == 0 and job == "pretrain"):
        return folder / "lock", folder / "status.json"
    if job != "pretrain":
        raise StudyError(
            f"Several processes share a pretraining, never {job}: start it without torchrun or srun."
        )
    own = folder / "processes"
    own.mkdir(parents=True, exist_ok=True)
    return own / f"lock-{several.rank}", own / f"status-{several.rank}.json"


def _note_work(study: Study, chosen: argparse.Namespace) -> None:
    """Keep the processor time of the job, with that of processes it had: what estimates are held against."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = time.process_time() + children.ru_utime + children.ru_stime
    line = {"job": chosen.job, "run": chosen.run, "processor_s": round(spent, 3)}
    with contextlib.suppress(OSError):  # a full disk
        json_lines.append(study.work_path, line)


def _slot(study: Study, slots: int, interruption: Interruption) -> AbstractContextManager:
    """Wait for a slot where the number of jobs at once is limited.

    Snakemake 9.10 and later start more jobs than there are cores once a job was the only one ready
    (github.com/snakemake/snakemake/issues/3913); so the jobs count themselves.
    """
    if not slots:
        return nullcontext()
    return lease([study.slots_dir / str(slot) for slot in range(slots)], check=interruption.check)


@dataclass(frozen=True)
class _Job:
    """Command line of a job, its study, its status file, and the stop signal."""

    chosen: argparse.Namespace
    study: Study
    status: Status
    interruption: Interruption

    @property
    def workspace(self) -> Workspace:
        return Workspace.open(self.chosen.workspace)

    @property
    def run(self) -> Run:
        return runs.find(self.study, self.chosen.run)


def _guarded(job: _Job) -> int:
    """Do a job; the outermost edge of the process."""
    try:
        job.status.write("running")
        _JOBS[job.chosen.job](job)
    except Stopped:
        _report(job.status, "stopped", "stopped; resume goes on from here")
        return STOPPED
    except Exception as error:  # noqa: BLE001 - the edge: whatever it was, the run's folder tells
        _log.exception("the job failed")
        _report(job.status, "failed", _in_words(error))
        return 1
    return 0


def _report(status: Status, state: State, message: str) -> None:
    try:
        status.write(state, message=message)
    except OSError as error:  # a full disk: the log has to do
        _log.error("the status could not be written: %s", error)


def _in_words(error: Exception) -> str:
    if isinstance(error, TierscopeError | OSError):
        return in_words(error)
    if isinstance(error, MemoryError) or "out of memory" in str(error):
        return (
            "The memory is used up. Close other programs, or plan the study with smaller batches "
            "(pretrain_batch, finetune_batch) or a smaller preset."
        )
    return f"An unexpected error ended it ({type(error).__name__}: {error}). See log.txt beside it."


# ---- jobs ----------------------------------------------------------------------------------------


def _prepare(job: _Job) -> None:
    def progress(done: int, total: int) -> None:
        job.interruption.check()
        job.status.write("running", done=done, total=total)

    started = time.monotonic()
    runs.write_configs(job.study)  # of a study that was planned, and never launched as a whole
    try:
        count = prepare_volumes.prepare(
            job.workspace, job.study, jobs=job.chosen.jobs, progress=progress
        )
        distortion_effects.measure(
            job.workspace, job.study, jobs=job.chosen.jobs, check=job.interruption.check
        )
    except BrokenProcessPool:
        job.interruption.check()  # a stop of the whole group ends the children first
        raise
    seconds = round(time.monotonic() - started, 3)
    files.write_json(job.study.preparation_result_path, {"volumes": count, "seconds": seconds})
    job.status.write("finished")


def _probe(job: _Job) -> None:
    from training.tasks import probe

    cost_probe.write(job.study, probe.measure(job.workspace, job.study, job.interruption))
    job.status.write("finished")


def _pretrain(job: _Job) -> None:
    from training.tasks.pretrain import pretrain  # torch only where it is needed

    several = launched()
    if several is None:
        _train(job, pretrain)
        return
    from training.jobs import nodes

    _train(job, partial(nodes.pretrain_together, several), told=several.rank == 0)


def _finetune(job: _Job) -> None:
    from training.tasks.finetune import finetune

    _train(job, finetune)


def _train(
    job: _Job, train: Callable[[Workspace, Study, Run, Interruption], None], *, told: bool = True
) -> None:
    """Train a run; ``told`` in its folder, but by the first alone of several processes."""
    from training.jobs.monitoring import monitored
    from training.tasks import staging

    staging.use(job.chosen.stage)
    if not told:
        train(job.workspace, job.study, job.run, job.interruption)
        return
    with monitored(job.run):
        train(job.workspace, job.study, job.run, job.interruption)
    if mlflow_log.is_tracked(job.study):
        _log_to_mlflow(job)


def _log_to_mlflow(job: _Job) -> None:
    try:
        mlflow_log.log(job.workspace, job.study, job.run)
    except Exception:  # noqa: BLE001 - an edge: whatever it is, the run is finished and stays so
        _log.exception("the run is finished, but not in MLflow")


def _summarise(job: _Job) -> None:
    study = job.study
    errors = study.outcome.named(study_summary.final_errors(job.workspace, study.id))
    rows = errors.astype(object).where(errors.notna(), None).to_dict("records")
    states = run_status.states(study)
    summary = {
        "study": study.id,
        "version": __version__,
        "final_errors": rows,
        "training_seconds": round(sum(state.seconds for state in states), 1),
        "finished": database.now().isoformat(timespec="seconds"),
    }
    if study.tuning:
        files.write_json(study.tuning_path, tuning_choices.as_record(study))
    files.write_json(study.result_path, summary)
    job.status.write("finished")


_JOBS: dict[str, Callable[[_Job], None]] = {
    "prepare": _prepare,
    "probe": _probe,
    "pretrain": _pretrain,
    "finetune": _finetune,
    "summary": _summarise,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.jobs.worker", description=__doc__)
    parser.add_argument("job", choices=list(_JOBS))
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--study", required=True)
    parser.add_argument("--run", help="id of the run to train")
    parser.add_argument("--slots", type=int, default=0, help="jobs at once; 0: no limit")
    parser.add_argument("--stage", default="", help="folder on a local disk for prepared volumes")
    parser.add_argument("--jobs", type=int, help="processes that prepare volumes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
