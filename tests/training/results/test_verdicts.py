import numpy as np

from training.judging.outcome import Outcome
from training.results import crossed_effects, verdicts
from training.results.crossed_effects import Estimate


def _seen(mean: float, half: float, p: float, **changes: float) -> Estimate:
    values = {"person": 4.0, "seed": 0.0, "rest": 1.0, "people": 72, "seeds": 3} | changes
    return Estimate(mean, mean - half, mean + half, half / 2, 70.0, p, **values)  # type: ignore[arg-type]


def test_a_clear_difference_says_who_by_how_much_and_how_sure() -> None:
    said = verdicts.exploratory("A", "all", _seen(-0.42, 0.31, 0.01), 0.02)
    assert said == ("better", "A is better than all by 0.42 years (0.11 to 0.73).")
    said = verdicts.exploratory("A", "all", _seen(0.42, 0.31, 0.01), 0.02)
    assert said == ("worse", "A is worse than all by 0.42 years (0.11 to 0.73).")


def test_what_cannot_be_told_says_with_how_many_and_what_would_be_found() -> None:
    seen = _seen(-0.5, 0.8, 0.3)
    said = verdicts.exploratory("A", "all", seen, 0.6)
    assert said.outcome == "open"
    assert (
        "unresolved with these 72 people and 3 seeds (difference −0.50 years, −1.30 to 0.30; below 0 favours "
        "A)" in said.words
    )
    # 0.4 · (t(0.975, 70) + t(0.8, 70))
    assert said.words.endswith("1.1 years or more would be found in four of five such studies.")
    assert "more would be needed" not in said.words


def test_what_only_its_own_interval_shows_is_no_verdict() -> None:
    said = verdicts.exploratory("A", "all", _seen(-0.42, 0.4, 0.03), 0.12)
    assert said.outcome == "leaning"
    assert "A looks better than all by 0.42 years" in said.words
    assert "p = 0.12 after Holm" in said.words


def test_whatever_the_numbers_say_a_withheld_verdict_says_why() -> None:
    seen = _seen(-0.4, 0.3, 0.01, seeds=1)
    said = verdicts.exploratory("A", "all", seen, 0.01, withheld="one seed only")
    assert said.outcome == "withheld"
    assert said.words == (
        "A and all: difference −0.40 years, −0.70 to −0.10; below 0 favours A. No verdict: one seed only."
    )


def test_where_nothing_varies_there_is_no_verdict_and_it_is_said_why() -> None:
    seen = crossed_effects.estimate(np.full((2, 6), -0.5))
    sex = Outcome("sex", "two-valued", "", "M", "F", 3)
    for withheld in ("", "one seed only"):
        said = verdicts.exploratory("A", "chance", seen, np.nan, withheld=withheld, judged=sex)
        assert said == (
            "withheld",
            "A and chance: difference 0.500 AUC, no interval; above 0 favours A. No verdict: people and "
            "seeds do not differ in it, so that nothing tells how far chance moves it; judge on more people.",
        )


def test_nothing_in_common_is_said() -> None:
    said = verdicts.exploratory("A", "all", crossed_effects.estimate(np.empty((0, 0))), np.nan)
    assert said.outcome == "unknown"
    assert "no runs in common" in said.words
