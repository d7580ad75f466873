"""Null studies whose arms' seeds spread alike, and unlike: how often they are told apart all the same."""

import numpy as np
import pytest

from tests.helpers.made_predictions import null_studies
from training.results import study_summary

#: Seeds and arms of a study.
CASES = [(2, 4), (3, 4), (2, 10), (3, 10)]


def _false(of_pair: float, of_others: float) -> list[float]:
    """Return for each case the share of 200 studies in which the first two arms differ at 5 %."""
    return [
        float(
            np.mean(
                [
                    study_summary.compare(held_out, "A", "scratch").estimate.p <= 0.05
                    for held_out in null_studies(
                        200, arms=arms, seeds=seeds, of_pair=of_pair, of_others=of_others
                    )
                ]
            )
        )
        for seeds, arms in CASES
    ]


def test_arms_whose_seeds_spread_further_than_the_others_are_not_told_apart_for_it() -> None:
    rates = _false(of_pair=1.5, of_others=0.2)
    assert max(rates) <= 0.085
    assert np.mean(rates) <= 0.065


def test_arms_whose_seeds_spread_alike_are_told_apart_as_rarely_as_said() -> None:
    assert np.mean(_false(of_pair=0.5, of_others=0.5)) == pytest.approx(0.05, abs=0.015)
