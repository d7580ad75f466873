from dataclasses import replace

import numpy as np
import pytest

from tests.helpers import workspace_trainable
from tests.helpers.made_predictions import made
from training.held_out.predictions import Predictions
from training.judging.outcome import Outcome
from training.report import content_next
from training.results import conclusions, primary_comparison
from training.results.comparisons import compare_all
from training.results.conclusions import Conclusion
from training.studies.analysis_plan import AnalysisPlan

AGES = np.linspace(20, 80, 31)
NOISE = np.random.default_rng(0).normal(0, 9, (3, 31))


def _held_out(*sizes: float, learned: bool = True) -> Predictions:
    """Return arms that err by so much times noise about the true age, or about 50 years."""
    about = AGES if learned else np.full(31, 50.0)
    return made(np.stack([about + size * NOISE for size in sizes]), AGES, baseline=50.0)


def _conclude(held_out: Predictions) -> Conclusion:
    return conclusions.conclude(held_out, compare_all(held_out, "scratch"), "scratch")


def test_where_no_arm_beats_the_mean_age_nothing_is_ranked() -> None:
    """One arm is far better than the other, and both are useless."""
    held_out = _held_out(2, 0.2, learned=False)
    found = compare_all(held_out, "scratch")
    assert found.reference["verdict"].tolist() == ["better"]
    said = conclusions.conclude(held_out, found, "scratch")
    mean = np.abs(AGES - 50).mean()
    assert said[:2] == (
        f"No arm is shown to predict age better than the mean age ({mean:.1f} years): this study "
        "cannot rank tiers",
        False,
    )


def test_where_one_arm_does_its_verdicts_are_said() -> None:
    said = _conclude(_held_out(1, 0.5))
    assert said.ranks
    assert said.headline.startswith("Exploratory: pretrained on tier A alone, the model errs ")
    assert said.headline.endswith(") than without pretraining")


def test_arms_that_learned_and_cannot_be_told_apart() -> None:
    said = _conclude(_held_out(1, 1.0))
    assert said[:2] == (
        "Exploratory: no arm is told apart from no pretraining by its age error, with these 31 people and 3 "
        "seeds",
        True,
    )


def test_one_seed_ranks_nothing_but_says_when_nothing_was_learned() -> None:
    assert _conclude(_held_out(1, 0.5).only(seeds=None, arms=None)).ranks
    one = made(np.stack([AGES + NOISE[:1], AGES + 0.5 * NOISE[:1]]), AGES, baseline=50.0)
    assert _conclude(one).headline == "One seed: no arm is called better or worse"
    nothing = made(np.stack([50 + NOISE[:1]] * 2), AGES, baseline=50.0)
    assert "this study cannot rank tiers" in _conclude(nothing).headline


@pytest.mark.parametrize("learned", [True, False])
def test_part_of_a_study_is_said_to_be_one(learned) -> None:
    part = _conclude(_held_out(1, 0.5, learned=learned).only(folds=[0])).headline
    assert part.startswith("Not the whole study")
    assert ("so far no arm" in part) == (not learned)


def test_a_verdict_of_two_finished_arms_while_others_run_is_one_so_far() -> None:
    predicted = np.stack([AGES + size * NOISE for size in (1, 0.5, 1)])
    predicted[2, 2] = np.nan
    said = _conclude(made(predicted, AGES, baseline=50.0))
    assert said.headline.startswith(
        "Not the whole study, exploratory: so far pretrained on tier A alone, the model errs "
    )


def test_an_arm_alone_is_compared_with_the_mean_age() -> None:
    held_out = _held_out(1)
    said = conclusions.conclude(held_out, compare_all(held_out, "scratch"), "scratch")
    assert said[:2] == ("Better than predicting the mean age: without pretraining", True)


def test_an_arm_alone_is_better_than_nothing_before_its_runs_are_finished() -> None:
    predicted = np.stack([AGES + NOISE])
    predicted[:, :, 1::2] = np.nan  # one of two folds
    held_out = made(predicted, AGES, baseline=50.0)
    assert conclusions.conclude(held_out, compare_all(held_out, "scratch"), "scratch")[:2] == (
        "Not the whole study: no arm is called better or worse",
        True,
    )


def test_an_arm_alone_of_one_seed_is_not_called_better() -> None:
    held_out = made(np.stack([AGES + NOISE[:1]]), AGES, baseline=50.0)
    assert conclusions.conclude(held_out, compare_all(held_out, "scratch"), "scratch")[:2] == (
        "One seed: no arm is called better or worse",
        True,
    )


def test_a_finished_arm_is_better_than_the_mean_age_so_far_while_others_have_not_begun() -> None:
    predicted = np.stack([AGES + NOISE, np.full_like(NOISE, np.nan)])
    held_out = made(predicted, AGES, baseline=50.0)
    said = conclusions.conclude(held_out, compare_all(held_out, "scratch"), "scratch")
    assert (
        said.headline
        == "Not the whole study: so far better than predicting the mean age: without pretraining"
    )


def test_before_the_first_result_there_is_no_conclusion() -> None:
    held_out = made(np.full((2, 2, 31), np.nan), AGES)
    assert conclusions.conclude(held_out, compare_all(held_out, None), None)[:2] == ("", False)


def _told_apart(*noise: float) -> Predictions:
    """Return two arms that tell two values apart, but for noise."""
    truth = np.arange(32) // 2 % 2.0
    rng = np.random.default_rng(1)
    predicted = np.stack([truth + size * rng.normal(0, 1, (2, 32)) for size in noise])
    sex = Outcome("sex", "two-valued", "", "M", "F", 3)
    return replace(made(predicted, truth), outcome=sex)


def test_a_task_that_no_arm_errs_in_is_said_to_be_too_easy_not_unlearned() -> None:
    easy = _conclude(_told_apart(0, 0.01))
    assert easy.headline == (
        "All arms tell M and F apart without a mistake (AUC 1): the task is too easy to rank tiers"
    )
    assert not easy.ranks
    assert _conclude(_told_apart(0, 1)).headline != easy.headline
    part = _conclude(_told_apart(0, 0.01).only(folds=[0])).headline
    assert part.startswith("Not the whole study: so far all arms tell M and F apart")


def test_the_primary_comparison_and_the_advice_say_that_a_task_is_too_easy() -> None:
    held_out = _told_apart(0, 0.01)
    sex = held_out.outcome
    primary = primary_comparison.of_study(held_out, AnalysisPlan(("A", "scratch"), outcome=sex))
    assert primary is not None and primary.verdict.outcome == "withheld"
    assert "no arm makes a mistake" in primary.verdict.words
    assert "too easy to rank tiers" in primary.conclusion.headline
    assert "Choose another outcome" in content_next.advice(held_out, primary, held_out.arms)


def test_of_exploratory_comparisons_it_is_said_how_many_chance_finds_and_which_is_the_answer() -> (
    None
):
    said = conclusions.by_chance(20, declared=True)
    assert "about 1 of these 20 comparisons would fall under p = 0.05 by chance alone" in said
    assert said.endswith("The answer of this study is its declared primary comparison.")
    few = conclusions.by_chance(3, declared=False)
    assert "worth the same, one in 20 such comparisons would fall under p = 0.05 by chance" in few
    assert "declared no primary comparison" in few


def test_a_preset_for_trying_out_is_named(workspace) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    assert "smoke" in conclusions.try_out([study])
    assert "not for conclusions" in conclusions.try_out([study])
    other = workspace_trainable.plan(workspace, preset="laptop")
    assert conclusions.try_out([other]) == ""
