"""The browser reads what draws plots, five megabytes to be compiled, before the first of them is there.

Two scripts draw: streamlit's, and that of plotly's package, for plots that share a selection.
"""

import contextlib
from collections.abc import Callable, Iterator

import plotly.graph_objects as go
import streamlit as st
from streamlit.components import v2

from pages.ui.shell import state, static_files


@contextlib.contextmanager
def read_meanwhile() -> Iterator[None]:
    """Let the browser read streamlit's during the block, where this session has not drawn a plot yet.

    A plot without anything in it, out of sight, is what makes it do so.
    """
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


def read_when_idle() -> None:
    """Let the browser read plotly's package when it has nothing else to do; for pages without plots."""
    _reader()(key="listener-plots-ahead", height=1, data={"script": static_files.plotly_script()})


@st.cache_resource(show_spinner=False)
def _reader() -> Callable[..., object]:
    return v2.component(
        "tierscope_plots_ahead", html="<span></span>", js=static_files.drawing("plots_ahead")
    )
