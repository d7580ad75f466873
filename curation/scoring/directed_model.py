"""Directed model: the probability that experts exclude a scan, from few quantities that count one way only.

Each quantity is a ratio, so that a scanner's arbitrary scale of brightness cancels, taken as a logarithm
against a fixed centre: what is usual of accepted scans. Their mean, times one slope, is the log-odds. So no
metric can improve the score by getting worse, and a site that is bad as a whole is told as bad: nothing is
scaled within sites.

Notes
-----
Programs and their versions define tissues differently, which moves all values of a table alike. A model
therefore has a centre for each program, and :meth:`DirectedModel.frozen_to` moves that of MRIQC where a whole
table lies beyond the best and the worst site that was rated. Only the excess is taken off: a table is never
told to be better than the best rated site, nor worse than the worst.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.scoring.comparison_groups import MRIQC_POOL, pooled

Floats = NDArray[np.float64]

#: Nothing counts as better than this many spreads from the centre, and nothing as worse than this many.
BEST, WORST = -5.0, 30.0
#: A ratio of zero or below is taken as this.
_SMALLEST = 1e-6
#: Fewer scans than this do not tell where a table lies.
MIN_SCANS = 15


def column_of(metrics: pd.DataFrame, name: str) -> Floats:
    """Return a metric of each scan, shape (N,); NaN where it was not measured or the table lacks it."""
    if name not in metrics:
        return np.full(len(metrics), np.nan)
    return pd.to_numeric(metrics[name]).to_numpy(dtype=np.float64)


@dataclass(frozen=True)
class Quantity:
    """One quantity of a directed model.

    Parameters
    ----------
    metric : str
        Key in the registry of metrics.
    direction : {'higher is worse', 'higher is better'}
        The only way in which it can count.
    spread : float
        Its robust standard deviation within sites, as a logarithm.
    centres : dict of str to float
        Its logarithm in accepted scans, by the program that measured: ``'*'`` or ``'* (MRIQC)'``, see
        :mod:`curation.scoring.comparison_groups`.
    levels : tuple of float
        The medians of the best and the worst rated site, in spreads from the centre.
    relative_to : str
        Another metric: the quantity is then ``metric / relative_to - 1``. Empty: the metric itself.
    """

    metric: str
    direction: Literal["higher is worse", "higher is better"]
    spread: float
    centres: dict[str, float] = field(default_factory=dict)
    levels: tuple[float, float] = (0.0, 0.0)
    relative_to: str = ""

    def logarithm(self, metrics: pd.DataFrame) -> Floats:
        """Return its logarithm in each scan, shape (N,); NaN where not measured."""
        values = column_of(metrics, self.metric)
        if self.relative_to:
            middle = column_of(metrics, self.relative_to)
            with np.errstate(invalid="ignore", divide="ignore"):
                values = np.where(middle > 0, values / middle - 1, np.nan)
        return np.log(np.maximum(values, _SMALLEST))

    def badness(self, metrics: pd.DataFrame, group: str) -> Floats:
        """Return :meth:`distance` within -5 and 30, shape (N,)."""
        return np.clip(self.distance(metrics, group), BEST, WORST)

    def distance(self, metrics: pd.DataFrame, group: str) -> Floats:
        """Return how many spreads each scan lies on the bad side of the centre, shape (N,)."""
        side = 1.0 if self.direction == "higher is worse" else -1.0
        centre = self.centres.get(pooled(group), self.centres[MRIQC_POOL])
        return np.asarray(side * (self.logarithm(metrics) - centre) / self.spread)


@dataclass(frozen=True)
class DirectedModel:
    """A fitted model, all that is needed to apply it.

    Parameters
    ----------
    quantities : tuple of Quantity, length M
        What it judges by, all alike.
    slope : float
        What one spread of their mean adds to the log-odds of exclusion; not below 0.
    intercept : float
        Log-odds of exclusion of a scan at all centres.
    """

    quantities: tuple[Quantity, ...]
    slope: float
    intercept: float

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "DirectedModel":
        """Build it from the content of a JSON file."""
        parts = [
            Quantity(**{**each, "levels": tuple(each["levels"])}) for each in raw["quantities"]
        ]
        return cls(tuple(parts), raw["slope"], raw["intercept"])

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics under whose names its quantities are told, length M."""
        return tuple(each.metric for each in self.quantities)

    def judges(self, metrics: pd.DataFrame) -> pd.Series:
        """Return which scans have at least one of the quantities."""
        found = [~np.isnan(each.logarithm(metrics)) for each in self.quantities]
        return pd.Series(np.any(found, axis=0), metrics.index)

    def contributions(self, metrics: pd.DataFrame, group: str) -> pd.DataFrame:
        """Return each quantity's term of the log-odds that a scan is excluded.

        Parameters
        ----------
        metrics : pandas.DataFrame, shape (N, ...)
            Metrics by name; a column that is absent counts as not measured.
        group : str
            The group of comparable scans that all rows belong to.

        Returns
        -------
        pandas.DataFrame, shape (N, M)
            NaN where not measured: that adds nothing to a scan that is worse than usual by the others, and
            is taken to be as good as the others of one that is better. 0 where as usual of accepted scans.
        """
        badness = np.stack([each.badness(metrics, group) for each in self.quantities], axis=1)
        measured = np.isfinite(badness).sum(axis=1, keepdims=True)
        bad = np.nansum(badness, axis=1, keepdims=True) > 0
        added = self.slope * badness / np.where(bad, badness.shape[1], np.maximum(measured, 1))
        return pd.DataFrame(added, index=metrics.index, columns=list(self.metrics))

    def usual(self, metric: str, group: str) -> float:
        """Return a metric's value in accepted scans; NaN for one that is judged as a ratio to another."""
        for each in self.quantities:
            if each.metric == metric and not each.relative_to:
                return float(np.exp(each.centres.get(pooled(group), each.centres[MRIQC_POOL])))
        return float("nan")

    def frozen_to(self, metrics: pd.DataFrame, groups: pd.Series) -> "DirectedModel":
        """Return the model with MRIQC's centres moved where these scans lie beyond all rated sites.

        Parameters
        ----------
        metrics : pandas.DataFrame, shape (N, ...)
            Metrics by name.
        groups : pandas.Series of str, shape (N,)
            See :func:`curation.scoring.comparison_groups.groups_of`. Only MRIQC's scans are looked at: those
            of Tierscope are always measured the same way.
        """
        rows = metrics[groups.map(pooled).eq(MRIQC_POOL).to_numpy()]
        return replace(self, quantities=tuple(_moved(each, rows) for each in self.quantities))


def _moved(one: Quantity, rows: pd.DataFrame) -> Quantity:
    """Return a quantity whose centre for MRIQC takes off what lies beyond the levels of all rated sites."""
    distance = one.distance(rows, MRIQC_POOL)
    known = distance[np.isfinite(distance)]
    if len(known) < MIN_SCANS:
        return one
    level = float(np.median(known))
    excess = level - float(np.clip(level, *one.levels))
    side = 1.0 if one.direction == "higher is worse" else -1.0
    moved = one.centres[MRIQC_POOL] + side * excess * one.spread
    return replace(one, centres=one.centres | {MRIQC_POOL: round(moved, 6)})
