"""Fields whose value keys and buttons change too.

Whatever the browser tells next carries what each field showed before. A field that a key has moved on would
so lead back there: hence it becomes another field, and what the old one says is not heard.

Scripts that listen on a page: what streamlit's own shortcuts and buttons cannot do.

Tables to take away, as CSV.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.components import v2

from curation.storage import text_tables
from pages.ui.shell import frame, state


def put(key: str, value: Any) -> None:
    """Change the value from elsewhere than its field, before the field is drawn."""
    state.put(key, value)
    state.put(_moves(key), state.get(_moves(key), 0) + 1)


def draw(
    kind: Callable[..., Any], label: str, options: Sequence[Any], *, key: str, **more: Any
) -> Any:
    """Draw the field and return its value.

    Parameters
    ----------
    kind : callable
        ``st.selectbox`` or ``st.segmented_control``.
    label, options
        Of the field. A value that is none of the options becomes the first of them.
    key : str
        What the value is kept under, from page to page.
    **more
        Given on to ``kind``.
    """
    if state.get(key) not in options:
        put(key, options[0])
    value, field = state.get(key), name(key, state.get(_moves(key), 0))
    if state.get(field) != value:
        state.put(field, value)
    kind(label, options, key=field, on_change=_taken, args=(key, field, value), **more)
    return value


def name(key: str, moves: int) -> str:
    """Return the key of the field itself, after so many changes from elsewhere."""
    return f"{key}-{moves}"


def _taken(key: str, field: str, shown: Any) -> None:
    """Take over what was chosen; a field that only tells what it was drawn with chose nothing."""
    if (chosen := state.get(field)) != shown:
        state.put(key, chosen)


def _moves(key: str) -> str:
    return f"{key}_moves"


#: The key that puts the cursor into a rating's comment; which buttons are chosen, for who hears a page.
COMMENT_KEY, PRESSED = "comment_key", "pressed"


def listen(script: str) -> None:
    """Let one of the scripts of :file:`assets/` listen while this is on the screen."""
    _component(script)(key=f"listener-{script}", height=1)


@st.cache_resource(show_spinner=False)
def _component(script: str) -> Callable[..., object]:
    code = (frame.ASSETS / f"{script}.js").read_text(encoding="utf-8")
    return v2.component(f"tierscope_{script}", html="<span></span>", js=code)


def tables(name: str, found: Mapping[str, pd.DataFrame], *, left_out: str = "") -> None:
    """Offer tables for download; empty ones cannot be taken.

    Parameters
    ----------
    name : str
        Begins the files' names.
    found : mapping of str to pandas.DataFrame
        What each is called -> the table.
    left_out : str
        What a filter left of the study, in words: the file then says so in its name and in a column, so that
        a part is not taken for the whole later.
    """
    part = "-part" if left_out else ""
    with st.container(horizontal=True):
        for kind, table in found.items():
            st.download_button(
                f"{kind.replace('-', ' ').capitalize()} (CSV)",
                partial(csv, table, left_out),
                f"{name}{part}-{kind}.csv",
                "text/csv",
                disabled=table.empty,
                icon=":material/download:",
                on_click="ignore",
                key=f"download-{kind}",
            )


def csv(table: pd.DataFrame, left_out: str = "") -> str:
    """Return a table as CSV, with a column ``filter`` where a filter was on."""
    told = table.assign(filter=left_out) if left_out else table
    return text_tables.csv(told)
