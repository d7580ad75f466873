"""Tiers are described, and held against each other, by figures that others publish for the same numbers."""

import numpy as np
import pandas as pd
import pytest

from curation.tier_effects import tier_balance
from curation.tier_effects.standardised_differences import (
    categorical_smd,
    continuous_smd,
    null_smd,
)
from curation.tiers.rule_checks import UNSCORED

NAMES = ("A", "B", "C")
#: Right heart catheterization, race by treatment: the vignette of R's tableone prints 0.036.
CATHETER = [[585, 213, 2753], [335, 142, 1707]]
#: R's mtcars, cylinders by transmission: R's cards tests for 1.251.
CARS = [[3, 4, 12], [8, 3, 2]]


def scans(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Return invented scans, two a person, with gaps in every column."""
    rng = np.random.default_rng(seed)

    def some(*values: object) -> np.ndarray:
        return np.array(values, dtype=object)[rng.integers(0, len(values), n)]

    return pd.DataFrame(
        {
            "subject_id": [f"s{i // 2}" for i in range(n)],
            "age_years": np.where(rng.random(n) < 0.1, np.nan, rng.uniform(5, 80, n)),
            "sex": some("F", "male", None, "M", "female", "?"),
            "site": some("N", "S", "E", None),
            "group": some("patient", "control", None),
            "modality": some("T1w", "T2w"),
            "image": some("skull-stripped", "whole heads in air", None),
        }
    )


def codes_of(n: int = 400, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, len(NAMES) + 1, n)


def _mahalanobis(first: list[int], second: list[int]) -> float:
    """Return Yang and Dalton's distance as they write it: with a matrix and its inverse."""
    p, q = (np.array(one)[1:] / np.sum(one) for one in (first, second))
    spread = sum(np.diag(one) - np.outer(one, one) for one in (p, q)) / 2
    return float(np.sqrt((p - q) @ np.linalg.inv(spread) @ (p - q)))


@pytest.mark.parametrize(("groups", "published"), [(CATHETER, 0.036), (CARS, 1.251)])
def test_categories_differ_by_what_r_prints(groups, published) -> None:
    assert round(float(categorical_smd(*map(np.array, groups))), 3) == published


def test_categories_differ_by_the_distance_with_the_inverse() -> None:
    rng = np.random.default_rng(0)
    for levels in (2, 3, 8, 20):
        first, second = rng.integers(1, 50, (2, levels))
        found = float(categorical_smd(first, second))
        assert found == pytest.approx(_mahalanobis(first.tolist(), second.tolist()), rel=1e-9)


def test_groups_without_a_common_level_are_infinitely_apart_and_one_level_says_nothing() -> None:
    pairs = np.array(
        [
            [[5, 0, 0], [0, 3, 4]],
            [[5, 5, 0], [1, 1, 0]],
            [[0, 9, 0], [0, 4, 0]],
            [[0] * 3, [1, 2, 3]],
        ]
    )
    found = categorical_smd(pairs[:, 0], pairs[:, 1])
    assert found[0] == np.inf and found[1] == pytest.approx(0, abs=1e-7)
    assert np.isnan(found[2:]).all()


def test_ages_differ_by_what_r_prints() -> None:
    # right heart catheterization: 61.76 (17.29) and 60.75 (15.63) years; tableone: 0.061
    apart = continuous_smd(
        (np.array(61.76), np.array(17.29**2)), (np.array(60.75), np.array(15.63**2))
    )
    assert round(float(apart), 3) == 0.061


def test_tiers_are_described_as_pandas_describes_them() -> None:
    table, codes = scans(), codes_of()
    tier = pd.Series([*NAMES, UNSCORED]).loc[codes].to_numpy()
    found = tier_balance.prepare(table).tally(codes, NAMES).table().set_index("tier")
    grouped = table.groupby(tier)
    order = [*NAMES, UNSCORED]
    assert found.index.tolist() == order
    assert found["scans"].tolist() == grouped.size().reindex(order).tolist()
    assert found["share"].sum() == pytest.approx(1)
    assert found["people"].tolist() == grouped["subject_id"].nunique().reindex(order).tolist()
    ages = grouped["age_years"].agg(["count", "mean", "std"]).reindex(order)
    assert found[["age_known", "age_mean_years", "age_sd_years"]].to_numpy() == pytest.approx(
        ages.to_numpy()
    )
    sex = table["sex"].str[:1].str.upper()
    female = (sex == "F").where(sex.isin(["F", "M"])).astype(float).groupby(tier).mean()
    assert found["female"].to_numpy() == pytest.approx(female.reindex(order).to_numpy())


def test_shares_count_each_scan_once_and_say_what_is_not_known() -> None:
    table, codes = scans(), codes_of()
    tally = tier_balance.prepare(table).tally(codes, NAMES)
    for category in tier_balance.CATEGORIES:
        found = tally.shares(category)
        assert found["scans"].sum() == len(table)
        assert found.drop(columns="scans").to_numpy().sum() == len(table)
    assert tally.shares("site").index.tolist() == ["E", "N", "S", tier_balance.UNKNOWN]
    assert tally.shares("site").loc["N", "B"] == ((table["site"] == "N") & (codes == 1)).sum()
    assert tally.shares("modality").index.tolist() == ["T1w", "T2w"]


def test_differences_are_those_of_each_tier_from_the_other_scored_scans() -> None:
    table, codes = scans(), codes_of()
    found = (
        tier_balance.prepare(table).tally(codes, NAMES).differences().set_index(["tier", "trait"])
    )
    for place, name in enumerate(NAMES):
        inside, outside = (
            table["age_years"][which] for which in (codes == place, (codes != place) & (codes < 3))
        )
        spread = np.sqrt((inside.var() + outside.var()) / 2)
        wanted = (inside.mean() - outside.mean()) / spread
        assert found.loc[(name, "age"), "smd"] == pytest.approx(wanted)
        sites = [
            table["site"][which].value_counts().sort_index()
            for which in (codes == place, (codes != place) & (codes < 3))
        ]
        wanted = float(categorical_smd(*(one.to_numpy() for one in sites)))
        assert found.loc[(name, "site"), "smd"] == pytest.approx(wanted)


def test_random_tiers_stay_below_what_is_called_chance_as_often_as_is_said() -> None:
    table, rng = scans(600), np.random.default_rng(5)
    table["subject_id"] = [f"s{i}" for i in range(600)]  # one scan a person: chance counts people
    prepared, below = tier_balance.prepare(table), []
    for _ in range(300):
        found = prepared.tally(rng.integers(0, 2, 600), ("A", "B")).differences()
        found = found[found["tier"] == "A"]
        below.append((found["smd"].abs() < found["null_quantile"]).to_numpy())
    assert np.mean(below, axis=0) == pytest.approx(0.95, abs=0.04)


def test_two_scans_of_a_person_count_as_one_for_chance() -> None:
    one = tier_balance.prepare(scans(400).assign(subject_id=[f"s{i}" for i in range(400)]))
    two = tier_balance.prepare(scans(400))
    codes = codes_of()
    wide, narrow = (p.tally(codes, NAMES).differences()["null_quantile"] for p in (two, one))
    assert (wide / narrow).to_numpy() == pytest.approx(np.sqrt(2))


def test_nobody_in_a_tier_nothing_known_and_no_scan_at_all_are_gaps_not_errors() -> None:
    nothing = scans(20).assign(
        age_years=np.nan, sex=None, site=None, group=None, modality=None, image=None
    )
    tally = tier_balance.prepare(nothing).tally(np.ones(20, dtype=int), NAMES)
    assert tally.table()["scans"].tolist() == [0, 20, 0]
    assert tally.table()[["age_mean_years", "age_sd_years", "female"]].isna().all(axis=None)
    assert tally.differences()["smd"].isna().all()
    assert tally.shares("site").index.tolist() == [tier_balance.UNKNOWN]
    empty = tier_balance.prepare(scans(0)).tally(np.zeros(0, dtype=int), NAMES)
    assert empty.table()["share"].tolist() == [0, 0, 0] and empty.differences()["smd"].isna().all()


def test_chance_shrinks_with_the_root_of_the_size() -> None:
    small, large = null_smd(np.array([50, 200]), np.array([50, 200]), 1)
    assert small == pytest.approx(1.959964 * np.sqrt(2 / 50)) and small == pytest.approx(2 * large)
    assert np.isnan(null_smd(np.array([50]), np.array([50]), 0)).all()


def _female(*codes: str, sources: tuple[str, ...] | None = None) -> list[float]:
    """Return the share of women where all scans are of one tier."""
    table = scans(len(codes)).assign(sex=np.array(codes, dtype=object))
    table = table if sources is None else table.assign(source=list(sources))
    tally = tier_balance.prepare(table).tally(np.zeros(len(codes), dtype=np.int64), ("A",))
    return tally.table()["female"].tolist()


@pytest.mark.parametrize(
    ("codes", "female"),
    [
        (("F", "M", "M", "?"), 1 / 3),
        (("female", "M", "other", "O"), 1 / 2),
        (("M", "M"), 0),
        (("w", "M", "M"), 1 / 3),
        (("weiblich", "männlich", "divers"), 1 / 2),
        (("Frau", "Mann", "Mann"), 1 / 3),
        (("vrouw", "man", "man"), 1 / 3),
        (("F", "H", "H"), 1 / 3),
        (("Femme", "Homme", "Homme"), 1 / 3),
        (("M", "H", "H"), 1 / 3),
        (("mujer", "hombre", "hombre"), 1 / 3),
        (("mujer", "varón", "mujer"), 2 / 3),
        (("K", "M", "M"), 1 / 3),
    ],
)
def test_sexes_are_read_in_the_one_language_that_has_all_codes_of_a_table(codes, female) -> None:
    assert _female(*codes) == pytest.approx([female])


@pytest.mark.parametrize(
    "codes",
    [("M", "V"), ("V",), ("F", "M", "7"), ("F", "missing"), ("mujer", "male"), ("F", "M", "w")],
)
def test_of_codes_that_no_language_or_two_have_the_share_of_women_is_not_known(codes) -> None:
    assert np.isnan(_female(*codes)).all()


def test_each_source_speaks_a_language_of_its_own() -> None:
    codes, sources = ("F", "M", "M", "H", "w", "M"), ("en", "en", "es", "es", "de", "de")
    assert _female(*codes, sources=sources) == [1 / 2]
    assert np.isnan(_female(*codes, "7", sources=(*sources, "en"))).all()


def test_sexes_in_codes_of_their_own_are_compared_and_not_called_female() -> None:
    table = scans(40).assign(sex=np.array(["1", "2"], dtype=object)[np.arange(40) % 2])
    tally = tier_balance.prepare(table).tally(np.arange(40) % 2, ("A", "B"))
    assert tally.table()["female"].isna().all()
    found = tally.differences().set_index(["tier", "trait"])["smd"]
    assert found[("A", "sex")] == np.inf
