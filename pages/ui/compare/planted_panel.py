"""What was planted in a simulated world, and what is known of its error without a network; a click away."""

from collections.abc import Mapping

import streamlit as st

from curation.storage.workspace import Workspace
from curation.wording import number
from pages.ui.shell import formatting, html_marks
from training.judging.outcome import Outcome
from training.world import planted


def show(workspace: Workspace, outcome: Outcome) -> None:
    """Draw the panel; nothing where the workspace is no world, or another outcome is judged."""
    found = planted.read(workspace)
    if found is None or not outcome.is_age:
        return
    with st.expander("What was planted, and what is true"):
        st.markdown(formatting.escape(found.words))
        rows = [(words, number(years, outcome.digits)) for words, years in found.rows()]
        head = ("Without a network", "Mean absolute error (years)")
        st.html(html_marks.table(head, rows, numeric=(1,)))
        st.caption(
            "Each half of the target's people is predicted by what the other half taught. The best possible "
            "error is what no image tells of age."
        )


def known(workspace: Workspace, outcome: Outcome) -> Mapping[str, float]:
    """Return the errors that are drawn beside the arms, by what they are called there; none in no world."""
    found = planted.read(workspace)
    if found is None or not outcome.is_age:
        return {}
    values = found.truth.as_dict()
    return {words: values[name] for name, words in planted.DRAWN.items()}
