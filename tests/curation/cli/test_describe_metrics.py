"""The page of metrics is what the registries say, today."""

from dataclasses import replace

import pytest

from curation.__main__ import main
from curation.cli.describe_metrics import NEEDS_IN_WORDS, page
from curation.imaging.image_flags import FLAGS
from curation.metrics import METRICS, NEEDS
from curation.references import reference_library
from curation.scoring.distortion_score import SCORING_VERSION
from curation.scoring.score_reference import builtin
from tests.helpers.paths import ROOT

DOCS = ROOT / "docs" / "metrics.md"


def test_the_page_in_the_repository_is_what_the_registries_give() -> None:
    assert DOCS.read_text(encoding="utf-8") == page(), (
        "stale: python -m curation describe-metrics > docs/metrics.md"
    )


def test_the_command_prints_the_page(capsys: pytest.CaptureFixture) -> None:
    assert main(["describe-metrics"]) == 0
    assert capsys.readouterr().out == page()


def test_every_metric_flag_and_anchor_has_its_row() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    named = [row.split("`")[1] for row in rows]
    scored = [name for name in builtin().anchors if name in METRICS]
    references = ["builtin-3", reference_library.experts().id, "builtin-2", "builtin-1"]
    assert sorted(named) == sorted([*METRICS, *scored, *builtin().anatomy, *FLAGS, *references])


def test_the_page_says_for_whom_the_built_in_reference_holds() -> None:
    assert builtin().population.words[:60] in page()
    assert all(kind in page() for kind in ("T2w, FLAIR", "19–55", "3 T"))


def test_every_way_of_scoring_is_told() -> None:
    text = " ".join(page().split())
    told = text[text.index("Version 1 divided") : text.index("Scores of an earlier version")]
    assert all(f"ersion {number} " in told for number in range(1, SCORING_VERSION + 1))
    assert f"version {SCORING_VERSION} is this one." in told


def test_every_need_is_told_in_words() -> None:
    assert set(NEEDS_IN_WORDS) == NEEDS


def test_bars_and_markup_in_a_formula_do_not_break_the_table() -> None:
    entry = replace(METRICS["cjv"], formula="|a|*b_c", meaning="a|b *c* <d>", needs=frozenset())
    row = next(line for line in page({"cjv": entry}).splitlines() if line.startswith("| `cjv"))
    assert r"`\|a\|*b_c`" in row
    assert r"a\|b \*c\* \<d>" in row
    assert row.replace(r"\|", "").count("|") == 6


def test_a_metric_that_is_not_scored_has_no_anchor() -> None:
    reference = replace(builtin(), anchors={})
    assert "Scored by" not in page({"cjv": METRICS["cjv"]}, reference=reference)
