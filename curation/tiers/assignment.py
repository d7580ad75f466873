"""Assignment of tiers to scans by a rule, and the moves of scans between two rules.

Page, command line, frozen cohorts and studies all come through here. :func:`prepare` turns tables into
arrays, which is slow and done once; :func:`assign_codes` costs some milliseconds for a million scans.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.errors import RuleError
from curation.tiers import tier_rule
from curation.tiers.rule_columns import SCORE
from curation.tiers.tier_rule import TierRule

Codes = NDArray[np.intp]
#: So many scans at a time, that what is made on the way stays in the processor's cache.
_BLOCK = 1 << 14


@dataclass(frozen=True)
class ScanArrays:
    """Columns that rules read, one entry a scan.

    Parameters
    ----------
    scan_ids : pandas.Index, shape (N,)
        Ids of the scans, for looking up.
    values : dict of str to numpy.ndarray of float64, shape (N,)
        Columns by name; NaN where not measured.
    sites : tuple of str
        Names of the sites, sorted.
    site_codes : numpy.ndarray of int, shape (N,)
        Position of each scan's site in ``sites``; -1 where it is not known.
    """

    scan_ids: pd.Index
    values: Mapping[str, NDArray[np.float64]]
    sites: tuple[str, ...]
    site_codes: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.scan_ids)


def prepare(scans: pd.DataFrame, columns: Iterable[str]) -> ScanArrays:
    """Turn a table of scans into arrays.

    Parameters
    ----------
    scans : pandas.DataFrame
        With ``scan_id``, ``site`` and the columns asked for, see
        :func:`curation.tiers.rule_values.beside`.
    columns : iterable of str
        Such as ``rule.columns``.

    Raises
    ------
    RuleError
        When the table lacks a column.
    """
    site_codes, sites = pd.factorize(scans["site"].astype(object), sort=True)
    values = {name: _floats(scans, name) for name in dict.fromkeys(columns)}
    return ScanArrays(
        pd.Index(scans["scan_id"]), values, tuple(map(str, sites)), site_codes.astype(np.intp)
    )


def assign_codes(scans: ScanArrays, rule: TierRule) -> Codes:
    """Return each scan's tier by the rule: cut-offs, those of sites, gates.

    Parameters
    ----------
    scans : ScanArrays
        With all of ``rule.columns``.
    rule : TierRule
        The rule.

    Returns
    -------
    numpy.ndarray of int, shape (N,)
        Position in ``rule.labels``; its last is ``not scored``. A scan without a value of the rule's column
        is not scored, unless a gate holds it in a tier that no score could make worse or better.

    Examples
    --------
    >>> table = pd.DataFrame({"scan_id": ["a", "b"], "site": ["X", "Y"], "distortion_score": [12.0, 61.0]})
    >>> rule = tier_rule.DEFAULT_RULE
    >>> assign_codes(prepare(table, rule.columns), rule).tolist()
    [0, 2]
    """
    columns = {name: _column(scans, name) for name in rule.columns}
    edges = _edges_by_site(scans.sites, rule) if rule.by_site else None
    codes = np.empty(len(scans), dtype=np.intp)
    for start in range(0, len(scans), _BLOCK):
        block = slice(start, start + _BLOCK)
        values = {name: column[block] for name, column in columns.items()}
        own = None if edges is None else [edge[scans.site_codes[block]] for edge in edges]
        codes[block] = _codes(values, rule, own)
    return codes


def _codes(
    values: Mapping[str, NDArray[np.float64]],
    rule: TierRule,
    edges: list[NDArray[np.float64]] | None,
) -> NDArray[np.uint8]:
    """Return the codes of some scans; ``edges`` as in :func:`curation.tiers.tier_rule.cut`."""
    cut = values[rule.column]
    codes = tier_rule.cut(cut, rule, edges)
    for gate in rule.gates:
        held = gate.holds(values[gate.column])
        np.maximum(codes, held * np.uint8(rule.tiers.index(gate.tier)), out=codes)
    unknown = np.isnan(cut)
    if rule.gates:
        unknown &= codes < len(rule.names) - 1
    codes[unknown] = len(rule.tiers)
    return codes


def _edges_by_site(sites: tuple[str, ...], rule: TierRule) -> NDArray[np.float64]:
    """Return a column of cut-offs for each site, and a last one that the code -1, no site, finds."""
    return np.array(
        [*(rule.by_site.get(site, rule.cutoffs) for site in sites), rule.cutoffs]
    ).T.copy()


def with_decisions(
    codes: Codes, scans: ScanArrays, rule: TierRule, decisions: pd.DataFrame
) -> tuple[Codes, NDArray[np.intp]]:
    """Replace the rule's tiers by those given by hand.

    Parameters
    ----------
    codes : numpy.ndarray of int, shape (N,)
        As :func:`assign_codes` returns; not written into.
    scans, rule
        What they were made from.
    decisions : pandas.DataFrame
        ``scan_id`` and ``tier``, as :func:`curation.tiers.overrides.in_force` returns. A decision for a tier
        that the rule does not have counts for nothing.

    Returns
    -------
    codes : numpy.ndarray of int, shape (N,)
        The tiers that hold.
    changed : numpy.ndarray of int
        Positions of the scans that have another tier than by the rule, in rising order.
    """
    position = {name: place for place, name in enumerate(rule.tiers)}
    held = decisions[decisions["tier"].isin(list(position))]
    if held.empty:
        return codes, np.empty(0, dtype=np.intp)
    places = scans.scan_ids.get_indexer(held["scan_id"])
    wanted = held["tier"].map(position).to_numpy(dtype=np.intp)[places >= 0]
    places = places[places >= 0]
    decided = codes.copy()
    decided[places] = wanted
    return decided, np.sort(places[codes[places] != wanted])


def names(codes: NDArray[np.integer[Any]], rule: TierRule) -> NDArray[np.object_]:
    """Return the names of tiers, shape of ``codes``."""
    return np.array(rule.labels, dtype=object)[codes]


def at_worst(scans: pd.DataFrame, rule: TierRule) -> pd.Series:
    """Return the worst tier that each scan could be in, were all measured that could not be.

    Parameters
    ----------
    scans : pandas.DataFrame
        With ``scan_id``, ``tier`` and, where known, ``site`` and the upper end of the score,
        ``score_high``; ``by_hand`` where a tier was given by hand, which no measure changes.
    rule : TierRule
        The rule behind ``tier``.

    Returns
    -------
    pandas.Series of str
        ``tier``, unless the rule cuts the distortion score and its upper end lies in a worse tier.
    """
    if rule.column != SCORE or "score_high" not in scans:
        return scans["tier"]
    high = scans.reindex(columns=["scan_id", "site"]).assign(**{SCORE: scans["score_high"]})
    codes = assign_codes(prepare(high, [SCORE]), replace(rule, gates=()))
    held = scans.get("by_hand", pd.Series(False, scans.index)).fillna(False).astype(bool)
    place = {name: number for number, name in enumerate(rule.names)}
    now = scans["tier"].map(place).fillna(np.inf).to_numpy(dtype=float)
    worse = (codes > now) & (codes < len(rule.names)) & ~held.to_numpy()
    return scans["tier"].where(~worse, names(codes, rule))


def _column(scans: ScanArrays, name: str) -> NDArray[np.float64]:
    if name not in scans.values:
        raise RuleError(f"The rule looks at {name}, which was not read of these scans.")
    return scans.values[name]


def _floats(scans: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in scans:
        raise RuleError(f"The rule looks at {name}, which was not read of these scans.")
    return pd.to_numeric(scans[name]).to_numpy(dtype=np.float64)


@dataclass(frozen=True)
class Moves:
    """Changes from one rule to another.

    Parameters
    ----------
    table : pandas.DataFrame of int
        One row a tier of the first rule, one column a tier of the second (both with ``not scored`` where
        there are some): numbers of scans, for a flow diagram.
    moved : pandas.DataFrame
        ``scan_id``, ``before`` and ``after`` of the scans whose tier is another, in the order of the scans.
    stayed : int
        Scans whose tier is the same.
    """

    table: pd.DataFrame
    moved: pd.DataFrame
    stayed: int

    def scan_ids(self, before: str, after: str) -> list[str]:
        """Return the scans that go from one tier to another."""
        chosen = (self.moved["before"] == before) & (self.moved["after"] == after)
        return self.moved.loc[chosen, "scan_id"].tolist()


def compare(
    before: TierRule, after: TierRule, scans: ScanArrays, decisions: pd.DataFrame | None = None
) -> Moves:
    """Apply two rules to the same scans.

    Parameters
    ----------
    before, after : TierRule
        The rules; tiers of the same name count as the same.
    scans : ScanArrays
        With the columns of both rules.
    decisions : pandas.DataFrame, optional
        By hand, as :func:`curation.tiers.overrides.in_force` returns: these scans move only where a rule
        lacks the tier that they were given.

    Returns
    -------
    Moves
    """
    codes = []
    for rule in (before, after):
        by_rule = assign_codes(scans, rule)
        if decisions is not None:
            by_rule, _ = with_decisions(by_rule, scans, rule, decisions)
        codes.append(by_rule)
    shape = len(before.labels), len(after.labels)
    counted = np.bincount(codes[0] * shape[1] + codes[1], minlength=shape[0] * shape[1])
    table = pd.DataFrame(
        counted.reshape(shape),
        pd.Index(before.labels, name="before"),
        pd.Index(after.labels, name="after"),
    )
    rows = list(before.tiers) if not table.iloc[-1].any() else list(before.labels)
    columns = list(after.tiers) if not table.iloc[:, -1].any() else list(after.labels)
    same = np.array([[one == other for other in after.labels] for one in before.labels])
    places = np.flatnonzero(~same[codes[0], codes[1]])
    moved = pd.DataFrame(
        {
            "scan_id": scans.scan_ids[places],
            "before": names(codes[0][places], before),
            "after": names(codes[1][places], after),
        }
    )
    return Moves(table.loc[rows, columns], moved, len(scans) - len(places))
