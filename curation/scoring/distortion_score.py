"""Sub-scores and distortion score from metrics: a pure function of a named reference.

By anchors, each metric becomes a penalty from 0 to 100 on a soft step: 20 at its ``good`` value, 80 at its
``bad`` value, never flat, so that worse is always a little more. A sub-score combines the penalties of a
family, the distortion score those of all, see :mod:`curation.scoring.combination`: the worst metric alone
makes a scan as bad as it is.

What could not be measured adds nothing: by anchors a scan never scores worse for lacking something, such as
air around a stripped head. By a learned model it can, where what is missing would have spoken for the scan.
``score_high`` says how much worse it may be (:mod:`curation.scoring.unmeasured`),
``certainty`` which part of what is judged was measured: the score's coverage.

How usual the brain is counts for no score. ``unusual_anatomy`` says it beside the score
(:mod:`curation.scoring.unusual_anatomy`), and ``score_flags`` says in words where a scan lies outside of
those that the reference holds for, or why it has no score (:mod:`curation.scoring.score_flags`).

By a model learned from ratings, each metric adds to the log-odds that raters exclude the scan. Families
without a metric in the model, and incompleteness and geometry always, are judged by anchors as well; the
larger of the two is the distortion score.
"""

import numpy as np
import pandas as pd

from curation.metrics import METRICS
from curation.metrics.registry import FAMILIES
from curation.scoring import combination, score_flags, unmeasured, unusual_anatomy
from curation.scoring.comparison_groups import POOLED, groups_of
from curation.scoring.directed_model import column_of
from curation.scoring.score_reference import Reference, builtin

#: Families judged by anchors beside a learned model: rated scans are hardly ever warped or incomplete.
GUARDED = ("incompleteness", "geometry")
#: Kept with each score: another number is another way from metrics to scores. Rises when the sums here
#: change; scores of an earlier one are then made anew from the metrics
#: (:mod:`curation.references.reference_library`).
SCORING_VERSION = 7


def score(
    metrics: pd.DataFrame,
    reference: Reference | None = None,
    sites: pd.Series | None = None,
    about: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Score a table of metrics.

    Parameters
    ----------
    metrics : pandas.DataFrame
        One row a scan: ``scan_id``, ``sha256`` and a column a metric; NaN is "not measurable". ``flags``,
        where it is there, tells which of them are no T1w by their own brightness.
    reference : Reference, optional
        The built-in one by default.
    sites : pandas.Series of str, optional
        Where each scan was made, the index of ``metrics``; used by references that know sites.
    about : pandas.DataFrame, optional
        What is known of each scan, the index of ``metrics``: some of
        :data:`curation.scoring.reference_population.ABOUT`.

    Returns
    -------
    pandas.DataFrame
        ``scan_id``, ``sha256``, ``reference``, ``scoring_version``, the seven sub-scores and
        ``distortion_score`` (0 pristine to 100 unusable; NaN where nothing of it could be measured, and of a
        kind of image that the reference does not hold for), ``score_high`` (the upper end of what it may be,
        for what could not be measured), ``families_measured`` (0 to 7), ``certainty`` (0 to 1: the measured
        part of the metrics that the reference judges, averaged over their families), ``unusual_anatomy``
        (0 usual to 100; no part of the score) and ``score_flags`` (JSON: what is to be known beside the
        score, by the keys of :data:`curation.imaging.image_flags.FLAGS`).

    Notes
    -----
    A learned model judges only scans of which it finds enough: an exclusion model half of its metrics, a
    directed model one of its quantities. Others are judged by the built-in anchors, and their
    ``reference`` says so.
    """
    reference = reference or builtin()
    metrics = metrics.reset_index(drop=True)
    about = None if about is None else about.reset_index(drop=True)
    groups = groups_of(metrics, None if sites is None else sites.reset_index(drop=True))
    fits = _fits(metrics, reference)
    parts = [
        _score_group(rows, reference if fitting else builtin(), str(group), about)
        for (group, fitting), rows in metrics.groupby([groups, fits], sort=False)
    ]
    return pd.concat(parts).sort_index() if parts else _score_group(metrics, reference, POOLED)


def explain(
    metrics_row: pd.Series, reference: Reference | None = None, site: str | None = None
) -> pd.DataFrame:
    """Say which metrics made the score of one scan.

    Parameters
    ----------
    metrics_row : pandas.Series
        One row of the metrics table.
    reference : Reference, optional
        The built-in one by default.
    site : str, optional
        Where the scan was made.

    Returns
    -------
    pandas.DataFrame
        One row a metric that the reference judges, the largest share first: ``metric``, ``family``,
        ``value``, ``penalty`` (0 to 100, of this metric alone), ``share_of_score`` (0 to 1, together 1) and
        ``points``: by how much the distortion score would fall if this metric were flawless (anchors) or
        as usual at its site (a learned model); below 0 where it speaks for the scan. Metrics that could not
        be measured have NaN and share 0.
    """
    reference = reference or builtin()
    row = metrics_row.to_frame().T
    reference = reference if _fits(row, reference).all() else builtin()
    group = groups_of(row, None if site is None else pd.Series([site], row.index)).iloc[0]
    penalty, log_odds = _judge(row, reference, group)
    names = [*log_odds.columns, *penalty.columns]
    alone = np.hstack([_exclusion_probability(log_odds.to_numpy(), reference), penalty.to_numpy()])
    table = pd.DataFrame(
        {
            "metric": names,
            "family": [METRICS[name].family for name in names],
            "value": pd.to_numeric(metrics_row.reindex(names)).to_numpy(dtype=np.float64),
            "penalty": alone[0],
            "share_of_score": _contributions(penalty, log_odds, reference),
            "points": _points(penalty, log_odds, reference),
        }
    )
    return table.sort_values("share_of_score", ascending=False, ignore_index=True, kind="stable")


# ---- judging -----------------------------------------------------------------------------------------


def _fits(metrics: pd.DataFrame, reference: Reference) -> pd.Series:
    """Return which scans a reference can judge: for a model, those with enough of its metrics."""
    if reference.model is None:
        return pd.Series(True, metrics.index)
    return reference.model.judges(metrics)


def _score_group(
    metrics: pd.DataFrame, reference: Reference, group: str, about: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Score comparable scans."""
    penalty, log_odds = _judge(metrics, reference, group)
    scores = _combine(penalty, log_odds, reference)
    scores["score_high"] = _upper_end(
        penalty, log_odds, scores["distortion_score"], reference, group
    )
    anatomy = unusual_anatomy.judge(metrics, reference.anatomy or builtin().anatomy)
    flags, withheld = score_flags.of_scans(
        metrics, reference, anatomy, None if about is None else about.loc[metrics.index]
    )
    scores[withheld] = np.nan
    named = pd.DataFrame(
        {
            "scan_id": metrics["scan_id"].astype("str"),
            "sha256": metrics["sha256"].astype("str"),
            "reference": reference.id,
            "scoring_version": SCORING_VERSION,
        }
    )
    certainty = _certainty(pd.concat([penalty, log_odds], axis=1))
    return pd.concat([named, scores], axis=1).assign(
        families_measured=scores[list(FAMILIES)].notna().sum(axis=1),
        certainty=np.where(withheld, 0.0, certainty),
        unusual_anatomy=anatomy.score,
        score_flags=flags,
    )


def _upper_end(
    penalty: pd.DataFrame,
    log_odds: pd.DataFrame,
    scores: pd.Series,
    reference: Reference,
    group: str,
) -> np.ndarray:
    """Return the upper ends of some scans' scores; unknown where a model lacks one of its metrics."""
    anchors, cases = reference.anchors_of(group), unmeasured.cases()
    of_cases = {name: anchors[name].penalty(cases[name]) for name in penalty if name in cases}
    upper = unmeasured.upper_end(penalty, scores.to_numpy(), of_cases, reference.combination)
    return np.where(log_odds.notna().all(axis=1), upper, np.nan) if log_odds.shape[1] else upper


def _judge(
    metrics: pd.DataFrame, reference: Reference, group: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return penalty by anchors and log-odds by the model: a column a metric, NaN where not measured."""
    anchors = reference.anchors_of(group)
    log_odds = pd.DataFrame(index=metrics.index)
    if reference.model is not None:
        log_odds = reference.model.contributions(metrics, group)
    modelled = {METRICS[name].family for name in log_odds.columns}.difference(GUARDED)
    penalty = {
        name: anchor.penalty(column_of(metrics, name))
        for name, anchor in anchors.items()
        if name in METRICS and METRICS[name].family not in modelled and name not in log_odds
    }
    for kind, own in reference.kinds.items() if "flags" in metrics else ():
        here = metrics["flags"].astype("str").str.contains(f'"{kind}"', regex=False).to_numpy()
        for name in own.keys() & penalty.keys():
            of_kind = own[name].penalty(column_of(metrics, name))
            penalty[name] = np.where(here, of_kind, penalty[name])
    return pd.DataFrame(penalty, index=metrics.index, dtype=np.float64), log_odds


def _of(table: pd.DataFrame, family: str) -> np.ndarray:
    """Return the columns of one family's metrics, shape (N, metrics of the family)."""
    return table[[name for name in table if METRICS[name].family == family]].to_numpy()


# ---- combining ---------------------------------------------------------------------------------------


def _combine(penalty: pd.DataFrame, log_odds: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """Return the sub-scores and the distortion score, 0 to 100, NaN where nothing was measured."""
    table, score = combination.by_family(penalty, reference.combination)
    for family in {METRICS[name].family for name in log_odds}:
        probability = _exclusion_probability(_sum(_of(log_odds, family)), reference)
        table[family] = np.fmax(table[family], probability)
    if reference.model is not None:
        score = np.fmax(score, _exclusion_probability(_sum(log_odds.to_numpy()), reference))
    return table.assign(distortion_score=score)


def _exclusion_probability(log_odds: np.ndarray, reference: Reference) -> np.ndarray:
    """Return the probability of exclusion in percent, from the metrics' terms of its log-odds."""
    intercept = reference.model.intercept if reference.model else 0.0
    return 100.0 / (1.0 + np.exp(-(intercept + log_odds)))


def _sum(values: np.ndarray) -> np.ndarray:
    """Return the sum of each row without NaN; NaN where all are NaN."""
    return np.where(np.isfinite(values).any(axis=1), np.nansum(values, axis=1), np.nan)


def _certainty(judged: pd.DataFrame) -> np.ndarray:
    """Return the measured part of each family's metrics, averaged over the families judged; 0 to 1."""
    parts = [np.isfinite(_of(judged, family)) for family in FAMILIES]
    found = [part.mean(axis=1) for part in parts if part.shape[1]]
    return np.mean(found, axis=0) if found else np.zeros(len(judged))


# ---- explaining --------------------------------------------------------------------------------------


def _contributions(
    penalty: pd.DataFrame, log_odds: pd.DataFrame, reference: Reference
) -> np.ndarray:
    """Return each metric's share of one scan's score, the model's metrics first."""
    families = pd.Series({name: METRICS[name].family for name in penalty}, dtype="str")
    sizes = families.groupby(families).transform("size").to_numpy(dtype=np.float64)
    anchored = combination.weights(penalty.iloc[0].to_numpy(), sizes, reference.combination)
    modelled = np.nan_to_num(np.clip(log_odds.to_numpy()[0], 0, None))
    # The larger of the two made the score, so the other has no share in it.
    whole = _combine(penalty, log_odds, reference)["distortion_score"].iloc[0]
    by_model = (
        reference.model is not None
        and whole == _exclusion_probability(_sum(log_odds.to_numpy()), reference)[0]
    )
    parts = np.concatenate([modelled * by_model, anchored * (not by_model)])
    return parts / parts.sum() if parts.sum() > 0 else parts


def _points(penalty: pd.DataFrame, log_odds: pd.DataFrame, reference: Reference) -> np.ndarray:
    """Return by how much one scan's score falls without each metric, the model's metrics first."""
    row = np.hstack([log_odds.to_numpy(), penalty.to_numpy()])
    without = np.repeat(row, row.shape[1], axis=0)
    np.fill_diagonal(without, np.where(np.isnan(row[0]), np.nan, 0.0))
    cut = log_odds.shape[1]
    scores = _combine(
        pd.DataFrame(without[:, cut:], columns=penalty.columns),
        pd.DataFrame(without[:, :cut], columns=log_odds.columns),
        reference,
    )["distortion_score"]
    whole = _combine(penalty, log_odds, reference)["distortion_score"].iloc[0]
    return np.where(np.isnan(row[0]), 0.0, whole - scores.to_numpy())
