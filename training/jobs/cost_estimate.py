"""Cost estimate of a study, from the times of the same preset in earlier studies of the workspace."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from curation.storage.workspace import Workspace
from training.arms.study_arms import Arm
from training.jobs.study_status import START_S
from training.settings.preset import Preset
from training.settings.tuning import INNER_FOLDS, Tuning, trial_count
from training.studies import planned_study
from training.studies.planned_study import Study
from training.studies.run_status import states

#: Bytes of one voxel of a prepared volume.
_VOXEL_BYTES = 2


@dataclass(frozen=True)
class Cost:
    """Runs, time and disk space of a study.

    Parameters
    ----------
    pretrainings, trials, finetunings : int
        Runs of each kind; trials are those of the tuning.
    work_s : float or None
        Seconds of all runs one after another; none where the preset was never run here.
    longest_s : float or None
        Seconds of a pretraining and of the fine-tuning after it, which cannot be done at once.
    disk_bytes : int
        Of the prepared volumes, where none of them is cached yet.
    """

    pretrainings: int
    trials: int
    finetunings: int
    work_s: float | None
    longest_s: float | None
    disk_bytes: int

    @property
    def runs(self) -> int:
        """All runs."""
        return self.pretrainings + self.trials + self.finetunings

    def span_s(self, slots: int) -> float | None:
        """Return the seconds from start to end with some runs at once; none where not known."""
        if self.work_s is None or self.longest_s is None:
            return None
        return max(self.work_s / slots, self.longest_s)


def seconds_a_run(workspace: Workspace, preset: Preset) -> dict[str, float]:
    """Return how long a run of each kind took on average in earlier studies with the same preset.

    Returns
    -------
    dict
        ``pretrain`` and ``finetune``, as far as a run of the kind has finished an epoch, seconds.
    """
    found: dict[str, list[float]] = {}
    for study in planned_study.list_studies(workspace):
        if study.preset == preset:
            for kind, seconds in _of_study(study):
                found.setdefault(kind, []).append(seconds)
    return {kind: float(np.mean(seconds)) for kind, seconds in found.items()}


def _of_study(study: Study) -> list[tuple[str, float]]:
    """Return kind and seconds of the runs of a study, of those that were tuned as if they were not."""
    usual = study.preset.finetune_epochs
    return [
        (state.kind, state.seconds / state.epoch * _epochs(state.epochs, usual, study, state.kind))
        for state in states(study)
        if state.epoch > 0
        and state.seconds > 0
        and state.kind != "tune"
        and study.arm(state.arm).share_of_steps == 1
    ]


def _epochs(epochs: int, usual: int, study: Study, kind: str) -> int:
    return usual if study.tuning and kind == "finetune" and epochs > 1 else epochs


def estimate(
    arms: Sequence[Arm],
    *,
    seeds: int,
    folds: int,
    preset: Preset,
    scans: int,
    pool: int = 0,
    seconds: dict[str, float],
    tuning: Tuning | None = None,
) -> Cost:
    """Estimate a study.

    Parameters
    ----------
    arms : sequence of Arm
        What is compared.
    seeds, folds : int
        How many of each.
    preset : Preset
        How volumes are prepared and trained on.
    scans : int
        Scans of both cohorts.
    pool : int
        Scans of the pool, of which distorted ones are prepared beside the clean, at most all.
    seconds : dict
        From :func:`seconds_a_run`.
    tuning : Tuning, optional
        Trials of its fine-tunings, which are then taken for as long as the longest trial: the most it
        can take.
    """
    pretrainings = len({arm.encoder for arm in arms if arm.encoder}) * seeds
    finetunings = len(arms) * seeds * folds
    trials = trial_count(tuning, arms, folds)
    fewer_steps = sum(1 - arm.share_of_steps for arm in arms if arm.encoder == arm.name) * seeds
    counts = {
        "pretrain": pretrainings - fewer_steps,
        "tune": float(trials),
        "finetune": float(finetunings),
    }
    needed = {kind: count for kind, count in counts.items() if count}
    seconds = _with_tuning(seconds, tuning)
    work_s = longest_s = None
    if needed.keys() <= seconds.keys():
        each = {kind: seconds[kind] + START_S for kind in needed}
        work_s, longest_s = sum(n * each[kind] for kind, n in needed.items()), sum(each.values())
    volume_bytes = int(np.prod(preset.shape)) * _VOXEL_BYTES
    distortions = {
        (arm.distortion.artefact, arm.distortion.severity) for arm in arms if arm.distortion
    }
    images = scans * len(preset.modalities) + pool * len(distortions)
    return Cost(pretrainings, trials, finetunings, work_s, longest_s, images * volume_bytes)


def _with_tuning(seconds: dict[str, float], tuning: Tuning | None) -> dict[str, float]:
    """Return seconds a run with those of a trial, on the people that it learns from, and the longest."""
    if tuning is None or "finetune" not in seconds:
        return seconds
    whole, learned_from = seconds["finetune"], 1 - 1 / INNER_FOLDS
    return seconds | {
        "tune": whole * learned_from * float(np.mean(tuning.lengths)),
        "finetune": whole * max(tuning.lengths),
    }
