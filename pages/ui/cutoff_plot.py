"""The plot on which cut-offs are moved: cards, a histogram, a row a site, and lines that mouse and keys drag.

plotly.js draws it in the browser. Values are counted once into bins as fine as a line moves; whatever is
moved is recounted from the bins, in the browser while a line moves. No single scan is sent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.components import v2

from curation import tiers
from curation.tiers import UNSCORED, TierRule
from pages.ui import charts, frame, marks, served, text

#: Sites that get a row of their own, those with most scans; all others are drawn together only.
SITES_DRAWN = 24
#: Bars of the histogram at most.
_BARS = 50


@dataclass(frozen=True)
class Axis:
    """What is cut: its range and how finely.

    Parameters
    ----------
    column : str
        Name of what is cut.
    low, high : float
        The range that is drawn; values beyond it count to the outermost bins.
    step : float
        By how much a key moves a line; ten times that with Shift.
    title : str
        What stands below the plot.
    closed_right : bool
        A value on an edge belongs to the bin that ends there, not to the one that begins: it goes to the
        worse tier, which is the left one where higher is better.
    """

    column: str = "distortion_score"
    low: float = 0.0
    high: float = 100.0
    step: float = 0.5
    title: str = "Distortion score (0 pristine – 100 unusable; higher is worse)"
    closed_right: bool = False

    @property
    def bins(self) -> int:
        """Number of fine bins."""
        return round((self.high - self.low) / self.step)

    @property
    def digits(self) -> int:
        """Decimals of a cut-off."""
        return decimals(self.step)

    def bin_of(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the bin of each finite value; one on an edge is not moved by what division makes of it."""
        place = (values - self.low) / self.step
        place = np.ceil(place - 1e-9) - 1 if self.closed_right else np.floor(place + 1e-9)
        return np.clip(place, 0, self.bins - 1).astype(np.int64)

    @property
    def ticks(self) -> list[float]:
        """Where numbers stand below the plot."""
        wide = round_step((self.high - self.low) / 10)
        first = int(np.ceil(self.low / wide - 1e-9))
        last = int(np.floor(self.high / wide + 1e-9))
        return [float(f"{tick * wide:.10g}") for tick in range(first, last + 1)]


def round_step(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not less than ``least``."""
    power = 10.0 ** np.floor(np.log10(least))
    step = next(k for k in (1, 2, 5, 10) if k * power >= least * (1 - 1e-9)) * power
    return float(f"{step:.10g}")


def decimals(step: float) -> int:
    """Return how many decimals a multiple of ``step`` needs."""
    return next(d for d in range(16) if abs(round(step, d) - step) < 1e-9 * step)


@dataclass(frozen=True)
class Bins:
    """Scans counted by value and site; bin ``k`` begins at ``low + k step``.

    Parameters
    ----------
    axis : Axis
        What the bins are of.
    sites : tuple of str
        Names of the sites.
    counts : numpy.ndarray of int, shape (S, B)
        Scans of each site in each bin.
    free : numpy.ndarray of int, shape (S, B)
        Those of them whose tier only the cut-offs decide, not a gate and not a hand.
    """

    axis: Axis
    sites: tuple[str, ...]
    counts: NDArray[np.int64]
    free: NDArray[np.int64]


def binned(
    values: NDArray[np.float64], site: NDArray[np.integer[Any]], sites: Sequence[str], axis: Axis,
    held: NDArray[np.bool_] | None = None,
) -> Bins:  # fmt: skip
    """Count values into fine bins.

    Parameters
    ----------
    values : numpy.ndarray of float, shape (N,)
        What is cut; NaN are left out.
    site : numpy.ndarray of int, shape (N,)
        Position of each scan's site in ``sites``.
    sites : sequence of str
        Names of all sites.
    axis : Axis
        Range and step.
    held : numpy.ndarray of bool, shape (N,), optional
        Scans whose tier does not follow the cut-offs.
    """
    known = np.flatnonzero(np.isfinite(values))
    place = axis.bin_of(values[known])
    flat = site[known].astype(np.int64) * axis.bins + place
    shape, size = (len(sites), axis.bins), len(sites) * axis.bins
    counts = np.bincount(flat, minlength=size)
    bound = 0 if held is None else np.bincount(flat[held[known]], minlength=size)
    return Bins(axis, tuple(sites), counts.reshape(shape), (counts - bound).reshape(shape))


@dataclass(frozen=True)
class Lines:
    """Where the lines stand, and what that does.

    Parameters
    ----------
    rule : TierRule
        The rule in force.
    counts : mapping of str to int
        Scans of each of the rule's labels.
    fixed : mapping of str to int
        Those of them whose tier does not follow the lines.
    site : str or None
        The one site whose cut-offs the lines are; ``None``: the common ones.
    """

    rule: TierRule
    counts: Mapping[str, int]
    fixed: Mapping[str, int]
    site: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Tiers from left to right."""
        return self.turned(self.rule.names)

    @property
    def at(self) -> tuple[float, ...]:
        """Where the lines stand, from left to right."""
        return self.of(self.site)

    def of(self, site: str | None) -> tuple[float, ...]:
        """Return the cut-offs of a site, from left to right."""
        return self.turned(self.rule.by_site.get(site or "", self.rule.cutoffs))

    def follows(self, site: str) -> bool:
        """Tell whether the scans of a site follow the lines."""
        return site == self.site if self.site is not None else site not in self.rule.by_site

    def turned(self, listed: Sequence[Any]) -> tuple[Any, ...]:
        """Return what is listed from best to worst in the order of the axis, or the other way round."""
        return tuple(reversed(listed)) if self.rule.measure.better_is_higher else tuple(listed)


def describe(
    bins: Bins, lines: Lines, *, marked: tuple[str, float] | None = None, heard: str | None = None
) -> dict[str, Any]:
    """Say what the plot draws, as plain values that do not grow with the number of scans.

    Parameters
    ----------
    bins : Bins
        What is counted.
    lines : Lines
        Where they stand.
    marked : tuple of str and float, optional
        Id and value of the scan that is open on Review.
    heard : str, optional
        The last move that the server has heard of.
    """
    axis, colours = bins.axis, tiers.colours(lines.rule)
    shown = [lines.site in (None, site) for site in bins.sites]
    follow = [lines.follows(site) for site in bins.sites]
    whole, free = bins.counts[shown].sum(axis=0), bins.free[follow].sum(axis=0)
    of_site = f" of {lines.site}" if lines.site else ""
    said = f"{text.plural(int(whole.sum()), 'scan')}{of_site}"
    return {
        "script": served.plotly_script(), "font": charts.FONT, "heard": heard,
        "column": axis.column, "site": lines.site,
        "low": axis.low, "high": axis.high, "step": axis.step, "big": 10 * axis.step,
        "digits": axis.digits, "ticks": axis.ticks, "title": axis.title, "up": f"Scans{of_site}",
        "bins": free.tolist(), "fixed": (whole - free).tolist(), "group": _group(axis),
        "highest": max(1, int(_grouped(whole, _group(axis)).max(initial=0))),
        "rows": _rows(bins, lines), "cutoffs": list(lines.at), "names": list(lines.names),
        "colours": [colours[name] for name in lines.names], "cards": _cards(lines, colours),
        "marked": marked and {
            "name": f"{marked[0]}: {text.measured(lines.rule.measure, marked[1])}", "at": marked[1]
        },
        "alt": f"Histogram of {said}, coloured by tier, with the cut-offs as lines",
    }  # fmt: skip


def _cards(lines: Lines, colours: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the card of each tier from left to right, then those of scans that no line can reach."""
    rule = lines.rule
    held = dict(zip(rule.names, (line.split(": ", 1)[1] for line in rule.describe()), strict=True))
    names = [*lines.names, *(n for n in rule.labels[len(rule.names) :] if lines.counts.get(n))]
    return [
        {
            "title": name if name == UNSCORED else marks.tier_label(name), "name": name,
            "count": lines.counts.get(name, 0), "fixed": lines.fixed.get(name, 0),
            "range": "" if lines.site else held.get(name, ""), "place": rule.labels.index(name),
            "colour": colours[name], "ink": marks.ink_on(colours[name]),
        }
        for name in names
    ]  # fmt: skip


def _rows(bins: Bins, lines: Lines) -> list[dict[str, Any]]:
    """Return a row for each of the sites with most scans, in the order of their names."""
    if len(bins.sites) < 2:
        return []
    size = bins.counts.sum(axis=1)
    largest = np.argsort(-size, kind="stable")[:SITES_DRAWN].tolist()
    return [
        {
            "name": bins.sites[i], "scans": int(size[i]),
            "points": _grouped(bins.counts[i], _group(bins.axis)).tolist(),
            "follows": lines.follows(bins.sites[i]), "cutoffs": list(lines.of(bins.sites[i])),
        }
        for i in sorted(largest, key=bins.sites.__getitem__)
    ]  # fmt: skip


def _group(axis: Axis) -> int:
    """Return how many fine bins make a bar."""
    return -(-axis.bins // _BARS)


def show(
    bins: Bins, lines: Lines, taken: Callable[[Mapping[str, Any]], None], *,
    marked: tuple[str, float] | None = None, heard: str | None = None,
) -> None:  # fmt: skip
    """Draw the plot.

    ``taken`` gets ``id column site cutoffs`` (from left to right) of a moved line, before the page runs.
    """
    _component()(
        key=_KEY, data=describe(bins, lines, marked=marked, heard=heard),
        on_moved_change=lambda: _hand_on(taken),
    )  # fmt: skip


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
        "tierscope_cutoffs", html='<div class="cutoffs"></div>', css=css,
        js=served.drawing("cutoffs"), isolate_styles=False,
    )  # fmt: skip
