"""Scans just on either side of each cut-off, as tiles; a click opens one on Review."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from curation.storage.workspace import Workspace
from curation.tier_effects.standardised_differences import Codes
from curation.tier_effects.tier_balance import Floats
from curation.tiers.rule_columns import SCORE, RuleColumn
from pages.ui.scan_table import tried_rule
from pages.ui.shell import formatting, frame, state
from pages.ui.viewer import tiles

#: Scans on each side.
COUNT = 4


def nearest(
    values: Floats, edge: float | Floats, count: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the scans nearest to a cut-off, below it and from it on, nearest first.

    Parameters
    ----------
    values : numpy.ndarray, shape (N,)
        What is cut; NaN lie nowhere.
    edge : float or numpy.ndarray of shape (N,)
        The cut-off; an array where scans have one of their own.
    count : int
        How many, at most, on each side.
    """
    apart = values - edge
    with np.errstate(invalid="ignore"):
        sides = np.flatnonzero(apart < 0), np.flatnonzero(apart >= 0)
    below, above = (_nearest_places(side, np.abs(apart[side]), count) for side in sides)
    return below, above


def _nearest_places(places: NDArray[np.intp], far: Floats, count: int) -> NDArray[np.intp]:
    if len(places) > count:
        kept = np.argpartition(far, count - 1)[:count]
        places, far = places[kept], far[kept]
    return places[np.lexsort((places, far))]


def show(
    workspace: Workspace,
    scans: pd.DataFrame,
    values: Floats,
    edges: Sequence[float | Floats],
    codes: Codes,
    names: Sequence[str],
    *,
    measure: RuleColumn,
) -> None:
    """Draw the scans around each cut-off.

    Parameters
    ----------
    workspace : Workspace
        Where the pictures are.
    scans : pandas.DataFrame, N rows
        With ``scan_id status``.
    values : numpy.ndarray, shape (N,)
        What is cut.
    edges : sequence of float or of numpy.ndarray of shape (N,)
        The cut-offs, from the best tier on.
    codes : numpy.ndarray of int, shape (N,)
        The tier that each scan has, position in ``names``.
    names : sequence of str
        Tiers, best first, and what a scan without one is called.
    measure : RuleColumn
        What the values are of: which way is worse, and how they are written.
    """
    told = scans.reindex(columns=["scan_id", "status", "score_high"])
    if measure.name != SCORE:
        told = told.assign(score_high=math.nan)
    notes, all_drawn = st.empty(), []
    for place, edge in enumerate(edges):
        sides = nearest(values, edge, COUNT)
        better, worse = sides[::-1] if measure.better_is_higher else sides
        at = "" if isinstance(edge, np.ndarray) else f" at {formatting.significant(float(edge))}"
        st.markdown(f"**{formatting.escape(f'{names[place]} | {names[place + 1]}{at}')}**")
        left, right = st.columns(2, gap="medium")
        for column, side, said in (
            (left, better, "nearest better"),
            (right, worse, "nearest worse"),
        ):
            with column:
                st.caption(said)
                rows, key = _rows(told, values, side, codes, names), f"cut-{place}-{said[8:]}"
                all_drawn += _tiles(workspace, rows, values[side], measure, key)
    if said_of_tiles := tiles.notes(workspace, all_drawn):
        notes.caption(formatting.escape(said_of_tiles))


def _rows(
    scans: pd.DataFrame, values: Floats, side: NDArray[np.intp], codes: Codes, names: Sequence[str]
) -> pd.DataFrame:
    return scans.iloc[side].assign(
        distortion_score=values[side], tier=[names[code] for code in codes[side]]
    )


def _tiles(
    workspace: Workspace, rows: pd.DataFrame, values: Floats, measure: RuleColumn, key: str
) -> list[dict[str, Any]]:
    """Draw the tiles of some scans, with what is cut in the place of the score; return what they show."""
    if rows.empty:
        st.caption("no scan")
        return []
    drawn = tiles.from_workspace(
        workspace, tried_rule.at_worst(workspace, rows), tried_rule.tier_colour
    )
    written = [
        formatting.measured(measure, value, high)
        for value, high in zip(values, rows["score_high"], strict=True)
    ]
    shown = [one | {"score": value} for one, value in zip(drawn, written, strict=True)]
    opened = tiles.show(workspace, shown, key=key)
    if opened in set(rows["scan_id"]):
        state.put(state.PENDING_SCAN, opened)
        frame.open_page("review")
    return shown
