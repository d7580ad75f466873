"""Saved rules: each version stays."""

import datetime

import pytest

from curation.decisions import audit_trail
from curation.errors import RuleError
from curation.storage.workspace import Workspace
from curation.tiers import rule_versions, rule_yaml
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import TierRule

ONE = "# mine\ntiers: [A, B]\ncutoffs: [30]\n"
TWO = "tiers: [A, B]\ncutoffs: [40]\n"


def test_each_version_is_kept_with_who_and_when(workspace: Workspace) -> None:
    first = rule_versions.save(workspace, "strict", ONE, "Ada")
    second = rule_versions.save(workspace, " strict ", TWO, "Grace")
    other = rule_versions.save(workspace, "mild", TWO, "Ada")
    assert [(s.label, s.author) for s in rule_versions.list_rules(workspace)] == [
        ("mild, version 1", "Ada"),
        ("strict, version 2", "Grace"),
        ("strict, version 1", "Ada"),
    ]
    assert rule_versions.load(workspace, "strict") == second
    assert rule_versions.load(workspace, "strict", 1) == first
    assert first.text == ONE
    assert first.rule == TierRule(("A", "B"), (30.0,))
    assert other.hash == second.hash != first.hash
    assert first.at.tzinfo is datetime.UTC


def test_who_saved_a_rule_stands_in_the_history(workspace: Workspace) -> None:
    saved = rule_versions.save(workspace, "strict", ONE, "Ada")
    told = audit_trail.history(workspace).iloc[0]
    assert (told["who"], told["what"], told["subject"]) == (
        "Ada",
        "rule saved",
        "strict, version 1",
    )
    assert saved.hash in told["detail"]


def test_the_newest_text_saved_again_is_no_new_version_and_an_older_one_is(workspace) -> None:
    for text, number in ((ONE, 1), (ONE, 1), (TWO, 2), (ONE, 3)):
        assert rule_versions.save(workspace, "strict", text, "Ada").number == number


def test_what_cannot_be_saved_leaves_nothing_behind(workspace: Workspace) -> None:
    for name, text, author, words in (
        (" ", ONE, "Ada", "needs a name"),
        ("strict", ONE, " ", "who decides"),
        ("strict", "tiers: [A, B]\ncutoffs: [x]\n", "Ada", "Line 2"),
    ):
        with pytest.raises(RuleError, match=words):
            rule_versions.save(workspace, name, text, author)
    assert rule_versions.list_rules(workspace) == []
    with pytest.raises(RuleError, match="none yet"):
        rule_versions.load(workspace, "strict")
    rule_versions.save(workspace, "mild", ONE, "Ada")
    with pytest.raises(RuleError, match="there are: mild, version 1"):
        rule_versions.load(workspace, "mild", 2)


def test_what_a_rule_does_makes_its_hash_not_how_it_is_written() -> None:
    gates = (Gate("noise", above=50.0), Gate("cjv", above=0.8))
    rule, turned = TierRule(gates=gates), TierRule(gates=gates[::-1])
    assert rule_versions.content_hash(rule) == rule_versions.content_hash(turned)
    read = rule_yaml.parse("# other words\n" + rule_yaml.to_yaml(rule))
    assert rule_versions.content_hash(read) == rule_versions.content_hash(rule)
    different = {
        rule_versions.content_hash(r)
        for r in (
            TierRule(),
            rule,
            TierRule(gates=gates[:1]),
            TierRule(by_site={"X": (25.0, 50.0)}),
            TierRule(cutoffs=(25.0, 50.1)),
            TierRule(column="noise"),
        )
    }
    assert len(different) == 6
