"""Flow chart of a cohort as SVG, in the layout of CONSORT and STARD."""

import textwrap
from collections.abc import Mapping
from html import escape

from curation.cohorts.flow_chart import Exclusion, Flow, Stage, TierCount

_WIDTH, _MARGIN = 820, 16
_SPINE, _SIDE = 300, 400
_LINE, _PAD, _GAP = 19, 11, 26
_SIZE = 14
#: Letters that surely fit into a pixel's width at that size.
_LETTERS_A_PIXEL = 1 / 7.6
_INK, _PAPER = "#1F2933", "#FFFFFF"


def svg(flow: Flow, colours: Mapping[str, str], title: str = "Flow of scans") -> str:
    """Draw a flow.

    Parameters
    ----------
    flow : Flow
        What is drawn: stages down the left, what left on the right, tiers at the foot.
    colours : mapping of str to str
        A colour a tier, see :func:`curation.tiers.tier_rule.colours`.
    title : str
        For people who cannot see it; the flow in words is its description.

    Returns
    -------
    str
        A whole SVG document, black on white, 820 pixels wide; it names no font of its own.
    """
    parts: list[str] = []
    top: float = _MARGIN
    for number, stage in enumerate(flow.stages):
        drawn, bottom = _stage(stage, top)
        parts += drawn
        if number < len(flow.stages) - 1:
            following = max(bottom, _below_side(stage, bottom)) + _GAP
            parts.append(_arrow(_MARGIN + _SPINE / 2, bottom, following))
            if stage.left_out:
                parts += _side(stage.left_out, bottom, following)
            top = following
        else:
            top = bottom
    drawn, bottom = _tiers(flow.tiers, colours, top)
    parts += drawn
    height = bottom + _MARGIN
    said = escape("; ".join(line.strip() for line in flow.lines()))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" width="{_WIDTH}" '
        f'height="{height:g}" role="img" font-family="Arial, Helvetica, sans-serif" '
        f'font-size="{_SIZE}" fill="{_INK}">\n<title>{escape(title)}</title>\n<desc>{said}</desc>\n'
        f'<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        f'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{_INK}"/></marker></defs>\n'
        f'<rect width="100%" height="100%" fill="{_PAPER}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _stage(stage: Stage, top: float) -> tuple[list[str], float]:
    lines = [*_wrapped(stage.label, _SPINE), _numbers(stage.scans, stage.people)]
    return _box(_MARGIN, top, _SPINE, lines)


def _side_lines(left_out: tuple[Exclusion, ...]) -> list[str]:
    lines = [f"Left out (n = {sum(out.scans for out in left_out):,})"]
    for out in left_out:
        lines += _wrapped(f"{out.reason} (n\u00a0=\u00a0{out.scans:,})", _SIDE, indent=True)
    return lines


def _below_side(stage: Stage, bottom: float) -> float:
    """Return where the box of those who left ends, so that the next stage begins below it."""
    return bottom + (_height(len(_side_lines(stage.left_out))) if stage.left_out else 0)


def _side(left_out: tuple[Exclusion, ...], bottom: float, following: float) -> list[str]:
    lines = _side_lines(left_out)
    middle = (bottom + following) / 2
    left = _WIDTH - _MARGIN - _SIDE
    drawn, _ = _box(left, middle - _height(len(lines)) / 2, _SIDE, lines)
    x = _MARGIN + _SPINE / 2
    return [
        f'<line x1="{x:g}" y1="{middle:g}" x2="{left:g}" y2="{middle:g}" stroke="{_INK}" '
        'marker-end="url(#tip)"/>',
        *drawn,
    ]


def _tiers(
    tiers: tuple[TierCount, ...], colours: Mapping[str, str], top: float
) -> tuple[list[str], float]:
    """Draw the tiers in a row, each under its arrow."""
    gap = 10
    width = (_WIDTH - 2 * _MARGIN - gap * (len(tiers) - 1)) / len(tiers)
    texts = [_tier_lines(tier, width) for tier in tiers]
    most = max(map(len, texts))
    start, rail, box_top = _MARGIN + _SPINE / 2, top + _GAP / 2, top + _GAP + 10
    centres = [_MARGIN + width / 2 + place * (width + gap) for place in range(len(tiers))]
    parts = [
        _line(start, top, start, rail),
        _line(min(start, centres[0]), rail, max(start, centres[-1]), rail),
    ]
    bottom = box_top
    for tier, lines, centre in zip(tiers, texts, centres, strict=True):
        left = centre - width / 2
        drawn, bottom = _box(left, box_top, width, lines + [""] * (most - len(lines)))
        colour = escape(colours.get(tier.tier, _INK))
        parts += [
            _arrow(centre, rail, box_top),
            *drawn,
            f'<rect x="{left:g}" y="{box_top:g}" width="{width:g}" height="5" fill="{colour}"/>',
        ]
    return parts, bottom


def _tier_lines(tier: TierCount, width: float) -> list[str]:
    people = f"{tier.people:,} {'person' if tier.people == 1 else 'people'}"
    lines = [*_wrapped(f"Tier {tier.tier}", width), f"n = {tier.scans:,}", people]
    for way, count in (("by a gate", tier.by_gate), ("by hand", tier.by_hand)):
        lines += _wrapped(f"{count:,} {way}", width) if count else []
    return lines


def _numbers(scans: int, people: int) -> str:
    return f"n = {scans:,} ({people:,} {'person' if people == 1 else 'people'})"


def _wrapped(text: str, width: float, *, indent: bool = False) -> list[str]:
    letters = max(6, int((width - 2 * _PAD) * _LETTERS_A_PIXEL) - 2 * indent)
    lines = textwrap.wrap(text, letters) or [""]
    return [
        f"{'– ' if number == 0 else '   '}{line}" if indent else line
        for number, line in enumerate(lines)
    ]


def _height(lines: int) -> float:
    return lines * _LINE + 2 * _PAD - 4


def _box(left: float, top: float, width: float, lines: list[str]) -> tuple[list[str], float]:
    """Draw a box with its lines; return it and where it ends."""
    height = _height(len(lines))
    parts = [
        f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" fill="{_PAPER}" '
        f'stroke="{_INK}"/>'
    ]
    for number, line in enumerate(lines):
        if line:
            y = top + _PAD + _SIZE - 2 + number * _LINE
            weight = ' font-weight="600"' if number == 0 else ""
            parts.append(
                f'<text x="{left + _PAD:g}" y="{y:g}"{weight} xml:space="preserve">{escape(line)}</text>'
            )
    return parts, top + height


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{_INK}"/>'


def _arrow(x: float, top: float, bottom: float) -> str:
    return (
        f'<line x1="{x:g}" y1="{top:g}" x2="{x:g}" y2="{bottom:g}" stroke="{_INK}" '
        'marker-end="url(#tip)"/>'
    )
