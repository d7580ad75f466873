"""Which scans are comparable: those of one site, measured by the same program."""

from collections.abc import Iterator

import pandas as pd

#: Stands for all sites together.
POOLED = "*"
_MRIQC = " (MRIQC)"


def groups_of(metrics: pd.DataFrame, sites: pd.Series | None = None) -> pd.Series:
    """Name the group of each scan.

    Parameters
    ----------
    metrics : pandas.DataFrame
        With ``measured_by`` where some scans were not measured by Tierscope.
    sites : pandas.Series of str, optional
        Aligned with ``metrics``; unknown sites count as one.

    Returns
    -------
    pandas.Series of str
        Such as ``'North'``, ``'North (MRIQC)'``; ``'*'`` and ``'* (MRIQC)'`` without a site.
    """
    known = pd.Series(POOLED, metrics.index) if sites is None else sites.astype(object)
    suffix = pd.Series("", metrics.index)
    if "measured_by" in metrics:
        by_mriqc = metrics["measured_by"].astype("str").str.lower().str.startswith("mriqc")
        suffix = by_mriqc.map({True: _MRIQC, False: ""})
    return known.where(known.notna(), POOLED).astype("str") + suffix


def pooled(group: str) -> str:
    """Return the group of all sites' scans measured by the same program as those of ``group``."""
    return POOLED + (_MRIQC if group.endswith(_MRIQC) else "")


def with_pools(metrics: pd.DataFrame, groups: pd.Series) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each group with its scans, and those of all sites together."""
    yield from ((str(group), rows) for group, rows in metrics.groupby(groups.to_numpy()))
    pools = groups.map(pooled).to_numpy()
    yield from ((str(pool), rows) for pool, rows in metrics.groupby(pools))
