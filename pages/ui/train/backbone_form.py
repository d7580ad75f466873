"""Choice of the backbone in the form for a new study."""

import streamlit as st

from pages.ui.shell import state
from training.settings.backbones import BACKBONES

#: The one that presets are written for.
USUAL = next(iter(BACKBONES))


def choose() -> str:
    """Draw the choice, and return the name of the backbone."""
    name = st.segmented_control(
        "Backbone",
        list(BACKBONES),
        default=USUAL,
        key=state.BACKBONE,
        required=True,
        format_func=lambda name: BACKBONES[name].label,
    )
    meaning = BACKBONES[name].meaning
    st.caption(
        f"{meaning[0].upper()}{meaning[1:]}. To compare backbones, plan a study of each with the same "
        "cohorts, seeds and folds: Compare sets their arms side by side."
    )
    return name
