"""Ages: their scale, the error over people, and what a fine-tuning leaves behind. Without torch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class AgeScale:
    """Standardises ages by the training folds: mean and standard deviation, years."""

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


def age_error(people: pd.DataFrame, predicted_years: NDArray[np.float64]) -> float:
    """Return the mean absolute error over people, years; a person's scans are averaged first."""
    table = people.assign(predicted=predicted_years).groupby("subject_id")[
        ["age_years", "predicted"]
    ]
    means = table.mean()
    return float((means["predicted"] - means["age_years"]).abs().mean())


def result_of(
    training: pd.DataFrame, held_out: pd.DataFrame, predicted: NDArray[np.float64], scale: AgeScale
) -> dict[str, Any]:
    """Return what ``result.json`` holds: errors, the mean age as a baseline, and every prediction."""
    rows = held_out[["scan_id", "subject_id", "age_years"]].assign(predicted_age_years=predicted)
    return {
        "age_mae_years": age_error(held_out, predicted),
        "baseline_age_years": scale.mean_years,
        "baseline_mae_years": age_error(held_out, np.full(len(held_out), scale.mean_years)),
        "training_subjects": int(training["subject_id"].nunique()),
        "predictions": rows.to_dict("records"),
    }
