import tracemalloc

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from training.results import resampling

RNG = np.random.default_rng(3)


def test_holm_is_holms() -> None:
    p = RNG.uniform(0, 0.2, 9)
    assert resampling.holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_a_comparison_that_could_not_be_made_does_not_count() -> None:
    corrected = resampling.holm([0.01, np.nan, 0.04])
    assert corrected[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(corrected[1])
    assert resampling.holm([]).size == 0


def test_few_people_are_tested_exactly() -> None:
    differences = RNG.normal(0.5, 1, 9)
    exact = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=False
    )
    assert resampling.sign_flip_p(differences) == pytest.approx(exact.pvalue)


def test_fishers_count_for_darwins_plants_comes_out() -> None:
    """Fisher (1935), The Design of Experiments, § 21: 863 of 32,768 patterns reach the sum on one side."""
    eighths_of_an_inch = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    found = resampling.sign_flip_p(np.array(eighths_of_an_inch, dtype=float))
    assert found == 2 * 863 / 32768


def test_a_drawn_p_is_never_0_and_counts_what_was_seen_as_a_pattern() -> None:
    """Phipson & Smyth (2010): (b + 1)/(m + 1)."""
    assert resampling.sign_flip_p(np.arange(1.0, 41.0)) == 1 / (resampling.FLIPS + 1)
    assert resampling.FLIPS == 100_000 and resampling.RESAMPLES == 10_000


@pytest.mark.parametrize("people", [15, 16, 17])
def test_exact_and_drawn_p_values_meet(people) -> None:
    differences = RNG.normal(0.4, 1, people)
    signs = 1 - 2 * (np.arange(2**people)[:, None] >> np.arange(people) & 1)
    sums = np.abs(signs @ differences)
    exact = np.mean(sums >= abs(differences.sum()) - 1e-9)
    assert resampling.sign_flip_p(differences) == pytest.approx(
        exact, abs=0 if people <= 16 else 0.006
    )


def test_the_bootstrap_of_many_people_is_drawn_in_blocks_of_a_bounded_size() -> None:
    values = RNG.normal(5, 2, (3, 1500))
    tracemalloc.start()
    found = resampling.bootstrap_interval(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6  # the whole draws would be 120 MB
    assert found == resampling.bootstrap_interval(values)


def test_many_people_are_tested_as_students_test_would() -> None:
    differences = RNG.normal(0.3, 1, 70)
    assert resampling.sign_flip_p(differences) == pytest.approx(
        stats.ttest_1samp(differences, 0).pvalue, abs=0.01
    )


def test_the_sign_flip_knows_neither_direction_nor_scale_nor_order() -> None:
    differences = RNG.normal(0.3, 1, 12)
    p = resampling.sign_flip_p(differences)
    assert resampling.sign_flip_p(-7 * differences[::-1]) == pytest.approx(p)


def test_no_difference_at_all_has_a_p_of_one() -> None:
    assert resampling.sign_flip_p(np.zeros(20)) == 1
    assert np.isnan(resampling.sign_flip_p(np.empty(0)))


def test_the_bootstrap_is_the_same_every_time_and_holds_the_mean() -> None:
    values = RNG.normal(5, 2, (3, 40))
    low, high = resampling.bootstrap_interval(values)
    assert (low, high) == resampling.bootstrap_interval(values)
    assert low < values.mean() < high


def test_with_one_seed_the_bootstrap_is_the_one_over_people() -> None:
    values = RNG.exponential(2, (1, 200))
    low, high = resampling.bootstrap_interval(values)
    half = 1.96 * values.std(ddof=1) / np.sqrt(200)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1)


def test_seeds_that_differ_widen_the_bootstrap() -> None:
    alike = np.repeat(RNG.normal(5, 2, (1, 40)), 4, axis=0)
    apart = alike + np.array([[-2.0], [-1.0], [1.0], [2.0]])
    width = [np.ptp(resampling.bootstrap_interval(values)) for values in (alike, apart)]
    assert width[1] > 1.3 * width[0]


def test_one_person_has_no_bootstrap() -> None:
    assert np.isnan(resampling.bootstrap_interval(np.ones((2, 1)))).all()
