import numpy as np
import pandas as pd
import pytest

from curation.cohorts import matched_controls
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.studies import planned_study

#: Drawn before the source stood in for an unknown site.
OF_BEFORE = [f"scan-{number:03d}" for number in (0, 2, 4, 5, 6, 9, 22, 32, 35, 39)]


def _pool(count: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "scan_id": [f"scan-{number:03d}" for number in range(count)],
            "site": rng.choice(["North", "South", None], size=count),
            "age_years": np.where(rng.random(count) < 0.1, np.nan, rng.uniform(20, 80, count)),
        }
    )


def test_a_sample_has_the_size_sites_and_ages_of_the_group_and_no_scan_twice() -> None:
    pool = _pool()
    members = np.arange(120) % 4 == 0
    bands = pd.qcut(pool["age_years"], 3, labels=False).fillna(-1)
    strata = pool["site"].fillna("?") + bands.astype(str)
    strata.index = pool["scan_id"]
    for seed in range(10):
        drawn = matched_controls.sample_control(pool, members, seed)
        assert len(drawn) == len(set(drawn)) == members.sum()
        assert drawn == sorted(drawn)
        wanted = strata[members].value_counts().to_dict()
        assert strata[drawn].value_counts().to_dict() == wanted


@pytest.mark.parametrize("apart", [False, True])
def test_scans_that_every_draw_holds_are_counted(apart: bool) -> None:
    pool = pd.DataFrame(
        {
            "scan_id": [f"scan-{number}" for number in range(9)],
            "site": ["North"] * 5 + ["South"] * 4,
            "age_years": 30.0,
        }
    )
    members = np.array([True] * 2 + [False] * 3 + [True] * 2 + [False] * 2)
    held = set.intersection(
        *(set(matched_controls.sample_control(pool, members, n, apart=apart)) for n in range(40))
    )
    assert matched_controls.without_choice(pool, members, apart=apart) == len(held) == 2 * apart
    alone = np.array([True] * 5 + [False] * 4)
    assert matched_controls.without_choice(pool, alone) == 5


def test_the_order_of_the_scans_changes_nothing_and_the_seed_does() -> None:
    pool = _pool()
    members = np.arange(120) % 3 == 0
    order = np.random.default_rng(2).permutation(120)
    assert matched_controls.sample_control(pool, members, 1) == matched_controls.sample_control(
        pool.iloc[order], members[order], 1
    )
    assert matched_controls.sample_control(pool, members, 1) != matched_controls.sample_control(
        pool, members, 2
    )


def test_a_draw_is_this_one_for_good() -> None:
    pool = _pool(12).assign(site="North", age_years=np.nan)
    assert matched_controls.sample_control(pool, np.arange(12) < 4, 7) == [
        "scan-001",
        "scan-007",
        "scan-008",
        "scan-010",
    ]


def test_scans_without_a_site_are_matched_within_their_source() -> None:
    pool = _pool().assign(site=None, source=np.where(np.arange(120) < 60, "one", "two"))
    members = np.arange(120) < 30
    for seed in range(10):
        drawn = matched_controls.sample_control(pool, members, seed)
        assert set(drawn) <= set(pool.loc[pool["source"] == "one", "scan_id"])
    assert matched_controls.matching_criteria(pool).words == "size, sources and age tertiles"
    assert "the source stands in" in matched_controls.matching_criteria(pool).note


def test_what_is_matched_is_named_and_nothing_else() -> None:
    pool = _pool().assign(source="one")
    assert (
        matched_controls.matching_criteria(pool.assign(site="North")).words
        == "size, sites and age tertiles"
    )
    sites_unknown = matched_controls.matching_criteria(pool.assign(site=None))
    assert sites_unknown.words == "size and age tertiles"
    assert (
        matched_controls.matching_criteria(pool.assign(site=None, age_years=np.nan)).words == "size"
    )


def test_a_pool_without_sources_keeps_the_draw_that_it_had() -> None:
    pool, members = _pool(40), np.arange(40) % 4 == 0
    assert matched_controls.sample_control(pool, members, 1000) == OF_BEFORE


def test_sex_and_group_are_matched_where_they_are_known() -> None:
    pool = _pool().assign(
        sex=np.random.default_rng(3).choice(["F", "M", None], 120),
        group=["patient", "control"] * 60,
    )
    members = (pool["sex"] == "F").to_numpy() & (np.arange(120) % 2 == 0)
    for seed in range(10):
        drawn = matched_controls.sample_control(pool, members, seed)
        its = pool[pool["scan_id"].isin(drawn)]
        assert set(its["sex"]) == {"F"} and set(its["group"]) == {"patient"}
    criteria = matched_controls.matching_criteria(pool)
    assert criteria.words == "size, sites, age tertiles, sexes and groups"
    assert matched_controls.matching_criteria(pool.assign(sex=None, group=None)).traits == ()


def test_columns_of_which_nothing_is_known_change_no_draw() -> None:
    pool, members = _pool(40), np.arange(40) % 4 == 0
    unknown = pool.assign(sex=None, group=None)
    assert matched_controls.sample_control(unknown, members, 1000) == OF_BEFORE


@pytest.mark.parametrize("trait", ["sex", "group"])
def test_a_plan_keeps_what_controls_are_matched_on_and_an_older_one_keeps_its_draw(
    workspace: Workspace, trait: str
) -> None:
    made = workspace_trainable.make(workspace, pool=24, target=8)
    before = workspace_trainable.plan(made, arms=["A", "control-A"])
    assert trait not in before.scans()
    drawn = before.pretraining_scans("control-A", 0)
    scans = tables.read_scans(made)
    tables.write_scans(made, scans.assign(**{trait: np.resize(["F", "F", "M"], len(scans))}))
    after = workspace_trainable.plan(made, arms=["A", "control-A"])
    assert after.id != before.id
    known = after.pool().set_index("scan_id")[trait]
    own = known[after.pretraining_scans("A", 0)].value_counts()
    assert known[after.pretraining_scans("control-A", 0)].value_counts().to_dict() == own.to_dict()
    assert planned_study.load(made, before.id).pretraining_scans("control-A", 0) == drawn
