"""Tiers: where do I cut? The score's distribution, movable cut-offs, what they do, frozen cohorts.

The parts of Tiers below the plot, in the order of the work; one is on the screen at a time.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from curation.storage.workspace import ROLES, Role, Workspace
from curation.tiers import overrides
from pages.ui.cohort import source_form
from pages.ui.scan_table import scan_arrays
from pages.ui.scan_table.cutoff_axis import Lines
from pages.ui.scan_table.scan_arrays import ScanTable, SortedScans
from pages.ui.shell import cache, formatting, frame, progress, state, summaries
from pages.ui.tiers import (
    cutoff_plot,
    reference_panel,
    rule_text_panel,
    suggested_cutoff,
    tier_cohorts,
    tier_cut,
    tier_facts,
    tier_gates,
    tier_people,
)

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


def show(workspace: Workspace, scans: ScanTable, sorted_: SortedScans) -> None:
    """Draw the choice of the parts, and the one that is chosen."""
    state.keep_one_of(state.TIERS_PART, list(PARTS))
    rule_text_panel.elsewhere(_FIELDS.get(state.get(state.TIERS_PART), ()))
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
        tier_people.show_near_cutoffs(scans, sorted_)
    elif part == RULE:
        tier_gates.show(scans, sorted_.rule)
        rule_text_panel.show(workspace, sorted_.rule)
        tier_cohorts.show_rule_comparison(workspace, scans, sorted_)
    elif part == COHORTS:
        tier_cohorts.show(workspace, scans, state.get(state.ROLE), sorted_.rule)
    else:
        reference_panel.show(workspace, summaries.usable(cache.scored_scans(workspace)))


def body(workspace: Workspace) -> None:
    """Draw the page."""
    progress.background_note(workspace, workspace.scores_path)
    roles = [role for role in ROLES if scan_arrays.has_scores(workspace, role)]
    if not roles:
        frame.nothing_yet(
            "No scan is scored yet.",
            "Tiers are cut from the distortion score. Start the scoring on the page Cohort.",
            "cohort",
        )
        source_form.offer(workspace)
        return
    _workbench(workspace, roles)


@st.fragment
def _workbench(workspace: Workspace, roles: list[Role]) -> None:
    """Draw all that follows a moved cut-off; nothing else of the page runs then."""
    with frame.in_words():
        scans = scan_arrays.of(workspace, _choose_role(roles))
        rule, _ = state.rule()
        state.keep_one_of(state.SITE, [None, *scans.sites, *rule.by_site])
        sorted_ = scan_arrays.sort(scans, rule, overrides.in_force(workspace))
        _plot(scans, sorted_)
        _say_by_hand(sorted_)
        tier_facts.show(scans, sorted_)
        show(workspace, scans, sorted_)


def _choose_role(roles: list[Role]) -> Role:
    role: Role = state.keep_one_of(state.ROLE, roles)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "Scans",
            roles,
            key=state.ROLE,
            required=True,
            label_visibility="collapsed",
            format_func=lambda r: "Pretraining pool" if r == "pool" else "Target cohort",
            persist_state="session",
        )
        st.caption(ROLES[role][:1].upper() + ROLES[role][1:])
    return role


def _plot(scans: ScanTable, sorted_: SortedScans) -> None:
    column = sorted_.rule.column
    bins, held = scan_arrays.bins(scans, sorted_)
    site = state.get(state.SITE)
    lines = scan_arrays.lines(scans, sorted_, held, site if site in scans.sites else None)
    marked = scan_arrays.open_scan(scans, state.get(state.SCAN), column)
    cutoff_plot.show(
        bins, lines, lambda moved: _take(moved, lines), marked=marked, heard=state.get(state.HEARD)
    )
    said = ["Drag a line, or choose it and press an arrow key (with Shift: ten steps)."]
    if left_out := cutoff_plot.sites_left_out(bins):
        rest = formatting.plural(left_out, "smaller site")
        said.append(f"{rest} without a row; all scans are in the histogram.")
    if marked:
        name, value = (
            formatting.escape(marked[0]),
            formatting.measured(sorted_.rule.rule_column, marked[1]),
        )
        said.append(f"▲ {name}, the scan that is open on Review: {value}.")
    st.caption(" ".join(said))


def _take(moved: Mapping[str, Any], lines: Lines) -> None:
    """Take over what the plot says of a moved line, unless something else is cut by now."""
    state.put(state.HEARD, moved["id"])
    if (moved["column"], moved["site"]) == (lines.rule.column, lines.site):
        state.set_cutoffs(lines.turned(moved["cutoffs"]), tier_cut.PART)


def _say_by_hand(sorted_: SortedScans) -> None:
    if changed := len(sorted_.by_hand):
        whose = formatting.plural(changed, "scan has its tier", "scans have their tier")
        st.caption(f"{whose} by hand and not by the rule: see Rate, History.")


frame.show("tiers", body)
