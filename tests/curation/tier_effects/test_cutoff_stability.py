"""One rater's standard deviation comes from ratings, or says that it does not."""

import numpy as np
import pandas as pd
import pytest

from curation.ratings.scales import SCALES
from curation.tier_effects import cutoff_stability

#: Shrout and Fleiss 1979, table 2: four judges, six targets; they print ICC(1,1) = .17.
JUDGES = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)
SCALE = SCALES["three-level"]


def given(rows: list[tuple[str, str, float, bool]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["rater", "scan_id", "level", "repeat"])
    return table.assign(
        id=range(len(table)), scale=SCALE.name, role="rater", session_id=1, withdrawn=None
    )


def test_reliability_is_that_of_shrout_and_fleiss() -> None:
    scans, values = np.repeat(np.arange(6), 4), JUDGES.ravel()
    reliability, number = cutoff_stability.intraclass(scans, values)
    assert (round(reliability, 2), number) == (0.17, 6)
    shuffled = np.random.default_rng(0).permutation(24)
    again, _ = cutoff_stability.intraclass(scans[shuffled], values[shuffled])
    assert again == pytest.approx(reliability)


def test_scans_with_a_single_rating_say_nothing_of_reliability() -> None:
    scans, values = np.repeat(np.arange(6), 4), JUDGES.ravel()
    more = cutoff_stability.intraclass(np.r_[scans, 90, 91], np.r_[values, 1.0, 9.0])
    assert more == cutoff_stability.intraclass(scans, values)


def test_abides_raters_are_as_reliable_as_is_said(shared_data) -> None:
    table = pd.read_csv(shared_data / "iqm" / "abide_iqm_rating_age.csv")
    said = table[["rater_1", "rater_2", "rater_3"]].to_numpy(float)
    scans, raters = np.nonzero(np.isfinite(said))
    reliability, number = cutoff_stability.intraclass(scans, said[scans, raters])
    assert round(reliability, 2) == cutoff_stability.ABIDE_RELIABILITY and number == 1101


def test_people_who_agree_leave_no_spread_and_people_who_do_not_the_whole() -> None:
    rng, scores = np.random.default_rng(0), np.linspace(0, 100, 101)
    said = rng.choice([1.0, 0.0, -1.0], (40, 2))
    agree = given([(who, f"s{i}", said[i, 0], False) for i in range(40) for who in ("Ada", "Bob")])
    found = cutoff_stability.rater_spread(agree, SCALES.values(), scores)
    assert (found.points, found.reliability, found.scans) == (0, 1, 40)
    against = given(
        [
            (who, f"s{i}", sign, False)
            for i in range(40)
            for who, sign in (("Ada", 1.0), ("Bob", -1.0))
        ]
    )
    found = cutoff_stability.rater_spread(against, SCALES.values(), scores)
    assert found.points == pytest.approx(scores.std(ddof=1)) and found.reliability < 0


def test_the_spread_is_that_of_the_scores_times_the_unreliable_part() -> None:
    rng = np.random.default_rng(1)
    said = rng.choice([1.0, 0.0, -1.0], 400)
    other = np.where(rng.random(400) < 0.3, rng.choice([1.0, 0.0, -1.0], 400), said)
    rows = [
        (who, f"s{i}", one[i], False)
        for i in range(400)
        for who, one in (("Ada", said), ("Bob", other))
    ]
    scores = rng.normal(40, 12, 1000)
    found = cutoff_stability.rater_spread(given(rows), SCALES.values(), scores)
    assert found.points == pytest.approx(scores.std(ddof=1) * np.sqrt(1 - found.reliability))
    assert 0.5 < found.reliability < 0.9 and "400 scans that two people" in found.reason


def test_repeats_stand_in_where_there_is_one_rater_and_abide_where_there_are_few() -> None:
    scores = [10.0, 20.0, np.nan, 30.0]
    twice = given(
        [("Ada", f"s{i}", float(i % 3 - 1), again) for i in range(30) for again in (False, True)]
    )
    found = cutoff_stability.rater_spread(twice, SCALES.values(), scores)
    assert found.scans == 30 and found.reliability == 1 and "one person rated twice" in found.reason
    few = cutoff_stability.rater_spread(twice.head(20), SCALES.values(), scores)
    assert (
        few.scans == 0
        and few.reliability == cutoff_stability.ABIDE_RELIABILITY
        and "ABIDE" in few.reason
    )
    assert few.points == pytest.approx(10 * np.sqrt(1 - cutoff_stability.ABIDE_RELIABILITY))
    assert np.isnan(cutoff_stability.rater_spread(twice.head(0), SCALES.values(), [5.0]).points)


def test_scans_near_a_cutoff_are_those_within_so_many_points() -> None:
    values = np.array([0.0, 20, 24, 26, 37, 38, 55, np.nan])
    apart = cutoff_stability.near(values, (25, 50), 12.5)
    assert apart[1:6].tolist() == [-5, -1, 1, 12, -12]
    assert apart[6] == 5 and np.isnan(apart[[0, 7]]).all()
    assert cutoff_stability.counts_near(values, (25, 50), 12.5) == [4, 2, 6]
    assert np.isnan(cutoff_stability.near(values, (), 5)).all() and cutoff_stability.counts_near(
        values, (), 5
    ) == [0]
    assert cutoff_stability.counts_near(values, (25,), np.nan) == [0, 0]
