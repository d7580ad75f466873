"""Making references: from the scans themselves, or from what people said of them."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from curation import agreement, learned
from curation.anchors import Anchor, Reference, builtin, to_scale
from curation.errors import RatingError, SourceError, TierscopeError
from curation.groups import POOLED, pooled, with_pools
from curation.metrics import METRICS
from curation.mriqc_tables import RATING_SCALE, MriqcTable
from curation.ratings import SCALES

#: Fewer scans than this have no distribution of their own worth the name.
MIN_COHORT = 20
#: Robust standard deviations from the median, on the bad side, of badness 20 and 80.
GOOD_SD, BAD_SD = 2.0, 6.0
MIN_RATINGS = 50
#: A metric that fewer of the rated scans have is not learned from.
MIN_MEASURED = 0.8
#: A rater of this share of a table's scans saw them all; the verdicts of others weigh less.
SAW_ALL, PART_WEIGHT = 0.95, 0.25


# ---- from the scans themselves -----------------------------------------------------------------------


def from_cohort(metrics: pd.DataFrame, groups: pd.Series) -> Reference:
    """Make anchors from the distribution of the scans themselves.

    Parameters
    ----------
    metrics : pandas.DataFrame, shape (N, ...)
        Of our own scans the metrics with a built-in anchor are judged, of MRIQC's rows all that have a
        good and a bad side.
    groups : pandas.Series of str, shape (N,)
        See :func:`curation.groups.groups_of`. One with fewer than 20 scans is judged by the distribution
        of all sites.

    Returns
    -------
    Reference
        Of the kind ``'cohort'``, without a version.

    Raises
    ------
    TierscopeError
        When there are fewer than 20 scans.

    Notes
    -----
    ``good`` lies 2 robust standard deviations (IQR/1.349) from the median on the bad side, ``bad`` lies 6.
    Where scans are as usual, the worst of some 30 metrics lies about 2 out, so that the usual scan stays
    near 20; 6 is far outside of what chance does, also in metrics with heavy tails, yet not so far that
    only wrecks reach it. A metric without spread keeps its built-in anchor. Scaling cannot see what is
    wrong with all scans of a site alike.
    """
    if len(metrics) < MIN_COHORT:
        raise TierscopeError(
            f"A reference from the scans themselves needs {MIN_COHORT} scored scans; there are "
            f"{len(metrics)}. Score more scans, or keep the built-in reference."
        )
    sites = {
        group: _anchors(rows, group)
        for group, rows in with_pools(metrics, groups)
        if len(rows) >= MIN_COHORT
    }
    own = sorted(group for group in sites if not group.startswith(POOLED))
    return Reference(
        name="cohort",
        version="",
        kind="cohort",
        label=f"This workspace's {len(metrics)} scans",
        description=(
            f"Each metric is judged by how far it lies from the median of its site's scans: {GOOD_SD:g} "
            f"robust standard deviations on the bad side are badness 20, {BAD_SD:g} are 80. Sites of their "
            f"own: {', '.join(own) or 'none'}; other scans are compared with all sites together."
        ),
        anchors=builtin().anchors,
        sites=sites,
    )


def _anchors(rows: pd.DataFrame, group: str) -> dict[str, Anchor]:
    general = builtin().anchors
    own = pooled(group) == POOLED
    names = (
        general if own else [name for name in METRICS if name in rows and rows[name].notna().any()]
    )
    anchors = {}
    for name in names:
        if name not in METRICS or METRICS[name].direction == "describes the acquisition":
            continue
        anchor = _anchor(rows, name, group) or general.get(name)
        if anchor:
            anchors[name] = anchor
    return anchors


def _anchor(rows: pd.DataFrame, name: str, group: str) -> Anchor | None:
    """Return the anchor of one metric in one group; ``None`` without enough values or any spread."""
    values = pd.to_numeric(rows[name]).dropna() if name in rows else pd.Series(dtype=float)
    if len(values) < MIN_COHORT:
        return None
    scale = builtin().anchors[name].scale if name in builtin().anchors else "linear"
    low, middle, high = np.quantile(to_scale(values.to_numpy(), scale), [0.25, 0.5, 0.75])
    sd = (high - low) / learned.NORMAL_IQR
    side = 1.0 if METRICS[name].direction == "higher is worse" else -1.0
    good, bad = middle + side * GOOD_SD * sd, middle + side * BAD_SD * sd
    if scale == "log":
        good, bad = np.exp(good), np.exp(bad)
    if not np.isfinite([good, bad]).all() or np.isclose(good, bad, rtol=1e-9, atol=0):
        return None
    source = f"{group}: median and IQR of {len(values)} scans"
    return Anchor(float(good), float(bad), scale, source)


# ---- from ratings ------------------------------------------------------------------------------------


def verdicts_of(ratings: pd.DataFrame, scan_ids: pd.Series) -> pd.DataFrame:
    """Turn ratings into verdicts: the worst word of a scale excludes, every other word keeps.

    Parameters
    ----------
    ratings : pandas.DataFrame
        See :func:`curation.ratings.list_ratings`. Of a rater's several ratings of a scan the last counts.
    scan_ids : pandas.Series of str, shape (N,)
        The scans that can be learned from; ratings of others are left out.

    Returns
    -------
    pandas.DataFrame
        ``row`` (0 to N - 1), ``excluded`` (0 or 1), ``weight`` (a scan's verdicts together weigh 1),
        ``rater`` and ``scale``.
    """
    last = ratings.drop_duplicates(["rater", "scan_id"], keep="last")
    last = last[last["scan_id"].isin(scan_ids) & last["scale"].isin(list(SCALES))]
    worst = last["scale"].map({name: list(scale.values)[-1] for name, scale in SCALES.items()})
    rows = dict(zip(scan_ids, range(len(scan_ids)), strict=True))
    return pd.DataFrame(
        {
            "row": last["scan_id"].map(rows).astype("int64"),
            "excluded": (last["value"] == worst).astype("int64"),
            "weight": 1.0 / last.groupby("scan_id")["rater"].transform("count"),
            "rater": last["rater"],
            "scale": last["scale"],
        }
    ).reset_index(drop=True)


def from_ratings(
    metrics: pd.DataFrame, groups: pd.Series, subjects: pd.Series, verdicts: pd.DataFrame
) -> Reference:
    """Learn a reference from the verdicts of people, with its evidence.

    Parameters
    ----------
    metrics : pandas.DataFrame, shape (N, ...)
        Of all measured scans, rated or not: those without ratings help to scale.
    groups, subjects : pandas.Series of str, shape (N,)
        Which scans are comparable, and who is on them.
    verdicts : pandas.DataFrame
        See :func:`verdicts_of`.

    Returns
    -------
    Reference
        Of the kind ``'learned'``, without a version and anchors.

    Raises
    ------
    RatingError
        When there are fewer than 50 verdicts, or all of them are the same.

    Notes
    -----
    Few ratings bear only a strong penalty and many a weaker one; which, is chosen by the log loss on
    held-out people or sites, and within each training part again for the evidence, so that the AUC shown
    is of scans that neither the coefficients nor the penalty have seen.
    """
    if len(verdicts) < MIN_RATINGS:
        raise RatingError(
            f"Learning needs {MIN_RATINGS} ratings of scored scans; there are {len(verdicts)}. Rate "
            f"{MIN_RATINGS - len(verdicts)} more, the doubtful and the bad ones too."
        )
    site = groups.to_numpy()[verdicts["row"]]
    verdicts = verdicts.assign(stratum=verdicts["rater"] + " at " + site)
    table = _learnable(metrics, verdicts)
    inputs = learned.inputs_of(table, groups)
    folds, _ = agreement.folds_of(subjects.tolist(), groups.tolist())
    if verdicts["excluded"].nunique() < 2:
        raise RatingError("All ratings say the same. Learning needs excluded and kept scans.")
    penalty = agreement.choose_penalty(inputs, verdicts, folds)
    model = learned.fit(table, groups, verdicts, penalty).frozen_to(metrics, groups)
    raters = verdicts["rater"].nunique()
    return Reference(
        name="ratings",
        version="",
        kind="learned",
        label=f"This workspace's {len(verdicts)} ratings",
        description=(
            f"The chance that people exclude the scan, learned from {len(verdicts)} ratings by {raters} "
            f"rater{'s' if raters > 1 else ''}, {verdicts['excluded'].sum()} of them exclusions. The worst "
            f"step of a scale counts as exclusion ({_worst_words(verdicts)}), a doubtful scan as kept. "
            "Scans are compared with the other scans of their site, rated or not."
        ),
        anchors={},
        evidence=agreement.evidence(inputs, verdicts, groups, subjects),
        model=model,
    )


def _learnable(metrics: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the metrics that most rated scans have and that vary."""
    known = [name for name in METRICS if name in metrics]
    table = metrics[known].apply(pd.to_numeric).astype("float64")
    rated = table.iloc[verdicts["row"].unique()]
    kept = rated.columns[(rated.notna().mean() >= MIN_MEASURED) & (rated.nunique() > 1)]
    if kept.empty:
        raise RatingError("The rated scans have no metric in common. Score the scans first.")
    return table[kept]


def _worst_words(verdicts: pd.DataFrame) -> str:
    scales = [scale for name, scale in SCALES.items() if name in set(verdicts["scale"])]
    words = (f"{list(scale.values.values())[-1]!r} of {scale.label}" for scale in scales)
    return "; ".join(words)


def from_tables(tables: Mapping[str, MriqcTable]) -> Reference:
    """Learn the experts' reference from rated tables of MRIQC's metrics.

    Parameters
    ----------
    tables : mapping of str to MriqcTable
        By the name of the table.

    Returns
    -------
    Reference
        ``experts-1``, without anchors and without the distributions of the tables' own sites.

    Raises
    ------
    SourceError
        When none of the tables has ratings.

    Notes
    -----
    A rater who saw nearly every scan of a table counts fully, others by a quarter: they saw different
    halves, with other thresholds, so that their verdicts blur each other.
    """
    named = [table.rows.assign(table=name) for name, table in tables.items()]
    rows = pd.concat(named, ignore_index=True)
    starts = np.cumsum([0, *(len(table.rows) for table in tables.values())])
    verdicts = [
        _verdicts(table, int(start)) for table, start in zip(tables.values(), starts, strict=False)
    ]
    if not sum(map(len, verdicts)):
        raise SourceError("None of the tables has ratings (columns such as rater_1). Name another.")
    groups = rows["site"].fillna(POOLED).astype("str")
    subjects = rows["table"] + ":" + rows["participant_id"]
    reference = from_ratings(rows, groups, subjects, pd.concat(verdicts, ignore_index=True))
    return replace(
        reference,
        name="experts",
        version="1",
        label="Experts' ratings",
        description=f"{reference.description} Tables: {', '.join(tables)}.",
        model=reference.model and replace(reference.model, groups={}),
    )


def _verdicts(table: MriqcTable, start: int) -> pd.DataFrame:
    """Return the verdicts of one table, its rows counted from ``start``."""
    seen = table.ratings.groupby("rater")["row"].transform("count") / max(len(table.rows), 1)
    return pd.DataFrame(
        {
            "row": table.ratings["row"].astype("int64") + start,
            "excluded": (table.ratings["value"] == min(RATING_SCALE.values)).astype("int64"),
            "weight": np.where(seen >= SAW_ALL, 1.0, PART_WEIGHT),
            "rater": table.ratings["rater"],
            "scale": RATING_SCALE.name,
        }
    )
