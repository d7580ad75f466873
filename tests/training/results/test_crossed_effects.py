import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.formula.api import ols

from training.results import crossed_effects
from training.results.crossed_effects import SeedSpread

RNG = np.random.default_rng(0)
VALUES = 5 + RNG.normal(0, 2, (1, 40)) + RNG.normal(0, 0.5, (3, 1)) + RNG.normal(0, 1, (3, 40))


def _anova(values: np.ndarray) -> dict[str, float]:
    """Mean squares of a two-way layout, by statsmodels."""
    import pandas as pd

    seed, person = np.indices(values.shape)
    table = pd.DataFrame({"x": values.ravel(), "s": seed.ravel(), "p": person.ravel()})
    found = sm.stats.anova_lm(ols("x ~ C(s) + C(p)", table).fit())
    squares = found["sum_sq"] / found["df"]
    return {"seed": squares["C(s)"], "person": squares["C(p)"], "rest": squares["Residual"]}


def test_the_variance_is_made_of_the_mean_squares_of_a_two_way_layout() -> None:
    found, squares = crossed_effects.estimate(VALUES), _anova(VALUES)
    seeds, people = VALUES.shape
    numerator = squares["seed"] + squares["person"] - squares["rest"]
    df = numerator**2 / (
        squares["seed"] ** 2 / 2 + squares["person"] ** 2 / 39 + squares["rest"] ** 2 / 78
    )
    assert found.se == pytest.approx(np.sqrt(numerator / (seeds * people)))
    assert found.df == pytest.approx(df)
    low, high = stats.t.interval(0.95, df, loc=VALUES.mean(), scale=found.se)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.p == pytest.approx(2 * stats.t.sf(found.mean / found.se, df))
    assert found.rest == pytest.approx(squares["rest"])
    assert found.person == pytest.approx((squares["person"] - squares["rest"]) / 3)
    assert found.seed == pytest.approx((squares["seed"] - squares["rest"]) / 40)


def test_one_seed_is_students_interval_over_people() -> None:
    found = crossed_effects.estimate(VALUES[:1])
    result = stats.ttest_1samp(VALUES[0], 0)
    bounds = result.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((bounds.low, bounds.high))
    assert (found.p, found.df) == (pytest.approx(result.pvalue), 39)


def test_mean_squares_that_cancel_leave_an_interval_that_can_be_drawn() -> None:
    """Two trainings that err alike on the whole, and on other people: nothing is left of the variance."""
    errors = np.abs(np.random.default_rng(0).normal(0, 9, 31))
    found = crossed_effects.estimate(np.stack([errors, errors[::-1]]))
    assert found.df >= 1
    assert 0 < found.high - found.low < 100


def test_seeds_that_agree_to_the_last_digit_are_one_seed() -> None:
    same = np.repeat(VALUES[:1], 4, axis=0)
    one, four = (
        crossed_effects.estimate(VALUES[:1]),
        crossed_effects.estimate(same, SeedSpread(0.0, np.inf)),
    )
    assert (four.low, four.high, four.df) == pytest.approx((one.low, one.high, one.df))


def test_the_estimate_moves_and_scales_with_the_values_and_not_with_their_order() -> None:
    found = crossed_effects.estimate(VALUES)
    moved, scaled = crossed_effects.estimate(VALUES + 3), crossed_effects.estimate(-2 * VALUES)
    mixed = crossed_effects.estimate(VALUES[[2, 0, 1]][:, RNG.permutation(40)])
    assert (moved.low, moved.high) == pytest.approx((found.low + 3, found.high + 3))
    assert (scaled.low, scaled.high) == pytest.approx((-2 * found.high, -2 * found.low))
    assert mixed == pytest.approx(found)


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("value", [3.0, -0.5, 0.1])
def test_values_that_never_differ_have_neither_interval_nor_p(seeds, value) -> None:
    found = crossed_effects.estimate(np.full((seeds, 7), value))
    assert np.isnan([found.low, found.high, found.se, found.p]).all() and found.no_variance
    assert found.mean == pytest.approx(value)
    assert np.isnan(crossed_effects.detectable_years(found))
    noise = np.full((seeds, 7), value) + RNG.uniform(-1e-16, 1e-16, (seeds, 7))
    assert crossed_effects.estimate(noise).no_variance
    crosswise = crossed_effects.estimate(np.array([[2.0, 3.0], [3.0, 2.0]]))
    assert crosswise.no_variance  # nothing is left of the variance, though they differ


def test_no_difference_of_anybody_is_none_and_no_error_of_anybody_has_no_interval() -> None:
    none = crossed_effects.estimate(np.zeros((2, 5)))
    assert (none.low, none.high, none.p, none.no_variance) == (0, 0, 1, False)
    assert crossed_effects.of_losses(np.zeros((2, 5))).no_variance
    assert crossed_effects.of_losses(VALUES) == crossed_effects.estimate(VALUES)
    assert not crossed_effects.estimate(np.ones((2, 1))).no_variance
    assert not crossed_effects.estimate(np.empty((0, 5))).no_variance


@pytest.mark.parametrize("shape", [(0, 5), (2, 0), (2, 1), (1, 1)])
def test_fewer_than_two_people_have_no_interval(shape) -> None:
    found = crossed_effects.estimate(np.ones(shape))
    assert np.isnan([found.low, found.high, found.p]).all()
    assert (found.seeds, found.people) == shape


def test_the_spread_within_arms_is_the_mean_variance_of_the_seeds_means() -> None:
    values = RNG.normal(0, 1, (4, 3, 20))
    spread = crossed_effects.spread_within(values)
    assert spread.mean_square == pytest.approx(20 * values.mean(axis=2).var(axis=1, ddof=1).mean())
    assert spread.df == 8
    assert crossed_effects.spread_within(values[:1]).mean_square == pytest.approx(
        _anova(values[0])["seed"]
    )


def test_an_arm_is_pooled_with_the_others_unless_it_spreads_clearly_further() -> None:
    others = SeedSpread(2.0, 6)
    bound = 2.0 * stats.f.ppf(0.90, 2, 6)
    within = crossed_effects.pooled(SeedSpread(0.99 * bound, 2), others)
    assert within == pytest.approx(((2 * 0.99 * bound + 12) / 8, 8))
    assert crossed_effects.pooled(SeedSpread(1.01 * bound, 2), others) == (1.01 * bound, 2)
    assert (
        crossed_effects.pooled(SeedSpread(0.1, 2), others).df == 8
    )  # nor is a small one left to itself
    assert crossed_effects.pooled(SeedSpread(3.0, 2), None) == (3.0, 2)


@pytest.mark.parametrize(("df", "ratio"), [(1, 161.4), (2, 19.0), (4, 6.39)])
def test_spreads_are_unlike_from_the_f_quantile_on(df, ratio) -> None:
    assert stats.f.ppf(0.95, df, df) == pytest.approx(ratio, rel=1e-3)
    for factor, expected in ((0.99, False), (1.01, True)):
        spreads = (SeedSpread(1.0, df), SeedSpread(factor * ratio, df))
        assert (
            crossed_effects.unlike(*spreads) == crossed_effects.unlike(*spreads[::-1]) == expected
        )
    assert not crossed_effects.unlike(SeedSpread(0.0, df), SeedSpread(0.0, df))
    assert crossed_effects.unlike(SeedSpread(0.0, df), SeedSpread(1.0, df))


def test_the_spreads_of_two_arms_add_up() -> None:
    spread = crossed_effects.together(SeedSpread(2.0, 4), SeedSpread(2.0, 4))
    assert spread == (4.0, 8.0)
    assert crossed_effects.together(SeedSpread(0.0, np.inf), SeedSpread(0.0, np.inf)).df == np.inf


# ---- gaps ------------------------------------------------------------------------------------------


def test_the_largest_table_without_a_gap_is_taken() -> None:
    values = np.ones((2, 3, 10))
    values[1, 2, 5:] = np.nan  # one arm's last seed lacks a fold
    seeds, people = crossed_effects.complete(values)
    assert (seeds.tolist(), len(people)) == ([0, 1], 10)
    values[:, 0:2, :2] = np.nan
    seeds, people = crossed_effects.complete(values)
    assert (seeds.tolist(), people.tolist()) == ([0, 1], list(range(2, 10)))


def test_nothing_in_common_is_an_empty_table() -> None:
    values = np.ones((2, 1, 4))
    values[0, 0, :2] = values[1, 0, 2:] = np.nan
    assert [len(part) for part in crossed_effects.complete(values)] == [0, 0]
    assert [len(part) for part in crossed_effects.complete(np.empty((2, 0, 4)))] == [0, 0]
