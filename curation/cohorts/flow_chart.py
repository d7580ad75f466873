"""Flow chart of a cohort as data and text: inclusions and exclusions with their reasons."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.storage.tables import SCORABLE
from curation.storage.workspace import Role
from curation.tiers import assignment
from curation.tiers.assignment import Codes, ScanArrays
from curation.tiers.rule_checks import UNUSABLE
from curation.tiers.tier_rule import TierRule
from curation.wording import plural

Mask = NDArray[np.bool_]

_STATUSES = {
    "unreadable": "unreadable",
    "missing": "missing",
    "duplicate": "listed twice",
    "table": "without image, metrics only",
}


@dataclass(frozen=True)
class Exclusion:
    """Scans that leave for one reason."""

    reason: str
    scans: int


@dataclass(frozen=True)
class Stage:
    """Scans that came so far.

    Parameters
    ----------
    label : str
        What they are.
    scans, people : int
        How many.
    left_out : tuple of Exclusion
        Those of them that do not come to the next stage; together they are the difference.
    """

    label: str
    scans: int
    people: int
    left_out: tuple[Exclusion, ...] = ()


@dataclass(frozen=True)
class TierCount:
    """Scans of one tier at the end of the flow.

    Parameters
    ----------
    tier : str
        Which.
    scans, people : int
        How many.
    by_gate, by_hand : int
        How many of them are here by a gate, or by a person's decision, and not by the cut-offs.
    """

    tier: str
    scans: int
    people: int
    by_gate: int = 0
    by_hand: int = 0


@dataclass(frozen=True)
class Flow:
    """From all scans to the tiers of a cohort.

    Parameters
    ----------
    stages : tuple of Stage
        In order; the last one's scans are those in ``tiers``.
    tiers : tuple of TierCount
        Best first.
    """

    stages: tuple[Stage, ...]
    tiers: tuple[TierCount, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Flow":
        """Build a flow from the result of :meth:`as_dict`."""
        stages = (
            Stage(**stage | {"left_out": tuple(Exclusion(**out) for out in stage["left_out"])})
            for stage in values["stages"]
        )
        return cls(tuple(stages), tuple(TierCount(**tier) for tier in values["tiers"]))

    def lines(self) -> list[str]:
        """Return the flow as lines of text."""
        said = []
        for stage in self.stages:
            said.append(f"{stage.label}: {_count(stage.scans, stage.people)}")
            said += [f"    left out: {out.scans:,} {out.reason}" for out in stage.left_out]
        for tier in self.tiers:
            how = {"by a gate": tier.by_gate, "by hand": tier.by_hand}
            parts = ", ".join(f"{count:,} {way}" for way, count in how.items() if count)
            said.append(
                f"  {tier.tier}: {_count(tier.scans, tier.people)}{parts and f', of these {parts}'}"
            )
        return said


def flow_of_rule(
    found: pd.DataFrame,
    role: Role,
    images_only: bool,
    rule: TierRule,
    scans: ScanArrays,
    by_rule: Codes,
    codes: Codes,
    *,
    sources: Sequence[str] = (),
) -> Flow:
    """Count the flow from the scans of a role into the tiers of a rule.

    Parameters
    ----------
    found : pandas.DataFrame, M rows
        All scans of the role, with ``scan_id, subject_id, status, modality, age_years``; the usable ones, in
        this order, are those of ``scans``.
    role : {'pool', 'target'}
        Of the target, scans without an age are left out.
    images_only : bool
        Leave out scans that came from a table.
    rule : TierRule
        The rule.
    scans : ScanArrays, N entries
        The usable scans.
    by_rule, codes : numpy.ndarray of int, shape (N,)
        Their tiers by the rule alone, and with the decisions by hand.
    sources : sequence of str
        Whose scans alone these are; empty: of all.
    """
    usable, lost = found[usable_rows(found, images_only)], _by_status(found, images_only)
    scored = codes < len(rule.tiers)
    aged = usable["age_years"].notna().to_numpy() if role == "target" else np.ones_like(scored)
    unusable = codes == _place(rule, UNUSABLE)
    people = pd.factorize(usable["subject_id"])[0]
    in_cohort = scored & aged
    tiered = in_cohort & ~unusable
    stages = [
        Stage(_found(role, sources), len(found), found["subject_id"].nunique(), lost),
        _stage(
            "Readable",
            np.ones_like(scored),
            people,
            [
                (not_scored(rule.rule_column.label), ~scored),
            ],
        ),
    ]
    if role == "target":
        stages.append(_stage("Scored", scored, people, [("age not known", scored & ~aged)]))
    last = "Scored and of known age" if role == "target" else "Scored"
    reasons = _held(rule, scans, in_cohort & unusable, by_rule)
    if reasons:
        stages.append(_stage(last, in_cohort, people, reasons))
    stages.append(_stage("In tiers" if reasons else f"{last}: in tiers", tiered, people, []))
    cut = assignment.assign_codes(scans, replace(rule, gates=()))
    by_hand, by_gate = codes != by_rule, (codes == by_rule) & (by_rule != cut)
    tiers = []
    for place, name in enumerate(rule.names):
        inside = tiered & (codes == place)
        tiers.append(
            TierCount(
                name,
                int(inside.sum()),
                _different(people[inside]),
                int((inside & by_gate).sum()),
                int((inside & by_hand).sum()),
            )
        )
    return Flow(tuple(stages), tuple(tiers))


def flow_of_draw(
    label: str, scans: pd.DataFrame, drawn: pd.DataFrame, names: tuple[str, ...]
) -> Flow:
    """Count the flow from a cohort's scans into a sample drawn from them."""
    first = Stage(
        label,
        len(scans),
        scans["subject_id"].nunique(),
        (Exclusion("not drawn", len(scans) - len(drawn)),),
    )
    last = Stage("Drawn at random", len(drawn), drawn["subject_id"].nunique())
    tiers = []
    for name in names:
        inside = drawn[drawn["tier"] == name]
        tiers.append(TierCount(name, len(inside), inside["subject_id"].nunique()))
    return Flow((first, last), tuple(tiers))


def usable_rows(found: pd.DataFrame, images_only: bool) -> Mask:
    """Return which scans can be used."""
    return found["status"].isin(("ok",) if images_only else SCORABLE).to_numpy()


def _count(scans: int, people: int) -> str:
    return (
        f"{scans:,} scan{'s' * (scans != 1)} of {people:,} {'people' if people != 1 else 'person'}"
    )


def _found(role: Role, sources: Sequence[str]) -> str:
    found = "Scans found" if role == "pool" else "Scans found of the target"
    # how many, not which: a flow is handed on, and a source may be called after a place
    return f"{found}, of {plural(len(sources), 'source')}" if sources else found


def _by_status(found: pd.DataFrame, images_only: bool) -> tuple[Exclusion, ...]:
    left = found[~usable_rows(found, images_only)]
    kinds = left.loc[left["status"] == "other", "modality"].value_counts()
    others = [Exclusion(f"{kind}, not scored", int(count)) for kind, count in kinds.items()]
    counts = left["status"].value_counts()
    known = [
        Exclusion(words, int(counts[name])) for name, words in _STATUSES.items() if name in counts
    ]
    return (*others, *known)


def _stage(label: str, mask: Mask, people: NDArray, left_out: list[tuple[str, Mask]]) -> Stage:
    reasons = tuple(Exclusion(reason, int(out.sum())) for reason, out in left_out if out.any())
    return Stage(label, int(mask.sum()), _different(people[mask]), reasons)


def _different(codes: NDArray[np.integer[Any]]) -> int:
    return int(np.count_nonzero(np.bincount(codes[codes >= 0])))


def _place(rule: TierRule, tier: str) -> int:
    """Return the code of a tier, -1 where the rule lacks it."""
    return rule.tiers.index(tier) if tier in rule.tiers else -1


def not_scored(label: str) -> str:
    """Return why scans are not scored, by the label of the column that a rule cuts."""
    return f"not scored: {label.lower()} not measured"


def _held(
    rule: TierRule, scans: ScanArrays, unusable: Mask, by_rule: Codes
) -> list[tuple[str, Mask]]:
    """Split the unusable scans by the first gate that holds them; the rest is unusable by hand."""
    reasons, open_ = [], unusable.copy()
    by_hand = unusable & (by_rule != _place(rule, UNUSABLE))
    open_ &= ~by_hand
    for gate in rule.gates:
        if gate.tier == UNUSABLE:
            held = open_ & gate.holds(scans.values[gate.column])
            reasons.append((gate.describe(), held))
            open_ &= ~held
    found = [*reasons, (f"{UNUSABLE} by hand", by_hand)]
    return [(reason, mask) for reason, mask in found if mask.any()]
