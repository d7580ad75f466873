"""Scripts that listen on a page: what streamlit's own shortcuts and buttons cannot do."""

from collections.abc import Callable

import streamlit as st
from streamlit.components import v2

from pages.ui import frame

#: The key that puts the cursor into a rating's comment; which buttons are chosen, for who hears a page.
COMMENT_KEY, PRESSED = "comment_key", "pressed"


def listen(script: str) -> None:
    """Let one of the scripts of :file:`assets/` listen while this is on the screen."""
    _component(script)(key=f"listener-{script}", height=1)


@st.cache_resource(show_spinner=False)
def _component(script: str) -> Callable[..., object]:
    code = (frame.ASSETS / f"{script}.js").read_text(encoding="utf-8")
    return v2.component(f"tierscope_{script}", html="<span></span>", js=code)
