"""Figures of an arm's errors by scan and by group. Pure functions of tables.

The first entry of a point's ``customdata`` is the scan, or the group, that it stands for.
"""

import html

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from curation.tiers.tier_rule import TIER_COLOURS
from pages.ui.compare.comparison_charts import ROW, bars, scatter_layout
from pages.ui.shell import formatting
from training.results.error_strata import NUMBERS
from training.theme import INK, MUTED, TEMPLATE, Style


def error_along(scans: pd.DataFrame, trend: pd.DataFrame, column: str, style: Style) -> go.Figure:
    """Draw the error of each scan against a number, and its mean in bins with their intervals.

    Parameters
    ----------
    scans : pandas.DataFrame
        As :func:`training.results.error_strata.errors_by_scan` gives, of one arm.
    trend : pandas.DataFrame
        As :func:`training.results.error_strata.along` gives.
    column : str
        A key of :data:`training.results.error_strata.NUMBERS`.
    style : Style
        Of the arm.
    """
    figure = go.Figure(_scans(scans, column, "error_years", style, "error %{y:.1f} years"))
    figure.add_scatter(
        x=trend["at"],
        y=trend["mean"],
        mode="lines+markers",
        name="mean of equally many scans",
        line={"color": INK, "width": 2.5},
        marker={"size": 8},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": trend["high"] - trend["mean"],
            "arrayminus": trend["mean"] - trend["low"],
            "color": INK,
            "thickness": 1.5,
        },
        hovertemplate="mean %{y:.1f} years<extra></extra>",
    )
    scatter_layout(figure, NUMBERS[column], "Age error (years; lower is better)")
    figure.update_yaxes(rangemode="nonnegative")
    return figure


def error_by_group(table: pd.DataFrame, column: str, style: Style) -> go.Figure:
    """Draw the mean error in each group of scans with its 95 % interval.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`training.results.error_strata.by_group` gives.
    column : str
        The column that the groups are of.
    style : Style
        Of the arm.
    """
    names = [
        f"{html.escape(str(name))} ({n})"
        for name, n in zip(table[column], table["n_subjects"], strict=True)
    ]
    colours = [
        TIER_COLOURS.get(str(name), style.colour) if column == "tier" else style.colour
        for name in table[column]
    ]
    figure = go.Figure(
        go.Scatter(
            x=table["age_mae_years"],
            y=names,
            mode="markers",
            customdata=table[[column]].to_numpy(dtype=object),
            marker={"size": 13, "color": colours},
            error_x=bars(table, "age_mae_years"),
            hovertemplate="%{y} people: %{x:.2f} years<extra></extra>",
        )
    )
    figure.update_layout(
        template=TEMPLATE,
        height=110 + ROW * max(len(names), 1),
        showlegend=False,
        xaxis={"title": "Age error (MAE, years; lower is better)", "rangemode": "tozero"},
        yaxis={"title": "", "autorange": "reversed", "automargin": True},
    )
    return figure


def predicted_against_true(scans: pd.DataFrame, style: Style) -> go.Figure:
    """Draw the predicted against the true age of each scan; on the dashed line both are the same."""
    figure = go.Figure(
        _scans(scans, "age_years", "predicted_age_years", style, "predicted %{y:.1f} years")
    )
    ends = _ends(scans[["age_years", "predicted_age_years"]])
    figure.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        name="predicted as it is",
        hoverinfo="skip",
        line={"color": MUTED, "width": 2, "dash": "dash"},
    )
    scatter_layout(figure, "True age (years)", "Predicted age (years)")
    return figure


def age_gap(scans: pd.DataFrame, style: Style, *, corrected: bool) -> go.Figure:
    """Draw the age gap (predicted − true) of each scan against age, raw or with the age bias taken out."""
    column = "corrected_gap_years" if corrected else "age_gap_years"
    figure = go.Figure(_scans(scans, "age_years", column, style, "gap %{y:+.1f} years"))
    figure.add_hline(y=0, line={"color": MUTED, "width": 2, "dash": "dash"})
    which = "bias-corrected" if corrected else "raw"
    scatter_layout(figure, "True age (years)", f"Age gap, {which} (predicted − true, years)")
    return figure


# ---- parts -----------------------------------------------------------------------------------------


def _scans(scans: pd.DataFrame, x: str, y: str, style: Style, shown: str) -> go.Scatter:
    return go.Scatter(
        x=scans[x],
        y=scans[y],
        mode="markers",
        name="a scan",
        customdata=scans[["scan_id", "age_years", "distortion_score"]].to_numpy(dtype=object),
        marker={
            "size": 9,
            "color": style.colour,
            "opacity": 0.75,
            "line": {"width": 0.5, "color": "#FFFFFF"},
        },
        hovertemplate="%{customdata[0]}<br>" + shown + "<br>true age %{customdata[1]:.1f} years, "
        f"score %{{customdata[2]:{formatting.D3_SCORE}}}<extra></extra>",
        unselected={"marker": {"opacity": 0.2}},
    )


def _ends(table: pd.DataFrame) -> list[float]:
    values = table.to_numpy(dtype=float)
    known = values[np.isfinite(values)]
    return [float(known.min()), float(known.max())] if known.size else []
