"""What images the tiers of a list hold: how they were prepared, where their scores lie, how sure these are.

A score never rises by what could not be measured. So images from which much was removed, such as
skull-stripped ones, may lie in better tiers for that alone; and where all tiers are good, no study of them is
about low quality. Everything is counted from the list as it was frozen; what it does not keep is taken from
the workspace for those scans whose file and score are still those of the list.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.errors import TierscopeError
from curation.references import reference_library
from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.tier_effects.selection_bias import FEWEST
from curation.tier_effects.standardised_differences import NOTABLE, categorical_smd, null_smd
from curation.tiers import assignment
from curation.tiers.assignment import Codes, ScanArrays
from curation.tiers.rule_columns import SCORE
from curation.tiers.tier_rule import TierRule
from curation.wording import number, plural

#: The upper end of the distortion score, a column like it.
UPPER_END = "score_high"
#: Kinds of images by the flag that tells them, the first that holds; without any, there is air around a head.
KINDS = {"skull_stripped": "skull-stripped", "no_air": "without air around the head"}
WHOLE = "whole heads in air"
#: By anchors, the score at which every metric is just good.
GOOD = 20.0
#: Scores of a list have six digits.
_SAME = 1e-5


def kinds_of(workspace: Workspace, scans: pd.DataFrame) -> pd.Series:
    """Return the kind of each scan's image, a value of :data:`KINDS` or :data:`WHOLE`; missing: not known.

    Parameters
    ----------
    workspace : Workspace
        Whose metrics tell it.
    scans : pandas.DataFrame, N rows
        With ``scan_id`` and ``sha256``.
    """
    measured = tables.read_metrics(workspace, ("flags", "measured_by"))
    if "flags" not in measured:
        return pd.Series(None, scans.index, dtype=object)
    measured = measured[measured["measured_by"] == "tierscope"]  # other tools flag nothing
    of_flags = {text: _kind(text) for text in measured["flags"].dropna().unique()}
    told = measured[["scan_id", "sha256"]].assign(kind=measured["flags"].map(of_flags))
    found = scans[["scan_id", "sha256"]].merge(
        told.drop_duplicates(["scan_id", "sha256"]), on=["scan_id", "sha256"], how="left"
    )
    return found["kind"].astype(object).set_axis(scans.index)


def _kind(flags: str) -> str:
    held = json.loads(flags)
    return next((kind for flag, kind in KINDS.items() if flag in held), WHOLE)


def may_be_worse(rule: TierRule, scans: ScanArrays, codes: Codes) -> NDArray[np.bool_]:
    """Return which scans the upper ends of their scores would put into a worse tier, shape (N,).

    Parameters
    ----------
    rule : TierRule
        None does where it cuts something other than the score.
    scans : ScanArrays
        With :data:`UPPER_END`, and all that its gates look at.
    codes : numpy.ndarray of int, shape (N,)
        The tiers that hold.
    """
    if rule.column != SCORE or UPPER_END not in scans.values:
        return np.zeros(len(codes), dtype=bool)
    ends = assignment.assign_codes(scans, replace(rule, column=UPPER_END))
    return (ends > codes) & (ends < len(rule.tiers))


@dataclass(frozen=True)
class ImageKinds:
    """Kinds of images by tier.

    Parameters
    ----------
    names : tuple of str, K entries
        Tiers, best first.
    counts : dict of str to sequence of int
        Scans of each tier by kind, where that is known.
    """

    names: tuple[str, ...]
    counts: Mapping[str, Sequence[int]]

    @property
    def said(self) -> str:
        """That tiers differ in how their images were prepared, in the kind that differs most; else empty."""
        if self._most_unlike is None:
            return ""
        kind, ends = self._most_unlike
        told = [
            f"of tier {self.names[at]} {self.counts[kind][at]:,} of {self._known[at]:,}"
            f"{f' scans are {kind}' if place == 0 else ''}"
            for place, at in enumerate(ends)
        ]
        said = ", ".join(told)
        return (
            f"{said[0].upper()}{said[1:]}: what parts the tiers may be how the images were prepared, not "
            "their quality."
        )

    @property
    def counted(self) -> str:
        """How many scans of each tier are of each kind, in words; empty where none is known."""
        held = {kind: counts for kind, counts in self.counts.items() if sum(counts)}
        if len(held) < 2:
            return "".join(f"all {kind}" for kind in held)
        told = (f"{kind} ({_by_tier(self.names, counts)})" for kind, counts in held.items())
        return ", ".join(told)

    @cached_property
    def _known(self) -> NDArray[np.int64]:
        """Scans of known kind of each tier."""
        return (
            np.array(list(self.counts.values()), dtype=np.int64).reshape(-1, len(self.names)).sum(0)
        )

    @cached_property
    def _most_unlike(self) -> tuple[str, tuple[int, int]] | None:
        """Kind whose share differs most, with the better and the worse tier that are furthest apart in it."""
        counts = np.array(list(self.counts.values()), dtype=np.int64).T
        if not counts.size or not self._differ(counts):
            return None
        told = np.flatnonzero(self._known >= min(FEWEST, np.sort(self._known)[-2]))
        shares = counts[told] / self._known[told, None]
        spread = np.ptp(shares, axis=0)
        named = list(self.counts)
        place = max(range(len(named)), key=lambda at: (round(spread[at], 9), named[at] != WHOLE))
        ends = told[int(shares[:, place].argmin())], told[int(shares[:, place].argmax())]
        return named[place], (int(min(ends)), int(max(ends)))

    @staticmethod
    def _differ(counts: NDArray[np.int64]) -> bool:
        """Return whether a tier differs notably from the rest in its kinds, and more than by chance."""
        rest = counts.sum(axis=0) - counts
        inside, outside = counts.sum(axis=1), rest.sum(axis=1)
        apart = categorical_smd(counts, rest)
        chance = null_smd(inside, outside, int((counts.sum(axis=0) > 0).sum()) - 1)
        enough = np.minimum(inside, outside) >= FEWEST
        return bool((enough & (apart >= NOTABLE) & (apart > chance)).any())


@dataclass(frozen=True)
class TierImages:
    """Images of the tiers of a list; those left out as unusable are not among them.

    Parameters
    ----------
    role : str
        ``pool`` or ``target``.
    names : tuple of str, K entries
        Tiers that hold a scan, best first.
    scans : tuple of int, K entries
        How many each holds.
    ranges : tuple of (float, float), K entries
        Least and greatest distortion score of each; NaN where none is scored.
    worse : tuple of int, K entries
        Of how many the upper end of the score lies in a worse tier.
    unknown : int
        Of how many scans the upper end is not known any more, since the scores of then are not kept.
    kinds : ImageKinds
        How they were prepared.
    good : float
        Up to this score all is good; NaN where the reference has no such point.
    """

    role: str
    names: tuple[str, ...]
    scans: tuple[int, ...]
    ranges: tuple[tuple[float, float], ...]
    worse: tuple[int, ...]
    unknown: int
    kinds: ImageKinds
    good: float

    @property
    def worse_said(self) -> str:
        """How many scans may belong in a worse tier, by tier; empty without any."""
        told = _by_tier(self.names, self.worse)
        if not told:
            return self._unknown_said
        return (
            f"{plural(sum(self.worse), 'scan')} of {sum(self.scans):,} of the {self.role} may belong in a "
            f"worse tier ({told}): part of what is judged could not be measured on them, which never raises "
            f"a score.{' ' * bool(self._unknown_said)}{self._unknown_said}"
        )

    @property
    def _unknown_said(self) -> str:
        if not self.unknown:
            return ""
        return (
            f"Of {plural(self.unknown, 'scan')} of the {self.role} it is not known any more whether a worse "
            "tier is possible: their scores of then are not kept here."
        )

    @property
    def ranges_said(self) -> str:
        """The range of scores of each tier; empty where none is scored."""
        told = [
            f"{name} {number(low)} to {number(high)}"
            for name, (low, high) in zip(self.names, self.ranges, strict=True)
            if low == low
        ]
        return f"Distortion scores of the {self.role}: {', '.join(told)}." if told else ""

    @property
    def kinds_said(self) -> str:
        """How the images of each tier were prepared; empty where that is not known."""
        return f"Images of the {self.role}: {self.kinds.counted}." if self.kinds.counted else ""

    @property
    def good_said(self) -> str:
        """That no tier holds a scan of low quality, where that is so."""
        highest = [high for _, high in self.ranges]
        if self.role != "pool" or not highest or not max(highest) <= self.good:
            return ""
        return (
            f"All tiers of the pool lie within what counts as good (up to {self.good:.0f} of 100): a study "
            "of them is not about low quality."
        )

    @property
    def doubts(self) -> list[str]:
        """What somebody should know before a study is planned on these tiers, a sentence or two each."""
        return [said for said in (self.good_said, self.kinds.said, self.worse_said) if said]


def _by_tier(names: Sequence[str], counts: Sequence[int]) -> str:
    told = zip(names, counts, strict=True)
    return ", ".join(f"{count:,} in {name}" for name, count in told if count)


class Listed(Protocol):
    """A list with the rule that made it: a frozen cohort, or the draft of one."""

    @property
    def scans(self) -> pd.DataFrame: ...
    @property
    def rule(self) -> TierRule: ...
    @property
    def role(self) -> str: ...
    @property
    def reference(self) -> str: ...


def of_cohort(workspace: Workspace, cohort: Listed) -> TierImages:
    """Count the images of the tiers of a cohort, see :func:`of_list`."""
    return of_list(workspace, cohort.scans, cohort.rule, cohort.role, cohort.reference)


def of_list(
    workspace: Workspace, scans: pd.DataFrame, rule: TierRule, role: str, reference: str
) -> TierImages:
    """Count the images of the tiers of a list.

    Parameters
    ----------
    workspace : Workspace
        What scores and flags are taken from.
    scans : pandas.DataFrame
        The list, columns of :func:`curation.cohorts.cohort_draft.columns_of`.
    rule : TierRule
        That made it.
    role, reference : str
        As of :class:`curation.cohorts.frozen_cohort.CohortHeader`.
    """
    scans = scans[scans["tier"].isin(rule.names)].reset_index(drop=True)
    ends = _upper_ends(workspace, scans)
    place = {name: at for at, name in enumerate(rule.tiers)}
    codes = scans["tier"].map(place).to_numpy(dtype=np.intp)
    arrays = assignment.prepare(scans.assign(**{UPPER_END: ends}), {*rule.columns, UPPER_END})
    worse = may_be_worse(rule, arrays, codes) & (codes == assignment.assign_codes(arrays, rule))
    kinds = kinds_of(workspace, scans)
    names = tuple(name for name in rule.names if (scans["tier"] == name).any())
    rows = [(scans["tier"] == name).to_numpy() for name in names]
    values = scans[SCORE].to_numpy(dtype=np.float64)
    judged = _reference_kinds(workspace, reference)
    lost = np.isnan(ends) & np.isfinite(values)
    return TierImages(
        role=role,
        names=names,
        scans=tuple(int(row.sum()) for row in rows),
        ranges=tuple(_range(values[row]) for row in rows),
        worse=tuple(int((worse & row).sum()) for row in rows),
        unknown=int(lost.sum()) if judged and rule.column == SCORE else 0,
        kinds=ImageKinds(
            names,
            {
                kind: [int((row & (kinds == kind)).sum()) for row in rows]
                for kind in (*KINDS.values(), WHOLE)
            },
        ),
        good=GOOD if judged and "learned" not in judged else np.nan,
    )


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (np.nan, np.nan)


def _upper_ends(workspace: Workspace, scans: pd.DataFrame) -> NDArray[np.float64]:
    """Return how high each score may be, shape (N,); NaN where it is not known for the score of the list."""
    scores = tables.read_scores(workspace)
    if UPPER_END not in scores:  # as of a simulated world, which is never measured in part
        return scans[SCORE].to_numpy(dtype=np.float64)
    keys = ["scan_id", "sha256"]
    found = scans[[*keys, SCORE]].merge(
        scores[[*keys, SCORE, UPPER_END]], on=keys, how="left", suffixes=("", "_now")
    )
    same = np.isclose(found[SCORE], found[f"{SCORE}_now"], rtol=_SAME, atol=_SAME)
    ends = found[UPPER_END].fillna(found[SCORE])
    return ends.where(same).to_numpy(dtype=np.float64)


def _reference_kinds(workspace: Workspace, reference: str) -> set[str]:
    """Return the kinds of references; none where one is not known here, as of scores that were planted."""
    try:
        return {reference_library.load(workspace, one).kind for one in reference.split(", ")}
    except (TierscopeError, OSError):
        return set()
