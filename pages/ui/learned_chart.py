"""The plot of what a model makes of scans against their scores."""

import html

import pandas as pd
import plotly.graph_objects as go

from curation import tiers
from curation.tiers import TIER_COLOURS, TierRule
from pages.ui import text
from training.report.look import TEMPLATE


def against_score(table: pd.DataFrame, rule: TierRule) -> go.Figure:
    """Draw the reconstruction error of each scan against its distortion score.

    Parameters
    ----------
    table : pandas.DataFrame
        ``scan_id distortion_score reconstruction_error pretrained_on``.
    rule : TierRule
        Gives each scan its tier and colour.
    """
    figure = go.Figure()
    tier = tiers.assign(table["distortion_score"], rule)
    for name in (*rule.names, "unusable"):
        for seen, symbol in ((False, "circle"), (True, "circle-open")):
            rows = table[(tier == name) & (table["pretrained_on"] == seen)]
            if rows.empty:
                continue
            figure.add_scattergl(
                x=rows["distortion_score"],
                y=rows["reconstruction_error"],
                mode="markers",
                name=f"{name}, {'pretrained on' if seen else 'held out'}",
                marker={
                    "color": TIER_COLOURS.get(name, "#7F7F7F"),
                    "size": 9,
                    "symbol": symbol,
                    "line": {"width": 1.5, "color": TIER_COLOURS.get(name, "#7F7F7F")},
                },
                customdata=[[scan, html.escape(scan)] for scan in rows["scan_id"]],
                hovertemplate="%{customdata[1]}<br>"
                f"score %{{x:{text.D3_SCORE}}}, error %{{y:.3f}}<extra></extra>",
            )
    return figure.update_layout(
        template=TEMPLATE,
        height=420,
        xaxis={"title": "Distortion score (0 pristine – 100 unusable; higher is worse)"},
        yaxis={"title": "Reconstruction error (higher is worse)", "rangemode": "tozero"},
    )
