"""Null studies whose arms' seeds spread alike, and unlike: how often they are told apart all the same."""

from dataclasses import replace

import numpy as np
import pytest

from tests.held_out import SCRATCH, A, made
from training import statistics
from training.arms import Arm

PEOPLE, STUDIES = 70, 200


def _false(seeds: int, arms: int, of_pair: float, of_others: float) -> float:
    """Return the share of null studies in which the first two arms differ at 5 %.

    The seeds' means spread by so many years (standard deviation): those of the two arms, and of the others.
    """
    rng = np.random.default_rng([8, seeds, arms])
    others = [Arm(f"keep-{n}", "", "sweep", ("A",), keep_percent=n) for n in range(1, arms - 1)]
    ages = rng.uniform(20, 80, PEOPLE)
    base = made(np.zeros((arms, seeds, PEOPLE)), ages, arms=(SCRATCH, A, *others))
    shape = (STUDIES, arms, seeds, PEOPLE)
    spread = np.where(np.arange(arms) < 2, of_pair, of_others)[:, None, None]
    errors = 30 + rng.normal(0, 2, (STUDIES, arms, 1, PEOPLE)) + rng.normal(0, 3, shape)
    errors += rng.normal(0, 1, (*shape[:3], 1)) * spread
    p = []
    for error in errors:
        predicted = np.concatenate([ages + error, base.predicted_years[-1:]])
        found = statistics.compare(replace(base, predicted_years=predicted), "A", "scratch")
        p.append(found[0].p)
    return float(np.mean(np.array(p) <= 0.05))


CASES = [(2, 4), (3, 4), (2, 10), (3, 10)]


def test_arms_whose_seeds_spread_further_than_the_others_are_not_told_apart_for_it() -> None:
    rates = [_false(*case, of_pair=1.5, of_others=0.2) for case in CASES]
    assert max(rates) <= 0.085
    assert np.mean(rates) <= 0.065


def test_arms_whose_seeds_spread_alike_are_told_apart_as_rarely_as_said() -> None:
    rates = [_false(*case, of_pair=0.5, of_others=0.5) for case in CASES]
    assert np.mean(rates) == pytest.approx(0.05, abs=0.015)
