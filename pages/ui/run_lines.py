"""Single runs as thin lines behind the mean of their arm; a point knows its run."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from training.report.look import Style


def add(
    figure: go.Figure,
    curves: pd.DataFrame,
    value: str,
    styles: Mapping[str, Style],
    *,
    runs: Sequence[str],
    along: str = "epoch",
    unit: str = "",
) -> None:
    """Add a line a run, all of an arm in one trace, behind the means (WebGL lies below).

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        As :func:`pages.ui.charts.age_error` gives.
    curves : pandas.DataFrame
        As :mod:`training.curves` gives.
    value : str
        Column that is drawn.
    styles : mapping of str to Style
        A style an arm.
    runs : sequence of str
        Ids of all runs; the first entry of a point's ``customdata`` is a place in it.
    along : {'epoch', 'step'}
        The column that it is drawn against.
    unit : str
        Behind the value that is shown.
    """
    places = pd.Index(runs)
    traces = []
    for name, style in styles.items():
        rows = curves[curves["arm"] == name].sort_values(["run_id", along], kind="stable")
        if rows.empty:
            continue
        run = places.get_indexer(rows["run_id"])
        ends = np.flatnonzero(run[1:] != run[:-1]) + 1  # a gap parts one run from the next
        numbers = np.stack([run, rows["seed"], rows["fold"] + 1]).astype(float)
        traces.append(
            go.Scattergl(
                x=np.insert(rows[along].to_numpy(float), ends, np.nan),
                y=np.insert(rows[value].to_numpy(float), ends, np.nan),
                customdata=np.insert(numbers, ends, np.nan, axis=1).T,
                mode="lines+markers",
                legendgroup=name,
                showlegend=False,
                opacity=0.45,
                line={"color": style.colour, "width": 1},
                marker={"size": 4, "color": style.colour},
                hovertemplate=f"{along} %{{x}}: %{{y:.4g}}{unit}<br>seed %{{customdata[1]}}"
                + (", fold %{customdata[2]}" if (rows["fold"] >= 0).any() else "")
                + f"<extra>{name}</extra>",
            )
        )
    figure.add_traces(traces)
