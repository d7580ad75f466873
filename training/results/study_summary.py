"""Summary of a study: the final error (or AUC) of each arm, and the difference of two arms.

How each number is defined, and how often its interval holds, is in ``docs/statistics.md``.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from curation.storage import files
from curation.storage.workspace import Workspace
from training.arms.study_arms import ALL, SCRATCH
from training.held_out import age_metrics, stored_predictions
from training.held_out.partitions import places_of
from training.held_out.predictions import BASELINE, Predictions
from training.judging.outcome import Outcome
from training.results import crossed_effects, resampling
from training.results.crossed_effects import NO_VARIANCE, Estimate, SeedSpread
from training.studies import analysis_plan, planned_study
from training.studies.planned_study import Study

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
    return summarise(stored_predictions.read(workspace, planned_study.load(workspace, study_id)))


def summarise(held_out: Predictions) -> pd.DataFrame:
    """Summarise held-out predictions, a row an arm, and predicting the mean in the last row.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.

    Returns
    -------
    pandas.DataFrame
        ``arm, label`` · ``age_mae_years`` with its 95 % interval ``ci_low, ci_high`` (over people and
        seeds, see :mod:`training.results.crossed_effects`; never below 0) · ``r, r2, mean_error_years,
        slope`` as :func:`training.held_out.age_metrics.figures` defines them · the same ``corrected_…`` for
        age bias, fitted on the other folds · ``boot_low, boot_high`` (percentile interval of the hierarchical
        bootstrap) · ``seed_sd_years``: standard deviation of the error from seed to seed · ``n_subjects,
        n_seeds`` (those that the figures rest on) and ``n_runs`` (finished). No rows where no run is
        finished; arms without any are left out.

    Notes
    -----
    Where runs are missing, an arm is summarised over a large table of seeds × people without a gap. Of
    a two-valued outcome ``age_mae_years`` is the AUC with its interval, at most 1, ``r2`` the Brier skill
    score, and nothing is corrected.
    """
    there = held_out.there
    rows = [_final_row(held_out, name) for name in there]
    return held_out.outcome.shown(pd.DataFrame(rows, columns=list(FINAL_COLUMNS)))


class Best(NamedTuple):
    """What a finished study came to: its best arm with error and R², the error without a model, all hours.

    Of a study that is not finished, or finished before these were kept, nothing.
    """

    arm: str = ""
    error: float | None = None
    r2: float | None = None
    no_model: float | None = None
    hours: float | None = None


def best_of(study: Study) -> Best:
    """Return the best arm of a study by the summary that it wrote when it was finished."""
    summary = files.read_json(study.result_path) or {}
    name = study.outcome.named(pd.DataFrame(columns=["age_mae_years"])).columns[0]
    known = {
        row["arm"]: row for row in summary.get("final_errors", ()) if row.get(name) is not None
    }
    no_model = known.pop(BASELINE, {}).get(name)
    seconds = summary.get("training_seconds")
    hours = seconds / 3600 if seconds else None
    if not known:
        return Best(hours=hours)
    choose = max if study.outcome.two_valued else min
    row = choose(known.values(), key=lambda one: one[name])
    return Best(row["arm"], row[name], row.get("r2"), no_model, hours)


def mean_age_error(held_out: Predictions) -> float | None:
    """Return what predicting the mean comes to, as it is shown; none where nobody was predicted yet."""
    if BASELINE not in held_out.there:
        return None
    loss = estimate(held_out, BASELINE)[0].mean
    return 1 - loss if held_out.outcome.higher_is_better else loss


def default_reference(held_out: Predictions, primary: tuple[str, str] | None = None) -> str | None:
    """Return the arm that others are compared with at first.

    It is the reference of the primary comparison, else ``scratch``, else ``all``, else the first.
    """
    there = [name for name in held_out.there if name != BASELINE]
    declared = primary[1:] if primary else ()
    wanted = (name for name in (*declared, SCRATCH, ALL, *there[:1]) if name in there)
    return next(wanted, None)


class Difference(NamedTuple):
    """The difference of two arms.

    Parameters
    ----------
    estimate : Estimate
        Of the first arm's loss less that of the second: errors in years, or 1 − AUC.
    table : array of shape (S, N)
        What it rests on: a difference a seed and person.
    spreads : tuple of SeedSpread
        Of the seeds of each arm; none with one seed, or where one of the two predicts the mean age.
    """

    estimate: Estimate
    table: NDArray[np.float64]
    spreads: tuple[SeedSpread, ...]

    @property
    def as_given(self) -> Estimate:
        """The difference of two arms that hold the same scans with every seed; needs ``spreads``."""
        return crossed_effects.estimate(self.table, crossed_effects.together(*self.spreads))


def compare(held_out: Predictions, arm: str, reference: str) -> Difference:
    """Return the difference of two arms, paired by person and seed.

    The seeds' spread is that of these two arms and of no others: whichever arms stand beside them, the
    difference and its p-value stay what they are. Of an arm and its own control the arm counts as one draw of
    scans, as its control is one a seed, see :func:`with_draw`.
    """
    pair = (arm, reference)
    places = [held_out.at(name) for name in pair]
    seeds, people = crossed_effects.complete(held_out.predicted_years[places])
    tables = held_out.losses(places, seeds, people)
    difference = tables[0] - tables[1]
    if BASELINE in pair:
        (trained,) = (name for name in pair if name != BASELINE)
        spread = _spread_of_arm(held_out, trained, seeds, people)
        return Difference(crossed_effects.estimate(difference, spread), difference, ())
    if len(seeds) < 2 or len(people) < 2:
        return Difference(crossed_effects.estimate(difference), difference, ())
    own = tuple(crossed_effects.spread_within(table[None]) for table in tables)
    return Difference(
        crossed_effects.estimate(difference, _together(held_out, pair, own, len(seeds))),
        difference,
        own,
    )


def _together(
    held_out: Predictions, pair: tuple[str, str], own: tuple[SeedSpread, ...], seeds: int
) -> SeedSpread:
    """Return the seeds' spread of the difference of two arms."""
    control = analysis_plan.own_control(held_out.arms, pair)
    if control is None or control.apart:  # of draws from the rest of the pool it cannot be told
        return crossed_effects.together(*own)
    arm, drawn = own if control.name == pair[1] else own[::-1]
    total, df = with_draw(arm.mean_square, drawn.mean_square, df=arm.df, seeds=seeds)
    return SeedSpread(float(total), float(df))


def with_draw(
    arm: ArrayLike, control: ArrayLike, *, df: float, seeds: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the seeds' mean square of an arm less its own control, the arm counted as one draw of scans.

    The arm's scans are the same with every seed, its control's are drawn anew. If quality makes no difference
    the arm is like any such draw, and another one would do better or worse by chance.

    Parameters
    ----------
    arm, control : array-like
        Mean squares of the seeds of each.
    df : float
        Degrees of freedom of each.
    seeds : int
        S, 2 or more.

    Returns
    -------
    total, df : arrays
        Mean square of the seeds of the difference, with its degrees of freedom.

    Notes
    -----
    Seeds of the control spread further than those of the arm by what a draw adds, so that ``max(MS_control −
    MS_arm, 0) / N`` estimates its variance. The arm has it once, and not once a seed: to the sum of the mean
    squares comes S times that difference, with Satterthwaite's degrees of freedom, 1 at least.
    """
    arm, control = np.asarray(arm, dtype=float), np.asarray(control, dtype=float)
    adds = control > arm
    first = np.where(adds, (1 - seeds) * arm, arm)
    second = np.where(adds, (1 + seeds) * control, control)
    total, together = crossed_effects.welch(first, second, of_first=df, of_second=df)
    return total, np.maximum(together, 1.0)


def estimate(
    held_out: Predictions, arm: str
) -> tuple[Estimate, NDArray[np.intp], NDArray[np.intp]]:
    """Return the loss of an arm, and the places of the seeds and people that it rests on."""
    places = [held_out.at(arm)]
    seeds, people = crossed_effects.complete(held_out.predicted_years[places])
    spread = _spread_of_arm(held_out, arm, seeds, people)
    (own,) = held_out.losses(places, seeds, people)
    return crossed_effects.of_losses(own, spread), seeds, people


def bootstrap(found: Estimate, values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the bootstrap interval beside an estimate of the same table; NaN where that has none."""
    return (np.nan, np.nan) if found.no_variance else resampling.bootstrap_interval(values)


def unbounded_said(table: pd.DataFrame) -> str:
    """Say which trained arms of :func:`summarise` have no interval for want of variance; else empty."""
    known = (table["arm"] != BASELINE) & (table["n_subjects"] > 1) & table["age_mae_years"].notna()
    names = table.loc[known & table["ci_low"].isna(), "arm"]
    if names.empty:
        return ""
    return f"No interval of {', '.join(dict.fromkeys(names))}: {NO_VARIANCE}."


def unbiased(
    outcome: Outcome,
    predicted: NDArray[np.float64],
    truth: NDArray[np.float64],
    folds: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return predictions of one partition without age bias, fitted on its own folds; NaN of two values.

    Other parameters are those of :func:`training.held_out.age_metrics.corrected`.
    """
    if outcome.two_valued:
        return np.full(predicted.shape, np.nan)
    return age_metrics.corrected(predicted, truth, folds)


# ---- rows ------------------------------------------------------------------------------------------


def _final_row(held_out: Predictions, name: str) -> dict[str, Any]:
    found, seeds, people = estimate(held_out, name)
    places = [held_out.at(name)]
    (losses,) = held_out.losses(places, seeds, people)
    low, high = bootstrap(found, losses)
    trained = name != BASELINE
    return {
        "arm": name,
        "label": held_out.labels[name],
        **_figures(held_out, places, seeds, people),
        **({} if trained else dict.fromkeys(("r", "corrected_r"), np.nan)),  # of a constant
        "age_mae_years": found.mean,
        "ci_low": max(found.low, 0.0),
        "ci_high": found.high,
        "boot_low": low,
        "boot_high": high,
        "n_subjects": found.people,
        "n_seeds": found.seeds if trained else 0,
        "seed_sd_years": _seed_sd(losses) if trained else np.nan,
        "n_runs": held_out.finished_runs(name) if trained else 0,
    }


def _figures(
    held_out: Predictions,
    places: list[int],
    seeds: NDArray[np.intp],
    people: NDArray[np.intp],
) -> dict[str, float]:
    """Return the figures of an arm, raw and corrected, averaged over partitions."""
    truth, rows = held_out.truth[people], []
    for part in held_out.complete_partitions(places, seeds, people):
        (predicted,) = part.by_person[places_of(places, seeds, people)]
        without = unbiased(held_out.outcome, predicted, truth, part.fold[people])
        raw = age_metrics.figures(predicted, truth)
        rows.append(raw | _corrected(age_metrics.figures(without, truth)))
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _corrected(figures: dict[str, float]) -> dict[str, float]:
    return {f"corrected_{name.removeprefix('age_')}": value for name, value in figures.items()}


def _seed_sd(losses: NDArray[np.float64]) -> float:
    return float(losses.mean(axis=1).std(ddof=1)) if len(losses) > 1 else np.nan


# ---- how far seeds spread --------------------------------------------------------------------------


def _spread_of_arm(
    held_out: Predictions, name: str, seeds: NDArray[np.intp], people: NDArray[np.intp]
) -> SeedSpread | None:
    """Return the seeds' mean square of one arm, pooled over arms trained alike unless it spreads further."""
    if name == BASELINE:
        return SeedSpread(0.0, np.inf)
    if len(seeds) < 2 or len(people) < 2:
        return None
    own = held_out.losses([held_out.at(name)], seeds, people)
    others = _others_alike(held_out, name, seeds, people)
    return crossed_effects.pooled(
        crossed_effects.spread_within(own),
        crossed_effects.spread_within(others) if len(others) else None,
    )


def _others_alike(
    held_out: Predictions, name: str, seeds: NDArray[np.intp], people: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the losses of the other complete arms that were trained alike, (K, S, N)."""
    way = held_out.arms[held_out.at(name)].way
    alike = [i for i, arm in enumerate(held_out.arms) if arm.way == way and arm.name != name]
    chosen = places_of(alike, seeds, people)
    known = np.asarray(np.isfinite(held_out.predicted_years[chosen]).all(axis=(1, 2)))
    return held_out.losses(
        [i for i, whole in zip(alike, known, strict=True) if whole], seeds, people
    )
