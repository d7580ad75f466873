"""How the error runs along the number of scans pretrained on, and along the share of labels."""

from collections.abc import Mapping

import pandas as pd

from training import statistics
from training.arms import SCRATCH, Arm
from training.predictions import Predictions
from training.study import Study

_FIGURES = ["age_mae_years", "ci_low", "ci_high", "n_subjects", "n_seeds"]


def sizes(study: Study) -> dict[str, int]:
    """Return how many scans each arm is pretrained on; none for ``scratch``."""
    first = study.seeds[0]
    return {
        arm.name: 0 if arm.encoder is None else len(study.pretraining_scans(arm.encoder, first))
        for arm in study.arms
    }


def by_size(held_out: Predictions, scans: Mapping[str, int]) -> pd.DataFrame:
    """Return the errors of arms that keep the better scans, and of their random controls, by size.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.
    scans : mapping of str to int
        From :func:`sizes`.

    Returns
    -------
    pandas.DataFrame
        ``arm, role, n_scans`` and ``age_mae_years, ci_low, ci_high, n_subjects, n_seeds``, ordered by size.
        The role is ``kept`` (tiers from the best on, or a share by score) or ``control`` (as many at
        random, see :func:`curation.matching.draw`). All scans are both: nothing is left out. Arms that learn
        from a share of the labels, or in another way, are not among them.
    """
    rows = []
    for arm in held_out.arms:
        if arm.kind == "scratch" or arm.label_percent < 100 or arm.method != "full":
            continue
        if arm.name not in held_out.there or arm.name not in scans:
            continue
        everything = arm.kind == "tiers" and scans[arm.name] == max(scans.values())
        roles = (
            ["kept", "control"] if everything else ["control" if arm.kind == "control" else "kept"]
        )
        rows += [
            {"arm": arm.name, "role": role, "n_scans": scans[arm.name]}
            | _figures(held_out, arm.name)
            for role in roles
        ]
    table = pd.DataFrame(rows, columns=["arm", "role", "n_scans", *_FIGURES])
    return table.sort_values(["role", "n_scans", "arm"], ignore_index=True)


def by_labels(held_out: Predictions) -> pd.DataFrame:
    """Return the errors of arms that were fine-tuned on shares of the people, by share.

    Returns
    -------
    pandas.DataFrame
        ``base`` (the arm whose pretraining they share), ``arm, label_percent`` (1 to 100), and the figures
        as in :func:`by_size`. Bases of which there is one share only are left out.
    """
    rows = [
        {"base": _base(arm), "arm": arm.name, "label_percent": arm.label_percent}
        | _figures(held_out, arm.name)
        for arm in held_out.arms
        if arm.name in held_out.there and arm.method == "full"
    ]
    table = pd.DataFrame(rows, columns=["base", "arm", "label_percent", *_FIGURES])
    several = table.groupby("base")["label_percent"].transform("nunique") > 1
    return table[several].sort_values(["base", "label_percent"], ignore_index=True)


def _base(arm: Arm) -> str:
    return arm.base or (SCRATCH if arm.kind == "scratch" else arm.name)


def _figures(held_out: Predictions, name: str) -> dict[str, float]:
    found, _, _ = statistics.estimate(held_out, name)
    return {
        "age_mae_years": found.mean,
        "ci_low": found.low,
        "ci_high": found.high,
        "n_subjects": found.people,
        "n_seeds": found.seeds,
    }
