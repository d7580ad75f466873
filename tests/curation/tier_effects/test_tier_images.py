"""What images the tiers hold is said: how they were prepared, where scores lie, which may be worse."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from curation.cohorts import frozen_cohort
from curation.cohorts.cohort_draft import CohortDraft, draft_cohort
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tier_effects import tier_images
from curation.tier_effects.tier_images import WHOLE
from curation.tiers.overrides import override
from curation.tiers.tier_rule import TierRule
from tests.helpers.workspace_scored import put_metrics, put_scans

RULE = TierRule(cutoffs=(8.0, 11.0))
STRIPPED = json.dumps({"no_air": "zero", "skull_stripped": "removed"})
AIRLESS, HEAD = json.dumps({"no_air": "zero"}), "{}"


def drafted(
    workspace: Workspace, scores: list[float], flags: list[str], high: list[float] | None = None
) -> CohortDraft:
    put_scans(workspace, [{"distortion_score": score} for score in scores])
    put_metrics(workspace, {"flags": flags})  # type: ignore[dict-item]
    if high is not None:
        table = pd.read_parquet(workspace.scores_path).assign(score_high=high)
        files.write_parquet(workspace.scores_path, table)
    return draft_cohort(workspace, "pool", RULE)


@pytest.fixture
def mixed(workspace: Workspace) -> CohortDraft:
    """Ten stripped scans in A, ten heads in C, of both a few elsewhere."""
    scores = [5.0] * 10 + [15.0] * 10 + [6.0, 16.0]
    flags = [STRIPPED] * 10 + [HEAD] * 10 + [HEAD, STRIPPED]
    high = [40.0] * 10 + [15.0] * 10 + [6.0, 60.0]
    return drafted(workspace, scores, flags, high)


def test_tiers_that_differ_in_how_images_were_prepared_are_warned_of(mixed: CohortDraft) -> None:
    assert mixed.images.kinds.said == (
        "Of tier A 10 of 11 scans are skull-stripped, of tier C 1 of 11: what parts the tiers may be how "
        "the images were prepared, not their quality."
    )
    assert mixed.images.kinds_said == (
        "Images of the pool: skull-stripped (10 in A, 1 in C), whole heads in air (1 in A, 10 in C)."
    )
    assert mixed.images.kinds.said in [doubt.message for doubt in mixed.doubts]


def test_where_all_tiers_are_mixed_alike_or_few_nothing_is_warned_of(workspace: Workspace) -> None:
    alike = drafted(workspace, [5.0, 5.0, 15.0, 15.0] * 6, [STRIPPED, AIRLESS] * 12)
    assert alike.images.kinds.said == ""
    few = drafted(workspace, [5.0, 5.0, 15.0, 15.0], [STRIPPED, STRIPPED, HEAD, HEAD])
    assert few.images.kinds.said == ""


def test_scans_that_may_be_worse_are_counted_by_tier_but_not_those_put_there_by_hand(
    mixed: CohortDraft, workspace: Workspace
) -> None:
    assert mixed.images.worse_said.startswith(
        "10 scans of 22 of the pool may belong in a worse tier (10 in A): part of what is judged"
    )
    override(workspace, "made_sub-00_T1w", tier="B", author="Ada", reason="motion")
    again = draft_cohort(workspace, "pool", RULE)
    assert again.images.worse == (9, 0, 0)


def test_a_frozen_cohort_says_the_same_as_its_draft_until_it_is_scored_anew(
    mixed: CohortDraft, workspace: Workspace
) -> None:
    frozen = frozen_cohort.freeze_draft(workspace, mixed, name="spring", author="Ada")
    cohort = frozen_cohort.load(workspace, frozen.id)
    assert tier_images.of_cohort(workspace, cohort) == mixed.images
    table = pd.read_parquet(workspace.scores_path)
    table.loc[:3, "distortion_score"] += 1
    files.write_parquet(workspace.scores_path, table)
    later = tier_images.of_cohort(workspace, cohort)
    assert (later.worse, later.ranges) == ((6, 0), mixed.images.ranges)
    assert "Of 4 scans of the pool it is not known any more" in later.worse_said


def test_a_pool_without_a_scan_of_low_quality_is_said_to_be_none_on_it(
    mixed: CohortDraft, workspace: Workspace
) -> None:
    assert (
        mixed.images.ranges_said == "Distortion scores of the pool: A 5.0 to 6.0, C 15.0 to 16.0."
    )
    assert mixed.images.good_said == (
        "All tiers of the pool lie within what counts as good (up to 20 of 100): a study of them is not "
        "about low quality."
    )
    assert mixed.images.good_said in [doubt.message for doubt in mixed.doubts]
    assert replace(mixed.images, good=float("nan")).good_said == ""
    assert drafted(workspace, [5.0, 20.5], [HEAD, HEAD]).images.good_said == ""


def test_of_what_is_not_the_score_or_not_measured_nothing_is_said(workspace: Workspace) -> None:
    put_scans(workspace, [{"distortion_score": 30.0}, {"distortion_score": 70.0}])
    put_metrics(workspace, {"cjv": [0.4, 0.6]})
    assert tier_images.kinds_of(workspace, tables.read_scans(workspace)).tolist() == [WHOLE] * 2
    images = draft_cohort(workspace, "pool", TierRule(cutoffs=(0.45, 0.55), column="cjv")).images
    assert images.doubts == []


def test_what_kind_of_image_another_tool_measured_is_not_known(workspace: Workspace) -> None:
    put_scans(workspace, [{"distortion_score": 30.0}, {"distortion_score": 70.0}])
    put_metrics(workspace, {"measured_by": ["mriqc", "tierscope"]})  # type: ignore[dict-item]
    kinds = tier_images.kinds_of(workspace, tables.read_scans(workspace))
    assert kinds.isna().tolist() == [True, False]
