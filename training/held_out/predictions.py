"""Held-out predictions of finished fine-tunings, as one array: arms × seeds × people.

Everything that is said of a study's errors is computed from here, so that no two places can disagree. Names
of columns are those of age, the outcome of most studies; of another outcome they hold its values in its unit.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.arms.study_arms import Arm
from training.held_out.partitions import Partition, finished_runs, places_of
from training.judging import judged_scans
from training.judging.measures import LOSSES
from training.judging.outcome import AGE, Outcome

BASELINE = "predict-the-mean"

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
    "true_value",
)
_LONG = (
    "arm",
    "seed",
    "fold",
    "scan_id",
    "predicted_age_years",
    "baseline_age_years",
    "trained_on",
    "partition",
)


@dataclass(frozen=True)
class Predictions:
    """Held-out predictions, a person's scans averaged; the last arm predicts the mean.

    Parameters
    ----------
    arms : tuple of Arm
        The trained arms, of which some may have no prediction yet.
    seeds : tuple of int
        In order.
    scans : pandas.DataFrame, M rows
        :data:`SCAN_COLUMNS`, ordered by ``subject_id``; ages in years, the score from 0 (pristine) to 100,
        ``true_value`` of the outcome.
    by_scan : array of shape (arms + 1, seeds, M)
        Predicted age in years, or value of another outcome (of two values: the probability of the positive
        one); NaN where there is none. The last arm is the mean of the people that the fold's models were
        trained on.
    people : pandas.DataFrame, N rows
        ``subject_id, age_years, true_value, fold, scans``.
    predicted_years : array of shape (arms + 1, seeds, N)
        ``by_scan``, averaged over each person's scans.
    planned : tuple of int
        With how many seeds each trained arm was planned.
    narrowed : bool
        Whether a filter left out seeds or folds.
    outcome : Outcome
        What is predicted.
    further : tuple of Partition
        Predictions of further partitions of the same people; ``by_scan`` are those of the first.
    """

    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    scans: pd.DataFrame
    by_scan: NDArray[np.float64]
    people: pd.DataFrame
    predicted_years: NDArray[np.float64]
    planned: tuple[int, ...]
    narrowed: bool = False
    outcome: Outcome = AGE
    further: tuple[Partition, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arms in the order of the arrays: the trained ones, then :data:`BASELINE`."""
        return (*(arm.name for arm in self.arms), BASELINE)

    @property
    def labels(self) -> dict[str, str]:
        """The arms' names in words."""
        return {arm.name: arm.label for arm in self.arms} | {BASELINE: self.outcome.no_model_label}

    @property
    def ages(self) -> NDArray[np.float64]:
        """True ages of the people, years, shape (N,)."""
        return self.people["age_years"].to_numpy()

    @property
    def truth(self) -> NDArray[np.float64]:
        """True values of the outcome, shape (N,): years of age, a number, or 0 and 1."""
        return self.people["true_value"].to_numpy(dtype=float)

    @property
    def errors_years(self) -> NDArray[np.float64]:
        """Absolute errors in the first partition, shape (arms + 1, seeds, N)."""
        return np.abs(self.predicted_years - self.truth)

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """Predictions of every partition, the first first."""
        folds = (self.scans["fold"].to_numpy(), self.people["fold"].to_numpy())
        return (Partition(self.by_scan, self.predicted_years, *folds), *self.further)

    def complete_partitions(
        self, arms: Sequence[int], seeds: NDArray[np.intp], people: NDArray[np.intp]
    ) -> list[Partition]:
        """Return the partitions without a gap in some arms, seeds and people; the first always."""
        chosen = places_of(arms, seeds, people)
        return [
            part
            for place, part in enumerate(self.partitions)
            if not place or np.isfinite(part.by_person[chosen]).all()
        ]

    def losses(
        self, arms: Sequence[int], seeds: NDArray[np.intp], people: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Return what single people add to the loss that arms are judged by.

        Parameters
        ----------
        arms : sequence of int
            Places of arms.
        seeds, people : arrays of int
            Places of seeds and people, of whom no prediction is missing.

        Returns
        -------
        array of shape (arms, seeds, people)
            Absolute errors, or pseudo-values of 1 − AUC, see :mod:`training.judging.measures`; averaged over
            the partitions that are complete.
        """
        loss, chosen = LOSSES[self.outcome.kind], places_of(arms, seeds, people)
        parts = self.complete_partitions(arms, seeds, people)
        tables = [
            loss(part.by_person[chosen], self.truth[people], part.fold[people]) for part in parts
        ]
        return np.mean(tables, axis=0)

    @property
    def there(self) -> tuple[str, ...]:
        """Names of the arms with a prediction in the first partition, on which every figure rests.

        Of an external cohort that is the model of the first fold: until it is there, so is no figure.
        """
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
        return sum(finished_runs(part, self.at(name)) for part in self.partitions)

    def finished(self, name: str) -> bool:
        """Tell whether every run of an arm is finished; predicting the mean has none of its own."""
        if name == BASELINE:
            return True
        folds = sum(len(np.unique(part.scan_fold)) for part in self.partitions)
        return self.finished_runs(name) == self.planned[self.at(name)] * folds

    def only(
        self,
        *,
        arms: Collection[str] | None = None,
        seeds: Collection[int] | None = None,
        folds: Collection[int] | None = None,
    ) -> "Predictions":
        """Return the predictions that pass a filter; ``None`` passes all, as does predicting the mean.

        Where folds are left out, what is left is of the first partition.
        """
        kept_arms = [i for i, a in enumerate(self.arms) if arms is None or a.name in arms]
        kept_seeds = [i for i, seed in enumerate(self.seeds) if seeds is None or seed in seeds]
        kept = np.ones(len(self.scans), bool)
        if folds is not None and not self._every_fold <= set(folds):
            kept = self.scans["fold"].isin(folds).to_numpy()
        parts = self.partitions if kept.all() else self.partitions[:1]
        by_scan, *further = (
            (part.by_scan[[*kept_arms, len(self.arms)]][:, kept_seeds][:, :, kept], part.scan_fold)
            for part in parts
        )
        fewer = len(kept_seeds) < len(self.seeds) or not kept.all()
        left = assemble(
            tuple(self.arms[i] for i in kept_arms),
            tuple(self.seeds[i] for i in kept_seeds),
            self.scans[kept].reset_index(drop=True),
            by_scan[0],
            further,
            self.outcome,
        )
        planned = tuple(min(self.planned[i], len(kept_seeds)) for i in kept_arms)
        return replace(left, planned=planned, narrowed=self.narrowed or fewer)

    def of_scans(self, kept: NDArray[np.bool_]) -> "Predictions":
        """Return the predictions of some scans: a person with one left stays, with the mean of those."""
        first, *further = (
            (part.by_scan[:, :, kept], part.scan_fold[kept]) for part in self.partitions
        )
        scans = self.scans[kept].reset_index(drop=True)
        left = assemble(self.arms, self.seeds, scans, first[0], further, self.outcome)
        return replace(left, planned=self.planned, narrowed=self.narrowed)

    @property
    def _every_fold(self) -> set[int]:
        return {int(fold) for part in self.partitions for fold in np.unique(part.scan_fold)}


def from_long(
    arms: Sequence[Arm],
    seeds: Sequence[int],
    scans: pd.DataFrame,
    table: pd.DataFrame,
    outcome: Outcome = AGE,
) -> Predictions:
    """Build predictions from a long table.

    Parameters
    ----------
    arms : sequence of Arm
        The trained arms.
    seeds : sequence of int
        The seeds.
    scans : pandas.DataFrame
        At least ``scan_id subject_id fold age_years``; further :data:`SCAN_COLUMNS` are made up as unknown,
        the true value as the age. Folds of further partitions as ``fold_1`` and so on.
    table : pandas.DataFrame
        ``arm seed scan_id predicted_age_years baseline_age_years``, a row a prediction; ``trained_on``
        (number of people) where known: where arms differ in it, the baseline is of those that learned from
        most; ``partition``, counted from 0, where there are several.
    outcome : Outcome
        What was predicted.
    """
    scans = scans.sort_values(["subject_id", "scan_id"], ignore_index=True)
    folds = [scans[name].to_numpy() for name in judged_scans.partitions(scans)]
    scans = scans.reindex(columns=list(SCAN_COLUMNS))
    scans = scans.assign(true_value=scans["true_value"].fillna(scans["age_years"]))
    table = table.reindex(columns=list(_LONG)).fillna({"partition": 0})
    first, *further = (
        (_array(arms, seeds, scans, table[table["partition"] == place]), fold)
        for place, fold in enumerate(folds)
    )
    return assemble(tuple(arms), tuple(seeds), scans, first[0], further, outcome)


def _array(
    arms: Sequence[Arm], seeds: Sequence[int], scans: pd.DataFrame, table: pd.DataFrame
) -> NDArray[np.float64]:
    """Return the predictions of a long table of one partition, (arms + 1, seeds, scans)."""
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
    return by_scan


def assemble(
    arms: tuple[Arm, ...],
    seeds: tuple[int, ...],
    scans: pd.DataFrame,
    by_scan: NDArray[np.float64],
    further: Sequence[tuple[NDArray[np.float64], NDArray[np.int64]]] = (),
    outcome: Outcome = AGE,
) -> Predictions:
    """Average each person's scans; ``scans`` are ordered by ``subject_id``.

    ``further`` are predictions by scan of further partitions, each with its fold of each scan.
    """
    subject = scans["subject_id"].to_numpy()
    first = np.r_[True, subject[1:] != subject[:-1]][: len(subject)]
    starts = np.flatnonzero(first)
    counts = np.diff(np.r_[starts, len(subject)]).astype(int)
    people = scans.groupby("subject_id", as_index=False, sort=True).agg(
        age_years=("age_years", "mean"),
        true_value=("true_value", "mean"),
        fold=("fold", "first"),
        scans=("scan_id", "size"),
    )

    def averaged(values: NDArray[np.float64]) -> NDArray[np.float64]:
        if not len(subject):
            return np.empty((*values.shape[:2], 0))
        return np.add.reduceat(values, starts, axis=2) / counts

    return Predictions(
        arms,
        seeds,
        scans,
        by_scan,
        people,
        averaged(by_scan),
        (len(seeds),) * len(arms),
        outcome=outcome,
        further=tuple(
            Partition(values, averaged(values), fold, fold[starts]) for values, fold in further
        ),
    )
