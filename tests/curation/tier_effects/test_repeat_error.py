"""The error of a score by repetition comes from repeats, or from changed copies of real scans."""

import numpy as np
import pandas as pd
import pytest

from curation.metrics import METRICS
from curation.scoring import distortion_score
from curation.scoring.score_reference import earlier_builtin
from curation.tier_effects import repeat_error


def test_repeats_give_the_spread_within_people_and_not_that_between_them() -> None:
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(2000), 2)
    values = rng.normal(30, 15, 2000)[people] + rng.normal(0, 2, 4000)
    points, number = repeat_error.repeatability(people, values)
    assert number == 2000 and points == pytest.approx(1.96 * np.sqrt(2) * 2, rel=0.05)
    apart = np.abs(values[::2] - values[1::2])
    assert np.mean(apart <= points) == pytest.approx(0.95, abs=0.01)


def test_people_with_one_scan_and_scans_without_a_score_say_nothing() -> None:
    people, values = ["a", "a", "b", "b", "b"], [10.0, 14.0, 20.0, 22.0, 24.0]
    alone = repeat_error.repeatability(people, values)
    # within-person sums of squares 8 and 8 over 5 scans of 2 people
    assert alone == (pytest.approx(1.96 * np.sqrt(2 * 16 / 3)), 2)
    assert repeat_error.repeatability([*people, "c", "b"], [*values, 90.0, np.nan]) == alone
    assert np.isnan(repeat_error.repeatability(["a", "b"], [1.0, 2.0])[0])


def test_changed_copies_stand_in_where_few_people_were_scanned_twice() -> None:
    few = repeat_error.of_number("distortion_score", list("aabbccdd"), np.arange(8.0))
    assert few.people == 0 and "stand in" in few.reason
    many = repeat_error.of_number(
        "distortion_score", np.repeat(np.arange(12), 2), np.tile([5.0, 6.0], 12)
    )
    assert many.people == 12 and "12 people" in many.reason
    unknown = repeat_error.of_number("reconstruction_error", ["a"], [1.0])
    assert np.isnan(unknown.points) and "not known" in unknown.reason


def test_the_error_of_changed_copies_is_that_of_the_kept_cases() -> None:
    cases = pd.read_csv(repeat_error.CASES_PATH).copy()
    assert set(cases.columns) <= {"scan", "change", *METRICS}
    assert cases.groupby("scan")["change"].nunique().min() >= 4
    scores = distortion_score.score(cases.assign(scan_id=cases.index.astype("str"), sha256=""))
    cases["score"] = scores["distortion_score"]
    wide = cases.pivot(index="scan", columns="change", values="score")
    before = wide.pop(repeat_error.AS_IT_IS)
    apart = wide.sub(before, axis=0).abs().to_numpy().ravel()
    found = repeat_error.of_changed_copies("distortion_score")
    assert found == pytest.approx(np.nanpercentile(apart, 95)) and found > 0
    other = repeat_error.of_changed_copies("distortion_score", earlier_builtin()[0])
    assert other != found
    assert 0 < repeat_error.of_changed_copies("cjv") < 0.5
