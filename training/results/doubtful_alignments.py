"""Results with and without scans whose alignment to the template is in doubt: an exploratory check."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.wording import number, plural
from training.held_out.predictions import BASELINE, Predictions
from training.judging.outcome import AGE
from training.results import study_summary
from training.studies.planned_study import Study

SIMILARITY = "template_similarity"
#: Mutual information with the template (nats) below which an alignment is in doubt. Of 148 scans of whole and
#: stripped heads and changed copies of them the least had 0.39; 8 of these, moved by 12 mm in any direction,
#: had 0.26 at most, and turned by 20° about any axis 0.31.
DOUBTFUL_NATS = 0.35
COLUMNS = (
    "arm",
    "label",
    "reference",
    "people",
    "people_without",
    "age_mae_years",
    "age_mae_years_without",
    "difference_years",
    "ci_low",
    "ci_high",
    "difference_years_without",
    "ci_low_without",
    "ci_high_without",
)
#: The label of all that is computed here.
EXPLORATORY = "Exploratory: a sensitivity analysis, without verdicts."
RULE = (
    f"An alignment is in doubt where scan and template share less than {DOUBTFUL_NATS:g} nats of information "
    "(column template_similarity)."
)


@dataclass(frozen=True)
class DoubtfulAlignments:
    """Scans of a study whose alignment is in doubt.

    Parameters
    ----------
    target : frozenset of str
        ``scan_id`` of those of the target.
    pool, scans, unknown : int
        How many of the pool are in doubt; scans of the study in all, and those whose similarity is not
        known, since they were scored by an earlier version or their file has changed.
    """

    target: frozenset[str]
    pool: int
    scans: int
    unknown: int

    @property
    def words(self) -> str:
        """What was found, in sentences."""
        known = self.scans - self.unknown
        if not known:
            return "How well scans are aligned was not measured: score them again."
        left = f" Of {plural(self.unknown, 'scan')} it is not known." if self.unknown else ""
        if not self.target and not self.pool:
            return f"No alignment of {plural(known, 'scan')} is in doubt.{left}"
        return (
            f"In doubt: {plural(len(self.target), 'scan')} of the target and {self.pool:,} of the pool, of "
            f"{known:,}.{left}"
        )


def find(workspace: Workspace, study: Study) -> DoubtfulAlignments:
    """Return the scans of a study whose alignment is in doubt, by :data:`DOUBTFUL_NATS`."""
    scans = tables.with_metrics(workspace, study.scans(), (SIMILARITY,))
    doubtful = scans[scans[SIMILARITY] < DOUBTFUL_NATS]
    return DoubtfulAlignments(
        frozenset(doubtful.loc[doubtful["role"] == "target", "scan_id"]),
        int((doubtful["role"] == "pool").sum()),
        len(scans),
        int(scans[SIMILARITY].isna().sum()),
    )


def compare(
    held_out: Predictions, scan_ids: Collection[str], reference: str | None
) -> pd.DataFrame:
    """Return error and difference of each arm with and without some scans of the target.

    Models are the same: these scans were learned from in the folds that did not hold them out, and in
    pretraining.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.
    scan_ids : collection of str
        The scans that are left out.
    reference : str or None
        The arm that the others are compared with.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`, a row an arm, as they are shown: errors or AUCs, and differences to the reference
        with 95 % intervals, in the unit of the outcome. NaN where fewer than two people are left.
    """
    left = held_out.of_scans(~held_out.scans["scan_id"].isin(scan_ids).to_numpy())
    rows = []
    for name in held_out.there:
        whole, fewer = (_figures(each, name, reference) for each in (held_out, left))
        rows.append(
            {"arm": name, "label": held_out.labels[name], "reference": reference or ""}
            | whole
            | {f"{key}_without": value for key, value in fewer.items()}
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def difference_in_words(
    row: pd.Series, which: Literal["", "_without"], digits: int = AGE.digits
) -> str:
    """Return a difference of a row of :func:`compare` with its interval; a dash for none."""
    mean, low, high = (row[f"{name}{which}"] for name in ("difference_years", "ci_low", "ci_high"))
    if np.isnan(mean):
        return number(None)
    return f"{number(mean, digits)} ({number(low, digits)} to {number(high, digits)})"


def _figures(held_out: Predictions, name: str, reference: str | None) -> dict[str, float]:
    keys = ("people", "age_mae_years", "difference_years", "ci_low", "ci_high")
    if name not in held_out.there or len(held_out.people) < 2:
        return dict.fromkeys(keys, np.nan) | {"people": len(held_out.people)}
    own, turned = study_summary.estimate(held_out, name)[0], held_out.outcome.higher_is_better
    found = {"people": own.people, "age_mae_years": 1 - own.mean if turned else own.mean}
    if reference is None or name in (reference, BASELINE) or reference not in held_out.there:
        return dict.fromkeys(keys, np.nan) | found
    difference = study_summary.compare(held_out, name, reference).estimate
    low, mean, high = difference.low, difference.mean, difference.high
    if turned:
        low, mean, high = -high, -mean, -low
    return found | {"difference_years": mean, "ci_low": low, "ci_high": high}
