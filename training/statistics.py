"""What the runs of a study came to: final age errors, paired differences, verdicts. Tables without screen.

How each number is defined, and how often its interval holds, is in ``docs/statistics.md``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.workspace import Workspace
from training import age_metrics, crossed, predictions, resampling, study, verdicts
from training.arms import ALL, SCRATCH
from training.crossed import Estimate, SeedSpread
from training.predictions import BASELINE, BASELINE_LABEL, Predictions

__all__ = [
    "BASELINE",
    "BASELINE_LABEL",
    "against_controls",
    "differences",
    "final_errors",
    "summarise",
]

FINAL_COLUMNS = (
    "arm", "label", "age_mae_years", "ci_low", "ci_high", "r", "r2", "mean_error_years", "slope",
    "corrected_mae_years", "corrected_r", "corrected_r2", "corrected_mean_error_years", "corrected_slope",
    "boot_low", "boot_high", "n_subjects", "n_seeds", "n_runs",
)  # fmt: skip
DIFFERENCE_COLUMNS = (
    "arm", "label", "reference", "difference_years", "ci_low", "ci_high", "p", "p_holm", "p_flip",
    "boot_low", "boot_high", "n_subjects", "n_seeds", "verdict", "words",
)  # fmt: skip


def final_errors(workspace: Workspace, study_id: str) -> pd.DataFrame:
    """Read a study's predictions and summarise them, see :func:`summarise`."""
    return summarise(predictions.read(workspace, study.load(workspace, study_id)))


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
        seeds, see :mod:`training.crossed`) · ``r, r2, mean_error_years, slope`` as
        :func:`training.age_metrics.figures` defines them · the same ``corrected_…`` for age bias, fitted on
        the other folds · ``boot_low, boot_high`` (percentile interval of the hierarchical bootstrap) ·
        ``n_subjects, n_seeds`` (those that the figures rest on) and ``n_runs`` (finished). No rows where no
        run is finished; arms without any are left out.

    Notes
    -----
    Where runs are missing, an arm is summarised over the largest table of seeds × people without a gap.
    """
    there = held_out.there
    rows = [_final_row(held_out, name) for name in there]
    return pd.DataFrame(rows, columns=list(FINAL_COLUMNS))


def default_reference(held_out: Predictions) -> str | None:
    """Return the arm that others are compared with at first: ``scratch``, else ``all``, else the first."""
    there = [name for name in held_out.there if name != BASELINE]
    wanted = (name for name in (SCRATCH, ALL, *there[:1]) if name in there)
    return next(wanted, None)


def differences(held_out: Predictions, reference: str) -> pd.DataFrame:
    """Compare every arm with a reference, person by person and seed by seed.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.
    reference : str
        Name of an arm, or :data:`BASELINE`.

    Returns
    -------
    pandas.DataFrame
        ``arm, label, reference`` · ``difference_years``: absolute error of the arm less that of the
        reference, below 0 is better, with its 95 % interval ``ci_low, ci_high`` and two-sided ``p``
        (:mod:`training.crossed`) · ``p_holm``: corrected for the number of trained arms compared;
        predicting the mean is a check beside them and not counted · ``p_flip``: sign-flip test over people,
        of these trained models · ``boot_low, boot_high``: hierarchical bootstrap · ``n_subjects, n_seeds``
        · ``verdict, words`` as :mod:`training.verdicts` says.
    """
    others = [name for name in held_out.there if name != reference]
    return _compared(
        held_out, [(name, reference) for name in others if reference in held_out.there]
    )


def against_controls(held_out: Predictions) -> pd.DataFrame:
    """Compare every arm with its own random control of the same size; columns as :func:`differences`.

    "Better" that stays against the control is neither more scans nor younger people.
    """
    pairs = [
        (str(arm.matches), arm.name)
        for arm in held_out.arms
        if arm.kind == "control" and {arm.matches, arm.name} <= set(held_out.there)
    ]
    return _compared(held_out, pairs)


def compare(
    held_out: Predictions, arm: str, reference: str
) -> tuple[Estimate, NDArray[np.float64]]:
    """Return the difference of two arms, and the table of seeds × people that it rests on, years."""
    places = [held_out.at(arm), held_out.at(reference)]
    both = held_out.errors_years[places]
    seeds, people = crossed.complete(both)
    table = (both[0] - both[1])[np.ix_(seeds, people)]
    return crossed.estimate(table, _spread_of_pair(held_out, arm, reference, seeds, people)), table


def estimate(
    held_out: Predictions, arm: str
) -> tuple[Estimate, NDArray[np.intp], NDArray[np.intp]]:
    """Return the error of an arm, and the places of the seeds and people that it rests on."""
    own = held_out.errors_years[[held_out.at(arm)]]
    seeds, people = crossed.complete(own)
    spread = _spread_of_arm(held_out, arm, seeds, people)
    return crossed.estimate(own[0][np.ix_(seeds, people)], spread), seeds, people


# ---- rows ------------------------------------------------------------------------------------------


def _final_row(held_out: Predictions, name: str) -> dict[str, Any]:
    found, seeds, people = estimate(held_out, name)
    predicted = held_out.predicted_years[held_out.at(name)][np.ix_(seeds, people)]
    ages, folds = held_out.ages[people], held_out.people["fold"].to_numpy()[people]
    low, high = resampling.bootstrap_interval(np.abs(predicted - ages))
    unbiased = age_metrics.corrected(predicted, ages, folds)
    trained = name != BASELINE
    return {
        "arm": name, "label": held_out.labels[name], **age_metrics.figures(predicted, ages),
        "ci_low": found.low, "ci_high": found.high, "boot_low": low, "boot_high": high,
        **_corrected(age_metrics.figures(unbiased, ages)),
        "n_subjects": found.people, "n_seeds": found.seeds if trained else 0,
        "n_runs": _finished_runs(held_out, name) if trained else 0,
    }  # fmt: skip


def _corrected(figures: dict[str, float]) -> dict[str, float]:
    return {f"corrected_{name.removeprefix('age_')}": value for name, value in figures.items()}


def _finished_runs(held_out: Predictions, name: str) -> int:
    known = np.isfinite(held_out.by_scan[held_out.at(name)])
    fold = held_out.scans["fold"].to_numpy()
    return sum(int(known[:, fold == number].any(axis=1).sum()) for number in np.unique(fold))


def _compared(held_out: Predictions, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    found = [compare(held_out, arm, reference) for arm, reference in pairs]
    p = np.array([difference.p for difference, _ in found], dtype=float)
    counted = np.array([BASELINE not in pair for pair in pairs], dtype=bool)
    p_holm = np.where(counted, resampling.holm(np.where(counted, p, np.nan)), p)
    rows = []
    for (arm, reference), (difference, table), corrected in zip(pairs, found, p_holm, strict=True):
        low, high = resampling.bootstrap_interval(table)
        said = verdicts.verdict(_called(arm), _called(reference), difference, float(corrected))
        rows.append(
            {
                "arm": arm, "label": held_out.labels[arm], "reference": reference,
                "difference_years": difference.mean, "ci_low": difference.low,
                "ci_high": difference.high, "p": difference.p, "p_holm": corrected,
                "p_flip": resampling.sign_flip_p(table.mean(axis=0)) if table.size else np.nan,
                "boot_low": low, "boot_high": high, "n_subjects": difference.people,
                "n_seeds": difference.seeds, "verdict": said.kind, "words": said.words,
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(DIFFERENCE_COLUMNS))


def _called(arm: str) -> str:
    return "Predicting the mean age" if arm == BASELINE else arm


# ---- how far seeds spread --------------------------------------------------------------------------


def _spread_of_arm(
    held_out: Predictions, name: str, seeds: NDArray[np.intp], people: NDArray[np.intp]
) -> SeedSpread | None:
    if name == BASELINE:
        return SeedSpread(0.0, np.inf)
    if len(seeds) < 2 or len(people) < 2:
        return None
    return crossed.spread_within(_peers(held_out, name, seeds, people))


def _spread_of_pair(
    held_out: Predictions, arm: str, reference: str, seeds: NDArray[np.intp], people: NDArray[np.intp],
) -> SeedSpread | None:  # fmt: skip
    if len(seeds) < 2 or len(people) < 2:
        return None
    if BASELINE in (arm, reference):
        trained = reference if arm == BASELINE else arm
        return _spread_of_arm(held_out, trained, seeds, people)
    way = ways(held_out)
    if way[arm] != way[reference]:
        apart = [
            crossed.spread_within(_peers(held_out, n, seeds, people)) for n in (arm, reference)
        ]
        return crossed.together(*apart)
    return crossed.spread_between(_peers(held_out, arm, seeds, people))


def _peers(
    held_out: Predictions, name: str, seeds: NDArray[np.intp], people: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the errors of the arms that were trained alike and whose every run is there, (K, S, N)."""
    way = ways(held_out)
    alike = [i for i, arm in enumerate(held_out.arms) if way[arm.name] == way[name]]
    errors = held_out.errors_years[alike][:, seeds][:, :, people]
    return errors[np.isfinite(errors).all(axis=(1, 2))]


def ways(held_out: Predictions) -> dict[str, tuple[str, int]]:
    """Return for each trained arm what decides how far its seeds spread: its method and share of labels."""
    return {arm.name: (arm.method, arm.label_percent) for arm in held_out.arms}
