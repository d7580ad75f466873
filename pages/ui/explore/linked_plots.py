"""Linked plots: several plots of the same scans that share one selection.

Up to some 20,000 scans are points; of more, the browser gets counts in cells, and which scans lie in a box or
lasso is found here (:mod:`pages.ui.explore.density`). The drawing is ``assets/linked.js``.
"""

import base64
import hashlib
import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from streamlit.components import v2

from curation.wording import plural
from pages.ui.explore import density
from pages.ui.explore.density import Floats, Panel, Places
from pages.ui.shell import frame, state, static_files
from training.theme import FONT

#: More scans than these are drawn as density.
POINTS_DRAWN = 20_000
_KEY = "linked_plots"
#: What a box, a lasso, a click or a search does -> what the screen calls it; the first by default.
MODES: dict[str, str] = {
    "new": "New selection",
    "add": "Add",
    "keep": "Keep only",
    "drop": "Take away",
}
#: Letters of a site's name below its column.
_LONGEST_SITE = 16
#: The scan that is open on Review, and what is selected of a density.
OPEN, CHOSEN = "#56B4E9", "#B1173B"


@dataclass(frozen=True)
class LinkedPlots:
    """Content of the plots.

    Parameters
    ----------
    panels : tuple of Panel
        Of the same N scans.
    names : pandas.Index, shape (N,)
        Ids of the scans.
    codes : numpy.ndarray of int, shape (N,)
        Position of each scan's colour in ``colours``.
    colours : tuple of str
        ``#RRGGBB``.
    open : int or None
        Which scan is open on Review.
    shapes : tuple of str
        plotly's symbol of each colour; without them all are circles.
    """

    panels: tuple[Panel, ...]
    names: pd.Index
    codes: NDArray[np.integer[Any]]
    colours: tuple[str, ...]
    open: int | None = None
    shapes: tuple[str, ...] = ()

    @property
    def dense(self) -> bool:
        """Whether the scans are too many for points."""
        return len(self.names) > POINTS_DRAWN


# ---- what the browser gets -------------------------------------------------------------------------


def describe(
    shown: LinkedPlots, legend: Sequence[tuple[str, ...]], chosen: Places
) -> dict[str, Any]:
    """Return all that the browser draws, as JSON-ready values.

    Parameters
    ----------
    shown : LinkedPlots
        The scans.
    legend : sequence of tuple of str
        A colour, what it stands for, and the letter of its shape, where it has one.
    chosen : numpy.ndarray of int
        Positions of those that are selected.
    """
    opened = [(OPEN, "open on Review", "▲")] if shown.open is not None else []
    panels = [_panel(panel, shown, chosen) for panel in shown.panels]
    drawn: dict[str, Any] = {
        "panels": panels,
        "colours": list(shown.colours),
        "shapes": list(shown.shapes),
        "names": None,
        "codes": None,
        "legend": [*map(list, legend), *map(list, opened)],
        "open": OPEN,
        "selected": CHOSEN,
        "axes": "|".join(f"{panel.along}/{panel.up}" for panel in shown.panels),
    }
    if not shown.dense:
        drawn |= {"names": list(map(html.escape, shown.names)), "codes": _packed(shown.codes, "u1")}
    version = hashlib.blake2b(json.dumps(drawn).encode(), digest_size=8).hexdigest()
    return drawn | {
        "version": version,
        "script": static_files.plotly_script(),
        "font": FONT,
        "modes": list(MODES.items()),
        "mode": current_mode(),
        "chosen": [] if shown.dense else chosen.tolist(),
        "many": len(chosen),
        "all": len(shown.names),
        "alt": (
            f"{len(panels)} plots of {plural(len(shown.names), 'scan')}, {len(chosen):,} selected"
        ),
    }


def _panel(panel: Panel, shown: LinkedPlots, chosen: Places) -> dict[str, Any]:
    x_as, y_as = panel.formats
    hover = f"%{{y:{y_as}}}" if panel.sites else f"%{{x:{x_as}}}, %{{y:{y_as}}}"
    drawn: dict[str, Any] = {
        "along": html.escape(panel.along),
        "up": html.escape(panel.up).replace("\n", "<br>"),
        "hover": hover,
        "words": html.escape(panel.words),
        "sites": list(map(_short, panel.sites)) or None,
        "open": None,
    }
    if panel.words:
        return drawn | {"x": [], "y": []}
    x = panel.x + _jitter(len(panel.x)) if panel.sites and not shown.dense else panel.x
    if shown.open is not None:
        at = float(x[shown.open]), float(panel.y[shown.open])
        drawn["open"] = at if np.isfinite(at).all() else None
    if shown.dense:
        return drawn | {"cells": density.cells(panel, chosen)}
    drawn |= {"x": _packed(x, "f4"), "y": _packed(panel.y, "f4")}
    if any(
        len(site) > _LONGEST_SITE for site in panel.sites
    ):  # names in full, where the mouse rests
        places = _packed(panel.x, "u1")
        drawn["cut"] = {"sites": list(map(html.escape, panel.sites)), "at": places}
    return drawn | ({"boxes": _boxes(panel)} if panel.sites else {})


def _short(site: str) -> str:
    return html.escape(site if len(site) <= _LONGEST_SITE else f"{site[: _LONGEST_SITE - 1]}…")


def _packed(values: NDArray[Any], kind: str) -> dict[str, str]:
    """Return numbers as plotly.js takes them."""
    raw = np.ascontiguousarray(values, dtype=f"<{kind}").tobytes()
    return {"dtype": kind, "bdata": base64.b64encode(raw).decode("ascii")}


def _jitter(count: int) -> Floats:
    """Return where in its column each scan is drawn, the same each time, -0.3 to 0.3."""
    return 0.6 * ((np.arange(count) * 0.61803398875) % 1.0) - 0.3


def _boxes(panel: Panel) -> dict[str, list[float]]:
    """Return quartiles of each site, and whiskers as Tukey draws them."""
    known = np.isfinite(panel.x) & np.isfinite(panel.y)
    places = pd.Series(panel.y[known]).groupby(panel.x[known].astype(int))
    found: dict[str, list[float]] = {key: [] for key in ("at", "low", "q1", "median", "q3", "high")}
    for at, values in places:
        q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75])
        reach = 1.5 * (q3 - q1)
        inside = values[(values >= q1 - reach) & (values <= q3 + reach)]
        row = (at, inside.min(), q1, median, q3, inside.max())
        for key, value in zip(found, row, strict=True):
            found[key].append(float(value))
    return found


# ---- what the browser says -------------------------------------------------------------------------


def selection_after(
    shown: LinkedPlots, version: str, report: Mapping[str, Any], before: Places
) -> Places | None:
    """Return the selected positions after a report of the browser; ``None`` for an outdated report.

    Parameters
    ----------
    shown : LinkedPlots
        What the browser was showing.
    version : str
        Of :func:`describe`.
    said : mapping
        ``version kind`` and ``chosen``, or ``panel x y mode``.
    before : numpy.ndarray of int
        What was selected until now.
    """
    if report.get("version") != version:
        return None
    count = len(shown.names)
    if report.get("kind") == "scans":
        chosen = np.array(report.get("chosen") or [], dtype=np.intp)
        return np.unique(chosen[(chosen >= 0) & (chosen < count)])
    panel, xs, ys = report.get("panel"), report.get("x") or [], report.get("y") or []
    if (
        not (isinstance(panel, int) and 0 <= panel < len(shown.panels))
        or len(xs) != len(ys)
        or len(xs) < 2
    ):
        return None
    found = density.scans_inside(shown.panels[panel], str(report.get("kind")), xs, ys)
    return combined(str(report.get("mode")), before, np.flatnonzero(found))


def current_mode() -> str:
    """Return the mode of the next box, lasso, click or search: one of :data:`MODES`.

    The browser says it with every report, so that none that comes together with another is lost; its word
    comes first.
    """
    reported = getattr(st.session_state.get(_KEY), "mode", None)
    if reported in MODES:
        state.put(state.SELECT_MODE, reported)
    return str(state.keep_one_of(state.SELECT_MODE, list(MODES)))


def combined(mode: str, before: NDArray[Any], found: NDArray[Any]) -> NDArray[Any]:
    """Return the combination of two selections: the new one, union, intersection, or difference.

    Parameters
    ----------
    mode : str
        One of :data:`MODES`.
    before, found : numpy.ndarray, shapes (N,) and (M,)
        Positions or names, each once.
    """
    if mode == "add":
        return np.union1d(before, found)
    if mode == "keep":
        return np.intersect1d(before, found)
    if mode == "drop":
        return np.setdiff1d(before, found)
    return found


def show(
    shown: LinkedPlots,
    legend: Sequence[tuple[str, ...]],
    chosen: Places,
    taken: Callable[[Places], None],
) -> None:
    """Draw the plots; ``taken`` gets the positions that are selected, before the page runs again."""
    data = describe(shown, legend, chosen)

    def heard() -> None:
        report = getattr(st.session_state.get(_KEY), "selected", None)
        if isinstance(report, Mapping):
            found = selection_after(shown, data["version"], report, chosen)
            if found is not None:
                taken(found)

    _component()(key=_KEY, data=data, on_selected_change=heard, on_mode_change=current_mode)


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., object]:
    css = (frame.ASSETS / "linked.css").read_text(encoding="utf-8")
    return v2.component(
        "tierscope_linked",
        html='<div class="linked"></div>',
        css=css,
        js=static_files.drawing("linked"),
        isolate_styles=False,
    )
