"""Cells of a table drawn as a grid: text, and colour by the difference to a reference."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from training.held_out.predictions import BASELINE
from training.report.plots import Plot
from training.results.error_strata import FEW_PEOPLE

#: From better over the same to worse; dark letters can be read on all of it.
COLOUR_SCALE = ((0.0, "#5AA5D8"), (0.5, "#F7F7F7"), (1.0, "#F0A35E"))
#: Cells without a colour, and how much of its colour a faded one keeps.
PLAIN, FADED = "#F7F7F7", 0.25
#: The scale reaches this far at least, in the unit of the values: smaller differences stay pale.
LEAST_SPAN = 1.0


@dataclass(frozen=True)
class Cell:
    """One cell.

    Parameters
    ----------
    value : str
        Its number.
    beneath : tuple of str
        Lines under it: the interval, and of how many people.
    colour : str
        ``#RRGGBB``.
    faded : bool
        Whether it rests on so few people that it is not to be relied on.
    """

    value: str
    beneath: tuple[str, ...]
    colour: str
    faded: bool


def cells(plot: Plot) -> tuple[list[str], list[str], list[list[Cell | None]]]:
    """Return rows, columns and cells of a grid, in the order of its table; ``None`` where there is none."""
    table = plot.table
    rows, columns = (list(dict.fromkeys(table[name].astype(str))) for name in (plot.y, plot.x))
    held: list[list[Cell | None]] = [[None] * len(columns) for _ in rows]
    reach = span(table[table[plot.y] != BASELINE], plot.shade, plot.people) if plot.shade else 1.0
    for _, row in table.iterrows():
        if np.isfinite(row[plot.value]):
            place = rows.index(str(row[plot.y])), columns.index(str(row[plot.x]))
            held[place[0]][place[1]] = _cell(plot, row, reach)
    return rows, columns, held


def _cell(plot: Plot, row: pd.Series, reach: float) -> Cell:
    beneath = []
    if plot.low and np.isfinite(row[plot.low]):
        beneath.append(f"{row[plot.low]:.{plot.digits}f} to {row[plot.high]:.{plot.digits}f}")
    faded = False
    if plot.people:
        people = int(row[plot.people])
        beneath.append(f"{people:,} {'person' if people == 1 else 'people'}")
        faded = people < FEW_PEOPLE
    shade = colour(row[plot.shade] / reach, faded=faded) if plot.shade else PLAIN
    return Cell(f"{row[plot.value]:.{plot.digits}f}", tuple(beneath), shade, faded)


def span(table: pd.DataFrame, shade: str, people: str) -> float:
    """Return how far the scale of colours reaches to either side of 0.

    Cells of few people do not stretch it, unless there are no others; nor does predicting the mean age, which
    :func:`cells` leaves out.
    """
    apart = table[shade].abs()
    relied = apart[table[people] >= FEW_PEOPLE] if people else apart
    most = (relied if len(relied) else apart).max()
    return float(max(most, LEAST_SPAN)) if np.isfinite(most) else LEAST_SPAN


def colour(share: float, *, faded: bool = False) -> str:
    """Return the colour of a share of the span, −1 best to 1 worst; beyond them it stays at the end."""
    if not np.isfinite(share):
        return PLAIN
    place = (min(max(share, -1.0), 1.0) + 1) / 2
    (a, first), (b, second) = next(pair for pair in pairwise(COLOUR_SCALE) if place <= pair[1][0])
    found = _mixed(first, second, (place - a) / (b - a))
    return _mixed("#FFFFFF", found, FADED) if faded else found


def _mixed(one: str, other: str, part: float) -> str:
    pairs = ((int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + part * (b - a)):02X}" for a, b in pairs)
