"""Static plots by matplotlib: PNG and SVG files, without a browser or a network."""

import io
import textwrap
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from training.report import grids
from training.report.plots import MOST_SERIES, Line, Plot, Series, Shade
from training.theme import GRID, INK, MUTED

SIZE_INCH, DPI = (9.0, 5.2), 200
#: Characters that fit across a legend, what its sign and gap take of them, and beside an axis.
_ACROSS, _SIGN, _BESIDE = 92, 7, 40
_DASHES = {"solid": "-", "dash": (0, (5, 2)), "dot": (0, (1, 1.5))}
#: Names are no formulas, letters stay letters, and the same plot is the same file.
_STYLE: dict[Any, Any] = {
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "tierscope",
    "font.size": 12,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "axes.axisbelow": True,
    "legend.frameon": False,
}


def png(plot: Plot, state: str = "") -> bytes:
    """Return a plot as PNG; ``state`` says in the picture what the data are."""
    return _file(plot, state, "png", {"Software": "Tierscope"})


def svg(plot: Plot, state: str = "") -> bytes:
    """Return a plot as SVG with letters as letters."""
    return _file(plot, state, "svg", {"Date": None, "Creator": "Tierscope"})


def _file(plot: Plot, state: str, kind: str, metadata: dict[str, str | None]) -> bytes:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=SIZE_INCH, dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for line in plot.lines:  # before the legend, which names those that lie
            _line(axes, plot, line)
        if plot.shaded:
            _shade(axes, plot, plot.shaded)
        _KINDS[plot.kind](axes, plot)
        axes.set_xlabel(plot.x_label)
        axes.set_ylabel(plot.y_label)
        if state:
            figure.supxlabel(state, fontsize=9, color="#7A5C00")
        target = io.BytesIO()
        figure.savefig(target, format=kind, metadata=metadata)
        return target.getvalue()


def _lines(axes: Axes, plot: Plot) -> None:
    for series in plot.shown():
        rows = plot.of(series).sort_values(plot.x)
        if plot.bands:
            sure = rows.dropna(subset=[plot.low, plot.high])
            axes.fill_between(
                sure[plot.x],
                sure[plot.low],
                sure[plot.high],
                color=series.colour,
                alpha=0.12,
                linewidth=0,
            )
        for single in plot.singles:
            axes.plot(
                rows[plot.x],
                rows[single],
                color=series.colour,
                linestyle=_DASHES[series.dash],
                linewidth=0.8,
                alpha=0.55,
            )
        axes.plot(
            rows[plot.x],
            rows[plot.y],
            color=series.colour,
            linestyle=_DASHES[series.dash],
            linewidth=2.2,
            marker="o" if len(rows) <= 12 else "",
            markersize=5,
            label=series.label,
        )
    axes.set_ylim(plot.span)
    _legend(axes, plot)


def _bars(axes: Axes, plot: Plot) -> None:
    feet: dict[float, float] = {}
    for series in plot.shown():
        rows = plot.of(series)
        bottom = [feet.get(x, 0.0) for x in rows[plot.x]]
        axes.bar(
            rows[plot.x],
            rows[plot.y],
            0.94 * plot.width,
            bottom=bottom,
            align="edge",
            color=series.colour,
            label=series.label,
        )
        feet |= {x: foot + y for x, foot, y in zip(rows[plot.x], bottom, rows[plot.y], strict=True)}
    axes.set_ylim(0, 1.06 * max(feet.values(), default=1.0))
    axes.grid(visible=False, axis="x")
    _legend(axes, plot, above=1.1 if any(line.axis == "x" for line in plot.lines) else 1.04)


def _intervals(axes: Axes, plot: Plot) -> None:
    looks = {series.name: series for series in plot.series}
    labels = []
    for place, (_, row) in enumerate(plot.table.iterrows()):
        series = looks.get(str(row[plot.by]), Series("", str(row[plot.y]), MUTED))
        labels.append(series.label)
        axes.errorbar(
            row[plot.x],
            place,
            xerr=[[row[plot.x] - row[plot.low]], [row[plot.high] - row[plot.x]]],
            fmt="o",
            color=series.colour,
            markersize=9,
            capsize=4,
            linewidth=2,
            markerfacecolor="white" if series.hollow else series.colour,
            markeredgewidth=2,
        )
    small = 9 if len(labels) > 2 * MOST_SERIES else None
    axes.set_yticks(range(len(labels)), map(_wrapped, labels), fontsize=small)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    if plot.from_zero:
        axes.set_xlim(left=0)


def _scatter(axes: Axes, plot: Plot) -> None:
    for series in plot.shown():
        rows = plot.of(series)
        axes.scatter(
            rows[plot.x],
            rows[plot.y],
            s=42,
            edgecolors=series.colour,
            linewidths=1.5,
            label=series.label,
            facecolors="none" if series.hollow else series.colour,
            alpha=0.85,
        )
    if plot.diagonal and len(plot.table):
        both = plot.table[[plot.x, plot.y]].to_numpy(dtype=float)
        ends = [np.nanmin(both), np.nanmax(both)]
        axes.plot(ends, ends, color=MUTED, linestyle=_DASHES["dot"], linewidth=1.2)
    _legend(axes, plot)


def _grid(axes: Axes, plot: Plot) -> None:
    rows, columns, held = grids.cells(plot)
    labels = plot.labels()
    colours = [[to_rgb(cell.colour if cell else "#FFFFFF") for cell in line] for line in held]
    axes.imshow(np.array(colours), aspect="auto")
    for row, line in enumerate(held):
        for column, cell in enumerate(line):
            if cell:
                _cell(axes, column, row, cell)
    axes.set_yticks(range(len(rows)), [labels.get(row, row) for row in rows])
    axes.set_xticks(range(len(columns)), columns)
    axes.grid(visible=False)


def _cell(axes: Axes, column: int, row: int, cell: grids.Cell) -> None:
    hatch = "///" if cell.faded else None
    edge = Rectangle(
        (column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="white", linewidth=3, hatch=hatch
    )
    axes.add_patch(edge)
    ink = MUTED if cell.faded else INK
    above = -0.16 if cell.beneath else 0.0
    axes.text(column, row + above, cell.value, ha="center", va="center", color=ink, fontsize=13)
    if cell.beneath:
        small = "\n".join(cell.beneath)
        axes.text(column, row + 0.2, small, ha="center", va="center", color=ink, fontsize=9)


def _line(axes: Axes, plot: Plot, line: Line) -> None:
    if line.axis == "y":
        label = line.label or None
        axes.axhline(
            line.at, color=MUTED, linewidth=1.5, linestyle=_DASHES["dot"], label=label, zorder=1.5
        )
        return
    axes.axvline(line.at, color=INK, linewidth=1.5)
    _above(axes, plot, line.label, line.at)


def _shade(axes: Axes, plot: Plot, shade: Shade) -> None:
    axes.axvspan(shade.low, shade.high, facecolor=MUTED, edgecolor=MUTED, alpha=0.28, zorder=0.5)
    _above(axes, plot, shade.label, (shade.low + shade.high) / 2)


def _above(axes: Axes, plot: Plot, words: str, at: float) -> None:
    ends = ("data", "axes fraction")
    axes.annotate(words, (at, 1.0), xycoords=ends, ha=plot.side(at), va="bottom")


def _wrapped(label: str) -> str:
    return textwrap.fill(label, _BESIDE, break_on_hyphens=False)


def _legend(axes: Axes, plot: Plot, above: float = 1.04) -> None:
    series = {one.label for one in plot.series}
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda k: labels[k] not in series)  # levels come last
    handles, labels = [handles[k] for k in order], [labels[k] for k in order]
    if plot.crowded:  # named without saying what they are
        names = {series.label: series.name for series in plot.shown()}
        labels = [names.get(label, label) for label in labels]
    if len(labels) > 1:
        longest = max(len(label) for label in labels)
        axes.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(0, above),
            ncols=min(len(labels), max(1, _ACROSS // (longest + _SIGN)), 6),
            borderaxespad=0,
            fontsize=10.5,
        )


_KINDS = {
    "lines": _lines,
    "bars": _bars,
    "intervals": _intervals,
    "scatter": _scatter,
    "grid": _grid,
}
