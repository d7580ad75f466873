"""Figures of the comparison of arms. Pure functions of the tables of ``training``; no streamlit.

Points carry in ``customdata`` what they stand for (an arm, an arm and a tier, a scan), first in line, so that
a click can lead to the scans behind a number.
"""

import html
from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from training.held_out.predictions import BASELINE
from training.judging.outcome import AGE, Outcome
from training.report.content_results import told_intervals
from training.report.plots import Plot, Series
from training.report_files import interactive
from training.results import conclusions, verdicts
from training.results.error_strata import NOT_KNOWN
from training.theme import GRID, INK, MUTED, TEMPLATE, Style

#: Colour and word of a verdict; blue and orange are told apart by everyone.
_COLOURS: dict[verdicts.Outcome, str] = {
    "better": "#0072B2",
    "worse": "#B34700",
    "equivalent": "#00664B",
    "not worse": "#00664B",
    "leaning": "#52606D",
    "open": "#52606D",
    "withheld": "#9AA5B1",
    "unknown": "#9AA5B1",
}
VERDICTS: dict[str, tuple[str, str]] = {
    outcome: (colour, conclusions.CALLED[outcome]) for outcome, colour in _COLOURS.items()
}
#: What a study can show.
_CLEAR = ("better", "worse", "equivalent", "not worse")
_PLAIN = Style(AGE.no_model_label, MUTED, "dot")
ROW = 38
#: A grid of fewer columns is drawn as wide as one of so many.
_FEW_COLUMNS = 3


def with_intervals(title: str, table: pd.DataFrame, what: str = "bars") -> str:
    """Return an axis title, which plotly reads as markup, with what the intervals of a table are over."""
    over = conclusions.intervals_over(table)
    small = f'<br><span style="font-size: 13px; color: {MUTED}">{what}: {over}</span>'
    return title + small * bool(over)


def plain(arm: str, outcome: Outcome = AGE) -> str:
    """Return an arm's name in words."""
    return outcome.no_model_label if arm == BASELINE else arm


def called(arm: str, outcome: Outcome = AGE) -> str:
    """Return an arm's name on an axis; plotly would read markup in the names of studies."""
    return html.escape(plain(arm, outcome), quote=False)


def final_errors(
    table: pd.DataFrame,
    styles: Mapping[str, Style],
    outcome: Outcome = AGE,
    known: Mapping[str, float] | None = None,
) -> go.Figure:
    """Draw the final test error (or AUC) of each arm with its 95 % interval, best on top.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`training.results.study_summary.summarise` gives. Drawn are the intervals that are told.
    styles : mapping of str to Style
        A style an arm; predicting the mean is grey.
    outcome : Outcome
        What is predicted.
    known : mapping of str to float, optional
        Errors that are known of a simulated world, by what they are called: a line each.
    """
    rows = told_intervals(outcome.best_first(table)).iloc[::-1]
    shown = f"%{{y}}: {outcome.hover('x')}"
    figure = go.Figure(_forest(rows, "age_mae_years", styles, shown, outcome))
    title = with_intervals(html.escape(outcome.measure_label), rows[rows["arm"] != BASELINE])
    _forest_layout(figure, rows["arm"], title)
    figure.update_xaxes(rangemode="normal" if outcome.two_valued else "tozero")
    for name, value in (known or {}).items():
        figure.add_vline(
            x=value,
            line={"color": MUTED, "width": 1.5, "dash": "dash"},
            annotation={"text": html.escape(name), "font": {"size": 12, "color": MUTED}},
            annotation_position="bottom right",
        )
    return figure


def differences(
    table: pd.DataFrame,
    styles: Mapping[str, Style],
    *,
    ranked: bool = True,
    outcome: Outcome = AGE,
) -> go.Figure:
    """Draw the paired difference of each arm to its reference with its 95 % interval, best on top.

    Parameters
    ----------
    table : pandas.DataFrame
        As :class:`training.results.comparisons.Comparisons` has it, of one reference.
    styles : mapping of str to Style
        A style an arm.
    ranked : bool
        Show verdicts in their colours; else in grey.
    outcome : Outcome
        What is predicted.
    """
    rows = table.sort_values("difference_years", ascending=False, na_position="first")
    rows = outcome.shown(rows, "difference_years")
    shown = f"%{{y}}: {outcome.hover('x', signed=True)}"
    figure = go.Figure(_forest(rows, "difference_years", styles, shown, outcome))
    reference = called(str(rows["reference"].iloc[0]), outcome) if len(rows) else ""
    title = html.escape(outcome.difference_label).replace(
        "Difference", f"Difference to {reference}", 1
    )
    _forest_layout(figure, rows["arm"], with_intervals(title, rows))
    figure.add_vline(x=0, line={"color": INK, "width": 1.5})
    for row in rows.itertuples():
        colour, word = VERDICTS[str(row.verdict)]
        is_clear = ranked and row.verdict in _CLEAR
        figure.add_annotation(
            x=1.01,
            xref="paper",
            y=called(str(row.arm), outcome),
            text=word,
            showarrow=False,
            xanchor="left",
            font={"size": 14, "color": colour if is_clear else MUTED},
        )
    figure.update_layout(margin={"r": 150})
    return figure


def tier_by_tier(
    table: pd.DataFrame, arms: Sequence[str], tiers: Sequence[str], outcome: Outcome = AGE
) -> go.Figure:
    """Draw the error of each arm (rows) on the test scans of each tier (columns), as the report does.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`training.results.error_strata.tier_by_tier` gives.
    arms, tiers : sequence of str
        In the order in which they are drawn.
    outcome : Outcome
        What is predicted.
    """
    cells = table[table["arm"].isin(arms) & table["tier"].isin(tiers)]
    places = {"arm": list(arms), "tier": list(tiers)}
    cells = cells.sort_values(["arm", "tier"], key=lambda name: name.map(places[name.name].index))
    cells = cells.assign(column=[t if t == NOT_KNOWN else f"Tier {t}" for t in cells["tier"]])
    plot = Plot(
        "tier-by-tier",
        "grid",
        cells,
        x="column",
        y="arm",
        by="arm",
        value="age_mae_years",
        low="ci_low",
        high="ci_high",
        shade="difference_years",
        people="n_subjects",
        digits=2 if outcome.two_valued else outcome.coarse_digits,
        x_label="Quality of the test scan",
        y_label="Pretrained on",
        alt="",
        series=tuple(Series(arm, plain(arm, outcome), MUTED) for arm in arms),
    )
    figure = interactive.figure(plot)
    title = "Quality of the test scan"
    title = with_intervals(title, cells[cells["arm"] != BASELINE], "below each mean error")
    figure.update_xaxes(title_text=title)
    if len(tiers) < _FEW_COLUMNS:  # of one tier alone no wall of colour
        figure.update_xaxes(range=[-0.5, _FEW_COLUMNS - 0.5])
    # a heat map cannot be clicked on: over each cell lies a mark that can
    columns = ["arm", "tier", "n_scans", "n_subjects", "difference_years", "against"]
    figure.add_scatter(
        x=cells["column"],
        y=[called(arm, outcome) for arm in cells["arm"]],
        mode="markers",
        showlegend=False,
        marker={"symbol": "square", "size": 46, "color": "rgba(0,0,0,0)"},
        customdata=cells[columns].to_numpy(dtype=object),
        hovertemplate=(
            f"pretrained on %{{y}}, tested on %{{x}}<br>{outcome.scan_hover('customdata[4]', '+')} to "
            "%{customdata[5]}; "
            "%{customdata[2]} scans of %{customdata[3]} people<extra></extra>"
        ),
        selected={"marker": {"color": "rgba(179,71,0,0.25)"}},
        unselected={"marker": {"opacity": 0}},
    )
    return figure


def by_size(table: pd.DataFrame, outcome: Outcome = AGE) -> go.Figure:
    """Draw the error against the number of scans pretrained on: better scans, and random ones as a band.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`training.results.study_sets.by_size` gives.
    outcome : Outcome
        What is predicted.
    """
    control, kept = (table[table["role"] == role] for role in ("control", "kept"))
    figure = go.Figure()
    figure.add_scatter(
        x=[*control["n_scans"], *control["n_scans"][::-1]],
        y=[*control["ci_high"], *control["ci_low"][::-1]],
        fill="toself",
        fillcolor="rgba(82,96,109,0.16)",
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(**_swept(control, "n_scans", "as many at random", MUTED, outcome, "dash"))
    figure.add_scatter(
        **_swept(kept, "n_scans", "the better scans", "#0072B2", outcome),
        error_y=bars(kept, "age_mae_years"),
    )
    label = html.escape(outcome.measure_label)
    scatter_layout(figure, with_intervals("Scans pretrained on", table, "bars and band"), label)
    figure.update_xaxes(rangemode="tozero")
    return figure


def by_labels(
    table: pd.DataFrame, styles: Mapping[str, Style], outcome: Outcome = AGE
) -> go.Figure:
    """Draw the error against the share of people fine-tuned on, a line a pretraining.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`training.results.study_sets.by_labels` gives.
    styles : mapping of str to Style
        A style an arm.
    """
    figure = go.Figure()
    for base, rows in table.groupby("base", sort=False):
        style = styles.get(str(base), _PLAIN)
        figure.add_scatter(
            **_swept(
                rows, "label_percent", html.escape(str(base)), style.colour, outcome, style.dash
            ),
            error_y=bars(rows, "age_mae_years"),
        )
    title = with_intervals("People fine-tuned on (% of the training folds)", table)
    scatter_layout(figure, title, html.escape(outcome.measure_label))
    figure.update_xaxes(rangemode="tozero", ticksuffix=" %")
    return figure


# ---- parts -----------------------------------------------------------------------------------------


def _forest(
    rows: pd.DataFrame, value: str, styles: Mapping[str, Style], shown: str, outcome: Outcome
) -> go.Scatter:
    drawn = [styles.get(arm, _PLAIN) for arm in rows["arm"]]
    colours = [style.colour for style in drawn]
    symbols = ["circle" if style.dash == "solid" else "circle-open" for style in drawn]
    span = " to ".join(f"%{{customdata[{end}]:.{outcome.digits}f}}" for end in (1, 2))
    return go.Scatter(
        x=rows[value],
        y=[called(arm, outcome) for arm in rows["arm"]],
        mode="markers",
        marker={
            "size": 13,
            "color": colours,
            "symbol": symbols,
            "line": {"width": 2, "color": colours},
        },
        customdata=rows[["arm", "ci_low", "ci_high", "n_subjects"]].to_numpy(dtype=object),
        error_x=bars(rows, value),
        hovertemplate=[
            f"{shown}, {span if known else 'no interval'}; %{{customdata[3]}} people<extra></extra>"
            for known in rows["ci_low"].notna()
        ],
    )


def _forest_layout(figure: go.Figure, arms: pd.Series, title: str) -> None:
    figure.update_layout(
        template=TEMPLATE,
        height=120 + ROW * max(len(arms), 1),
        showlegend=False,
        xaxis={"title": {"text": title, "standoff": 12}, "automargin": True},
        yaxis={
            "title": "",
            "automargin": True,
            "type": "category",
            "range": [-0.6, len(arms) - 0.4],
        },
    )


def bars(rows: pd.DataFrame, value: str) -> dict:
    """Return the error bars from ``ci_low`` to ``ci_high`` around a column."""
    return {
        "type": "data",
        "symmetric": False,
        "color": MUTED,
        "thickness": 2,
        "array": rows["ci_high"] - rows[value],
        "arrayminus": rows[value] - rows["ci_low"],
    }


def _swept(
    rows: pd.DataFrame, x: str, name: str, colour: str, outcome: Outcome, dash: str = "solid"
) -> dict:
    return {
        "x": rows[x],
        "y": rows["age_mae_years"],
        "name": name,
        "mode": "lines+markers",
        "line": {"color": colour, "width": 3, "dash": dash},
        "marker": {"size": 9},
        "customdata": rows[["arm", "n_subjects"]].to_numpy(dtype=object),
        "hovertemplate": f"%{{customdata[0]}}: {outcome.hover('y')}, "
        "%{customdata[1]} people<extra></extra>",
    }


def scatter_layout(figure: go.Figure, x: str, y: str) -> None:
    """Give a figure of points its axes."""
    figure.update_layout(
        template=TEMPLATE,
        height=400,
        xaxis={"title": {"text": x, "standoff": 12}, "automargin": True},
        yaxis={"title": y},
        hovermode="closest",
        legend={"font": {"size": 14}},
    )
    figure.update_xaxes(gridcolor=GRID)
