from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.helpers.made_predictions import made, random, repeated
from training.held_out import age_metrics
from training.held_out.predictions import BASELINE
from training.judging.outcome import Outcome
from training.results import error_strata, study_sets, study_summary

AGES = np.linspace(20, 80, 30)


def test_each_scan_has_its_error_gap_and_corrected_gap() -> None:
    shrunk = 50 + 0.5 * (AGES - 50)
    scans = error_strata.errors_by_scan(made(np.stack([[shrunk, shrunk + 4]]), AGES), "scratch")
    assert scans["age_gap_years"].to_numpy() == pytest.approx(shrunk + 2 - AGES)
    assert scans["corrected_gap_years"].to_numpy() == pytest.approx(0, abs=1e-9)
    expected = (np.abs(shrunk - AGES) + np.abs(shrunk + 4 - AGES)) / 2
    assert scans["error_years"].to_numpy() == pytest.approx(expected)


def test_the_gap_of_several_partitions_is_corrected_by_the_folds_of_each_then_averaged() -> None:
    noise = np.random.default_rng(0).normal(0, 3, (2, 1, 2, 30))
    first, second = 50 + 0.6 * (AGES - 50) + noise + np.array([0, 5])[:, None, None, None]
    folds = np.arange(30) // 15 + 2
    held_out = repeated(made(first, AGES), second, folds)
    scans = error_strata.errors_by_scan(held_out, "scratch")
    each = [
        age_metrics.corrected(first[0], AGES, np.arange(30) % 2),
        age_metrics.corrected(second[0], AGES, folds),
    ]
    gaps = np.concatenate(each).mean(axis=0) - AGES
    assert scans["corrected_gap_years"].to_numpy() == pytest.approx(gaps)
    summary = study_summary.summarise(held_out).set_index("arm").loc["scratch"]
    assert scans["corrected_gap_years"].mean() == pytest.approx(
        summary["corrected_mean_error_years"]
    )


def test_of_two_values_no_gap_is_corrected() -> None:
    truth = np.arange(30) % 2.0
    likely = 0.2 + 0.6 * truth + np.random.default_rng(0).normal(0, 0.05, (1, 2, 30))
    held_out = replace(
        made(likely, truth, folds=3), outcome=Outcome("sex", "two-valued", "", "M", "F", 3)
    )
    scans = error_strata.errors_by_scan(held_out, "scratch")
    assert scans["corrected_gap_years"].isna().all()
    assert scans["error_years"].notna().all()


def test_a_trend_is_told_with_its_p_value_for_the_number_of_arms() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1, (2, 2, 30))
    noise[0] = np.linspace(1, 9, 30)  # the distortion score of made people rises, too
    found = error_strata.trends(made(AGES + noise, AGES), "distortion_score").set_index("arm")
    assert found.at["scratch", "rho"] == pytest.approx(1) and found.at["scratch", "p_holm"] < 0.001
    assert found.at["A", "p_holm"] == found.at["A", "p"] > 0.05
    assert BASELINE not in found.index
    said = error_strata.trends_said(found.reset_index())
    assert "scratch 1.00 (p < 0.001, 30 people); A" in said


def test_a_trend_says_how_many_arms_it_lists_and_over_which_scores_it_was_looked_for() -> None:
    many = pd.DataFrame(
        {"arm": list("abcd"), "rho": 0.1, "p": 0.5, "n_subjects": 30, "p_holm": 1.0}
    )
    assert "the 3 strongest of 4 arms: a 0.10" in error_strata.trends_said(many)
    held_out = random(people=20)
    of_one = replace(held_out, scans=held_out.scans.assign(tier="A", distortion_score=21.26))
    assert error_strata.scores_said(of_one) == (
        "Looked for among test scans of scores 21 to 21, of tier A: worse ones were not there, and nothing "
        "is said of them."
    )


def test_intervals_of_errors_never_reach_below_zero() -> None:
    few = made([[AGES[:10] + np.where(np.arange(10) == 3, 60.0, 0.1)]], AGES[:10])
    assert error_strata.along(few, "scratch", "distortion_score")["low"].min() == 0
    assert error_strata.by_group(few, "scratch", "tier")["ci_low"].min() == 0
    by_size = study_sets.by_size(
        random(people=4, arms=4, seeds=2), {"A": 2, "all": 4, "control-A": 2}
    )
    assert by_size["ci_low"].min() == 0


def test_scans_without_prediction_are_left_out() -> None:
    predicted = np.tile(AGES, (1, 2, 1))
    predicted[0, :, 4] = np.nan
    assert len(error_strata.errors_by_scan(made(predicted, AGES), "scratch")) == 29
    nothing = error_strata.errors_by_scan(made(np.full((1, 2, 30), np.nan), AGES), "scratch")
    assert nothing.empty and "error_years" in nothing


def test_the_tiers_of_a_row_add_up_to_the_arm() -> None:
    held_out = random(people=41)
    table = error_strata.tier_by_tier(held_out)
    assert set(table["arm"]) == set(held_out.names)
    row = table[table["arm"] == "A"]
    overall = held_out.errors_years[1].mean()
    assert np.average(row["age_mae_years"], weights=row["n_subjects"]) == pytest.approx(overall)
    assert row["n_scans"].sum() == 41
    assert error_strata.tier_by_tier(made(np.full((1, 1, 4), np.nan), AGES[:4])).empty


def test_a_group_of_everybody_has_the_interval_of_the_answer() -> None:
    held_out = random(people=40)
    one = replace(held_out, scans=held_out.scans.assign(tier="B", site="North"))
    answer = study_summary.summarise(held_out).set_index("arm")
    columns = ["age_mae_years", "ci_low", "ci_high"]
    cells = error_strata.tier_by_tier(one).set_index("arm")
    assert cells.loc[answer.index, columns].to_numpy() == pytest.approx(answer[columns].to_numpy())
    (group,) = error_strata.by_group(one, "A", "site").itertuples()
    assert (group.ci_low, group.ci_high) == pytest.approx(tuple(answer.loc["A", columns[1:]]))
    whole = error_strata.along(held_out, "A", "age_years", bins=1).iloc[0]
    assert (whole["low"], whole["high"]) == pytest.approx(tuple(answer.loc["A", columns[1:]]))


def test_of_two_values_groups_err_by_their_probabilities() -> None:
    truth = np.arange(30) % 2.0
    likely = 0.2 + 0.6 * truth + np.random.default_rng(0).normal(0, 0.05, (1, 2, 30))
    likely[0, :, 3] = 1.4  # a regression goes beyond a probability
    sex = Outcome("sex", "two-valued", "", "M", "F", 3)
    held_out = replace(made(likely, truth, folds=3), outcome=sex)
    cells = error_strata.tier_by_tier(held_out).query("arm == 'scratch'").set_index("tier")
    errors = np.abs(np.clip(likely[0], 0, 1) - truth).mean(axis=0)
    for place, tier in enumerate("AB"):
        assert cells.at[tier, "age_mae_years"] == pytest.approx(errors[place::2].mean())
        assert cells.at[tier, "ci_low"] < cells.at[tier, "age_mae_years"]


def test_with_one_seed_a_cells_interval_is_students_over_people() -> None:
    held_out = random(people=40, seeds=1)
    cell = error_strata.tier_by_tier(held_out).query("arm == 'A' and tier == 'B'").iloc[0]
    errors = held_out.errors_years[1, 0, 1::2]
    bounds = stats.ttest_1samp(errors, 0).confidence_interval(0.95)
    assert (cell["ci_low"], cell["ci_high"]) == pytest.approx((bounds.low, bounds.high))


def test_a_cell_is_set_against_no_pretraining_else_against_the_mean_of_its_column() -> None:
    held_out = random(people=41)
    table = error_strata.tier_by_tier(held_out).set_index(["arm", "tier"])
    assert set(table["against"]) == {"scratch"}
    for tier in ("A", "B"):
        column = table.xs(tier, level="tier")
        assert column.at["scratch", "difference_years"] == 0
        apart = column["age_mae_years"] - column.at["scratch", "age_mae_years"]
        assert column["difference_years"].tolist() == pytest.approx(apart.tolist())
    without = error_strata.tier_by_tier(held_out.only(arms=["A", "all"])).query("arm != @BASELINE")
    assert set(without["against"]) == {error_strata.MEAN_OF_ARMS}
    assert without.groupby("tier")["difference_years"].sum().abs().max() < 1e-12


def test_groups_that_are_not_known_are_a_group() -> None:
    table = error_strata.by_group(random(people=30), "A", "site")
    assert table["site"].tolist() == ["North", "South", error_strata.NOT_KNOWN]
    assert table["n_scans"].tolist() == [10, 10, 10]


def test_bins_hold_equally_many_scans_and_every_scan() -> None:
    held_out = random(people=50)
    table = error_strata.along(held_out, "A", "distortion_score")
    assert table["n_scans"].tolist() == [10] * 5
    assert table["at"].is_monotonic_increasing
    assert table["mean"].mean() == pytest.approx(held_out.errors_years[1].mean())
    assert len(error_strata.along(random(people=12), "A", "age_years")) == 2
    assert error_strata.along(random(people=4), "A", "age_years").empty


def test_scans_of_unknown_score_are_not_placed() -> None:
    held_out = random(people=20)
    unknown = held_out.scans.assign(distortion_score=float("nan"))
    held_out = replace(held_out, scans=unknown)
    assert error_strata.along(held_out, "A", "distortion_score").empty
    scans = error_strata.errors_by_scan(held_out, "A")
    assert np.isnan(error_strata.rank_correlation(scans, "distortion_score")[0])


def test_the_correlation_is_spearmans_over_people() -> None:
    scans = error_strata.errors_by_scan(random(people=40), "A")
    rho, p, people = error_strata.rank_correlation(scans, "age_years")
    expected = stats.spearmanr(scans["age_years"], scans["error_years"])
    assert (rho, p, people) == pytest.approx((expected.statistic, expected.pvalue, 40))
    twice = pd.concat([scans, scans])
    assert error_strata.rank_correlation(twice, "age_years")[2] == 40


def test_predicting_the_mean_errs_with_the_distance_from_it() -> None:
    scans = error_strata.errors_by_scan(
        made(np.tile(AGES, (1, 1, 1)), AGES, baseline=50.0), BASELINE
    )
    assert scans["error_years"].to_numpy() == pytest.approx(np.abs(AGES - 50))
