"""The figure that ratings and scores make together."""

import pandas as pd
import plotly.graph_objects as go

from curation.cutoffs import Suggestion
from training.report.look import INK, MUTED, TEMPLATE

_LINE, _POINT = "#0072B2", "#D55E00"


def roc(curve: pd.DataFrame, suggestion: Suggestion) -> go.Figure:
    """Draw the ROC curve of the distortion score against people's verdicts, and the cut-off suggested.

    Parameters
    ----------
    curve : pandas.DataFrame
        As :func:`curation.cutoffs.roc` returns.
    suggestion : Suggestion
        The cut-off.
    """
    figure = go.Figure(layout={"template": TEMPLATE})
    figure.add_scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        name="chance",
        line={"color": MUTED, "width": 2, "dash": "dot"},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=100 * (1 - curve["specificity"]),
        y=100 * curve["sensitivity"],
        mode="lines",
        name="distortion score",
        line={"color": _LINE, "width": 3},
        customdata=curve[["cutoff", "missed", "wrongly_excluded"]],
        hovertemplate=(
            "cut at %{customdata[0]:.1f}: %{y:.0f} % of the bad scans found (%{customdata[1]} missed), "
            "%{x:.0f} % of the good ones excluded (%{customdata[2]})<extra></extra>"
        ),
    )
    figure.add_scatter(
        x=[100 * (1 - suggestion.specificity)],
        y=[100 * suggestion.sensitivity],
        mode="markers+text",
        text=[f"cut at {suggestion.cutoff:.1f}"],
        name="suggested cut-off",
        textposition="bottom right",
        textfont={"size": 15, "color": INK},
        hoverinfo="skip",
        marker={"size": 14, "color": _POINT, "line": {"width": 2, "color": "#FFFFFF"}},
    )
    figure.update_layout(
        height=420,
        xaxis={"title": "Good scans wrongly excluded (%; lower is better)", "range": [-2, 102]},
        yaxis={"title": "Bad scans found (%; higher is better)", "range": [-2, 102]},
    )
    return figure
