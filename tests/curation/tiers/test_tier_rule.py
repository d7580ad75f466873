import json

import numpy as np
import pandas as pd
import pytest

from curation.errors import RuleError
from curation.tiers import tier_rule
from curation.tiers.rule_checks import UNSCORED, UNUSABLE, Gate
from curation.tiers.tier_rule import TIER_COLOURS, TIER_NAMES, TierRule, colours


def test_a_score_on_a_cut_off_goes_to_the_worse_tier() -> None:
    rule = TierRule(cutoffs=(20.0, 60.0))
    scores = pd.Series([0.0, 19.999, 20.0, 59.9, 60.0, 100.0], index=list("uvwxyz"))
    assert tier_rule.assign(scores, rule).to_dict() == dict(zip("uvwxyz", "AABBCC", strict=True))


def test_a_scan_without_a_score_is_in_no_tier() -> None:
    assert tier_rule.assign(pd.Series([np.nan, 5.0])).tolist() == [UNSCORED, "A"]


def test_a_scan_without_a_value_of_another_column_is_not_called_unscored() -> None:
    assert TierRule().called(UNSCORED) == UNSCORED and TierRule().called("A") == "A"
    cut = TierRule(names=("A", "B"), cutoffs=(5.0,), column="worse.motion.fd_mm")
    assert cut.called(UNSCORED) == "no value" and cut.called("A") == "A"


def test_counts_add_up_and_keep_empty_tiers_in_order() -> None:
    rule = TierRule(names=("A", "B", "C", "D"), cutoffs=(10.0, 20.0, 30.0))
    table = tier_rule.counts(tier_rule.assign(pd.Series([5.0, 25.0, 25.0, np.nan]), rule), rule)
    assert table["tier"].tolist() == ["A", "B", "C", "D", UNSCORED]
    assert table["scans"].tolist() == [1, 0, 2, 0, 1]
    assert table["share"].sum() == pytest.approx(1.0)


def test_counts_of_nobody_are_zero() -> None:
    assert tier_rule.counts(pd.Series([], dtype="str"))["scans"].tolist() == [0, 0, 0]


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


def test_a_rule_of_cut_offs_alone_keeps_the_identity_that_cohorts_of_0_2_were_named_by() -> None:
    text = "TierRule(names=('A', 'B', 'C'), cutoffs=(25.0, 50.0), column='distortion_score')"
    assert TierRule().identity() == TierRule(cutoffs=(25, np.float64(50))).identity() == text


def test_a_rule_with_gates_and_sites_survives_the_way_through_json() -> None:
    rule = TierRule(
        gates=(Gate("cjv", above=0.5), Gate("noise", above=0, tier="C")),
        by_site={"Z": (1, 2), "A": (3.5, 4)},
    )
    assert TierRule.from_dict(json.loads(json.dumps(rule.as_dict()))) == rule
    assert list(rule.by_site) == ["A", "Z"]
    assert hash(rule) == hash(TierRule.from_dict(rule.as_dict()))


def test_a_rule_in_one_line_says_all_that_it_does() -> None:
    assert TierRule().brief() == "distortion score cut at 25, 50"
    rule = TierRule(gates=(Gate("cjv", above=0.5),), by_site={"UM": (3, 4), "NYU": (1, 2)})
    assert rule.brief() == (
        "distortion score cut at 25, 50; cjv over 0.5 → unusable; own cut-offs of NYU, UM"
    )


def test_unusable_is_a_tier_past_the_last_where_a_gate_leads_to_it() -> None:
    assert TierRule().labels == ("A", "B", "C", UNSCORED)
    gated = TierRule(gates=(Gate("cjv", above=0.5),))
    assert gated.tiers == ("A", "B", "C", UNUSABLE)
    assert TierRule(gates=(Gate("cjv", above=0.5, tier="C"),)).tiers == ("A", "B", "C")
    with pytest.raises(RuleError, match="another name"):
        TierRule(("A", UNUSABLE), (50.0,))


def test_a_metric_reads_as_words_whichever_way_it_runs() -> None:
    assert TierRule(column="cjv", cutoffs=(0.3, 0.55)).describe() == [
        "A: under 0.3",
        "B: 0.3 to under 0.55",
        "C: 0.55 and over",
    ]
    falling = TierRule(column="snr_total", cutoffs=(20.0, 10.0))
    assert falling.describe() == ["A: over 20", "B: over 10 to 20", "C: 10 and under"]
    with pytest.raises(RuleError, match=r"10 and 20 cross.*below 10"):
        TierRule(column="snr_total", cutoffs=(10.0, 20.0))


def test_tiers_of_any_name_have_colours_of_their_own() -> None:
    assert colours(TierRule())["B"] == TIER_COLOURS["B"]
    for names in (("good", "fair", "bad"), ("C", "x", "A"), ("on", "off")):
        rule = TierRule(names, (20.0, 40.0)[: len(names) - 1], gates=(Gate("cjv", above=1.0),))
        found = colours(rule)
        assert set(found) == set(rule.labels)
        assert len(set(found.values())) == len(found)
        assert found[UNUSABLE] == TIER_COLOURS[UNUSABLE]


def test_every_tier_of_a_rule_has_a_shape_of_its_own() -> None:
    names = ("A", "B", "C", "fair", "poor", "worst")
    rule = TierRule(names, (10.0, 20.0, 30.0, 40.0, 50.0), gates=(Gate("geometry", above=90.0),))
    found = tier_rule.shapes(rule)
    assert list(found) == list(rule.labels)
    for part in (0, 1):
        assert len({shape[part] for shape in found.values()}) == len(rule.labels)
