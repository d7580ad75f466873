"""Cost estimate of a study, from the times of the same preset in earlier studies of the workspace."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from curation.storage.workspace import Workspace
from training.arms.study_arms import Arm
from training.jobs.study_status import START_S
from training.studies import planned_study
from training.studies.planned_study import Study
from training.studies.preset import Preset
from training.studies.run_status import states

#: Bytes of one voxel of a prepared volume.
_VOXEL_BYTES = 2


@dataclass(frozen=True)
class Cost:
    """Runs, time and disk space of a study.

    Parameters
    ----------
    pretrainings, finetunings : int
        Runs of each kind.
    work_s : float or None
        Seconds of all runs one after another; none where the preset was never run here.
    longest_s : float or None
        Seconds of a pretraining and of the fine-tuning after it, which cannot be done at once.
    disk_bytes : int
        Of the prepared volumes, where none of them is cached yet.
    """

    pretrainings: int
    finetunings: int
    work_s: float | None
    longest_s: float | None
    disk_bytes: int

    @property
    def runs(self) -> int:
        """All runs."""
        return self.pretrainings + self.finetunings

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
    return [
        (state.kind, state.seconds / state.epoch * state.epochs)
        for state in states(study)
        if state.epoch > 0 and state.seconds > 0
    ]


def estimate(
    arms: Sequence[Arm],
    *,
    seeds: int,
    folds: int,
    preset: Preset,
    scans: int,
    seconds: dict[str, float],
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
    seconds : dict
        From :func:`seconds_a_run`.
    """
    pretrainings = len({arm.encoder for arm in arms if arm.encoder}) * seeds
    finetunings = len(arms) * seeds * folds
    counts = {"pretrain": pretrainings, "finetune": finetunings}
    needed = {kind: count for kind, count in counts.items() if count}
    work_s = longest_s = None
    if needed.keys() <= seconds.keys():
        each = {kind: seconds[kind] + START_S for kind in needed}
        work_s, longest_s = sum(n * each[kind] for kind, n in needed.items()), sum(each.values())
    volume_bytes = int(np.prod(preset.shape)) * _VOXEL_BYTES
    images = scans * len(preset.modalities)
    return Cost(pretrainings, finetunings, work_s, longest_s, images * volume_bytes)
