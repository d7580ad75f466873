"""The key that puts the cursor into the comment of a rating: what streamlit's shortcuts cannot do."""

from collections.abc import Callable

import streamlit as st
from streamlit.components import v2

from pages.ui import frame


def listen() -> None:
    """Listen for the key while this is on the screen."""
    _component()(key="comment-key-listener", height=1)


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., object]:
    script = (frame.ASSETS / "comment_key.js").read_text(encoding="utf-8")
    return v2.component("tierscope_comment_key", html="<span></span>", js=script)
