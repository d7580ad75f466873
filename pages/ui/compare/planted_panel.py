"""What was planted in a simulated world, and what is known of its error without a network; a click away."""

from collections.abc import Mapping

import streamlit as st

from curation.storage.workspace import Workspace
from curation.wording import number
from pages.ui.compare.comparison_data import Comparison
from pages.ui.shell import formatting, html_marks
from training.world import planted
from training.world.planted import Planted


def show(workspace: Workspace, shown: Comparison) -> None:
    """Draw the panel; nothing where the pool is of no world, or another outcome is judged."""
    found = _planted(workspace, shown)
    if found is None:
        return
    with st.expander(f"Planted: {found.harm}. What is true here", icon=":material/psychiatry:"):
        st.markdown(formatting.escape(found.words))
        rows = [(words, number(years, shown.outcome.digits)) for words, years in found.rows()]
        head = ("Without a network", "Mean absolute error (years)")
        st.html(html_marks.table(head, rows, numeric=(1,)))
        st.caption(
            "Each half of the target's people is predicted by what the other half taught. The best possible "
            "error is what no image tells of age. So small a network does not reach ridge regression: the "
            "world asks whether a study finds the difference that was planted, not what tells age best. "
            "Planted is that distorted scans harm, or do not: by how many years depends on the network, too, "
            "and is not known beforehand."
        )


def known(workspace: Workspace, shown: Comparison) -> Mapping[str, float]:
    """Return the errors that are drawn beside the arms, by what they are called there; none in no world."""
    found = _planted(workspace, shown)
    if found is None:
        return {}
    values = found.truth.as_dict()
    return {words: values[name] for name, words in planted.DRAWN.items()}


def _planted(workspace: Workspace, shown: Comparison) -> Planted | None:
    first = next(iter(shown.parts.values()))
    return planted.of_cohort(workspace, first.cohort_id) if shown.outcome.is_age else None
