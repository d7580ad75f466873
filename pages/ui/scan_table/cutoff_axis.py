"""Axis of a cut column: fine bins of values, and the lines of the cut-offs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.tiers.tier_rule import TierRule


@dataclass(frozen=True)
class Axis:
    """Range and step of a cut column.

    Parameters
    ----------
    column : str
        Name of what is cut.
    low, high : float
        The range that is drawn; values beyond it count to the outermost bins.
    step : float
        By how much a key moves a line; ten times that with Shift.
    title : str
        What stands below the plot.
    closed_right : bool
        A value on an edge belongs to the bin that ends there, not to the one that begins: it goes to the
        worse tier, which is the left one where higher is better.
    """

    column: str = "distortion_score"
    low: float = 0.0
    high: float = 100.0
    step: float = 0.5
    title: str = "Distortion score (0 pristine – 100 unusable; higher is worse)"
    closed_right: bool = False

    @property
    def bins(self) -> int:
        """Number of fine bins."""
        return round((self.high - self.low) / self.step)

    @property
    def digits(self) -> int:
        """Decimals of a cut-off."""
        return decimals(self.step)

    def bin_of(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the bin of each finite value; rounding of the division moves none across an edge."""
        place = (values - self.low) / self.step
        place = np.ceil(place - 1e-9) - 1 if self.closed_right else np.floor(place + 1e-9)
        return np.clip(place, 0, self.bins - 1).astype(np.int64)

    @property
    def ticks(self) -> list[float]:
        """Where numbers stand below the plot."""
        wide = round_step((self.high - self.low) / 10)
        first = int(np.ceil(self.low / wide - 1e-9))
        last = int(np.floor(self.high / wide + 1e-9))
        return [float(f"{tick * wide:.10g}") for tick in range(first, last + 1)]


def round_step(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not less than ``least``."""
    power = 10.0 ** np.floor(np.log10(least))
    step = next(k for k in (1, 2, 5, 10) if k * power >= least * (1 - 1e-9)) * power
    return float(f"{step:.10g}")


def decimals(step: float) -> int:
    """Return how many decimals a multiple of ``step`` needs."""
    return next(d for d in range(16) if abs(round(step, d) - step) < 1e-9 * step)


@dataclass(frozen=True)
class Bins:
    """Scans counted by value and site; bin ``k`` begins at ``low + k step``.

    Parameters
    ----------
    axis : Axis
        What the bins are of.
    sites : tuple of str
        Names of the sites.
    counts : numpy.ndarray of int, shape (S, B)
        Scans of each site in each bin.
    free : numpy.ndarray of int, shape (S, B)
        Those of them whose tier only the cut-offs decide, not a gate and not a hand.
    """

    axis: Axis
    sites: tuple[str, ...]
    counts: NDArray[np.int64]
    free: NDArray[np.int64]


def binned(
    values: NDArray[np.float64],
    site: NDArray[np.integer[Any]],
    sites: Sequence[str],
    axis: Axis,
    held: NDArray[np.bool_] | None = None,
) -> Bins:
    """Count values into fine bins.

    Parameters
    ----------
    values : numpy.ndarray of float, shape (N,)
        What is cut; NaN are left out.
    site : numpy.ndarray of int, shape (N,)
        Position of each scan's site in ``sites``.
    sites : sequence of str
        Names of all sites.
    axis : Axis
        Range and step.
    held : numpy.ndarray of bool, shape (N,), optional
        Scans whose tier does not follow the cut-offs.
    """
    known = np.flatnonzero(np.isfinite(values))
    place = axis.bin_of(values[known])
    flat = site[known].astype(np.int64) * axis.bins + place
    shape, size = (len(sites), axis.bins), len(sites) * axis.bins
    counts = np.bincount(flat, minlength=size)
    bound = 0 if held is None else np.bincount(flat[held[known]], minlength=size)
    return Bins(axis, tuple(sites), counts.reshape(shape), (counts - bound).reshape(shape))


@dataclass(frozen=True)
class Lines:
    """Lines of the cut-offs, with the tiers that they make.

    Parameters
    ----------
    rule : TierRule
        The rule in force.
    counts : mapping of str to int
        Scans of each of the rule's labels.
    fixed : mapping of str to int
        Those of them whose tier does not follow the lines.
    site : str or None
        The one site whose cut-offs the lines are; ``None``: the common ones.
    """

    rule: TierRule
    counts: Mapping[str, int]
    fixed: Mapping[str, int]
    site: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Tiers from left to right."""
        return self.turned(self.rule.names)

    @property
    def at(self) -> tuple[float, ...]:
        """Where the lines stand, from left to right."""
        return self.cutoffs_of(self.site)

    def cutoffs_of(self, site: str | None) -> tuple[float, ...]:
        """Return the cut-offs of a site, from left to right."""
        return self.turned(self.rule.by_site.get(site or "", self.rule.cutoffs))

    def follows(self, site: str) -> bool:
        """Return whether the scans of a site follow the lines."""
        return site == self.site if self.site is not None else site not in self.rule.by_site

    def turned(self, listed: Sequence[Any]) -> tuple[Any, ...]:
        """Return a list from best to worst in the order of the axis, or the other way round."""
        return tuple(reversed(listed)) if self.rule.rule_column.better_is_higher else tuple(listed)
