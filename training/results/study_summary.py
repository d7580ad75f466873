"""Summary of a study: the final age error of each arm, and the difference of two arms.

How each number is defined, and how often its interval holds, is in ``docs/statistics.md``.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.storage.workspace import Workspace
from training.arms.study_arms import ALL, SCRATCH
from training.results import age_metrics, crossed_effects, predictions, resampling
from training.results.crossed_effects import Estimate, SeedSpread
from training.results.predictions import BASELINE, Predictions
from training.studies import planned_study

FINAL_COLUMNS = (
    "arm",
    "label",
    "age_mae_years",
    "ci_low",
    "ci_high",
    "r",
    "r2",
    "mean_error_years",
    "slope",
    "corrected_mae_years",
    "corrected_r",
    "corrected_r2",
    "corrected_mean_error_years",
    "corrected_slope",
    "boot_low",
    "boot_high",
    "seed_sd_years",
    "n_subjects",
    "n_seeds",
    "n_runs",
)


def final_errors(workspace: Workspace, study_id: str) -> pd.DataFrame:
    """Read a study's predictions and summarise them, see :func:`summarise`."""
    return summarise(predictions.read(workspace, planned_study.load(workspace, study_id)))


def summarise(held_out: Predictions) -> pd.DataFrame:
    """Summarise held-out predictions, a row an arm, and predicting the mean age in the last row.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.

    Returns
    -------
    pandas.DataFrame
        ``arm, label`` · ``age_mae_years`` with its 95 % interval ``ci_low, ci_high`` (over people and
        seeds, see :mod:`training.results.crossed_effects`; never below 0) · ``r, r2, mean_error_years,
        slope`` as :func:`training.results.age_metrics.figures` defines them · the same ``corrected_…`` for
        age bias, fitted on the other folds · ``boot_low, boot_high`` (percentile interval of the hierarchical
        bootstrap) · ``seed_sd_years``: standard deviation of the error from seed to seed · ``n_subjects,
        n_seeds`` (those that the figures rest on) and ``n_runs`` (finished). No rows where no run is
        finished; arms without any are left out.

    Notes
    -----
    Where runs are missing, an arm is summarised over the largest table of seeds × people without a gap.
    """
    there = held_out.there
    rows = [_final_row(held_out, name) for name in there]
    return pd.DataFrame(rows, columns=list(FINAL_COLUMNS))


def mean_age_error(held_out: Predictions) -> float | None:
    """Return the error of predicting the mean age, years; none where nobody was predicted yet."""
    return estimate(held_out, BASELINE)[0].mean if BASELINE in held_out.there else None


def default_reference(held_out: Predictions) -> str | None:
    """Return the arm that others are compared with at first: ``scratch``, else ``all``, else the first."""
    there = [name for name in held_out.there if name != BASELINE]
    wanted = (name for name in (SCRATCH, ALL, *there[:1]) if name in there)
    return next(wanted, None)


class Difference(NamedTuple):
    """The difference of two arms.

    Parameters
    ----------
    estimate : Estimate
        Of the first arm's error less that of the second, years.
    table : array of shape (S, N)
        What it rests on: a difference a seed and person, years.
    spreads : tuple of SeedSpread
        Of the seeds of each arm; none with one seed, or where one of the two predicts the mean age.
    """

    estimate: Estimate
    table: NDArray[np.float64]
    spreads: tuple[SeedSpread, ...]


def compare(held_out: Predictions, arm: str, reference: str) -> Difference:
    """Return the difference of two arms, paired by person and seed.

    The seeds' spread is that of these two arms and of no others: whichever arms stand beside them, the
    difference and its p-value stay what they are.
    """
    pair = (arm, reference)
    both = held_out.errors_years[[held_out.at(name) for name in pair]]
    seeds, people = crossed_effects.complete(both)
    tables = both[:, seeds][:, :, people]
    difference = tables[0] - tables[1]
    if BASELINE in pair:
        (trained,) = (name for name in pair if name != BASELINE)
        spread = _spread_of_arm(held_out, trained, seeds, people)
        return Difference(crossed_effects.estimate(difference, spread), difference, ())
    if len(seeds) < 2 or len(people) < 2:
        return Difference(crossed_effects.estimate(difference), difference, ())
    own = tuple(crossed_effects.spread_within(table[None]) for table in tables)
    return Difference(
        crossed_effects.estimate(difference, crossed_effects.together(*own)), difference, own
    )


def estimate(
    held_out: Predictions, arm: str
) -> tuple[Estimate, NDArray[np.intp], NDArray[np.intp]]:
    """Return the error of an arm, and the places of the seeds and people that it rests on."""
    own = held_out.errors_years[[held_out.at(arm)]]
    seeds, people = crossed_effects.complete(own)
    spread = _spread_of_arm(held_out, arm, seeds, people)
    return crossed_effects.estimate(own[0][np.ix_(seeds, people)], spread), seeds, people


# ---- rows ------------------------------------------------------------------------------------------


def _final_row(held_out: Predictions, name: str) -> dict[str, Any]:
    found, seeds, people = estimate(held_out, name)
    predicted = held_out.predicted_years[held_out.at(name)][np.ix_(seeds, people)]
    ages, folds = held_out.ages[people], held_out.people["fold"].to_numpy()[people]
    low, high = resampling.bootstrap_interval(np.abs(predicted - ages))
    unbiased = age_metrics.corrected(predicted, ages, folds)
    trained = name != BASELINE
    return {
        "arm": name,
        "label": held_out.labels[name],
        **age_metrics.figures(predicted, ages),
        "ci_low": max(found.low, 0.0),
        "ci_high": found.high,
        "boot_low": low,
        "boot_high": high,
        **_corrected(age_metrics.figures(unbiased, ages)),
        "n_subjects": found.people,
        "n_seeds": found.seeds if trained else 0,
        "seed_sd_years": _seed_sd(predicted, ages) if trained else np.nan,
        "n_runs": held_out.finished_runs(name) if trained else 0,
    }


def _corrected(figures: dict[str, float]) -> dict[str, float]:
    return {f"corrected_{name.removeprefix('age_')}": value for name, value in figures.items()}


def _seed_sd(predicted: NDArray[np.float64], ages: NDArray[np.float64]) -> float:
    return (
        float(np.abs(predicted - ages).mean(axis=1).std(ddof=1)) if len(predicted) > 1 else np.nan
    )


# ---- how far seeds spread --------------------------------------------------------------------------


def _spread_of_arm(
    held_out: Predictions, name: str, seeds: NDArray[np.intp], people: NDArray[np.intp]
) -> SeedSpread | None:
    """Return the seeds' mean square of one arm, pooled over arms trained alike unless it spreads further."""
    if name == BASELINE:
        return SeedSpread(0.0, np.inf)
    if len(seeds) < 2 or len(people) < 2:
        return None
    own = held_out.errors_years[[held_out.at(name)]][:, seeds][:, :, people]
    others = _others_alike(held_out, name, seeds, people)
    return crossed_effects.pooled(
        crossed_effects.spread_within(own),
        crossed_effects.spread_within(others) if len(others) else None,
    )


def _others_alike(
    held_out: Predictions, name: str, seeds: NDArray[np.intp], people: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the errors of the other complete arms that were trained alike, (K, S, N)."""
    way = held_out.arms[held_out.at(name)].way
    alike = [i for i, arm in enumerate(held_out.arms) if arm.way == way and arm.name != name]
    errors = held_out.errors_years[alike][:, seeds][:, :, people]
    return errors[np.isfinite(errors).all(axis=(1, 2))]
