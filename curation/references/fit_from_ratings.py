"""Fitting of references from ratings of scans."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.errors import RatingError
from curation.metrics import METRICS
from curation.metrics.registry import PREPARED
from curation.ratings.scales import SCALES
from curation.references import cross_validation
from curation.scoring import exclusion_model
from curation.scoring.exclusion_model import Floats
from curation.scoring.score_reference import Reference, builtin

MIN_RATINGS = 50
#: A metric that fewer of the rated scans have is not learned from.
MIN_MEASURED = 0.8


@dataclass(frozen=True)
class TrainingSet:
    """Training set: scans, and labels of some of them.

    Parameters
    ----------
    metrics : pandas.DataFrame, shape (N, M)
        The metrics to learn from, of all scans, rated or not: those without ratings help to scale.
    groups, subjects : pandas.Series of str, shape (N,)
        Which scans are comparable, and who is on them.
    labels : pandas.DataFrame
        See :func:`curation.scoring.exclusion_model.fit`, and ``rater`` and ``scale``.
    inputs : numpy.ndarray, shape (N, 2 M)
        See :func:`curation.scoring.exclusion_model.inputs_of`.
    folds : numpy.ndarray of int, shape (N,)
        See :func:`curation.references.cross_validation.folds_of`.
    """

    metrics: pd.DataFrame
    groups: pd.Series
    subjects: pd.Series
    labels: pd.DataFrame
    inputs: Floats
    folds: NDArray[np.int64]


def labels_of(ratings: pd.DataFrame, scan_ids: pd.Series) -> pd.DataFrame:
    """Turn ratings into labels: the worst word of a scale excludes, every other word keeps.

    Parameters
    ----------
    ratings : pandas.DataFrame
        See :func:`curation.ratings.rating_log.list_ratings`, in its order: of a rater's several ratings of a
        scan the newest counts.
    scan_ids : pandas.Series of str, shape (N,)
        The scans that can be learned from; ratings of others are left out.

    Returns
    -------
    pandas.DataFrame
        ``row`` (0 to N - 1), ``excluded`` (0 or 1), ``weight`` (a scan's labels together weigh 1),
        ``rater`` and ``scale``.
    """
    last = ratings.drop_duplicates(["rater", "scan_id"], keep="last")
    last = last[last["scan_id"].isin(scan_ids)]
    rows = dict(zip(scan_ids, range(len(scan_ids)), strict=True))
    return pd.DataFrame(
        {
            "row": last["scan_id"].map(rows).astype("int64"),
            "excluded": last["excluded"].astype("int64"),
            "weight": 1.0 / last.groupby("scan_id")["rater"].transform("count"),
            "rater": last["rater"],
            "scale": last["scale"],
        }
    ).reset_index(drop=True)


def refuse_too_few(labels: pd.DataFrame) -> None:
    """Raise RatingError when there are fewer than 50 labels, or all of them are the same."""
    if len(labels) < MIN_RATINGS:
        raise RatingError(
            f"Learning needs {MIN_RATINGS} ratings of scored scans; there are {len(labels)}. Rate "
            f"{MIN_RATINGS - len(labels)} more, the doubtful and the bad ones too."
        )
    if labels["excluded"].nunique() < 2:
        said = "exclude" if labels["excluded"].any() else "keep"
        raise RatingError(
            f"All {len(labels)} ratings say {said}. Learning needs both excluded and kept scans: rate "
            "some of the other kind."
        )


def training_set(
    metrics: pd.DataFrame, groups: pd.Series, subjects: pd.Series, labels: pd.DataFrame
) -> TrainingSet:
    """Prepare a training set.

    Parameters
    ----------
    metrics : pandas.DataFrame, shape (N, ...)
        Of all measured scans.
    groups, subjects : pandas.Series of str, shape (N,)
        Which scans are comparable, and who is on them.
    labels : pandas.DataFrame
        See :func:`labels_of`.

    Raises
    ------
    RatingError
        When there are fewer than 50 labels, or all of them are the same.
    """
    refuse_too_few(labels)
    group = groups.to_numpy()[labels["row"]]
    table = _learnable(metrics, labels)
    return TrainingSet(
        metrics=table,
        groups=groups,
        subjects=subjects,
        labels=labels.assign(stratum=labels["rater"] + " at " + group),
        inputs=exclusion_model.inputs_of(table, groups),
        folds=cross_validation.folds_of(subjects.tolist(), groups.tolist())[0],
    )


def learn_reference(given: TrainingSet) -> Reference:
    """Learn a reference from the labels of people, with its evidence.

    Returns
    -------
    Reference
        Of the kind ``'learned'``, without a version and anchors.

    Notes
    -----
    Few ratings bear only a strong regularisation and many a weaker one; which, is chosen by the log loss on
    held-out people or sites, and within each training part again for the evidence, so that the AUC shown
    is of scans that neither the coefficients nor the regularisation have seen.
    """
    labels, groups = given.labels, given.groups
    regularisation = cross_validation.choose_regularisation(given.inputs, labels, given.folds)
    model = exclusion_model.fit(given.metrics, groups, labels, regularisation)
    raters = labels["rater"].nunique()
    return Reference(
        name="ratings",
        version="",
        kind="learned",
        label=f"This workspace's {len(labels)} ratings",
        description=(
            f"The chance that people exclude the scan, learned from {len(labels)} ratings by {raters} "
            f"rater{'s' if raters > 1 else ''}, {labels['excluded'].sum()} of them exclusions. The worst "
            f"step of a scale counts as exclusion ({_worst_words(labels)}), a doubtful scan as kept. "
            "Scans are compared with the other scans of their site, rated or not."
        ),
        anchors={},
        evidence=cross_validation.evidence(given.inputs, labels, groups, given.subjects),
        model=model.frozen_to(given.metrics, groups),
    )


def _learnable(metrics: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Return the metrics of the image that most rated scans have and that vary, but those of anatomy."""
    known = [
        name
        for name, entry in METRICS.items()
        if name in metrics and entry.family != PREPARED and name not in builtin().anatomy
    ]
    table = metrics[known].apply(pd.to_numeric).astype("float64")
    rated = table.iloc[labels["row"].unique()]
    kept = rated.columns[(rated.notna().mean() >= MIN_MEASURED) & (rated.nunique() > 1)]
    if kept.empty:
        raise RatingError("The rated scans have no metric in common. Score the scans first.")
    return table[kept]


def _worst_words(labels: pd.DataFrame) -> str:
    used = sorted(set(labels["scale"]))
    known = [SCALES[name] for name in used if name in SCALES]
    words = [f"{scale.values[scale.worst]!r} of {scale.label}" for scale in known]
    words += [f"the worst level of {name}" for name in used if name not in SCALES]
    return "; ".join(words)
