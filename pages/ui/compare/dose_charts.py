"""Figures of dose and size: years lost to distortions, and errors of random subsets. No streamlit."""

import html

import pandas as pd
import plotly.graph_objects as go

from pages.ui.compare.comparison_charts import ROW, bars, scatter_layout
from training.judging.outcome import AGE, Outcome
from training.theme import INK, MUTED, TEMPLATE

#: Lines that are told apart by everyone (Okabe & Ito 2008).
_COLOURS = ("#0072B2", "#B34700", "#007A5E", "#8C4A7F", "#6B5B00", "#3E4C59")


def dose_curves(lines: pd.DataFrame, outcome: Outcome = AGE) -> go.Figure:
    """Draw the years lost against the severity, a line an artefact, with 95 % intervals.

    Parameters
    ----------
    lines : pandas.DataFrame
        As :func:`training.results.dose_harm.doses` gives.
    """
    figure = go.Figure()
    for place, (series, rows) in enumerate(lines.groupby("series", sort=False)):
        colour = _COLOURS[place % len(_COLOURS)]
        figure.add_scatter(
            x=rows["severity"],
            y=rows["years_lost"],
            name=html.escape(str(series)),
            mode="lines+markers",
            line={"color": colour, "width": 3},
            marker={"size": 10},
            error_y=bars(rows, "years_lost") | {"color": colour},
            customdata=rows[["arm", "ci_low", "ci_high"]].to_numpy(dtype=object),
            hovertemplate=f"%{{customdata[0]}}: {outcome.hover('y', signed=True)}, {_bounds(outcome)}"
            "<extra></extra>",
        )
    short = f"{outcome.lost} (above 0 is harm)"
    scatter_layout(figure, "Severity of the simulated distortion (0: as it is)", short)
    figure.update_xaxes(range=[-0.03, 1.03])
    figure.add_hline(y=0, line={"color": INK, "width": 1.5})
    figure.update_layout(showlegend=True)
    return figure


def ranking(ranked: pd.DataFrame, outcome: Outcome = AGE) -> go.Figure:
    """Draw the years lost to each distortion with its 95 % interval, the most harmful on top.

    Parameters
    ----------
    ranked : pandas.DataFrame
        As :func:`training.results.dose_harm.ranking` gives, of one severity.
    """
    rows = ranked.sort_values("years_lost")
    names = [html.escape(str(label)) for label in rows["label"]]
    figure = go.Figure(
        go.Scatter(
            x=rows["years_lost"],
            y=names,
            mode="markers",
            marker={"size": 12, "color": _COLOURS[0]},
            error_x=bars(rows, "years_lost"),
            customdata=rows[["arm", "ci_low", "ci_high"]].to_numpy(dtype=object),
            hovertemplate=f"%{{y}}: {outcome.hover('x', signed=True)}, {_bounds(outcome)}<extra></extra>",
        )
    )
    figure.update_layout(
        template=TEMPLATE,
        height=100 + int(0.8 * ROW) * max(len(rows), 1),
        showlegend=False,
        xaxis={"title": outcome.lost_label},
        yaxis={
            "title": "",
            "automargin": True,
            "type": "category",
            "range": [-0.6, len(rows) - 0.4],
        },
    )
    figure.add_vline(x=0, line={"color": INK, "width": 1.5})
    return figure


def scaling(table: pd.DataFrame, draws: pd.DataFrame, outcome: Outcome = AGE) -> go.Figure:
    """Draw the error against the number of scans, at equal steps and at equal passes, with every draw.

    Parameters
    ----------
    table, draws : pandas.DataFrame
        As :func:`training.results.scaling.by_size` and :func:`training.results.scaling.single_draws` give.
    """
    figure = go.Figure()
    several = table["of"].nunique() > 1
    for place, ((of, equal), rows) in enumerate(table.groupby(["of", "equal"], sort=False)):
        colour = _COLOURS[place % len(_COLOURS)]
        name = html.escape(f"equal {equal}{f', of {of}' * several}")
        figure.add_scatter(
            x=rows["n_scans"],
            y=rows["age_mae_years"],
            name=name,
            legendgroup=name,
            mode="lines+markers",
            line={"color": colour, "width": 3, "dash": "solid" if equal == "steps" else "dash"},
            marker={"size": 9},
            error_y=bars(rows, "age_mae_years") | {"color": colour},
            customdata=rows[["n_draws", "n_subjects"]].to_numpy(dtype=object),
            hovertemplate=f"%{{x:.0f}} scans: {outcome.hover('y')}, %{{customdata[0]}} draws, "
            "%{customdata[1]} people<extra></extra>",
        )
        single = draws[(draws["of"] == of) & (draws["equal"] == equal)]
        figure.add_scatter(
            x=single["n_scans"],
            y=single["age_mae_years"],
            name=f"{name}, single draws",
            legendgroup=name,
            mode="markers",
            marker={"size": 8, "symbol": "circle-open", "color": colour, "line": {"width": 2}},
            customdata=single[["arm"]].to_numpy(dtype=object),
            hovertemplate=f"%{{customdata[0]}}: {outcome.hover('y')}<extra></extra>",
        )
    scatter_layout(figure, "Scans pretrained on", outcome.measure_label)
    figure.update_xaxes(rangemode="tozero")
    figure.update_layout(legend={"font": {"color": MUTED}})
    return figure


def _bounds(outcome: Outcome) -> str:
    """Return the bounds of an interval for plotly to fill in."""
    return " to ".join(f"%{{customdata[{place}]:.{outcome.digits}f}}" for place in (1, 2))
