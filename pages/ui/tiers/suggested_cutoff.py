"""On Tiers: the cut-off that ratings suggest, taken over by one click."""

import streamlit as st

from curation.sessions import suggested_cutoff
from curation.sessions.suggested_cutoff import Suggestion
from curation.storage.workspace import Workspace
from curation.tiers.rule_columns import SCORE
from pages.ui.rate import cutoff_panel
from pages.ui.shell import formatting, state


def show(workspace: Workspace) -> None:
    """Draw the suggestion that was passed on last, if there is one."""
    suggestion = suggested_cutoff.latest_suggestion(workspace)
    if suggestion is None:
        return
    with st.container(border=True, key="suggested"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**Raters suggest: exclude from a score of {suggestion.cutoff:.1f}** "
                f"(95 %: {suggestion.low:.1f} to {suggestion.high:.1f})",
                width="stretch",
            )
            _button(suggestion)
        st.caption(_evidence(suggestion))
        for warning in suggestion.warnings:
            st.caption(f":material/warning: {formatting.escape(warning)}")


def _button(suggestion: Suggestion) -> None:
    rule, _ = state.rule()
    wanted = state.rounded(suggestion.cutoff)
    if rule.column == SCORE and rule.cutoffs[-1] == wanted:
        st.markdown(":material/check: in force", width="content")
        return
    st.button(
        f"Take it over: {rule.names[-1]} begins at {wanted:g}",
        on_click=state.take_over,
        args=(suggestion.cutoff,),
        type="primary",
    )


def _evidence(suggestion: Suggestion) -> str:
    ceiling = suggestion.ceiling_kappa
    among = "" if ceiling is None else f" (raters among each other {ceiling:.2f})"
    said = (
        f"It finds {100 * suggestion.sensitivity:.0f} % of the bad scans and keeps "
        f"{100 * suggestion.specificity:.0f} % of the good ones, where "
        f"{cutoff_panel.cost_in_words(suggestion.cost_ratio)}; κ {suggestion.kappa:.2f}{among}."
    )
    return f"{formatting.escape(said)} {cutoff_panel.evidence(suggestion)}"
