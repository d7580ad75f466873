"""The browser reads what draws plots while the server still computes the first of them.

Streamlit's browser side fetches plotly.js, five megabytes to be compiled, when a first plot arrives.
A plot without anything in it, out of sight, arrives at once.
"""

import contextlib
from collections.abc import Iterator

import plotly.graph_objects as go
import streamlit as st

from pages.ui.shell import state


@contextlib.contextmanager
def read_meanwhile() -> Iterator[None]:
    """Let the browser read it during the block, where this session has not drawn a plot yet."""
    with st.container(key="plots-ahead"):  # always: what follows keeps its place in the page
        place = st.empty()
    if state.get(state.PLOTS_READ):
        yield
        return
    state.put(state.PLOTS_READ, True)
    place.plotly_chart(go.Figure(), height=10, theme=None, key="plot-ahead", alt="Nothing yet")
    try:
        yield
    finally:
        place.empty()
