"""Errors by number of scans or share of labels, and the comparability of two studies.

The arms of two studies are comparable only on the same people in the same folds.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from training.arms.study_arms import SCRATCH, Arm
from training.held_out.predictions import Predictions
from training.results import study_summary
from training.settings import input_images
from training.settings.objectives import OBJECTIVES
from training.settings.preset import Preset
from training.studies.planned_study import Study

_FIGURES = ["age_mae_years", "ci_low", "ci_high", "n_subjects", "n_seeds"]


def sizes(study: Study) -> dict[str, int]:
    """Return the number of pretraining scans of each arm; 0 for ``scratch``."""
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
        random, see :func:`curation.cohorts.matched_controls.sample_control`). All scans are both: nothing is
        left out. Arms that learn from a share of the labels, or in another way, that distort scans, hold the
        worse ones or a random subset, and controls apart from their arm are not among them.
    """
    rows = []
    for arm in held_out.arms:
        if arm.label_percent < 100 or arm.method != "full" or not _keeps_the_better(arm):
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
    table = held_out.outcome.shown(table)
    return table.sort_values(["role", "n_scans", "arm"], ignore_index=True)


def _keeps_the_better(arm: Arm) -> bool:
    """Tell whether an arm holds scans as they are, the better ones or as many at random."""
    return arm.kind in ("tiers", "sweep", "control") and not arm.distortion and not arm.apart


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
    table = held_out.outcome.shown(table)
    several = table.groupby("base")["label_percent"].transform("nunique") > 1
    return table[several].sort_values(["base", "label_percent"], ignore_index=True)


def _base(arm: Arm) -> str:
    return arm.base or (SCRATCH if arm.kind == "scratch" else arm.name)


def _figures(held_out: Predictions, name: str) -> dict[str, float]:
    found, _, _ = study_summary.estimate(held_out, name)
    return {
        "age_mae_years": found.mean,
        "ci_low": max(found.low, 0.0) if found.low == found.low else found.low,
        "ci_high": found.high,
        "n_subjects": found.people,
        "n_seeds": found.seeds,
    }


def why_not(study: Study, other: Study) -> str:
    """Return the reason why the arms of two studies cannot be compared.

    Parameters
    ----------
    study, other : Study
        Two planned studies.

    Returns
    -------
    str
        A sentence; empty where they can be compared: both test their arms on the same scans, of the same
        content, in the same folds.
    """
    if study.outcome.name != other.outcome.name:
        return f"{other.name} predicts {other.outcome.noun}, this study {study.outcome.noun}."
    mine, theirs = (_target(of) for of in (study, other))
    both = mine.merge(theirs, left_index=True, right_index=True, suffixes=("", "_other"))
    if not len(both):
        return f"{other.name} was judged on other people ({other.target_id})."
    missing, more = len(mine) - len(both), len(theirs) - len(both)
    if missing or more:
        return (
            f"{other.name} was judged on another list of scans: {missing} of these {len(mine)} are "
            f"missing there, and {more} are there that are not here."
        )
    changed = int((both["sha256"] != both["sha256_other"]).sum())
    if changed:
        return f"{changed} of the {len(both)} test scans had other content in {other.name}."
    moved = int((both["fold"] != both["fold_other"]).sum())
    if moved:
        return (
            f"{other.name} cut the same people into other folds ({moved} of {len(both)} scans lie "
            "elsewhere), so its models learned from people that these were tested on."
        )
    aged = int((both["value"] != both["value_other"]).sum())
    what = study.outcome.name
    return (
        f"{aged} of the {len(both)} test scans had another {what} in {other.name}." if aged else ""
    )


def what_else_differs(study: Study, other: Study) -> list[str]:
    """Return the differences between two studies besides their arms, which would confound a comparison."""
    differs = []
    mine, theirs = input_images.images_of(study.preset), input_images.images_of(other.preset)
    if mine != theirs:
        differs.append(f"the images ({mine.label} here, {theirs.label} there)")
    one, another = (OBJECTIVES[of.preset.objective] for of in (study, other))
    if one != another:
        differs.append(f"the objective ({one.name} here, {another.name} there)")
    if study.preset.backbone != other.preset.backbone:
        differs.append(
            f"the backbone ({study.preset.backbone} here, {other.preset.backbone} there)"
        )
    if _besides(study.preset) != _besides(other.preset):
        differs.append(
            f"the preset ({study.preset.name} here, {other.preset.name} there, or changed fields of it)"
        )
    if study.cohort_id != other.cohort_id:
        differs.append(f"the pretraining pool ({study.cohort_id} here, {other.cohort_id} there)")
    return differs


def _besides(preset: Preset) -> dict[str, Any]:
    """Return the fields of a preset that are not told by themselves."""
    told = {"modalities", "paired", "objective", "backbone"}
    return {name: value for name, value in asdict(preset).items() if name not in told}


def _target(study: Study) -> pd.DataFrame:
    target = study.scans().query("role == 'target'")
    target = target.assign(value=target[study.outcome.column])
    return target.set_index("scan_id")[["sha256", "fold", "value"]]
