"""Held-out predictions of finished fine-tunings, as one array: arms × seeds × people.

Everything that is said of a study's errors is computed from here, so that no two places can disagree.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.cohorts import frozen_cohort
from curation.errors import CohortError
from curation.scoring.comparison_groups import sites_of
from curation.storage import files
from curation.storage.workspace import Workspace
from training.arms.study_arms import Arm
from training.studies import runs
from training.studies.planned_study import Study

BASELINE = "predict-the-mean"
BASELINE_LABEL = "predict the mean age"

#: What is known of each scan that was predicted; text is ``None`` where it is not known. Where no site
#: is known, the source stands in for it (:func:`curation.scoring.comparison_groups.sites_of`).
SCAN_COLUMNS = (
    "scan_id",
    "subject_id",
    "fold",
    "age_years",
    "tier",
    "distortion_score",
    "site",
    "sex",
)
_LONG = (
    "arm",
    "seed",
    "fold",
    "scan_id",
    "predicted_age_years",
    "baseline_age_years",
    "trained_on",
)


@dataclass(frozen=True)
class Predictions:
    """Held-out predictions, a person's scans averaged; the last arm predicts the mean age.

    Parameters
    ----------
    arms : tuple of Arm
        The trained arms, of which some may have no prediction yet.
    seeds : tuple of int
        In order.
    scans : pandas.DataFrame, M rows
        :data:`SCAN_COLUMNS`, ordered by ``subject_id``; ages in years, the score from 0 (pristine) to 100.
    by_scan : array of shape (arms + 1, seeds, M)
        Predicted age in years; NaN where there is none. The last arm is the mean age of the people that the
        fold's models were trained on.
    people : pandas.DataFrame, N rows
        ``subject_id, age_years, fold, scans``.
    predicted_years : array of shape (arms + 1, seeds, N)
        ``by_scan``, averaged over each person's scans.
    planned : tuple of int
        With how many seeds each trained arm was planned.
    narrowed : bool
        Whether a filter left out seeds or folds.
    """

    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    scans: pd.DataFrame
    by_scan: NDArray[np.float64]
    people: pd.DataFrame
    predicted_years: NDArray[np.float64]
    planned: tuple[int, ...]
    narrowed: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arms in the order of the arrays: the trained ones, then :data:`BASELINE`."""
        return (*(arm.name for arm in self.arms), BASELINE)

    @property
    def labels(self) -> dict[str, str]:
        """The arms' names in words."""
        return {arm.name: arm.label for arm in self.arms} | {BASELINE: BASELINE_LABEL}

    @property
    def ages(self) -> NDArray[np.float64]:
        """True ages of the people, years, shape (N,)."""
        return self.people["age_years"].to_numpy()

    @property
    def errors_years(self) -> NDArray[np.float64]:
        """Absolute errors, shape (arms + 1, seeds, N)."""
        return np.abs(self.predicted_years - self.ages)

    @property
    def there(self) -> tuple[str, ...]:
        """Names of the arms that have any prediction."""
        some = np.asarray(np.isfinite(self.predicted_years).any(axis=(1, 2)))
        return tuple(name for name, known in zip(self.names, some, strict=True) if known)

    def at(self, name: str) -> int:
        """Return the place of an arm in the arrays."""
        return self.names.index(name)

    def arm(self, name: str) -> Arm | None:
        """Return an arm by its name; none for :data:`BASELINE`."""
        return next((arm for arm in self.arms if arm.name == name), None)

    def finished_runs(self, name: str) -> int:
        """Count the fine-tunings of an arm that have predicted somebody."""
        known = np.isfinite(self.by_scan[self.at(name)])
        fold = self.scans["fold"].to_numpy()
        return sum(int(known[:, fold == number].any(axis=1).sum()) for number in self._folds)

    def finished(self, name: str) -> bool:
        """Tell whether every run of an arm is finished; predicting the mean has none of its own."""
        if name == BASELINE:
            return True
        return self.finished_runs(name) == self.planned[self.at(name)] * len(self._folds)

    @property
    def _folds(self) -> NDArray[np.int64]:
        return np.unique(self.scans["fold"].to_numpy())

    def only(
        self,
        *,
        arms: Collection[str] | None = None,
        seeds: Collection[int] | None = None,
        folds: Collection[int] | None = None,
    ) -> "Predictions":
        """Return the predictions that pass a filter; ``None`` passes all, as does predicting the mean."""
        kept_arms = [i for i, a in enumerate(self.arms) if arms is None or a.name in arms]
        kept_seeds = [i for i, seed in enumerate(self.seeds) if seeds is None or seed in seeds]
        kept = np.ones(len(self.scans), bool)
        if folds is not None:
            kept = self.scans["fold"].isin(folds).to_numpy()
        by_scan = self.by_scan[[*kept_arms, len(self.arms)]][:, kept_seeds][:, :, kept]
        fewer = len(kept_seeds) < len(self.seeds) or not kept.all()
        left = assemble(
            tuple(self.arms[i] for i in kept_arms),
            tuple(self.seeds[i] for i in kept_seeds),
            self.scans[kept].reset_index(drop=True),
            by_scan,
        )
        planned = tuple(min(self.planned[i], len(kept_seeds)) for i in kept_arms)
        return replace(left, planned=planned, narrowed=self.narrowed or fewer)


def read(workspace: Workspace, study: Study) -> Predictions:
    """Read the predictions of a study; arms, seeds and people that are not there yet are NaN."""
    rows: list[dict[str, Any]] = []
    for run in runs.runs_of(study):
        again = f"Do the run again: 'python -m training retry {study.id} {run.id} --anew'."
        result = files.read_json(run.result_path, again) if run.kind == "finetune" else None
        if result:
            key = {
                "arm": run.arm,
                "seed": run.seed,
                "fold": run.fold,
                "baseline_age_years": result["baseline_age_years"],
                "trained_on": result.get("training_subjects", 0),
            }
            rows += [key | row for row in result["predictions"]]
    table = pd.DataFrame(rows)
    scans = _scans(workspace, study, table)
    return from_long(study.arms, study.seeds, scans, table)


def from_long(
    arms: Sequence[Arm], seeds: Sequence[int], scans: pd.DataFrame, table: pd.DataFrame
) -> Predictions:
    """Build predictions from a long table.

    Parameters
    ----------
    arms : sequence of Arm
        The trained arms.
    seeds : sequence of int
        The seeds.
    scans : pandas.DataFrame
        At least ``scan_id subject_id fold age_years``; further :data:`SCAN_COLUMNS` are made up as unknown.
    table : pandas.DataFrame
        ``arm seed scan_id predicted_age_years baseline_age_years``, a row a prediction; ``trained_on``
        (number of people) where known: where arms differ in it, the baseline is of those that learned from
        most.
    """
    scans = scans.reindex(columns=list(SCAN_COLUMNS))
    scans = scans.sort_values(["subject_id", "scan_id"], ignore_index=True)
    table = table.reindex(columns=list(_LONG))
    by_scan = np.full((len(arms) + 1, len(seeds), len(scans)), np.nan)
    arm = pd.Index([a.name for a in arms]).get_indexer(table["arm"])
    seed = pd.Index(seeds).get_indexer(table["seed"])
    scan = pd.Index(scans["scan_id"]).get_indexer(table["scan_id"])
    known = (arm >= 0) & (seed >= 0) & (scan >= 0)
    predicted = table["predicted_age_years"].to_numpy(dtype=float)
    by_scan[arm[known], seed[known], scan[known]] = predicted[known]
    order = table["trained_on"].fillna(0).to_numpy(dtype=float)[known].argsort(kind="stable")
    baseline = table["baseline_age_years"].to_numpy(dtype=float)[known][order]
    by_scan[-1][:, scan[known][order]] = baseline  # the last one written is of the most people
    return assemble(tuple(arms), tuple(seeds), scans, by_scan)


def assemble(
    arms: tuple[Arm, ...], seeds: tuple[int, ...], scans: pd.DataFrame, by_scan: NDArray[np.float64]
) -> Predictions:
    """Average each person's scans; ``scans`` are ordered by ``subject_id``."""
    subject = scans["subject_id"].to_numpy()
    first = np.r_[True, subject[1:] != subject[:-1]][: len(subject)]
    starts = np.flatnonzero(first)
    counts = np.diff(np.r_[starts, len(subject)]).astype(int)
    people = scans.groupby("subject_id", as_index=False, sort=True).agg(
        age_years=("age_years", "mean"), fold=("fold", "first"), scans=("scan_id", "size")
    )
    if len(subject):
        averaged = np.add.reduceat(by_scan, starts, axis=2) / counts
    else:
        averaged = np.empty((*by_scan.shape[:2], 0))
    return Predictions(arms, seeds, scans, by_scan, people, averaged, (len(seeds),) * len(arms))


def joined(parts: dict[str, Predictions]) -> Predictions:
    """Put the arms of several studies beside each other; an arm is then called ``STUDY · ARM``.

    Parameters
    ----------
    parts : dict of str to Predictions
        By the study's name as it is shown. All have the same people in the same folds, see
        :func:`training.results.study_sets.why_not`; the baseline is of the first.
    """
    first = next(iter(parts.values()))
    depth = max(len(part.seeds) for part in parts.values())
    arms: list[Arm] = []
    arrays: list[NDArray[np.float64]] = []
    for name, part in parts.items():
        arms += [
            replace(
                arm,
                name=f"{name} · {arm.name}",
                label=f"{arm.label} ({name})",
                matches=f"{name} · {arm.matches}" if arm.matches else None,
            )
            for arm in part.arms
        ]
        padding = ((0, 0), (0, depth - len(part.seeds)), (0, 0))
        arrays.append(np.pad(part.by_scan[:-1], padding, constant_values=np.nan))
    baseline = np.repeat(first.by_scan[-1:, :1], depth, axis=1)
    together = assemble(
        tuple(arms), tuple(range(depth)), first.scans, np.concatenate([*arrays, baseline])
    )
    planned = tuple(seeds for part in parts.values() for seeds in part.planned)
    return replace(together, planned=planned)


def _scans(workspace: Workspace, study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Return the target scans of a study with their attributes; those with predictions always."""
    target = study.scans().query("role == 'target'")
    sex = _sex(workspace, study)
    target = target.assign(sex=target["scan_id"].map(sex), site=sites_of(target))
    if table.empty:
        return target
    columns = ["scan_id", "subject_id", "fold", "age_years"]
    unknown = table.loc[~table["scan_id"].isin(target["scan_id"]), columns]
    return pd.concat([target, unknown.drop_duplicates("scan_id")], ignore_index=True)


def _sex(workspace: Workspace, study: Study) -> dict[str, str]:
    """Return the sex by scan, from the frozen target; of a cohort that is gone or changed, nothing."""
    try:
        scans = frozen_cohort.load(workspace, study.target_id).scans
    except CohortError:
        return {}
    known = scans["sex"].dropna().str.upper().str[:1]
    return dict(zip(scans.loc[known.index, "scan_id"], known, strict=True))
