"""Scripts of :file:`assets/` that work on the page and show nothing themselves."""

import secrets
from collections.abc import Callable
from pathlib import Path

import streamlit as st
from streamlit.components import v2

from pages.ui.shell import state

_ASSETS = Path(__file__).parents[3] / "assets"


@st.cache_resource(show_spinner=False)
def component(script: str) -> Callable[..., object]:
    """Return a script, by its name without ending, as a component; calling it draws it."""
    code = (_ASSETS / f"{script}.js").read_text(encoding="utf-8")
    return v2.component(f"tierscope_{script}", html="<span></span>", js=code)


def session() -> str:
    """Return a word for this session of the server: a tab that slept comes back to another one.

    What a script holds of what the server knows is void then.
    """
    if state.get(state.SESSION_WORD) is None:
        state.put(state.SESSION_WORD, secrets.token_hex(8))
    return state.get(state.SESSION_WORD) or ""
