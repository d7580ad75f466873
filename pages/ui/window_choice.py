"""The window that a person looks through: kept from scan to scan and page to page, and in the address."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.ui import fields, state
from pages.ui.windows import AIR_WINDOW, FIRST_WINDOW, WINDOWS

#: The key that leads to the other window, on every page that shows a scan.
KEY = "K"
_ADDRESS = "window"


def take_from_address() -> None:
    """Take the window that the address names, where none is chosen: it outlives a reload so."""
    named = st.query_params.get(_ADDRESS)
    if state.get(state.WINDOW) is None and named in WINDOWS:
        fields.put(state.WINDOW, named)


def keep_in_address(window: str) -> None:
    """Let the address name one of :data:`WINDOWS`; the first one needs no word."""
    wanted = None if window == FIRST_WINDOW else window
    if wanted == st.query_params.get(_ADDRESS):
        return
    if wanted is None:
        st.query_params.pop(_ADDRESS, None)
    else:
        st.query_params[_ADDRESS] = wanted


def current() -> str:
    """Return the chosen one of :data:`WINDOWS`; the first where none of them is."""
    chosen = state.get(state.WINDOW)
    return chosen if chosen in WINDOWS else FIRST_WINDOW


def other(window: str) -> str:
    """Return what :data:`KEY` leads to from a window."""
    return FIRST_WINDOW if window == AIR_WINDOW else AIR_WINDOW


def button(window: str, chosen: Callable[[str], None] | None = None, **more: Any) -> None:
    """Draw the button that leads from a window to the other one, with its key.

    Parameters
    ----------
    window : str
        What is shown at present.
    chosen : callable, optional
        Is told the other window; by default it becomes the choice for all scans.
    **more
        Given on to ``st.button``.
    """
    to = other(window)
    st.button(
        f"Show {to.lower()}",
        icon=":material/contrast:",
        shortcut=KEY,
        key="other-window",
        on_click=chosen or choose,
        args=(to,),
        help=WINDOWS[to].meaning,
        **more,
    )


def choose(window: str) -> None:
    """Choose a window for this scan and all that follow."""
    fields.put(state.WINDOW, window)
