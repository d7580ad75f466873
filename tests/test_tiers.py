import numpy as np
import pandas as pd
import pytest

from curation import tiers
from curation.errors import RuleError
from curation.tiers import TIER_COLOURS, TIER_NAMES, UNSCORED, TierRule


def test_a_score_on_a_cut_off_goes_to_the_worse_tier() -> None:
    rule = TierRule(cutoffs=(20.0, 60.0))
    scores = pd.Series([0.0, 19.999, 20.0, 59.9, 60.0, 100.0], index=list("uvwxyz"))
    assert tiers.assign(scores, rule).to_dict() == dict(zip("uvwxyz", "AABBCC", strict=True))


def test_a_scan_without_a_score_is_in_no_tier() -> None:
    assert tiers.assign(pd.Series([np.nan, 5.0])).tolist() == [UNSCORED, "A"]


def test_counts_add_up_and_keep_empty_tiers_in_order() -> None:
    rule = TierRule(names=("A", "B", "C", "D"), cutoffs=(10.0, 20.0, 30.0))
    table = tiers.counts(tiers.assign(pd.Series([5.0, 25.0, 25.0, np.nan]), rule), rule)
    assert table["tier"].tolist() == ["A", "B", "C", "D", UNSCORED]
    assert table["scans"].tolist() == [1, 0, 2, 0, 1]
    assert table["share"].sum() == pytest.approx(1.0)


def test_counts_of_nobody_are_zero() -> None:
    assert tiers.counts(pd.Series([], dtype="str"))["scans"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("names", "cutoffs", "message"),
    [
        (("A", "B", "C"), (50.0, 20.0), "cross"),
        (("A", "B", "C"), (30.0, 30.0), "cross"),
        (("A", "B", "C"), (30.0,), "need 2 cut-offs"),
        (("A", "B"), (130.0,), "between 0 and 100"),
        (("A", "B"), (float("nan"),), "between 0 and 100"),
        (("A", "A"), (30.0,), "different names"),
        (("A", ""), (30.0,), "different names"),
        (("A", UNSCORED), (30.0,), "different names"),
        (("A",), (), "2 to 6 tiers"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_in_words(names, cutoffs, message) -> None:
    with pytest.raises(RuleError, match=message):
        TierRule(names=names, cutoffs=cutoffs)


def test_a_rule_survives_the_way_through_json() -> None:
    rule = TierRule(names=("A", "B"), cutoffs=(33.25,))
    assert TierRule.from_dict(rule.as_dict()) == rule


def test_a_rule_reads_as_words() -> None:
    assert TierRule().describe() == ["A: 0 to under 25", "B: 25 to under 50", "C: 50 to 100"]


def test_every_tier_has_its_own_colour() -> None:
    assert set(TIER_NAMES) < set(TIER_COLOURS)
    assert len(set(TIER_COLOURS.values())) == len(TIER_COLOURS)
