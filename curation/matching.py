"""Random samples that are as large, as old and from the same sites as a group of scans.

Where no site is known, the source stands in for it (:mod:`curation.groups`).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.groups import Places, places_of, sites_of

_AGE_BANDS = 3


@dataclass(frozen=True)
class Matched:
    """In what a sample is like the group that it matches.

    Parameters
    ----------
    places : curation.groups.Places
        What stands for sites.
    ages : bool
        Whether any age is known.
    """

    places: Places
    ages: bool

    @property
    def words(self) -> str:
        """What both have alike: such as ``size, sites and ages``."""
        *first, last = ["size", *filter(None, [self.places.words]), *["ages"] * self.ages]
        return f"{', '.join(first)} and {last}" if first else last

    @property
    def note(self) -> str:
        """Say what of it was not known; empty where all was."""
        no_age = "" if self.ages else "No age is known."
        return " ".join(filter(None, [self.places.note, no_age]))


def matched_on(scans: pd.DataFrame) -> Matched:
    """Tell in what samples that :func:`draw` draws of these scans are like the group that they match."""
    return Matched(places_of(scans), bool(scans["age_years"].notna().any()))


def draw(scans: pd.DataFrame, members: NDArray[np.bool_], seed: int) -> list[str]:
    """Draw, without replacement, a sample that matches some of the scans.

    Parameters
    ----------
    scans : pandas.DataFrame, N rows
        ``scan_id``, ``site``, ``age_years`` and ``source``: all that is drawn from, the group itself
        included. Studies planned before the source stood in for an unknown site have no ``source``, and keep
        their draw.
    members : numpy.ndarray of bool, shape (N,)
        The group.
    seed : int
        0 or more. The same seed draws the same sample, in whatever order the scans come.

    Returns
    -------
    list of str
        ``scan_id``, sorted: as many of each site and each third of the age range (of ``scans``) as the group
        has. Scans of unknown age, or of unknown site and source, form strata of their own.
    """
    order = np.argsort(scans["scan_id"].to_numpy(dtype=object), kind="stable")
    scans, members = scans.iloc[order], np.asarray(members)[order]
    strata = _strata(scans)
    wanted = strata[members].value_counts()
    rng = np.random.default_rng([seed, len(scans)])
    chosen: list[str] = []
    for stratum in sorted(wanted.index):
        candidates = scans.loc[(strata == stratum).to_numpy(), "scan_id"].to_numpy(dtype=object)
        chosen += rng.choice(candidates, size=int(wanted[stratum]), replace=False).tolist()
    return sorted(chosen)


def _strata(scans: pd.DataFrame) -> pd.Series:
    """Return a label a scan: its site, or its source instead, and its third of the ages."""
    where = sites_of(scans)
    site = where.where(where.notna(), "?").astype(str)
    edges = scans["age_years"].quantile(np.arange(1, _AGE_BANDS) / _AGE_BANDS).to_numpy()
    band = np.searchsorted(edges, scans["age_years"].to_numpy(dtype=float))
    known = scans["age_years"].notna().to_numpy()
    return site + "/" + pd.Series(np.where(known, band.astype(str), "?"), scans.index)
