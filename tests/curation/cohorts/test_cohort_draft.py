"""The list that a rule makes: text that is the same to the byte, wherever it is asked for."""

import pytest

from curation.cohorts import cohort_diff, cohort_draft, frozen_cohort
from curation.cohorts.cohort_draft import COHORT_COLUMNS, draft_cohort
from curation.errors import CohortError
from curation.storage.workspace import Workspace
from curation.tiers.overrides import override
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import TierRule
from tests.helpers.workspace_scored import put_metrics, put_scans


@pytest.fixture
def scored(workspace: Workspace) -> Workspace:
    rows = [{"distortion_score": score} for score in (5.0, 30.0, 80.0)]
    put_scans(workspace, [*rows, {"distortion_score": None}])
    put_metrics(workspace, {"cjv": [0.4, 0.5, float("nan"), 0.6], "noise_wm": [1.0] * 4})
    return workspace


def test_what_is_drafted_is_what_is_frozen_to_the_byte(scored: Workspace) -> None:
    rule = TierRule(gates=(Gate("cjv", above=0.45, tier="C"),))
    drafted = draft_cohort(scored, "pool", rule)
    frozen = frozen_cohort.freeze(scored, "spring", author="Ada", rule=rule)
    path = scored.cohorts_dir / f"{frozen.id}.tsv"
    assert path.read_bytes() == drafted.text.encode()
    assert frozen.hash == drafted.hash
    assert frozen.counts == drafted.counts
    assert frozen.scans.equals(drafted.scans)


def test_neither_time_nor_author_nor_name_is_in_the_hash(scored: Workspace) -> None:
    first = frozen_cohort.freeze(scored, "spring", author="Ada")
    other = frozen_cohort.freeze(scored, "autumn", author="Grace")
    assert first.hash == other.hash


def test_what_a_rule_looks_at_stands_in_the_list(scored: Workspace) -> None:
    rule = TierRule(cutoffs=(0.45, 0.55), column="cjv", gates=(Gate("noise_wm", above=3.0),))
    drafted = draft_cohort(scored, "pool", rule)
    assert drafted.scans.columns.tolist() == [*COHORT_COLUMNS[:-1], "cjv", "noise_wm", "tier"]
    assert drafted.scans["cjv"].tolist() == [0.4, 0.5, 0.6]
    assert drafted.scans["tier"].tolist() == ["A", "B", "C"]
    assert drafted.scans["distortion_score"].isna().tolist() == [False, False, True]
    assert cohort_draft.columns_of(TierRule()) == COHORT_COLUMNS
    frozen = frozen_cohort.freeze(scored, "spring", author="Ada", rule=rule)
    assert frozen_cohort.load(scored, frozen.id).scans.equals(drafted.scans)


@pytest.fixture
def two_sources(workspace: Workspace) -> Workspace:
    put_scans(
        workspace,
        [
            {"distortion_score": 5.0, "source": "north"},
            {"distortion_score": 30.0, "source": "south"},
            {"distortion_score": 80.0, "source": "south"},
        ],
    )
    return workspace


def test_one_source_is_frozen_apart_and_stays_apart(two_sources: Workspace) -> None:
    drafted = draft_cohort(two_sources, "pool", TierRule(), sources=["south"])
    assert drafted.counts == {"A": 0, "B": 1, "C": 1}
    assert drafted.flow.lines()[0].startswith("Scans found, of 1 source: 2")
    frozen = frozen_cohort.freeze_draft(two_sources, drafted, name="s", author="Ada")
    loaded = frozen_cohort.load(two_sources, frozen.id)
    assert loaded.sources == ("south",)
    assert set(loaded.scans["source"]) == {"south"}
    today = draft_cohort(two_sources, "pool", TierRule(), sources=loaded.sources)
    assert cohort_diff.compare(two_sources, loaded, today).scans.empty
    everything = draft_cohort(two_sources, "pool", TierRule())
    (entered,) = cohort_diff.compare(two_sources, loaded, everything).by_cause().items()
    assert entered == ("rule", {"entered": 1, "left": 0, "moved": 0})


def test_a_source_that_is_not_there_is_refused_with_those_that_are(two_sources: Workspace) -> None:
    with pytest.raises(CohortError, match=r"of a source 'east'\. Its sources are north, south"):
        draft_cohort(two_sources, "pool", TierRule(), sources=["south", "east"])


def test_a_scan_without_a_score_that_somebody_put_into_a_tier_is_in_it(scored: Workspace) -> None:
    override(scored, "made_sub-03_T1w", "Ada", "B", "looked at it")
    assert draft_cohort(scored, "pool", TierRule()).counts == {"A": 1, "B": 2, "C": 1}


def test_a_metric_that_nobody_has_is_said(scored: Workspace) -> None:
    with pytest.raises(CohortError, match="None of the 4 pool scans has a value of efc"):
        draft_cohort(scored, "pool", TierRule(cutoffs=(0.4, 0.6), column="efc"))


def test_names_with_tabs_quotes_and_the_text_na_come_back(workspace: Workspace) -> None:
    sites = ["a\tb", 'he said "x"', "NA", "n", "line\nbreak", None]
    put_scans(workspace, [{"distortion_score": 5.0, "site": site} for site in sites])
    drafted = draft_cohort(workspace, "pool", TierRule())
    assert drafted.scans["site"].tolist()[:-1] == sites[:-1]
    assert drafted.scans["site"].isna().tolist() == [False] * 5 + [True]


def test_what_is_drawn_from_a_list_of_before_is_written_as_it_was(scored: Workspace) -> None:
    rule = TierRule()
    now = draft_cohort(scored, "pool", rule)
    before = now.scans.drop(columns="unusual_anatomy")
    text = cohort_draft.to_tsv(before, rule)
    assert "unusual_anatomy" not in text.partition("\n")[0]
    assert cohort_draft.from_tsv(text).equals(before)
