"""Every kind of plot in every form: the same numbers, names shown as they are, and gaps left open."""

import html
import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest
from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE
from pptx.enum.text import MSO_ANCHOR

from tests.helpers import report_reader
from training.report import content_primary, grids
from training.report.plots import Box, FlowTable, Line, Message, Plot, Report, Series, Table
from training.report_files import deck, interactive, page, pictures
from training.results.conclusions import Conclusion
from training.results.crossed_effects import Estimate
from training.results.primary_comparison import Primary
from training.results.verdicts import Verdict
from training.studies.analysis_plan import AnalysisPlan

#: What a name of a tier could be.
NASTY = '<i>A</i> & "x" $\\frac{1}{2}$ </script><img src=x onerror=alert(1)>'
SERIES = (Series("a", NASTY, "#0072B2"), Series("b", "plain", "#D55E00", "dash", hollow=True))


def _plot(kind: str) -> Plot:
    lines = {"by": ["a"] * 3 + ["b"] * 3, "x": [1, 2, 3] * 2, "y": [3.0, 2.5, 2.0, 4.0, 3.5, 3.0]}
    tables = {
        "lines": pd.DataFrame(lines).assign(
            low=lambda t: t["y"] - 0.5, high=lambda t: t["y"] + 0.5
        ),
        "bars": pd.DataFrame({"by": ["a", "a", "b"], "x": [0.0, 2.5, 2.5], "y": [4, 2, 7]}),
        "intervals": pd.DataFrame(
            {"by": ["a", "b"], "x": [1.25, -0.5], "low": [1.0, np.nan], "high": [1.5, np.nan]}
        ),
        "scatter": pd.DataFrame(lines),
        "grid": pd.DataFrame({"by": ["a", "a", "b"], "x": ["A", "B", "A"], "v": [1.5, 2.5, 3.5]}),
    }
    rows = {"intervals": "by", "grid": "by"}
    return Plot(
        f"of-{kind}",
        kind,
        tables[kind],
        x="x",
        y=rows.get(kind, "y"),
        by="by",  # type: ignore[arg-type]
        low="low" * (kind in ("lines", "intervals")),
        high="high" * (kind in ("lines", "intervals")),
        value="v" * (kind == "grid"),
        x_label=NASTY,
        y_label="years",
        alt=NASTY,
        series=SERIES,
        width=2.5,
        lines=(Line("y", 2.75, NASTY),) if kind == "lines" else (),
        diagonal=kind == "scatter",
    )


KINDS = ["lines", "bars", "intervals", "scatter", "grid"]
PLOTS = {kind: _plot(kind) for kind in KINDS}


def _report(*messages: Message) -> Report:
    return Report("1234abcd", "2026-11-25", False, True, messages, (NASTY,), (NASTY,))


def _message(kind: str) -> Message:
    flow = FlowTable(NASTY, (Box(NASTY, (NASTY,), (NASTY,)), Box("last")), (Box("A"), Box("B")))
    return Message(
        f"m-{kind}",
        NASTY,
        NASTY,
        PLOTS[kind],
        Table((NASTY, "b"), ((NASTY, "2"),)),
        (flow,),
        points=(NASTY,),
        note=NASTY,
    )


EVERYTHING = _report(*map(_message, KINDS))


def test_no_name_is_read_as_markup_in_the_html() -> None:
    text = page.page(EVERYTHING)
    own = report_reader._LIBRARY.sub("", text)
    assert "<img src=x" not in own and "<i>A</i>" not in own
    assert own.count("<script>") == own.count("</script>") - len(KINDS) == 1
    figures = report_reader.html_figures(text)
    assert set(figures) == {plot.name for plot in PLOTS.values()}
    assert "&lt;i&gt;A&lt;/i&gt;" in figures["of-lines"]["data"][1]["name"]


def test_names_are_shown_as_they_are_in_the_deck() -> None:
    told = report_reader.deck_texts(deck.deck(EVERYTHING))
    assert told.count(NASTY) >= 3 * len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_read_no_name_as_a_formula(kind: str) -> None:
    assert pictures.png(PLOTS[kind], NASTY)[:4] == b"\x89PNG"
    svg = pictures.svg(PLOTS[kind], "of what")
    told = "".join(ElementTree.fromstring(svg).itertext())  # noqa: S314 - ours
    assert "$\\frac{1}{2}$" in told and "of what" in told


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_plot_is_the_same_picture(kind: str) -> None:
    assert pictures.svg(PLOTS[kind]) == pictures.svg(PLOTS[kind])
    assert pictures.png(PLOTS[kind]) == pictures.png(PLOTS[kind])


def test_lines_are_the_table_s_in_plotly_and_in_the_native_chart() -> None:
    plot = PLOTS["lines"]
    shown = [trace for trace in interactive.figure(plot).data if trace.name]
    assert [list(trace.y) for trace in shown] == [[3.0, 2.5, 2.0], [4.0, 3.5, 3.0]]
    cells = report_reader.chart_tables(deck.deck(EVERYTHING))["of-lines"]
    numbers = [cell for row in cells for cell in row if isinstance(cell, int | float)]
    for value in (*plot.table["y"], *plot.table["low"], *plot.table["high"], 2.75):
        assert any(np.isclose(value, number) for number in numbers)


def test_what_a_level_is_stands_in_the_legend_where_no_curve_runs_over_it() -> None:
    (line,) = interactive.figure(PLOTS["lines"]).layout.shapes
    assert line.showlegend and line.name == html.escape(NASTY, quote=False)
    assert not interactive.figure(PLOTS["lines"]).layout.annotations


@pytest.mark.parametrize(("low", "high"), [(-60.0, 45.0), (-0.2, 0.3), (-9.0, -4.0)])
def test_the_margin_is_told_once_and_within_the_plot(low: float, high: float) -> None:
    middle = (low + high) / 2
    seen = Estimate(middle, low, high, (high - low) / 4, 9.0, 0.5, 1.0, 0.1, 1.0, 10, 2)
    found = Primary(
        AnalysisPlan(("A", "all"), 0.7), seen, Verdict("open", ""), Conclusion("", True), 5.0
    )
    drawn = interactive.figure(content_primary.plot(found)).layout
    (told,) = (note for note in drawn.annotations if note.text)
    assert told.text == "shaded: margin of ± 0.7 years about 0"
    zero, band = sorted(drawn.shapes, key=lambda shape: shape.type == "rect")
    assert (band.x0, band.x1, zero.x0, zero.x1) == (-0.7, 0.7, 0, 0)
    assert band.layer == "below" and band.line.width
    assert told.xanchor == ("right" if high < 0 else "center")


def test_bars_are_stacked_in_their_bins() -> None:
    head, *rows = report_reader.chart_tables(deck.deck(EVERYTHING))["of-bars"]
    assert head[1:] == [NASTY, "plain"]
    assert rows == [["0", 4, 0], ["2.5", 2, 7]]
    assert [list(trace.x) for trace in interactive.figure(PLOTS["bars"]).data] == [
        [1.25, 3.75],
        [3.75],
    ]


def test_an_interval_that_is_not_known_is_left_open() -> None:
    head, *rows = report_reader.chart_tables(deck.deck(EVERYTHING))["of-intervals"]
    assert head[1:] == [NASTY, "plain", "95 % low", "95 % high"]
    assert rows[0][1:] == [1.25, None, 1.0, 1.5]
    assert rows[1][1:] == [None, -0.5, None, None]
    open_one, whole = interactive.figure(PLOTS["intervals"]).data
    assert "no interval" in open_one.hovertemplate and "no interval" not in whole.hovertemplate


def test_points_of_a_scatter_are_pairs() -> None:
    cells = report_reader.chart_tables(deck.deck(EVERYTHING))["of-scatter"]
    pairs = [tuple(row[:2]) for row in cells if all(isinstance(v, int | float) for v in row[:2])]
    table = PLOTS["scatter"].table
    assert set(zip(table["x"], table["y"], strict=True)) <= set(pairs)


def test_an_empty_cell_of_a_grid_stays_empty() -> None:
    rows, columns, held = grids.cells(PLOTS["grid"])
    assert (rows, columns) == (["a", "b"], ["A", "B"])
    assert held[1][1] is None
    assert [cell and cell.value for cell in held[0]] == ["1.50", "2.50"]
    assert "–" in report_reader.deck_texts(deck.deck(EVERYTHING))


def test_csv_holds_numbers_in_full() -> None:
    plot = PLOTS["intervals"]
    read = pd.read_csv(io.StringIO(plot.csv()))
    pd.testing.assert_frame_equal(read, plot.table)


def test_bands_wider_than_the_plot_are_left_out_of_it_and_stay_in_the_table() -> None:
    plot = PLOTS["lines"]
    assert plot.bands
    table = plot.table.assign(low=plot.table["low"] - 100)
    wide = Plot(**{**plot.__dict__, "table": table})
    assert not wide.bands
    assert len(interactive.figure(wide).data) == 2 < len(interactive.figure(plot).data)
    assert "-98" in wide.csv()


def test_a_flow_chart_is_made_of_shapes_that_can_be_moved() -> None:
    opened = Presentation(io.BytesIO(deck.deck(_report(_message("lines")))))
    texts = [s.text_frame.text for s in opened.slides[0].shapes if s.has_text_frame]
    assert {"last", "A", "B"} <= set(texts)
    lines = [shape for shape in opened.slides[0].shapes if shape.shape_type == MSO_SHAPE_TYPE.LINE]
    assert len(lines) == 4


def test_few_words_and_small_tables_fill_their_slide_with_larger_letters() -> None:
    few = Message("few", "title", points=("One sentence.",))
    small = Message("small", "title", table=Table(("arm", "error"), (("A", "1.00"), ("B", "2.00"))))
    wide = Table(tuple(f"column {n}" for n in range(9)), (("many letters in it",) * 9,) * 10)
    report = _report(few, small, Message("wide", "title", table=wide))
    slides = Presentation(io.BytesIO(deck.deck(report))).slides
    (box,) = (s for s in slides[0].shapes if s.has_text_frame and "One" in s.text_frame.text)
    assert box.text_frame.paragraphs[0].font.size.pt == 36
    assert box.text_frame.vertical_anchor == MSO_ANCHOR.MIDDLE
    sizes, places = [], []
    for slide in list(slides)[1:3]:
        (drawn,) = (shape for shape in slide.shapes if shape.has_table)
        sizes.append(drawn.table.cell(1, 0).text_frame.paragraphs[0].font.size.pt)
        places.append((drawn.top + drawn.height) / deck.HEIGHT)
    assert sizes == [24, 15] and max(places) < 1


def test_long_texts_become_smaller_and_stay_on_the_slide() -> None:
    long = Message("m", "title", points=("word " * 60,) * 8)
    opened = Presentation(io.BytesIO(deck.deck(_report(long))))
    (box,) = [
        s
        for s in opened.slides[0].shapes
        if s.has_text_frame and s.text_frame.text.startswith("word")
    ]
    size = box.text_frame.paragraphs[0].font.size.pt
    assert 9 <= size < 20
    assert box.top + box.height < opened.slide_height
