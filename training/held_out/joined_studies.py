"""Arms of several studies beside each other, where they were judged on the same people in the same folds."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.arms.study_arms import Arm
from training.held_out.partitions import Partition
from training.held_out.predictions import Predictions, assemble


def joined(parts: dict[str, Predictions]) -> Predictions:
    """Put the arms of several studies beside each other; an arm is then called ``STUDY · ARM``.

    Parameters
    ----------
    parts : dict of str to Predictions
        By the study's name as it is shown. All have the same people in the same folds, see
        :func:`training.results.study_sets.why_not`; the baseline is of the first. Of partitions, as many as
        all have.
    """
    first = next(iter(parts.values()))
    count = min(len(part.partitions) for part in parts.values())
    depth = max(len(part.seeds) for part in parts.values())
    arms: list[Arm] = []
    for name, part in parts.items():
        arms += [
            replace(
                arm,
                name=f"{name} · {arm.name}",
                label=f"{arm.label} ({name})",
                matches=f"{name} · {arm.matches}" if arm.matches else None,
                base=f"{name} · {arm.base}" if arm.base else None,
            )
            for arm in part.arms
        ]
    together, *further = (
        (_side_by_side([part.partitions[place] for part in parts.values()], depth), fold)
        for place, fold in enumerate(part.scan_fold for part in first.partitions[:count])
    )
    found = assemble(
        tuple(arms), tuple(range(depth)), first.scans, together[0], further, first.outcome
    )
    planned = tuple(seeds for part in parts.values() for seeds in part.planned)
    return replace(found, planned=planned)


def _side_by_side(parts: Sequence[Partition], depth: int) -> NDArray[np.float64]:
    """Return the arms of several studies in one array, and the mean of the first."""
    arrays = [
        np.pad(
            part.by_scan[:-1],
            ((0, 0), (0, depth - part.by_scan.shape[1]), (0, 0)),
            constant_values=np.nan,
        )
        for part in parts
    ]
    baseline = np.repeat(parts[0].by_scan[-1:, :1], depth, axis=1)
    return np.concatenate([*arrays, baseline])
