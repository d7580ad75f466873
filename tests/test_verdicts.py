import numpy as np
import pytest

from training import crossed, verdicts
from training.crossed import Estimate


def _seen(mean: float, half: float, p: float, **changes: float) -> Estimate:
    values = {"person": 4.0, "seed": 0.0, "rest": 1.0, "people": 72, "seeds": 3} | changes
    return Estimate(mean, mean - half, mean + half, half / 2, 70.0, p, **values)  # type: ignore[arg-type]


def test_a_clear_difference_says_who_by_how_much_and_how_sure() -> None:
    said = verdicts.verdict("A", "all", _seen(-0.42, 0.31, 0.01), 0.02)
    assert said == ("better", "A is better than all by 0.42 years (0.11 to 0.73).")
    said = verdicts.verdict("A", "all", _seen(0.42, 0.31, 0.01), 0.02)
    assert said == ("worse", "A is worse than all by 0.42 years (0.11 to 0.73).")


def test_what_cannot_be_told_says_with_how_many_and_what_it_would_take() -> None:
    said = verdicts.verdict("A", "all", _seen(-0.5, 0.8, 0.3), 0.6)
    assert said.kind == "open"
    assert (
        "not distinguishable with these 72 people (difference −0.50 years, −1.30 to 0.30; below 0 favours A)"
        in said.words
    )
    # (4 + 1/3)/(0.5/2.8016)² + 1.92 = 137.98
    assert said.words.endswith("about 66 more would be needed to tell a difference of this size.")


def test_what_only_its_own_interval_shows_is_no_verdict() -> None:
    said = verdicts.verdict("A", "all", _seen(-0.42, 0.4, 0.03), 0.12)
    assert said.kind == "leaning"
    assert "A looks better than all by 0.42 years" in said.words
    assert "p = 0.12 after Holm" in said.words


def test_one_seed_is_said() -> None:
    said = verdicts.verdict("A", "all", _seen(-0.4, 0.3, 0.01, seeds=1), 0.01)
    assert "of these trained models alone (one seed)" in said.words


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (_seen(-0.001, 1, 0.9), "more than 10,000 more"),
        (_seen(-1.0, 3, 0.4, seed=3.0), "more people alone would not do, about 39 more seeds"),
        (_seen(-0.01, 3, 0.9, seed=3.0), "both more people and more seeds"),
        (_seen(-5.0, 6, 0.1), "a few more people or seeds"),
    ],
)
def test_what_it_would_take_is_said_in_people_seeds_or_both(seen, words) -> None:
    assert words in verdicts.verdict("A", "all", seen, 1.0).words


def test_nothing_in_common_is_said() -> None:
    said = verdicts.verdict("A", "all", crossed.estimate(np.empty((0, 0))), np.nan)
    assert said.kind == "unknown"
    assert "no runs in common" in said.words


@pytest.mark.parametrize(
    ("people", "shown"), [(7, "7"), (99, "99"), (101, "110"), (137, "140"), (4210, "4,300")]
)
def test_numbers_of_people_are_no_more_exact_than_they_can_be(people, shown) -> None:
    assert verdicts.rounded(people) == shown
