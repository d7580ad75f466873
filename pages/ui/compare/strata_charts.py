"""Figures of an arm's errors by scan and by group. Pure functions of tables.

The first entry of a point's ``customdata`` is the scan, or the group, that it stands for.
"""

import html

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from curation.tiers.tier_rule import TIER_COLOURS
from pages.ui.compare.comparison_charts import ROW, bars, scatter_layout, with_intervals
from pages.ui.shell import formatting
from training.judging.outcome import AGE, Outcome
from training.results.error_strata import NUMBERS
from training.theme import INK, MUTED, TEMPLATE, Style


def error_along(
    scans: pd.DataFrame, trend: pd.DataFrame, column: str, style: Style, outcome: Outcome = AGE
) -> go.Figure:
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
    outcome : Outcome
        What is predicted.
    """
    error = outcome.scan_hover("y")
    figure = go.Figure(_scans(scans, column, "error_years", style, f"error {error}", outcome))
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
        hovertemplate=f"mean {error}<extra></extra>",
    )
    title = with_intervals(NUMBERS[column], trend)
    scatter_layout(figure, title, _plain(outcome.scan_error_label))
    figure.update_yaxes(rangemode="nonnegative")
    return figure


def error_by_group(
    table: pd.DataFrame, column: str, style: Style, outcome: Outcome = AGE
) -> go.Figure:
    """Draw the mean error in each group of scans with its 95 % interval.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`training.results.error_strata.by_group` gives.
    column : str
        The column that the groups are of.
    style : Style
        Of the arm.
    outcome : Outcome
        What is predicted.
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
            hovertemplate=f"%{{y}} people: {outcome.scan_hover('x')}<extra></extra>",
        )
    )
    figure.update_layout(
        template=TEMPLATE,
        height=130 + ROW * max(len(names), 1),
        showlegend=False,
        xaxis={
            "title": {
                "text": with_intervals(_plain(outcome.scan_error_label), table),
                "standoff": 12,
            },
            "automargin": True,
            "rangemode": "tozero",
        },
        yaxis={"title": "", "autorange": "reversed", "automargin": True},
    )
    return figure


def predicted_against_true(scans: pd.DataFrame, style: Style, outcome: Outcome = AGE) -> go.Figure:
    """Draw the predicted against the true value of each scan; on the dashed line both are the same."""
    said = f"predicted {outcome.scan_hover('y')}"
    figure = go.Figure(_scans(scans, "true_value", "predicted_age_years", style, said, outcome))
    ends = _ends(scans[["true_value", "predicted_age_years"]])
    figure.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        name="predicted as it is",
        hoverinfo="skip",
        line={"color": MUTED, "width": 2, "dash": "dash"},
    )
    scatter_layout(figure, *map(_plain, outcome.value_labels))
    return figure


def age_gap(
    scans: pd.DataFrame, style: Style, *, corrected: bool, outcome: Outcome = AGE
) -> go.Figure:
    """Draw the gap (predicted − true) of each scan against the true value, raw or without its bias."""
    column = "corrected_gap_years" if corrected else "age_gap_years"
    said = f"gap {outcome.scan_hover('y', '+')}"
    figure = go.Figure(_scans(scans, "true_value", column, style, said, outcome))
    figure.add_hline(y=0, line={"color": MUTED, "width": 2, "dash": "dash"})
    which = "bias-corrected" if corrected else "raw"
    unit = f", {outcome.unit}" * bool(outcome.unit)
    gap = f"{outcome.name[:1].upper()}{outcome.name[1:]} gap, {which} (predicted − true{unit})"
    scatter_layout(figure, _plain(outcome.value_labels[0]), _plain(gap))
    return figure


# ---- parts -----------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    return html.escape(text, quote=False)


def _scans(
    scans: pd.DataFrame, x: str, y: str, style: Style, shown: str, outcome: Outcome
) -> go.Scatter:
    return go.Scatter(
        x=scans[x],
        y=scans[y],
        mode="markers",
        name="a scan",
        customdata=scans[["scan_id", "true_value", "distortion_score"]].to_numpy(dtype=object),
        marker={
            "size": 9,
            "color": style.colour,
            "opacity": 0.75,
            "line": {"width": 0.5, "color": "#FFFFFF"},
        },
        hovertemplate="%{customdata[0]}<br>"
        + shown
        + f"<br>true {_plain(outcome.noun)} {outcome.scan_hover('customdata[1]')}, "
        f"score %{{customdata[2]:{formatting.D3_SCORE}}}<extra></extra>",
        unselected={"marker": {"opacity": 0.2}},
    )


def _ends(table: pd.DataFrame) -> list[float]:
    values = table.to_numpy(dtype=float)
    known = values[np.isfinite(values)]
    return [float(known.min()), float(known.max())] if known.size else []
