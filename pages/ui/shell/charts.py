"""Plotly figures that several pages share, in one template.

Figures are pure functions of tables: no file is read here and nothing of streamlit is known.
"""

import html
from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from curation.tiers.tier_rule import TIER_COLOURS
from pages.ui.shell import html_marks
from training.judging.outcome import AGE, Outcome
from training.results import error_curves
from training.theme import MUTED, TEMPLATE, Style

#: For ``st.plotly_chart``: one button, which saves the figure; a double click undoes a zoom.
CONFIG = {
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "svg", "filename": "tierscope"},
}


# ---- tiers -----------------------------------------------------------------------------------------


def tier_shares(counts: pd.DataFrame, colours: Mapping[str, str] = TIER_COLOURS) -> go.Figure:
    """Draw for each site how its scans fall into tiers.

    Parameters
    ----------
    counts : pandas.DataFrame
        As :meth:`curation.tier_effects.tier_balance.Tally.shares` returns.
    colours : mapping of str to str
        Of the tiers.
    """
    names = [name for name in counts.columns if name != "scans"]
    figure = go.Figure()
    for name in names:
        share = 100 * counts[name] / counts["scans"].clip(lower=1)
        figure.add_bar(
            y=counts.index,
            x=share,
            orientation="h",
            name=html_marks.tier_label(name),
            marker={"color": colours.get(name, "#7F7F7F")},
            customdata=counts[name],
            hovertemplate="%{y}: %{customdata} scans, %{x:.0f} %<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(
        template=TEMPLATE,
        barmode="stack",
        height=90 + 34 * len(counts),
        bargap=0.3,
        xaxis={"title": "Share of the site's scans (%)", "range": [0, 100]},
        yaxis={"title": "", "autorange": "reversed", "automargin": True},
        legend={"traceorder": "normal"},
    )
    return figure


# ---- training --------------------------------------------------------------------------------------


def age_error(
    band: pd.DataFrame,
    styles: Mapping[str, Style],
    *,
    baseline_years: float | None = None,
    along: str = "epoch",
    outcome: Outcome = AGE,
) -> go.Figure:
    """Draw the age error on the held-out folds against the epoch of fine-tuning, a line an arm.

    Of another outcome its own error, or the AUC.

    Parameters
    ----------
    band : pandas.DataFrame
        As :func:`training.results.error_curves.age_error_band` gives.
    styles : mapping of str to Style
        A style an arm.
    baseline_years : float, optional
        Error of predicting the mean age, a dotted line.
    along : {'epoch', 'step'}
        The column that it is drawn against.
    outcome : Outcome
        What is predicted.
    """
    figure = _bands(band, "age_mae_years", styles, outcome.hover("y"), along)
    if baseline_years is not None and np.isfinite(baseline_years):
        figure.add_hline(
            y=baseline_years,
            line={"color": MUTED, "width": 2, "dash": "dot"},
            name=html.escape(f"{outcome.no_model}: {outcome.measured(baseline_years)}"),
            showlegend=True,  # words at the line would lie under the curves
        )
    figure.update_layout(
        height=460,
        xaxis={"title": f"{along.title()} of fine-tuning"},
        yaxis={
            "title": html.escape(outcome.measure_label),
            "range": _range_of_lines(band, "age_mae_years", baseline_years),
        },
    )
    return figure


def training_loss(
    band: pd.DataFrame,
    styles: Mapping[str, Style],
    *,
    along: str = "epoch",
    of: str = "pretraining",
    held_out: bool = False,
) -> go.Figure:
    """Draw the loss against the epoch (or step) of pretraining or fine-tuning, a line an arm.

    With ``held_out`` it is that of people who are not learned from.

    ``band`` is as :func:`training.results.error_curves.loss_band` gives it.
    """
    figure = _bands(band, "loss", styles, "%{y:.4f}", along)
    figure.update_layout(
        height=320,
        xaxis={"title": f"{along.title()} of {of}"},
        yaxis={
            "title": f"{'Held-out' if held_out else of.capitalize()} loss (lower is better)",
            "rangemode": "nonnegative",
        },
    )
    return figure


def _bands(
    band: pd.DataFrame, value: str, styles: Mapping[str, Style], shown: str, along: str
) -> go.Figure:
    """Draw means over seeds, and behind them single seeds where they are few, else bands."""
    figure = go.Figure(layout={"template": TEMPLATE})
    singles = error_curves.single_seeds(band)
    for name, style in styles.items():
        rows = band[band["arm"] == name].sort_values(along)
        if rows.empty:
            continue
        if not singles:
            figure.add_scatter(**_area(rows.dropna(subset=["low", "high"]), along, name, style))
        for single in singles:
            figure.add_scatter(
                x=rows[along],
                y=rows[single],
                mode="lines",
                legendgroup=name,
                showlegend=False,
                opacity=0.55,
                hoverinfo="skip",
                line={"color": style.colour, "width": 1, "dash": style.dash},
            )
        figure.add_scatter(
            x=rows[along],
            y=rows[value],
            name=style.label,
            legendgroup=name,
            showlegend=True,
            mode="lines+markers" if len(rows) == 1 else "lines",
            customdata=rows["seeds"],
            line={"color": style.colour, "width": 3, "dash": style.dash},
            hovertemplate=f"{along} %{{x}}: {shown}, %{{customdata}} seeds<extra>{name}</extra>",
        )
    return figure


def _area(rows: pd.DataFrame, along: str, name: str, style: Style) -> dict:
    return {
        "x": [*rows[along], *rows[along][::-1]],
        "y": [*rows["high"], *rows["low"][::-1]],
        "fill": "toself",
        "fillcolor": see_through(style.colour),
        "line": {"width": 0},
        "mode": "lines",
        "legendgroup": name,
        "showlegend": False,
        "hoverinfo": "skip",
    }


def _range_of_lines(band: pd.DataFrame, value: str, extra: float | None) -> list[float] | None:
    """Return a range that shows every line, and of wide bands (few seeds) no more than that needs."""
    drawn = band[[value, *error_curves.single_seeds(band)]].to_numpy(dtype=float).ravel()
    values = [*drawn[np.isfinite(drawn)]]
    if extra is not None and np.isfinite(extra):
        values.append(extra)
    if not values:
        return None
    low, high = min(values), max(values)
    pad = 0.5 * (high - low) + 0.05 * high
    return [max(0.0, low - pad), high + pad]


def see_through(colour: str, share: float = 0.1) -> str:
    """Return a colour ``#RRGGBB`` of which only a share is seen."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"
