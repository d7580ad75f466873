"""Choice of the pretraining objective in the form for a new study."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from curation.errors import StudyError
from pages.ui.shell import formatting, state
from training.settings import objectives
from training.settings.objectives import OBJECTIVES
from training.settings.preset import Preset

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


def usable(preset: Preset, overrides: Mapping[str, Any]) -> Preset | None:
    """Return the changed preset, with a doubt about it drawn; none, with the reason, where it cannot be."""
    try:
        changed = preset.changed(overrides)
    except StudyError as error:
        st.warning(formatting.escape(str(error)), icon=":material/warning:")
        return None
    if words := objectives.doubt(changed.objective, changed.pretrain_batch):
        st.warning(formatting.escape(words), icon=":material/warning:")
    return changed
