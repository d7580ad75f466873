"""Cut-off plot: cards, a histogram, a row a site, and lines that mouse and keys move.

plotly.js draws it in the browser. Values are counted once into bins as fine as a line moves; whatever is
moved is recounted from the bins, in the browser while a line moves. No single scan is sent.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.components import v2

from curation.tiers import tier_rule
from curation.wording import FEWEST_FOR_PERCENT, plural
from pages.ui.scan_table.cutoff_axis import Axis, Bins, Lines
from pages.ui.shell import formatting, frame, html_marks, page_scripts, static_files
from training.theme import FONT

#: Sites that get a row of their own, those with most scans; all others are drawn together only.
SITES_DRAWN = 24
#: Bars of the histogram at most.
_BARS = 50


def describe(
    bins: Bins,
    lines: Lines,
    *,
    marked: tuple[str, float, float] | None = None,
    heard: str | None = None,
) -> dict[str, Any]:
    """Return the content of the plot as plain values, whose size does not grow with the number of scans.

    Parameters
    ----------
    bins : Bins
        What is counted.
    lines : Lines
        Where they stand.
    marked : tuple of str and two floats, optional
        Id and value of the scan that is open on Review.
    heard : str, optional
        The last move that the server has heard of.
    """
    axis, colours = bins.axis, tier_rule.colours(lines.rule)
    shown = [lines.site in (None, site) for site in bins.sites]
    follow = [lines.follows(site) for site in bins.sites]
    whole, free = bins.counts[shown].sum(axis=0), bins.free[follow].sum(axis=0)
    of_site = f" of {lines.site}" if lines.site else ""
    text = f"{plural(int(whole.sum()), 'scan')}{of_site}"
    return {
        "script": static_files.plotly_script(),
        "font": FONT,
        "heard": heard,
        "column": axis.column,
        "site": lines.site,
        "low": axis.low,
        "high": axis.high,
        "step": axis.step,
        "big": 10 * axis.step,
        "digits": axis.digits,
        "ticks": axis.ticks,
        "title": axis.title,
        "up": f"Scans{of_site}",
        "bins": free.tolist(),
        "fixed": (whole - free).tolist(),
        "group": _group(axis),
        "highest": max(1, int(_grouped(whole, _group(axis)).max(initial=0))),
        "rows": _rows(bins, lines),
        "cutoffs": list(lines.at),
        "names": list(lines.names),
        "colours": [colours[name] for name in lines.names],
        "cards": _cards(lines, colours),
        "few": FEWEST_FOR_PERCENT,
        "marked": marked
        and {
            "name": f"{marked[0]}: {formatting.measured(lines.rule.rule_column, *marked[1:])}",
            "at": marked[1],
        },
        "alt": f"Histogram of {text}, coloured by tier, with the cut-offs as lines",
    }


def _cards(lines: Lines, colours: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the card of each tier from left to right, then those of scans that no line can reach."""
    rule = lines.rule
    held = dict(zip(rule.names, (line.split(": ", 1)[1] for line in rule.describe()), strict=True))
    names = [*lines.names, *(n for n in rule.labels[len(rule.names) :] if lines.counts.get(n))]
    return [
        {
            "title": html_marks.tier_label(rule.called(name)),
            "name": name,
            "count": lines.counts.get(name, 0),
            "fixed": lines.fixed.get(name, 0),
            "range": "" if lines.site else held.get(name, ""),
            "place": rule.labels.index(name),
            "colour": colours[name],
            "ink": html_marks.ink_on(colours[name]),
        }
        for name in names
    ]


def _rows(bins: Bins, lines: Lines) -> list[dict[str, Any]]:
    """Return a row for each of the sites with most scans, in the order of their names."""
    if len(bins.sites) < 2:
        return []
    size = bins.counts.sum(axis=1)
    largest = np.argsort(-size, kind="stable")[:SITES_DRAWN].tolist()
    return [
        {
            "name": bins.sites[i],
            "scans": int(size[i]),
            "points": _grouped(bins.counts[i], _group(bins.axis)).tolist(),
            "follows": lines.follows(bins.sites[i]),
            "cutoffs": list(lines.cutoffs_of(bins.sites[i])),
        }
        for i in sorted(largest, key=bins.sites.__getitem__)
    ]


def _group(axis: Axis) -> int:
    """Return how many fine bins make a bar."""
    return -(-axis.bins // _BARS)


def show(
    bins: Bins,
    lines: Lines,
    taken: Callable[[Mapping[str, Any]], None],
    *,
    marked: tuple[str, float, float] | None = None,
    heard: str | None = None,
) -> None:
    """Draw the plot.

    ``taken`` gets ``id column site cutoffs`` (from left to right) of a moved line, before the page runs.
    """
    _component()(
        key=_KEY,
        data=describe(bins, lines, marked=marked, heard=heard)
        | {"session": page_scripts.session()},
        on_moved_change=lambda: _hand_on(taken),
    )


_KEY = "cutoff_plot"


def _hand_on(taken: Callable[[Mapping[str, Any]], None]) -> None:
    moved = getattr(st.session_state.get(_KEY), "moved", None)
    if isinstance(moved, Mapping) and {"id", "column", "site", "cutoffs"} <= moved.keys():
        taken(moved)


def sites_left_out(bins: Bins) -> int:
    """Return how many sites have no row of their own."""
    return max(len(bins.sites) - SITES_DRAWN, 0)


def _grouped(counts: NDArray[np.int64], group: int) -> NDArray[np.int64]:
    return np.add.reduceat(counts, np.arange(0, len(counts), group))


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., object]:
    css = (frame.ASSETS / "cutoffs.css").read_text(encoding="utf-8")
    return v2.component(
        "tierscope_cutoffs",
        html='<div class="cutoffs"></div>',
        css=css,
        js=static_files.drawing("cutoffs"),
        isolate_styles=False,
    )
