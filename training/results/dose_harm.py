"""Dose and harm: years, or AUC, that a distortion costs against the very same scans as they are.

Every number is a paired difference to the clean arm by :mod:`training.results.crossed_effects`. The interval
is over people and seeds; that another draw of the distortion would give another number is not in it.
"""

from typing import Any

import numpy as np
import pandas as pd

from training.arms import distortion
from training.arms.distortion import Distortion
from training.arms.study_arms import Arm
from training.held_out.predictions import Predictions
from training.judging.outcome import AGE, Outcome
from training.results import (
    comparisons,
    crossed_effects,
    distortion_effects,
    resampling,
    study_summary,
)
from training.results.crossed_effects import ALPHA, NO_VARIANCE
from training.studies.planned_study import Study

#: Artefacts that an affine registration of the distorted scan would take back in part.
UNDONE_BY_ALIGNMENT = ("shear", "stretch")
EFFECT_COLUMNS = (
    "volume_change",
    "distance_clean",
    "distance_distorted",
    "n_changed",
    "score_clean",
    "score_distorted",
    "n_scored",
)
COLUMNS = (
    "arm",
    "clean",
    "artefact",
    "label",
    "severity",
    "clean_too",
    "years_lost",
    "ci_low",
    "ci_high",
    "p",
    "p_holm",
    "detectable_years",
    "n_subjects",
    "n_seeds",
    *EFFECT_COLUMNS,
    "withheld",
    "words",
)


def effects_by_arm(study: Study) -> pd.DataFrame:
    """Return the measured effects of each distorted arm, averaged over its scans.

    Returns
    -------
    pandas.DataFrame
        ``arm`` and :data:`EFFECT_COLUMNS`: the change of the prepared volume as a share of the variance
        between people, and its distance from the middle of the pool in spreads between people, of how many
        scans; the scores of those that were assessed, clean and distorted, and
        how many these are.
    """
    measured = distortion_effects.read(study)
    rows = [
        _effects(arm.name, arm.distortion, study, measured)
        for arm in study.arms
        if arm.distortion and arm.encoder
    ]
    return pd.DataFrame(rows, columns=["arm", *EFFECT_COLUMNS])


def _effects(name: str, done: Distortion, study: Study, measured: pd.DataFrame) -> dict[str, Any]:
    encoder = study.arm(name).encoder or name
    scans = study.pretraining_scans(encoder, study.seeds[0])
    own = measured[
        (measured["artefact"] == done.artefact)
        & (measured["severity"] == done.severity)
        & measured["scan_id"].isin(scans)
    ]
    scored = own.dropna(subset=["score_clean", "score_distorted"])
    return {
        "arm": name,
        "volume_change": own["volume_change"].mean(),
        "distance_clean": own["distance_clean"].mean(),
        "distance_distorted": own["distance_distorted"].mean(),
        "n_changed": len(own),
        "score_clean": scored["score_clean"].mean(),
        "score_distorted": scored["score_distorted"].mean(),
        "n_scored": len(scored),
    }


# ---- distortions -----------------------------------------------------------------------------------


def dose_harm(held_out: Predictions, effects: pd.DataFrame) -> pd.DataFrame:
    """Compare every distorted arm with the same scans as they are.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.
    effects : pandas.DataFrame
        From :func:`effects_by_arm`; of several studies, under the names that their arms have here.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`, by artefact and severity. ``years_lost``: the loss of the distorted arm (error,
        or 1 − AUC) less that of the clean one, above 0 is harm, with its 95 % interval and two-sided ``p``;
        ``p_holm`` after Holm's correction for the number of these comparisons; ``withheld``: why nothing may
        be concluded.
    """
    arms = [
        arm
        for arm in held_out.arms
        if arm.distortion and arm.clean and {arm.name, arm.clean} <= set(held_out.there)
    ]
    found = [study_summary.compare(held_out, arm.name, str(arm.clean)).estimate for arm in arms]
    corrected = resampling.holm([estimate.p for estimate in found])
    rows = [
        _row(held_out, arm, estimate, float(p_holm))
        for arm, estimate, p_holm in zip(arms, found, corrected, strict=True)
    ]
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name not in EFFECT_COLUMNS])
    table = table.merge(effects, on="arm", how="left")[list(COLUMNS)]
    order = ["clean", "clean_too", "artefact", "severity"]
    return table.sort_values(order, kind="stable", ignore_index=True)


def _row(
    held_out: Predictions, arm: Arm, estimate: crossed_effects.Estimate, p_holm: float
) -> dict[str, Any]:
    done = arm.distortion
    assert done is not None  # noqa: S101 - only such arms come here
    return {
        "arm": arm.name,
        "clean": arm.clean,
        "artefact": done.artefact,
        "label": distortion.label_of(done.artefact),
        "severity": done.severity,
        "clean_too": done.clean_too,
        "years_lost": estimate.mean,
        "ci_low": estimate.low,
        "ci_high": estimate.high,
        "p": estimate.p,
        "p_holm": p_holm,
        "detectable_years": crossed_effects.detectable_years(estimate),
        "n_subjects": estimate.people,
        "n_seeds": estimate.seeds,
        "withheld": comparisons.no_verdict(held_out, [arm.name, str(arm.clean)], estimate.seeds),
        "words": _words(done, estimate, p_holm, held_out.outcome),
    }


def _words(
    done: Distortion, estimate: crossed_effects.Estimate, p_holm: float, outcome: Outcome
) -> str:
    """Return a comparison as a sentence; a gain is a negative loss."""
    what = f"{done.words}{', beside the scans as they are' * done.clean_too}"
    if estimate.no_variance:
        return f"{what}: {_lost(estimate, outcome)}. No interval: {NO_VARIANCE}."
    if not np.isfinite(estimate.low):
        return f"{what}: no runs in common to compare yet."
    low, high = sorted((estimate.low, estimate.high))
    if estimate.mean < 0:
        low, high = -high, -low
    interval = f"{outcome.number(low)} to {outcome.number(high)}"
    clear = "" if p_holm <= ALPHA else ", not distinguishable from none"
    return f"{what}: {_lost(estimate, outcome)} ({interval}){clear}."


def _lost(estimate: crossed_effects.Estimate, outcome: Outcome) -> str:
    which = "cost" if estimate.mean >= 0 else "gained"
    return f"{which} {outcome.amount(abs(estimate.mean))}"


def _number(value: float) -> str:
    shown = f"{value:.2f}"
    return "0.00" if float(shown) == 0 else shown.replace("-", "−")


def ranking(table: pd.DataFrame) -> pd.DataFrame:
    """Return the distortions of one severity each, of which several artefacts were tried, the worst first.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`dose_harm`.

    Returns
    -------
    pandas.DataFrame
        The rows of each clean arm and severity at which there are three artefacts or more; the most harmful
        first. Augmentation (``clean_too``) is not among them.
    """
    alone = table[~table["clean_too"].astype(bool)]
    several = alone.groupby(["clean", "severity"])["artefact"].transform("nunique") >= 3
    return alone[several].sort_values("years_lost", ascending=False, ignore_index=True)


def doses(table: pd.DataFrame) -> pd.DataFrame:
    """Return the artefacts of which several severities were tried; at severity 0 nothing is lost.

    Returns
    -------
    pandas.DataFrame
        ``series`` (what a line stands for) and the columns of :func:`dose_harm`; ``arm`` of a first point is
        the clean one.
    """
    key = ["clean", "clean_too", "artefact"]
    several = table.groupby(key)["severity"].transform("nunique") > 1
    lines = table[several]
    first = lines.drop_duplicates(key).assign(
        severity=0.0, years_lost=0.0, ci_low=0.0, ci_high=0.0, volume_change=0.0
    )
    first["arm"] = first["clean"]
    first["score_distorted"] = first["score_clean"]
    first["distance_distorted"] = first["distance_clean"]
    unknown = ["p", "p_holm", "detectable_years"]
    first[unknown] = np.nan
    first["words"] = ""
    both = pd.concat([first, lines], ignore_index=True)
    both["series"] = [
        f"{label}, of {clean}{' (augmentation)' * bool(too)}"
        for label, clean, too in zip(both["label"], both["clean"], both["clean_too"], strict=True)
    ]
    return both.sort_values(["series", "severity"], kind="stable", ignore_index=True)


def agreement(ranked: pd.DataFrame, outcome: Outcome = AGE) -> str:
    """Return in words how harm goes with the change of the volume and with the score; empty for too few."""
    from scipy.stats import spearmanr  # half a second to import

    told = []
    for column, words in (
        ("volume_change", "how much the volume changed"),
        ("distance_distorted", "how far it then lies from the pool's"),
        ("score_distorted", "the score of the distorted scans"),
    ):
        known = ranked.dropna(subset=["years_lost", column])
        if len(known) >= 5 and known[column].nunique() > 1:
            rho = float(spearmanr(known["years_lost"], known[column]).statistic)
            told.append(f"with {words} {_number(rho)}")
    if not told:
        return ""
    what = "years lost" if outcome.is_age else f"{outcome.unit_words} lost"
    return (
        f"Rank correlation of {what} over {len(ranked)} distortions: {', '.join(told)}. Estimates this "
        "uncertain correlate less than the truth would."
    )
