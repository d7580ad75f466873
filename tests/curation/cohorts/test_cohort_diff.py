"""Difference of cohorts: every planted cause is named, and nobody is lost or counted twice."""

import pandas as pd
import pytest

from curation.cohorts import cohort_diff, cohort_draft, frozen_cohort
from curation.errors import CohortError
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.tier_rule import DEFAULT_RULE, TierRule
from tests.helpers.workspace_scored import put_scans

SCORES = (5.0, 22.0, 30.0, 48.0, 80.0, 90.0)


@pytest.fixture
def scored(workspace: Workspace) -> Workspace:
    put_scans(workspace, [{"distortion_score": score} for score in SCORES])
    return workspace


def today(workspace: Workspace, rule: TierRule = DEFAULT_RULE) -> cohort_draft.CohortDraft:
    return cohort_draft.draft_cohort(workspace, "pool", rule)


def causes(diff: cohort_diff.CohortDiff) -> dict[str, tuple[str, str]]:
    return {row.scan_id: (row.change, row.cause) for row in diff.scans.itertuples()}


def ids(workspace: Workspace) -> list[str]:
    return tables.read_scans(workspace)["scan_id"].tolist()


def _change_scores(workspace: Workspace, scores: dict[str, float], **more) -> None:
    table = tables.read_scores(workspace)
    changed = table["scan_id"].map(scores)
    table["distortion_score"] = changed.fillna(table["distortion_score"])
    files.write_parquet(workspace.scores_path, table.assign(**more))


def test_a_cohort_is_the_same_today_where_nothing_changed(scored) -> None:
    frozen = frozen_cohort.freeze(scored, "spring", author="Ada")
    diff = cohort_diff.compare(scored, frozen, today(scored))
    assert diff.scans.empty and diff.same == len(SCORES)
    assert diff.sentence() == f"{frozen.id} and today hold the same 6 scans in the same tiers."


def test_each_planted_cause_is_named(scored) -> None:
    frozen = frozen_cohort.freeze(scored, "spring", author="Ada")
    _, two, _, four, five, six = ids(scored)
    overrides.override(scored, four, "Ada", "C", "ghost")
    _change_scores(scored, {two: 31.0})
    scans = tables.read_scans(scored)
    scans.loc[scans["scan_id"] == five, ["status", "reason"]] = ["unreadable", "cut off"]
    scans = scans[scans["scan_id"] != six]
    tables.write_scans(scored, scans)
    diff = cohort_diff.compare(scored, frozen, today(scored))
    assert causes(diff) == {
        two: ("moved", "score"),
        four: ("moved", "override"),
        five: ("left", "unusable"),
        six: ("left", "gone"),
    }
    assert diff.same == 2 and diff.counts() == {"entered": 0, "left": 2, "moved": 2}
    assert diff.by_cause()["override"] == {"entered": 0, "left": 0, "moved": 1}
    row = diff.scans.set_index("scan_id").loc[two]
    assert (row["value_before"], row["value_after"]) == (22.0, 31.0)
    assert (row["tier_before"], row["tier_after"]) == ("A", "B")


def test_another_rule_moves_scans_whose_score_is_as_it_was(scored) -> None:
    first = frozen_cohort.freeze(scored, "spring", author="Ada")
    rule = TierRule(cutoffs=(20.0, 40.0))
    second = frozen_cohort.freeze(scored, "summer", author="Ada", rule=rule)
    moved = {ids(scored)[1]: ("moved", "rule"), ids(scored)[3]: ("moved", "rule")}
    assert causes(cohort_diff.compare(scored, first, second)) == moved
    assert causes(cohort_diff.compare(scored, second, first)) == moved
    assert cohort_diff.compare(scored, first, today(scored, rule)).after == "today"


def test_another_reference_and_another_file_are_told_from_another_score(scored) -> None:
    one, two, *_ = ids(scored)
    _change_scores(scored, {}, reference="first-1")
    frozen = frozen_cohort.freeze(scored, "spring", author="Ada")
    _change_scores(scored, {one: 60.0, two: 60.0}, reference="second-1")
    for path in (scored.scans_path, scored.scores_path):
        table = pd.read_parquet(path)
        table.loc[table["scan_id"] == two, "sha256"] = "other"
        files.write_parquet(path, table)
    diff = cohort_diff.compare(scored, frozen, today(scored))
    assert causes(diff) == {one: ("moved", "reference"), two: ("moved", "file")}


def test_scans_that_were_listed_since_have_entered(scored) -> None:
    frozen = frozen_cohort.freeze(scored, "spring", author="Ada")
    put_scans(scored, [{"distortion_score": score} for score in (*SCORES, 12.0)])
    diff = cohort_diff.compare(scored, frozen, today(scored))
    assert list(causes(diff).values()) == [("entered", "new")]
    assert diff.sentence().endswith("1 scan entered, 0 left, 0 have another tier, 6 are unchanged.")


def test_a_pool_and_a_target_are_not_compared(scored) -> None:
    put_scans(
        scored,
        [{"distortion_score": 10.0}, {"distortion_score": 10.0, "role": "target", "age_years": 40}],
    )
    pool = frozen_cohort.freeze(scored, "pool", author="Ada")
    target = frozen_cohort.freeze(scored, "external", author="Ada", role="target")
    with pytest.raises(CohortError, match="Compare two of one role"):
        cohort_diff.compare(scored, pool, target)
