"""Choice of the pretraining objective in the form for a new study."""

from typing import Any

import streamlit as st

from pages.ui.shell import state
from training.settings.objectives import OBJECTIVES

_USUAL = next(iter(OBJECTIVES))


def choose() -> dict[str, Any]:
    """Draw the choice, and return the fields of the preset that it changes: none for the usual one."""
    name = st.segmented_control(
        "Pretraining objective",
        list(OBJECTIVES),
        default=_USUAL,
        key=state.OBJECTIVE,
        required=True,
        format_func=lambda name: OBJECTIVES[name].label,
    )
    meaning = OBJECTIVES[name].meaning
    st.caption(
        f"{meaning[0].upper()}{meaning[1:]}. To compare objectives, plan a study of each with the same "
        "cohorts, seeds and folds: Compare sets their arms side by side."
    )
    return {} if name == _USUAL else {"objective": name}
