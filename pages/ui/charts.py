"""Every plotly figure of the dashboard, in one template.

Figures are pure functions of tables: no file is read here and nothing of streamlit is known.
"""

import html
from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from curation import tiers
from curation.tiers import TIER_COLOURS, UNSCORED, TierRule
from training.report.look import FONT, GRID, INK, MUTED, TEMPLATE, Style, arm_styles

#: Looks that others draw with as well.
__all__ = ["FONT", "GRID", "INK", "MUTED", "TEMPLATE", "Style", "arm_styles"]


#: The scan that is open on Review, wherever it is drawn.
MARKED = "#56B4E9"
BIN_WIDTH = 2.5
_FEW = 8  # counts up to here get a tick each

#: For ``st.plotly_chart``: one button, which saves the figure; a double click undoes a zoom.
CONFIG = {
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "svg", "filename": "tierscope"},
}


# ---- scores ----------------------------------------------------------------------------------------


def score_histogram(
    scores: pd.Series, rule: TierRule, *, bin_width: float = BIN_WIDTH,
    marked: tuple[str, float] | None = None,
) -> go.Figure:  # fmt: skip
    """Draw the distribution of the distortion score, coloured by tier, with its cut-offs.

    Parameters
    ----------
    scores : pandas.Series of float, shape (N,)
        0 (pristine) to 100 (unusable); NaN are left out.
    rule : TierRule
        Where it is cut. A bar that a cut-off goes through shows both colours.
    bin_width : float
        Points of the score a bar.
    marked : tuple of str and float, optional
        Id and score of the scan that is open on Review; its place is shown.
    """
    known = scores[scores.notna()]
    edges = np.arange(0, 100 + bin_width, bin_width)
    assigned = tiers.assign(known, rule)
    figure, highest = go.Figure(), np.histogram(known, edges)[0].max(initial=0)
    for name in rule.names:
        counts, _ = np.histogram(known[assigned == name], edges)
        figure.add_bar(
            x=edges[:-1] + bin_width / 2, y=counts, width=bin_width * 0.94, name=f"Tier {name}",
            marker={"color": TIER_COLOURS[name], "line": {"width": 0}},
            customdata=np.stack([edges[:-1], edges[1:]], axis=1),
            hovertemplate=(
                f"Tier {name}<br>score %{{customdata[0]:g}} to %{{customdata[1]:g}}: "
                "%{y} scans<extra></extra>"
            ),
        )  # fmt: skip
    for low, name in zip(rule.cutoffs, rule.names, strict=False):
        _cutoff_line(figure, low, name, rule.names[rule.names.index(name) + 1])
    if marked and np.isfinite(marked[1]):
        _mark(figure, *marked)
    figure.update_layout(
        template=TEMPLATE, barmode="stack", bargap=0, height=310, showlegend=False,
        xaxis={"title": "Distortion score (0 pristine – 100 unusable; higher is worse)",
               "range": [0, 100], "dtick": 10},
        yaxis={"title": "Scans", "rangemode": "tozero", "tickformat": ",d",
               "dtick": 1 if highest <= _FEW else None},
    )  # fmt: skip
    return figure


def _mark(figure: go.Figure, name: str, score: float) -> None:
    """Show where one scan is, above the bars' feet, so that it stands out in every tier."""
    figure.add_scatter(
        x=[score], y=[0], mode="markers", cliponaxis=False, showlegend=False,
        marker={"symbol": "triangle-up", "size": 17, "color": MARKED,
                "line": {"width": 1.5, "color": INK}},
        hovertemplate=f"{html.escape(name)}<br>score %{{x:.0f}}<extra></extra>",
    )  # fmt: skip


def _cutoff_line(figure: go.Figure, at: float, better: str, worse: str) -> None:
    figure.add_vline(
        x=at, line={"color": INK, "width": 2},
        annotation={"text": f"{better} | {worse} at {at:g}", "font": {"size": 14, "color": INK},
                    "yanchor": "bottom", "y": 1.0, "showarrow": False, "xanchor": "center"},
    )  # fmt: skip


def tier_shares(counts: pd.DataFrame) -> go.Figure:
    """Draw for each site how its scans fall into tiers.

    Parameters
    ----------
    counts : pandas.DataFrame
        As :func:`pages.ui.summaries.tiers_by_site` returns.
    """
    names = [name for name in counts.columns if name != "scans"]
    figure = go.Figure()
    for name in names:
        share = 100 * counts[name] / counts["scans"].clip(lower=1)
        figure.add_bar(
            y=counts.index, x=share, orientation="h", name=name if name == UNSCORED else f"Tier {name}",
            marker={"color": TIER_COLOURS.get(name, "#7F7F7F")}, customdata=counts[name],
            hovertemplate="%{y}: %{customdata} scans, %{x:.0f} %<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_layout(
        template=TEMPLATE, barmode="stack", height=90 + 34 * len(counts), bargap=0.3,
        xaxis={"title": "Share of the site's scans (%)", "range": [0, 100]},
        yaxis={"title": "", "autorange": "reversed", "automargin": True}, legend={"traceorder": "normal"},
    )  # fmt: skip
    return figure


# ---- training --------------------------------------------------------------------------------------


def age_error(
    band: pd.DataFrame, styles: Mapping[str, Style], *, baseline_years: float | None = None,
    along: str = "epoch",
) -> go.Figure:  # fmt: skip
    """Draw the age error on the held-out folds against the epoch of fine-tuning, a line an arm.

    Parameters
    ----------
    band : pandas.DataFrame
        ``arm epoch mean low high n``: mean age error (MAE, years), 95 % band over seeds (NaN where
        there is one seed only).
    styles : mapping of str to Style
        A style an arm.
    baseline_years : float, optional
        Error of predicting the mean age, a dotted line.
    along : {'epoch', 'step'}
        The column that it is drawn against.
    """
    figure = _bands(band, styles, "%{y:.2f} years", along)
    if baseline_years is not None and np.isfinite(baseline_years):
        figure.add_hline(
            y=baseline_years, line={"color": MUTED, "width": 2, "dash": "dot"},
            annotation={"text": f"predicting the mean age: {baseline_years:.2f} years",
                        "font": {"color": MUTED, "size": 14}, "xanchor": "right",
                        "yanchor": "bottom"},
        )  # fmt: skip
    figure.update_layout(
        height=460,
        xaxis={"title": f"{along.title()} of fine-tuning"},
        yaxis={
            "title": "Age error (MAE, years; lower is better)",
            "range": _range_of_lines(band, baseline_years),
        },
    )
    return figure


def pretraining_loss(
    band: pd.DataFrame, styles: Mapping[str, Style], *, along: str = "epoch"
) -> go.Figure:
    """Draw the reconstruction loss against the epoch (or step) of pretraining, a line an arm."""
    figure = _bands(band, styles, "%{y:.4f}", along)
    figure.update_layout(
        height=320,
        xaxis={"title": f"{along.title()} of pretraining"},
        yaxis={"title": "Reconstruction loss (lower is better)"},
    )
    return figure


def _bands(band: pd.DataFrame, styles: Mapping[str, Style], shown: str, along: str) -> go.Figure:
    figure = go.Figure(layout={"template": TEMPLATE})
    for name, style in styles.items():
        rows = band[band["arm"] == name].sort_values(along)
        if rows.empty:
            continue
        sure = rows.dropna(subset=["low", "high"])
        figure.add_scatter(
            x=[*sure[along], *sure[along][::-1]], y=[*sure["high"], *sure["low"][::-1]],
            fill="toself", fillcolor=_see_through(style.colour), line={"width": 0}, mode="lines",
            legendgroup=name, showlegend=False, hoverinfo="skip",
        )  # fmt: skip
        figure.add_scatter(
            x=rows[along], y=rows["mean"], name=style.label, legendgroup=name,
            mode="lines+markers" if len(rows) == 1 else "lines", customdata=rows["n"],
            line={"color": style.colour, "width": 3, "dash": style.dash},
            hovertemplate=f"{along} %{{x}}: {shown}, %{{customdata}} seeds<extra>{name}</extra>",
        )  # fmt: skip
    return figure


def _range_of_lines(band: pd.DataFrame, extra: float | None) -> list[float] | None:
    """Return a range that shows every line, and of wide bands (few seeds) no more than that needs."""
    values = [*band["mean"], *([extra] if extra is not None and np.isfinite(extra) else [])]
    if not values:
        return None
    low, high = min(values), max(values)
    pad = 0.5 * (high - low) + 0.05 * high
    return [max(0.0, low - pad), high + pad]


def _see_through(colour: str, share: float = 0.1) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"
