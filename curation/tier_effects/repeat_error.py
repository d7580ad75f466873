"""Error of a score by repetition: by how much it differs when the same head is measured again.

Where a workspace holds several scans of a person (sessions or runs of one kind), their scores tell it: the
within-person standard deviation ``s = sqrt(SS_within / (scans - people))``, and of two measurements 95 in
100 differ by less than ``1.96 sqrt(2) s``, the repeatability (Bland and Altman 1996,
doi:10.1136/bmj.313.7059.744). Elsewhere real scans stand in that were measured as they are and with what must
not matter (``assets/references/repeated-cases.csv``, made by ``python -m tests.benchmarks.repeats --write``).
These lack what differs between two visits; a workspace's own repeats have it.

This is the error of the number. How far raters differ is told apart, by
:mod:`curation.tier_effects.cutoff_stability`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from curation.scoring import distortion_score
from curation.scoring.score_reference import Reference
from curation.tier_effects.tier_balance import Floats

CASES_PATH = Path(__file__).parents[2] / "assets" / "references" / "repeated-cases.csv"
AS_IT_IS = "as it is"
#: Fewer people with two scans or more do not tell an error.
ENOUGH_PEOPLE = 10
_SCORE = "distortion_score"


@dataclass(frozen=True)
class RepeatError:
    """By how much a number differs when it is measured again.

    Parameters
    ----------
    points : float
        95 in 100 repeats differ by less; in the unit of the number; NaN where nothing tells it.
    people : int
        How many people with repeats tell it; 0 where changed copies of other scans stand in.
    reason : str
        Where it comes from, a sentence.
    """

    points: float
    people: int
    reason: str


def repeatability(people: Sequence[object], values: Sequence[float] | Floats) -> tuple[float, int]:
    """Return by how much two measurements of a person differ at most in 95 of 100, and of how many people.

    Parameters
    ----------
    people : sequence, shape (N,)
        Of whom each value is; those with one value do not count.
    values : array-like, shape (N,)
        NaN are left out.

    Returns
    -------
    points : float
        ``1.96 sqrt(2)`` within-person standard deviations; NaN without repeats.
    number : int
        People with two values or more.
    """
    table = pd.DataFrame({"person": people, "value": np.asarray(values, dtype=np.float64)}).dropna()
    groups = table.groupby("person")["value"]
    table = table[groups.transform("size") > 1]
    number = int(table["person"].nunique())
    if not number:
        return float("nan"), 0
    apart = table["value"] - table.groupby("person")["value"].transform("mean")
    within = float((apart**2).sum()) / (len(table) - number)
    return float(1.96 * np.sqrt(2 * within)), number


def of_changed_copies(column: str, reference: Reference | None = None) -> float:
    """Return the 95th percentile of how far a number moves with what must not matter.

    Parameters
    ----------
    column : str
        A metric, or ``distortion_score``.
    reference : Reference, optional
        That makes the score; the built-in one by default.

    Returns
    -------
    float
        In the unit of the number; NaN for a number that is no metric and no score.
    """
    cases = _cases()
    if column == _SCORE:
        of_scan = distortion_score.score(cases, reference)[_SCORE]
    elif column in cases:
        of_scan = cases[column]
    else:
        return float("nan")
    before = of_scan[cases["change"] == AS_IT_IS].set_axis(
        cases.loc[cases["change"] == AS_IT_IS, "scan"]
    )
    changed = cases["change"] != AS_IT_IS
    apart = (of_scan - cases["scan"].map(before))[changed].abs().dropna()
    return float(np.percentile(apart, 95)) if len(apart) else float("nan")


@lru_cache(maxsize=1)
def _cases() -> pd.DataFrame:
    """Return the metrics of real scans as they are and changed; ``scan`` and ``change`` name them."""
    cases = pd.read_csv(CASES_PATH).copy()  # as it is read, each of its hundred columns lies alone
    return cases.assign(scan_id=cases["scan"] + " " + cases["change"], sha256="")


def of_number(
    column: str,
    people: Sequence[object],
    values: Sequence[float] | Floats,
    reference: Reference | None = None,
) -> RepeatError:
    """Return the error of a number by repetition, and where it comes from.

    Parameters
    ----------
    column : str
        Its column.
    people, values
        Of the scans of a workspace, see :func:`repeatability`: of one kind of image.
    reference : Reference, optional
        That made the score.
    """
    points, number = repeatability(people, values)
    if number >= ENOUGH_PEOPLE:
        return RepeatError(points, number, f"From {number:,} people with two scans or more.")
    points = of_changed_copies(column, reference)
    if np.isnan(points):
        return RepeatError(
            points, 0, f"Fewer than {ENOUGH_PEOPLE} people have two scans here: it is not known."
        )
    scans = _cases()["scan"].nunique()
    return RepeatError(
        points,
        0,
        f"Fewer than {ENOUGH_PEOPLE} people have two scans here, so {scans} real scans stand in, measured "
        "as they are and moved by part of a voxel, turned by a degree, or stored otherwise. Two visits "
        "differ by more.",
    )
