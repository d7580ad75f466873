"""Distributions of one measure in two groups of scans, with the share that has no value."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.tier_effects.standardised_differences import continuous_smd

Floats = NDArray[np.float64]
#: Bins at least and at most; between, as many as Rice's rule says: twice the cube root of the values.
BINS = (6, 40)
#: Values beyond these quantiles of both groups together count to the outermost bins.
_RANGE = (0.005, 0.995)


@dataclass(frozen=True)
class GroupDistribution:
    """One group.

    Parameters
    ----------
    scans, missing : int
        How many it has, and how many of them have no value.
    shares : numpy.ndarray, shape (B,)
        Share of all its scans in each bin, 0 to 1; with the missing share they add up to 1.
    quartiles : tuple of float
        25 %, 50 % and 75 %; NaN without a value.
    """

    scans: int
    missing: int
    shares: Floats
    quartiles: tuple[float, float, float]

    @property
    def missing_share(self) -> float:
        """Share of its scans without a value, 0 to 1."""
        return self.missing / self.scans if self.scans else 0.0


@dataclass(frozen=True)
class TwoGroups:
    """Two groups on the same bins.

    Parameters
    ----------
    edges : numpy.ndarray, shape (B + 1,)
        Of the bins; none where neither group has a value.
    first, second : GroupDistribution
        The groups.
    smd : float
        Standardised difference of the means, first less second, see
        :func:`curation.tier_effects.standardised_differences.continuous_smd`.
    in_both : int
        Scans that are in both groups.
    """

    edges: Floats
    first: GroupDistribution
    second: GroupDistribution
    smd: float
    in_both: int


def compare(values: Floats, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> TwoGroups:
    """Return the distributions of two groups.

    Parameters
    ----------
    values : numpy.ndarray, shape (N,)
        The measure; NaN where a scan has none.
    first, second : numpy.ndarray of bool, shape (N,)
        Who is in each; they may overlap.

    Examples
    --------
    >>> first = np.array([True, True, True, False])
    >>> found = compare(np.array([1.0, 2.0, np.nan, 4.0]), first, ~first)
    >>> (found.first.missing, found.first.quartiles[1], found.second.scans, found.in_both)
    (1, 1.5, 1, 0)
    """
    known = values[np.isfinite(values) & (first | second)]
    edges = np.empty(0)
    if len(known):
        low, high = np.quantile(known, _RANGE)
        pad = 0.0 if high > low else 0.5 * abs(low) or 0.5
        bins = int(np.clip(np.ceil(2 * np.cbrt(len(known))), *BINS))
        edges = np.linspace(low - pad, high + pad, bins + 1)
    smd = continuous_smd(_moments(values[first]), _moments(values[second]))
    return TwoGroups(
        edges,
        _distribution(values[first], edges),
        _distribution(values[second], edges),
        float(smd),
        int((first & second).sum()),
    )


def _moments(values: Floats) -> tuple[Floats, Floats]:
    known = values[np.isfinite(values)]
    mean = known.mean() if len(known) else np.nan
    return np.asarray(mean), np.asarray(known.var(ddof=1) if len(known) > 1 else np.nan)


def _distribution(values: Floats, edges: Floats) -> GroupDistribution:
    known = values[np.isfinite(values)]
    counted = np.zeros(max(len(edges) - 1, 0))
    if len(known):
        counted, _ = np.histogram(np.clip(known, edges[0], edges[-1]), edges)
    quartiles = np.quantile(known, [0.25, 0.5, 0.75]) if len(known) else np.full(3, np.nan)
    first, middle, last = map(float, quartiles)
    shares = counted / max(len(values), 1)
    return GroupDistribution(len(values), len(values) - len(known), shares, (first, middle, last))
