"""Slide deck: a PowerPoint file with one message a slide, native charts and tables, all editable."""

import io
import math

from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.presentation import Presentation as Deck
from pptx.slide import Slide
from pptx.util import Emu, Inches, Pt

from training.report import grids
from training.report.plots import Message, Picture, Plot, Report, Table
from training.report_files import deck_charts
from training.report_files.deck_flow import draw_flows
from training.theme import INK, MUTED

WIDTH, HEIGHT = Inches(13.333), Inches(7.5)
MARGIN = Inches(0.6)
_TITLE_ONLY = 5  # of the layouts that python-pptx brings
#: Letters of sentences beside a plot and alone, and the smallest, usual and largest of a table, points.
_BESIDE, _ALONE, _SMALLEST, _USUAL, _LARGEST = 22, 36, 12, 16, 24
#: Height of a table's row in letters.
_ROW = 2.1


def deck(report: Report) -> bytes:
    """Return the deck of a report as the bytes of a ``.pptx`` file."""
    made = Presentation()
    made.slide_width, made.slide_height = WIDTH, HEIGHT
    properties = made.core_properties
    properties.title, properties.author = "What is each tier worth?", "Tierscope"
    properties.last_modified_by = "Tierscope"
    for message in report.messages:
        _slide(made, report, message)
    for title, told in (
        ("Methods", report.methods),
        ("What was removed from this deck", report.removed),
    ):
        slide = _empty(made, report, title)
        paragraphs(slide, told, MARGIN, Inches(1.65), WIDTH - 2 * MARGIN, Inches(5.1), 20)
    target = io.BytesIO()
    made.save(target)
    return target.getvalue()


def _slide(made: Deck, report: Report, message: Message) -> None:
    """Add the slide of a message."""
    slide = _empty(made, report, message.title)
    top = int(Inches(1.65))
    if message.lead:
        size, height = _fitting((message.lead,), WIDTH - 2 * MARGIN, Inches(0.9), 20, 14)
        text(slide, message.lead, MARGIN, top, WIDTH - 2 * MARGIN, height, size, MUTED)
        top += height + int(Inches(0.15))
    room = int(HEIGHT - top - Inches(0.75))
    beside = bool(message.points or message.pictures)
    width = int(Inches(7.9) if message.plot and beside else WIDTH - 2 * MARGIN)
    if message.plot:
        _plot(slide, message.plot, MARGIN, top, width, room)
    if message.flows:
        draw_flows(slide, message.flows, MARGIN, top, width, room)
    left = int(MARGIN + width + Inches(0.3)) if message.plot else int(MARGIN)
    width = int(WIDTH - MARGIN - left)
    if message.pictures:
        _pictures(slide, message.pictures, left, top, width, room)
    if message.points:
        size, ink = _BESIDE if message.plot else _ALONE, MUTED if message.faded else INK
        paragraphs(slide, message.points, left, top, width, room, size, ink, middle=True)
    _notes(slide, message.note, report.state)
    if message.table:
        size = _letters(message.table, width, room)
        height = int(Pt(size) * _ROW) * (len(message.table.rows) + 1)
        table(slide, message.table, left, top + max(room - height, 0) // 3, width, size)


def _letters(content: Table, width: int, room: int) -> int:
    """Return the size of letters, points, at which a table fills the room that a slide has for it.

    Above the usual size no line of a cell is broken for it.
    """
    by_height = room / (Pt(1) * _ROW * (len(content.rows) + 1))
    by_width = width / (Pt(1) * 0.5 * (sum(_columns(content)) + 3 * len(content.head)))
    return max(_SMALLEST, min(_LARGEST, int(min(by_height, max(by_width, _USUAL)))))


def _notes(slide: Slide, *lines: str) -> None:
    notes = slide.notes_slide.notes_text_frame
    if notes is not None:
        notes.text = "\n".join(filter(None, lines))


def _empty(made: Deck, report: Report, title: str) -> Slide:
    """Return a new slide with title and footer."""
    slide = made.slides.add_slide(made.slide_layouts[_TITLE_ONLY])
    shape = slide.shapes.title
    shape.left, shape.top, shape.width, shape.height = (
        MARGIN,
        Inches(0.35),
        WIDTH - 2 * MARGIN,
        Inches(1.2),
    )
    frame = shape.text_frame
    frame.text, frame.word_wrap, frame.vertical_anchor = title, True, MSO_ANCHOR.MIDDLE
    paragraph = frame.paragraphs[0]
    paragraph.alignment = PP_ALIGN.LEFT
    paragraph.font.size, paragraph.font.bold = Pt(30 if len(title) < 90 else 24), True
    paragraph.font.color.rgb = colour(INK)
    foot = f"Tierscope · study {report.study} · {report.date}"
    text(slide, foot, MARGIN, HEIGHT - Inches(0.55), Inches(5), Inches(0.35), 11, MUTED)
    if report.state:
        box = text(
            slide,
            report.state,
            Inches(5.2),
            HEIGHT - Inches(0.55),
            Inches(6.9),
            Inches(0.35),
            12 if len(report.state) < 80 else 10,
            "#7A5C00",
        )
        box.text_frame.paragraphs[0].font.bold = True
    place = text(
        slide,
        str(len(made.slides)),
        WIDTH - Inches(1.2),
        HEIGHT - Inches(0.55),
        Inches(0.6),
        Inches(0.35),
        11,
        MUTED,
    )
    place.text_frame.paragraphs[0].alignment = PP_ALIGN.RIGHT
    return slide


def _plot(slide: Slide, plot: Plot, left: int, top: int, width: int, height: int) -> None:
    if plot.kind == "grid":
        _grid(slide, plot, left, top, width, height)
        return
    deck_charts.add(slide, plot, left, top, width, height)


def _grid(slide: Slide, plot: Plot, left: int, top: int, width: int, height: int) -> None:
    """Draw a grid as a table with coloured cells, which PowerPoint has no chart for."""
    rows, columns, held = grids.cells(plot)
    labels = plot.labels()
    body = tuple(
        (labels.get(row, row), *(_in_cell(cell) for cell in line))
        for row, line in zip(rows, held, strict=True)
    )
    # a row holds a line of these letters, and one of smaller ones
    size = max(9, min(16, int(height / Pt(1) / (2.1 + 2.3 * max(len(rows), 1)))))
    drawn = table(slide, Table(("", *columns), body), left, top, width, size)
    drawn.name = plot.name
    for r, line in enumerate(held, start=1):
        drawn.table.rows[r].height = Emu(int(Pt(2.3 * size)))
        for c, cell in enumerate(line, start=1):
            if cell:
                _fill(drawn.table.cell(r, c), cell, size)
    drawn.table.rows[0].height = Emu(int(Pt(2.1 * size)))
    for c in range(1, len(columns) + 1):
        drawn.table.cell(0, c).text_frame.paragraphs[0].alignment = PP_ALIGN.CENTER


def _in_cell(cell: grids.Cell | None) -> str:
    return "\n".join(filter(None, (cell.value, " · ".join(cell.beneath)))) if cell else "–"


def _fill(place, cell: grids.Cell, size: int) -> None:  # type: ignore[no-untyped-def]
    place.fill.solid()
    place.fill.fore_color.rgb = colour(cell.colour)
    for line, paragraph in enumerate(place.text_frame.paragraphs):
        paragraph.alignment = PP_ALIGN.CENTER
        paragraph.font.size = Pt(size if line == 0 else 0.7 * size)
        paragraph.font.color.rgb = colour(MUTED if cell.faded else INK)


def table(slide: Slide, content: Table, left: int, top: int, width: int, size: int):  # type: ignore[no-untyped-def]
    """Add a native table; its columns are as wide as their longest words ask for."""
    rows, columns = len(content.rows) + 1, len(content.head)
    height = int(Pt(size) * _ROW) * rows
    drawn = slide.shapes.add_table(rows, columns, *emu(left, top, width, height))
    letters = _columns(content)
    for place, most in enumerate(letters):
        drawn.table.columns[place].width = Emu(
            int(width * (most + 3) / (sum(letters) + 3 * columns))
        )
    for r, row in enumerate((content.head, *content.rows)):
        for c, words in enumerate(row):
            cell = drawn.table.cell(r, c)
            cell.text = words
            cell.margin_top = cell.margin_bottom = Pt(2)
            cell.vertical_anchor = MSO_ANCHOR.MIDDLE
            paragraph = cell.text_frame.paragraphs[0]
            paragraph.font.size, paragraph.font.bold = Pt(size), r == 0
            paragraph.alignment = PP_ALIGN.LEFT if c == 0 else PP_ALIGN.RIGHT
            cell.fill.solid()
            cell.fill.fore_color.rgb = colour("#E4EAF0" if r == 0 else "#FFFFFF")
            paragraph.font.color.rgb = colour(INK)
    return drawn


def _columns(content: Table) -> list[float]:
    """Return how many letters each column asks for."""
    return [
        max(0.6 * len(content.head[place]), *(_longest(row[place]) for row in content.rows), 5)
        for place in range(len(content.head))
    ]


def _longest(words: str) -> int:
    """Return the number of letters of the longest line."""
    return max(map(len, words.split("\n")))


def _pictures(
    slide: Slide, found: tuple[Picture, ...], left: int, top: int, width: int, room: int
) -> None:
    """Add examples in a grid of two columns, each with its words in its tier's colour."""
    edge = min(int(width / 2) - Inches(0.1), int(room / -(-len(found) // 2)) - Inches(0.42))
    for place, picture in enumerate(found):
        x = left + (place % 2) * (edge + Inches(0.15))
        y = top + (place // 2) * (edge + Inches(0.4))
        slide.shapes.add_picture(io.BytesIO(picture.png), *emu(x, y, edge, edge))
        label = text(slide, picture.label, x, y + edge, edge, Inches(0.3), 12, picture.colour)
        label.text_frame.paragraphs[0].font.bold = True


def text(  # type: ignore[no-untyped-def]
    slide: Slide, words: str, left: int, top: int, width: int, height: int, size: int, ink: str
):
    """Add a box with words in one size and colour."""
    box = slide.shapes.add_textbox(*emu(left, top, width, height))
    box.text_frame.word_wrap = True
    box.text_frame.text = words
    for paragraph in box.text_frame.paragraphs:
        paragraph.font.size, paragraph.font.color.rgb = Pt(size), colour(ink)
    return box


def paragraphs(
    slide: Slide,
    lines: tuple[str, ...],
    left: int,
    top: int,
    width: int,
    height: int,
    size: int,
    ink: str = INK,
    *,
    middle: bool = False,
) -> None:
    """Add paragraphs in letters as large as fit, at most ``size`` points; at the top, or in the middle."""
    fits, _ = _fitting(lines, width, height, size, 9)
    box = text(slide, "", left, top, width, height, fits, INK)
    box.text_frame.vertical_anchor = MSO_ANCHOR.MIDDLE if middle else MSO_ANCHOR.TOP
    for place, line in enumerate(lines):
        paragraph = box.text_frame.paragraphs[0] if place == 0 else box.text_frame.add_paragraph()
        paragraph.text = line
        paragraph.font.size, paragraph.font.color.rgb = Pt(fits), colour(ink)
        paragraph.space_after = Pt(0.5 * fits)


def _fitting(
    lines: tuple[str, ...], width: int, height: int, largest: int, smallest: int
) -> tuple[int, int]:
    """Return the size of letters, points, at which lines fill a box, and how high they then are."""
    needed = 0
    for size in range(largest, smallest - 1, -1):
        letters = max(1.0, (width - Pt(14)) / (0.56 * Pt(size)))
        rows = sum(math.ceil(len(line) / letters) for line in lines)
        needed = int(Pt(size) * (1.25 * rows + 0.5 * len(lines)) + Pt(8))
        if needed <= height:
            return size, needed
    return smallest, needed


def emu(*lengths: float) -> tuple[Emu, ...]:
    """Return lengths as python-pptx wants them."""
    return tuple(Emu(int(length)) for length in lengths)


def colour(code: str) -> RGBColor:
    """Return ``#RRGGBB`` as PowerPoint has it."""
    return RGBColor.from_string(code.removeprefix("#"))
