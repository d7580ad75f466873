"""Panels of Tiers on cohorts and rules: freezing, the frozen cohorts, and the comparison of two rules."""

import pandas as pd
import streamlit as st

from curation import errors
from curation.access.actions import Action
from curation.cohorts import cohort_draft, frozen_cohort
from curation.cohorts.frozen_cohort import Cohort, CohortHeader, newest_pool
from curation.sources import duplicates
from curation.storage.workspace import Role, Workspace
from curation.tiers import assignment, overrides, rule_versions, tier_rule
from curation.tiers.assignment import Moves
from curation.tiers.rule_checks import UNUSABLE
from curation.tiers.rule_versions import same_rule, summary_line
from curation.tiers.tier_rule import TierRule
from curation.wording import plural
from pages.ui.explore import selected_scans
from pages.ui.scan_table.scan_arrays import ScanTable, SortedScans
from pages.ui.shell import cache, controls, formatting, frame, html_marks, person, state
from pages.ui.tiers import cohort_panel, flow_plot

_LISTED = 20
#: Whose rule cuts a target: the newest pool's, or that of the page.
_POOLS, _HERE = "pool", "here"
_NOW, _DEFAULT = "The rule in force", "The rule that Tierscope starts with"
_MOVED_LISTED = 500


# ---- freezing ------------------------------------------------------------------------------------


def show(workspace: Workspace, scan_table: ScanTable, role: Role, rule: TierRule) -> None:
    """Draw the form that freezes a cohort, and the frozen cohorts."""
    _freeze(workspace, scan_table, role, rule)
    headers, troubles = cache.cohort_headers(workspace)
    for trouble in troubles:  # here, as this part is also drawn by itself
        st.warning(formatting.escape(errors.in_words(trouble)))
    if headers:
        st.subheader("Frozen cohorts")
        _table(workspace, headers)
        cohort_panel.show(workspace, headers)


def _freeze(workspace: Workspace, scan_table: ScanTable, role: Role, rule: TierRule) -> None:
    st.subheader("Freeze a cohort")
    st.caption(
        "A frozen cohort is a named list of these scans with their tiers, hashes and the rule. It does "
        "not change when you move a cut-off later; studies are trained on frozen cohorts only."
    )
    if not person.may(Action.FREEZE):
        return
    with st.form("freeze", border=True):
        by = _rule(workspace, rule) if role == "target" else rule
        sources = _sources(scan_table)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input("Name", value=role, max_chars=60)
            author = person.field("Who decides")
            images_only = _images_only(scan_table)
            sent = st.form_submit_button(f"Freeze this {role} cohort", type="primary")
    if sent:
        with frame.in_words():
            draft = cohort_draft.draft_cohort(
                workspace, role, by, images_only=images_only, sources=sources
            )
            cohort = frozen_cohort.freeze_draft(workspace, draft, name=name, author=author)
            _say_frozen(cohort, author)
            for note in duplicates.notes(workspace, set(cohort.scans["source"])):
                st.warning(formatting.escape(note), icon=":material/group:")
            if draft.doubts:
                st.warning(
                    formatting.escape(" ".join(doubt.message for doubt in draft.doubts)),
                    icon=":material/warning:",
                )


def _rule(workspace: Workspace, rule: TierRule) -> TierRule:
    """Draw the choice of the rule that cuts a target: the newest pool's, or that of this page."""
    pool = newest_pool(cache.cohort_headers(workspace)[0])
    if pool is None:
        st.caption("There is no pool cohort yet: freeze the target again by its rule later.")
        return rule
    if same_rule(pool.rule, rule):
        st.caption(formatting.escape(f"By the same rule as the newest pool cohort, {pool.id}."))
        return rule
    words = {
        _POOLS: f"As the newest pool cohort, {pool.id}: {summary_line(pool.rule)}",
        _HERE: f"As on this page: {summary_line(rule)}",
    }
    chosen = st.radio(
        "Tiers of the target",
        list(words),
        format_func=lambda key: formatting.escape(words[key]),
        help="By another rule than the pool's, the same letter is not the same quality in both.",
    )
    return pool.rule if chosen == _POOLS else rule


def _images_only(scan_table: ScanTable) -> bool:
    """Draw the choice to leave out scans without image, where there are both kinds."""
    without = int((scan_table.scans["status"] == "table").sum())
    if not 0 < without < len(scan_table.scans):
        return False
    return st.checkbox(f"Leave out {plural(without, 'scan')} without image", value=True)


def _sources(scan_table: ScanTable) -> list[str]:
    """Draw the choice of the sources whose scans are frozen, where there are several; all at first."""
    names = sorted(scan_table.scans["source"].unique())
    if len(names) < 2:
        return []
    return st.multiselect(
        "Of these sources",
        names,
        placeholder="all sources",
        help="Such as one source as the target, and another as an external cohort that is only judged on.",
    )


def _say_frozen(cohort: Cohort, author: str) -> None:
    state.put(state.PERSON, author.strip())
    state.put(state.PENDING_COHORT, cohort.id)
    st.success(formatting.escape(f"Frozen as {cohort.id}: {plural(cohort.size, 'scan')}."))
    frame.link("train", "Train on frozen cohorts")


# ---- frozen cohorts ------------------------------------------------------------------------------


def _table(workspace: Workspace, headers: list[CohortHeader]) -> None:
    rows = [
        (
            header.id,
            header.role,
            f"{header.size:,}",
            _counts_in_words(header),
            header.rule.brief(),
            "; ".join(cache.outdated(workspace, header.id)) or formatting.DASH,
            header.author,
            formatting.moment(header.created),
        )
        for header in headers[:_LISTED]
    ]
    head = (
        "Cohort",
        "Role",
        "Scans",
        "Per tier",
        "Rule",
        "Since it was frozen",
        "By",
        "When (UTC)",
    )
    st.html(html_marks.table(head, rows, numeric=(2,)))
    if len(headers) > _LISTED:
        st.caption(f"The newest {_LISTED} of {len(headers):,}; all are in the list below.")


def _counts_in_words(header: CohortHeader) -> str:
    return " · ".join(f"{tier} {count:,}" for tier, count in header.counts.items())


# ---- comparison of two rules ---------------------------------------------------------------------


def show_rule_comparison(
    workspace: Workspace, scan_table: ScanTable, role: Role, sorted_scans: SortedScans
) -> None:
    """Draw the comparison of two rules that are chosen here; a pool's cohort has its rule for targets too."""
    saved = {one.label: one for one in rule_versions.list_rules(workspace)}
    frozen = {
        f"Rule of cohort {header.id}": header.rule
        for header in cache.cohort_headers(workspace)[0]
        if header.role in ("pool", role) and not header.drawn
    }
    options = [*saved, *frozen, _DEFAULT, _NOW]
    with st.container(border=True):
        st.markdown("**Compare two rules** – who would move where")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = [
                controls.choose(st.selectbox, label, options, key=key, first=first, width=330)
                for label, key, first in (
                    ("From", state.BEFORE, options[0]),
                    ("To", state.AFTER, _NOW),
                )
            ]
        known = {_NOW: sorted_scans.rule, _DEFAULT: tier_rule.DEFAULT_RULE, **frozen}
        with frame.in_words():
            before, after = (known.get(one) or saved[one].rule for one in chosen)
            _moves(scan_table, before, after)


def _moves(scan_table: ScanTable, before: TierRule, after: TierRule) -> None:
    decisions = overrides.in_force(scan_table.workspace)
    arrays = scan_table.arrays([*before.columns, *after.columns])
    moves = assignment.compare(before, after, arrays, decisions)
    if not len(moves.moved):
        st.caption(f"Nobody moves: all {plural(moves.stayed, 'scan')} stay in their tier.")
        return
    st.caption(
        f"{plural(len(moves.moved), 'scan moves', 'scans move')} to another tier, "
        f"{moves.stayed:,} stay. Click a flow to see its scans."
    )
    if gates := _left_out_by(before, after):
        st.caption(formatting.escape(gates))
    colours = tier_rule.colours(before), tier_rule.colours(after)
    flow_plot.show(moves.table, *colours, lambda *flow: state.put(state.MOVE, list(flow)))
    _scans(scan_table, moves, colours[0] | colours[1])


def _left_out_by(*rules: TierRule) -> str:
    """Say which gates of some rules leave scans out, so that ``unusable`` is no judgement of the image."""
    gates = {gate.describe() for rule in rules for gate in rule.gates if gate.tier == UNUSABLE}
    if not gates:
        return ""
    return f"“{UNUSABLE.capitalize()}” is what a gate leaves out of the study: {'; '.join(sorted(gates))}."


def _scans(scan_table: ScanTable, moves: Moves, colours: dict[str, str]) -> None:
    """List the scans of one move."""
    flows = moves.moved.groupby(["before", "after"], sort=False).size().sort_values(ascending=False)
    options = [list(flow) for flow in flows.index]
    chosen = state.keep_one_of(state.MOVE, options)
    st.selectbox(
        "Scans that move",
        options,
        key=state.MOVE,
        width=330,
        format_func=lambda flow: f"{flow[0]} → {flow[1]}: {flows[tuple(flow)]:,}",
    )
    ids = moves.scan_ids(*chosen)
    table = pd.DataFrame({"scan_id": ids[:_MOVED_LISTED]}).merge(scan_table.scans, on="scan_id")
    st.html(" → ".join(html_marks.tier_chip(tier, colours[tier]) for tier in chosen))
    event = st.dataframe(
        table[["scan_id", "distortion_score", "site", "age_years"]],
        hide_index=True,
        placeholder=formatting.DASH,
        height=240,
        on_select="rerun",
        selection_mode="single-row",
        key=controls.table_key("moved-scans", table["scan_id"]),
        alt="The scans of the move that is chosen",
        column_config={
            "scan_id": "Scan",
            "distortion_score": st.column_config.NumberColumn(
                "Distortion score", format=formatting.SCORE_COLUMN
            ),
            "site": "Site",
            "age_years": st.column_config.NumberColumn("Age (years)", format="%.1f"),
        },
    )
    if len(ids) > _MOVED_LISTED:
        st.caption(f"The first {_MOVED_LISTED} of {len(ids):,}.")
    moving = scan_table.scores.scan_ids.isin(ids)
    label = f"See {'these' if len(ids) > 1 else 'this'} {plural(len(ids), 'scan')} on Explore"
    selected_scans.offer(scan_table, label, moving, key="see-moves")
    if rows := event.selection.rows:
        scan = table["scan_id"].iloc[rows[0]]
        if st.button(formatting.escape(f"Look at {scan} on Review"), icon=":material/visibility:"):
            state.put(state.PENDING_SCAN, scan)
            frame.open_page("review")
