"""Tiers: where do I cut? The score's distribution, movable cut-offs, what they do, frozen cohorts."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from curation import overrides
from curation.workspace import ROLES, Role, Workspace
from pages.ui import (
    cutoff_plot,
    example_form,
    frame,
    ground,
    progress,
    state,
    text,
    tier_cut,
    tier_parts,
    tier_warnings,
)
from pages.ui.cutoff_axis import Lines
from pages.ui.ground import Ground, Sorted


def body(workspace: Workspace) -> None:
    """Draw the page."""
    progress.background_note(workspace, workspace.scores_path)
    roles = [role for role in ROLES if ground.has_scores(workspace, role)]
    if not roles:
        frame.nothing_yet(
            "No scan is scored yet.",
            "Tiers are cut from the distortion score. Start the scoring on the page Cohort.",
            "cohort",
        )
        example_form.offer(workspace)
        return
    _workbench(workspace, roles)


@st.fragment
def _workbench(workspace: Workspace, roles: list[Role]) -> None:
    """Draw all that follows a moved cut-off; nothing else of the page runs then."""
    with frame.in_words():
        scans = ground.of(workspace, _choose_role(roles))
        rule, _ = state.rule()
        state.keep_one_of(state.SITE, [None, *scans.sites, *rule.by_site])
        sorted_ = ground.sort(scans, rule, overrides.standing(workspace))
        _plot(scans, sorted_)
        _say_by_hand(sorted_)
        tier_warnings.show(scans, sorted_)
        tier_parts.show(workspace, scans, sorted_)


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


def _plot(scans: Ground, sorted_: Sorted) -> None:
    column = sorted_.rule.column
    bins, held = ground.bins(scans, sorted_)
    site = state.get(state.SITE)
    lines = ground.lines(scans, sorted_, held, site if site in scans.sites else None)
    marked = ground.open_scan(scans, state.get(state.SCAN), column)
    cutoff_plot.show(
        bins, lines, lambda moved: _take(moved, lines), marked=marked, heard=state.get(state.HEARD)
    )
    said = ["Drag a line, or choose it and press an arrow key (with Shift: ten steps)."]
    if left_out := cutoff_plot.sites_left_out(bins):
        rest = text.plural(left_out, "smaller site")
        said.append(f"{rest} without a row; all scans are in the histogram.")
    if marked:
        name, value = text.escape(marked[0]), text.measured(sorted_.rule.measure, marked[1])
        said.append(f"▲ {name}, the scan that is open on Review: {value}.")
    st.caption(" ".join(said))


def _take(moved: Mapping[str, Any], lines: Lines) -> None:
    """Take over what the plot says of a moved line, unless something else is cut by now."""
    state.put(state.HEARD, moved["id"])
    if (moved["column"], moved["site"]) == (lines.rule.column, lines.site):
        state.set_cutoffs(lines.turned(moved["cutoffs"]), tier_cut.PART)


def _say_by_hand(sorted_: Sorted) -> None:
    if changed := len(sorted_.by_hand):
        whose = text.plural(changed, "scan has its tier", "scans have their tier")
        st.caption(f"{whose} by hand and not by the rule: see Rate, History.")


frame.show("tiers", body)
