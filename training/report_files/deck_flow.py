"""Flow charts of inclusion as native shapes: boxes and arrows that can be moved."""

from typing import Any

from pptx.dml.color import RGBColor
from pptx.enum.shapes import MSO_CONNECTOR, MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.slide import Slide
from pptx.util import Emu, Inches, Pt

from training.report.plots import Box, FlowTable
from training.theme import INK, MUTED


def draw_flows(
    slide: Slide, flows: tuple[FlowTable, ...], left: int, top: int, width: int, height: int
) -> None:
    """Draw flow charts side by side."""
    gap = Inches(0.4)
    each = Emu(int((width - gap * (len(flows) - 1)) / len(flows)))
    for place, flow in enumerate(flows):
        _flow(slide, flow, Emu(left + place * (each + gap)), top, each, height)


def _flow(slide: Slide, flow: FlowTable, left: int, top: int, width: int, height: int) -> None:
    title = _box(slide, Box(flow.title), left, top, width, Inches(0.35), fill=None)
    title.text_frame.paragraphs[0].font.bold = True
    rows = len(flow.boxes) + bool(flow.ends)
    step = int((height - Inches(0.4)) / rows)
    tall, main = Emu(min(int(0.68 * step), Inches(0.85))), Emu(int(0.56 * width))
    y, above = top + Inches(0.4), None
    for box in flow.boxes:
        drawn = _box(slide, box, left, Emu(y), main, tall)
        if above is not None:
            _arrow(slide, above, 2, drawn, 0)
        if box.left:
            side = Box("", tuple(box.left))
            x = Emu(left + main + Inches(0.35))
            out = _box(
                slide,
                side,
                x,
                Emu(y + int(0.45 * step)),
                Emu(left + width - x),
                Emu(min(int(0.6 * step), Inches(0.8))),
                size=11,
            )
            _arrow(slide, drawn, 2, out, 1)
        y, above = y + step, drawn
    _ends(slide, flow.ends, left, Emu(y), width, tall, above)


def _ends(
    slide: Slide, ends: tuple[Box, ...], left: int, top: int, width: int, tall: int, above: Any
) -> None:
    if not ends:
        return
    each = int(width / len(ends))
    for place, box in enumerate(ends):
        drawn = _box(slide, box, Emu(left + place * each), top, Emu(each - Inches(0.12)), tall)
        if above is not None:
            _arrow(slide, above, 2, drawn, 0)


def _box(  # type: ignore[no-untyped-def]
    slide: Slide,
    box: Box,
    left: int,
    top: int,
    width: int,
    height: int,
    *,
    fill: str | None = "#FFFFFF",
    size: int = 12,
):
    shape = slide.shapes.add_shape(
        MSO_SHAPE.RECTANGLE, Emu(left), Emu(top), Emu(width), Emu(height)
    )
    shape.shadow.inherit = False
    if fill is None:
        shape.fill.background()
        shape.line.fill.background()
    else:
        shape.fill.solid()
        shape.fill.fore_color.rgb = _colour(fill)
        shape.line.color.rgb, shape.line.width = _colour(MUTED), Pt(1)
    frame = shape.text_frame
    frame.word_wrap, frame.vertical_anchor = True, MSO_ANCHOR.MIDDLE
    frame.margin_top = frame.margin_bottom = frame.margin_left = frame.margin_right = Pt(3)
    for place, line in enumerate([*([box.title] if box.title else []), *box.lines]):
        paragraph = frame.paragraphs[0] if place == 0 else frame.add_paragraph()
        paragraph.text = line
        paragraph.alignment = PP_ALIGN.LEFT if fill is None or not box.title else PP_ALIGN.CENTER
        paragraph.font.size, paragraph.font.color.rgb = (
            Pt(14 if fill is None else size),
            _colour(INK),
        )
        paragraph.font.bold = bool(box.title) and place == 0
    return shape


def _arrow(slide: Slide, start: Any, from_side: int, end: Any, to_side: int) -> None:
    kind = MSO_CONNECTOR.ELBOW if to_side == 1 else MSO_CONNECTOR.STRAIGHT
    line = slide.shapes.add_connector(kind, Emu(0), Emu(0), Emu(0), Emu(0))
    line.begin_connect(start, from_side)
    line.end_connect(end, to_side)
    line.line.color.rgb, line.line.width = _colour(MUTED), Pt(1.25)


def _colour(code: str) -> RGBColor:
    return RGBColor.from_string(code.removeprefix("#"))
