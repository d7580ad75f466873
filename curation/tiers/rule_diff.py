"""Two rules on the same scans: who moves from which tier to which."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from curation.tiers import assignment
from curation.tiers.assignment import ScanArrays
from curation.tiers.tier_rule import TierRule


@dataclass(frozen=True)
class Moves:
    """What changes from one rule to another.

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
        By hand, as :func:`curation.tiers.overrides.standing` returns: these scans move only where a rule
        lacks the tier that they were given.

    Returns
    -------
    Moves
    """
    codes = []
    for rule in (before, after):
        by_rule = assignment.assign_codes(scans, rule)
        if decisions is not None:
            by_rule, _ = assignment.with_decisions(by_rule, scans, rule, decisions)
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
            "before": assignment.names(codes[0][places], before),
            "after": assignment.names(codes[1][places], after),
        }
    )
    return Moves(table.loc[rows, columns], moved, len(scans) - len(places))
