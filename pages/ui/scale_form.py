"""Adding the study's own rating scale."""

import streamlit as st

from curation.errors import RatingError
from curation.scales import Scale, add_scale
from curation.workspace import Workspace, slug
from pages.ui import frame, state, text

_HIGHER = "The best has the highest number"


def show_scale_form(workspace: Workspace) -> None:
    """Draw the form."""
    with st.expander("Add the study's own scale"), st.form("own-scale", border=False):
        st.caption(
            "One level a line, best first; the last one excludes a scan. A scale cannot be changed once it "
            "is added, because ratings are read by it."
        )
        label = st.text_input("Name of the scale", max_chars=50)
        lines = st.text_area("Levels", placeholder="good\nusable\nexclude", max_chars=600)
        source = st.text_input("Where it comes from (optional)", max_chars=300)
        order = st.radio("Numbers", [_HIGHER, "The best has the lowest number"], horizontal=True)
        if st.form_submit_button("Add the scale"):
            with frame.in_words():
                scale = made(label, lines, source, higher=order == _HIGHER)
                add_scale(workspace, scale)
                state.put(state.PENDING_SCALE, scale.name)
                st.toast(f"Scale {text.escape(label)} added.", icon=":material/check:")
                st.rerun()


def made(label: str, lines: str, source: str, *, higher: bool) -> Scale:
    """Make a scale from what was typed: levels are numbered from 1.

    Raises
    ------
    RatingError
        Without a name.
    """
    words = [line.strip() for line in lines.splitlines() if line.strip()]
    if not label.strip():
        raise RatingError("Name the scale.")
    numbers = range(len(words), 0, -1) if higher else range(1, len(words) + 1)
    values = {float(number): word for number, word in zip(numbers, words, strict=True)}
    return Scale(
        slug(label), label, values, "higher is better" if higher else "higher is worse", source
    )
