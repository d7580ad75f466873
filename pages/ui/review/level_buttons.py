"""Buttons of a rating scale's levels with their digits, the same on Review and in a rating session."""

from collections.abc import Callable

import streamlit as st

from curation.ratings.scales import Scale
from pages.ui.shell import formatting


def level_keys(scale: Scale) -> dict[float, str]:
    """Return the digit of each level: its value where all are digits, else 1 for the best and so on."""
    values = list(scale.values)
    if all(value in range(10) for value in values):
        return {value: f"{value:.0f}" for value in values}
    return {value: str(place % 10) for place, value in enumerate(values, 1)}


def show(
    scale: Scale, chosen: float | None, on_choice: Callable[[float], None], place: str
) -> None:
    """Draw the buttons in a row; nothing is preselected.

    Parameters
    ----------
    scale : Scale
        Whose levels.
    chosen : float or None
        The level that looks chosen.
    on_choice : callable
        Called with the level of the button that was pressed.
    place : str
        Tells these buttons from those for another scan.
    """
    digits = level_keys(scale)
    with st.container(horizontal=True, key="levels", gap="small"):
        for value, word in scale.values.items():
            st.button(
                formatting.escape(word),
                key=f"level-{place}-{value:g}",
                shortcut=digits[value],
                type="primary" if chosen == value else "secondary",
                on_click=on_choice,
                args=(value,),
            )
