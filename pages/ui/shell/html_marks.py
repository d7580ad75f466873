"""Small marks drawn as HTML: chips of tiers and states, score, bars, tables, cards; every text is escaped."""

import html
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pages.ui.shell import formatting


def ink_on(colour: str) -> str:
    """Return black or white, whichever reads better on ``colour`` (``#RRGGBB``)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#FFFFFF" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else "#111111"


def tier_label(tier: str) -> str:
    """Return the label of a tier on its own: a letter is "Tier A", a word is itself."""
    return f"Tier {tier}" if len(tier) == 1 else tier


def perhaps(tier: str, worst: str) -> str:
    """Return a tier with the worst that it could be, where part of what is judged was not measured."""
    return tier if worst == tier else f"{tier}, perhaps {worst}"


def tier_chip(tier: str, colour: str, worst: str = "") -> str:
    """Return the chip of a tier, see :func:`pages.ui.scan_table.tried_rule.tier_colour` for its colour.

    ``worst`` is the worst that it could be, see :func:`perhaps`.
    """
    label = perhaps(tier_label(tier), worst) if worst and worst != tier else tier_label(tier)
    style = f"background:{colour};color:{ink_on(colour)}"
    return f'<span class="ts-chip" style="{style}">{html.escape(label)}</span>'


#: State -> the word on the screen and its colour.
STATES: dict[str, tuple[str, str]] = {
    "planned": ("planned", "#616E7C"),
    "waiting": ("waiting", "#616E7C"),
    "queued": ("in the queue", "#616E7C"),
    "running": ("running", "#1A5A8A"),
    "stopped": ("stopped", "#8D5B00"),
    "failed": ("failed", "#A61B1B"),
    "finished": ("finished", "#1F6F43"),
}


def state_chip(name: str) -> str:
    """Return the chip of the state of a study or a run, the same on every page."""
    word, colour = STATES[name]
    return f'<span class="ts-chip" style="background:{colour};color:#fff">{word}</span>'


# ---- score and bars --------------------------------------------------------------------------------


def score(
    value: float,
    tier: str,
    colour: str,
    coverage: str,
    *,
    high: float = math.nan,
    worst: str = "",
    by_hand: bool = False,
) -> str:
    """Return the distortion score of one scan, large, with its tier, direction and coverage in words.

    ``high`` is its upper end, see :func:`pages.ui.shell.formatting.score`, and ``worst`` the tier there.
    """
    if not math.isfinite(value):
        words = "No metric of this scan could be measured, or it is not scored yet."
        return f'<div class="ts-score"><span class="ts-value">{formatting.DASH}</span>{words}</div>'
    of = (
        "distortion score, 0 pristine to 100 unusable<br>"
        f"<b>higher is worse</b>{f' · {html.escape(coverage)}' if coverage else ''}"
    )
    hand = '<span class="ts-of"><b>by hand</b>, not by the score</span>' if by_hand else ""
    return (
        f'<div class="ts-score"><span class="ts-value">{formatting.score(value, high)}</span>'
        f'<span class="ts-of">{of}</span>'
        f'<span class="ts-tier">{tier_chip(tier, colour, worst)}{hand}</span></div>'
    )


def bars(values: Mapping[str, float], partly: Collection[str] = ()) -> str:
    """Return sub-scores (0 to 100, NaN: not measurable) as rows of bars, worst one darkest.

    Those ``partly`` measured say so, since what was not might be worse.
    """
    worst = max((v for v in values.values() if math.isfinite(v)), default=math.inf)
    rows = (
        _bar_row(name, value, value == worst and value > 0, partly=name in partly)
        for name, value in values.items()
    )
    return f'<div class="ts-bars">{"".join(rows)}</div>'


def _bar_row(name: str, value: float, worst: bool, *, partly: bool) -> str:
    known = math.isfinite(value)
    part = ' <span class="ts-muted">in part</span>' if partly and known else ""
    shown = (
        formatting.score(value)
        if known
        else f'<span title="not measurable">{formatting.DASH}</span>'
    )
    return (
        f"<span>{html.escape(name)}{part}</span>{track(value, worst=worst)}"
        f'<span class="ts-num">{shown}</span>'
    )


def track(value: float, *, worst: bool = False, before: float = math.nan) -> str:
    """Return one bar from 0 to 100, with a tick at ``before``; hatched for NaN."""
    if not math.isfinite(value):
        return '<div class="ts-track ts-none" title="not measurable"></div>'
    css = "ts-track ts-worst" if worst else "ts-track"
    tick = f'<i style="left:{_percent(before)}"></i>' if math.isfinite(before) else ""
    return f'<div class="{css}"><span style="width:{_percent(value)}"></span>{tick}</div>'


def _percent(value: float) -> str:
    return f"{min(max(value, 0), 100):.1f}%"


def changes(values: Mapping[str, tuple[float, float]], *, expected: str | None = None) -> str:
    """Return sub-scores before and after as rows of bars; the one ``expected`` to rise stands out."""
    rows = (
        f"<span>{f'<b>{html.escape(name)}</b>' if name == expected else html.escape(name)}</span>"
        f"{track(after, worst=name == expected, before=before)}"
        f'<span class="ts-num">{arrow(before, after)}</span>'
        for name, (before, after) in values.items()
    )
    return f'<div class="ts-bars ts-changes">{"".join(rows)}</div>'


def arrow(before: float, after: float) -> str:
    """Return two scores, before and after."""
    return f"{formatting.score(before)} → <b>{formatting.score(after)}</b>"


# ---- tables and cards ------------------------------------------------------------------------------


#: Around a table: one that is wider than the screen is scrolled by keys, too.
_SCROLLED = '<div class="ts-scroll" role="group" aria-label="Table" tabindex="0">'


@dataclass(frozen=True)
class Cell:
    """One cell of :func:`table` that is not plain text."""

    markup: str


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numeric: Iterable[int] = (),
    whole: Iterable[int] = (),
    even: bool = False,
) -> str:
    """Return an HTML table.

    Parameters
    ----------
    head : sequence of str
        Column names.
    rows : iterable of sequence
        Texts are escaped, :class:`Cell` is taken as it is; a row of one entry is a group's name.
    numeric : iterable of int
        Columns that are set to the right.
    whole : iterable of int
        Columns whose entries are not broken into lines.
    even : bool
        Make all columns equally wide, whatever they hold: for tables that change while one looks.
    """
    kinds = dict.fromkeys(whole, "ts-whole") | dict.fromkeys(numeric, "ts-num")
    css = [f' class="{kinds[i]}"' if i in kinds else "" for i in range(len(head))]
    titles = "".join(f"<th{c}>{html.escape(h)}</th>" for h, c in zip(head, css, strict=True))
    body = "".join(_table_row(row, css) for row in rows)
    css_class = "ts ts-even" if even else "ts"
    return (
        f'{_SCROLLED}<table class="{css_class}"><thead><tr>{titles}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _table_row(row: Sequence[object], css: list[str]) -> str:
    if len(row) == 1:
        inner = _cell_text(row[0])
        return f'<tr class="ts-group"><td colspan="{len(css)}">{inner}</td></tr>'
    cells = (f"<td{c}>{_cell_text(value)}</td>" for value, c in zip(row, css, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _cell_text(value: object) -> str:
    return value.markup if isinstance(value, Cell) else html.escape(str(value))


@dataclass(frozen=True)
class Card:
    """A number with its name, and a line below it."""

    title: str
    value: str
    detail: str = ""


def cards(items: Iterable[Card]) -> str:
    """Return cards side by side."""
    return f'<div class="ts-cards">{"".join(map(_card, items))}</div>'


def _card(card: Card) -> str:
    return (
        f'<div class="ts-card"><small>{html.escape(card.title)}</small><b>{html.escape(card.value)}</b>'
        f"<small>{html.escape(card.detail)}</small></div>"
    )
