"""Power planner of Train: what studies of other sizes would find, before anything is launched."""

import html

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.ui.shell import formatting, frame, html_marks
from training.judging.outcome import Outcome
from training.results import power_planner
from training.results.power_planner import PEOPLE, Question
from training.theme import INK, TEMPLATE

#: A line a number of seeds, from light to dark.
_SHADES = ("#9FB3C8", "#627D98", "#0072B2", "#102A43")


def show(asked: Question, people: int, seeds: int) -> None:
    """Draw the planner.

    Parameters
    ----------
    asked : Question
        What is asked, with the spread that is assumed.
    people, seeds : int
        Of the study in the form, which is marked.
    """
    with st.expander("How many people and seeds are needed?", icon=":material/groups:"):
        unit = asked.outcome.unit_words
        difference = st.number_input(
            f"True difference to be found ({unit})",
            min_value=0.001 if asked.outcome.two_valued else 0.05,
            value=0.05 if asked.outcome.two_valued else 1.0,
            step=0.01 if asked.outcome.two_valued else 0.1,
            width=320,
        )
        table = _table(asked)
        counts = sorted(table["seeds"].unique())
        st.markdown(formatting.escape(power_planner.needed_words(asked, difference, counts)))
        here = (people, asked.finds(people, seeds)) if min(people, seeds) > 1 else None
        frame.figure(
            _figure(table, asked.outcome, difference, here),
            key="power-planner",
            alt=f"The difference that four of five studies find, in {unit}, against the number of people, "
            "a line for each number of seeds",
        )
        st.html(_listed(table, asked.outcome))
        if rising := power_planner.rising_words(table):
            st.caption(formatting.escape(rising))
        st.caption(formatting.escape(power_planner.assumed_words(asked)))


@st.cache_data(show_spinner=False, max_entries=20)
def _table(asked: Question) -> pd.DataFrame:
    return power_planner.table(asked)


def _figure(
    table: pd.DataFrame, outcome: Outcome, difference: float, here: tuple[int, float] | None
) -> go.Figure:
    figure = go.Figure()
    for shade, (count, own) in zip(_SHADES, table.groupby("seeds"), strict=True):
        figure.add_scatter(
            x=own["people"],
            y=own["detectable"],
            mode="lines+markers",
            name=f"{count} seeds",
            line={"color": shade, "width": 2},
            hovertemplate=f"%{{x}} people, {count} seeds: %{{y:.{outcome.digits}f}}<extra></extra>",
        )
    if here:
        figure.add_scatter(
            x=[here[0]],
            y=[here[1]],
            mode="markers",
            name="the study in the form",
            marker={"symbol": "diamond", "size": 13, "color": "#B34700"},
            hovertemplate=f"this study: %{{y:.{outcome.digits}f}}<extra></extra>",
        )
    figure.add_hline(y=difference, line={"color": INK, "dash": "dot", "width": 1})
    figure.update_layout(template=TEMPLATE, height=340)
    figure.update_xaxes(
        type="log", title="People in the target cohort", tickvals=PEOPLE, tickangle=0
    )
    figure.update_yaxes(
        title=f"Difference found ({html.escape(outcome.unit_words)})", rangemode="tozero"
    )
    return figure


def _listed(table: pd.DataFrame, outcome: Outcome) -> str:
    wide = table.pivot(index=["people", "learned_from"], columns="seeds", values="detectable")
    head = ("People", "Learned from", *(f"{count} seeds" for count in wide.columns))
    rows = [
        (f"{people:,}", f"{learned_from:,}", *(outcome.number(value) for value in row))
        for (people, learned_from), row in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    return html_marks.table(head, rows, numeric=range(1, len(head)))
