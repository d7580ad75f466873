"""Which tier each scan gets: the fast way equals the obvious one."""

import math

import numpy as np
import pandas as pd
import pytest

from curation.errors import RuleError
from curation.tiers import assignment, tier_rule
from curation.tiers.rule_checks import UNSCORED, UNUSABLE, Gate
from curation.tiers.rule_columns import RULE_COLUMNS
from curation.tiers.tier_rule import TierRule
from tests.helpers.tier_rules import random_rule, random_scans


def _obvious(scan: pd.Series, rule: TierRule) -> str:
    """One scan, step by step, in words of the rule's description."""
    value, order = scan[rule.column], [*rule.names, UNUSABLE]
    possible = set(rule.names)
    if not math.isnan(value):
        worse = float.__le__ if RULE_COLUMNS[rule.column].better_is_higher else float.__ge__
        cutoffs = rule.by_site.get(scan["site"], rule.cutoffs)
        possible = {rule.names[sum(worse(float(value), cutoff) for cutoff in cutoffs)]}
    for gate in rule.gates:
        seen = scan[gate.column]
        held = seen > gate.above if gate.above is not None else seen < gate.below
        if held:
            possible = {max(name, gate.tier, key=order.index) for name in possible}
    return possible.pop() if len(possible) == 1 else UNSCORED


@pytest.mark.parametrize("seed", range(40))
def test_any_rule_on_any_scans_gives_what_reading_it_aloud_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rule, scans = random_rule(rng), random_scans(rng, 150)
    arrays = assignment.prepare(scans, rule.columns)
    found = assignment.names(assignment.assign_codes(arrays, rule), rule)
    assert found.tolist() == [_obvious(scan, rule) for _, scan in scans.iterrows()]


def test_blocks_have_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    scans = random_scans(rng, 100)
    rule = TierRule(by_site={"NYU": (3.0, 4.0)}, gates=(Gate("cjv", above=90.0),))
    arrays = assignment.prepare(scans, rule.columns)
    whole = assignment.assign_codes(arrays, rule)
    monkeypatch.setattr(assignment, "_BLOCK", 7)
    assert assignment.assign_codes(arrays, rule).tolist() == whole.tolist()


def test_nobody_at_all_is_no_error() -> None:
    arrays = assignment.prepare(random_scans(np.random.default_rng(0), 0), ["distortion_score"])
    assert assignment.assign_codes(arrays, TierRule()).tolist() == []


def test_a_gate_never_makes_a_scan_better_and_needs_a_value() -> None:
    scans = pd.DataFrame(
        {
            "scan_id": list("pqrst"),
            "site": None,
            "distortion_score": [5.0, 60.0, 5.0, np.nan, np.nan],
            "cjv": [0.9, 0.9, np.nan, 0.9, 0.1],
        }
    )
    rule = TierRule(gates=(Gate("cjv", above=0.5, tier="B"),))
    arrays = assignment.prepare(scans, rule.columns)
    found = assignment.names(assignment.assign_codes(arrays, rule), rule).tolist()
    # the fourth has no score: B or worse, which of them nobody knows
    assert found == ["B", "C", "A", UNSCORED, UNSCORED]
    to_the_worst = TierRule(gates=(Gate("cjv", above=0.5, tier="C"),))
    found = assignment.names(assignment.assign_codes(arrays, to_the_worst), to_the_worst).tolist()
    assert found == ["C", "C", "A", "C", UNSCORED]


def test_a_metric_of_which_more_is_better_is_cut_downwards() -> None:
    scans = pd.DataFrame(
        {"scan_id": list("pqrs"), "site": "X", "snr_total": [25.0, 20.0, 10.0, 3.0]}
    )
    rule = TierRule(cutoffs=(20.0, 10.0), column="snr_total")
    arrays = assignment.prepare(scans, rule.columns)
    assert assignment.assign_codes(arrays, rule).tolist() == [0, 1, 2, 2]


def test_decisions_by_hand_come_last_and_only_known_tiers_and_scans_count() -> None:
    scans = pd.DataFrame(
        {"scan_id": list("pqr"), "site": "X", "distortion_score": [5.0, 30.0, 90.0]}
    )
    rule = TierRule()
    arrays = assignment.prepare(scans, rule.columns)
    codes = assignment.assign_codes(arrays, rule)
    decisions = pd.DataFrame(
        {"scan_id": ["r", "gone", "q", "p"], "tier": ["A", "B", "unknown", "A"]}
    )
    decided, changed = assignment.with_decisions(codes, arrays, rule, decisions)
    assert assignment.names(decided, rule).tolist() == ["A", "B", "A"]
    assert scans["scan_id"].iloc[changed].tolist() == ["r"]
    assert codes.tolist() == [0, 1, 2]
    none = assignment.with_decisions(codes, arrays, rule, decisions.iloc[:0])
    assert none[0].tolist() == [0, 1, 2]
    assert not len(none[1])


def test_a_column_that_was_not_read_is_said_not_guessed() -> None:
    scans = random_scans(np.random.default_rng(0), 3)
    with pytest.raises(RuleError, match="looks at noise"):
        assignment.prepare(scans, ["noise"])
    arrays = assignment.prepare(scans, ["distortion_score"])
    rule = TierRule(column="cjv", cutoffs=(0.3, 0.5))
    with pytest.raises(RuleError, match="looks at cjv"):
        assignment.assign_codes(arrays, rule)
    whole = assignment.prepare(scans, rule.columns)
    assert len(assignment.assign_codes(whole, rule)) == 3


def test_cut_offs_alone_are_the_same_by_plot_and_by_assignment() -> None:
    scans = random_scans(np.random.default_rng(3), 200)
    rule = TierRule(cutoffs=(20.0, 40.0))
    arrays = assignment.prepare(scans, rule.columns)
    by_plot = tier_rule.assign(scans["distortion_score"], rule)
    assert (
        assignment.names(assignment.assign_codes(arrays, rule), rule).tolist() == by_plot.tolist()
    )


def test_the_worst_tier_that_a_scan_could_be_in_follows_the_upper_end_of_its_score() -> None:
    scans = pd.DataFrame(
        [
            ("a", 17.0, 69.6, "A", False),
            ("b", 17.0, 17.0, "A", False),
            ("c", 30.0, float("nan"), "B", False),
            ("d", 17.0, 69.6, "A", True),
            ("e", 17.0, 40.0, "C", False),
            ("f", float("nan"), float("nan"), UNSCORED, False),
        ],
        columns=["scan_id", "distortion_score", "score_high", "tier", "by_hand"],
    ).assign(site=None)
    rule = TierRule()
    assert assignment.at_worst(scans, rule).tolist() == ["C", "A", "B", "A", "C", UNSCORED]
    of_another = TierRule(column="noise")
    assert assignment.at_worst(scans, of_another).tolist() == scans["tier"].tolist()
    own = TierRule(by_site={"X": (70.0, 80.0)})
    assert assignment.at_worst(scans.assign(site="X"), own).tolist()[0] == "A"
