import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from training.results import crossed_effects
from training.results.crossed_effects import Estimate


def _seen(mean: float, *, se: float = 0.5, df: float = 69.0) -> Estimate:
    return Estimate(mean, -1, 1, se, df, 0.5, 4.0, 0.0, 0.0, 70, 3)


@pytest.mark.parametrize("df", [1.0, 1.37, 2.0, 3.7, 7.3, 66.2, 69.0, np.inf])
def test_its_power_is_that_of_the_non_central_t(df) -> None:
    found = crossed_effects.detectable_years(_seen(0.1, se=1.0, df=df))
    df = min(df, 1e6)
    assert stats.nct.sf(stats.t.ppf(0.975, df), df, found) == pytest.approx(0.8, abs=1e-4)


@pytest.mark.parametrize("people", [5, 24, 70])
def test_it_is_the_difference_that_students_paired_test_finds_with_80_percent(people) -> None:
    exact = TTestPower().solve_power(nobs=people, power=0.8, alpha=0.05)
    found = crossed_effects.detectable_years(_seen(0.1, se=2 / np.sqrt(people), df=people - 1))
    assert found == pytest.approx(2 * exact, rel=1e-3)


def test_few_degrees_of_freedom_see_far_less() -> None:
    assert crossed_effects.detectable_years(
        _seen(0.1, df=1)
    ) > 5 * crossed_effects.detectable_years(_seen(0.1, df=69))


def test_what_was_seen_does_not_change_what_could_be_seen() -> None:
    assert crossed_effects.detectable_years(_seen(0.01)) == crossed_effects.detectable_years(
        _seen(-9.0)
    )


def test_four_of_five_studies_find_it() -> None:
    """Three seeds whose means spread, and a true difference of the size that each study would find."""
    rng, found = np.random.default_rng(2), []
    for _ in range(400):
        seeds = rng.normal(0, 0.3, (3, 1)) + rng.normal(0, 2, (3, 60)) + rng.normal(0, 3, 60)
        there = crossed_effects.detectable_years(crossed_effects.estimate(seeds))
        found.append(crossed_effects.estimate(seeds + there).p <= 0.05)
    assert np.mean(found) == pytest.approx(0.8, abs=0.06)


def test_nothing_seen_needs_nothing_said() -> None:
    assert np.isnan(crossed_effects.detectable_years(crossed_effects.estimate(np.ones((1, 1)))))
