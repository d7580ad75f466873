"""The flow adds up at every stage, and each scan that is left out has its reason."""

import pandas as pd
import pytest

from curation.cohorts import flow_chart, frozen_cohort
from curation.cohorts.cohort_draft import draft_cohort
from curation.cohorts.flow_chart import Flow
from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.tiers.overrides import override
from curation.tiers.rule_checks import UNUSABLE, Gate
from curation.tiers.tier_rule import TierRule
from tests.helpers.workspace_scored import put_metrics, put_scans

RULE = TierRule(
    gates=(
        Gate("cjv", above=0.8),
        Gate("snr_total", below=5.0),
        Gate("snr_total", below=10.0, tier="B"),
    )
)
ROWS: list[dict] = [
    {"distortion_score": 5.0},  # A
    {"distortion_score": 5.0},  # to B by its gate
    {"distortion_score": 30.0},  # B, whatever the gate says
    {"distortion_score": 5.0},  # held by the first gate
    {"distortion_score": 5.0},  # held by the second
    {"distortion_score": 90.0, "subject_id": "made:sub-00"},  # C, but A by hand
    {"distortion_score": 90.0},  # unusable by hand
    {"distortion_score": None},
    {"status": "unreadable", "reason": "cut off"},
    {"status": "missing", "reason": "no such file"},
    {"status": "duplicate", "reason": "twice"},
    {"distortion_score": 5.0, "status": "table"},
    {"distortion_score": 5.0, "role": "target", "age_years": None},
    {"distortion_score": 5.0, "role": "target"},
    {"status": "other", "modality": "FLAIR", "distortion_score": 5.0},
    {"status": "other", "modality": "FLAIR"},
    {"status": "missing", "reason": "listed as a participant, but no image file", "path": None},
    {"status": "world"},  # a volume of a simulated world beside the scans
    {"status": "pet", "modality": "pet"},
]
CJV = [0.5, 0.5, 0.5, 0.9, 0.9, *[0.5] * 14]
CJV[4] = 0.1
SNR = [20.0, 7.0, 7.0, 1.0, 1.0, *[20.0] * 14]


@pytest.fixture
def scored(workspace: Workspace) -> Workspace:
    put_scans(workspace, ROWS)
    put_metrics(workspace, {"cjv": CJV, "snr_total": SNR})
    override(workspace, "made_sub-05_T1w", "Ada", "A", "the score is wrong")
    override(workspace, "made_sub-06_T1w", "Ada", UNUSABLE, "not a head")
    return workspace


def test_from_each_stage_to_the_next_the_numbers_add_up(scored: Workspace) -> None:
    for role in ("pool", "target"):
        flow = draft_cohort(scored, role, RULE, images_only=True).flow
        for stage, after in zip(flow.stages, flow.stages[1:], strict=False):
            assert stage.scans - sum(out.scans for out in stage.left_out) == after.scans
        assert flow.stages[-1].scans == sum(tier.scans for tier in flow.tiers)


def test_every_scan_goes_one_way_and_the_flow_says_which(scored: Workspace) -> None:
    drafted = draft_cohort(scored, "pool", RULE, images_only=True)
    assert drafted.flow.lines() == [
        "Scans found: 14 scans of 13 people",
        "    left out: 2 FLAIR, not scored",
        "    left out: 1 unreadable",
        "    left out: 1 missing",
        "    left out: 1 listed twice",
        "    left out: 1 without image, metrics only",
        "Readable: 8 scans of 7 people",
        "    left out: 1 not scored: distortion score not measured",
        "Scored: 7 scans of 6 people",
        "    left out: 1 cjv over 0.8 → unusable",
        "    left out: 1 snr_total under 5 → unusable",
        "    left out: 1 unusable by hand",
        "In tiers: 4 scans of 3 people",
        "  A: 2 scans of 1 person, of these 1 by hand",
        "  B: 2 scans of 2 people, of these 1 by a gate",
        "  C: 0 scans of 0 people",
    ]
    assert drafted.counts == {"A": 2, "B": 2, "C": 0, UNUSABLE: 3}
    with_tables = draft_cohort(scored, "pool", RULE)
    assert with_tables.flow.stages[-1].scans == 5


def test_a_pet_changes_neither_the_flow_nor_the_list(scored: Workspace) -> None:
    before = draft_cohort(scored, "pool", RULE)
    scans = tables.read_scans(scored)
    pets = scans.head(3).assign(status="pet", modality="pet")
    pets["scan_id"] = pets["scan_id"].str.replace("T1w", "pet")
    tables.write_scans(scored, pd.concat([scans, pets]))
    assert draft_cohort(scored, "pool", RULE) == before


def test_of_the_target_those_without_an_age_leave_after_scoring(scored: Workspace) -> None:
    assert draft_cohort(scored, "target", TierRule()).flow.lines() == [
        "Scans found of the target: 2 scans of 2 people",
        "Readable: 2 scans of 2 people",
        "Scored: 2 scans of 2 people",
        "    left out: 1 age not known",
        "Scored and of known age: in tiers: 1 scan of 1 person",
        "  A: 1 scan of 1 person",
        "  B: 0 scans of 0 people",
        "  C: 0 scans of 0 people",
    ]


@pytest.mark.parametrize("images_only", [True, False])
@pytest.mark.parametrize("role", ["pool", "target"])
def test_no_scan_is_lost_between_two_stages(scored: Workspace, role, images_only: bool) -> None:
    flow = draft_cohort(scored, role, RULE, images_only=images_only).flow
    for stage, following in zip(flow.stages, flow.stages[1:], strict=False):
        assert stage.scans - sum(out.scans for out in stage.left_out) == following.scans
    assert sum(tier.scans for tier in flow.tiers) == flow.stages[-1].scans


def test_a_flow_survives_being_written_down(scored: Workspace) -> None:
    frozen = frozen_cohort.freeze(scored, "spring", author="Ada", rule=RULE)
    loaded = frozen_cohort.load(scored, frozen.id)
    assert loaded.flow == frozen.flow
    assert isinstance(loaded.flow, Flow)
    assert all(isinstance(tier, flow_chart.TierCount) for tier in loaded.flow.tiers)
