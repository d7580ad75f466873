"""Cost of a planned study before it is launched: time, memory, disk and GPU-hours, from its probe."""

import contextlib
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

from curation import wording
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.storage import files, json_lines, processes
from curation.storage.workspace import Workspace
from training.jobs import execution_backend
from training.jobs.execution_backend import Backend
from training.jobs.launch import import_path
from training.judging import judged_scans
from training.settings.hardware import gpu_count
from training.settings.tuning import INNER_FOLDS
from training.studies import cost_probe, prepare_volumes, runs
from training.studies.cost_probe import CostProbe, RunParts, Seconds
from training.studies.planned_study import CODING_SCANS, Study
from training.studies.runs import Run

#: Bytes of the header of a prepared volume, and of a voxel.
_HEADER_BYTES, _VOXEL_BYTES = 128, 2
#: Bytes of a run's log, numbers and pictures of them, and of the checkpoint of a run to its weights.
_RECORD_BYTES, _CHECKPOINT = 60_000, 3
#: A job that is forked from the template, and what leads a study, in starts of a process, as was measured.
_JOB, _LEAD = 0.035, 2.0


@dataclass(frozen=True)
class StudyCost:
    """What a study will take.

    Parameters
    ----------
    probe : CostProbe
        What it was told from.
    preparing, pretraining, finetuning : Seconds
        Of all jobs of a kind one after another; trials of a tuning are fine-tunings.
    longest : Seconds
        The longest pretraining, with the longest fine-tuning after it: these cannot be done at once.
    lead : Seconds
        Of what leads the study.
    missing : int
        Images to prepare.
    disk_bytes : int
        Of what it will write and keep: prepared volumes that are not there yet, weights, records.
    most_bytes : int
        More than that while it runs: states to resume from.
    slots, cores : int
        Runs at once, and processes that prepare volumes.
    gpus : int
        GPUs of the machine.
    devices, threads : int
        GPUs of a pretraining, and threads of a run.
    """

    probe: CostProbe
    preparing: Seconds
    pretraining: Seconds
    finetuning: Seconds
    longest: Seconds
    lead: Seconds
    missing: int
    disk_bytes: int
    most_bytes: int
    slots: int
    cores: int
    gpus: int = 0
    devices: int = 1
    threads: int = 1

    @property
    def work(self) -> Seconds:
        """All of it, one after another."""
        return self.preparing + self.pretraining + self.finetuning + self.lead

    @property
    def work_without_lead(self) -> Seconds:
        """That of its jobs alone."""
        return self.preparing + self.pretraining + self.finetuning

    def span_s(self, *, free: bool) -> float:
        """Return the seconds from start to end, with as many runs at once as there is room for.

        Parameters
        ----------
        free : bool
            On a machine without other work: what work takes of processors, where that is less by the clock.
        """

        def seconds(of: Seconds, threads: int) -> float:
            return min(of.wall, of.processor / threads) if free and not self.gpus else of.wall

        both = self.pretraining + self.finetuning
        training = max(
            seconds(both, self.threads) / self.slots, seconds(self.longest, self.threads)
        )
        return seconds(self.preparing, 1) / self.cores + training + seconds(self.lead, 1)

    @property
    def gpu_hours(self) -> float:
        """Hours of GPUs; 0 without any."""
        busy_s = self.pretraining.wall * self.devices + self.finetuning.wall
        return busy_s / 3600 if self.gpus else 0.0

    @property
    def words(self) -> str:
        """The cost in sentences."""
        probe = self.probe
        at_once = f" with {self.slots} runs at once" if self.slots > 1 else ""
        free, now = (wording.duration(self.span_s(free=free)) for free in (True, False))
        busy = f", {now} on one as busy as now" if cost_probe.busy(probe) else ""
        gpu = f", {self.gpu_hours:.2g} GPU-hours" if self.gpus else ""
        on_gpu = f", {probe.gpu_memory_gib:.2g} GiB on the GPU" if probe.gpu_memory_gib else ""
        parts = {
            "preparing": self.preparing,
            "pretraining": self.pretraining,
            "fine-tuning": self.finetuning,
        }
        each = ", ".join(f"{wording.duration(of.processor)} {kind}" for kind, of in parts.items())
        return (
            f"About {free} from start to end on a free machine{at_once}{busy}; "
            f"{wording.duration(self.work.processor)} of processor time ({each}){gpu}. Memory of a run: up "
            f"to {probe.memory_mb / 1000:.1f} GB{on_gpu}. Disk: {_size(self.disk_bytes)} kept "
            f"({wording.plural(self.missing, 'image')} to prepare), {_size(self.most_bytes)} more while it "
            f"runs. Told from {cost_probe.STEPS} steps of each kind of run on {probe.host} ({probe.device}), "
            f"at a load of {probe.load:.1f} on {wording.plural(probe.cores, 'core')}."
        )


def _size(count: int) -> str:
    return f"{count / 1e9:.2g} GB" if count >= 1e8 else f"{count / 1e6:.2g} MB"


# ---- measuring ----------------------------------------------------------------------------------


def command(workspace: Workspace, study: Study) -> list[str]:
    """Return the command that measures a study on this machine."""
    options = ["--workspace", str(workspace.root), "--study", study.id]
    return [sys.executable, "-m", "training.jobs.worker", "probe", *options]


def _process_path(study: Study) -> Path:
    return cost_probe.probe_dir(study) / "process.json"


@guarded(Action.PLAN_STUDY)
def start(workspace: Workspace, study: Study) -> None:
    """Begin to measure in the background; one that is at it already goes on."""
    folder = cost_probe.probe_dir(study)
    if processes.running(_process_path(study)):
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("result.json", "status.json"):
        (folder / name).unlink(missing_ok=True)
    threads = str(study.preset.threads)
    processes.start(
        command(workspace, study),
        log=folder / "log.txt",
        state=_process_path(study),
        environment={"PYTHONPATH": import_path(), "OMP_NUM_THREADS": threads},
    )


def wait(study: Study) -> None:
    """Wait until what :func:`start` began has ended."""
    if process := processes.running(_process_path(study)):
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(process.pid).wait()


def state(study: Study) -> tuple[str, str]:
    """Return where the measuring stands and why.

    Returns
    -------
    tuple of str
        ``none``, ``running``, ``failed`` or ``finished``; and a sentence, of a failure.
    """
    if processes.running(_process_path(study)):
        return "running", ""
    noted = files.read_note(cost_probe.probe_dir(study) / "status.json")
    if cost_probe.read(study):
        return "finished", ""
    if not _process_path(study).exists():
        return "none", ""
    said = (
        noted.get("message")
        or f"It ended without a word; see {cost_probe.probe_dir(study)}/log.txt."
    )
    return "failed", said


# ---- from parts to the whole ---------------------------------------------------------------------


def of_study(
    workspace: Workspace, study: Study, backend: Backend | None = None
) -> StudyCost | None:
    """Return what a study will take; none where it was not measured.

    Parameters
    ----------
    workspace, study
        A planned study.
    backend : Backend, optional
        Where it will run; by default where it ran before, at first on this machine. What was measured is
        this machine's: elsewhere it says little of the time.
    """
    probe = cost_probe.read(study)
    if probe is None:
        return None
    backend = backend or execution_backend.backend_of(study)
    start = probe.start * (1.0 if gpu_count() else _JOB)
    sizes = _Sizes(study)
    each = [(run, _of_run(study, run, probe, sizes) + start) for run in runs.runs_of(study)]
    longest = {kind: _longest(each, kind) for kind in ("pretrain", "tune", "finetune")}
    missing = prepare_volumes.missing(workspace, study)
    slots = min(execution_backend.slots(backend, study.preset), max(len(each), 1))
    weights = Counter({run.id: _weights(study, run, probe) for run, _ in each})
    return StudyCost(
        probe,
        preparing=(probe.prepared or Seconds()) * missing + start,
        pretraining=_total(each, "pretrain"),
        finetuning=_total(each, "tune") + _total(each, "finetune"),
        longest=longest["pretrain"] + longest["tune"] + longest["finetune"],
        lead=probe.start * _LEAD,
        missing=missing,
        disk_bytes=missing * _volume_bytes(study) + weights.total() + _RECORD_BYTES * len(each),
        most_bytes=_CHECKPOINT * sum(count for _, count in weights.most_common(slots)),
        slots=slots,
        cores=backend.cores or probe.cores,
        gpus=gpu_count(),
        devices=study.preset.devices,
        threads=study.preset.threads,
    )


def took_s(study: Study) -> float:
    """Return the processor time that the jobs of a study have taken so far, s."""
    return sum(line["processor_s"] for line in json_lines.read(study.work_path))


def _total(each: list[tuple[Run, Seconds]], kind: str) -> Seconds:
    return sum((spent for run, spent in each if run.kind == kind), Seconds())


def _longest(each: list[tuple[Run, Seconds]], kind: str) -> Seconds:
    found = [spent for run, spent in each if run.kind == kind]
    return max(found, key=lambda spent: spent.wall, default=Seconds())


def _volume_bytes(study: Study) -> int:
    x, y, z = study.preset.shape
    return _HEADER_BYTES + _VOXEL_BYTES * x * y * z


def _weights(study: Study, run: Run, probe: CostProbe) -> int:
    """Return the bytes of the weights that a run keeps; a trial keeps none."""
    if run.kind == "tune":
        return 0
    kind = "pretrain" if run.kind == "pretrain" else study.arm(run.arm).method
    return probe.runs[kind].model_bytes


class _Sizes:
    """People that a fine-tuning of a study learns from and predicts, and scans that inputs are coded by."""

    def __init__(self, study: Study) -> None:
        scans = study.scans()
        self._study, self._target = study, scans[scans["role"] == "target"]
        self.outside = sum(map(len, study.external().values()))
        self.coding = min(int((scans["role"] == "pool").sum()), CODING_SCANS)

    def split(self, fold: int) -> tuple[int, int]:
        """Return how many people of the target a fold learns from and holds out."""
        folds = judged_scans.fold_of(self._target, fold // self._study.folds)
        held_out = int((folds == fold).sum())
        return len(self._target) - held_out, held_out


def _of_run(study: Study, run: Run, probe: CostProbe, sizes: _Sizes) -> Seconds:
    """Return the time of a run, without the start of its process."""
    preset, arm = study.preset, study.arm(run.arm)
    kind = "pretrain" if run.kind == "pretrain" else arm.method
    parts = probe.runs[kind]
    if kind == "pretrain":
        steps = preset.pretrain_epochs * runs.preset_of(study, run).pretrain_steps
        coding = parts.volume * sizes.coding
        looks = parts.epoch * preset.pretrain_epochs
        return parts.begin + coding + parts.step * (steps / preset.devices) + looks + parts.end
    learned, held_out = sizes.split(run.fold or 0)
    if kind == "ridge":
        return parts.begin + parts.volume * (learned + held_out + sizes.outside) + parts.end
    if run.kind == "tune":
        learned, held_out = learned - learned // INNER_FOLDS, learned // INNER_FOLDS
    epochs = _epochs(study, run)
    steps = -(-learned // preset.finetune_batch)
    labelled = learned * arm.label_percent / 100
    each = parts.step * steps + parts.volume * (labelled + held_out)
    whole = parts.begin + each * epochs + parts.volume * held_out + parts.end
    return whole + _once(study, run, parts, labelled + held_out, labelled, sizes)


def _once(
    study: Study, run: Run, parts: RunParts, people: float, labelled: float, sizes: _Sizes
) -> Seconds:
    """Return what a fine-tuning does once: the site probe, external cohorts, a head that begins at ridge."""
    seen = Seconds()
    if run.kind == "finetune":
        seen += parts.volume * sizes.outside
        seen += parts.site * (people if run.fold == 0 else 0)
    if study.preset.head_start == "ridge":
        seen += parts.volume * labelled
    return seen


def _epochs(study: Study, run: Run) -> float:
    """Return the epochs of a fine-tuning; of one that is tuned, what its trials take on average."""
    usual = runs.epochs_of(study, run)
    if study.tuning is None or run.kind == "tune":
        return usual
    return usual * sum(study.tuning.lengths) / len(study.tuning.lengths)
