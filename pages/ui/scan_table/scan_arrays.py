"""Scans of one role as arrays, prepared once, so that a moved cut-off costs milliseconds.

Texts become codes when the tables change, never when a line moves. Whatever depends on the rule comes from
:mod:`curation.tiers.assignment`, as everywhere.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from curation.decisions import scan_tags
from curation.metrics.registry import FAMILIES
from curation.storage import tables, tag_columns
from curation.storage.workspace import Role, Workspace
from curation.tier_effects.tier_images import UPPER_END
from curation.tiers import assignment, rule_columns
from curation.tiers.assignment import Codes, ScanArrays
from curation.tiers.rule_columns import SCORE, RuleColumn
from curation.tiers.rule_warnings import FEW_SCANS
from curation.tiers.tier_rule import TierRule
from pages.ui.scan_table.cutoff_axis import Axis, Bins, Lines, binned, round_step
from pages.ui.shell import cache

UNKNOWN = "not known"
_AT_HAND = (SCORE, *FAMILIES)
_STEPS = 200


@dataclass(frozen=True)
class ScanTable:
    """The usable scans of one role.

    Parameters
    ----------
    workspace : Workspace
        Where they are.
    scans : pandas.DataFrame, N rows
        Shared, and never written into.
    key : tuple
        What the rows were read from: others are made of other files.
    """

    workspace: Workspace
    scans: pd.DataFrame
    key: tuple[Hashable, ...]

    @cached_property
    def scores(self) -> ScanArrays:
        """Distortion score and sub-scores."""
        return assignment.prepare(self.scans, [name for name in _AT_HAND if name in self.scans])

    @cached_property
    def _sites(self) -> tuple[NDArray[np.integer[Any]], tuple[str, ...]]:
        codes, names = self.scores.site_codes, self.scores.sites
        if (codes < 0).any():
            return np.where(codes < 0, len(names), codes), (*names, UNKNOWN)
        return codes, names

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the sites; ``not known`` last if some scans have none."""
        return self._sites[1]

    @property
    def site_codes(self) -> NDArray[np.integer[Any]]:
        """Position of each scan's site in :attr:`sites`, shape (N,)."""
        return self._sites[0]

    def arrays(self, columns: Iterable[str]) -> ScanArrays:
        """Return the scores and some more columns; metrics are read when they are first asked for."""
        more = {name: self.values(name) for name in columns if name not in self.scores.values}
        return replace(self.scores, values={**self.scores.values, **more}) if more else self.scores

    def values(self, column: str) -> NDArray[np.float64]:
        """Return one column, shape (N,); NaN where it was not measured."""
        if column in self.scores.values:
            return self.scores.values[column]
        if (tag := tag_columns.tag_of(column)) is not None:
            return scan_tags.values(cache.tags(self.workspace), tag, self.scores.scan_ids)
        if column in self.scans:
            return self.scans[column].to_numpy(dtype=np.float64)
        return _metric(self, self.key, column, cache.stamp(self.workspace.metrics_dir))

    def upper_ends(self, column: str) -> NDArray[np.float64]:
        """Return how high each value of a column may be, shape (N,); NaN but for the distortion score."""
        if column == SCORE and UPPER_END in self.scans:
            return self.values(UPPER_END)
        return np.full(len(self.scans), np.nan)

    def axis(self, column: str) -> Axis:
        """Return the axis on which a column is cut."""
        return _axis(self, self.key, column, cache.stamp(self.workspace.metrics_dir))


@dataclass(frozen=True)
class SortedScans:
    """The scans of a scan table, sorted by a rule.

    Parameters
    ----------
    rule : TierRule
        The rule.
    codes : numpy.ndarray of int, shape (N,)
        Position of each scan's tier in ``rule.labels``.
    by_hand : numpy.ndarray of int
        Positions of the scans that have another tier by hand than by the rule.
    decided : numpy.ndarray of int
        Positions of all scans that have their tier by hand.
    """

    rule: TierRule
    codes: Codes
    by_hand: NDArray[np.intp]
    decided: NDArray[np.intp]

    @cached_property
    def counts(self) -> dict[str, int]:
        """Scans of each tier, best first; ``not scored`` last and only if any."""
        found = np.bincount(self.codes, minlength=len(self.rule.labels)).tolist()
        named = dict(zip(self.rule.labels, found, strict=True))
        return named if found[-1] else dict(list(named.items())[:-1])


def has_scores(workspace: Workspace, role: Role) -> bool:
    """Return whether a role has a scan with a score."""
    return bool(np.isfinite(read_scan_table(workspace, role).values(SCORE)).any())


def open_scan(
    scan_table: ScanTable, scan_id: str | None, column: str
) -> tuple[str, float, float] | None:
    """Return id, value and its upper end of the scan that is open, if it is among these and has one."""
    if scan_id is None or (place := int(scan_table.scores.scan_ids.get_indexer([scan_id])[0])) < 0:
        return None
    value = float(scan_table.values(column)[place])
    high = float(scan_table.upper_ends(column)[place])
    return (scan_id, value, high) if np.isfinite(value) else None


def read_scan_table(workspace: Workspace, role: Role) -> ScanTable:
    """Return the usable scans of a role, prepared."""
    return _read_table(workspace, role, tuple(map(cache.stamp, workspace.score_paths)))


def sort(scan_table: ScanTable, rule: TierRule, decisions: pd.DataFrame) -> SortedScans:
    """Sort the scans into tiers by a rule and by overrides, see :func:`curation.tiers.overrides.in_force`."""
    arrays = scan_table.arrays(rule.columns)
    codes = assignment.assign_codes(arrays, rule)
    codes, changed = assignment.with_decisions(codes, arrays, rule, decisions)
    decided = decisions.loc[decisions["tier"].isin(rule.tiers), "scan_id"]
    places = arrays.scan_ids.get_indexer(decided) if len(decided) else np.empty(0, dtype=np.intp)
    return SortedScans(rule, codes, changed, places[places >= 0])


def bins(scan_table: ScanTable, sorted_scans: SortedScans) -> tuple[Bins, NDArray[np.bool_]]:
    """Return the scans counted for the plot, and which of them do not follow the cut-offs, shape (N,).

    They stay the same while a line moves, and are kept.
    """
    rule, hands = sorted_scans.rule, sorted_scans.decided.tobytes()
    looks_at_tags = any(gate.tag is not None for gate in rule.gates)
    changed = (
        cache.stamp(scan_table.workspace.metrics_dir),
        scan_tags.newest(scan_table.workspace) if looks_at_tags else 0,
    )
    return _bins(scan_table, sorted_scans, scan_table.key, rule.column, rule.gates, hands, changed)


def lines(
    scan_table: ScanTable, sorted_scans: SortedScans, held: NDArray[np.bool_], site: str | None
) -> Lines:
    """Return where the lines stand: those of one site, or the common ones."""
    rule, size = sorted_scans.rule, len(sorted_scans.rule.labels)
    drawn = Lines(rule, sorted_scans.counts, {}, site)
    follow = np.array([drawn.follows(name) for name in scan_table.sites])
    stays = held if follow.all() else held | ~follow[scan_table.site_codes]
    fixed = (
        np.bincount(sorted_scans.codes[stays], minlength=size)
        if stays.any()
        else np.zeros(size, int)
    )
    return replace(drawn, fixed=dict(zip(rule.labels, fixed.tolist(), strict=True)))


def spread(scan_table: ScanTable, column: str, count: int) -> list[float]:
    """Return cut-offs of a column, best to worst, where nobody has chosen any: at even shares of the scans.

    They lie on the steps of the axis, and apart from each other.
    """
    axis = scan_table.axis(column)
    known = scan_table.values(column)[np.isfinite(scan_table.values(column))]
    shares = np.arange(1, count) / count
    wanted = (
        np.quantile(known, shares) if len(known) else axis.low + shares * (axis.high - axis.low)
    )
    return _on_steps(wanted, axis)


def same_shares(scan_table: ScanTable, rule: TierRule) -> dict[str, list[float]]:
    """Return cut-offs for each site at which the same share of its scans falls into each tier as of all.

    Sites with fewer scans than :data:`curation.tiers.rule_warnings.FEW_SCANS` are left out: theirs would rest
    on chance.
    """
    axis, values = scan_table.axis(rule.column), scan_table.values(rule.column)
    known = np.isfinite(values)
    below = [float((values[known] < cut).mean()) for cut in sorted(rule.cutoffs)]
    order = np.argsort(scan_table.site_codes[known], kind="stable")
    parts = np.split(
        values[known][order], np.cumsum(np.bincount(scan_table.site_codes[known]))[:-1]
    )
    return {
        site: _on_steps(np.quantile(part, below), axis)
        for site, part in zip(scan_table.sites, parts, strict=False)
        if site != UNKNOWN and len(part) >= FEW_SCANS
    }


def _on_steps(wanted: NDArray[np.float64], axis: Axis) -> list[float]:
    """Return rising values on the steps of an axis, a step apart at least, from best to worst."""
    steps = np.round((wanted - axis.low) / axis.step).astype(int)
    for i in range(len(steps)):
        steps[i] = max(steps[i], i + 1, steps[i - 1] + 1 if i else 0)
        steps[i] = min(steps[i], axis.bins - len(steps) + i)
    cuts = [float(f"{axis.low + step * axis.step:.10g}") for step in steps]
    return cuts[::-1] if axis.closed_right else cuts


@st.cache_resource(
    max_entries=4,
    show_spinner="Reading the tables …",
    hash_funcs=cache.BY_FOLDER,
)
def _read_table(workspace: Workspace, role: Role, changed: tuple[cache.Stamp, ...]) -> ScanTable:
    key = (str(workspace.root), role, *changed)
    return ScanTable(workspace, tables.read_usable(workspace, role), key)


@st.cache_resource(max_entries=12, show_spinner="Reading the metric …")
def _metric(
    _scan_table: ScanTable, key: tuple[Hashable, ...], column: str, metrics_at: cache.Stamp
) -> NDArray[np.float64]:
    known = _scan_table.scans[["scan_id", "sha256"]]
    table = tables.with_metrics(_scan_table.workspace, known, [column])
    return table[column].to_numpy(dtype=np.float64)


@st.cache_resource(max_entries=64, show_spinner=False)
def _axis(
    _scan_table: ScanTable, key: tuple[Hashable, ...], column: str, metrics_at: cache.Stamp
) -> Axis:
    measure = rule_columns.find(column)
    unit = " (" + "; ".join(filter(None, (measure.unit, measure.direction))) + ")"
    if measure.is_score:
        title = f"{measure.label} (0 pristine – 100 unusable; higher is worse)"
        return Axis(column, title=title)
    low, high = _range(_scan_table.values(column), measure)
    step = round_step((high - low) / _STEPS)
    low, high = step * np.floor(low / step + 1e-9), step * np.ceil(high / step - 1e-9)
    return Axis(
        column,
        float(f"{low:.10g}"),
        float(f"{high:.10g}"),
        step,
        f"{measure.label}{unit}",
        measure.better_is_higher,
    )


def _range(values: NDArray[np.float64], measure: RuleColumn) -> tuple[float, float]:
    """Return a range that shows nearly all values; the few beyond it count to the outermost bins."""
    known = values[np.isfinite(values)]
    if not len(known):
        return max(measure.low, 0.0), min(measure.high, 1.0)
    low, middle, high = np.quantile(known, [0.002, 0.5, 0.998])
    pad = 0.03 * (high - low) or 0.5 * abs(middle) or 0.5
    return max(measure.low, low - pad), min(measure.high, high + pad)


@st.cache_resource(max_entries=16, show_spinner=False)
def _bins(
    _scan_table: ScanTable,
    _sorted_scans: SortedScans,
    key: tuple[Hashable, ...],
    column: str,
    gates: tuple[Any, ...],
    hands: bytes,
    changed: tuple[cache.Stamp, int],
) -> tuple[Bins, NDArray[np.bool_]]:
    held = np.zeros(len(_scan_table.scans), dtype=bool)
    for gate in gates:
        held |= gate.holds(_scan_table.values(gate.column))
    held[_sorted_scans.decided] = True
    values, axis = _scan_table.values(column), _scan_table.axis(column)
    return binned(values, _scan_table.site_codes, _scan_table.sites, axis, held), held
