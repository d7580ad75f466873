"""What an arm and its control share is counted seed by seed; studies of before keep the controls they had."""

import numpy as np
import pandas as pd
import pytest

from curation.storage import files
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.arms.study_arms import Arm
from training.studies import arm_overlap
from training.studies.planned_study import Study


def pool(size: int = 20, **columns: object) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "scan_id": [f"s{number:02d}" for number in range(size)],
            "tier": ["A", "B"] * (size // 2),
            "distortion_score": np.arange(size, dtype=float),
            "age_years": 30.0,
            "site": "North",
        }
    ).assign(**columns)


CONTROL = Arm("control-A", "random, as many as A", "control", ("A", "B"), "A")


def test_what_both_hold_is_counted_for_every_seed() -> None:
    (one,) = arm_overlap.planned(pool(), [CONTROL], [0, 1, 2])
    assert (one.arm, one.control, one.scans, one.pool) == ("A", "control-A", 10, 20)
    assert len(one.shared) == 3 and all(0 <= shared <= 10 for shared in one.shared)
    low, high = min(one.shared), max(one.shared)
    assert one.words == f"{low} to {high} of 10 scans of A are also in control-A."
    assert not one.most


def test_the_control_of_more_than_half_a_pool_has_to_share() -> None:
    (one,) = arm_overlap.planned(pool(tier=["A"] * 15 + ["B"] * 5), [CONTROL], [0])
    assert one.most and one.shared[0] >= 10
    assert one.words == f"{one.shared[0]} of 15 scans of A are also in control-A."


def test_of_how_many_scans_there_was_no_choice_is_told() -> None:
    few = pool(site=["South"] + ["North"] * 19)  # nobody else is of the South
    (one,) = arm_overlap.planned(few, [CONTROL], [0, 1, 2])
    assert one.fixed == 1 and min(one.shared) >= 1
    assert "in control-A. For 1 of the 10 of control-A there is no choice: no others" in one.words


@pytest.fixture
def study(workspace: Workspace) -> Study:
    return workspace_trainable.plan(
        workspace_trainable.make(workspace), arms=["A", "all", "control-A"]
    )


def test_a_study_says_in_what_its_controls_are_like_their_arms(study: Study) -> None:
    matched = arm_overlap.controls_matched_on(study)
    assert (
        matched is not None
        and matched.words == "size, sites and age tertiles"
        and matched.note == ""
    )
    (one,) = arm_overlap.of_study(study)
    drawn = set(study.pretraining_scans("control-A", study.seeds[0]))
    assert one.shared[0] == len(drawn & set(study.pretraining_scans("A", study.seeds[0])))


def test_a_study_without_sources_keeps_its_controls_and_claims_no_sites(study: Study) -> None:
    known = study.scans()
    old = known.drop(columns="source").assign(site=None)
    files.write_parquet(study.scans_path, old)
    before = study.pretraining_scans("control-A", 0)
    files.write_parquet(study.scans_path, old.assign(source="study"))
    assert study.pretraining_scans("control-A", 0) == before  # one source: the strata stay
    files.write_parquet(study.scans_path, old)
    matched = arm_overlap.controls_matched_on(study)
    assert matched is not None
    assert (matched.words, matched.note) == ("size and age tertiles", "No site is known.")
