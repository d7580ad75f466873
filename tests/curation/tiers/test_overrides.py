"""A tier by hand holds until the next decision, and each has its reason."""

import pytest

from curation.errors import RatingError
from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.overrides import override
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import TierRule
from pages.ui.scan_table import tried_rule
from tests.helpers.workspace_scored import put_metrics, put_scans


def test_overrides_stand_until_the_next_and_need_a_reason(workspace: Workspace) -> None:
    put_scans(workspace, [{"distortion_score": score} for score in (5.0, 10.0, 30.0)])
    first, second, _ = ids = [f"made_sub-0{number}_T1w" for number in range(3)]
    override(workspace, first, "Ada", "C", "ringing")
    override(workspace, second, "Ada", "C", "ringing")
    override(workspace, first, "Bob", None, "seen again: fine")
    assert overrides.in_force(workspace)["scan_id"].tolist() == [second]
    assert overrides.list_overrides(workspace, first)["tier"].tolist() == ["C", None]
    assert len(overrides.list_overrides(workspace)) == 3
    scans = tables.read_scored_scans(workspace)
    assert scans["scan_id"].tolist() == ids
    assert overrides.tiers_with_overrides(workspace, scans, TierRule()).tolist() == ["A", "C", "B"]
    without_c = TierRule(("A", "B"), (25.0,))
    assert overrides.tiers_with_overrides(workspace, scans, without_c).tolist() == ["A", "A", "B"]
    for author, tier, reason, words in (
        (" ", "A", "why", "who decides"),
        ("Ada", "A", " ", "needs a reason"),
        ("Ada", "", "why", "Name the tier"),
    ):
        with pytest.raises(RatingError, match=words):
            override(workspace, first, author, tier, reason)


def test_a_scan_whose_tier_was_given_by_hand_is_held_there(workspace: Workspace) -> None:
    put_scans(workspace, [{"distortion_score": 10.0}] * 3)
    first, second, _ = (f"made_sub-0{number}_T1w" for number in range(3))
    override(workspace, first, "Ada", "A", "fine")
    override(workspace, second, "Ada", "a tier of another rule", "why")
    scans = tables.read_scored_scans(workspace)
    assert overrides.reasons(workspace, scans, TierRule()).tolist() == ["fine", None, None]
    told = tried_rule.at_worst(workspace, scans.assign(tier="A", score_high=90.0))
    assert told["tier_worst"].tolist() == ["A", "C", "C"]
    assert told["tier_by_hand"].tolist() == ["fine", None, None]


def test_metrics_that_a_rule_looks_at_are_read_where_the_scans_lack_them(workspace) -> None:
    put_scans(workspace, [{"distortion_score": 5.0}] * 3)
    put_metrics(workspace, {"snr_total": [30.0, 8.0, float("nan")]})
    scans = tables.read_scored_scans(workspace)
    rule = TierRule(gates=(Gate("snr_total", below=10.0),))
    assert overrides.tiers_with_overrides(workspace, scans, rule).tolist() == ["A", "unusable", "A"]
    alone = scans.iloc[1].to_frame().T
    assert overrides.tiers_with_overrides(workspace, alone, rule).tolist() == ["unusable"]
    of_snr = TierRule(cutoffs=(20.0, 5.0), column="snr_total")
    assert overrides.tiers_with_overrides(workspace, scans, of_snr).tolist() == [
        "A",
        "B",
        "not scored",
    ]
