"""Plots as data: one table of numbers with its axes and marks, drawn by four renderers.

Every drawing of it (on the screen, in HTML, as a picture, as an editable chart) and its CSV file are made
from the same table, so none can disagree with another.
"""

from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from curation.storage import text_tables

SIMULATED = "Simulated data: no number here says anything about patients."
UNFINISHED = "Not finished: the figures are of the runs so far."

PlotKind = Literal["lines", "bars", "intervals", "scatter", "grid"]


#: With more series than these in a plot it is crowded, see :attr:`Plot.crowded`.
MOST_SERIES = 6


@dataclass(frozen=True)
class Series:
    """Rows of a plot that belong together.

    Parameters
    ----------
    name : str
        Their value in the column ``by``.
    label : str
        What the legend calls them.
    colour : str
        ``#RRGGBB``.
    dash : {'solid', 'dash', 'dot'}
        How a line is drawn.
    hollow : bool
        Whether points are.
    """

    name: str
    label: str
    colour: str
    dash: str = "solid"
    hollow: bool = False


#: Closer to an edge of a plot than this share, the words of a line would reach beyond it.
_EDGE = 0.12


@dataclass(frozen=True)
class Line:
    """A straight line across a plot: at a value of one axis, with its name."""

    axis: Literal["x", "y"]
    at: float
    label: str


@dataclass(frozen=True)
class Shade:
    """A stretch of the x axis that is shaded, with its name."""

    low: float
    high: float
    label: str


@dataclass(frozen=True)
class Plot:
    """A plot.

    Parameters
    ----------
    name : str
        Of its files.
    kind : {'lines', 'bars', 'intervals', 'scatter', 'grid'}
        ``lines``: a line a series, with a band where ``low`` and ``high`` are known. ``bars``: stacked, a
        bin ``x`` to ``x`` + ``width``. ``intervals``: a row a value of ``y``, first on top, with a point at
        ``x`` from ``low`` to ``high``. ``scatter``: a point a row. ``grid``: ``value`` at column ``x`` and
        row ``y``, with its interval, coloured by ``shade``, faded where ``people`` are few.
    table : pandas.DataFrame
        Every plotted number, and no other.
    x, y, by, low, high, value, shade, people : str
        Its columns; empty where the kind has no such part.
    x_label, y_label : str
        With units.
    alt : str
        What it shows, for those who cannot see it.
    series : tuple of Series
        In the legend's order.
    lines : tuple of Line
        For the eye.
    shaded : Shade or None
        Behind the points.
    diagonal : bool
        Draw where both axes are equal.
    width : float
        Of a bin.
    digits : int
        Decimals that are shown.
    from_zero : bool
        Let the axis of the values begin at 0.
    singles : tuple of str
        Of lines: columns that are thin lines of their own (one a seed), drawn instead of a band.
    """

    name: str
    kind: PlotKind
    table: pd.DataFrame
    x: str
    y: str
    x_label: str
    y_label: str
    alt: str
    by: str = ""
    low: str = ""
    high: str = ""
    value: str = ""
    shade: str = ""
    people: str = ""
    series: tuple[Series, ...] = ()
    lines: tuple[Line, ...] = ()
    shaded: Shade | None = None
    diagonal: bool = False
    width: float = 1.0
    digits: int = 2
    from_zero: bool = False
    singles: tuple[str, ...] = ()

    def of(self, series: Series) -> pd.DataFrame:
        """Return the rows of a series, as they are in the table."""
        return self.table[self.table[self.by].astype(str) == series.name]

    def shown(self) -> tuple[Series, ...]:
        """Return the series that have a row."""
        return tuple(series for series in self.series if len(self.of(series)))

    def labels(self) -> dict[str, str]:
        """Return the label of each series."""
        return {series.name: series.label for series in self.series}

    @property
    def span(self) -> tuple[float, float]:
        """The least and greatest value that the lines need, with some room; wide bands are cut."""
        values = [
            *self.table[[self.y, *self.singles]].to_numpy(dtype=float).ravel(),
            *(line.at for line in self.lines if line.axis == "y"),
        ]
        values = [value for value in values if value == value]
        low, high = (float(min(values)), float(max(values))) if values else (0.0, 1.0)
        room = 0.5 * (high - low) + 0.05 * abs(high)
        return max(0.0, low - room) if low >= 0 else low - room, high + room

    @property
    def crowded(self) -> bool:
        """Whether so many series are shown that no more than a line and a name each can be told apart."""
        return len(self.shown()) > MOST_SERIES

    @property
    def bands(self) -> bool:
        """Whether bands are drawn: those of few seeds would hide the lines. The table has them."""
        if not self.low or self.singles or self.kind != "lines" or self.crowded:
            return False
        low, high = self.span
        return bool((self.table[self.high] - self.table[self.low]).median() < high - low)

    def side(self, at: float) -> Literal["left", "center", "right"]:
        """Return by which of their edges words at a value of intervals or bars hang on it, to stay inside."""
        if self.kind not in ("intervals", "bars"):
            return "center"
        columns = [self.low, self.high] if self.kind == "intervals" else [self.x]
        values = self.table[columns].to_numpy(dtype=float).ravel()
        values = [*values[values == values], *(one.at for one in self.lines if one.at == one.at)]
        if self.shaded:
            values += [self.shaded.low, self.shaded.high]
        least, most = min(values), max(values)
        share = (at - least) / (most - least) if most > least else 0.5
        return "left" if share < _EDGE else "right" if share > 1 - _EDGE else "center"

    def csv(self) -> str:
        """Return every plotted number as CSV, in full precision."""
        return text_tables.csv(self.table)


@dataclass(frozen=True)
class Table:
    """A small table in words, for people: a head and rows of texts.

    Parameters
    ----------
    head, rows
        Texts.
    numbers : pandas.DataFrame, optional
        What it says, in full precision, to be handed on as CSV.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: pd.DataFrame | None = None


@dataclass(frozen=True)
class Box:
    """One box of a flow chart, with those who leave it on its way to the next.

    Parameters
    ----------
    title : str
        What is in it.
    lines : tuple of str
        Counts.
    left : tuple of str
        Who leaves here, and why.
    """

    title: str
    lines: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class FlowTable:
    """A flow chart: a column of boxes, and the groups in which it ends."""

    title: str
    boxes: tuple[Box, ...]
    ends: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A small example image as PNG bytes, with the words under it; it names nobody."""

    png: bytes = field(repr=False)
    label: str
    colour: str


@dataclass(frozen=True)
class Message:
    """One message, one screen.

    Parameters
    ----------
    name : str
        Of the screen, for addresses and file names.
    title : str
        The message in a sentence.
    lead : str
        What stands under it.
    plot : Plot or None
        The plot.
    table : Table or None
        A table beside or below it.
    flows : tuple of Flow
        Flow charts, side by side.
    pictures : tuple of Picture
        Examples.
    points : tuple of str
        Short sentences, one a line.
    note : str
        How it was computed; small, and in the notes of a slide.
    faded : bool
        Its points are shown in grey: nothing is to be concluded from them.
    """

    name: str
    title: str
    lead: str = ""
    plot: Plot | None = None
    table: Table | None = None
    flows: tuple[FlowTable, ...] = ()
    pictures: tuple[Picture, ...] = ()
    points: tuple[str, ...] = ()
    note: str = ""
    faded: bool = False


@dataclass(frozen=True)
class Report:
    """Everything that is shown and handed on of a study.

    Parameters
    ----------
    study : str
        A hash that tells it from others; never a name.
    date : str
        When the study was planned, ``YYYY-MM-DD``.
    simulated : bool
        Whether any scan is.
    finished : bool
        Whether every run is.
    messages : tuple of Message
        In order.
    methods : tuple of str
        The methods, a paragraph each.
    removed : tuple of str
        What was taken out so that nobody can be told from it.
    try_out : str
        That it was made with a preset for trying things out; empty where it was not.
    """

    study: str
    date: str
    simulated: bool
    finished: bool
    messages: tuple[Message, ...]
    methods: tuple[str, ...]
    removed: tuple[str, ...]
    try_out: str = ""

    @property
    def plots(self) -> tuple[Plot, ...]:
        """All plots, in order."""
        return tuple(message.plot for message in self.messages if message.plot)

    @property
    def numbers(self) -> dict[str, str]:
        """All numbers as CSV in full precision, by the name of their plot or table."""
        told = {plot.name: plot.csv() for plot in self.plots}
        for message in self.messages:
            if message.table and message.table.numbers is not None:
                told[message.name] = text_tables.csv(message.table.numbers)
        return told

    @property
    def state(self) -> str:
        """Remark on data and training for every page; empty where there is none."""
        return " ".join(filter(None, (SIMULATED * self.simulated, self.progress)))

    @property
    def progress(self) -> str:
        """Remark on the training for every page."""
        return " ".join(filter(None, (UNFINISHED * (not self.finished), self.try_out)))
