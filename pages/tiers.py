"""Page Tiers (where do I cut?): distribution of the score, movable cut-offs, consequences, frozen cohorts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from curation.storage.workspace import ROLES, Role, Workspace
from curation.tiers import overrides
from curation.wording import plural
from pages.ui.cohort import source_form
from pages.ui.explore import explore_plots
from pages.ui.scan_table import rule_in_address, scan_arrays, tried_rule
from pages.ui.scan_table.cutoff_axis import Lines
from pages.ui.scan_table.scan_arrays import ScanTable, SortedScans
from pages.ui.shell import (
    background_tasks,
    cache,
    controls,
    formatting,
    frame,
    progress,
    scan_lists,
    state,
    summaries,
)
from pages.ui.tiers import (
    cutoff_plot,
    dose_evidence,
    reference_panel,
    rule_text_panel,
    tier_cohorts,
    tier_cut,
    tier_facts,
    tier_gates,
    tier_people,
)

#: The parts below the plot, in the order of the work; one is on the screen at a time.
CUT, PEOPLE, NEAR, RULE, COHORTS, JUDGE = PARTS = (
    "Cut-offs",
    "Who is in each tier",
    "Borderline scans",
    "Rule",
    "Cohorts",
    "Scoring reference",
)
#: Part of the page -> parts of the rule whose fields it holds, see ``tried_rule.change``.
_FIELDS = {CUT: (tier_cut.PART,), RULE: (tier_gates.PART, rule_text_panel.PART)}


def body(workspace: Workspace) -> None:
    """Draw the page."""
    progress.background_note(workspace, workspace.scores_path)
    roles = [role for role in ROLES if scan_arrays.has_scores(workspace, role)]
    if not roles:
        frame.nothing_yet(
            "No scan is scored yet.",
            f"Tiers are cut from the distortion score. {background_tasks.when_scored(workspace)}",
            "cohort",
        )
        source_form.offer_example(workspace)
        return
    _workbench(workspace, roles)


@st.fragment
def _workbench(workspace: Workspace, roles: list[Role]) -> None:
    """Draw all that follows a moved cut-off; nothing else of the page runs then."""
    with frame.in_words():
        with st.container(horizontal=True, vertical_alignment="center"):
            role = scan_lists.choose_role(roles)
            st.caption(f"{formatting.role(role).partition('. ')[0]}.")
        scans = scan_arrays.read_scan_table(workspace, role)
        rule_in_address.follow()
        rule, _ = tried_rule.current()
        state.keep_one_of(state.SITE, [None, *scans.sites, *rule.by_site])
        sorted_scans = scan_arrays.sort(scans, rule, overrides.in_force(workspace))
        _plot(scans, sorted_scans)
        rule_in_address.offer_frozen(workspace)
        _say_what_counts(workspace, scans, sorted_scans)
        tier_facts.show(scans, sorted_scans, trained=role == "pool")
        _parts(workspace, scans, role, sorted_scans)


def _plot(scans: ScanTable, sorted_scans: SortedScans) -> None:
    column = sorted_scans.rule.column
    bins, held = scan_arrays.bins(scans, sorted_scans)
    site = state.get(state.SITE)
    lines = scan_arrays.lines(scans, sorted_scans, held, site if site in scans.sites else None)
    marked = scan_arrays.open_scan(scans, state.get(state.SCAN), column)
    cutoff_plot.show(
        bins, lines, lambda moved: _take(moved, lines), marked=marked, heard=state.get(state.HEARD)
    )
    texts, told = ["Drag a line, or choose it and press an arrow key (with Shift: ten steps)."], ""
    if left_out := cutoff_plot.sites_left_out(bins):
        rest = plural(left_out, "smaller site")
        texts.append(f"{rest} without a row; all scans are in the histogram.")
    if marked:
        name, told = formatting.escape(marked[0]), formatting.at_least(*marked[1:])
        value = formatting.measured(sorted_scans.rule.rule_column, *marked[1:])
        texts.append(f"▲ {name}, the scan that is open on Review: {value}.")
    st.caption(" ".join(texts), help=told or None)


def _take(moved: Mapping[str, Any], lines: Lines) -> None:
    """Set the cut-offs that the plot reports after a move, unless column or site changed meanwhile.

    The plot tells of a move again until it knows that it was heard.
    """
    if moved["id"] == state.get(state.HEARD):
        return
    state.put(state.HEARD, moved["id"])
    if (moved["column"], moved["site"]) == (lines.rule.column, lines.site):
        tried_rule.set_cutoffs(lines.turned(moved["cutoffs"]), tier_cut.PART)


_ONE_SOURCE = (
    "One cut-off treats them alike: freeze the cohort of one source (part Cohorts, Of these sources), or "
    "take the other source out on Cohort."
)


def _say_what_counts(workspace: Workspace, scans: ScanTable, sorted_scans: SortedScans) -> None:
    """Say how many scans have their tier by hand, and which ratings are not set against tiers yet."""
    if running := summaries.running_words(*cache.not_counted(workspace)):
        st.caption(formatting.escape(running))
    every = np.arange(len(scans.scans))
    if sorted_scans.rule.rule_column.is_score and (
        told := explore_plots.references_caption(scans, every)
    ):
        st.warning(formatting.escape(f"{told} {_ONE_SOURCE}"), icon=":material/balance:")
    if held := len(sorted_scans.decided):
        whose = plural(held, "scan has its tier", "scans have their tier")
        other = f"{len(sorted_scans.by_hand):,} of another tier than by the rule"
        st.caption(f"{whose} by hand (grey in the histogram), {other}: see Rate, History.")


def _parts(workspace: Workspace, scans: ScanTable, role: Role, sorted_scans: SortedScans) -> None:
    """Draw the choice of a part, and the chosen one."""
    shown = state.keep_one_of(state.TIERS_PART, PARTS)
    rule_text_panel.problem_elsewhere(_FIELDS.get(shown, ()))
    part = controls.choose_segment("Part", PARTS, key=state.TIERS_PART)
    if part == CUT:
        tier_cut.show_suggestion(workspace)
        tier_cut.show(scans, sorted_scans.rule)
        dose_evidence.show(workspace, sorted_scans.rule)
    elif part == PEOPLE:
        tier_people.show(scans, sorted_scans)
    elif part == NEAR:
        tier_people.show_near_cutoffs(scans, sorted_scans)
    elif part == RULE:
        tier_gates.show(scans, sorted_scans.rule)
        rule_text_panel.show(workspace, sorted_scans.rule)
        tier_cohorts.show_rule_comparison(workspace, scans, role, sorted_scans)
    elif part == COHORTS:
        tier_cohorts.show(workspace, scans, role, sorted_scans.rule)
    else:
        reference_panel.show(workspace, summaries.usable(cache.scored_scans(workspace)))


rule_in_address.take_from_address()
frame.show("tiers", body)
