"""Age metrics: error, correlation and bias of predicted ages, raw and corrected for age bias.

Also the standardisation of ages by the training folds, and the result of one fine-tuning. Other numbers are
treated as ages are, whatever their unit; of two values the Pearson correlation is the point-biserial one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, stdtrit

from training.judging import measures
from training.judging.outcome import Outcome

#: Predictions that follow age less than this (years a year) have no correction: divided by so little, their
#: errors would only grow.
MIN_FOLLOWS = 0.3
#: Why a corrected error may be a large one.
STRETCHED = (
    "stretched back, what is noise in predictions grows too, so that such an error is usually larger, and "
    "may be larger than that of predicting the mean for everybody."
)
#: What a model is judged by in the logs of studies of another outcome than age.
HELD_OUT = "held_out"
FIGURES = ("age_mae_years", "r", "r2", "mean_error_years", "slope")


def figures(predicted: NDArray[np.float64], ages: NDArray[np.float64]) -> dict[str, float]:
    """Return the age metrics of one arm, each computed per seed and averaged over seeds.

    Parameters
    ----------
    predicted : array of shape (S, N)
        Predicted ages, years.
    ages : array of shape (N,)
        True ages, years.

    Returns
    -------
    dict
        ``age_mae_years``: mean absolute error · ``r``: Pearson's, predicted against true age; NaN for a
        constant · ``r2``: 1 − squared errors over squared deviations of age; below 0 is worse than one
        constant · ``mean_error_years``: predicted − true · ``slope``: of that error against age, years a
        year; −1 is a constant, 0 is no bias.

    Examples
    --------
    >>> ages = np.array([20.0, 40.0, 60.0])
    >>> found = figures(np.array([[25.0, 40.0, 55.0]]), ages)  # one seed, regressing to the mean
    >>> round(found["age_mae_years"], 2), round(found["r"], 2), round(found["slope"], 2)
    (3.33, 1.0, -0.25)
    """
    error = predicted - ages
    deviation = ages - ages.mean()
    spread = float(np.square(deviation).sum())
    centred = predicted - predicted.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.square(centred).sum(axis=1) * spread)
    varies = (np.ptp(predicted, axis=1) > 0) & (spread > 0)
    r = np.divide(centred @ deviation, scale, out=np.full(len(scale), np.nan), where=varies)
    values = {"age_mae_years": np.abs(error).mean(axis=1), "r": r}
    values["r2"] = 1 - np.square(error).sum(axis=1) / spread if spread > 0 else r * np.nan
    values["mean_error_years"] = error.mean(axis=1)
    values["slope"] = error @ deviation / spread if spread > 0 else r * np.nan
    return {name: float(values[name].mean()) for name in FIGURES}


def follow_age(predicted: NDArray[np.float64], ages: NDArray[np.float64]) -> bool:
    """Tell whether predictions follow age.

    Parameters
    ----------
    predicted : array of shape (S, N)
        Predicted ages, years.
    ages : array of shape (N,)
        True ages, years.

    Returns
    -------
    bool
        True where the mean over seeds rises with age by :data:`MIN_FOLLOWS` years a year or more, and the
        95 % interval of that slope (least squares, Student's t over people) leaves out 0. Fewer than 3
        people, or people of one age, do not tell.
    """
    deviation = ages - ages.mean() if len(ages) else ages
    spread = float(np.square(deviation).sum())
    if len(ages) < 3 or spread == 0 or not len(predicted):
        return False
    mean = predicted.mean(axis=0)
    slope = float(mean @ deviation) / spread
    rest = mean - mean.mean() - slope * deviation
    error = np.sqrt(np.square(rest).sum() / (len(ages) - 2) / spread)
    return bool(slope >= MIN_FOLLOWS and slope > stdtrit(len(ages) - 2, 0.975) * error)


def shrink_said(outcome: Outcome) -> str:
    """Say of predictions without a correction why they have none, after *predictions of A*."""
    return (
        f"shrink too far towards the mean {outcome.name} (in some seed and fold they rise by {MIN_FOLLOWS} "
        f"or less where the true {outcome.name} rises by 1, or by no more than chance gives)"
    )


def corrected(
    predicted: NDArray[np.float64], ages: NDArray[np.float64], folds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Take the age bias out of predictions, fitted outside of the fold it is applied to.

    Parameters
    ----------
    predicted : array of shape (S, N)
        Held-out predictions, years.
    ages : array of shape (N,)
        True ages, years.
    folds : array of shape (N,)
        The fold in which each person was held out.

    Returns
    -------
    array of shape (S, N)
        ``(predicted − a) / b`` with ``predicted ≈ a + b·age`` fitted, for each seed and fold, on the
        held-out predictions of the *other* folds' people. NaN where there are fewer than 3 of them, and all
        NaN where predictions do not follow age (:func:`follow_age`), or ``b`` is anywhere not above
        :data:`MIN_FOLLOWS`.

    Notes
    -----
    The form of Cole et al. (2018), which needs no age of the person that it is applied to; forms that
    subtract a function of the true age (Beheshti et al. 2019) raise r by what they are told (Butler et al.
    2021). The other folds' predictions come from models that were trained on this fold among others, as any
    fit on training folds.
    """
    result = np.full(predicted.shape, np.nan)
    if not follow_age(predicted, ages):
        return result
    for fold in np.unique(folds):
        inside = folds == fold
        age, others = ages[~inside], predicted[:, ~inside]
        spread = float(np.square(age - age.mean()).sum()) if len(age) else 0.0
        if len(age) < 3 or spread == 0:
            continue
        b = (others - others.mean(axis=1, keepdims=True)) @ (age - age.mean()) / spread
        a = others.mean(axis=1) - b * age.mean()
        if (b <= MIN_FOLLOWS).any():
            return np.full(predicted.shape, np.nan)
        result[:, inside] = (predicted[:, inside] - a[:, None]) / b[:, None]
    return result


@dataclass(frozen=True)
class AgeScale:
    """Standardises ages by the training folds: mean and standard deviation, years.

    Examples
    --------
    >>> scale = AgeScale.of(np.array([50.0, 70.0]))
    >>> scale.standardise(np.array([80.0])).tolist()
    [2.0]
    >>> scale.years(np.array([2.0])).tolist()
    [80.0]
    """

    mean_years: float
    sd_years: float

    @classmethod
    def of(cls, ages: NDArray[np.float64]) -> "AgeScale":
        """Measure the scale; ages that do not differ get a deviation of 1 year."""
        return cls(float(ages.mean()), float(ages.std()) or 1.0)

    def standardise(self, years: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return years as deviations from the mean in standard deviations."""
        return (years - self.mean_years) / self.sd_years

    def years(self, standardised: NDArray) -> NDArray[np.float64]:
        """Undo :meth:`standardise`."""
        return np.asarray(standardised, dtype=np.float64) * self.sd_years + self.mean_years


@dataclass(frozen=True)
class ShareScale:
    """Scale of a two-valued outcome: 0 and 1 are learned as they are, and a network's output is a logit."""

    mean_years: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> "ShareScale":
        """Measure the share of 1."""
        return cls(float(values.mean()))

    def standardise(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values as they are."""
        return values

    def years(self, logits: NDArray) -> NDArray[np.float64]:
        """Return probabilities of 1."""
        return expit(np.asarray(logits, dtype=np.float64))


Scale = AgeScale | ShareScale


def scale_of(outcome: Outcome, train: pd.DataFrame) -> Scale:
    """Return the scale of an outcome among the people of the training folds, a row a scan."""
    values = train[outcome.column].to_numpy(dtype=float)
    return ShareScale.of(values) if outcome.two_valued else AgeScale.of(values)


def figure_name(outcome: Outcome) -> str:
    """Return the name under which logs and results hold what a model is judged by."""
    return "age_mae_years" if outcome.is_age else HELD_OUT


def epoch_figure(
    outcome: Outcome, test: pd.DataFrame, predicted: NDArray[np.float64]
) -> dict[str, float]:
    """Return what a model is judged by after an epoch, under the name that its log has for it."""
    return {figure_name(outcome): measures.figure(outcome, test, predicted)}


def result_of(
    outcome: Outcome,
    train: pd.DataFrame,
    test: pd.DataFrame,
    predicted: NDArray[np.float64],
    scale: Scale,
) -> dict[str, Any]:
    """Return the content of ``result.json``: errors, the mean as a baseline, and every prediction."""
    figure = epoch_figure(outcome, test, predicted)
    about: dict[str, Any] = {"training_subjects": int(train["subject_id"].nunique())}
    if outcome.is_age:
        mean = np.full(len(test), scale.mean_years)
        rows = test[["scan_id", "subject_id", "age_years"]].assign(predicted_age_years=predicted)
        about |= {
            "baseline_age_years": scale.mean_years,
            "baseline_mae_years": measures.figure(outcome, test, mean),
        }
    else:
        rows = test[["scan_id", "subject_id"]].assign(
            true_value=test[outcome.column], predicted=predicted
        )
        about |= {"outcome": outcome.name, "baseline": scale.mean_years}
    return figure | about | {"predictions": rows.to_dict("records")}
