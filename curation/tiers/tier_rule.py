"""Quality tiers: named bands of a score or metric, and gates that nothing passes.

A rule is data; applying it is a pure function of columns, see :mod:`curation.tiers.assignment`. Tiers run
from best to worst, whichever way the column runs; a scan exactly on a cut-off goes to the worse tier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.tiers import rule_checks, rule_columns
from curation.tiers.rule_checks import NO_VALUE, UNSCORED, UNUSABLE, Gate, numbers
from curation.tiers.rule_columns import SCORE, RuleColumn, plain

TIER_NAMES = ("A", "B", "C", "D", "E", "F")

#: Okabe-Ito colours, safe for colour-blind readers; one colour a tier everywhere.
TIER_COLOURS: dict[str, str] = {
    "A": "#0072B2",
    "B": "#E69F00",
    "C": "#D55E00",
    "D": "#CC79A7",
    "E": "#009E73",
    "F": "#56B4E9",
    UNUSABLE: "#7F7F7F",
    UNSCORED: "#BBBBBB",
}


#: Shapes of points, from the best tier to the worst, so that tiers are told without colours: as plotly calls
#: them -> as a letter of a text.
SHAPES: dict[str, str] = {
    "circle": "●",
    "square": "■",
    "diamond": "◆",
    "triangle-down": "▼",
    "cross": "✚",
    "star": "★",
}
_SHAPE_UNUSABLE, _SHAPE_UNSCORED = ("x", "✖"), ("circle-open", "○")


@dataclass(frozen=True)
class TierRule:
    """How scans are sorted into tiers.

    Parameters
    ----------
    names : tuple of str
        Tiers from best to worst, 2 to 6.
    cutoffs : tuple of float
        Cut-offs in the unit of ``column``, from the best tier to the worst, one fewer than names: rising
        where higher is worse, as of every score, falling where higher is better.
    column : str
        What is cut: a key of :data:`curation.tiers.rule_columns.RULE_COLUMNS` that has a better and a worse.
    gates : tuple of Gate
        Limits on top, in any order; of several that hold a scan the worst tier counts.
    by_site : dict of str to tuple of float
        Cut-offs of single sites, in the place of ``cutoffs``.

    Raises
    ------
    RuleError
        When names repeat, cut-offs cross, are missing or lie outside the column's range, a column is not
        known, or gates contradict each other.
    """

    names: tuple[str, ...] = ("A", "B", "C")
    cutoffs: tuple[float, ...] = (25.0, 50.0)
    column: str = SCORE
    gates: tuple[Gate, ...] = ()
    by_site: Mapping[str, tuple[float, ...]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cutoffs", numbers(self.cutoffs))
        sites = {str(site): numbers(self.by_site[site]) for site in sorted(self.by_site)}
        object.__setattr__(self, "by_site", sites)
        rule_checks.check_names(self.names)
        rule_column = rule_checks.check_column(self.column)
        rule_checks.check_cutoffs(self.names, self.cutoffs, rule_column)
        for site, cutoffs in sites.items():
            rule_checks.check_cutoffs(self.names, cutoffs, rule_column, site)
        for gate in self.gates:
            rule_checks.check_gate(gate, self.names)
        rule_checks.check_overlaps(self.gates, self.names)

    @property
    def rule_column(self) -> RuleColumn:
        """The column that is cut."""
        return rule_columns.find(self.column)

    @property
    def tiers(self) -> tuple[str, ...]:
        """All tiers that a scan can get, best to worst: ``unusable`` last where a gate leads to it."""
        extra = any(gate.tier == UNUSABLE for gate in self.gates)
        return (*self.names, *([UNUSABLE] if extra else []))

    @property
    def labels(self) -> tuple[str, ...]:
        """Meaning of the codes of :func:`curation.tiers.assignment.assign_codes`."""
        return (*self.tiers, UNSCORED)

    def called(self, label: str) -> str:
        """Return what people read for one of ``labels``: a scan without a value may well have a score."""
        return NO_VALUE if label == UNSCORED and not self.rule_column.is_score else label

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that the rule reads, the one that is cut first."""
        return tuple(dict.fromkeys((self.column, *(gate.column for gate in self.gates))))

    def as_dict(self) -> dict[str, Any]:
        """Return the rule as plain JSON-ready values."""
        return {
            "names": list(self.names),
            "cutoffs": list(self.cutoffs),
            "column": self.column,
            "gates": [gate.as_dict() for gate in self.gates],
            "by_site": {site: list(cutoffs) for site, cutoffs in self.by_site.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TierRule":
        """Build a rule from the result of :meth:`as_dict`; 0.2's had neither gates nor sites."""
        return cls(
            tuple(values["names"]),
            tuple(values["cutoffs"]),
            values["column"],
            tuple(Gate(**gate) for gate in values.get("gates", ())),
            values.get("by_site", {}),
        )

    def identity(self) -> str:
        """Return a text that two rules share exactly when they do the same to every scan they can meet.

        Cohorts frozen by 0.2 were named by this text, so it stays as it is for a rule of cut-offs alone.
        """
        text = f"names={self.names!r}, cutoffs={self.cutoffs!r}, column={self.column!r}"
        if self.gates:
            text += f", gates={sorted(gate.describe() for gate in self.gates)!r}"
        if self.by_site:
            text += f", by_site={dict(self.by_site)!r}"
        return f"TierRule({text})"

    def describe(self) -> list[str]:
        """Return the range of each of ``names`` by the cut-offs in words, best first.

        Examples
        --------
        >>> TierRule(("A", "B"), (40.0,)).describe()
        ['A: 0 to under 40', 'B: 40 to 100']
        """
        held = _bands(self.cutoffs, self.rule_column)
        return [f"{name}: {band}" for name, band in zip(self.names, held, strict=True)]

    def brief(self) -> str:
        """Return the whole rule in one line: column, cut-offs, gates, sites with cut-offs of their own."""
        parts = [f"{self.rule_column.label.lower()} cut at {', '.join(map(plain, self.cutoffs))}"]
        parts += [gate.describe() for gate in self.gates]
        parts += [f"own cut-offs of {', '.join(self.by_site)}"] if self.by_site else []
        return "; ".join(parts)


DEFAULT_RULE = TierRule()


def cut(
    values: NDArray[np.float64], rule: TierRule, edges: Sequence[NDArray[np.float64]] | None = None
) -> NDArray[np.uint8]:
    """Return the position in ``rule.names`` of each value's tier by the cut-offs alone.

    Parameters
    ----------
    values : numpy.ndarray of float, shape (N,)
        The rule's column; NaN counts as best.
    rule : TierRule
        The rule.
    edges : sequence of numpy.ndarray of float, shape (N,), optional
        Each value's own first cut-off, second, and so on; the global ones by default.
    """
    worse = np.less_equal if rule.rule_column.better_is_higher else np.greater_equal
    codes = np.zeros(len(values), dtype=np.uint8)
    for cutoff in rule.cutoffs if edges is None else edges:
        codes += worse(values, cutoff)
    return codes


def assign(scores: pd.Series, rule: TierRule = DEFAULT_RULE) -> pd.Series:
    """Return the tier of each score by the rule's global cut-offs alone, for plots of one column.

    The tiers that scans really have, with gates, sites and decisions by hand, come from
    :func:`curation.tiers.overrides.tiers_with_overrides`.

    Parameters
    ----------
    scores : pandas.Series of float, shape (N,)
        The rule's column; NaN where a scan has none.
    rule : TierRule
        The cut-offs.

    Returns
    -------
    pandas.Series of str, shape (N,)
        Names from ``rule.names``, or ``not scored``; the index of ``scores``.

    Examples
    --------
    A scan exactly on a cut-off goes to the worse tier:

    >>> assign(pd.Series([10.0, 25.0, 60.0, np.nan]), TierRule(("A", "B", "C"), (25.0, 50.0))).tolist()
    ['A', 'B', 'C', 'not scored']
    """
    names = np.array([*rule.names, UNSCORED], dtype=object)
    values = scores.to_numpy(dtype=float)
    return pd.Series(
        names[np.where(np.isnan(values), len(rule.names), cut(values, rule))], scores.index
    )


def counts(tiers: pd.Series, rule: TierRule = DEFAULT_RULE) -> pd.DataFrame:
    """Count the scans of each tier.

    Returns
    -------
    pandas.DataFrame
        ``tier``, ``scans`` and ``share`` (of all scans given, 0 to 1), best tier first, ``not
        scored`` last and only where there are some.
    """
    found = tiers.value_counts()
    order = [*rule.tiers, *([UNSCORED] if UNSCORED in found else [])]
    numbers = [int(found.get(name, 0)) for name in order]
    total = max(len(tiers), 1)
    return pd.DataFrame(
        {"tier": order, "scans": numbers, "share": [number / total for number in numbers]}
    )


def colours(rule: TierRule) -> dict[str, str]:
    """Return a colour for each of ``rule.labels``: that of its name, else of its position."""
    if set(rule.labels) <= set(TIER_COLOURS):
        return {name: TIER_COLOURS[name] for name in rule.labels}
    places = dict(zip(rule.names, TIER_COLOURS.values(), strict=False))
    fixed = {name: TIER_COLOURS[name] for name in (UNUSABLE, UNSCORED) if name in rule.labels}
    return places | fixed


def shapes(rule: TierRule) -> dict[str, tuple[str, str]]:
    """Return a shape for each of ``rule.labels``, as plotly calls it and as a letter."""
    found = dict(zip(rule.names, SHAPES.items(), strict=False))
    special = {UNUSABLE: _SHAPE_UNUSABLE, UNSCORED: _SHAPE_UNSCORED}
    return found | {name: shape for name, shape in special.items() if name in rule.labels}


def _bands(cutoffs: tuple[float, ...], rule_column: RuleColumn) -> list[str]:
    """Return the range of each tier in words, best first."""
    if rule_column.better_is_higher:
        edges = [plain(cut) for cut in cutoffs]
        middle = [f"over {low} to {high}" for high, low in pairwise(edges)]
        return [f"over {edges[0]}", *middle, f"{edges[-1]} and under"]
    if np.isinf(rule_column.high):
        edges = [plain(cut) for cut in cutoffs]
        middle = [f"{low} to under {high}" for low, high in pairwise(edges)]
        return [f"under {edges[0]}", *middle, f"{edges[-1]} and over"]
    edges = [plain(rule_column.low), *map(plain, cutoffs), plain(rule_column.high)]
    inner = [f"{low} to under {high}" for low, high in pairwise(edges[:-1])]
    return [*inner, f"{edges[-2]} to {edges[-1]}"]
