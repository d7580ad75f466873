"""Anchors from a cohort's own scans: values unusual for their site count as bad."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.errors import TierscopeError
from curation.metrics import METRICS
from curation.scoring.comparison_groups import MRIQC_POOL, POOLED, pooled, with_pools
from curation.scoring.exclusion_model import NORMAL_IQR
from curation.scoring.reference_population import Population
from curation.scoring.score_reference import Anchor, Reference, builtin, to_scale

Floats = NDArray[np.float64]

#: Fewer scans than this have no distribution of their own worth the name.
MIN_COHORT = 20
#: Robust standard deviations from the median, on the bad side, of penalties 20 and 80.
GOOD_SD, BAD_SD = 3.0, 7.0
#: Metrics of damage that a sound scan has none of, or next to none, whatever its site.
DEFECTS = frozenset(
    {
        *(
            "ghost_x",
            "ghost_y",
            "ghost_z",
            "wave_amplitude",
            "ripples",
            "uneven_lines",
            "broken_lines",
        ),
        *(
            "air_structure",
            "resolution_share",
            "saturated_share",
            "left_right_difference",
            "brain_missing",
        ),
        *("empty_slices", "repeated_slices", "slice_dropout", "slab_dropout", "border_signal"),
        *("folded_share", "shear", "orientation_missing"),
    }
)
#: How far an anchor of a defect may lie beyond the built-in one, in steps from its good to its bad value:
#: what is bad (80) by the built-in anchors stays above 66, what is half way (50) above 33.
LAXER_STEPS = 0.25
#: With so many scans at exactly 0 a quartile is 0, and the distance from there by ratios is none.
ZERO_SHARE = 0.25


def from_cohort(
    metrics: pd.DataFrame, groups: pd.Series, population: Population | None = None
) -> Reference:
    """Make anchors from the distribution of the scans themselves.

    Parameters
    ----------
    metrics : pandas.DataFrame, shape (N, ...)
        Of our own scans the metrics with a built-in anchor are judged, of MRIQC's rows all that have a
        good and a bad side.
    groups : pandas.Series of str, shape (N,)
        See :func:`curation.scoring.comparison_groups.groups_of`. One with fewer than 20 scans is judged by
        the distribution of all sites.
    population : Population, optional
        Of these scans.

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
    ``good`` lies 3 robust standard deviations (IQR/1.349) from the median on the bad side, ``bad`` lies 7.
    Where scans are as usual, the worst of some 30 metrics lies 2 to 3 out, and the worst of them alone makes
    the score: the usual scan stays below 20. 7 is far outside of what chance does, also in metrics with heavy
    tails, yet not so far that only wrecks reach it. A metric of ours without spread, or judged by ratios with
    a quarter of the scans at 0, keeps its built-in anchor; no anchor of :data:`DEFECTS` is laxer than the
    built-in one by more than :data:`LAXER_STEPS`. Of all else, scaling cannot see what is wrong with all
    scans of a site alike. Rows of MRIQC have no built-in anchors: what they cannot be compared in is not
    judged.
    """
    most = int(groups.map(pooled).value_counts().max()) if len(metrics) else 0
    if most < MIN_COHORT:
        by_one = " that one program measured" if most < len(metrics) else ""
        raise TierscopeError(
            f"A reference from the scans themselves needs {MIN_COHORT} scored scans; there are "
            f"{most}{by_one}. Score more scans, or keep the built-in reference."
        )
    sites: dict[str, dict[str, Anchor]] = {MRIQC_POOL: {}} | {
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
            f"robust standard deviations on the bad side are badness 20, {BAD_SD:g} are 80. Damage that a "
            "sound scan has none of, such as ghosts or missing brain, is bad at every site. Sites of their "
            f"own: {', '.join(own) or 'none'}; other scans are compared with all sites together."
        ),
        anchors=builtin().anchors,
        sites=sites,
        combination=builtin().combination,
        anatomy=builtin().anatomy,
        population=population or Population(),
    )


def _anchors(rows: pd.DataFrame, group: str) -> dict[str, Anchor]:
    own = pooled(group) == POOLED
    general = builtin().anchors if own else {}
    names = general or [name for name in METRICS if name in rows and rows[name].notna().any()]
    anchors = {}
    for name in names:
        if name not in METRICS or name in builtin().anatomy:
            continue
        if not METRICS[name].can_be_scored:
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
    if (scale == "log" or name in DEFECTS) and values.le(0).mean() >= ZERO_SHARE:
        return None
    low, middle, high = np.quantile(to_scale(values.to_numpy(), scale), [0.25, 0.5, 0.75])
    sd = (high - low) / NORMAL_IQR
    side = 1.0 if METRICS[name].direction == "higher is worse" else -1.0
    ends = np.array([middle + side * GOOD_SD * sd, middle + side * BAD_SD * sd])
    if name in DEFECTS and pooled(group) == POOLED:
        ends = side * np.minimum(side * ends, side * _laxest(builtin().anchors[name]))
    good, bad = np.exp(ends) if scale == "log" else ends
    if not np.isfinite([good, bad]).all() or np.isclose(good, bad, rtol=1e-9, atol=0):
        return None
    source = f"{group}: median and IQR of {len(values)} scans"
    return Anchor(float(good), float(bad), scale, source)


def _laxest(held: Anchor) -> Floats:
    """Return the good and the bad value, on the metric's scale, that no site's own may lie beyond."""
    good, bad = ends = to_scale(np.array([held.good, held.bad]), held.scale)
    return ends + LAXER_STEPS * (bad - good)
