"""Effects of a study's distortions on what the network sees and on the score, measured on its scans.

The change of a prepared volume is its mean squared difference to the volume of the same scan as it is, within
the brain, as a share of the variance between people. The score is that of the product's own assessment of the
distorted image, its own alignment included.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.cohorts import frozen_cohort
from curation.errors import TierscopeError, VolumeError
from curation.imaging import prepared_vector, volumes
from curation.imaging.prepared_vector import Middle
from curation.metrics import METRICS
from curation.references import reference_library
from curation.scoring import distortion_score
from curation.scoring.score_reference import Reference
from curation.storage import files, processes, tables
from curation.storage.workspace import Workspace
from training.settings import volume_grid
from training.studies import prepare_volumes, study_images
from training.studies.planned_study import Study
from training.studies.study_images import StudyImage
from training.world import planted

#: Scans of each artefact and severity that are assessed, at most; they are spread evenly over the arm's.
SCORED = 4
#: People whose variance the change of a volume is a share of, at most.
VARIED = 64
COLUMNS = (
    "artefact",
    "severity",
    "scan_id",
    "volume_change",
    "distance_clean",
    "distance_distorted",
    "score_clean",
    "score_distorted",
)
#: What a table of an earlier version lacks.
_ADDED = ("distance_clean", "distance_distorted")
_REMEDY = "Delete it: it is measured again when the study is resumed."


def read(study: Study) -> pd.DataFrame:
    """Read what was measured: a row a scan, artefact and severity; empty where nothing was.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`: ``volume_change``, 0 or more, 1 for as much as people differ; distances of the
        prepared volumes from the middle of the pool, 0 to 5, see
        :meth:`curation.imaging.prepared_vector.Middle.distance`, NaN for a pool of few people; scores from 0
        to 100, NaN where the scan was not assessed or could not be measured.
    """
    path = study.distortion_effects_path
    if not path.exists():
        return pd.DataFrame(columns=list(COLUMNS))
    table = files.read_parquet(path, _REMEDY)
    lacking = [name for name in _ADDED if name not in table]
    return table.assign(**dict.fromkeys(lacking, np.nan))[list(COLUMNS)]


def measure(
    workspace: Workspace,
    study: Study,
    *,
    jobs: int | None = None,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Measure the effects of a study's distortions and write them into its folder; does nothing without any.

    Parameters
    ----------
    workspace, study
        Volumes are prepared already.
    jobs : int, optional
        Processes; one a core by default.
    check : callable
        Called between scans; what it raises ends the work.
    """
    images = study_images.distorted_images(study, study.scans())
    if not images or study.distortion_effects_path.exists():
        return
    tasks = _tasks(workspace, study, images)
    rows = []
    for row in processes.in_parallel(
        _measure_one, tasks, min(jobs or os.cpu_count() or 1, len(tasks))
    ):
        check()
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    files.write_parquet(
        study.distortion_effects_path,
        table.sort_values(["artefact", "severity", "scan_id"], ignore_index=True),
    )


def _tasks(workspace: Workspace, study: Study, images: Sequence[StudyImage]) -> list["_Task"]:
    mask = volume_grid.brain_mask(workspace, study.preset)
    people = list(_people(workspace, study))
    between, middle = _mean_variance(people), prepared_vector.middle_of(people)
    sources = tables.read_scans(workspace).set_index("scan_id")["path"]
    reference = _reference(workspace, study)
    scored = _to_score(images, in_world=planted.of_cohort(workspace, study.cohort_id) is not None)
    tasks = []
    for image in images:
        clean, distorted = (
            prepare_volumes.cached_path(workspace, study.preset, one)
            for one in (image._replace(distortion=None), image)
        )
        assessed = image.distorted in scored[image.scan_id]
        source = sources.get(image.scan_id, "") if assessed else None
        tasks.append(_Task(image, clean, distorted, mask, between, middle, source, reference))
    return tasks


def variance_between(workspace: Workspace, study: Study) -> float:
    """Return the variance between people of the clean prepared volumes, averaged over the brain's voxels.

    It is of one scan each of at most :data:`VARIED` people of the pool; NaN for one.
    """
    return _mean_variance(list(_people(workspace, study)))


def _people(workspace: Workspace, study: Study) -> Iterator[NDArray[np.float32]]:
    """Yield the brain of one clean prepared volume each of some people of the pool."""
    people = study.pool().sort_values("scan_id").drop_duplicates("subject_id")["scan_id"].tolist()
    places = np.linspace(0, len(people) - 1, min(len(people), VARIED)).round().astype(int)
    mask = volume_grid.brain_mask(workspace, study.preset)
    for path in prepare_volumes.volume_paths(workspace, study, [people[at] for at in places]):
        yield volume_grid.read(path)[mask].astype(np.float32)


def _mean_variance(brains: Sequence[NDArray[np.float32]]) -> float:
    if len(brains) < 2:
        return float("nan")
    stacked = np.stack(brains)
    return float(np.var(stacked, axis=0, ddof=1, dtype=np.float64).mean())


def _to_score(images: Sequence[StudyImage], *, in_world: bool) -> dict[str, set[str]]:
    """Return which distortions of each scan are assessed."""
    chosen: dict[str, set[str]] = {image.scan_id: set() for image in images}
    if in_world:  # a measured score beside one that was planted would tell nothing
        return chosen
    by_dose: dict[tuple[str, float], list[StudyImage]] = {}
    for image in images:
        if image.distortion:
            key = (image.distortion.artefact, image.distortion.severity)
            by_dose.setdefault(key, []).append(image)
    for own in by_dose.values():
        places = np.linspace(0, len(own) - 1, min(len(own), SCORED)).round().astype(int)
        for place in places:
            chosen[own[place].scan_id].add(own[place].distorted)
    return chosen


# ---- one image -----------------------------------------------------------------------------------


class _Task(NamedTuple):
    """A distorted image: its volumes, and its file where it is to be assessed."""

    image: StudyImage
    clean: Path
    distorted: Path
    mask: NDArray[np.bool_]
    between: float
    middle: Middle | None
    source: str | None
    reference: Reference


def _measure_one(task: _Task) -> tuple[str, float, str, float, float, float, float, float]:
    image, done = task.image, task.image.distortion
    assert done is not None  # noqa: S101 - every task is of a distorted image
    clean, distorted = (
        volume_grid.read(path)[task.mask].astype(np.float64)
        for path in (task.clean, task.distorted)
    )
    change = float(np.square(distorted - clean).mean() / task.between)
    before, after = (
        task.middle.distance(brain) if task.middle else float("nan") for brain in (clean, distorted)
    )
    assessed = task.source is not None
    return (
        done.artefact,
        done.severity,
        image.scan_id,
        change,
        before,
        after,
        float(image.scan["distortion_score"]) if assessed else float("nan"),
        _score(image, str(task.source), task.reference) if assessed else float("nan"),
    )


def _score(image: StudyImage, source: str, reference: Reference) -> float:
    """Return the distortion score of the distorted image; NaN where it cannot be assessed."""
    from curation.assessment.assess_scan import assess_volume  # what measures scans

    try:
        if files.sha256_of(Path(source)) != image.sha256:
            return float("nan")
        volume = image.distort(volumes.conform(volumes.load(Path(source))))
        values, *_ = assess_volume(volume)
    except (VolumeError, OSError):
        return float("nan")
    named = {"scan_id": image.scan_id, "sha256": image.sha256}
    row = pd.DataFrame([named | dict.fromkeys(METRICS, np.nan) | values])
    site = pd.Series([image.scan["site"]], row.index, dtype=object)
    return float(distortion_score.score(row, reference, site)["distortion_score"].iloc[0])


def _reference(workspace: Workspace, study: Study) -> Reference:
    """Return the reference by which the pool was scored when it was frozen; else the active one."""
    try:
        cohort = frozen_cohort.load(workspace, study.cohort_id)
        return reference_library.load(workspace, cohort.reference)
    except TierscopeError:
        return reference_library.active(workspace)
