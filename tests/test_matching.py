import numpy as np
import pandas as pd

from curation import matching


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
        drawn = matching.draw(pool, members, seed)
        assert len(drawn) == len(set(drawn)) == members.sum()
        assert drawn == sorted(drawn)
        wanted = strata[members].value_counts().to_dict()
        assert strata[drawn].value_counts().to_dict() == wanted


def test_the_order_of_the_scans_changes_nothing_and_the_seed_does() -> None:
    pool = _pool()
    members = np.arange(120) % 3 == 0
    order = np.random.default_rng(2).permutation(120)
    assert matching.draw(pool, members, 1) == matching.draw(pool.iloc[order], members[order], 1)
    assert matching.draw(pool, members, 1) != matching.draw(pool, members, 2)


def test_a_draw_is_this_one_for_good() -> None:
    pool = _pool(12).assign(site="North", age_years=np.nan)
    assert matching.draw(pool, np.arange(12) < 4, 7) == [
        "scan-001", "scan-007", "scan-008", "scan-010",
    ]  # fmt: skip
