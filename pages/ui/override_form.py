"""A tier that a person gives to one scan against the rule; never without a reason."""

import pandas as pd
import streamlit as st

from curation import overrides
from curation.rating_rows import MAX_COMMENT, MAX_RATER
from curation.workspace import Workspace
from pages.ui import frame, marks, state, text
from pages.ui.marks import Cell

_BY_RULE = "by the rule"


def show(workspace: Workspace, scan_id: str) -> None:
    """Draw what was decided for a scan, and the form for another decision."""
    decided = overrides.list_overrides(workspace, scan_id)
    tier = None if decided.empty else decided["tier"].iloc[-1]
    with st.expander(f"Tier by hand: {tier}" if tier else "Give it a tier by hand"):
        st.caption(
            "For a scan that the score judges wrongly. The decision stands in the history with its reason; "
            "the score and the rule stay as they are."
        )
        _override_form(workspace, scan_id, len(decided))
        _past_overrides(decided)


def _override_form(workspace: Workspace, scan_id: str, count: int) -> None:
    rule, _ = state.rule()
    with st.form(f"override-{scan_id}-{count}", border=False):
        tier = st.radio("Tier", [*rule.tiers, _BY_RULE], index=None, horizontal=True)
        author = st.text_input(
            "Who decides", value=state.get(state.PERSON, ""), max_chars=MAX_RATER
        )
        reason = st.text_input("Reason", max_chars=MAX_COMMENT, placeholder="what the score misses")
        sent = st.form_submit_button("Decide")
    if not sent:
        return
    if tier is None:
        st.error("Choose a tier first; none is chosen for you.")
        return
    with frame.in_words():
        overrides.override(workspace, scan_id, author, None if tier == _BY_RULE else tier, reason)
        state.put(state.PERSON, author.strip())
        st.toast("Decision saved.", icon=":material/check:")
        st.rerun()


def _past_overrides(decided: pd.DataFrame) -> None:
    if decided.empty:
        return
    rows = [
        (
            text.moment(row.at),
            row.author,
            Cell(marks.tier_chip(row.tier)) if row.tier else _BY_RULE,
            row.reason,
        )
        for row in decided.iloc[::-1].itertuples()
    ]
    st.html(marks.table(("When (UTC)", "Who", "Tier", "Reason"), rows))
