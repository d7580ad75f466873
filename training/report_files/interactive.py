"""Interactive plots by plotly, for the page Present and the HTML file."""

import html
from typing import Any

import numpy as np
import plotly.graph_objects as go

from training.report import grids
from training.report.plots import Line, Plot, Series, Shade
from training.theme import INK, MUTED, TEMPLATE


def figure(plot: Plot, *, size: int = 15, height: int | None = None) -> go.Figure:
    """Draw a plot.

    Parameters
    ----------
    plot : Plot
        Plot to draw. Names in it are shown as they are, never as markup.
    size : int
        Of the letters, pixels.
    height : int, optional
        Of the figure, pixels; by default what its rows need.
    """
    height = height or _height(plot, size)
    chart = go.Figure(layout={"template": TEMPLATE})
    _KINDS[plot.kind](chart, plot, size)
    for line in plot.lines:
        _line(chart, plot, line, size)
    if plot.shaded:
        _shade(chart, plot, plot.shaded, size)
    named = plot.shaded or any(line.axis == "x" and line.label for line in plot.lines)
    chart.update_layout(
        height=height,
        font={"size": size},
        legend={"font": {"size": size}, "y": 1.02 + (0.004 * size if named else 0)},
        margin={"l": 10, "r": 20, "t": int((4.4 if named else 2.6) * size), "b": 10},
        hoverlabel={"font": {"size": size}},
    )
    chart.update_xaxes(title_text=_plain(plot.x_label), automargin=True, title_font_size=size)
    chart.update_yaxes(title_text=_plain(plot.y_label), automargin=True, title_font_size=size)
    return chart


def _height(plot: Plot, size: int) -> int:
    if plot.kind == "intervals":
        return int((8 + 3.2 * len(plot.table)) * size)
    if plot.kind == "grid":
        return int((8 + 4.6 * plot.table[plot.y].nunique()) * size)
    return 460


def _plain(text: object) -> str:
    return html.escape(str(text), quote=False)


def _lines(chart: go.Figure, plot: Plot, size: int) -> None:
    for series in plot.shown():
        rows, called = plot.of(series).sort_values(plot.x), _plain(series.label)
        if plot.bands:
            sure = rows.dropna(subset=[plot.low, plot.high])
            chart.add_scatter(
                x=[*sure[plot.x], *sure[plot.x][::-1]],
                y=[*sure[plot.high], *sure[plot.low][::-1]],
                fill="toself",
                fillcolor=_see_through(series.colour),
                line={"width": 0},
                mode="lines",
                legendgroup=series.name,
                showlegend=False,
                hoverinfo="skip",
            )
        for single in plot.singles:
            chart.add_scatter(
                x=rows[plot.x],
                y=rows[single],
                mode="lines",
                legendgroup=series.name,
                showlegend=False,
                opacity=0.55,
                line={"color": series.colour, "width": 1, "dash": series.dash},
                hoverinfo="skip",
            )
        chart.add_scatter(
            x=rows[plot.x],
            y=rows[plot.y],
            name=called,
            legendgroup=series.name,
            mode="lines+markers" if len(rows) <= 12 else "lines",
            line={"color": series.colour, "width": 3, "dash": series.dash},
            marker={"size": 8},
            hovertemplate=f"%{{x}}: %{{y:.{plot.digits}f}}<extra>{called}</extra>",
        )
    chart.update_yaxes(range=plot.span)


def _bars(chart: go.Figure, plot: Plot, size: int) -> None:
    for series in plot.shown():
        rows, called = plot.of(series), _plain(series.label)
        chart.add_bar(
            x=rows[plot.x] + plot.width / 2,
            y=rows[plot.y],
            width=0.94 * plot.width,
            name=called,
            marker={"color": series.colour, "line": {"width": 0}},
            customdata=rows[plot.x],
            hovertemplate=f"from %{{customdata:g}}: %{{y}}<extra>{called}</extra>",
        )
    chart.update_layout(barmode="stack", bargap=0, legend={"traceorder": "normal"})
    chart.update_yaxes(rangemode="tozero")


def _intervals(chart: go.Figure, plot: Plot, size: int) -> None:
    looks = {series.name: series for series in plot.series}
    order = []
    for _, row in plot.table[::-1].iterrows():
        series = looks.get(str(row[plot.by]), Series("", str(row[plot.y]), MUTED))
        called = _plain(series.label)
        order.append(called)
        known = row[plot.low] == row[plot.low]
        span = " to ".join(f"%{{customdata[{end}]:.{plot.digits}f}}" for end in (0, 1))
        chart.add_scatter(
            x=[row[plot.x]],
            y=[called],
            mode="markers",
            showlegend=False,
            name=called,
            marker={
                "size": 0.9 * size,
                "color": series.colour,
                "line": {"width": 2, "color": series.colour},
                "symbol": "circle-open" if series.hollow else "circle",
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "color": series.colour,
                "thickness": 2.5,
                "array": [row[plot.high] - row[plot.x]],
                "arrayminus": [row[plot.x] - row[plot.low]],
            },
            customdata=[[row[plot.low], row[plot.high]]],
            hovertemplate=f"%{{y}}: %{{x:.{plot.digits}f}} "
            f"({span if known else 'no interval'})<extra></extra>",
        )
    chart.update_yaxes(categoryorder="array", categoryarray=order, type="category", showgrid=False)
    if plot.from_zero:
        chart.update_xaxes(rangemode="tozero")


def _scatter(chart: go.Figure, plot: Plot, size: int) -> None:
    for series in plot.shown():
        rows, called = plot.of(series), _plain(series.label)
        chart.add_scatter(
            x=rows[plot.x],
            y=rows[plot.y],
            mode="markers",
            name=called,
            marker={
                "size": 9,
                "color": series.colour,
                "line": {"width": 1.5, "color": series.colour},
                "symbol": "circle-open" if series.hollow else "circle",
                "opacity": 0.8,
            },
            hovertemplate=f"%{{x:.{plot.digits}f}}, %{{y:.{plot.digits}f}}<extra>{called}</extra>",
        )
    if plot.diagonal and len(plot.table):
        both = plot.table[[plot.x, plot.y]].to_numpy(dtype=float)
        ends = [float(np.nanmin(both)), float(np.nanmax(both))]
        chart.add_scatter(
            x=ends,
            y=ends,
            mode="lines",
            showlegend=False,
            hoverinfo="skip",
            line={"color": MUTED, "width": 1.5, "dash": "dot"},
        )


def _grid(chart: go.Figure, plot: Plot, size: int) -> None:
    rows, columns, held = grids.cells(plot)
    labels, places = plot.labels(), np.arange(len(rows) * len(columns))
    flat = [cell for line in held for cell in line]
    # each cell is a step of the colour scale of its own, so that it has the very colour of every drawing
    scale = [
        [end / max(len(flat), 1), cell.colour if cell else "#FFFFFF"]
        for place, cell in enumerate(flat)
        for end in (place, place + 1)
    ]
    chart.add_heatmap(
        z=places.reshape(len(rows), len(columns)) + 0.5,
        x=[_plain(c) for c in columns],
        y=[_plain(labels.get(r, r)) for r in rows],
        zmin=0,
        zmax=len(flat),
        colorscale=scale,
        showscale=False,
        xgap=3,
        ygap=3,
        textfont={"size": size, "color": INK},
        texttemplate="%{text}",
        text=[["" if cell is None else _in_cell(cell, size) for cell in line] for line in held],
        hovertemplate="%{y}, %{x}<br>%{text}<extra></extra>",
    )
    chart.update_yaxes(autorange="reversed", showgrid=False, type="category")
    chart.update_xaxes(side="top", showgrid=False, type="category")


def _in_cell(cell: grids.Cell, size: int) -> str:
    ink = MUTED if cell.faded else INK
    small = "".join(
        f'<br><span style="font-size:{0.8 * size:.0f}px;color:{ink}">{line}</span>'
        for line in cell.beneath
    )
    return f'<span style="font-size:{1.15 * size:.0f}px;color:{ink}">{cell.value}</span>{small}'


def _line(chart: go.Figure, plot: Plot, line: Line, size: int) -> None:
    """Draw a line with its words: above the plot, or in the legend, where no curve runs over them."""
    if line.axis == "y":
        chart.add_hline(
            y=line.at,
            line={"color": MUTED, "width": 2, "dash": "dot"},
            name=_plain(line.label),
            showlegend=bool(line.label),
        )
        return
    note = _above(plot, line.label, line.at, size)
    chart.add_vline(x=line.at, line={"color": INK, "width": 2, "dash": "solid"}, annotation=note)


def _shade(chart: go.Figure, plot: Plot, shade: Shade, size: int) -> None:
    """Shade a stretch, with an edge by which it is seen where it is narrow, and its words above the plot."""
    grey = {"fillcolor": _see_through(MUTED, 0.28), "line": {"color": MUTED, "width": 1}}
    chart.add_vrect(x0=shade.low, x1=shade.high, layer="below", **grey)
    middle = (shade.low + shade.high) / 2
    note = _above(plot, shade.label, middle, size)
    chart.add_annotation(x=middle, yref="paper", **note)


def _above(plot: Plot, words: str, at: float, size: int) -> dict[str, Any]:
    return {
        "text": _plain(words),
        "font": {"size": size, "color": INK},
        "showarrow": False,
        "yanchor": "bottom",
        "y": 1.0,
        "xanchor": plot.side(at),
    }


def _see_through(colour: str, share: float = 0.12) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"


_KINDS = {
    "lines": _lines,
    "bars": _bars,
    "intervals": _intervals,
    "scatter": _scatter,
    "grid": _grid,
}
