"""Flow diagram of scans that move between the tiers of two rules; a click chooses a flow."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.components import v2

from curation.wording import plural
from pages.ui.shell import charts, html_marks, static_files
from training.theme import FONT

_KEY = "flow_plot"
_FAINT, _CLEAR = 0.25, 0.6


def describe(
    table: pd.DataFrame, before: Mapping[str, str], after: Mapping[str, str]
) -> dict[str, Any]:
    """Return the content of the diagram as plain values.

    Parameters
    ----------
    table : pandas.DataFrame of int
        See :class:`curation.tiers.assignment.Moves`.
    before, after : mapping of str to str
        Colours of the tiers of either rule.
    """
    left, right = list(map(str, table.index)), list(map(str, table.columns))
    counts = table.to_numpy()
    links = [
        {
            "from": i,
            "to": len(left) + j,
            "scans": int(counts[i, j]),
            "colour": charts.see_through(before[one], _FAINT if one == other else _CLEAR),
        }
        for i, one in enumerate(left)
        for j, other in enumerate(right)
        if counts[i, j]
    ]
    same = np.array([[one == other for other in right] for one in left])
    moved = plural(int(counts[~same].sum()), "scan moves", "scans move")
    return {
        "script": static_files.plotly_script(),
        "font": FONT,
        "links": links,
        "nodes": [
            *_nodes(left, counts.sum(axis=1), before, 0.001),
            *_nodes(right, counts.sum(axis=0), after, 0.999),
        ],
        "height": 60 + 70 * max(len(left), len(right)),
        "alt": f"Flow diagram from the tiers of one rule to those of the other: {moved}",
    }


def _nodes(
    names: list[str], sizes: np.ndarray, colours: Mapping[str, str], x: float
) -> list[dict[str, Any]]:
    """Return the nodes of one side, from top to bottom in the order of the tiers."""
    share = sizes / max(sizes.sum(), 1)
    middle = np.clip((np.cumsum(share) - share / 2), 0.001, 0.999)
    return [
        {
            "label": f"{html_marks.tier_label(name)} · {size:,}",
            "colour": colours[name],
            "x": x,
            "y": float(y),
        }
        for name, size, y in zip(names, sizes.tolist(), middle, strict=True)
    ]


def show(
    table: pd.DataFrame,
    before: Mapping[str, str],
    after: Mapping[str, str],
    chosen: Callable[[str, str], None],
) -> None:
    """Draw the diagram; ``chosen`` gets the two tiers of a flow that was clicked, before the page runs."""
    data = describe(table, before, after)
    _component()(key=_KEY, data=data, on_chosen_change=lambda: _hand_on(table, chosen))


def _hand_on(table: pd.DataFrame, chosen: Callable[[str, str], None]) -> None:
    flow = getattr(st.session_state.get(_KEY), "chosen", None)
    if not isinstance(flow, Mapping):
        return
    start, end = flow.get("from"), flow.get("to")
    if isinstance(start, int) and isinstance(end, int):
        end -= len(table.index)
        if 0 <= start < len(table.index) and 0 <= end < len(table.columns):
            chosen(str(table.index[start]), str(table.columns[end]))


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., object]:
    return v2.component(
        "tierscope_flows",
        html='<div class="flows"></div>',
        css=".flows { width: 100%; }",
        js=static_files.drawing("flows"),
        isolate_styles=False,
    )
