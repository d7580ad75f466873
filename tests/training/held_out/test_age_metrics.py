import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from training.held_out import age_metrics

RNG = np.random.default_rng(5)
AGES = RNG.uniform(20, 80, 60)
PREDICTED = 15 + 0.6 * AGES + RNG.normal(0, 5, (2, 60))


def test_the_figures_are_those_of_scikit_learn_and_scipy_averaged_over_seeds() -> None:
    found = age_metrics.figures(PREDICTED, AGES)
    expected = {
        "age_mae_years": [metrics.mean_absolute_error(AGES, p) for p in PREDICTED],
        "r": [stats.pearsonr(AGES, p).statistic for p in PREDICTED],
        "r2": [metrics.r2_score(AGES, p) for p in PREDICTED],
        "mean_error_years": [(p - AGES).mean() for p in PREDICTED],
        "slope": [stats.linregress(AGES, p - AGES).slope for p in PREDICTED],
    }
    assert found == pytest.approx({name: np.mean(values) for name, values in expected.items()})


def test_a_perfect_prediction() -> None:
    found = age_metrics.figures(AGES[None], AGES)
    assert found == pytest.approx(
        {"age_mae_years": 0, "r": 1, "r2": 1, "mean_error_years": 0, "slope": 0}
    )


def test_a_constant_prediction_explains_nothing() -> None:
    found = age_metrics.figures(np.full((1, 60), AGES.mean()), AGES)
    assert np.isnan(found["r"])
    assert (found["r2"], found["slope"]) == (pytest.approx(0), pytest.approx(-1))


def test_people_of_one_age_have_neither_slope_nor_r() -> None:
    found = age_metrics.figures(RNG.normal(40, 1, (2, 5)), np.full(5, 40.0))
    assert np.isnan([found["r"], found["r2"], found["slope"]]).all()
    assert found["age_mae_years"] > 0


# ---- the age bias ----------------------------------------------------------------------------------

FOLDS = np.arange(60) % 3


def test_a_straight_bias_is_taken_out_whole() -> None:
    shrunk = np.stack([50 + 0.4 * (AGES - 50) + 2, 10 + 0.8 * AGES])
    assert age_metrics.corrected(shrunk, AGES, FOLDS) == pytest.approx(np.stack([AGES, AGES]))


def test_the_correction_is_fitted_on_the_other_folds_alone() -> None:
    fitted = age_metrics.corrected(PREDICTED, AGES, FOLDS)
    slope, at_0 = np.polyfit(AGES[FOLDS != 1], PREDICTED[0, FOLDS != 1], 1)
    assert fitted[0, FOLDS == 1] == pytest.approx((PREDICTED[0, FOLDS == 1] - at_0) / slope)


def test_a_persons_own_age_and_prediction_do_not_change_what_others_of_the_fold_get() -> None:
    other_ages, other = AGES.copy(), PREDICTED.copy()
    other_ages[1], other[:, 1] = 99.0, 5.0  # person 1 is in fold 1
    rest = (FOLDS == 1) & (np.arange(60) != 1)
    before = age_metrics.corrected(PREDICTED, AGES, FOLDS)[:, rest]
    assert np.array_equal(age_metrics.corrected(other, other_ages, FOLDS)[:, rest], before)


def test_predictions_that_do_not_follow_age_have_no_correction() -> None:
    assert np.isnan(age_metrics.corrected(np.full((1, 60), 50.0), AGES, FOLDS)).all()
    against = 100 - AGES[None]
    assert np.isnan(age_metrics.corrected(against, AGES, FOLDS)).all()


def test_one_fold_has_nothing_outside_to_fit_on() -> None:
    assert np.isnan(age_metrics.corrected(PREDICTED, AGES, np.zeros(60, int))).all()


def test_predictions_that_hardly_follow_age_are_not_corrected_into_absurd_ages() -> None:
    hardly = 50 + 0.1 * (AGES - 50) + RNG.normal(0, 1, (2, 60))
    assert not age_metrics.follow_age(hardly, AGES)
    assert np.isnan(age_metrics.corrected(hardly, AGES, FOLDS)).all()


def test_a_slope_that_may_be_chance_is_none() -> None:
    few = np.array([20.0, 30, 40, 50, 60])
    noise = np.array([[0.0, 30, -30, 30, -20]])
    assert not age_metrics.follow_age(0.4 * few + noise, few)
    assert age_metrics.follow_age(0.4 * few[None], few)


def test_one_seed_that_does_not_follow_age_leaves_the_arm_without_correction() -> None:
    one = np.stack([AGES, 50 + 0.1 * (AGES - 50)])
    assert age_metrics.follow_age(one, AGES)
    assert np.isnan(age_metrics.corrected(one, AGES, FOLDS)).all()
