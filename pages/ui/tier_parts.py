"""The parts of Tiers below the plot, in the order of the work; one is on the screen at a time."""

import streamlit as st

from curation.workspace import Workspace
from pages.ui import (
    cached,
    reference_panel,
    rule_problem,
    rule_text_panel,
    state,
    suggested_cutoff,
    summaries,
    tier_cohorts,
    tier_compare,
    tier_cut,
    tier_gates,
    tier_near,
    tier_people,
)
from pages.ui.ground import Ground, Sorted

CUT, PEOPLE, NEAR, RULE, COHORTS, JUDGE = PARTS = (
    "Cut-offs",
    "Who is where",
    "At the cut-offs",
    "Rule",
    "Cohorts",
    "What judges the scans",
)
#: What each part's fields are called where a rule goes wrong.
_FIELDS = {CUT: (tier_cut.PART,), RULE: (tier_gates.PART, rule_text_panel.PART)}


def show(workspace: Workspace, scans: Ground, sorted_: Sorted) -> None:
    """Draw the choice of the parts, and the one that is chosen."""
    state.keep_one_of(state.TIERS_PART, list(PARTS))
    rule_problem.elsewhere(_FIELDS.get(state.get(state.TIERS_PART), ()))
    part = st.segmented_control(
        "Part",
        PARTS,
        key=state.TIERS_PART,
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    if part == CUT:
        suggested_cutoff.show(workspace)
        tier_cut.show(scans, sorted_.rule)
    elif part == PEOPLE:
        tier_people.show(scans, sorted_)
    elif part == NEAR:
        tier_near.show_near_cutoffs(scans, sorted_)
    elif part == RULE:
        tier_gates.show(scans, sorted_.rule)
        rule_text_panel.show(workspace, sorted_.rule)
        tier_compare.show_rule_comparison(workspace, scans, sorted_)
    elif part == COHORTS:
        tier_cohorts.show(workspace, scans, state.get(state.ROLE), sorted_.rule)
    else:
        reference_panel.show(workspace, summaries.usable(cached.scored_scans(workspace)))
