"""Random samples that are as large, as old and from the same sites as a group of scans."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_AGE_BANDS = 3


def draw(scans: pd.DataFrame, members: NDArray[np.bool_], seed: int) -> list[str]:
    """Draw, without replacement, a sample that matches some of the scans.

    Parameters
    ----------
    scans : pandas.DataFrame, N rows
        ``scan_id``, ``site`` and ``age_years``: all that is drawn from, the group itself included.
    members : numpy.ndarray of bool, shape (N,)
        The group.
    seed : int
        0 or more. The same seed draws the same sample, in whatever order the scans come.

    Returns
    -------
    list of str
        ``scan_id``, sorted: as many of each site and each third of the age range (of ``scans``) as the group
        has. Scans of unknown site or age form strata of their own.
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
    """Return a label a scan: its site and its third of the ages."""
    site = scans["site"].astype("object").where(scans["site"].notna(), "?").astype(str)
    edges = scans["age_years"].quantile(np.arange(1, _AGE_BANDS) / _AGE_BANDS).to_numpy()
    band = np.searchsorted(edges, scans["age_years"].to_numpy(dtype=float))
    known = scans["age_years"].notna().to_numpy()
    return site + "/" + pd.Series(np.where(known, band.astype(str), "?"), scans.index)
