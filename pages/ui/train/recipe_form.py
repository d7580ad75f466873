"""Choices of the pretraining objective and of the backbone in the form for a new study."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.ui.shell import state
from pages.ui.shell.state import Key
from training.settings.backbones import BACKBONES, Backbone
from training.settings.objectives import OBJECTIVES, Objective
from training.settings.preset import Preset

#: The backbone that presets are written for.
USUAL_BACKBONE = next(iter(BACKBONES))


def choose_objective(preset: Preset) -> dict[str, Any]:
    """Draw the choice, at first the preset's own, and return the fields of the preset that it changes."""
    own = preset.objective
    key = Key[str](f"{state.OBJECTIVE}-{own}")  # presets of another objective begin at theirs
    name = _choose("Pretraining objective", "objectives", OBJECTIVES, key, own)
    return {} if name == own else {"objective": name}


def choose_backbone() -> str:
    """Draw the choice, and return the name of the backbone."""
    return _choose("Backbone", "backbones", BACKBONES, state.BACKBONE, USUAL_BACKBONE)


def _choose(
    label: str,
    several: str,
    offered: Mapping[str, Objective | Backbone],
    key: Key[str],
    first: str,
) -> str:
    name = st.segmented_control(
        label,
        list(offered),
        default=first,
        key=key,
        required=True,
        format_func=lambda name: offered[name].label,
    )
    meaning = offered[name].meaning
    st.caption(
        f"{meaning[0].upper()}{meaning[1:]}. To compare {several}, plan a study of each with the same "
        "cohorts, seeds and folds: Compare sets their arms side by side."
    )
    return name
