"""What is wrong with the rule that the fields say, at the place where it was made wrong."""

from collections.abc import Collection

import streamlit as st

from pages.ui import state, text

_STAYS = "The last good rule stays in force."


def at(part: str) -> None:
    """Say it here, if it was made wrong here."""
    _, problem = state.rule()
    if problem and state.problem_part() == part:
        st.error(f"{text.escape(problem)} {text.escape(_STAYS)}")


def elsewhere(shown: Collection[str]) -> None:
    """Say it below the plot, if the part where it was made wrong is not on the screen.

    Parameters
    ----------
    shown : collection of str
        The parts that are on the screen.
    """
    _, problem = state.rule()
    if problem and state.problem_part() not in shown:
        st.error(f"{text.escape(problem)} {text.escape(_STAYS)}")
