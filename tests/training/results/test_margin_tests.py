"""Verdicts on a primary comparison: equivalence, non-inferiority, one and two sides."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from tests.helpers.made_predictions import ALL, A
from training.results import crossed_effects, primary_comparison, verdicts
from training.results.crossed_effects import Estimate
from training.studies.analysis_plan import AnalysisPlan

TWO = AnalysisPlan(("A", "all"), 0.7)
ONE = AnalysisPlan(("A", "all"), 0.7, one_sided=True)
#: Additional hours of sleep with one drug less those with the other (Student 1908), ten people.
SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])


def _seen(mean: float, se: float, df: float = 60.0) -> Estimate:
    half = float(stats.t.ppf(0.975, df)) * se
    p = float(2 * stats.t.sf(abs(mean) / se, df))
    return Estimate(mean, mean - half, mean + half, se, df, p, 4.0, 0.1, 1.0, 72, 3)


def test_two_one_sided_tests_of_students_sleep_data_are_those_published() -> None:
    """TOSTER's vignette (Caldwell): bounds of 0.5; t(9) = −2.777, p = 0.989; no equivalence."""
    found = verdicts.margin_tests(crossed_effects.estimate(-SLEEP[None]), 0.5)
    assert found.p_equivalent == pytest.approx(0.989, abs=5e-4)
    assert found.p_better == pytest.approx(0.00283 / 2, abs=5e-6)


@pytest.mark.parametrize("margin", [0.2, 0.7, 3.0])
def test_equivalence_of_paired_people_is_that_of_statsmodels(margin) -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(5, 2, (2, 40))
    found = verdicts.margin_tests(crossed_effects.estimate((first - second)[None]), margin)
    p, lower, upper = ttost_paired(first, second, -margin, margin)
    assert found.p_equivalent == pytest.approx(p)
    assert found.p_not_worse == pytest.approx(upper[1])
    assert max(found.p_not_worse, lower[1]) == pytest.approx(p)


def test_arms_are_equivalent_just_where_the_90_percent_interval_is_within_the_margin() -> None:
    for mean in np.linspace(-0.8, 0.8, 33):
        seen = _seen(mean, 0.3)
        found = verdicts.margin_tests(seen, 0.7)
        assert (found.p_equivalent <= 0.05) == (max(-found.low, found.high) < 0.7)
        assert (found.p_not_worse <= 0.05) == (found.high < 0.7)


@pytest.mark.parametrize(
    ("plan", "mean", "se", "outcome"),
    [
        (TWO, -0.9, 0.3, "better"),
        (TWO, 0.9, 0.3, "worse"),
        (TWO, 0.1, 0.3, "equivalent"),
        (TWO, -0.5, 0.3, "not worse"),
        (TWO, 0.1, 0.6, "open"),
        (ONE, -0.55, 0.3, "better"),
        (ONE, 0.1, 0.3, "not worse"),
        (ONE, 0.9, 0.3, "open"),
        (ONE, 0.1, 0.6, "open"),
    ],
)
def test_each_verdict_has_its_place(plan, mean, se, outcome) -> None:
    said = verdicts.confirmatory(plan, _seen(mean, se))
    assert said.outcome == outcome
    assert "0.7 years" in said.words or outcome in ("better", "worse")


def test_the_sentence_says_interval_margin_and_what_it_means() -> None:
    said = verdicts.confirmatory(TWO, _seen(0.1, 0.3), meaning="leaving out tier C")
    assert said.words == (
        "Leaving out tier C makes no difference that matters: A and all are equivalent within the margin of "
        "0.7 years (difference 0.10, 90 % interval −0.40 to 0.60, p = 0.025)."
    )
    said = verdicts.confirmatory(TWO, _seen(-0.5, 0.3))
    assert said.words.startswith(
        "Taking A instead of all does no harm that matters: A is not worse than all by the margin of 0.7 "
        "years (difference −0.50, at most 0.00, one-sided 95 %, p < 0.001)."
    )
    assert said.words.endswith("Whether it is better is not resolved.")
    said = verdicts.confirmatory(TWO, _seen(0.1, 0.6))
    assert said.words.startswith(
        "A against all is unresolved: the difference of 0.10 years (95 % interval −1.10 to 1.30; below 0 "
        "favours A) is compatible with none, and with harm as well as benefit beyond the margin of 0.7 "
        "years. With these 72 people and 3 seeds, 1.7 years or more"
    )
    only_harm = verdicts.confirmatory(TWO, _seen(0.4, 0.3)).words
    assert "compatible with none, and with harm beyond the margin" in only_harm


def test_a_difference_that_is_there_and_too_small_to_matter_is_said_to_be_both() -> None:
    said = verdicts.confirmatory(TWO, _seen(-0.3, 0.1))
    assert said.outcome == "better"
    assert said.words.endswith(
        "It is within the margin of 0.7 years all the same (90 % interval −0.47 to −0.13): there, and too "
        "small to matter."
    )
    assert "too small" not in verdicts.confirmatory(TWO, _seen(-0.9, 0.1)).words


def test_a_one_sided_plan_does_not_call_an_arm_worse_but_says_that_it_looks_so() -> None:
    said = verdicts.confirmatory(ONE, _seen(0.9, 0.3))
    assert "looks worse, which a one-sided plan does not ask" in said.words
    assert "looks worse" not in verdicts.confirmatory(ONE, _seen(0.1, 0.6)).words


def test_whatever_the_difference_is_at_most_one_claim_in_twenty_is_wrong() -> None:
    """At no difference, at half a margin and at the margin, either way; 4,000 estimates each."""
    rng, df, se = np.random.default_rng(0), 20, 0.2
    for true in (-0.7, -0.35, 0.0, 0.35, 0.7):
        means = true + se * rng.standard_normal(4000)
        ses = se * np.sqrt(rng.chisquare(df, 4000) / df)
        wrong = [
            _is_wrong(verdicts.confirmatory(TWO, _seen(m, s, df)).outcome, true)
            for m, s in zip(means, ses, strict=True)
        ]
        assert np.mean(wrong) <= 0.06, true


def _is_wrong(outcome: str, true: float) -> bool:
    claims = {
        "better": true < 0,
        "worse": true > 0,
        "equivalent": abs(true) < 0.7,
        "not worse": true < 0.7,
    }
    return not claims.get(outcome, True)


def test_nothing_in_common_and_a_reason_against_a_verdict_come_first() -> None:
    empty = crossed_effects.estimate(np.empty((0, 0)))
    assert verdicts.confirmatory(TWO, empty).outcome == "unknown"
    said = verdicts.confirmatory(TWO, _seen(-0.9, 0.1), withheld="one seed only")
    assert said.outcome == "withheld" and said.words.endswith("No verdict: one seed only.")


@pytest.mark.parametrize("plan", [TWO, ONE])
@pytest.mark.parametrize("mean", [-2.0, 0.3, 2.0])
def test_a_difference_without_variance_is_not_tested_against_any_margin(plan, mean) -> None:
    seen = crossed_effects.estimate(np.full((2, 9), mean))
    assert np.isnan(verdicts.margin_tests(seen, 0.7)).all()
    said = verdicts.confirmatory(plan, seen)
    assert said.outcome == "withheld"
    assert verdicts.NO_VARIANCE in said.words and "nan" not in said.words
    told = primary_comparison.headline(plan, (A, ALL), seen, said)
    assert told.startswith("Primary comparison: A and all") and "nan" not in told


def test_arms_that_say_the_same_to_the_last_bit_are_equivalent() -> None:
    same = crossed_effects.estimate(np.zeros((2, 9)))
    assert verdicts.confirmatory(TWO, same).outcome == "equivalent"
