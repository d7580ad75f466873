"""What leaves a workspace with a report, and what does not: nobody can be told from it.

Names, ids, paths and free text never reach the tables of a report; they are not filtered out afterwards.
"""

import numpy as np
import pandas as pd

from curation.groups import SOURCE

#: Ages from here on are told as this age, as rules for health data ask.
OLDEST_YEARS = 90


def site_names(sites: pd.Series, *, keep: bool) -> dict[str, str]:
    """Return what each site is called in a report.

    Parameters
    ----------
    sites : pandas.Series of str
        One a scan.
    keep : bool
        Keep the names; else they are ``Site 1``, ``Site 2`` and so on, the largest first. A source that
        stands in for an unknown site is ``Source 1``, ``Source 2`` in either case.
    """
    counts = sites.dropna().astype(str).value_counts()
    order = sorted(counts.index, key=lambda site: (-counts[site], site))
    return {
        site: f"Source {place}" if site.startswith(SOURCE) else site if keep else f"Site {place}"
        for place, site in enumerate(order, start=1)
    }


def without_identity(points: pd.DataFrame) -> pd.DataFrame:
    """Return single scans' numbers such that no row points to a person.

    Parameters
    ----------
    points : pandas.DataFrame
        Columns of numbers and of group names only; ``age_years`` becomes whole years, at most
        :data:`OLDEST_YEARS`, other years one decimal.

    Returns
    -------
    pandas.DataFrame
        Ordered by its own values, so that the order says nothing either.
    """
    table = points.copy()
    for name in table.columns:
        if name == "age_years":
            table[name] = np.minimum(np.round(table[name].astype(float)), OLDEST_YEARS)
        elif name.endswith("_years"):
            table[name] = table[name].astype(float).round(1)
    return table.sort_values(list(table.columns), ignore_index=True)


def removed(*, sites_kept: bool, pictures: bool) -> tuple[str, ...]:
    """Say what was taken out of a report."""
    return (
        "Ids of scans, people and sessions, file names and paths: left out everywhere. Points of "
        "plots are "
        "single scans without an id, ordered by their own values.",
        "Names of the study, of cohorts, sources and authors: left out; content hashes stand for "
        "them.",
        "Names of sites: kept, as was asked for."
        if sites_kept
        else "Names of sites: replaced by Site 1, Site 2 and so on, the largest first.",
        "Notes, tags, comments, ratings and reasons: left out.",
        f"Ages of single scans: whole years, {OLDEST_YEARS} and above as {OLDEST_YEARS}; predicted "
        "ages of "
        "single scans to a tenth of a year. Summaries are of the exact values.",
        "Sex, group and dates of single scans: left out.",
        "Example images: one axial slice through the brain a tier, drawn anew, without anything of "
        "its file."
        if pictures
        else "Example images: none.",
    )
