"""Native PowerPoint charts: each with its numbers in a workbook of its own, to be edited there."""

import math
from typing import Any

from lxml import etree
from pptx.chart.chart import Chart
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import (
    XL_CHART_TYPE,
    XL_LEGEND_POSITION,
    XL_MARKER_STYLE,
    XL_TICK_LABEL_POSITION,
)
from pptx.enum.dml import MSO_LINE
from pptx.oxml.ns import qn
from pptx.slide import Slide
from pptx.util import Emu, Pt

from training.report.plots import Plot, Series
from training.theme import GRID, INK, MUTED

_DASHES = {"solid": MSO_LINE.SOLID, "dash": MSO_LINE.DASH, "dot": MSO_LINE.ROUND_DOT}
#: Names of the series that hold an interval's ends.
LOW, HIGH = "95 % low", "95 % high"
#: Of more lines than these no bands are drawn in a native chart, where they are lines themselves.
MOST_BANDS = 3
_NAMESPACE = "http://schemas.openxmlformats.org/drawingml/2006/chart"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"


def add(slide: Slide, plot: Plot, left: int, top: int, width: int, height: int) -> Chart:
    """Add a plot's chart to a slide."""
    kind, data = _DATA[plot.kind](plot)
    frame: Any = slide.shapes.add_chart(kind, Emu(left), Emu(top), Emu(width), Emu(height), data)
    frame.name = plot.name
    chart = frame.chart
    chart.has_title = False
    chart.font.size, chart.font.color.rgb = Pt(14), _colour(INK)
    _STYLE[plot.kind](chart, plot)
    _axes(chart, plot)
    return chart


# ---- numbers -------------------------------------------------------------------------------------


def _lines_data(plot: Plot) -> tuple[Any, Any]:
    data = XyChartData()
    for series in plot.shown():
        rows = plot.of(series).sort_values(plot.x)
        _points(data, series.label, rows, plot.x, plot.y)
        for column, called in _beside(plot, series).items():
            _points(data, f"{series.label}, {called}", rows, plot.x, column)
    for line in plot.lines:
        if line.axis == "y":
            added = data.add_series(line.label)
            for x in (plot.table[plot.x].min(), plot.table[plot.x].max()):
                added.add_data_point(float(x), float(line.at))
    return XL_CHART_TYPE.XY_SCATTER_LINES_NO_MARKERS, data


def _bars_data(plot: Plot) -> tuple[Any, Any]:
    data = CategoryChartData()
    edges = sorted(plot.table[plot.x].unique())
    data.categories = [f"{edge:g}" for edge in edges]
    for series in plot.shown():
        rows = plot.of(series).set_index(plot.x)[plot.y]
        data.add_series(series.label, [float(rows.get(edge, 0)) for edge in edges])
    return XL_CHART_TYPE.COLUMN_STACKED, data


def _intervals_data(plot: Plot) -> tuple[Any, Any]:
    data = CategoryChartData()
    rows, labels = len(plot.table), plot.labels()
    called = [labels.get(str(name), str(name)) for name in plot.table[plot.by]]
    data.categories = called
    for place, (label, value) in enumerate(zip(called, plot.table[plot.x], strict=True)):
        data.add_series(label, [_known(value) if row == place else None for row in range(rows)])
    data.add_series(LOW, [_known(value) for value in plot.table[plot.low]])
    data.add_series(HIGH, [_known(value) for value in plot.table[plot.high]])
    return XL_CHART_TYPE.LINE_MARKERS, data


def _scatter_data(plot: Plot) -> tuple[Any, Any]:
    data = XyChartData()
    for series in plot.shown():
        _points(data, series.label, plot.of(series), plot.x, plot.y)
    if plot.diagonal and len(plot.table):
        both = plot.table[[plot.x, plot.y]]
        added = data.add_series("equal")
        for end in (float(both.min().min()), float(both.max().max())):
            added.add_data_point(end, end)
    return XL_CHART_TYPE.XY_SCATTER, data


def _points(data: XyChartData, name: str, rows: Any, x: str, y: str) -> None:
    added = data.add_series(name)
    for one, two in zip(rows[x], rows[y], strict=True):
        if one == one and two == two:
            added.add_data_point(float(one), float(two))


def _beside(plot: Plot, series: Series) -> dict[str, str]:
    """Return the columns drawn beside a line, with their labels: seeds, or the ends of a band."""
    columns = {name: name.replace("_", " ") for name in plot.singles}
    if not plot.singles and plot.low:
        columns = {plot.low: LOW, plot.high: HIGH}
    rows = plot.of(series)
    return {name: called for name, called in columns.items() if rows[name].notna().any()}


def _known(value: float) -> float | None:
    return float(value) if value == value else None


# ---- looks ---------------------------------------------------------------------------------------


def _style_lines(chart: Chart, plot: Plot) -> None:
    drawn, narrow = iter(chart.plots[0].series), plot.bands and len(plot.shown()) <= MOST_BANDS
    place, hidden = 0, list[int]()
    for series in plot.shown():
        _stroke(next(drawn), series.colour, series.dash, 2.5)
        place += 1
        for _ in _beside(plot, series):
            end = next(drawn)
            _stroke(end, series.colour, series.dash if plot.singles else "dot", 0.75)
            if not narrow and not plot.singles:
                end.format.line.fill.background()
            hidden.append(place)
            place += 1
    for rest in drawn:
        _stroke(rest, MUTED, "dot", 1.5)
    _legend(chart, hidden)


def _style_bars(chart: Chart, plot: Plot) -> None:
    chart.plots[0].gap_width, chart.plots[0].overlap = 8, 100
    for drawn, series in zip(chart.plots[0].series, plot.shown(), strict=True):
        drawn.format.fill.solid()
        drawn.format.fill.fore_color.rgb = _colour(series.colour)
    _legend(chart, [])


def _style_intervals(chart: Chart, plot: Plot) -> None:
    looks = {series.name: series for series in plot.series}
    *values, low, high = chart.plots[0].series
    for series in (*values, low, high):
        series.format.line.fill.background()
        series.smooth = False
        series.marker.style = XL_MARKER_STYLE.NONE
    for place, (drawn, name) in enumerate(zip(values, plot.table[plot.by], strict=True)):
        series, row = looks.get(str(name), Series("", "", MUTED)), plot.table.iloc[place]
        _marker(drawn, series, 13)
        drawn.marker.format.line.width = Pt(2.25)
        above, below = float(row[plot.high] - row[plot.x]), float(row[plot.x] - row[plot.low])
        _error_bars(drawn, place, len(plot.table), above, below, series.colour)
    chart.has_legend = False


def _marker(drawn: Any, series: Series, size: int) -> None:
    # LibreOffice draws no borders of markers: what is hollow elsewhere is a pale diamond here
    shape = XL_MARKER_STYLE.DIAMOND if series.hollow else XL_MARKER_STYLE.CIRCLE
    drawn.marker.style, drawn.marker.size = shape, size
    drawn.marker.format.fill.solid()
    drawn.marker.format.fill.fore_color.rgb = _colour(
        _paler(series.colour) if series.hollow else series.colour
    )
    drawn.marker.format.line.color.rgb = _colour(series.colour)


def _style_scatter(chart: Chart, plot: Plot) -> None:
    drawn = list(chart.plots[0].series)
    for one, series in zip(drawn, plot.shown(), strict=False):
        one.format.line.fill.background()
        _marker(one, series, 8)
    hidden = list(range(len(plot.shown()), len(drawn)))
    for place in hidden:
        drawn[place].marker.style = XL_MARKER_STYLE.NONE
        _stroke(drawn[place], MUTED, "dot", 1.5)
    _legend(chart, hidden)


def _stroke(series: Any, colour: str, dash: str, width_pt: float) -> None:
    series.smooth = False
    series.format.line.color.rgb = _colour(colour)
    series.format.line.width = Pt(width_pt)
    series.format.line.dash_style = _DASHES[dash]


def _axes(chart: Chart, plot: Plot) -> None:
    across, up = chart.category_axis, chart.value_axis
    names = (plot.x_label, plot.y_label)
    if plot.kind == "bars":
        names = (f"{plot.x_label}; bins of {plot.width:g}, by their lower edge", plot.y_label)
    if plot.kind == "intervals":  # a native chart lists its rows along the foot
        names = (plot.y_label, plot.x_label)
        across.tick_label_position = XL_TICK_LABEL_POSITION.LOW
        if plot.from_zero:
            up.minimum_scale = 0
    for axis, name in ((across, names[0]), (up, names[1])):
        axis.has_major_gridlines = axis is up
        axis.format.line.color.rgb = _colour(MUTED)
        axis.tick_labels.font.size = Pt(12)
        axis.has_title = bool(name)
        if name:
            axis.axis_title.text_frame.text = name
            axis.axis_title.text_frame.paragraphs[0].font.size = Pt(13)
            axis.axis_title.text_frame.paragraphs[0].font.bold = False
    up.major_gridlines.format.line.color.rgb = _colour(GRID)
    if plot.kind == "bars":
        up.minimum_scale = 0
        across.tick_labels.font.size = Pt(11)
    up.tick_labels.number_format, up.tick_labels.number_format_is_linked = "General", False
    if plot.kind == "lines":
        low, high = plot.span
        up.minimum_scale, up.maximum_scale = math.floor(low), math.ceil(high)


def _legend(chart: Chart, hidden: list[int]) -> None:
    """Put the legend above the chart, without the series that only hold the ends of a band."""
    chart.has_legend = True
    chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.TOP, False
    chart.legend.font.size = Pt(13)
    legend = chart.legend._element
    place = legend.find(qn("c:legendPos"))
    for index in reversed(hidden):
        entry = etree.SubElement(legend, qn("c:legendEntry"))
        etree.SubElement(entry, qn("c:idx")).set("val", str(index))
        etree.SubElement(entry, qn("c:delete")).set("val", "1")
        place.addnext(entry)


def _error_bars(
    series: Any, place: int, count: int, above: float, below: float, colour: str
) -> None:
    """Add vertical error bars to one point of a series; python-pptx has none of its own."""
    if above != above or below != below:
        return
    bars = etree.Element(qn("c:errBars"), nsmap={"c": _NAMESPACE, "a": _DRAWING})
    settings = {"errDir": "y", "errBarType": "both", "errValType": "cust", "noEndCap": "0"}
    for tag, value in settings.items():
        etree.SubElement(bars, qn(f"c:{tag}")).set("val", value)
    for tag, length in (("plus", above), ("minus", below)):
        literal = etree.SubElement(etree.SubElement(bars, qn(f"c:{tag}")), qn("c:numLit"))
        etree.SubElement(literal, qn("c:formatCode")).text = "General"
        etree.SubElement(literal, qn("c:ptCount")).set("val", str(count))
        point = etree.SubElement(literal, qn("c:pt"))
        point.set("idx", str(place))
        etree.SubElement(point, qn("c:v")).text = repr(length)
    stroke = etree.SubElement(etree.SubElement(bars, qn("c:spPr")), qn("a:ln"))
    stroke.set("w", str(Pt(2.25)))
    fill = etree.SubElement(etree.SubElement(stroke, qn("a:solidFill")), qn("a:srgbClr"))
    fill.set("val", colour.removeprefix("#"))
    element = series._element
    found = [element.find(qn(f"c:{tag}")) for tag in ("cat", "xVal", "val")]
    next(each for each in found if each is not None).addprevious(bars)


def _paler(code: str) -> str:
    """Return a colour half-way to white."""
    parts = (int(code[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{(part + 255) // 2:02X}" for part in parts)


def _colour(code: str) -> RGBColor:
    return RGBColor.from_string(code.removeprefix("#"))


_DATA = {
    "lines": _lines_data,
    "bars": _bars_data,
    "intervals": _intervals_data,
    "scatter": _scatter_data,
}
_STYLE = {
    "lines": _style_lines,
    "bars": _style_bars,
    "intervals": _style_intervals,
    "scatter": _style_scatter,
}
