"""Quality tiers: named bands of the distortion score.

A rule is data; applying it is a pure function of scores. Tier ``k`` holds the scores from cut-off
``k-1`` up to, but not including, cut-off ``k``: a scan exactly on a cut-off goes to the worse tier.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from curation.errors import RuleError

MIN_TIERS, MAX_TIERS = 2, 6
TIER_NAMES = ("A", "B", "C", "D", "E", "F")
UNSCORED = "not scored"

#: Okabe-Ito colours, safe for colour-blind readers; one colour a tier everywhere.
TIER_COLOURS: dict[str, str] = {
    "A": "#0072B2",
    "B": "#E69F00",
    "C": "#D55E00",
    "D": "#CC79A7",
    "E": "#009E73",
    "F": "#56B4E9",
    "unusable": "#7F7F7F",
    UNSCORED: "#BBBBBB",
}


@dataclass(frozen=True)
class TierRule:
    """Where the distortion score is cut into tiers.

    Parameters
    ----------
    names : tuple of str
        Tiers from best to worst, 2 to 6.
    cutoffs : tuple of float
        Rising cut-offs in points of the score (0 to 100), one fewer than names.
    column : str
        The score that is cut.

    Raises
    ------
    RuleError
        When names repeat, cut-offs cross, lie outside 0–100, or do not fit the names.
    """

    names: tuple[str, ...] = ("A", "B", "C")
    cutoffs: tuple[float, ...] = (25.0, 50.0)
    column: str = "distortion_score"

    def __post_init__(self) -> None:
        count = len(self.names)
        if not MIN_TIERS <= count <= MAX_TIERS:
            raise RuleError(f"A rule has {MIN_TIERS} to {MAX_TIERS} tiers; this one has {count}.")
        if len(set(self.names)) != count or UNSCORED in self.names or not all(self.names):
            raise RuleError(f"Tiers need different names; these are {', '.join(self.names)}.")
        if len(self.cutoffs) != count - 1:
            raise RuleError(
                f"{count} tiers need {count - 1} cut-offs; {len(self.cutoffs)} were given."
            )
        if not all(0 <= cut <= 100 for cut in self.cutoffs):
            raise RuleError(f"Cut-offs lie between 0 and 100; these are {_listed(self.cutoffs)}.")
        for (low, high), (better, worse) in zip(
            pairwise(self.cutoffs), pairwise(self.names[1:]), strict=True
        ):
            if low >= high:
                raise RuleError(
                    f"The cut-offs {low:g} and {high:g} cross: tier {better} would end before it "
                    f"begins. Move the upper cut-off of {better} above {low:g}, or drop {worse}."
                )

    def as_dict(self) -> dict[str, Any]:
        """Return the rule as plain JSON-ready values."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TierRule":
        """Build a rule from what :meth:`as_dict` gave."""
        return cls(tuple(values["names"]), tuple(map(float, values["cutoffs"])), values["column"])

    def describe(self) -> list[str]:
        """Say in words what each tier holds, best first."""
        edges = ["0", *(f"{cut:g}" for cut in self.cutoffs), "100"]
        return [
            f"{name}: {low} to {'' if high == '100' else 'under '}{high}"
            for name, (low, high) in zip(self.names, pairwise(edges), strict=True)
        ]


DEFAULT_RULE = TierRule()


def assign(scores: pd.Series, rule: TierRule = DEFAULT_RULE) -> pd.Series:
    """Return the tier of each score.

    Parameters
    ----------
    scores : pandas.Series of float, shape (N,)
        0 (pristine) to 100 (unusable); NaN where a scan has none.
    rule : TierRule
        The cut-offs.

    Returns
    -------
    pandas.Series of str, shape (N,)
        Names from ``rule.names``, or ``not scored``; the index of ``scores``.
    """
    names = np.array([*rule.names, UNSCORED], dtype=object)
    values = scores.to_numpy(dtype=float)
    tier = np.searchsorted(rule.cutoffs, values, side="right")
    return pd.Series(names[np.where(np.isnan(values), len(rule.names), tier)], scores.index)


def counts(tiers: pd.Series, rule: TierRule = DEFAULT_RULE) -> pd.DataFrame:
    """Count the scans of each tier.

    Returns
    -------
    pandas.DataFrame
        ``tier``, ``scans`` and ``share`` (of all scans given, 0 to 1), best tier first, ``not
        scored`` last and only where there are some.
    """
    found = tiers.value_counts()
    order = [*rule.names, *([UNSCORED] if UNSCORED in found else [])]
    numbers = [int(found.get(name, 0)) for name in order]
    total = max(len(tiers), 1)
    return pd.DataFrame(
        {"tier": order, "scans": numbers, "share": [number / total for number in numbers]}
    )


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
