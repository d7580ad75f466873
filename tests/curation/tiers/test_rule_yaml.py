"""Rules as text: what is written is what is read, and what is wrong is said where it stands."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from curation.errors import RuleError
from curation.tiers import rule_yaml
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import TierRule
from tests.helpers.paths import ROOT
from tests.helpers.tier_rules import random_rule

FULL = TierRule(
    gates=(Gate("incompleteness", above=20.0), Gate("snr_total", below=5.0, tier="C")),
    by_site={"NYU": (20.0, 45.5), "NO": (30.0, 60.0)},
)
TEXT = """\
# Sorts scans into quality tiers. A scan exactly on a cut-off goes to the worse tier.
column: distortion_score  # points; higher is worse
tiers: [A, B, C]  # best to worst
cutoffs: [25, 50]  # B begins at 25, C begins at 50
by_site:  # cut-offs of single sites, in the place of those above
  'NO': [30, 60]
  NYU: [20, 45.5]
gates:  # whatever the cut-offs say; of several the worst tier counts
  - {column: incompleteness, above: 20, tier: unusable}
  - {column: snr_total, below: 5, tier: C}
"""


def test_a_rule_is_text_that_people_can_read() -> None:
    assert rule_yaml.to_yaml(FULL) == TEXT
    assert rule_yaml.parse(TEXT) == FULL


@pytest.mark.parametrize("seed", range(60))
def test_any_rule_survives_the_way_through_text(seed: int) -> None:
    rule = random_rule(np.random.default_rng(seed))
    text = rule_yaml.to_yaml(rule)
    assert rule_yaml.parse(text) == rule
    assert rule_yaml.to_yaml(rule_yaml.parse(text)) == text
    others = yaml.safe_load(text)  # another program reads the same names
    assert others["tiers"] == list(rule.names)
    assert list(others.get("by_site", {})) == list(rule.by_site)


def test_a_short_rule_is_enough_and_names_stay_as_written() -> None:
    assert rule_yaml.parse("tiers: [A, B, C]\ncutoffs: [25, 50]") == TierRule()
    text = "tiers: [1, 2]\ncutoffs: [4e1]\nby_site:\n  NO: [2]\n  007: [3.5]\n"
    assert rule_yaml.parse(text) == TierRule(
        ("1", "2"), (40.0,), by_site={"NO": (2.0,), "007": (3.5,)}
    )
    block = "tiers:\n - A\n - B\ncutoffs:\n - 4\ngates:\n - column: noise\n   above: 60\n"
    assert rule_yaml.parse(block).gates == (Gate("noise", above=60.0),)


HEAD = "tiers: [A, B, C]\ncutoffs: [25, 50]\n"
GATES = HEAD + "gates:\n  - {column: noise, above: 50, tier: unusable}\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("tiers: [A, B, C]\ncutoffs: [50, 25]", 2, "50 and 25 cross"),
        ("tiers: [A, B, C]\ncutoffs: [25]", 2, "need 2 cut-offs; 1 were given"),
        ("tiers: [A, B, C]\ncutoffs: [25, ~]", 2, "A number is missing"),
        ("tiers: [A, B, C]\ncutoffs: [25, high]", 2, "not 'high'"),
        ("tiers: [A, B, C]\ncutoffs: 25", 2, "a list of cut-offs"),
        ("tiers: [A, B, C]\ncutoffs: [25, .nan]", 2, "not '.nan'"),
        ("tiers: [A, B, C]\ncutoffs: [25, nan]", 2, "between 0 and 100"),
        ("tiers: [A, B, C]\ncutoffs: [25, 150]", 2, "between 0 and 100"),
        ("tiers: [A, B, C]\n", None, "has no cutoffs"),
        ("cutoffs: [2]\n", None, "has no tiers"),
        ("tiers: [A]\ncutoffs: []", 1, "2 to 6 tiers"),
        ("tiers: [A, A]\ncutoffs: [3]", 1, "different names"),
        ("tiers: [A, [B]]\ncutoffs: [3]", 1, "a name is expected"),
        (HEAD + "colunm: noise", 3, "did you mean column"),
        (HEAD + "column: nois", 3, "did you mean noise"),
        (HEAD + "column: wm2max", 3, "describes the acquisition"),
        (HEAD + "cutoffs: [3, 4]", 3, "said twice"),
        (HEAD + "by_site:\n  NYU: [25]", 4, "for site NYU"),
        (HEAD + "by_site:\n  NYU: [25, 50]\n  UM: [50, 25]", 5, "of site UM 50 and 25 cross"),
        (HEAD + "by_site: [3]", 3, "each line is 'SITE:"),
        (GATES + "  - {column: noise, above: 50, tier: C}", 5, "the same limit"),
        (GATES + "  - {column: noise, above: 70, tier: C}", 5, "overlap: the second never counts"),
        (GATES + "  - {column: noise, below: 60, tier: C}", 5, "no value passes both"),
        (GATES + "  - {column: niose, above: 5}", 5, "did you mean noise"),
        (GATES + "  - {column: cjv}", 5, "needs one limit: either above or below."),
        (GATES + "  - {column: cjv, above: 3, below: 2}", 5, "not both"),
        (GATES + "  - {column: cjv, over: 3}", 5, "'over' is no part of a gate"),
        (GATES + "  - {above: 3}", 5, "no column"),
        (GATES + "  - {column: cjv, above: 3, tier: Z}", 5, "no tier; there are B, C, unusable"),
        (GATES + "  - {column: cjv, above: 3, tier: A}", 5, "the best tier, changes nothing"),
        (GATES + "  - {column: motion, above: 300}", 5, "limit 300 does not"),
        (GATES + "  - {column: cjv, above: inf}", 5, "is not a number"),
        (GATES + "  - cjv", 5, "a gate is expected"),
        ("tiers: [A, B\ncutoffs: [3]", 2, "not valid YAML"),
        ("tiers: [A, B]\n\tcutoffs: [3]", 2, "not valid YAML"),
        ("", None, "empty"),
        ("just words", 1, "a rule is expected"),
        ("[" * 3000, None, "too deep"),
        ("x" * 200_000, None, "short text"),
        ("!!python/object/apply:os.system ['true']", 1, "a rule is expected"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(text: str, line: int | None, words: str) -> None:
    with pytest.raises(RuleError) as told:
        rule_yaml.parse(text)
    assert words in str(told.value)
    assert told.value.line == line
    assert line is None or str(told.value).startswith(f"Line {line}: ")


def test_a_file_that_is_no_rule_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    with pytest.raises(RuleError, match="cannot be read as a rule"):
        rule_yaml.read(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RuleError, match="cannot be read as a rule"):
        rule_yaml.read(path)
    path.write_text("tiers: [A, B]\ncutoffs: [x]\n")
    with pytest.raises(RuleError, match=r"rule\.yaml: Line 2: "):
        rule_yaml.read(path)
    path.write_text("\ufeff" + TEXT, encoding="utf-8")
    assert rule_yaml.read(path) == FULL


def test_the_rule_in_the_documentation_is_one_as_it_is_written() -> None:
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    text = page.partition("```yaml\n")[2].partition("```")[0]
    assert rule_yaml.to_yaml(rule_yaml.parse(text)) == text
