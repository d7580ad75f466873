"""Who moves where between two rules."""

import numpy as np
import pandas as pd
import pytest

from curation.tiers import assignment
from curation.tiers.rule_checks import UNSCORED, UNUSABLE, Gate
from curation.tiers.tier_rule import TierRule
from tests.helpers.tier_rules import random_rule, random_scans


def test_the_moves_of_a_few_scans_are_counted_and_named() -> None:
    scans = pd.DataFrame(
        {
            "scan_id": list("pqrst"),
            "site": None,
            "distortion_score": [5.0, 22.0, 30.0, 60.0, np.nan],
            "noise": [0.0, 0.0, 90.0, 0.0, 0.0],
        }
    )
    before, after = TierRule(), TierRule(cutoffs=(20.0, 50.0), gates=(Gate("noise", above=80.0),))
    arrays = assignment.prepare(scans, (*before.columns, *after.columns))
    moves = assignment.compare(before, after, arrays)
    assert moves.table.index.tolist() == ["A", "B", "C", UNSCORED]
    assert moves.table.columns.tolist() == ["A", "B", "C", UNUSABLE, UNSCORED]
    assert moves.table.loc["A"].tolist() == [1, 1, 0, 0, 0]
    assert moves.table.loc["B", UNUSABLE] == 1
    assert moves.moved.to_dict("list") == {
        "scan_id": ["q", "r"],
        "before": ["A", "B"],
        "after": ["B", UNUSABLE],
    }
    assert moves.stayed == 3
    assert moves.scan_ids("B", UNUSABLE) == ["r"]
    by_hand = pd.DataFrame({"scan_id": ["q"], "tier": ["A"]})
    held = assignment.compare(before, after, arrays, by_hand)
    assert held.moved["scan_id"].tolist() == ["r"]


@pytest.mark.parametrize("seed", range(10))
def test_nobody_is_lost_between_two_rules_and_none_moves_between_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, after, scans = random_rule(rng), random_rule(rng), random_scans(rng, 200)
    arrays = assignment.prepare(scans, (*before.columns, *after.columns))
    moves = assignment.compare(before, after, arrays)
    assert moves.table.to_numpy().sum() == len(scans) == len(moves.moved) + moves.stayed
    assert assignment.compare(before, before, arrays).moved.empty
    back = assignment.compare(after, before, arrays)
    assert back.table.T.reindex_like(moves.table).equals(moves.table)
