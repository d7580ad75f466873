"""Difference of two cohorts, or of a cohort and today: who entered, who left, who moved, and why."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.cohorts import cohort_draft
from curation.cohorts.cohort_draft import CohortDraft
from curation.cohorts.frozen_cohort import Cohort, CohortHeader
from curation.errors import CohortError
from curation.storage import tables, tag_columns
from curation.storage.workspace import Workspace
from curation.tiers import assignment, rule_versions
from curation.tiers.tier_rule import TierRule
from curation.wording import plural

#: Why a scan is elsewhere -> in words.
CAUSES: dict[str, str] = {
    "gone": "no longer in the workspace",
    "unusable": "cannot be used any more",
    "new": "listed or scored since",
    "file": "its file has other content",
    "override": "a tier by hand",
    "tag": "a tag",
    "rule": "the rule",
    "score": "its score or metric",
    "reference": "scored by another reference",
    "drawn": "drawn at random",
    "other": "not told by the lists",
}
ENTERED, LEFT, MOVED = "entered", "left", "moved"
#: Numbers of a list are written with six digits.
_SAME = 2e-5


@dataclass(frozen=True)
class CohortDiff:
    """What differs between two lists of scans.

    Parameters
    ----------
    before, after : str
        What they are called.
    scans : pandas.DataFrame
        One row a scan that is elsewhere: ``scan_id``, ``change`` (entered, left, moved), ``tier_before``,
        ``tier_after``, ``cause`` (a key of :data:`CAUSES`), ``value_before`` and ``value_after`` of the
        column that the later rule cuts.
    same : int
        Scans of the same tier in both.
    """

    before: str
    after: str
    scans: pd.DataFrame = field(repr=False)
    same: int

    def counts(self) -> dict[str, int]:
        """Return how many scans entered, left and moved."""
        return {name: int((self.scans["change"] == name).sum()) for name in (ENTERED, LEFT, MOVED)}

    def by_cause(self) -> dict[str, dict[str, int]]:
        """Return the same for each cause that occurs, the most frequent first."""
        table = pd.crosstab(self.scans["cause"], self.scans["change"])
        table = table.reindex(columns=[ENTERED, LEFT, MOVED], fill_value=0)
        order = table.sum(axis=1).sort_values(ascending=False, kind="stable").index
        return {
            str(cause): {str(k): int(v) for k, v in table.loc[cause].items()} for cause in order
        }

    def in_words(self) -> pd.DataFrame:
        """Return the scans with their causes in words, for tables and files."""
        return self.scans.assign(cause=self.scans["cause"].map(CAUSES))

    def sentence(self) -> str:
        """Return the difference in a sentence."""
        if self.scans.empty:
            same = plural(self.same, "scan")
            return f"{self.before} and {self.after} hold the same {same} in the same tiers."
        entered, left, moved = self.counts().values()
        return (
            f"From {self.before} to {self.after}: {plural(entered, 'scan')} entered, {left:,} left, "
            f"{plural(moved, 'has', 'have')} another tier, {plural(self.same, 'is', 'are')} unchanged."
        )


def compare(
    workspace: Workspace, before: Cohort, after: Cohort | CohortDraft, called: str | None = None
) -> CohortDiff:
    """Compare two lists of scans of one role.

    Parameters
    ----------
    workspace : Workspace
        Tells which scans are there, and which can be used.
    before : Cohort
        A frozen cohort.
    after : Cohort or CohortDraft
        Another one, or what a rule makes today, see :func:`curation.cohorts.cohort_draft.draft_cohort`.
    called : str, optional
        What ``after`` is called; by its id, or ``today``.

    Raises
    ------
    CohortError
        When one is of the pool and the other of the target.
    """
    if before.role != after.role:
        raise CohortError(
            f"{before.id} is a {before.role}, the other a {after.role}: their scans have nothing in common. "
            "Compare two of one role."
        )
    name = called or (after.id if isinstance(after, Cohort) else "today")
    old, new = (each.scans.set_index("scan_id") for each in (before, after))
    both = old.index.intersection(new.index)
    moved = both[(old.loc[both, "tier"] != new.loc[both, "tier"]).to_numpy()]
    drawn = any(getattr(each, "drawn", None) for each in (before, after))
    listed = tables.read_scans(workspace).set_index("scan_id")
    entered, left = new.index.difference(old.index), old.index.difference(new.index)
    rows = [_row(scan, ENTERED, old, new, after.rule) for scan in entered]
    rows += [_row(scan, LEFT, old, new, after.rule) for scan in left]
    rows += [_row(scan, MOVED, old, new, after.rule) for scan in moved]
    causes = {
        **_of_members(entered, before, after, drawn=drawn),
        **_of_leavers(left, listed, before, after, drawn=drawn),
        **_of_moved(old.loc[moved], new.loc[moved], before, after),
    }
    table = pd.DataFrame(rows, columns=_COLUMNS)
    table.insert(4, "cause", table["scan_id"].map(causes).astype("str"))
    return CohortDiff(before.id, name, table, len(both) - len(moved))


_COLUMNS = ["scan_id", "change", "tier_before", "tier_after", "value_before", "value_after"]


def _row(
    scan: str, change: str, old: pd.DataFrame, new: pd.DataFrame, rule: TierRule
) -> tuple[object, ...]:
    def told(table: pd.DataFrame, column: str) -> Any:
        return table.at[scan, column] if scan in table.index and column in table else None

    tiers = (told(old, "tier"), told(new, "tier"))
    return (scan, change, *tiers, told(old, rule.column), told(new, rule.column))


# ---- why ---------------------------------------------------------------------------------------------


def _of_members(
    scans: pd.Index, before: Cohort, after: Cohort | CohortDraft, *, drawn: bool
) -> dict[str, str]:
    """Return why scans are in the later list and not in the earlier one."""
    other = _looks_elsewhere(before, after)
    return dict.fromkeys(scans, "drawn" if drawn else "rule" if other else "new")


def _looks_elsewhere(before: Cohort, after: Cohort | CohortDraft) -> bool:
    """Return whether two lists look at other columns, other kinds of scans or other sources."""
    columns = before.rule.columns != after.rule.columns
    return columns or (before.images_only, before.sources) != (after.images_only, after.sources)


def _of_leavers(
    scans: pd.Index,
    listed: pd.DataFrame,
    before: Cohort,
    after: Cohort | CohortDraft,
    *,
    drawn: bool,
) -> dict[str, str]:
    """Return why scans are in the earlier list and not in the later one."""
    causes = {}
    for scan in scans:
        status = listed["status"].get(scan)
        if status is None:
            causes[scan] = "gone"
        elif status not in tables.SCORABLE:
            causes[scan] = "unusable"
        elif drawn:
            causes[scan] = "drawn"
        elif _looks_elsewhere(before, after):
            causes[scan] = "rule"  # it looks at what this scan has no value of
        else:
            causes[scan] = "score"
    return causes


def _of_moved(
    old: pd.DataFrame, new: pd.DataFrame, before: Cohort, after: Cohort | CohortDraft
) -> dict[str, str]:
    """Return why scans have another tier, by what alone would have led to it."""
    if old.empty:
        return {}
    file = (old["sha256"] != new["sha256"]).to_numpy()
    hand = (_by_rule(old, before.rule) != old["tier"].to_numpy()) | (
        _by_rule(new, after.rule) != new["tier"].to_numpy()
    )
    now = new["tier"].to_numpy()
    by_rule = _by_rule(old, after.rule) == now  # the later rule on what was measured then
    values = np.zeros(len(old), bool)
    for column in before.rule.columns:
        values |= _differs(old, new, column)
    known = _of_reference(before, after) or "score"
    cause = np.where(by_rule & (before.rule != after.rule), "rule", "other").astype(object)
    tagged = np.zeros(len(old), bool)
    for column in (name for name in after.rule.columns if tag_columns.tag_of(name) is not None):
        tagged |= (column in old) & _differs(old, new, column)
    cause[(cause == "other") & tagged] = "tag"
    cause[(cause == "other") & values] = known
    cause[(cause == "other") & (before.rule != after.rule)] = "rule"
    cause[hand] = "override"
    cause[file] = "file"
    return dict(zip(old.index, cause, strict=True))


def _by_rule(scans: pd.DataFrame, rule: TierRule) -> NDArray[np.object_]:
    """Return the tiers by a rule alone, of the values that a list holds; none where it lacks a column."""
    missing = {name: np.nan for name in rule.columns if name not in scans}
    table = scans.assign(**missing).reset_index()
    codes = assignment.assign_codes(assignment.prepare(table, rule.columns), rule)
    return assignment.names(codes, rule)


def _differs(old: pd.DataFrame, new: pd.DataFrame, column: str) -> NDArray[np.bool_]:
    if column not in old or column not in new:
        return np.ones(len(old), bool)
    one, other = (table[column].to_numpy(np.float64) for table in (old, new))
    return ~np.isclose(one, other, rtol=_SAME, atol=1e-9, equal_nan=True)


def _of_reference(before: Cohort, after: Cohort | CohortDraft) -> str | None:
    return "reference" if before.reference != after.reference else None


# ---- today -----------------------------------------------------------------------------------------------


def today(workspace: Workspace, cohort: CohortHeader, rule: TierRule) -> CohortDraft:
    """Return what a rule makes today of the scans that a cohort was frozen from."""
    return cohort_draft.draft_cohort(
        workspace,
        cohort.role,
        rule,
        images_only=cohort.images_only,
        sources=cohort.sources,
    )


# ---- pool and target -----------------------------------------------------------------------------------


def letters_differ(pool: CohortHeader, target: CohortHeader, *, names: bool = True) -> str:
    """Say how the tiers of a pool and a target were made otherwise; empty where they were made alike.

    Parameters
    ----------
    pool, target : CohortHeader
        Both frozen. What an earlier version did not note is taken to be alike.
    names : bool
        Whether tags and joined tables that a rule looks at are named.
    """
    told = [rule_versions.rule_difference(pool.rule, target.rule, names=names)]
    if pool.reference and target.reference and pool.reference != target.reference:
        told.append(
            f"The pool was judged by the reference {pool.reference}, the target by {target.reference}, so "
            "the same letter may not be the same quality in both."
        )
    return " ".join(filter(None, told))
