"""Figures with selectable points, and lists of the scans behind them that lead to Review."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.explore import selected_scans
from pages.ui.shell import cache, charts, formatting, frame, state
from training.judging.outcome import AGE, Outcome


def _columns(outcome: Outcome) -> dict[str, Any]:
    """Return the columns of a list of scans."""
    unit = f" ({outcome.unit})" * bool(outcome.unit)
    digits = 2 if outcome.two_valued else outcome.coarse_digits
    plain, signed = f"%.{digits}f", f"%+.{digits}f"
    number = st.column_config.NumberColumn
    true = {} if outcome.is_age else {"true_value": number(outcome.value_labels[0], format=plain)}
    return {
        "scan_id": st.column_config.TextColumn("Scan"),
        "error_years": number(f"Error{unit}", format=plain),
        "age_gap_years": number(f"Gap{unit}", format=signed),
        **true,
        "age_years": number("True age", format="%.1f"),
        "predicted_age_years": number("Predicted", format=plain),
        **_OF_SCAN,
    }


_OF_SCAN = {
    "distortion_score": st.column_config.NumberColumn("Score", format=formatting.SCORE_COLUMN),
    "tier": st.column_config.TextColumn("Tier"),
    "site": st.column_config.TextColumn("Site"),
    "sex": st.column_config.TextColumn("Sex"),
}
_SHOWN = 8


def figure(drawn: go.Figure, *, key: str, alt: str, many: bool = False) -> list[list[Any]]:
    """Show a figure and return the ``customdata`` of the points that are picked on it.

    Parameters
    ----------
    drawn : plotly.graph_objects.Figure
        Its points carry ``customdata``.
    key, alt : str
        As :func:`pages.ui.shell.frame.figure` takes them.
    many : bool
        Let people draw a box around points; otherwise they click on one.
    """
    if many:
        drawn.update_layout(dragmode="select", selections=[])
    chosen = st.plotly_chart(
        drawn,
        theme=None,
        config=charts.CONFIG,
        key=key,
        alt=alt,
        on_select="rerun",
        selection_mode=("points", "box") if many else "points",
    )
    points = chosen["selection"]["points"] if chosen else []
    carried = [point["customdata"] for point in points if point.get("customdata") is not None]
    # rows of plain numbers travel as typed arrays, which come back as mappings of place to value
    return [list(row.values() if isinstance(row, Mapping) else row) for row in carried]


def scans(
    workspace: Workspace, found: pd.DataFrame, *, what: str, key: str, outcome: Outcome = AGE
) -> None:
    """List scans, the largest error first; a click on one opens it on Review.

    Parameters
    ----------
    workspace : Workspace
        Where the scans are now.
    found : pandas.DataFrame
        As :func:`training.results.error_strata.errors_by_scan` gives.
    what : str
        Whose scans these are, in words.
    key : str
        Of the list.
    outcome : Outcome
        What was predicted.
    """
    _leave()
    rows = found.sort_values("error_years", ascending=False, ignore_index=True)
    present = set(cache.scans(workspace)["scan_id"])
    here = [scan_id for scan_id in rows["scan_id"] if scan_id in present]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{formatting.escape(what)}**: {plural(len(rows), 'scan')}, the "
            "largest error first. Choose one to look at it on Review.",
            width="stretch",
        )
        icon = frame.PAGES["explore"].icon
        if st.button("Select on Explore", key=f"explore-{key}", icon=icon, disabled=not here):
            state.put(state.ROLE, "target")
            selected_scans.open_explore(tuple(here))
    if len(here) < len(rows):
        gone = plural(len(rows) - len(here), "scan")
        st.caption(f"{gone} of these are no longer in this workspace.")
    columns = _columns(outcome)
    known = [name for name in columns if name in rows]
    st.dataframe(
        rows[known],
        column_config=columns,
        hide_index=True,
        placeholder=formatting.DASH,
        key=key,
        selection_mode="single-row",
        height=38 + 35 * min(len(rows), _SHOWN),
        alt=f"Scans: {what}",
        on_select=_wanted(rows["scan_id"].tolist(), present, key),
    )


def _wanted(scan_ids: list[str], present: set[str], key: str) -> Any:
    """Return the callback of a chosen row, so that the page is left at the choice and not on later runs."""

    def note() -> None:
        rows = state.get(key)["selection"]["rows"]
        if rows and rows[0] < len(scan_ids) and scan_ids[rows[0]] in present:
            state.put(state.PENDING_SCAN, scan_ids[rows[0]])
            state.put(state.LEAVE_FOR, "review")

    return note


def _leave() -> None:
    page = state.get(state.LEAVE_FOR)
    if page:
        state.put(state.LEAVE_FOR, None)
        frame.open_page(page)
