"""What Tiers says of a distortion beside the cut-offs."""

import numpy as np

from curation.tiers.tier_rule import TierRule
from pages.ui.tiers import dose_evidence

ROW = {
    "study": "first",
    "clean": "A",
    "words": "head motion, severity 0.6: cost 1.20 years (0.40 to 2.00).",
    "ranks": True,
    "score_clean": 9.6,
    "score_distorted": 50.2,
    "n_scored": 4,
}
RULE = TierRule(names=("A", "B", "C"), cutoffs=(20.0, 50.0))


def test_a_distortion_stands_with_its_years_its_score_and_the_tier_of_that_score() -> None:
    told = dose_evidence.sentence(ROW, RULE)
    assert told.startswith("Study first, scans of A: head motion, severity 0.6: cost 1.20 years")
    assert "scored 50 on average, tier C by these cut-offs (10 as they are, 4 scored)" in told
    assert "tier B" in dose_evidence.sentence(ROW | {"score_distorted": 49.9}, RULE)


def test_where_nothing_was_learned_nothing_is_concluded() -> None:
    row = ROW | {"ranks": False, "beaten": "age better than the mean age"}
    said = dose_evidence.sentence(row, RULE)
    assert "No arm of it predicts age better than the mean age: nothing to conclude" in said


def test_no_score_and_cutoffs_by_site_give_no_tier() -> None:
    assert "scored" not in dose_evidence.sentence(ROW | {"score_distorted": np.nan}, RULE)
    by_site = TierRule(names=("A", "B"), cutoffs=(20.0,), by_site={"North": (30.0,)})
    assert "tier" not in dose_evidence.sentence(ROW, by_site)
