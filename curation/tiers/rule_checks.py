"""Checks of tier rules; each raises a sentence on what is wrong."""

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.errors import RuleError
from curation.storage import joined_columns, tag_columns
from curation.tiers import rule_columns
from curation.tiers.rule_columns import RuleColumn, plain

MIN_TIERS, MAX_TIERS = 2, 6
UNSCORED = "not scored"
#: What such a scan is called where something else than a score is cut.
NO_VALUE = "no value"
#: The tier past the last one, which gates send scans to; such scans are never trained on.
UNUSABLE = "unusable"
MAX_NAME = 50
#: What is said of a gate on a tag where names that people chose are not handed on.
BY_TAG = "by a tag"
#: Limits (above, below) of a gate that holds scans with a tag, and of one that holds those without.
WITH_TAG, WITHOUT_TAG = (0.0, None), (None, 1.0)
TAG_LIMITS = (WITH_TAG, WITHOUT_TAG)


@dataclass(frozen=True)
class Gate:
    """A limit that a scan may not pass, whatever its score.

    Parameters
    ----------
    column : str
        A key of :data:`curation.tiers.rule_columns.RULE_COLUMNS`, a joined column, or that of a tag.
    above, below : float, optional
        One of the two: the gate holds scans whose value is over, or under, this. A value that is exactly
        the limit passes; so does a value that could not be measured. Of a tag, ``above=0`` holds scans that
        have it, ``below=1`` those that do not.
    tier : str
        The tier that held scans get, unless they have a worse one: a name of the rule's but the best, or
        ``unusable``, a tier of its own past the last.
    """

    column: str
    _: KW_ONLY
    above: float | None = None
    below: float | None = None
    tier: str = UNUSABLE

    def __post_init__(self) -> None:
        for side in ("above", "below"):
            if (limit := getattr(self, side)) is not None:
                object.__setattr__(self, side, *numbers([limit]))

    @property
    def limit(self) -> float:
        """The one limit that is given."""
        given = self.below if self.above is None else self.above
        return float("nan") if given is None else given

    @property
    def tag(self) -> str | None:
        """The tag that the gate looks for, if it looks for one."""
        return tag_columns.tag_of(self.column)

    def holds(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which values the gate holds, shape (N,); NaN never."""
        return values > self.limit if self.above is not None else values < self.limit

    def describe(self) -> str:
        """Return the gate in words."""
        return f"{self._held(names=True)} → {self.tier}"

    def nameless(self) -> str:
        """Return why the gate holds scans, without names that people chose."""
        return BY_TAG if self.tag is not None else self._held(names=False)

    def in_prose(self, *, names: bool = True) -> str:
        """Return the gate as it stands in a sentence.

        Without ``names``, which people chose, a tag is not named, and of a joined column not its table.
        """
        if self.tag is None:
            return f"{self.tier} where {self._held(names=names)}"
        return f"{self.tier} {self._held(names=True) if names else BY_TAG}"

    def _held(self, *, names: bool) -> str:
        """Return which scans are held, in words."""
        if self.tag is not None:
            return f"{'with' if self.above is not None else 'without'} tag {self.tag}"
        side = "over" if self.above is not None else "under"
        parts = None if names else joined_columns.parts_of(self.column)
        return f"{parts.column if parts else self.column} {side} {plain(self.limit)}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready values."""
        side = "above" if self.above is not None else "below"
        return {"column": self.column, side: self.limit, "tier": self.tier}


def numbers(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(value) + 0.0 for value in values)  # + 0.0: a minus zero is a zero


def check_names(names: Sequence[str]) -> None:
    """Refuse too few or too many tiers, and names that are empty, repeated or taken."""
    count = len(names)
    if not MIN_TIERS <= count <= MAX_TIERS:
        raise RuleError(f"A rule has {MIN_TIERS} to {MAX_TIERS} tiers; this one has {count}.")
    if len(set(names)) != count or UNSCORED in names or not all(map(_is_name, names)):
        raise RuleError(f"Tiers need different names; these are {', '.join(names)}.")
    if UNUSABLE in names:
        raise RuleError(
            f"{UNUSABLE!r} is the tier that gates send scans to; give the worst tier another name."
        )


def _is_name(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME and name == name.strip() and name.isprintable()


def check_column(name: str) -> RuleColumn:
    """Return the column that is cut, refusing unknown ones and those that are neither better nor worse."""
    rule_column = rule_columns.find(name)
    if not rule_column.can_be_cut:
        if (tag := tag_columns.tag_of(name)) is not None:
            raise RuleError(
                f"A tag is not cut into tiers. Write a gate: '{{with_tag: {tag}, tier: {UNUSABLE}}}', or "
                "without_tag."
            )
        if rule_columns.is_measured(name):
            raise RuleError(
                f"{name} describes the acquisition: no value of it is better or worse, so it cannot be cut "
                "into tiers. Use it in a gate, or cut a score."
            )
        raise RuleError(
            f"Nobody said of {name} which values are better, so it cannot be cut into tiers. Use it in a "
            "gate, or join its table again and say so there.",
            option="--worse or --better, when the table is joined",
        )
    return rule_column


def check_cutoffs(
    names: Sequence[str], cutoffs: Sequence[float], rule_column: RuleColumn, site: str | None = None
) -> None:
    """Refuse cut-offs that are too few or many, out of range, or cross."""
    count, of_site = len(names), "" if site is None else f" of site {site}"
    if len(cutoffs) != count - 1:
        raise RuleError(
            f"{count} tiers need {count - 1} cut-offs; {len(cutoffs)} were given"
            f"{'' if site is None else f' for site {site}'}."
        )
    listed = ", ".join(map(plain, cutoffs))
    if not all(np.isfinite(cut) and rule_column.low <= cut <= rule_column.high for cut in cutoffs):
        raise RuleError(
            f"Cut-offs{of_site or _of(rule_column)} lie between {plain(rule_column.low)} and "
            f"{plain(rule_column.high)}; these are {listed}."
            if np.isfinite(rule_column.high)
            else f"Cut-offs{of_site} of {rule_column.name} are numbers; these are {listed}."
        )
    up = not rule_column.better_is_higher
    for (first, second), (better, worse) in zip(
        pairwise(cutoffs), pairwise(names[1:]), strict=True
    ):
        if (first >= second) if up else (first <= second):
            raise RuleError(
                f"The cut-offs{of_site} {plain(first)} and {plain(second)} cross: tier {better} would end "
                f"before it begins. Move the upper cut-off of {better} {'above' if up else 'below'} "
                f"{plain(first)}, or drop {worse}."
            )


def _of(rule_column: RuleColumn) -> str:
    return "" if rule_column.name == rule_columns.SCORE else f" of {rule_column.name}"


def check_gate(gate: Gate, names: Sequence[str]) -> None:
    """Refuse a gate without one limit, on an unknown column, or to a tier that makes no sense."""
    rule_column = rule_columns.find(gate.column)
    if (gate.above is None) == (gate.below is None):
        raise RuleError(
            f"The gate on {gate.column} needs one limit: either above or below"
            f"{', not both' if gate.above is not None else ''}."
        )
    if gate.tag is not None and (gate.above, gate.below) not in TAG_LIMITS:
        raise RuleError(
            f"A gate on the tag {gate.tag} holds the scans that have it or those that do not: write "
            f"'with_tag: {gate.tag}' or 'without_tag: {gate.tag}' in the place of column and limit."
        )
    if not np.isfinite(gate.limit):
        raise RuleError(f"The limit of the gate on {gate.column} is not a number.")
    if not rule_column.low <= gate.limit <= rule_column.high:
        raise RuleError(
            f"{gate.column} lies between {plain(rule_column.low)} and {plain(rule_column.high)}; the "
            f"gate's limit {plain(gate.limit)} does not."
        )
    known = (*names[1:], UNUSABLE)
    if gate.tier == names[0]:
        raise RuleError(
            f"A gate to {gate.tier}, the best tier, changes nothing: gates only make a tier worse."
        )
    if gate.tier not in known:
        raise RuleError(
            f"The gate on {gate.column} leads to {gate.tier!r}, which is no tier; there are "
            f"{', '.join(known)}."
        )


def check_overlaps(gates: Sequence[Gate], names: Sequence[str]) -> None:
    """Refuse two gates on one column of which one never counts, or which together let nobody through.

    A ladder is well: over 20 to C, over 40 to unusable.
    """
    order = [*names, UNUSABLE]
    for number, gate in enumerate(gates):
        for earlier in gates[:number]:
            if earlier.column == gate.column:
                _check_pair(earlier, gate, order)


def _check_pair(one: Gate, other: Gate, order: list[str]) -> None:
    if (one.above is None) != (other.above is None):
        low, high = (one, other) if one.above is not None else (other, one)
        if low.limit < high.limit:
            raise RuleError(
                f"The gates '{low.describe()}' and '{high.describe()}' overlap: no value passes both. "
                "Move one of the limits."
            )
        return
    if one.limit == other.limit:
        raise RuleError(
            f"The gates '{one.describe()}' and '{other.describe()}' have the same limit. Keep one of them."
        )
    first_is_wider = (one.limit < other.limit) == (one.above is not None)
    wide, narrow = (one, other) if first_is_wider else (other, one)
    if order.index(narrow.tier) <= order.index(wide.tier):
        raise RuleError(
            f"The gates '{wide.describe()}' and '{narrow.describe()}' overlap: the second never counts, "
            "since whoever it holds is already held by the first, which is no milder. Drop it, or change "
            "its tier."
        )
