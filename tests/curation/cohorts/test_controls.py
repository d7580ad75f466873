"""Random controls: frozen like any cohort, with the seed they were drawn with."""

import pandas as pd
import pytest

from curation.cohorts import frozen_cohort, matched_controls
from curation.errors import CohortError
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.rule_checks import UNUSABLE, Gate
from curation.tiers.tier_rule import TierRule
from tests.helpers.workspace_scored import put_scans


@pytest.fixture
def source(workspace: Workspace) -> frozen_cohort.Cohort:
    put_scans(
        workspace,
        [
            {
                "distortion_score": float(number),
                "site": ("North", "South")[number % 2],
                "age_years": 20.0 + 7 * number % 60,
                "reference": "builtin-3",
            }
            for number in range(80)
        ],
    )
    rule = TierRule(gates=(Gate("distortion_score", above=70.0),))
    return frozen_cohort.freeze(workspace, "spring", author="Ada", rule=rule)


def test_a_control_is_as_large_and_from_the_same_sites(workspace: Workspace, source) -> None:
    control = matched_controls.draw_control(workspace, source.id, ("A",), seed=3, author="Ada")
    assert control.name == "control-A-of-spring-seed-3"
    assert control.drawn == {"cohort": source.id, "tiers": ["A"], "seed": 3}
    assert control.size == source.counts["A"] == 25
    assert UNUSABLE not in set(control.scans["tier"])
    assert set(control.scans["tier"]) == {"A", "B", "C"}
    matched = source.scans[source.scans["tier"] == "A"]
    sites = [scans["site"].value_counts().to_dict() for scans in (control.scans, matched)]
    assert sites[0] == sites[1]
    rows = source.scans.set_index("scan_id").loc[control.scans["scan_id"]].reset_index()
    pd.testing.assert_frame_equal(rows, control.scans)
    assert frozen_cohort.load(workspace, control.id).drawn == control.drawn
    assert control.flow is not None
    assert control.flow.lines()[:3] == [
        f"Cohort {source.id}, in tiers: 71 scans of 71 people",
        "    left out: 46 not drawn",
        "Drawn at random: 25 scans of 25 people",
    ]


def test_a_control_keeps_which_of_its_scans_have_their_tier_by_hand(
    workspace: Workspace, source: frozen_cohort.Cohort
) -> None:
    for scan_id in source.scans["scan_id"]:
        overrides.override(workspace, scan_id, "Ada", "A" if scan_id[-5] < "5" else "B", "seen")
    of = frozen_cohort.freeze(workspace, "hands", author="Ada")
    control = matched_controls.draw_control(workspace, of.id, ("A",), seed=3, author="Ada")
    assert control.by_hand is not None and 0 < control.size < of.size
    assert [one.scan_id for one in control.by_hand] == control.scans["scan_id"].tolist()


def test_the_seed_makes_the_draw(workspace: Workspace, source: frozen_cohort.Cohort) -> None:
    first, again, other = (
        matched_controls.draw_control(
            workspace, source.id, ("A",), seed=seed, author="Ada", name="control"
        )
        for seed in (1, 1, 2)
    )
    assert first.id == again.id != other.id


@pytest.mark.parametrize(
    ("tiers", "seed", "words"),
    [
        ((), 0, "none came"),
        (("Z",), 0, "Z came"),
        ((UNUSABLE,), 0, "unusable came"),
        (("A",), -1, "0 or more"),
        (("A", "B", "C"), 0, "are all there is"),
    ],
)
def test_a_control_that_makes_no_sense_is_refused(workspace, source, tiers, seed, words) -> None:
    with pytest.raises(CohortError, match=words):
        matched_controls.draw_control(workspace, source.id, tiers, seed=seed, author="Ada")


def test_an_empty_tier_has_no_control(workspace: Workspace) -> None:
    put_scans(workspace, [{"distortion_score": 5.0}, {"distortion_score": 90.0}])
    cohort = frozen_cohort.freeze(workspace, "two", author="Ada")
    with pytest.raises(CohortError, match="have nobody"):
        matched_controls.draw_control(workspace, cohort.id, ("B",), seed=0, author="Ada")
