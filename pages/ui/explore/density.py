"""Density plot of many scans: counts in cells, and the scans inside a box or lasso."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pages.ui.shell import formatting

Floats = NDArray[np.floating[Any]]
Places = NDArray[np.intp]

_CELLS = (110, 80)
#: This share of the scans on each side counts to the outermost cells.
_TAIL = 0.001
#: From so many scans at least the range of the cells is taken.
_SEEN = 50_000


@dataclass(frozen=True)
class Panel:
    """One plot of N scans.

    Parameters
    ----------
    along, up : str
        Titles of the axes; ``up`` may have two lines.
    x, y : numpy.ndarray, shape (N,)
        Where each scan lies; NaN: nowhere. With ``sites``, ``x`` is a position in them.
    sites : tuple of str
        Categories of ``x``; empty where it is a number.
    words : str
        What is said in the place of a plot that cannot be drawn.
    formats : tuple of str
        How values along and up are written where the mouse rests, as d3 formats.
    """

    along: str
    up: str
    x: Floats
    y: Floats
    sites: tuple[str, ...] = ()
    words: str = ""
    formats: tuple[str, str] = (formatting.D3_NUMBER, formatting.D3_NUMBER)


@dataclass(frozen=True)
class _Grid:
    """Cells along one axis: ``count`` of a width of ``step``, the middle of the first at ``first``."""

    first: float
    step: float
    count: int

    def clipped(self, values: Floats) -> Floats:
        return np.clip(values, self.first, self.first + self.step * (self.count - 1))

    def cell(self, values: Floats) -> NDArray[np.int64]:
        places = np.rint((self.clipped(values) - self.first) / self.step)
        return places.astype(np.int64)


def _grids(panel: Panel) -> tuple[_Grid, _Grid]:
    along = _Grid(0.0, 1.0, max(len(panel.sites), 1)) if panel.sites else _grid(panel.x, _CELLS[0])
    return along, _grid(panel.y, _CELLS[1])


def _grid(values: Floats, count: int) -> _Grid:
    known = values[:: max(len(values) // _SEEN, 1)]
    known = known[np.isfinite(known)]
    if not len(known):
        return _Grid(0.0, 1.0, 1)
    low, high = (float(one) for one in np.quantile(known, [_TAIL, 1 - _TAIL]))
    step = (high - low) / count or 1.0
    return _Grid(low + step / 2, step, count)


def cells(panel: Panel, chosen: Places) -> dict[str, Any]:
    """Return how many scans lie in each cell, all and those that are selected, as JSON-ready values.

    Parameters
    ----------
    panel : Panel
        The plot.
    chosen : numpy.ndarray of int
        Positions of those that are selected.
    """
    along, up = _grids(panel)
    known = np.isfinite(panel.x) & np.isfinite(panel.y)
    flat = np.full(len(panel.x), -1, dtype=np.int64)
    flat[known] = up.cell(panel.y[known]) * along.count + along.cell(panel.x[known])

    def counted(cells: NDArray[np.int64]) -> list[list[int]]:
        found = np.bincount(cells[cells >= 0], minlength=up.count * along.count)
        return found.reshape(up.count, along.count).tolist()

    return {
        "counts": counted(flat),
        "chosen": counted(flat[chosen]) if len(chosen) else None,
        "x0": along.first,
        "dx": along.step,
        "y0": up.first,
        "dy": up.step,
    }


def scans_inside(
    panel: Panel, kind: str, xs: Sequence[float], ys: Sequence[float]
) -> NDArray[np.bool_]:
    """Return which scans of a density plot lie in a box or a lasso.

    Parameters
    ----------
    panel : Panel
        The plot.
    kind : {'box', 'lasso'}
        What was drawn.
    xs, ys : sequence of float
        Two corners, or the points of the lasso in order. Scans beyond the outermost cells count as in them.
    """
    along, up = _grids(panel)
    x, y = along.clipped(panel.x), up.clipped(panel.y)
    with np.errstate(invalid="ignore"):
        held = (x >= min(xs)) & (x <= max(xs)) & (y >= min(ys)) & (y <= max(ys))
    if kind == "box":
        return held
    held[held] = _in_polygon(x[held], y[held], xs, ys)
    return held


def _in_polygon(
    x: Floats, y: Floats, xs: Sequence[float], ys: Sequence[float]
) -> NDArray[np.bool_]:
    """Count how often a ray to the right crosses the edge: an odd number is inside."""
    odd = np.zeros(len(x), dtype=bool)
    for i in range(len(xs)):
        (x1, y1), (x2, y2) = (xs[i - 1], ys[i - 1]), (xs[i], ys[i])
        if y1 == y2:
            continue
        odd ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return odd
