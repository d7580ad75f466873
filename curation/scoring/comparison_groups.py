"""Groups of comparable scans: those of one site, measured by the same program.

Where a scan's site is not known, its source stands in for it: two data sets are two sites, not one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

#: Begins the name of a source that stands in for a site.
SOURCE = "source "
#: Stands for all sites together.
POOLED = "*"
_MRIQC = " (MRIQC)"
#: Stands for all sites' scans that MRIQC measured.
MRIQC_POOL = POOLED + _MRIQC


def sites_of(scans: pd.DataFrame) -> pd.Series:
    """Return where each scan was made: its site, or its source in the place of an unknown one.

    Parameters
    ----------
    scans : pandas.DataFrame, N rows
        With ``site`` and, where it is known, ``source``.

    Returns
    -------
    pandas.Series of object, shape (N,)
        Such as ``'North'`` or ``'source study'``; ``None`` where neither is known.
    """
    site = scans["site"].astype(object)
    known = site.notna().to_numpy()
    where = site.to_numpy(dtype=object, copy=True)
    where[~known] = None
    if "source" in scans and not known.all():
        source = scans["source"].astype(object)
        named = ~known & source.notna().to_numpy()
        where[named] = [f"{SOURCE}{name}" for name in source[named]]
    return pd.Series(where, scans.index, dtype=object)


@dataclass(frozen=True)
class SiteSummary:
    """Sites of some scans, and sources in the place of unknown ones.

    Parameters
    ----------
    known, by_source, scans : int
        Scans of known site, those whose source stands in for it, and all.
    different : int
        Different sites and sources.
    """

    known: int
    by_source: int
    scans: int
    different: int

    @property
    def words(self) -> str:
        """``sites``, ``sources``, ``sites and sources``, or nothing where nothing tells scans apart."""
        parts = ["sites"] * (self.known > 0) + ["sources"] * (self.by_source > 0)
        return " and ".join(parts) if self.known or self.different > 1 else ""

    @property
    def note(self) -> str:
        """Return a sentence on unknown sites and their substitutes; empty where every site is known."""
        if self.known == self.scans:
            return ""
        unknown = (
            f"Site is known of {self.known:,} of {self.scans:,} scans"
            if self.known
            else "No site is known"
        )
        if self.by_source < self.scans - self.known:
            return f"{unknown}."
        if self.different == 1:
            return f"{unknown}, and all scans are of one source."
        others = " of the others" if self.known else ""
        return f"{unknown}: the source{others} stands in for the site."


def site_summary(scans: pd.DataFrame) -> SiteSummary:
    """Return a summary of the sites of some scans, see :func:`sites_of`."""
    known, where = scans["site"].notna(), sites_of(scans)
    by_source = int(where.notna().sum() - known.sum())
    return SiteSummary(int(known.sum()), by_source, len(scans), where.nunique())


def groups_of(metrics: pd.DataFrame, sites: pd.Series | None = None) -> pd.Series:
    """Name the group of each scan.

    Parameters
    ----------
    metrics : pandas.DataFrame
        With ``measured_by`` where some scans were not measured by Tierscope.
    sites : pandas.Series of str, optional
        Aligned with ``metrics``, as of :func:`sites_of`; what is unknown there counts as one.

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
