import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from training import crossed, power
from training.crossed import Estimate


def _seen(mean: float, *, person: float = 4.0, seed: float = 0.0, rest: float = 0.0,
          people: int = 70, seeds: int = 1) -> Estimate:  # fmt: skip
    return Estimate(mean, -1, 1, 0.5, 69, 0.5, person, seed, rest, people, seeds)


@pytest.mark.parametrize("mean", [0.2, 0.35, 0.5])
def test_with_one_seed_it_is_the_power_of_students_paired_test(mean) -> None:
    exact = TTestPower().solve_power(effect_size=mean / 2, power=0.8, alpha=0.05)
    assert power.more_people(_seen(mean)) == pytest.approx(np.ceil(exact) - 70, abs=1)
    assert power.more_people(_seen(-mean)) == power.more_people(_seen(mean))


def test_seeds_take_the_room_that_people_cannot_fill() -> None:
    clear = power.more_people(_seen(0.3, seed=0.0, seeds=3))
    assert power.more_people(_seen(0.3, seed=0.01, seeds=3)) > clear
    assert power.more_people(_seen(0.3, seed=1.0, seeds=3)) == np.inf


def test_more_seeds_help_where_people_are_many_enough() -> None:
    few = power.more_seeds(_seen(1.0, person=0.5, seed=1.0, seeds=2))
    # (δ/2.802)² = seed/S + person/N
    assert few == np.ceil(1.0 / ((1 / 2.8016) ** 2 - 0.5 / 70)) - 2
    assert power.more_seeds(_seen(0.1, person=50.0, seed=1.0, seeds=2)) == np.inf
    assert np.isnan(power.more_seeds(_seen(0.1)))


def test_a_difference_that_is_clear_needs_nobody() -> None:
    assert power.more_people(_seen(5.0)) == 0


def test_no_difference_would_need_everybody() -> None:
    assert power.more_people(_seen(0.0)) == np.inf


def test_nothing_seen_needs_nothing_said() -> None:
    assert np.isnan(power.more_people(crossed.estimate(np.ones((1, 1)))))
