"""Errors of random subsets by their size, over several draws, at equal steps and at equal passes."""

from typing import Any

import numpy as np
import pandas as pd

from training.arms.study_arms import Arm
from training.held_out.predictions import Predictions
from training.results import crossed_effects, study_summary

COLUMNS = (
    "of",
    "equal",
    "percent",
    "n_scans",
    "age_mae_years",
    "ci_low",
    "ci_high",
    "n_draws",
    "n_subjects",
    "n_seeds",
)


def by_size(held_out: Predictions, scans: dict[str, int]) -> pd.DataFrame:
    """Return the errors of random subsets by size, over draws, and of the whole.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.
    scans : dict of str to int
        From :func:`training.results.study_sets.sizes`.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`: ``equal`` is ``steps`` or ``passes``, ``n_scans`` the mean over draws. The
        interval is over people and draws: the seeds of a draw are averaged first, so that what another
        subset and training again would change is in it together. With one draw it is over people alone.
    """
    groups: dict[tuple[str, str, int], list[Arm]] = {}
    for arm in _subsets(held_out):
        groups.setdefault(_key(arm), []).append(arm)
    rows = [_scaling_row(held_out, key, arms, scans) for key, arms in groups.items()]
    rows += [
        _whole_row(held_out, whole, equal, scans)
        for whole, equal in dict.fromkeys((key[0], key[1]) for key in groups)
        if whole in held_out.there
    ]
    table = held_out.outcome.shown(pd.DataFrame(rows, columns=list(COLUMNS)))
    return table.sort_values(["of", "equal", "n_scans"], kind="stable", ignore_index=True)


def single_draws(held_out: Predictions, scans: dict[str, int]) -> pd.DataFrame:
    """Return the error of each draw: ``arm of equal percent draw n_scans age_mae_years``."""
    rows = [
        {
            "arm": arm.name,
            **dict(zip(("of", "equal", "percent"), _key(arm), strict=True)),
            "draw": arm.subset.draw,
            "n_scans": scans.get(arm.name, np.nan),
            "age_mae_years": study_summary.estimate(held_out, arm.name)[0].mean,
        }
        for arm in _subsets(held_out)
        if arm.subset
    ]
    columns = ["arm", "of", "equal", "percent", "draw", "n_scans", "age_mae_years"]
    return held_out.outcome.shown(pd.DataFrame(rows, columns=columns))


def _subsets(held_out: Predictions) -> list[Arm]:
    return [
        arm
        for arm in held_out.arms
        if arm.subset and not arm.distortion and arm.method == "full" and arm.label_percent == 100
        if arm.name in held_out.there
    ]


def _key(arm: Arm) -> tuple[str, str, int]:
    subset = arm.subset
    assert subset is not None  # noqa: S101 - only such arms come here
    whole = arm.name.replace(subset.name, subset.of)
    return whole, "passes" if subset.equal_passes else "steps", subset.percent


def _scaling_row(
    held_out: Predictions, key: tuple[str, str, int], arms: list[Arm], scans: dict[str, int]
) -> dict[str, Any]:
    places = [held_out.at(arm.name) for arm in arms]
    seeds, people = crossed_effects.complete(held_out.predicted_years[places])
    by_draw = held_out.losses(places, seeds, people).mean(axis=1)
    found = crossed_effects.of_losses(by_draw)
    sizes = [scans[arm.name] for arm in arms if arm.name in scans]
    return _figures(found, key, float(np.mean(sizes)), len(arms), len(seeds))


def _whole_row(
    held_out: Predictions, whole: str, equal: str, scans: dict[str, int]
) -> dict[str, Any]:
    found, seeds, _ = study_summary.estimate(held_out, whole)
    return _figures(found, (whole, equal, 100), float(scans.get(whole, np.nan)), 1, len(seeds))


def _figures(
    found: crossed_effects.Estimate,
    key: tuple[str, str, int],
    size: float,
    draws: int,
    seeds: int,
) -> dict[str, Any]:
    return {
        **dict(zip(("of", "equal", "percent"), key, strict=True)),
        "n_scans": size,
        "age_mae_years": found.mean,
        "ci_low": max(found.low, 0.0) if found.low == found.low else found.low,
        "ci_high": found.high,
        "n_draws": draws,
        "n_subjects": found.people,
        "n_seeds": seeds,
    }
