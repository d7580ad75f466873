import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from training.judging.measures import auc_losses, figure
from training.judging.outcome import AGE, Outcome
from training.results import crossed_effects

SEX = Outcome("sex", "two-valued", "", "M", "F", 3)


def _draw(seed: int, people: int = 40, share: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = (np.arange(people) < share * people).astype(float)
    return np.round(truth + rng.normal(0, 1, people), 1), truth  # rounded, so that there are ties


def test_the_mean_loss_is_one_less_the_area_under_the_curve() -> None:
    predicted, truth = _draw(0)
    losses = auc_losses(predicted, truth, np.zeros(40))
    assert 1 - losses.mean() == pytest.approx(roc_auc_score(truth, predicted))


def test_the_variance_of_the_mean_is_that_of_delong() -> None:
    """Against its definition: every pair, and the two sample variances (DeLong et al. 1988, equation 3)."""
    predicted, truth = _draw(1)
    ones, zeros = predicted[truth == 1], predicted[truth == 0]
    pairs = (ones[:, None] > zeros) + 0.5 * (ones[:, None] == zeros)
    expected = pairs.mean(1).var(ddof=1) / len(ones) + pairs.mean(0).var(ddof=1) / len(zeros)
    losses = auc_losses(predicted, truth, np.zeros(40))
    assert np.square(losses - losses.mean()).sum() / 40**2 == pytest.approx(expected)


def test_the_difference_of_two_arms_has_delongs_covariance() -> None:
    first, truth = _draw(2)
    second = first + np.random.default_rng(3).normal(0, 0.5, 40)
    tables = [
        (a[:, None] > b) + 0.5 * (a[:, None] == b)
        for a, b in ((one[truth == 1], one[truth == 0]) for one in (first, second))
    ]
    expected = sum(
        (tables[0].mean(axis) - tables[1].mean(axis)).var(ddof=1) / count
        for axis, count in ((1, 16), (0, 24))
    )
    losses = auc_losses(np.stack([first, second]), truth, np.zeros(40))
    difference = losses[1] - losses[0]
    assert difference.mean() == pytest.approx(tables[0].mean() - tables[1].mean())
    assert np.square(difference - difference.mean()).sum() / 40**2 == pytest.approx(expected)


@pytest.mark.parametrize("sizes", [(3, 4, 6), (5, 7, 11)])
def test_without_an_error_or_with_errors_alone_the_loss_is_whole(sizes) -> None:
    fold = np.repeat(np.arange(3), sizes)
    truth = np.concatenate([np.arange(size) % 2 for size in sizes]).astype(float)
    assert (auc_losses(truth, truth, fold) == 0).all()
    assert (auc_losses(-truth, truth, fold) == 1).all()
    assert (auc_losses(0 * truth, truth, fold) == 0.5).all()


def test_people_are_compared_within_their_fold_alone() -> None:
    """Outputs of two models are on no common scale: an offset of one fold changes nothing."""
    predicted, truth = _draw(4)
    fold = np.arange(40) % 4
    losses = auc_losses(predicted, truth, fold)
    assert auc_losses(predicted + 100.0 * fold, truth, fold) == pytest.approx(losses)
    pairs = [(truth[fold == f] == 1).sum() * (truth[fold == f] == 0).sum() for f in range(4)]
    own = [roc_auc_score(truth[fold == f], predicted[fold == f]) for f in range(4)]
    assert 1 - losses.mean() == pytest.approx(np.average(own, weights=pairs))


def test_a_constant_is_chance_and_one_value_alone_says_nothing() -> None:
    truth = np.array([0.0, 1.0, 1.0, 0.0])
    assert auc_losses(np.full((2, 4), 0.3), truth, np.zeros(4)) == pytest.approx(0.5)
    assert np.isnan(auc_losses(np.arange(4.0), np.ones(4), np.zeros(4))).all()
    alone = auc_losses(np.arange(4.0), truth, np.arange(4))
    assert np.isnan(alone).all()


def test_a_persons_scans_are_averaged_before_they_are_judged() -> None:
    scans = pd.DataFrame({"subject_id": ["a", "a", "b", "c"], "outcome": [1.0, 1.0, 0.0, 0.0]})
    assert figure(SEX, scans, np.array([0.1, 0.7, 0.3, 0.5])) == 0.5  # 0.4 lies between 0.3 and 0.5
    ages = pd.DataFrame({"subject_id": ["a", "a", "b"], "age_years": [30.0, 30.0, 50.0]})
    assert figure(AGE, ages, np.array([20.0, 40.0, 54.0])) == 2


def test_intervals_of_an_auc_and_of_a_difference_hold_as_often_as_they_say() -> None:
    """300 studies: 3 seeds × 60 people in 5 folds, equal arms, AUC 0.77, each model its own scale."""
    rng = np.random.default_rng(5)
    truth = (np.arange(60) % 2).astype(float)
    fold = np.arange(60) // 2 % 5
    held = np.zeros(2)
    for _ in range(300):
        own = rng.normal(0, 1, 60) + rng.normal(0, 1, (2, 3, 60))
        scale = rng.normal(0, 3, (2, 3, 5))[:, :, fold]
        losses = auc_losses(1.5 * truth + own + scale, truth, fold)
        spreads = [crossed_effects.spread_within(arm[None]) for arm in losses]
        area = crossed_effects.estimate(losses[0], spreads[0])
        gap = crossed_effects.estimate(losses[0] - losses[1], crossed_effects.together(*spreads))
        held += [area.low <= 1 - 0.7734 <= area.high, gap.low <= 0 <= gap.high]
    assert 0.91 <= held[0] / 300 <= 0.985
    assert 0.93 <= held[1] / 300 <= 1
